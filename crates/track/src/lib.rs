//! Who gets what: the handles, memberships and counters of tracks, whatever their unit is.
//!
//! A track has one or more sources, many sinks, and a home shard that is fixed when it opens. The
//! home orders what the sources bring; every other shard with sinks gets one ordered feed from it.
//! Nothing here does I/O or knows what an object or a packet looks like.

mod counters;
mod ids;
mod members;

pub use counters::{Counter, Counters};
pub use ids::{
    FetchId, Handles, RtcSessionId, ScopeId, SessionId, ShardId, SinkId, SourceId, TrackId,
    UNCLAIMED,
};
pub use members::Members;

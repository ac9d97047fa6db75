//! What shards tell each other about tracks.
//!
//! The home of a track merges what its sources bring and feeds every shard that has sinks, in one
//! order. Steps carry bytes by reference; the shard that receives them copies them once.

use bytes::Bytes;
use track::{FetchId, ShardId, SourceId, TrackId};

use crate::framing::location::Location;
use crate::framing::subgroup::Mark;
use crate::relay::command::FetchRange;
use crate::relay::event::FetchStatus;
use crate::relay::fetching::{FetchCursor, Part};
use crate::relay::log::{LogHeader, LogKey, LogState};

/// One thing that happened to a subgroup.
#[derive(Debug)]
pub enum Step {
    /// It begins.
    Open(StepHeader),
    /// It grows: whole object headers, and payload up to the end of the bytes.
    Run(Bytes, Vec<Mark>),
    /// It ends, whole or cut short.
    End {
        /// Whether all of it came.
        finished: bool,
    },
}

/// What [`Step::Open`] says of the subgroup.
#[derive(Clone, Copy, Debug)]
pub struct StepHeader(pub(crate) LogHeader);

/// Names the subgroup of a step.
#[derive(Clone, Copy, Debug)]
pub struct StepKey(pub(crate) LogKey);

/// A subgroup as the home holds it when a feed starts.
#[derive(Debug)]
pub struct Snapshot {
    pub(crate) key: LogKey,
    pub(crate) header: LogHeader,
    pub(crate) state: LogState,
    pub(crate) runs: Vec<Bytes>,
    pub(crate) marks: Vec<Mark>,
}

/// A message from shard to shard.
#[derive(Debug)]
pub enum Letter {
    /// To the home: feed me.
    FeedWanted {
        /// The track.
        track: TrackId,
    },
    /// To the home: feed me no more.
    FeedUnwanted {
        /// The track.
        track: TrackId,
    },
    /// From the home: the feed starts here, or starts again after letters were lost.
    FeedStart {
        /// The track.
        track: TrackId,
        /// The largest object so far.
        largest: Option<Location>,
        /// The track's default priority.
        priority: u8,
        /// The subgroups that a sink may still join.
        logs: Vec<Snapshot>,
    },
    /// From the home: the next step of the feed.
    Fed {
        /// The track.
        track: TrackId,
        /// The subgroup.
        key: StepKey,
        /// What happened to it.
        step: Step,
    },
    /// From the home: the track's default priority changed.
    Priority {
        /// The track.
        track: TrackId,
        /// The priority.
        priority: u8,
    },
    /// From the home: the track is gone.
    TrackClosed {
        /// The track.
        track: TrackId,
    },
    /// To the home: a source on my shard brought this.
    Brought {
        /// The track.
        track: TrackId,
        /// The source.
        source: SourceId,
        /// Which of its streams: a number that no other stream has.
        feeder: u64,
        /// What that stream's own header said.
        header: StepHeader,
        /// The subgroup.
        key: StepKey,
        /// What happened to it.
        step: Step,
    },
    /// To the home: a source on my shard feeds the track from now on.
    SourceJoined {
        /// The track.
        track: TrackId,
        /// The source.
        source: SourceId,
    },
    /// To the home: a source on my shard is gone.
    SourceLeft {
        /// The track.
        track: TrackId,
        /// The source.
        source: SourceId,
    },
    /// From the home: the source broke the track's rules.
    SourceMalformed {
        /// The source.
        source: SourceId,
    },
    /// To the home: the next part of a range, please.
    FetchWanted {
        /// The fetch.
        fetch: FetchId,
        /// The track.
        track: TrackId,
        /// The range.
        range: FetchRange,
        /// Where to go on; `None` asks whether the range can be served at all.
        cursor: Option<FetchCursor>,
    },
    /// From the home: whether the range can be served.
    FetchOpened {
        /// The fetch.
        fetch: FetchId,
        /// What the cache has.
        status: FetchStatus,
        /// The first that could be said of the range is that something of it is unknown.
        begins_unknown: bool,
        /// The range reaches the end of the track.
        end_of_track: bool,
        /// FETCH_OK's End Location.
        end: Location,
    },
    /// From the home: the next part of a range.
    FetchParts {
        /// The fetch.
        fetch: FetchId,
        /// Objects and marks, in order.
        parts: Vec<Part>,
        /// Where to go on; `None`: that was all.
        next: Option<FetchCursor>,
    },
    /// A datagram of a connection that lives on the other shard.
    Handover(Box<shard::Datagram>),
}

/// A letter and where it goes.
pub type Addressed = (ShardId, Letter);

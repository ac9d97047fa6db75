//! What a shard's MoQ half tells Python; the stub of the Python module says what each event means.

use bytes::Bytes;
use track::{FetchId, SessionId, SinkId, SourceId, TrackId};

use crate::carrier::Incoming;
use crate::framing::location::Location;
use crate::relay::command::ControlStream;

/// Why a sink has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DrainReason {
    /// Python asked for it.
    Ended,
    /// The filter's end has passed.
    Range,
    /// The subscriber stayed behind for too long.
    TooFarBehind,
    /// The track broke MoQT's rules in a way that its draft cannot carry.
    Malformed,
}

/// What the cache has of a fetched range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FetchStatus {
    /// Something to send, or marks for what is unknown.
    Ok,
    /// The range lies beyond the largest object.
    InvalidRange,
    /// The range is known to be empty.
    NoObjects,
    /// Nothing is known, and the session's draft cannot say so on the stream.
    Unknown,
}

/// An event.
#[derive(Debug)]
#[allow(
    missing_docs,
    reason = "the variants mirror the classes documented in _engine.pyi"
)]
pub enum Event {
    Incoming {
        session: SessionId,
        incoming: Box<Incoming>,
    },
    Connected {
        session: SessionId,
        protocol: String,
    },
    StreamBytes {
        session: SessionId,
        stream: ControlStream,
        data: Bytes,
        fin: bool,
    },
    StreamReset {
        session: SessionId,
        stream: ControlStream,
        code: u64,
    },
    StreamStopped {
        session: SessionId,
        stream: ControlStream,
        code: u64,
    },
    Closed {
        session: SessionId,
        code: Option<u64>,
        reason: String,
        remote: bool,
    },
    SinkAttached {
        sink: SinkId,
        largest: Option<Location>,
        valid: bool,
    },
    SinkDrained {
        sink: SinkId,
        streams: u64,
        reason: DrainReason,
    },
    SourceEnded {
        source: SourceId,
    },
    Malformed {
        track: TrackId,
        source: SourceId,
        reason: String,
    },
    TrackState {
        track: TrackId,
        query: u64,
        largest: Option<Location>,
    },
    GroupReached {
        track: TrackId,
        group: u64,
    },
    FetchAnswer {
        fetch: FetchId,
        status: FetchStatus,
        end_of_track: bool,
        end: Location,
    },
    FetchDone {
        fetch: FetchId,
        complete: bool,
    },
    Stopped,
}

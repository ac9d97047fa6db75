//! What Python asks of a shard's MoQ half. Nothing answers at once: answers are events.

use std::time::Duration;

use bytes::Bytes;
use track::{FetchId, ScopeId, SessionId, ShardId, SinkId, SourceId, TrackId};

use crate::carrier::{Dial, ServerTls};
use crate::framing::location::Location;

/// A stream of control bytes: the QUIC stream id for streams that the peer opened, a handle for ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ControlStream(pub u64);

/// Where a subscription starts (draft-16 §5.1.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// At the group after the largest.
    NextGroup,
    /// At the object after the largest.
    Largest,
    /// At this location; of what lies before it is asked, only the current group is still sent.
    Absolute(Location),
}

/// How a subscription is served.
#[derive(Clone, Debug)]
pub struct SinkOptions {
    /// The alias in the subscriber's data streams.
    pub alias: u64,
    /// Where it starts.
    pub start: Start,
    /// The last group that is sent.
    pub end_group: Option<u64>,
    /// Whether objects are sent at all.
    pub forward: bool,
    /// Subscriber priority, lower first.
    pub priority: u8,
    /// Newer groups before older ones.
    pub descending: bool,
    /// Objects older than this are given up.
    pub delivery_timeout: Option<Duration>,
}

/// What changes of a subscription; `None` stays as it is.
#[derive(Clone, Debug, Default)]
pub struct SinkChange {
    /// A new first location.
    pub start: Option<Location>,
    /// A new last group; `Some(None)` removes it.
    pub end_group: Option<Option<u64>>,
    /// Whether objects are sent.
    pub forward: Option<bool>,
    /// Subscriber priority.
    pub priority: Option<u8>,
    /// Delivery timeout.
    pub delivery_timeout: Option<Duration>,
}

/// A range of a track, as FETCH writes it: object 0 at the end means the whole end group.
#[derive(Clone, Copy, Debug)]
pub struct FetchRange {
    /// The first object.
    pub start: Location,
    /// One past the last.
    pub end: Location,
    /// Newer groups before older ones.
    pub descending: bool,
    /// Subscriber priority, lower first.
    pub priority: u8,
}

/// A command; the stub of the Python module says what each one means.
#[allow(
    missing_docs,
    reason = "the variants mirror the methods documented in _engine.pyi"
)]
pub enum Command {
    SetTls {
        tls: ServerTls,
    },
    Shutdown {
        code: u64,
        reason: String,
        deadline: Duration,
    },
    Connect {
        session: SessionId,
        dial: Box<Dial>,
    },
    Accept {
        session: SessionId,
        protocol: Option<String>,
    },
    Refuse {
        session: SessionId,
        status: u16,
    },
    SetDraft {
        session: SessionId,
        draft: u8,
    },
    Close {
        session: SessionId,
        code: u64,
        reason: String,
    },
    OpenStream {
        session: SessionId,
        stream: ControlStream,
        bidirectional: bool,
    },
    Send {
        session: SessionId,
        stream: ControlStream,
        data: Bytes,
        fin: bool,
    },
    ResetStream {
        session: SessionId,
        stream: ControlStream,
        code: u64,
    },
    StopStream {
        session: SessionId,
        stream: ControlStream,
        code: u64,
    },
    OpenTrack {
        track: TrackId,
        scope: ScopeId,
    },
    UpdateTrack {
        track: TrackId,
        priority: Option<u8>,
        max_cache: Option<Duration>,
        largest: Option<Location>,
    },
    CloseTrack {
        track: TrackId,
    },
    QueryTrack {
        track: TrackId,
        query: u64,
    },
    WatchGroup {
        track: TrackId,
        group: u64,
    },
    AttachSource {
        source: SourceId,
        track: TrackId,
        session: SessionId,
        alias: u64,
    },
    EndSource {
        source: SourceId,
        streams: Option<u64>,
        deadline: Duration,
    },
    DetachSource {
        source: SourceId,
    },
    AttachSink {
        sink: SinkId,
        track: TrackId,
        session: SessionId,
        options: Box<SinkOptions>,
    },
    StartSink {
        sink: SinkId,
        stream: ControlStream,
        reply: Bytes,
    },
    UpdateSink {
        sink: SinkId,
        change: Box<SinkChange>,
    },
    EndSink {
        sink: SinkId,
    },
    DetachSink {
        sink: SinkId,
    },
    Fetch {
        fetch: FetchId,
        track: TrackId,
        session: SessionId,
        request_id: u64,
        range: FetchRange,
    },
    StartFetch {
        fetch: FetchId,
        stream: ControlStream,
        reply: Bytes,
    },
    CancelFetch {
        fetch: FetchId,
    },
}

impl Command {
    /// The shard that carries it out; `None`: every shard does.
    pub fn shard(&self) -> Option<ShardId> {
        match self {
            Self::SetTls { .. } | Self::Shutdown { .. } => None,
            Self::Connect { session, .. }
            | Self::Accept { session, .. }
            | Self::Refuse { session, .. }
            | Self::SetDraft { session, .. }
            | Self::Close { session, .. }
            | Self::OpenStream { session, .. }
            | Self::Send { session, .. }
            | Self::ResetStream { session, .. }
            | Self::StopStream { session, .. } => Some(session.shard()),
            Self::OpenTrack { track, .. }
            | Self::UpdateTrack { track, .. }
            | Self::CloseTrack { track }
            | Self::QueryTrack { track, .. }
            | Self::WatchGroup { track, .. } => Some(track.shard()),
            Self::AttachSource { source, .. }
            | Self::EndSource { source, .. }
            | Self::DetachSource { source } => Some(source.shard()),
            Self::AttachSink { sink, .. }
            | Self::StartSink { sink, .. }
            | Self::UpdateSink { sink, .. }
            | Self::EndSink { sink }
            | Self::DetachSink { sink } => Some(sink.shard()),
            Self::Fetch { fetch, .. }
            | Self::StartFetch { fetch, .. }
            | Self::CancelFetch { fetch } => Some(fetch.shard()),
        }
    }
}

//! What the WebRTC half tells Python. The events of one session come in order; `Closed` is its last.

use track::{RtcSessionId, TrackId};

/// Why nothing reaches a session any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lost {
    /// Nothing authentic came for the limit's time.
    Silent,
    /// The peer closed its DTLS association, and began no new one.
    CloseNotify,
    /// The peer's certificate is not the one of its fingerprint.
    Fingerprint,
    /// The handshake failed.
    Handshake,
}

/// An event; the stub of the Python module says what each one means.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(
    missing_docs,
    reason = "the variants mirror the classes documented in _engine.pyi"
)]
pub enum Event {
    Connected {
        session: RtcSessionId,
    },
    Disconnected {
        session: RtcSessionId,
        reason: Lost,
    },
    Closed {
        session: RtcSessionId,
    },
    TrackFlowing {
        session: RtcSessionId,
        track: TrackId,
    },
    TrackSilent {
        session: RtcSessionId,
        track: TrackId,
    },
    /// The shard has ended every session.
    Stopped,
}

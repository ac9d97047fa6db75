//! What Python asks of the WebRTC half. Nothing answers at once: answers are events.

use std::time::Duration;

use rtp::codec::Codec;
use rtp::extensions::ExtensionNumber;
use track::{RtcSessionId, ShardId, SinkId, TrackId};

/// Our half of a session's ICE credentials (RFC 8839 §5.4).
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// `ice-ufrag`: what a binding request's username begins with.
    pub ufrag: String,
    /// `ice-pwd`: the key of its integrity. Never logged.
    pub pwd: String,
}

/// What the peer's description says of its transport.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remote {
    /// The hash function of the fingerprint, as SDP names it: `sha-256`.
    pub algorithm: String,
    /// The fingerprint of the peer's certificate.
    pub fingerprint: Vec<u8>,
    /// We begin the DTLS handshake: the peer is `a=setup:passive`.
    pub dtls_client: bool,
    /// An `m=application` section was negotiated, with this SCTP port of the peer.
    pub sctp_port: Option<u16>,
}

/// One payload type of a publisher's track.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PayloadType {
    /// As the publisher sends it.
    pub pt: u8,
    /// What it carries.
    pub codec: Codec,
    /// RTP timestamp units a second.
    pub clock_rate: u32,
    /// The publisher's retransmissions of it.
    pub rtx: Option<u8>,
    /// The publisher takes NACKs for it.
    pub nack: bool,
}

/// One encoding of a publisher's track: its only one, or a simulcast layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Encoding {
    /// Its restriction id; empty without simulcast.
    pub rid: String,
    /// Its SSRC, where SDP names it; else the packets' MID and RID tell.
    pub ssrc: Option<u32>,
    /// The SSRC of its retransmissions, where SDP names it.
    pub rtx_ssrc: Option<u32>,
}

/// A track as its publisher negotiated it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrackOptions {
    /// The section that carries it.
    pub mid: String,
    /// Video, where frames, key frames and layers matter; else audio.
    pub video: bool,
    /// What may come.
    pub payload_types: Vec<PayloadType>,
    /// In the order of the description.
    pub encodings: Vec<Encoding>,
    /// A track without a packet for so long is silent.
    pub silent: Duration,
}

/// A payload type of the publisher as one subscriber knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mapping {
    /// As the publisher sends it.
    pub from: u8,
    /// As the subscriber gets it.
    pub to: u8,
    /// The subscriber's retransmissions of it.
    pub rtx: Option<u8>,
}

/// How a track is sent to a subscriber.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SinkOptions {
    /// The section of the subscriber that carries it.
    pub mid: String,
    /// What we send with.
    pub ssrc: u32,
    /// What we retransmit with, where RTX was negotiated.
    pub rtx_ssrc: Option<u32>,
    /// The same for all tracks of one publisher session, so that receivers synchronize them.
    pub cname: String,
    /// Payload types that are not listed are not forwarded.
    pub mappings: Vec<Mapping>,
    /// Which encodings are wanted, by rid, most wanted first: the first that arrives is sent. Empty: any.
    pub layers: Vec<String>,
}

/// What changes of a sink; `None` stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SinkChange {
    /// Another track, and the shard of its publisher.
    pub track: Option<(TrackId, ShardId)>,
    /// The payload types of that track.
    pub mappings: Option<Vec<Mapping>>,
    /// Which encodings are wanted.
    pub layers: Option<Vec<String>>,
    /// The CNAME of another publisher.
    pub cname: Option<String>,
}

/// A command about a session, carried out by the shard that holds it. Commands for a session that no
/// shard has claimed wait in the [registry](crate::registry) and are carried out when one does.
#[derive(Clone)]
#[allow(
    missing_docs,
    reason = "the variants mirror the methods documented in _engine.pyi"
)]
pub enum Command {
    SetRemote {
        session: RtcSessionId,
        remote: Remote,
    },
    SetExtensions {
        session: RtcSessionId,
        /// Ids of the session's header extensions, and what each one is.
        extensions: Vec<(u8, ExtensionNumber)>,
    },
    OpenTrack {
        session: RtcSessionId,
        track: TrackId,
        options: Box<TrackOptions>,
    },
    UpdateTrack {
        session: RtcSessionId,
        track: TrackId,
        options: Box<TrackOptions>,
    },
    CloseTrack {
        session: RtcSessionId,
        track: TrackId,
    },
    AttachSink {
        session: RtcSessionId,
        sink: SinkId,
        track: TrackId,
        home: ShardId,
        options: Box<SinkOptions>,
    },
    UpdateSink {
        session: RtcSessionId,
        sink: SinkId,
        change: Box<SinkChange>,
    },
    DetachSink {
        session: RtcSessionId,
        sink: SinkId,
    },
    Close {
        session: RtcSessionId,
    },
    /// Ends every session of the shard.
    Shutdown,
}

impl Command {
    /// The session that it is about; `None` for one that is about a whole shard.
    pub fn session(&self) -> Option<RtcSessionId> {
        match self {
            Self::SetRemote { session, .. }
            | Self::SetExtensions { session, .. }
            | Self::OpenTrack { session, .. }
            | Self::UpdateTrack { session, .. }
            | Self::CloseTrack { session, .. }
            | Self::AttachSink { session, .. }
            | Self::UpdateSink { session, .. }
            | Self::DetachSink { session, .. }
            | Self::Close { session } => Some(*session),
            Self::Shutdown => None,
        }
    }
}

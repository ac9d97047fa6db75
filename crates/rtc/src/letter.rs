//! What shards tell each other about sessions and tracks.
//!
//! The home of a track is the shard that holds its publisher's session; it feeds every shard that has
//! sinks of it. Packets travel by reference, and the shard that gets one keeps it in a history of its own.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use rtp::clock::{PublisherClock, SenderPair};
use rtp::extensions::ExtensionMap;
use rtp::layers::Layer;
use rtp::sequence::Extended;
use shard::{Datagram, Kind};
use track::{RtcSessionId, ShardId, TrackId};

use crate::command::TrackOptions;

/// A message from shard to shard.
#[derive(Debug)]
pub enum Letter {
    /// A datagram of a session that the other shard holds.
    Handover(Kind, Box<Datagram>),
    /// From the owner of a session: a request that you handed over was authentic.
    Learnt {
        /// Where the peer sent it from; what comes from there is the owner's.
        address: SocketAddr,
        /// The session.
        session: RtcSessionId,
    },
    /// A datagram that you handed over was for no session of mine.
    NotMine {
        /// Where it came from.
        address: SocketAddr,
    },
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
    /// From the home: the feed starts here, or the track was negotiated anew.
    FeedStart {
        /// The track.
        track: TrackId,
        /// As the publisher negotiated it.
        options: Arc<TrackOptions>,
        /// The publisher's ids of header extensions.
        extensions: Arc<ExtensionMap>,
    },
    /// From the home: the next packet of the feed.
    Fed {
        /// The track.
        track: TrackId,
        /// Its encoding.
        layer: Layer,
        /// Its number there.
        sequence: Extended,
        /// The packet, decrypted, with its header.
        packet: Bytes,
    },
    /// From the home: an encoding has another SSRC, and counts anew.
    Restarted {
        /// The track.
        track: TrackId,
        /// The encoding.
        layer: Layer,
    },
    /// From the home: the publisher has said what time it is.
    Clock {
        /// The track.
        track: TrackId,
        /// The encoding that its report is about.
        layer: Layer,
        /// What the report says.
        pair: SenderPair,
        /// How the publisher's clock differs from ours.
        clock: PublisherClock,
    },
    /// From the home: the track is gone.
    TrackClosed {
        /// The track.
        track: TrackId,
    },
    /// To the home: a key frame, please.
    KeyframeWanted {
        /// The track.
        track: TrackId,
        /// The encoding.
        layer: Layer,
    },
}

/// A letter and where it goes.
pub type Addressed = (ShardId, Letter);

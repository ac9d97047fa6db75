//! What shards tell each other about sessions and tracks.
//!
//! The home of a track is the shard that holds its publisher's session; it feeds every shard that has
//! sinks of it. Packets are written into a block once, whatever the number of shards; each of them
//! copies them once into a history of its own.

use std::net::SocketAddr;

use bytes::Bytes;
use shard::{Datagram, Kind};
use track::{RtcSessionId, ShardId, TrackId};

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
    /// From the home: packets in the order in which they came.
    Packets {
        /// The track.
        track: TrackId,
        /// Grows by one with each block of a feed: a gap is a block that was lost.
        count: u64,
        /// The packets.
        block: Bytes,
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
        /// Which of its encodings, in the order of the description.
        encoding: u8,
    },
}

/// A letter and where it goes.
pub type Addressed = (ShardId, Letter);

//! What a shard counts: written by its own thread only, read by any.

use std::sync::atomic::{AtomicU64, Ordering};

/// One number that only grows, or a level that its shard sets.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Adds `amount`; only the owning shard calls this, so no read-modify-write is needed.
    pub fn add(&self, amount: u64) {
        self.0.store(
            self.0.load(Ordering::Relaxed).wrapping_add(amount),
            Ordering::Relaxed,
        );
    }

    /// Sets a level.
    pub fn set(&self, level: u64) {
        self.0.store(level, Ordering::Relaxed);
    }

    /// The value now.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// The counters of one shard.
        #[derive(Debug, Default)]
        pub struct Counters {
            $($(#[$doc])* pub $name: Counter,)*
        }

        impl Counters {
            /// Every counter by its name.
            pub fn read(&self) -> Vec<(&'static str, u64)> {
                vec![$((stringify!($name), self.$name.get()),)*]
            }
        }
    };
}

counters! {
    /// Sessions that stand now.
    sessions,
    /// Tracks known to the shard now, at home or fed.
    tracks,
    /// Sinks now.
    sinks,
    /// Objects that sources brought.
    objects_in,
    /// Payload and header bytes of data streams and datagrams that sources brought.
    bytes_in,
    /// Bytes written to subscribers' data streams and datagrams.
    bytes_out,
    /// Data streams opened to subscribers.
    streams_out,
    /// Objects of a second source that the track already had.
    duplicates,
    /// Streams given up because their subscriber fell behind.
    streams_dropped,
    /// Bytes that the cache holds now.
    cache_bytes,
    /// Sinks ended because their subscriber stayed behind.
    too_far_behind,
    /// Feed items that a full ring to another shard lost.
    feed_lost,
    /// Control bytes handed to Python.
    control_bytes_in,
    /// Control bytes that Python sent.
    control_bytes_out,
    /// Events that waited because the queue to Python was full.
    events_delayed,
    /// WebRTC sessions that this shard holds now.
    rtc_sessions,
    /// WebRTC tracks known to the shard now, at home or fed.
    rtc_tracks,
    /// WebRTC sinks now.
    rtc_sinks,
    /// RTP packets of publishers that became part of a track.
    rtp_packets_in,
    /// Their bytes, without SRTP.
    rtp_bytes_in,
    /// RTP packets sent to subscribers, retransmissions apart.
    rtp_packets_out,
    /// Their bytes, with SRTP.
    rtp_bytes_out,
    /// RTP packets sent to subscribers again.
    rtp_retransmissions,
    /// Packets that publishers sent again because we had asked.
    rtp_recovered,
    /// Bytes of padding that made packets as long as their run's.
    rtp_padding_bytes,
    /// RTCP packets from either side.
    rtcp_packets_in,
    /// RTCP packets to either side.
    rtcp_packets_out,
    /// Packets that publishers were asked for again.
    nacks_out,
    /// Packets that subscribers asked for again.
    nacks_in,
    /// Key frames that publishers were asked for.
    keyframe_requests_out,
    /// Key frames that subscribers asked for.
    keyframe_requests_in,
    /// SRTP and SRTCP packets that were forged, replayed or damaged.
    srtp_failures,
    /// RTP packets that belong to no track of their session.
    rtp_unknown,
    /// RTP packets and reports that are not what they claim to be.
    rtp_malformed,
    /// RTP packets not sent because the kernel had no room.
    rtp_dropped_overload,
    /// Retransmissions not sent: asked for too often, too late, or in a time without room.
    rtp_dropped_retransmissions,
    /// RTP packets that a full ring to another shard lost.
    rtp_feed_lost,
    /// STUN, DTLS and SRTP datagrams of nobody.
    rtc_unclaimed,
}

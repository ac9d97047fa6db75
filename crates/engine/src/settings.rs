//! What an engine is started with.

use std::net::SocketAddr;
use std::time::Duration;

use moq::carrier;
use moq::relay::store::CacheLimits;

/// Where the engine listens, and as whom.
#[derive(Clone)]
pub struct Settings {
    /// One UDP port for everything; port 0 takes a free one.
    pub udp: SocketAddr,
    /// How many shards, from 1 to 128.
    pub shards: u8,
    /// PEM chain, leaf first.
    pub certificate: Vec<u8>,
    /// PEM.
    pub private_key: Vec<u8>,
    /// What raw QUIC may speak, most wanted first.
    pub alpn: Vec<String>,
    /// What every WebRTC session shows: ECDSA P-256, DER.
    pub rtc_certificate: Vec<u8>,
    /// PKCS #8, DER.
    pub rtc_private_key: Vec<u8>,
    /// Every bound.
    pub limits: Limits,
}

/// Every bound of the engine, for all its shards together where it counts a total.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Sessions at once.
    pub sessions: usize,
    /// Sessions at once of one address.
    pub sessions_per_address: usize,
    /// Handshakes begun per second.
    pub handshakes_per_second: u32,
    /// Handshakes under way at once.
    pub half_open: usize,
    /// Bidirectional streams that a peer may have open.
    pub control_streams: u32,
    /// Unidirectional streams that a peer may have open.
    pub data_streams: u32,
    /// Streams of a session that wait for their alias.
    pub parked_streams: usize,
    /// Datagram bytes of a session that wait for their alias.
    pub parked_datagram_bytes: usize,
    /// How long they wait.
    pub parked: Duration,
    /// How long a data stream may take for its header.
    pub header: Duration,
    /// Cached bytes of all scopes.
    pub cache_bytes: u64,
    /// Cached bytes of one scope.
    pub cache_bytes_per_scope: u64,
    /// How long a finished subgroup can be fetched.
    pub cache: Duration,
    /// Bytes that wait for one subscriber.
    pub queued_bytes: u64,
    /// How long a subscriber may stay behind.
    pub behind: Duration,
    /// Control bytes of a session that its peer has not taken.
    pub control_backlog: usize,
    /// A silent session has failed after this.
    pub idle: Duration,
    /// WebRTC sessions at once.
    pub rtc_sessions: usize,
    /// DTLS handshakes under way at once.
    pub rtc_handshakes: usize,
    /// A WebRTC session from which nothing authentic came for so long is disconnected.
    pub rtc_silent: Duration,
    /// Media kept for retransmission.
    pub rtc_history_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            sessions: 10_000,
            sessions_per_address: 2_000,
            handshakes_per_second: 2_000,
            half_open: 1_000,
            control_streams: 260,
            data_streams: 1_024,
            parked_streams: 64,
            parked_datagram_bytes: 65_536,
            parked: Duration::from_secs(15),
            header: Duration::from_secs(10),
            cache_bytes: 512 << 20,
            cache_bytes_per_scope: 64 << 20,
            cache: Duration::from_secs(10),
            queued_bytes: 400_000,
            behind: Duration::from_secs(5),
            control_backlog: 1 << 20,
            idle: Duration::from_secs(10),
            rtc_sessions: 10_000,
            rtc_handshakes: 1_000,
            rtc_silent: Duration::from_secs(10),
            rtc_history_bytes: 256 << 20,
        }
    }
}

/// How often a silent session is pinged; well below the idle timeout.
const KEEP_ALIVE: Duration = Duration::from_secs(4);

impl Limits {
    /// One shard's share for its carriers.
    pub(crate) fn carriers(&self, shards: usize) -> carrier::Config {
        carrier::Config {
            sessions: self.sessions.div_ceil(shards),
            sessions_per_address: self.sessions_per_address.div_ceil(shards),
            handshakes_per_second: self.handshakes_per_second.div_ceil(shards as u32),
            half_open: self.half_open.div_ceil(shards),
            bidi_streams: self.control_streams,
            uni_streams: self.data_streams,
            idle: self.idle,
            ..carrier::Config::default()
        }
    }

    /// One shard's share for the transports of its WebRTC sessions.
    pub(crate) fn transport(&self, shards: usize) -> rtc::transport::Settings {
        rtc::transport::Settings {
            handshakes: self.rtc_handshakes.div_ceil(shards),
            silent: self.rtc_silent,
        }
    }

    /// One shard's share for its WebRTC half.
    pub(crate) fn plane(&self, shards: usize) -> rtc::plane::Limits {
        rtc::plane::Limits {
            sessions: self.rtc_sessions,
            handshakes: self.rtc_handshakes.div_ceil(shards),
            silent: self.rtc_silent,
            history_bytes: self.rtc_history_bytes / shards,
        }
    }

    /// One shard's share for its relay.
    pub(crate) fn relay(&self, shards: usize) -> moq::relay::Limits {
        let shards = shards as u64;
        moq::relay::Limits {
            cache: CacheLimits {
                bytes: self.cache_bytes / shards,
                bytes_per_scope: self.cache_bytes_per_scope.min(self.cache_bytes / shards),
                keep: self.cache,
            },
            queued_bytes: self.queued_bytes,
            behind: self.behind,
            parked_streams: self.parked_streams,
            parked_datagram_bytes: self.parked_datagram_bytes,
            parked: self.parked,
            header: self.header,
            control_backlog: self.control_backlog,
            keep_alive: KEEP_ALIVE.min(self.idle / 2),
        }
    }
}

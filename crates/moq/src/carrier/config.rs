//! The bounds and settings of a shard's sessions.

use std::sync::Arc;
use std::time::Duration;

use quinn_proto::{EndpointConfig, IdleTimeout, MtuDiscoveryConfig, TransportConfig, VarInt};

use super::connection_id::ShardConnectionIds;
use super::secrets::Secrets;

/// Bounds of one shard, each with the default that measurements chose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Sessions at once, closing ones too.
    pub sessions: usize,
    /// Sessions at once of one IPv4 address or IPv6 /64.
    pub sessions_per_address: usize,
    /// Handshakes begun per second. From half of it on, clients prove their address first (Retry).
    pub handshakes_per_second: u32,
    /// Handshakes under way at once. From half of it on, clients prove their address first.
    pub half_open: usize,
    /// Bidirectional streams that a peer may have open.
    pub bidi_streams: u32,
    /// Unidirectional streams that a peer may have open.
    pub uni_streams: u32,
    /// Bytes written but not acknowledged, a session: the hidden queue, so keep it small.
    pub send_window: u64,
    /// What control may write beyond the send window.
    pub control_reserve: u64,
    /// Bytes that a peer may send ahead of our reading, all streams together.
    pub receive_window: u32,
    /// The same for one stream.
    pub stream_receive_window: u32,
    /// Bytes of datagrams kept in each direction; the oldest are dropped.
    pub datagram_buffer: usize,
    /// A session that is silent for so long has failed.
    pub idle: Duration,
    /// From the first packet to `Incoming` or `Connected`.
    pub setup: Duration,
    /// How long a goodbye may take.
    pub goodbye: Duration,
    /// The largest UDP payload that MTU discovery tries.
    pub max_mtu: u16,
    /// Datagrams in one send.
    pub gso_segments: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            sessions: 10_000,
            sessions_per_address: 2_000,
            handshakes_per_second: 2_000,
            half_open: 1_000,
            bidi_streams: 260,
            uni_streams: 1_024,
            send_window: 250_000,
            control_reserve: 16_384,
            receive_window: 1 << 20,
            stream_receive_window: 1 << 20,
            datagram_buffer: 65_536,
            idle: Duration::from_secs(10),
            setup: Duration::from_secs(10),
            goodbye: Duration::from_secs(1),
            max_mtu: 1_452,
            gso_segments: 32,
        }
    }
}

/// Streams granted to a peer at first. More are granted as they are used: quinn keeps an entry for
/// every stream that a peer may open, which is most of an idle session's memory at a thousand.
pub(super) const FIRST_BIDI_STREAMS: u32 = 16;
pub(super) const FIRST_UNI_STREAMS: u32 = 64;

/// No run of datagrams may reach the largest UDP payload.
const LARGEST_RUN: usize = 65_000;

impl Config {
    pub(super) fn transport(&self) -> Arc<TransportConfig> {
        let mut transport = TransportConfig::default();
        let mut mtu = MtuDiscoveryConfig::default();
        mtu.upper_bound(self.max_mtu);
        let idle = u32::try_from(self.idle.as_millis()).unwrap_or(u32::MAX);
        transport
            .max_concurrent_bidi_streams(FIRST_BIDI_STREAMS.min(self.bidi_streams).into())
            .max_concurrent_uni_streams(FIRST_UNI_STREAMS.min(self.uni_streams).into())
            .send_window(self.send_window)
            .receive_window(self.receive_window.into())
            .stream_receive_window(self.stream_receive_window.into())
            .datagram_receive_buffer_size(Some(self.datagram_buffer))
            .datagram_send_buffer_size(self.datagram_buffer)
            .max_idle_timeout(Some(IdleTimeout::from(VarInt::from_u32(idle))))
            .mtu_discovery_config(Some(mtu))
            .send_fairness(false);
        Arc::new(transport)
    }

    pub(super) fn endpoint(&self, shard: u8, secrets: &Secrets) -> Arc<EndpointConfig> {
        let mut endpoint = EndpointConfig::new(Arc::clone(&secrets.reset));
        let ids = ShardConnectionIds::new(shard, &secrets.connection_ids);
        endpoint.cid_generator(move || Box::new(ids.clone()));
        // The first byte of every packet tells QUIC from WebRTC on this port.
        endpoint.grease_quic_bit(false);
        endpoint.supported_versions(vec![1]);
        // Below 1200 it is an error, and no MTU is.
        let _ = endpoint.max_udp_payload_size(self.max_mtu.max(1_472));
        Arc::new(endpoint)
    }

    /// Datagrams in one send at this MTU.
    pub(super) fn segments(&self, mtu: u16) -> usize {
        self.gso_segments
            .min(LARGEST_RUN / usize::from(mtu.max(1)))
            .max(1)
    }
}

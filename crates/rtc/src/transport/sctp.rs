//! The SCTP association over DTLS (RFC 8261), as the side that is called.
//!
//! Browsers, aiortc and pion all call when the peer is an ICE-lite server: Chromium and pion always
//! do, aiortc where it controls ICE. What comes on data channels is read and dropped.

use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use sctp_proto::{
    Association, AssociationHandle, DatagramEvent, Endpoint, EndpointConfig, EndpointEvent, Event,
    Payload, ServerConfig, StreamEvent, Transmit, TransportConfig,
};

/// What may wait to be put together; it is dropped as soon as it is whole.
const RECEIVE_BUFFER: u32 = 256 * 1024;
/// Streams that a peer may open: each costs memory as long as the association lives.
const STREAMS: u16 = 1_024;

/// SCTP sees one peer at one address, whatever ICE does.
const PEER: SocketAddr = SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 9));

/// The one association of a DTLS association, once the peer has begun it.
pub(super) struct Sctp {
    endpoint: Endpoint,
    association: Option<(AssociationHandle, Association)>,
    outgoing: VecDeque<Bytes>,
}

impl Sctp {
    /// Waits for an INIT.
    pub(super) fn accept() -> Self {
        Self {
            endpoint: endpoint(),
            association: None,
            outgoing: VecDeque::new(),
        }
    }

    /// Whether the association is up.
    #[cfg(test)]
    pub(super) fn is_connected(&self) -> bool {
        self.association.as_ref().is_some_and(|(_, association)| {
            !association.is_handshaking() && !association.is_closed()
        })
    }

    /// Takes a packet of the peer.
    pub(super) fn handle(&mut self, now: Instant, packet: &[u8]) {
        let packet = Bytes::copy_from_slice(packet);
        match self.endpoint.handle(now, PEER, None, None, packet) {
            Some((handle, DatagramEvent::NewAssociation(association))) => {
                // A peer that begins anew has forgotten the one before.
                self.forget();
                self.association = Some((handle, association));
            }
            Some((handle, DatagramEvent::AssociationEvent(event))) => {
                if let Some((known, association)) = &mut self.association
                    && *known == handle
                {
                    association.handle_event(event);
                }
            }
            None => {}
        }
        self.take_events();
    }

    /// Retransmits and acknowledges what is due.
    pub(super) fn handle_timeout(&mut self, now: Instant) {
        if let Some((_, association)) = &mut self.association
            && association.poll_timeout().is_some_and(|at| at <= now)
        {
            association.handle_timeout(now);
            self.take_events();
        }
    }

    /// When [`Self::handle_timeout`] is due.
    pub(super) fn next_timeout(&self) -> Option<Instant> {
        self.association.as_ref()?.1.poll_timeout()
    }

    /// The next packet for the peer.
    pub(super) fn poll_transmit(&mut self, now: Instant) -> Option<Bytes> {
        loop {
            if let Some(packet) = self.outgoing.pop_front() {
                return Some(packet);
            }
            let transmit = self.endpoint.poll_transmit().or_else(|| {
                let (_, association) = self.association.as_mut()?;
                association.poll_transmit(now)
            })?;
            if let Transmit {
                payload: Payload::RawEncode(packets),
                ..
            } = transmit
            {
                self.outgoing.extend(packets);
            }
        }
    }

    fn take_events(&mut self) {
        let Some((_, association)) = &mut self.association else {
            return;
        };
        let mut lost = false;
        while let Some(event) = association.poll() {
            match event {
                Event::Stream(StreamEvent::Readable { id }) => {
                    if let Ok(mut stream) = association.stream(id) {
                        while let Ok(Some(_)) = stream.read_sctp() {}
                    }
                }
                Event::AssociationLost { .. } | Event::HandshakeFailed { .. } => lost = true,
                _ => {}
            }
        }
        // Opened streams wait to be accepted.
        while association.accept_stream().is_some() {}
        if lost {
            self.forget();
        }
    }

    /// Ready for the next INIT; what the old association has still to say is not said.
    fn forget(&mut self) {
        if let Some((handle, _)) = self.association.take() {
            self.endpoint.handle_event(handle, EndpointEvent::drained());
        }
    }
}

fn endpoint() -> Endpoint {
    let transport = TransportConfig::default()
        .with_max_receive_buffer_size(RECEIVE_BUFFER)
        .with_max_num_inbound_streams(STREAMS)
        .with_max_num_outbound_streams(STREAMS);
    let mut server = ServerConfig::new();
    server.transport = Arc::new(transport);
    Endpoint::new(Arc::new(EndpointConfig::new()), Some(Arc::new(server)))
}

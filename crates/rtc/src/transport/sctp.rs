//! The SCTP association over DTLS (RFC 8261).
//!
//! Whoever is DTLS client calls: aiortc goes by that. Chromium and pion call in either role, and then
//! the first association that comes up is the one. What comes on data channels is read and dropped.

use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use sctp_proto::{
    Association, AssociationHandle, ClientConfig, DatagramEvent, Endpoint, EndpointConfig,
    EndpointEvent, Event, Payload, ServerConfig, StreamEvent, Transmit, TransportConfig,
};

/// What may wait to be put together; it is dropped as soon as it is whole.
const RECEIVE_BUFFER: u32 = 256 * 1024;
/// Streams that a peer may open: each costs memory as long as the association lives.
const STREAMS: u16 = 1_024;
/// The port that our descriptions name (RFC 8841 §5).
const PORT: u16 = 5_000;

/// SCTP sees one peer at one address, whatever ICE does.
const PEER: SocketAddr = SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 9));

/// The one association of a DTLS association.
pub(super) struct Sctp {
    endpoint: Endpoint,
    /// The one that counts: ours, until one of the peer's comes up.
    current: Option<Line>,
    /// The last that the peer has begun, until it is up. A stray INIT ends nothing that stands.
    next: Option<Line>,
    outgoing: VecDeque<Bytes>,
}

struct Line {
    handle: AssociationHandle,
    association: Association,
}

/// What an association's events come to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum News {
    None,
    Up,
    Lost,
}

impl Sctp {
    /// Waits for an INIT.
    pub(super) fn accept() -> Self {
        let mut server = ServerConfig::new();
        server.transport = Arc::new(transport());
        Self {
            endpoint: Endpoint::new(Arc::new(EndpointConfig::new()), Some(Arc::new(server))),
            current: None,
            next: None,
            outgoing: VecDeque::new(),
        }
    }

    /// Sends an INIT to the peer's `port`, and takes its INIT too.
    pub(super) fn call(port: u16) -> Self {
        let mut sctp = Self::accept();
        let mut client = ClientConfig::new();
        client.transport = Arc::new(transport().with_local_port(PORT).with_remote_port(port));
        // Only a port 0 is refused: then the peer has to call.
        sctp.current = sctp
            .endpoint
            .connect(client, PEER)
            .ok()
            .map(|(handle, association)| Line {
                handle,
                association,
            });
        sctp
    }

    /// The association that counts.
    #[cfg(test)]
    pub(super) fn association(&mut self) -> Option<&mut Association> {
        self.current.as_mut().map(|line| &mut line.association)
    }

    /// Takes a packet of the peer.
    pub(super) fn handle(&mut self, now: Instant, packet: &[u8]) {
        let packet = Bytes::copy_from_slice(packet);
        match self.endpoint.handle(now, PEER, None, None, packet) {
            Some((handle, DatagramEvent::NewAssociation(association))) => {
                let line = Line {
                    handle,
                    association,
                };
                if let Some(before) = self.next.replace(line) {
                    forget(&mut self.endpoint, &before);
                }
            }
            Some((handle, DatagramEvent::AssociationEvent(event))) => {
                let mut lines = self.current.iter_mut().chain(&mut self.next);
                let line = lines.find(|line| line.handle == handle);
                if let Some(line) = line {
                    line.association.handle_event(event);
                }
            }
            None => {}
        }
        self.take_events();
    }

    /// Retransmits and acknowledges what is due.
    pub(super) fn handle_timeout(&mut self, now: Instant) {
        for line in self.current.iter_mut().chain(&mut self.next) {
            if line.association.poll_timeout().is_some_and(|at| at <= now) {
                line.association.handle_timeout(now);
            }
        }
        self.take_events();
    }

    /// When [`Self::handle_timeout`] is due.
    pub(super) fn next_timeout(&self) -> Option<Instant> {
        let lines = self.current.iter().chain(&self.next);
        lines
            .filter_map(|line| line.association.poll_timeout())
            .min()
    }

    /// The next packet for the peer.
    pub(super) fn poll_transmit(&mut self, now: Instant) -> Option<Bytes> {
        loop {
            if let Some(packet) = self.outgoing.pop_front() {
                return Some(packet);
            }
            let mut lines = self.current.iter_mut().chain(&mut self.next);
            let transmit = self
                .endpoint
                .poll_transmit()
                .or_else(|| lines.find_map(|line| line.association.poll_transmit(now)))?;
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
        let news_of = |line: &mut Option<Line>| line.as_mut().map_or(News::None, news);
        let (current, next) = (news_of(&mut self.current), news_of(&mut self.next));
        if current == News::Lost
            && let Some(lost) = self.current.take()
        {
            forget(&mut self.endpoint, &lost);
        }
        let gone = match next {
            News::Up => std::mem::replace(&mut self.current, self.next.take()),
            News::Lost => self.next.take(),
            News::None => None,
        };
        if let Some(gone) = gone {
            forget(&mut self.endpoint, &gone);
        }
    }
}

/// Reads what has come, and drops it.
fn news(line: &mut Line) -> News {
    let mut news = News::None;
    while let Some(event) = line.association.poll() {
        match event {
            Event::Stream(StreamEvent::Readable { id }) => {
                if let Ok(mut stream) = line.association.stream(id) {
                    while let Ok(Some(_)) = stream.read_sctp() {}
                }
            }
            Event::Connected => news = News::Up,
            Event::AssociationLost { .. } | Event::HandshakeFailed { .. } => news = News::Lost,
            _ => {}
        }
    }
    // Opened streams wait to be accepted.
    while line.association.accept_stream().is_some() {}
    news
}

fn forget(endpoint: &mut Endpoint, line: &Line) {
    endpoint.handle_event(line.handle, EndpointEvent::drained());
}

fn transport() -> TransportConfig {
    TransportConfig::default()
        .with_max_receive_buffer_size(RECEIVE_BUFFER)
        .with_max_num_inbound_streams(STREAMS)
        .with_max_num_outbound_streams(STREAMS)
}

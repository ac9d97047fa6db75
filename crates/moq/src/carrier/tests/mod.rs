//! Two ends wired in memory, with the clock in hand.

mod bounds;
mod http3;
mod loopback;
mod sessions;

use std::cell::LazyCell;
use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use shard::{Datagram, SocketId};

use super::*;

thread_local! {
    /// One certificate a thread of tests.
    static CERTIFICATE: LazyCell<(String, String)> = LazyCell::new(|| {
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        (made.cert.pem(), made.signing_key.serialize_pem())
    });
}

pub(super) fn server_tls() -> ServerTls {
    CERTIFICATE.with(|made| {
        let certificate = Certificate::from_pem(made.0.as_bytes(), made.1.as_bytes()).unwrap();
        ServerTls::new(&certificate, &["moqt-16".to_owned(), "moq-00".to_owned()]).unwrap()
    })
}

pub(super) const BOTH: [Transport; 2] = [Transport::Quic, Transport::WebTransport];

/// One end, and what it was told.
pub(super) struct End {
    pub(super) carriers: Carriers,
    pub(super) events: VecDeque<(SessionKey, CarrierEvent)>,
    pub(super) address: SocketAddr,
    /// Datagrams that no longer go in or out.
    pub(super) cut: bool,
}

impl End {
    fn new(address: &str, carriers: Carriers) -> Self {
        Self {
            carriers,
            events: VecDeque::new(),
            address: address.parse().unwrap(),
            cut: false,
        }
    }

    /// Takes the first event that `pick` picks.
    pub(super) fn take<T>(
        &mut self,
        mut pick: impl FnMut(&CarrierEvent) -> Option<T>,
    ) -> Option<T> {
        let (index, found) = self
            .events
            .iter()
            .enumerate()
            .find_map(|(index, (_, event))| Some((index, pick(event)?)))?;
        self.events.remove(index);
        Some(found)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Who {
    Client,
    Server,
}

/// A client and a server, and the network between them.
pub(super) struct Pair {
    pub(super) now: Instant,
    start: Instant,
    pub(super) client: End,
    pub(super) server: End,
    /// Datagrams on their way, by arrival and order.
    wire: BTreeMap<(Instant, u64), (Who, Datagram)>,
    sent: u64,
    latency: Duration,
    /// Datagrams lost, of a thousand.
    pub(super) loss: u64,
    dice: u64,
}

impl Pair {
    pub(super) fn new() -> Self {
        Self::with(Config::default(), Config::default())
    }

    pub(super) fn with(client: Config, server: Config) -> Self {
        let secrets = Secrets::new();
        let now = Instant::now();
        Self {
            now,
            start: now,
            client: End::new(
                "192.0.2.1:5000",
                Carriers::new(1, client, &Secrets::new(), None),
            ),
            server: End::new(
                "198.51.100.1:4443",
                Carriers::new(7, server, &secrets, Some(server_tls())),
            ),
            wire: BTreeMap::new(),
            sent: 0,
            latency: Duration::from_millis(10),
            loss: 0,
            dice: 1,
        }
    }

    pub(super) fn lossy(loss: u64, seed: u64) -> Self {
        let mut pair = Self::new();
        pair.loss = loss;
        pair.dice = seed.wrapping_mul(2).wrapping_add(1);
        pair
    }

    pub(super) fn end(&mut self, who: Who) -> &mut End {
        match who {
            Who::Client => &mut self.client,
            Who::Server => &mut self.server,
        }
    }

    pub(super) fn elapsed(&self) -> Duration {
        self.now - self.start
    }

    /// splitmix64.
    fn roll(&mut self) -> u64 {
        self.dice = self.dice.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.dice;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Dials with what a client of this transport offers.
    pub(super) fn dial(&mut self, transport: Transport) -> SessionKey {
        let alpn = ["moqt-16".to_owned()];
        let tls = ClientTls::new(transport, &alpn, Verify::Nothing).unwrap();
        self.dial_with(
            transport,
            tls,
            "/tide/live?jwt=a.b.c",
            vec!["moqt-18".into(), "moqt-16".into()],
        )
    }

    pub(super) fn dial_with(
        &mut self,
        transport: Transport,
        tls: ClientTls,
        path: &str,
        protocols: Vec<String>,
    ) -> SessionKey {
        let dial = Dial {
            transport,
            tls,
            remote: self.server.address,
            socket: SocketId::MAIN,
            server_name: "localhost".to_owned(),
            path: path.to_owned(),
            protocols,
        };
        self.client.carriers.connect(self.now, dial).unwrap()
    }

    /// Dials, accepts, and returns the session's handle at the client and at the server.
    pub(super) fn connected(&mut self, transport: Transport) -> (SessionKey, SessionKey) {
        let client = self.dial(transport);
        let server = self.until("a session is offered", |pair| {
            let (key, event) = pair.server.events.pop_front()?;
            matches!(event, CarrierEvent::Incoming(_)).then_some(key)
        });
        self.server.carriers.accept(server, Some("moqt-16"));
        self.until("the session stands", |pair| {
            pair.client
                .take(|event| matches!(event, CarrierEvent::Connected { .. }).then_some(()))
        });
        (client, server)
    }

    /// Does all that can be done now: collects events, and puts datagrams on the wire.
    pub(super) fn settle(&mut self) {
        for who in [Who::Client, Who::Server] {
            let (now, latency) = (self.now, self.latency);
            let mut buf = Vec::new();
            loop {
                let end = self.end(who);
                while let Some(event) = end.carriers.poll_event(now) {
                    end.events.push_back(event);
                }
                let Some(transmit) = end.carriers.poll_transmit(now, |_| true, &mut buf) else {
                    break;
                };
                let (cut, from) = (end.cut, end.address);
                let to = if who == Who::Client {
                    Who::Server
                } else {
                    Who::Client
                };
                let reached = transmit.destination == self.end(to).address;
                assert_eq!(transmit.size, buf.len());
                for bytes in buf.chunks(transmit.segment_size.unwrap_or(buf.len())) {
                    if cut || !reached || self.roll() % 1000 < self.loss {
                        continue;
                    }
                    let datagram = Datagram {
                        socket: SocketId::MAIN,
                        remote: from,
                        local_ip: None,
                        ecn: transmit.ecn,
                        data: BytesMut::from(bytes),
                    };
                    self.sent += 1;
                    self.wire.insert((now + latency, self.sent), (to, datagram));
                }
            }
        }
    }

    /// Moves to the next arrival or deadline, within `limit`; `false` when there is none.
    fn advance(&mut self, limit: Instant) -> bool {
        let arrival = self.wire.first_key_value().map(|((at, _), _)| *at);
        let deadlines = [
            self.client.carriers.next_timeout(),
            self.server.carriers.next_timeout(),
        ];
        let Some(next) = deadlines.into_iter().chain([arrival]).flatten().min() else {
            return false;
        };
        if next > limit {
            self.now = limit;
            return false;
        }
        self.now = self.now.max(next);
        while let Some(entry) = self.wire.first_entry()
            && entry.key().0 <= self.now
        {
            let (to, datagram) = entry.remove();
            let now = self.now;
            let end = self.end(to);
            if !end.cut {
                end.carriers.handle_datagram(now, datagram);
            }
        }
        let now = self.now;
        self.client.carriers.handle_timeouts(now);
        self.server.carriers.handle_timeouts(now);
        true
    }

    /// Runs until `found` finds something; fails after a minute of the pair's time.
    pub(super) fn until<T>(
        &mut self,
        what: &str,
        mut found: impl FnMut(&mut Self) -> Option<T>,
    ) -> T {
        let limit = self.now + Duration::from_secs(60);
        loop {
            self.settle();
            if let Some(found) = found(self) {
                return found;
            }
            assert!(self.advance(limit), "never happened: {what}");
        }
    }

    /// Lets time pass.
    pub(super) fn run(&mut self, time: Duration) {
        let limit = self.now + time;
        loop {
            self.settle();
            if !self.advance(limit) {
                self.now = limit;
                return self.settle();
            }
        }
    }

    pub(super) fn session(&mut self, who: Who, key: SessionKey) -> SessionMut<'_> {
        self.end(who)
            .carriers
            .session(key)
            .expect("the session stands")
    }

    /// Opens a stream at one end and writes; returns it.
    pub(super) fn write(
        &mut self,
        who: Who,
        key: SessionKey,
        dir: Dir,
        bytes: &[u8],
        fin: bool,
    ) -> StreamId {
        let mut session = self.session(who, key);
        let stream = match dir {
            Dir::Uni => session.open_uni(0),
            Dir::Bi => session.open_bi(0),
        }
        .expect("a stream may be opened");
        let written = session
            .write_chunks(stream, &mut [Bytes::copy_from_slice(bytes)])
            .unwrap();
        assert_eq!(written.bytes, bytes.len());
        if fin {
            session.finish(stream);
        }
        stream
    }

    /// Waits for the next stream that the peer opens.
    pub(super) fn opened(&mut self, who: Who) -> StreamId {
        self.until("a stream is opened", |pair| {
            pair.end(who).take(|event| match event {
                CarrierEvent::Opened(stream) => Some(*stream),
                _ => None,
            })
        })
    }

    /// Reads a stream to its end; returns its bytes and how it ended.
    pub(super) fn read(
        &mut self,
        who: Who,
        key: SessionKey,
        stream: StreamId,
    ) -> (Vec<u8>, ReadState) {
        let mut bytes = Vec::new();
        let state = self.until("a stream ends", |pair| {
            let mut chunks = Vec::new();
            let state = pair.session(who, key).read(stream, usize::MAX, &mut chunks);
            bytes.extend(chunks.concat());
            (state != ReadState::Blocked).then_some(state)
        });
        (bytes, state)
    }

    /// Waits for the end of a session.
    pub(super) fn closed(&mut self, who: Who, key: SessionKey) -> (Option<u64>, String, bool) {
        self.until("the session closes", |pair| {
            let end = pair.end(who);
            let index = end.events.iter().position(|(session, event)| {
                *session == key && matches!(event, CarrierEvent::Closed { .. })
            })?;
            match end.events.remove(index)?.1 {
                CarrierEvent::Closed {
                    code,
                    reason,
                    remote,
                } => Some((code, reason, remote)),
                _ => None,
            }
        })
    }
}

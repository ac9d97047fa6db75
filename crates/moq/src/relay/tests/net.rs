//! A relay of one or more shards, its clients, and the network between them.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use bytes::BytesMut;
use shard::{Datagram, SocketId};
use track::{Counters, Handles, ShardId};

use crate::carrier::{
    Carriers, Certificate, ClientTls, Config, Dial, Secrets, ServerTls, Transport, Verify,
};
use crate::framing::profile::profile;
use crate::relay::command::Command;
use crate::relay::event::Event;
use crate::relay::letter::Letter;
use crate::relay::store::CacheLimits;
use crate::relay::{Limits, Relay};

use super::allocations::watched;
use super::peer::Peer;

/// Between two rounds of slow letters.
const LETTER_TIME: Duration = Duration::from_micros(300);

/// A client, by its place among them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct PeerId(pub(super) usize);

/// What a relay and its network are like.
pub(super) struct Scene {
    pub(super) shards: usize,
    pub(super) limits: Limits,
    pub(super) carriers: Config,
    pub(super) latency: Duration,
    /// Packets lost, of a thousand.
    pub(super) loss: u64,
    pub(super) seed: u64,
    /// Letters that may wait between two shards.
    pub(super) ring: usize,
    /// Letters between shards take their time.
    pub(super) slow_letters: bool,
}

impl Default for Scene {
    fn default() -> Self {
        Self {
            shards: 1,
            limits: Limits {
                cache: CacheLimits {
                    bytes: 64 << 20,
                    bytes_per_scope: 16 << 20,
                    keep: Duration::from_secs(10),
                },
                queued_bytes: 400_000,
                behind: Duration::from_secs(5),
                parked_streams: 8,
                parked_datagram_bytes: 10_000,
                parked: Duration::from_secs(15),
                header: Duration::from_secs(10),
                control_backlog: 1 << 20,
                keep_alive: Duration::from_secs(4),
            },
            carriers: Config::default(),
            latency: Duration::from_millis(5),
            loss: 0,
            seed: 1,
            ring: 8_192,
            slow_letters: false,
        }
    }
}

#[derive(Clone, Copy)]
enum To {
    Shard(usize),
    Peer(usize),
}

/// A relay, its clients, and the network between them, with the clock in hand.
pub(super) struct Net {
    pub(super) now: Instant,
    pub(super) relays: Vec<Relay>,
    pub(super) counters: Vec<Arc<Counters>>,
    pub(super) peers: Vec<Peer>,
    pub(super) events: VecDeque<Event>,
    pub(super) handles: Handles,
    pub(super) dice: Dice,
    /// Packets lost, of a thousand.
    pub(super) loss: u64,
    pub(super) next_alias: u64,
    /// Whether what the relay allocates is noted.
    pub(super) watches: bool,
    latency: Duration,
    /// Letters that may wait between two shards.
    pub(super) ring: usize,
    slow_letters: bool,
    rings: BTreeMap<(usize, usize), VecDeque<Letter>>,
    wire: BTreeMap<(Instant, u64), (To, Datagram)>,
    sent: u64,
    last_sent: Instant,
    /// When slow letters were handed over the last time.
    posted: Instant,
    visit: u64,
    /// Whether the governing thread comes for what control streams bring.
    pub(super) visits: bool,
    /// Something is left for its next visit.
    control_waits: bool,
    /// Whether tests hear what control streams bring.
    pub(super) hears_control: bool,
    buf: Vec<u8>,
}

impl Net {
    /// One shard, no loss.
    pub(super) fn new() -> Self {
        Self::with(|_| {})
    }

    pub(super) fn with(change: impl FnOnce(&mut Scene)) -> Self {
        let mut scene = Scene::default();
        change(&mut scene);
        let (now, secrets) = (Instant::now(), Secrets::new());
        let counters: Vec<Arc<Counters>> = (0..scene.shards).map(|_| Arc::default()).collect();
        let relays = (0..scene.shards).map(|id| {
            let id = id as u8;
            let carriers = Carriers::new(
                id,
                scene.carriers.clone(),
                &secrets,
                Some(server_tls().clone()),
            );
            let counters = Arc::clone(&counters[usize::from(id)]);
            Relay::new(ShardId(id), now, carriers, scene.limits, counters)
        });
        Self {
            now,
            relays: relays.collect(),
            counters,
            peers: Vec::new(),
            events: VecDeque::new(),
            handles: Handles::default(),
            dice: Dice::new(scene.seed),
            loss: scene.loss,
            next_alias: 1,
            watches: false,
            latency: scene.latency,
            ring: scene.ring,
            slow_letters: scene.slow_letters,
            rings: BTreeMap::new(),
            wire: BTreeMap::new(),
            sent: 0,
            last_sent: now,
            posted: now,
            visit: 0,
            visits: true,
            control_waits: false,
            hears_control: false,
            buf: Vec::new(),
        }
    }

    /// A client of this draft on raw QUIC, at the first shard.
    pub(super) fn join(&mut self, draft: u8) -> PeerId {
        self.join_on(draft, Transport::Quic, 0)
    }

    pub(super) fn join_on(&mut self, draft: u8, transport: Transport, shard: usize) -> PeerId {
        let peer = self.dial(draft, transport, shard, Config::default());
        self.greet(peer);
        peer
    }

    /// A client that takes few bytes ahead of its reading.
    pub(super) fn join_narrow(&mut self, draft: u8, window: u32) -> PeerId {
        let config = Config {
            receive_window: window,
            ..Config::default()
        };
        let peer = self.dial(draft, Transport::Quic, 0, config);
        self.greet(peer);
        peer
    }

    pub(super) fn dial(
        &mut self,
        draft: u8,
        transport: Transport,
        shard: usize,
        config: Config,
    ) -> PeerId {
        let index = self.peers.len();
        let address = SocketAddr::from(([192, 0, 2, 1], 5000 + index as u16));
        let mut carriers = Carriers::new(0, config, &Secrets::new(), None);
        let dial = Dial {
            transport,
            tls: client_tls(transport),
            remote: server_address(),
            socket: SocketId::MAIN,
            server_name: "localhost".to_owned(),
            path: "/".to_owned(),
            protocols: vec!["moqt-16".to_owned()],
        };
        let key = carriers
            .connect(self.now, dial)
            .expect("the address is good");
        let profile = profile(draft).expect("a draft of the table");
        self.peers
            .push(Peer::new(carriers, address, shard, profile, key));
        PeerId(index)
    }

    /// Waits until the session stands and has its control stream.
    pub(super) fn greet(&mut self, peer: PeerId) {
        self.until("a session stands", |net| {
            net.peers[peer.0].connected.then_some(())
        });
        let held = &mut self.peers[peer.0];
        let mut carrier = held.carrier().expect("it stands");
        let control = carrier.open_bi(0).expect("the first stream");
        let hello = &mut [bytes::Bytes::from_static(b"SETUP")];
        carrier.write_chunks(control, hello).expect("room");
        held.control = Some(control);
        self.until("the relay knows it", |net| {
            net.peers[peer.0].session.map(|_| ())
        });
    }

    pub(super) fn peer(&mut self, peer: PeerId) -> &mut Peer {
        &mut self.peers[peer.0]
    }

    pub(super) fn handle(&self, shard: u8) -> u64 {
        self.handles.next(ShardId(shard))
    }

    /// Gives a command to the shard that carries it out.
    pub(super) fn command(&mut self, command: Command) {
        let now = self.now;
        match command.shard() {
            Some(shard) => self.relays[usize::from(shard.0)].carry_out(now, command),
            None => panic!("no test needs a command to all shards"),
        }
    }

    /// Takes the first event that `pick` picks.
    pub(super) fn take<T>(&mut self, mut pick: impl FnMut(&Event) -> Option<T>) -> Option<T> {
        let (index, found) = self
            .events
            .iter()
            .enumerate()
            .find_map(|(index, event)| Some((index, pick(event)?)))?;
        self.events.remove(index);
        Some(found)
    }

    /// Does all that can be done now.
    pub(super) fn settle(&mut self) {
        for pass in 0.. {
            assert!(pass < 100_000, "the relay never comes to rest");
            for index in 0..self.peers.len() {
                self.peers[index].settle(self.now);
                self.send_from_peer(index);
            }
            for index in 0..self.relays.len() {
                self.pass(index);
            }
            let delivered = self.deliver_letters();
            let now = self.now;
            let due = (0..self.relays.len())
                .map(|index| self.next_timeout(index).is_some_and(|at| at <= now));
            let due: Vec<bool> = due.collect();
            for (index, _) in due.iter().enumerate().filter(|(_, due)| **due) {
                self.relays[index].handle_timeouts(now);
            }
            let visited = std::mem::take(&mut self.control_waits) && self.visits;
            if !delivered && !visited && !due.contains(&true) {
                return;
            }
        }
    }

    fn pass(&mut self, index: usize) {
        let now = self.now;
        let relay = &mut self.relays[index];
        watched(self.watches, || relay.settle(now));
        while let Some((to, letter)) = relay.poll_letter() {
            let ring = self.rings.entry((index, usize::from(to.0))).or_default();
            if ring.len() >= self.ring {
                relay.unpoll_letter((to, letter));
                break;
            }
            ring.push_back(letter);
        }
        self.visit += u64::from(self.visits);
        self.control_waits |= relay.poll_control(self.visit, 1_000);
        while let Some(event) = self.relays[index].poll_event() {
            self.hear(index, event);
        }
        self.send_from_relay(index);
    }

    fn hear(&mut self, shard: usize, event: Event) {
        match event {
            Event::Incoming { session, incoming } => {
                let peer = self
                    .peers
                    .iter_mut()
                    .find(|peer| peer.address == incoming.peer);
                let peer = peer.expect("every client is a peer");
                peer.session = Some(session);
                let draft = peer.profile.draft as u8;
                let told = peer.names_its_draft;
                let (now, relay) = (self.now, &mut self.relays[shard]);
                let protocol = Some("moqt-16".to_owned());
                relay.carry_out(now, Command::Accept { session, protocol });
                if told {
                    relay.carry_out(now, Command::SetDraft { session, draft });
                }
            }
            Event::StreamBytes { .. } if !self.hears_control => {}
            event => self.events.push_back(event),
        }
    }

    /// Hands letters over; slow ones a few at a time.
    fn deliver_letters(&mut self) -> bool {
        let mut delivered = false;
        let now = self.now;
        if self.slow_letters && std::mem::replace(&mut self.posted, now) == now {
            return false;
        }
        for (&(from, to), ring) in &mut self.rings {
            let most = match self.slow_letters {
                true => self.dice.below(4) as usize,
                false => ring.len(),
            };
            for letter in ring.drain(..most.min(ring.len())) {
                self.relays[to].handle_letter(now, ShardId(from as u8), letter);
                delivered = true;
            }
        }
        delivered
    }

    fn send_from_relay(&mut self, index: usize) {
        let mut buf = std::mem::take(&mut self.buf);
        loop {
            let carriers = self.relays[index].carriers();
            let (now, buf) = (self.now, &mut buf);
            let transmit = watched(self.watches, || carriers.poll_transmit(now, |_| true, buf));
            let Some(transmit) = transmit else {
                break;
            };
            let to = self
                .peers
                .iter()
                .position(|peer| peer.address == transmit.destination);
            let to = to.expect("every client is a peer");
            let size = transmit.segment_size.unwrap_or(buf.len());
            for bytes in buf.chunks(size) {
                self.put(To::Peer(to), server_address(), bytes);
            }
        }
        self.buf = buf;
    }

    fn send_from_peer(&mut self, index: usize) {
        let mut buf = std::mem::take(&mut self.buf);
        loop {
            let peer = &mut self.peers[index];
            let Some(transmit) = peer.carriers.poll_transmit(self.now, |_| true, &mut buf) else {
                break;
            };
            let (from, shard) = (peer.address, peer.shard);
            let size = transmit.segment_size.unwrap_or(buf.len());
            for bytes in buf.chunks(size) {
                self.put(To::Shard(shard), from, bytes);
            }
        }
        self.buf = buf;
    }

    fn put(&mut self, to: To, from: SocketAddr, bytes: &[u8]) {
        let cut = match to {
            To::Peer(peer) => self.peers[peer].cut || bytes.len() > self.peers[peer].path_mtu,
            To::Shard(_) => self
                .peers
                .iter()
                .any(|peer| peer.address == from && peer.cut),
        };
        if cut || self.dice.below(1_000) < self.loss {
            return;
        }
        let datagram = Datagram {
            socket: SocketId::MAIN,
            remote: from,
            local_ip: None,
            ecn: None,
            data: BytesMut::from(bytes),
        };
        self.sent += 1;
        self.last_sent = self.now;
        let at = self.now + self.latency;
        self.wire.insert((at, self.sent), (to, datagram));
    }

    /// A shard that waits for room in a ring has other work alone.
    fn next_timeout(&mut self, index: usize) -> Option<Instant> {
        let relay = &mut self.relays[index];
        match self.ring == 0 && !relay.held_letters.is_empty() {
            true => relay.carriers().next_timeout(),
            false => relay.next_timeout(),
        }
    }

    /// Moves to the next arrival or deadline, within `limit`; `false` when there is none.
    fn advance(&mut self, limit: Instant) -> bool {
        let mut next = self.wire.first_key_value().map(|((at, _), _)| *at);
        for index in 0..self.relays.len() {
            next = next.into_iter().chain(self.next_timeout(index)).min();
        }
        for peer in &mut self.peers {
            next = next.into_iter().chain(peer.carriers.next_timeout()).min();
        }
        if self.slow_letters && self.rings.values().any(|ring| !ring.is_empty()) {
            next = next.into_iter().chain([self.now + LETTER_TIME]).min();
        }
        let Some(next) = next.filter(|next| *next <= limit) else {
            return false;
        };
        self.now = self.now.max(next);
        let now = self.now;
        while let Some(entry) = self.wire.first_entry()
            && entry.key().0 <= now
        {
            match entry.remove() {
                (To::Shard(shard), datagram) => {
                    let relay = &mut self.relays[shard];
                    watched(self.watches, || relay.handle_datagram(now, datagram));
                }
                (To::Peer(peer), datagram) => {
                    self.peers[peer].carriers.handle_datagram(now, datagram);
                    // Packet by packet: what came first is seen first.
                    self.peers[peer].settle(now);
                }
            }
        }
        for relay in &mut self.relays {
            watched(self.watches, || relay.handle_timeouts(now));
        }
        for peer in &mut self.peers {
            peer.carriers.handle_timeouts(now);
        }
        true
    }

    /// Runs until `found` finds something; fails after a minute of the net's time.
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

    /// Lets time pass until nobody has sent a packet for a quarter of a second.
    pub(super) fn run_until_quiet(&mut self) {
        let quiet = Duration::from_millis(250);
        loop {
            self.settle();
            let limit = self.last_sent.max(self.now) + quiet;
            if !self.advance(limit) || self.now > self.last_sent + quiet {
                return self.settle();
            }
        }
    }

    pub(super) fn seconds(&mut self, seconds: u64) {
        self.run(Duration::from_secs(seconds));
    }
}

/// splitmix64.
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(super) fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number under `bound`.
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        self.roll() % bound
    }
}

fn server_address() -> SocketAddr {
    SocketAddr::from(([198, 51, 100, 1], 4443))
}

/// One certificate for all tests.
fn server_tls() -> &'static ServerTls {
    static TLS: OnceLock<ServerTls> = OnceLock::new();
    TLS.get_or_init(|| {
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]);
        let made = made.expect("a certificate");
        let (chain, key) = (made.cert.pem(), made.signing_key.serialize_pem());
        let certificate = Certificate::from_pem(chain.as_bytes(), key.as_bytes());
        let alpn = ["moqt-16".to_owned()];
        ServerTls::new(&certificate.expect("it reads"), &alpn).expect("it serves")
    })
}

fn client_tls(transport: Transport) -> ClientTls {
    static TLS: [OnceLock<ClientTls>; 2] = [OnceLock::new(), OnceLock::new()];
    let made = TLS[transport as usize].get_or_init(|| {
        ClientTls::new(transport, &["moqt-16".to_owned()], Verify::Nothing).expect("it dials")
    });
    made.clone()
}

//! Planes of one or more shards, their clients, and the network between them, with the clock in hand.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant, SystemTime};

use aws_lc_rs::digest::{SHA256, digest};
use bytes::BytesMut;
use shard::{Datagram, SocketId, Transmit, kind};
use track::{Counters, Handles, RtcSessionId, ShardId, UNCLAIMED};

use crate::command::{Command, Credentials, Remote};
use crate::event::Event;
use crate::letter::Letter;
use crate::plane::{Limits, Outlet, Plane};
use crate::registry::Registry;
use crate::transport::{Certificate, Context, Settings};

use super::allocations::watched;
use super::peer::Peer;

/// A client, by its place among them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct PeerId(pub(super) usize);

/// What the planes and their network are like.
#[derive(Clone, Copy)]
pub(super) struct Scene {
    pub(super) shards: usize,
    pub(super) latency: Duration,
    /// Of a thousand datagrams, either way.
    pub(super) lost: u64,
    pub(super) late: u64,
    pub(super) twice: u64,
    pub(super) seed: u64,
    /// Letters that may wait between two shards.
    pub(super) ring: usize,
}

#[derive(Clone, Copy)]
enum To {
    Shard(usize),
    Peer(usize),
}

pub(super) struct Net {
    pub(super) now: Instant,
    pub(super) planes: Vec<Plane>,
    pub(super) counters: Vec<Arc<Counters>>,
    pub(super) registry: Arc<Registry>,
    pub(super) peers: Vec<Peer>,
    pub(super) events: VecDeque<Event>,
    pub(super) handles: Handles,
    pub(super) scene: Scene,
    /// Whether what the planes allocate is noted.
    pub(super) watches: bool,
    /// The kernel has no room for what planes send.
    pub(super) blocked: bool,
    /// Runs that the kernel has room for in a pass.
    pub(super) room: usize,
    /// Sizes of the runs that were sent: datagrams.
    pub(super) runs: Vec<usize>,
    dice: u64,
    rings: BTreeMap<(usize, usize), VecDeque<Letter>>,
    wire: BTreeMap<(Instant, u64), (To, Datagram)>,
    count: u64,
    context: Rc<Context>,
}

/// What a plane sends in one pass.
struct Pass<'a> {
    sent: &'a mut Vec<(Transmit, Vec<u8>)>,
    room: usize,
}

impl Outlet for Pass<'_> {
    fn ready(&self, _socket: SocketId) -> bool {
        self.sent.len() < self.room
    }

    fn send(&mut self, transmit: &Transmit, contents: &[u8]) {
        // What the network of a test allocates is its own.
        watched(false, || {
            self.sent.push((*transmit, contents.to_vec()));
        });
    }
}

impl Net {
    /// One shard and a network that loses nothing.
    pub(super) fn new() -> Self {
        Self::with(|_| {})
    }

    pub(super) fn with(change: impl FnOnce(&mut Scene)) -> Self {
        let mut scene = Scene {
            shards: 1,
            latency: Duration::from_millis(10),
            lost: 0,
            late: 0,
            twice: 0,
            seed: 1,
            ring: 8_192,
        };
        change(&mut scene);
        let (now, wall) = (Instant::now(), SystemTime::now());
        let registry = Arc::new(Registry::new(1_000));
        let counters: Vec<Arc<Counters>> = (0..scene.shards).map(|_| Arc::default()).collect();
        let limits = Limits {
            sessions: 1_000,
            handshakes: 1_000,
            silent: Duration::from_secs(10),
            history_bytes: 64 << 20,
        };
        let planes = counters.iter().zip(0..).map(|(counters, id)| {
            let (registry, counters) = (Arc::clone(&registry), Arc::clone(counters));
            let certificate = certificate().clone();
            Plane::new(
                ShardId(id),
                now,
                wall,
                registry,
                certificate,
                limits,
                counters,
            )
            .expect("the certificate reads")
        });
        let settings = Settings {
            handshakes: 1_000,
            silent: Duration::from_secs(10),
        };
        Self {
            now,
            planes: planes.collect(),
            counters,
            registry,
            peers: Vec::new(),
            events: VecDeque::new(),
            handles: Handles::default(),
            scene,
            watches: false,
            blocked: false,
            room: usize::MAX,
            runs: Vec::new(),
            dice: scene.seed,
            rings: BTreeMap::new(),
            wire: BTreeMap::new(),
            count: 0,
            context: Rc::new(Context::new(certificate().clone(), settings).expect("it reads")),
        }
    }

    /// A client that is connected, at the first shard.
    pub(super) fn join(&mut self) -> PeerId {
        self.join_on(0)
    }

    pub(super) fn join_on(&mut self, shard: usize) -> PeerId {
        let peer = self.dial(shard);
        self.until("a session is connected", |net| net.is_connected(peer));
        peer
    }

    /// A client that begins to connect.
    pub(super) fn dial(&mut self, shard: usize) -> PeerId {
        let index = self.peers.len();
        let session = RtcSessionId(self.handles.next(UNCLAIMED));
        let server = Credentials {
            ufrag: format!("ufrag{index}"),
            pwd: format!("password-of-session-{index:08}"),
        };
        let created = self.registry.create(session, server.clone());
        created.expect("there is room");
        let address = SocketAddr::from(([192, 0, 2, 1], 5000 + index as u16));
        let context = Rc::clone(&self.context);
        let place = (address, shard);
        self.peers
            .push(Peer::new(self.now, context, session, server, place));
        let remote = Remote {
            algorithm: "sha-256".to_owned(),
            fingerprint: digest(&SHA256, &certificate().certificate)
                .as_ref()
                .to_vec(),
            dtls_client: false,
            sctp_port: None,
        };
        self.command(Command::SetRemote { session, remote });
        PeerId(index)
    }

    pub(super) fn is_connected(&self, peer: PeerId) -> bool {
        let session = self.peers[peer.0].session;
        let connected = |event: &Event| *event == Event::Connected { session };
        self.peers[peer.0].media.is_some() && self.events.iter().any(connected)
    }

    pub(super) fn peer(&mut self, peer: PeerId) -> &mut Peer {
        &mut self.peers[peer.0]
    }

    /// Gives a command to the shard that carries it out, or to the registry until one does.
    pub(super) fn command(&mut self, command: Command) {
        if let Some((shard, command)) = self.registry.route(command).expect("there is room") {
            let now = self.now;
            self.planes[usize::from(shard.0)].carry_out(now, command);
        }
    }

    /// Does all that can be done now.
    pub(super) fn settle(&mut self) {
        for pass in 0.. {
            assert!(pass < 100_000, "the planes never come to rest");
            for index in 0..self.peers.len() {
                self.peers[index].settle(self.now);
                let (shard, from) = (self.peers[index].shard, self.peers[index].address);
                for bytes in std::mem::take(&mut self.peers[index].out) {
                    self.put(To::Shard(shard), from, &bytes);
                }
            }
            for index in 0..self.planes.len() {
                self.pass(index);
            }
            let delivered = self.deliver_letters();
            let now = self.now;
            let mut due = false;
            for plane in &mut self.planes {
                due |= plane.next_timeout().is_some_and(|at| at <= now);
            }
            if !delivered && !due {
                return;
            }
        }
    }

    fn pass(&mut self, index: usize) {
        let (now, watches) = (self.now, self.watches);
        let plane = &mut self.planes[index];
        let mut sent = Vec::new();
        let mut pass = Pass {
            sent: &mut sent,
            room: if self.blocked { 0 } else { self.room },
        };
        watched(watches, || {
            plane.handle_timeouts(now);
            plane.settle(now);
        });
        while let Some((to, letter)) = plane.poll_letter() {
            let ring = self.rings.entry((index, usize::from(to.0))).or_default();
            if ring.len() >= self.scene.ring {
                plane.unpoll_letter((to, letter));
                break;
            }
            ring.push_back(letter);
        }
        watched(watches, || plane.transmit(now, &mut pass));
        while let Some(event) = plane.poll_event() {
            self.events.push_back(event);
        }
        for (transmit, bytes) in sent {
            assert_eq!(transmit.size, bytes.len());
            self.runs.push(transmit.datagrams());
            let to = transmit.destination;
            let to = self.peers.iter().position(|peer| peer.address == to);
            let Some(to) = to else {
                continue;
            };
            for bytes in bytes.chunks(transmit.segment_size.unwrap_or(bytes.len())) {
                self.put(To::Peer(to), server_address(), bytes);
            }
        }
    }

    fn deliver_letters(&mut self) -> bool {
        let mut delivered = false;
        for (&(from, to), ring) in &mut self.rings {
            for letter in ring.drain(..) {
                self.planes[to].handle_letter(self.now, ShardId(from as u8), letter);
                delivered = true;
            }
        }
        delivered
    }

    fn put(&mut self, to: To, from: SocketAddr, bytes: &[u8]) {
        let Scene {
            latency,
            lost,
            late,
            twice,
            ..
        } = self.scene;
        if self.roll() < lost {
            return;
        }
        let copies = if self.roll() < twice { 2 } else { 1 };
        for _ in 0..copies {
            let delay = if self.roll() < late {
                2 * latency
            } else {
                latency
            };
            self.inject_after(delay, to, from, bytes);
        }
    }

    fn inject_after(&mut self, delay: Duration, to: To, from: SocketAddr, bytes: &[u8]) {
        // Cut from a larger buffer, as a shard's are.
        let mut data = BytesMut::with_capacity(2 * bytes.len() + 1);
        data.extend_from_slice(bytes);
        let datagram = Datagram {
            socket: SocketId::MAIN,
            remote: from,
            local_ip: None,
            ecn: None,
            data: data.split(),
        };
        self.count += 1;
        let at = self.now + delay;
        self.wire.insert((at, self.count), (to, datagram));
    }

    /// A datagram from anywhere reaches a shard.
    pub(super) fn inject(&mut self, shard: usize, from: SocketAddr, bytes: &[u8]) {
        self.inject_after(Duration::ZERO, To::Shard(shard), from, bytes);
    }

    /// Of a thousand.
    fn roll(&mut self) -> u64 {
        self.dice = self.dice.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.dice;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % 1_000
    }

    /// Moves to the next arrival or deadline, within `limit`; `false` when there is none.
    fn advance(&mut self, limit: Instant) -> bool {
        let mut next = self.wire.first_key_value().map(|((at, _), _)| *at);
        for plane in &mut self.planes {
            next = next.into_iter().chain(plane.next_timeout()).min();
        }
        for peer in &self.peers {
            next = next.into_iter().chain(peer.next_timeout()).min();
        }
        let Some(next) = next.filter(|next| *next <= limit) else {
            self.now = limit;
            return false;
        };
        self.now = self.now.max(next);
        let now = self.now;
        while let Some(entry) = self.wire.first_entry()
            && entry.key().0 <= now
        {
            match entry.remove() {
                (To::Shard(shard), datagram) => {
                    let plane = &mut self.planes[shard];
                    let kind = kind(&datagram.data);
                    watched(self.watches, || plane.handle_datagram(now, kind, datagram));
                }
                (To::Peer(peer), datagram) => self.peers[peer].receive(now, &datagram.data),
            }
        }
        true
    }

    pub(super) fn run(&mut self, span: Duration) {
        let limit = self.now + span;
        loop {
            self.settle();
            if !self.advance(limit) {
                return self.settle();
            }
        }
    }

    /// Runs until something is so, within 30 s.
    pub(super) fn until(&mut self, what: &str, mut is_so: impl FnMut(&mut Self) -> bool) {
        let limit = self.now + Duration::from_secs(30);
        loop {
            self.settle();
            if is_so(self) {
                return;
            }
            assert!(self.advance(limit), "never: {what}");
        }
    }

    pub(super) fn count(&self, counter: impl Fn(&Counters) -> u64) -> u64 {
        self.counters.iter().map(|counters| counter(counters)).sum()
    }
}

fn server_address() -> SocketAddr {
    SocketAddr::from(([198, 51, 100, 1], 4443))
}

/// One certificate for both ends of all tests.
fn certificate() -> &'static Certificate {
    static MADE: OnceLock<Certificate> = OnceLock::new();
    MADE.get_or_init(|| {
        let made = rcgen::generate_simple_self_signed(vec!["webrtc".to_owned()]);
        let made = made.expect("a certificate");
        Certificate {
            certificate: made.cert.der().to_vec(),
            private_key: made.signing_key.serialize_der(),
        }
    })
}

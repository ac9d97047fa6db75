//! One shard's part of every WebRTC session and track.
//!
//! Datagrams, commands, letters and the time come in; datagrams, events, letters and the next
//! deadline come out. Nothing here waits or reads the clock.

use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use rtp::clock::WallClock;
use shard::{Datagram, Kind, SocketId, Transmit};
use track::{Counters, ShardId};

use crate::command::Command;
use crate::event::Event;
use crate::letter::{Addressed, Letter};
use crate::registry::Registry;
use crate::transport::{Certificate, CertificateError, Context, Settings};

/// What the WebRTC half of a shard may spend.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Sessions at once.
    pub sessions: usize,
    /// DTLS handshakes under way at once.
    pub handshakes: usize,
    /// A session from which nothing authentic came for so long is disconnected.
    pub silent: Duration,
    /// Media kept for retransmission, in bytes.
    pub history_bytes: usize,
}

/// Where datagrams leave: the sender of a shard's pass, or a test's network.
pub trait Outlet {
    /// Whether the socket takes datagrams now.
    fn ready(&self, socket: SocketId) -> bool;

    /// Sends `contents`, the `transmit.size` bytes of one datagram or of a run of them.
    fn send(&mut self, transmit: &Transmit, contents: &[u8]);
}

impl Outlet for shard::Sender<'_> {
    fn ready(&self, socket: SocketId) -> bool {
        shard::Sender::ready(self, socket)
    }

    fn send(&mut self, transmit: &Transmit, contents: &[u8]) {
        shard::Sender::send(self, transmit, contents);
    }
}

/// One shard's part of every WebRTC session and track.
pub struct Plane {
    shard: ShardId,
    now: Instant,
    limits: Limits,
    registry: Arc<Registry>,
    context: Rc<Context>,
    counters: Arc<Counters>,
    clock: WallClock,
    events: VecDeque<Event>,
    letters: VecDeque<Addressed>,
}

impl Plane {
    /// A plane without sessions, at the moment that is `now` and `wall` on the two clocks.
    /// `certificate` is what all sessions of the process show. Takes a millisecond.
    ///
    /// # Errors
    /// The certificate or its key cannot be read.
    pub fn new(
        shard: ShardId,
        now: Instant,
        wall: SystemTime,
        registry: Arc<Registry>,
        certificate: Certificate,
        limits: Limits,
        counters: Arc<Counters>,
    ) -> Result<Self, CertificateError> {
        let settings = Settings {
            handshakes: limits.handshakes,
            silent: limits.silent,
        };
        let context = Context::new(certificate, settings)?;
        Ok(Self {
            shard,
            now,
            limits,
            registry,
            context: Rc::new(context),
            counters,
            clock: WallClock::new(now, wall),
            events: VecDeque::new(),
            letters: VecDeque::new(),
        })
    }

    /// The time of the last call.
    pub fn now(&self) -> Instant {
        self.now
    }

    /// A datagram of STUN, DTLS or RTP.
    pub fn handle_datagram(&mut self, now: Instant, _kind: Kind, _datagram: Datagram) {
        self.now = now;
    }

    /// Carries out one command. One about a session, track or sink that is gone does nothing.
    pub fn carry_out(&mut self, now: Instant, _command: Command) {
        self.now = now;
    }

    /// A letter from another shard.
    pub fn handle_letter(&mut self, now: Instant, _from: ShardId, _letter: Letter) {
        self.now = now;
    }

    /// What is due.
    pub fn handle_timeouts(&mut self, now: Instant) {
        self.now = now;
    }

    /// After everything of a pass has come in: finds out what goes where.
    pub fn settle(&mut self, now: Instant) {
        self.now = now;
    }

    /// Sends everything that there is to send. Media that the outlet has no room for is dropped.
    pub fn transmit(&mut self, now: Instant, _outlet: &mut impl Outlet) {
        self.now = now;
    }

    /// The next event for Python.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// Puts an event back that the queue to Python had no room for.
    pub fn unpoll_event(&mut self, event: Event) {
        self.counters.events_delayed.add(1);
        self.events.push_front(event);
    }

    /// The next letter to another shard.
    pub fn poll_letter(&mut self) -> Option<Addressed> {
        self.letters.pop_front()
    }

    /// Puts a letter back that the ring had no room for.
    pub fn unpoll_letter(&mut self, letter: Addressed) {
        self.letters.push_front(letter);
    }

    /// When [`Plane::handle_timeouts`] has something to do.
    pub fn next_timeout(&mut self) -> Option<Instant> {
        None
    }
}

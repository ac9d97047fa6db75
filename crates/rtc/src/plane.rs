//! One shard's part of every WebRTC session and track.
//!
//! Datagrams, commands, letters and the time come in; datagrams, events, letters and the next
//! deadline come out. Nothing here waits or reads the clock.

use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use rtp::clock::{Ntp, WallClock};
use rtp::history::Budget;
use rustc_hash::FxHashMap;
use shard::{SocketId, Timers, Transmit};
use slab::Slab;
use track::{Counters, RtcSessionId, ShardId, SinkId, TrackId};

use crate::addresses::Addresses;
use crate::command::Command;
use crate::event::Event;
use crate::fanout::Fanout;
use crate::letter::{Addressed, Letter};
use crate::outbound::Outbound;
use crate::registry::Registry;
use crate::session::Session;
use crate::sinks::Sink;
use crate::tables::Tables;
use crate::tracks::Track;
use crate::transport::{ADDRESSES, Certificate, CertificateError, Context, Settings};

/// Letters that may wait for room in the rings; beyond, they are lost.
const MOST_LETTERS: usize = 16_384;

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
    pub(crate) shard: ShardId,
    pub(crate) now: Instant,
    pub(crate) registry: Arc<Registry>,
    pub(crate) context: Rc<Context>,
    pub(crate) counters: Arc<Counters>,
    started: Instant,
    clock: WallClock,
    pub(crate) addresses: Addresses,
    pub(crate) sessions: Slab<Session>,
    pub(crate) session_index: FxHashMap<RtcSessionId, usize>,
    pub(crate) tracks: Slab<Track>,
    pub(crate) track_index: FxHashMap<TrackId, usize>,
    pub(crate) sinks: Slab<Sink>,
    pub(crate) sink_index: FxHashMap<SinkId, usize>,
    pub(crate) tables: Tables,
    pub(crate) budget: Budget,
    pub(crate) session_timers: Timers,
    pub(crate) track_timers: Timers,
    /// Sessions whose transport may have something to say.
    pub(crate) touched: Vec<usize>,
    /// Sessions that have said goodbye, and are gone once that is sent.
    pub(crate) closing: Vec<usize>,
    pub(crate) fan: Fanout,
    pub(crate) outbound: Outbound,
    pub(crate) events: VecDeque<Event>,
    letters: VecDeque<Addressed>,
    /// Every session is to end.
    stopping: bool,
    /// Something came up after the events of this pass were taken.
    pub(crate) again: bool,
    /// Used again and again, so that a packet allocates nothing.
    pub(crate) sequences: Vec<u16>,
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
        Ok(Self {
            shard,
            now,
            registry,
            context: Rc::new(Context::new(certificate, settings)?),
            counters,
            started: now,
            clock: WallClock::new(now, wall),
            addresses: Addresses::new(limits.sessions.saturating_mul(ADDRESSES)),
            sessions: Slab::new(),
            session_index: FxHashMap::default(),
            tracks: Slab::new(),
            track_index: FxHashMap::default(),
            sinks: Slab::new(),
            sink_index: FxHashMap::default(),
            tables: Tables::default(),
            budget: Budget::new(limits.history_bytes),
            session_timers: Timers::new(),
            track_timers: Timers::new(),
            touched: Vec::new(),
            closing: Vec::new(),
            fan: Fanout::default(),
            outbound: Outbound::default(),
            events: VecDeque::new(),
            letters: VecDeque::new(),
            stopping: false,
            again: false,
            sequences: Vec::new(),
        })
    }

    /// The time of the last call.
    pub fn now(&self) -> Instant {
        self.now
    }

    pub(crate) fn since_start(&self) -> Duration {
        self.now.saturating_duration_since(self.started)
    }

    pub(crate) fn ntp(&self) -> Ntp {
        self.clock.ntp(self.now)
    }

    /// Carries out one command. One about a session, track or sink that is gone does nothing.
    pub fn carry_out(&mut self, now: Instant, command: Command) {
        self.now = now;
        if let Command::Shutdown = command {
            self.stopping = true;
            self.again = true;
            for slot in self.session_index.values().copied().collect::<Vec<_>>() {
                self.close_session(slot);
            }
            return;
        }
        let slot = command.session().and_then(|id| self.session_index.get(&id));
        let Some(&slot) = slot else {
            if let Command::Close { session } = command {
                // No shard had claimed it: see `Registry::route`.
                self.events.push_back(Event::Closed { session });
            }
            return;
        };
        match command {
            Command::SetRemote { remote, .. } => {
                self.sessions[slot].transport.set_remote(now, remote);
                self.touch(slot);
            }
            Command::SetExtensions { extensions, .. } => self.set_extensions(slot, &extensions),
            Command::OpenTrack { track, options, .. } => self.open_track(slot, track, *options),
            Command::UpdateTrack { track, options, .. } => self.update_track(slot, track, *options),
            Command::CloseTrack { track, .. } => self.close_track(slot, track),
            Command::AttachSink {
                sink,
                track,
                home,
                options,
                ..
            } => self.attach_sink(slot, sink, (track, home), *options),
            Command::UpdateSink { sink, change, .. } => self.update_sink(slot, sink, *change),
            Command::DetachSink { sink, .. } => self.detach_sink(slot, sink),
            Command::Close { .. } => self.close_session(slot),
            Command::Shutdown => {}
        }
    }

    /// A letter from another shard.
    pub fn handle_letter(&mut self, now: Instant, from: ShardId, letter: Letter) {
        self.now = now;
        match letter {
            Letter::Handover(kind, datagram) => self.handed_over(from, kind, *datagram),
            Letter::Learnt { address, session } => self.learnt(from, address, session),
            Letter::NotMine { address } => self.not_theirs(from, address),
            Letter::FeedWanted { track } => self.start_feed(track, from),
            Letter::FeedUnwanted { track } => self.stop_feed(track, from),
            Letter::FeedStart {
                track,
                options,
                extensions,
            } => self.feed_started(track, options, extensions),
            Letter::Fed {
                track,
                layer,
                sequence,
                packet,
            } => self.fed(track, layer, sequence, packet),
            Letter::Restarted { track, layer } => {
                if let Some(slot) = self.fed_track(track) {
                    self.restart_encoding(slot, layer);
                }
            }
            Letter::Clock {
                track,
                layer,
                pair,
                clock,
            } => {
                if let Some(slot) = self.fed_track(track) {
                    let track = &mut self.tracks[slot];
                    track.layers.set_pair(layer, pair);
                    track.clock = clock;
                }
            }
            Letter::TrackClosed { track } => {
                if let Some(slot) = self.fed_track(track) {
                    self.remove_track(slot);
                }
            }
            Letter::KeyframeWanted { track, layer } => {
                if let Some(&slot) = self.track_index.get(&track) {
                    self.want_keyframe(slot, layer);
                }
            }
        }
    }

    /// What is due.
    pub fn handle_timeouts(&mut self, now: Instant) {
        self.now = now;
        self.addresses.expire(now);
        // Each has one deadline. Whoever sets it into the past has its turn in the next pass, so that no
        // mistake about a deadline can hold this one up.
        for _ in 0..self.sessions.len() {
            let Some(slot) = self.session_timers.pop_due(now) else {
                break;
            };
            self.session_due(slot);
        }
        for _ in 0..self.tracks.len() {
            let Some(slot) = self.track_timers.pop_due(now) else {
                break;
            };
            self.track_due(slot);
        }
    }

    /// After everything of a pass has come in: finds out what goes where.
    pub fn settle(&mut self, now: Instant) {
        self.now = now;
        self.again = false;
        while let Some(slot) = self.touched.pop() {
            self.settle_session(slot);
        }
        self.line_up();
    }

    /// Sends everything that there is to send. Media that the outlet has no room for is dropped.
    pub fn transmit(&mut self, now: Instant, outlet: &mut impl Outlet) {
        self.now = now;
        self.outbound.flush(outlet, &self.counters);
        self.fan_out(outlet);
        // Key frames that sinks asked for just now.
        self.outbound.flush(outlet, &self.counters);
        while let Some(slot) = self.closing.pop() {
            self.sessions.remove(slot);
        }
        if self.stopping && self.sessions.is_empty() {
            self.stopping = false;
            self.again = true;
            self.events.push_back(Event::Stopped);
        }
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
        let idle = !self.again && self.letters.is_empty() && self.touched.is_empty();
        let again = (!idle).then_some(self.now);
        [
            self.session_timers.earliest(),
            self.track_timers.earliest(),
            self.addresses.next_timeout(),
            again,
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// Has the session's transport looked at when the pass is settled.
    pub(crate) fn touch(&mut self, slot: usize) {
        let session = &mut self.sessions[slot];
        if !std::mem::replace(&mut session.touched, true) {
            self.touched.push(slot);
        }
    }

    /// Queues a letter that must not get lost: there are few of these.
    pub(crate) fn post(&mut self, to: ShardId, letter: Letter) {
        self.letters.push_back((to, letter));
    }

    /// Queues a letter, unless too many wait already.
    pub(crate) fn try_post(&mut self, to: ShardId, letter: Letter) -> bool {
        let room = self.letters.len() < MOST_LETTERS;
        if room {
            self.letters.push_back((to, letter));
        }
        room
    }
}

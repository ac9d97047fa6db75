//! One shard's part of every MoQ session and track.
//!
//! Datagrams, commands, letters and the time come in; datagrams, events, letters and the next
//! deadline come out. Nothing here waits or reads the clock.

pub mod command;
pub mod event;
pub mod letter;
pub mod store;

mod arena;
mod fanout;
mod fetching;
mod log;
mod session;
mod sinks;
mod sources;
mod tracks;

#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use rustc_hash::FxHashMap;
use slab::Slab;
use track::{Counters, FetchId, SessionId, ShardId, SinkId, SourceId, TrackId};

use crate::carrier::{Carriers, SessionKey, StreamId};
use crate::framing::subgroup::Mark;
use crate::relay::command::Command;
use crate::relay::event::Event;
use crate::relay::fetching::Fetch;
use crate::relay::letter::{Addressed, Letter, StepHeader, StepKey};
use crate::relay::session::Session;
use crate::relay::sinks::{Closing, Sink};
use crate::relay::sources::{DataStream, Source};
use crate::relay::store::{CacheLimits, LogRef, Store};
use crate::relay::tracks::{Feeder, StepRef, Track};

/// How often what is overdue is looked for, while something may be.
const SWEEP: Duration = Duration::from_millis(100);

/// What the MoQ half of a shard may spend.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Of the cache.
    pub cache: CacheLimits,
    /// Bytes that may wait for one subscriber's session; beyond, it loses subgroups.
    pub queued_bytes: u64,
    /// How long a subscriber may stay behind before its subscriptions end.
    pub behind: Duration,
    /// Streams of a session whose alias is not known yet.
    pub parked_streams: usize,
    /// Datagram bytes of a session whose alias is not known yet.
    pub parked_datagram_bytes: usize,
    /// How long they wait.
    pub parked: Duration,
    /// How long a data stream may take for its header.
    pub header: Duration,
    /// Control bytes of a session that its peer has not taken.
    pub control_backlog: usize,
    /// How often a silent session is pinged, once its draft is known.
    pub keep_alive: Duration,
}

/// One shard's part of every MoQ session and track.
pub struct Relay {
    pub(crate) shard: ShardId,
    pub(crate) now: Instant,
    pub(crate) limits: Limits,
    pub(crate) counters: Arc<Counters>,
    pub(crate) carriers: Carriers,
    pub(crate) store: Store,
    pub(crate) sessions: Slab<Session>,
    pub(crate) session_index: FxHashMap<SessionId, usize>,
    pub(crate) session_keys: FxHashMap<SessionKey, usize>,
    pub(crate) tracks: Slab<Track>,
    pub(crate) track_index: FxHashMap<TrackId, usize>,
    pub(crate) sources: Slab<Source>,
    pub(crate) source_index: FxHashMap<SourceId, usize>,
    pub(crate) sinks: Slab<Sink>,
    pub(crate) sink_index: FxHashMap<SinkId, usize>,
    pub(crate) fetches: Slab<Fetch>,
    pub(crate) fetch_index: FxHashMap<FetchId, usize>,
    pub(crate) events: VecDeque<Event>,
    pub(crate) own_letters: VecDeque<Letter>,
    pub(crate) held_letters: VecDeque<Addressed>,
    pub(crate) early_feeds: Vec<(TrackId, ShardId)>,
    /// Feeds that lost letters.
    pub(crate) broken: Vec<(TrackId, ShardId)>,
    /// Which stream appends to a log; at home.
    pub(crate) feeders: FxHashMap<usize, u64>,
    pub(crate) next_feeder: u64,
    pub(crate) next_ticket: u64,
    /// Logs that grew since the last fan-out.
    pub(crate) dirty: Vec<usize>,
    /// Sessions with room for what waits in them.
    pub(crate) to_serve: Vec<usize>,
    pub(crate) overflowing: Vec<usize>,
    pub(crate) behind: Vec<usize>,
    /// Data streams with more to read than one pass takes.
    pub(crate) again: Vec<(SessionId, StreamId)>,
    /// Sessions with control bytes that Python has not had.
    pub(crate) unread_sessions: VecDeque<usize>,
    // What may become overdue, each in the order of its deadlines or swept whole.
    pub(crate) fresh: VecDeque<(Instant, SessionId, StreamId)>,
    pub(crate) parked: VecDeque<(Instant, SessionId, StreamId)>,
    pub(crate) orphans: VecDeque<(Instant, LogRef)>,
    /// Subgroups that grew, to be settled when they stay open and grow no more.
    pub(crate) unsettled: VecDeque<(Instant, LogRef)>,
    pub(crate) ending_sources: Vec<(usize, SourceId)>,
    pub(crate) ranged: Vec<(usize, SinkId)>,
    pub(crate) closing: Vec<Closing>,
    pub(crate) failing: Vec<(Instant, FetchId)>,
    next_sweep: Option<Instant>,
    stopping: Option<Instant>,
    // Used again and again, so that a packet allocates nothing.
    pub(crate) scratch: Vec<Bytes>,
    pub(crate) scratch_bytes: Vec<u8>,
    pub(crate) scratch_marks: Vec<Mark>,
    pub(crate) scratch_logs: Vec<usize>,
    #[expect(clippy::vec_box, reason = "the boxes are what is used again")]
    pub(crate) spare_streams: Vec<Box<DataStream>>,
}

impl Relay {
    /// A relay without sessions. `carriers` is this shard's.
    pub fn new(
        shard: ShardId,
        now: Instant,
        carriers: Carriers,
        limits: Limits,
        counters: Arc<Counters>,
    ) -> Self {
        Self {
            shard,
            now,
            limits,
            counters,
            carriers,
            store: Store::new(limits.cache),
            sessions: Slab::new(),
            session_index: FxHashMap::default(),
            session_keys: FxHashMap::default(),
            tracks: Slab::new(),
            track_index: FxHashMap::default(),
            sources: Slab::new(),
            source_index: FxHashMap::default(),
            sinks: Slab::new(),
            sink_index: FxHashMap::default(),
            fetches: Slab::new(),
            fetch_index: FxHashMap::default(),
            events: VecDeque::new(),
            own_letters: VecDeque::new(),
            held_letters: VecDeque::new(),
            early_feeds: Vec::new(),
            broken: Vec::new(),
            feeders: FxHashMap::default(),
            next_feeder: 0,
            next_ticket: 0,
            dirty: Vec::new(),
            to_serve: Vec::new(),
            overflowing: Vec::new(),
            behind: Vec::new(),
            again: Vec::new(),
            unread_sessions: VecDeque::new(),
            fresh: VecDeque::new(),
            parked: VecDeque::new(),
            orphans: VecDeque::new(),
            unsettled: VecDeque::new(),
            ending_sources: Vec::new(),
            ranged: Vec::new(),
            closing: Vec::new(),
            failing: Vec::new(),
            next_sweep: None,
            stopping: None,
            scratch: Vec::new(),
            scratch_bytes: Vec::new(),
            scratch_marks: Vec::new(),
            scratch_logs: Vec::new(),
            spare_streams: Vec::new(),
        }
    }

    /// The carriers, for what needs nothing of the relay.
    pub fn carriers(&mut self) -> &mut Carriers {
        &mut self.carriers
    }

    /// The time of the last call.
    pub fn now(&self) -> Instant {
        self.now
    }

    /// A datagram of QUIC.
    pub fn handle_datagram(&mut self, now: Instant, datagram: shard::Datagram) {
        self.now = now;
        match self.carriers.shard_of(&datagram.data) {
            Some(owner) if owner != self.shard.0 => {
                // Lost where the other shard does not keep up, as on any other way.
                self.try_post(ShardId(owner), Letter::Handover(Box::new(datagram)));
            }
            _ => self.carriers.handle_datagram(now, datagram),
        }
    }

    /// What is due.
    pub fn handle_timeouts(&mut self, now: Instant) {
        self.now = now;
        self.carriers.handle_timeouts(now);
        if self.next_sweep.is_some_and(|at| at <= now) {
            self.next_sweep = None;
            self.sweep_streams();
            self.sweep_orphans(now);
            self.sweep_unsettled(now);
            self.sweep_ranges();
            self.sweep_behind();
            self.sweep_failing();
            self.evict(now);
            self.expire(now);
            self.counters.cache_bytes.set(self.store.bytes());
        }
    }

    /// When [`Relay::handle_timeouts`] has something to do.
    pub fn next_timeout(&mut self) -> Option<Instant> {
        let pending = !(self.fresh.is_empty()
            && self.parked.is_empty()
            && self.orphans.is_empty()
            && self.unsettled.is_empty()
            && self.ending_sources.is_empty()
            && self.ranged.is_empty()
            && self.closing.is_empty()
            && self.failing.is_empty()
            && self.behind.is_empty()
            && self.broken.is_empty()
            && self.stopping.is_none()
            && self.store.is_idle());
        if pending && self.next_sweep.is_none() {
            self.next_sweep = Some(self.now + SWEEP);
        }
        let idle = self.again.is_empty()
            && self.to_serve.is_empty()
            && self.own_letters.is_empty()
            && self.held_letters.is_empty();
        let again = (!idle).then_some(self.now);
        [self.carriers.next_timeout(), self.next_sweep, again]
            .into_iter()
            .flatten()
            .min()
    }

    /// After everything of a pass has come in: forwards it.
    pub fn settle(&mut self, now: Instant) {
        self.now = now;
        for (id, stream) in std::mem::take(&mut self.again) {
            if let Some(&slot) = self.session_index.get(&id) {
                self.stream_readable(slot, stream);
            }
        }
        loop {
            while let Some((key, event)) = self.carriers.poll_event(now) {
                self.handle_carrier_event(key, event);
            }
            let Some(letter) = self.own_letters.pop_front() else {
                break;
            };
            self.handle_letter(now, self.shard, letter);
        }
        self.sweep_ending_sources();
        while let Some(letter) = self.own_letters.pop_front() {
            self.handle_letter(now, self.shard, letter);
        }
        let mut serve = std::mem::take(&mut self.to_serve);
        for slot in serve.drain(..) {
            self.serve(slot);
        }
        serve.append(&mut self.to_serve);
        self.to_serve = serve;
        self.fan_out();
        if !self.closing.is_empty() {
            self.sweep_closing();
        }
        if !self.broken.is_empty() {
            self.mend_feeds();
        }
        if self
            .stopping
            .is_some_and(|deadline| self.sessions.is_empty() || now >= deadline)
        {
            self.stopping = None;
            self.events.push_back(Event::Stopped);
        }
    }

    /// The next event for Python, other than control bytes.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// Puts an event back that the queue to Python had no room for.
    pub fn unpoll_event(&mut self, event: Event) {
        self.counters.events_delayed.add(1);
        self.events.push_front(event);
    }

    /// Reads control bytes into events, at most `room` of them, as [`Event::StreamBytes`]; each
    /// session once a `visit` of Python's. True when more waits for the next visit.
    pub fn poll_control(&mut self, visit: u64, room: usize) -> bool {
        self.read_control(visit, room)
    }

    /// The next letter to another shard.
    pub fn poll_letter(&mut self) -> Option<Addressed> {
        self.held_letters.pop_front()
    }

    /// Puts a letter back that the ring had no room for.
    pub fn unpoll_letter(&mut self, letter: Addressed) {
        self.held_letters.push_front(letter);
    }

    /// A letter from another shard.
    pub fn handle_letter(&mut self, now: Instant, from: ShardId, letter: Letter) {
        self.now = now;
        match letter {
            Letter::FeedWanted { track } => self.start_feed(track, from),
            Letter::FeedUnwanted { track } => {
                self.early_feeds.retain(|early| *early != (track, from));
                if let Some(&slot) = self.track_index.get(&track) {
                    self.tracks[slot].members.remove_feed(from);
                }
            }
            Letter::FeedStart {
                track,
                largest,
                priority,
                logs,
            } => {
                self.feed_started(now, track, largest, priority, logs);
            }
            Letter::Fed {
                track,
                key: StepKey(key),
                step,
            } => self.fed(now, track, key, step),
            Letter::Priority { track, priority } => {
                if let Some(&slot) = self.track_index.get(&track) {
                    self.tracks[slot].priority = priority;
                }
            }
            Letter::TrackClosed { track } => self.close_track(track),
            Letter::Brought {
                track,
                source,
                feeder,
                header: StepHeader(header),
                key: StepKey(key),
                step,
            } => {
                let feeder = Feeder {
                    source,
                    stream: feeder,
                    header,
                };
                self.brought(track, feeder, key, step);
            }
            Letter::SourceJoined { track, source } => {
                if let Some(&slot) = self.track_index.get(&track) {
                    self.source_joined(slot, source);
                }
            }
            Letter::SourceLeft { track, source } => {
                if let Some(&slot) = self.track_index.get(&track) {
                    self.source_left(now, slot, source);
                }
            }
            Letter::SourceMalformed { source } => self.detach_source(source),
            Letter::FetchWanted {
                fetch,
                track,
                range,
                cursor,
            } => {
                self.serve_fetch(fetch, track, range, cursor);
            }
            Letter::FetchOpened {
                fetch,
                status,
                begins_unknown,
                end_of_track,
                end,
            } => {
                self.fetch_opened(fetch, status, begins_unknown, end_of_track, end);
            }
            Letter::FetchParts { fetch, parts, next } => self.take_parts(fetch, parts, next),
            Letter::Handover(datagram) => self.carriers.handle_datagram(now, *datagram),
        }
    }

    fn brought(
        &mut self,
        track: TrackId,
        feeder: Feeder,
        key: crate::relay::log::LogKey,
        step: crate::relay::letter::Step,
    ) {
        use crate::relay::letter::Step;
        let Some(&slot) = self.track_index.get(&track) else {
            return;
        };
        let brought = match step {
            Step::Open(StepHeader(header)) => {
                self.bring(self.now, slot, feeder, key, StepRef::Open(header))
            }
            Step::Run(bytes, marks) => {
                let bytes = self.store.arena.copy(&bytes);
                self.bring(self.now, slot, feeder, key, StepRef::Run(bytes, &marks))
            }
            Step::End { finished } => {
                self.bring(self.now, slot, feeder, key, StepRef::End { finished })
            }
        };
        if let Err(broken) = brought {
            let source = feeder.source;
            self.events.push_back(Event::Malformed {
                track,
                source,
                reason: broken.0.to_owned(),
            });
            self.post(source.shard(), Letter::SourceMalformed { source });
        }
    }

    /// Carries out a command.
    pub fn carry_out(&mut self, now: Instant, command: Command) {
        self.now = now;
        match command {
            Command::SetTls { tls } => self.carriers.set_server_tls(tls),
            Command::Shutdown {
                code,
                reason,
                deadline,
            } => {
                for (_, session) in &self.sessions {
                    self.carriers.close(now, session.key, code, &reason);
                }
                self.stopping = Some(now + deadline);
            }
            Command::Connect { session, dial } => match self.carriers.connect(now, *dial) {
                Ok(key) => {
                    self.add_session(session, key);
                }
                Err(error) => {
                    let reason = error.to_string();
                    self.events.push_back(Event::Closed {
                        session,
                        code: None,
                        reason,
                        remote: false,
                    });
                }
            },
            Command::Accept { session, protocol } => {
                if let Some(&slot) = self.session_index.get(&session) {
                    self.carriers
                        .accept(self.sessions[slot].key, protocol.as_deref());
                }
            }
            Command::Refuse { session, status } => {
                if let Some(&slot) = self.session_index.get(&session) {
                    self.carriers.refuse(now, self.sessions[slot].key, status);
                }
            }
            Command::SetDraft { session, draft } => self.set_draft(session, draft),
            Command::Close {
                session,
                code,
                reason,
            } => self.close_session(session, code, &reason),
            Command::OpenStream {
                session,
                stream,
                bidirectional,
            } => {
                self.open_control(session, stream, bidirectional);
            }
            Command::Send {
                session,
                stream,
                data,
                fin,
            } => self.send(session, stream, data, fin),
            Command::ResetStream {
                session,
                stream,
                code,
            } => self.reset_control(session, stream, code),
            Command::StopStream {
                session,
                stream,
                code,
            } => self.stop_control(session, stream, code),
            Command::OpenTrack { track, scope } => self.open_track(track, scope),
            Command::UpdateTrack {
                track,
                priority,
                max_cache,
                largest,
            } => {
                self.update_track(track, priority, max_cache, largest);
            }
            Command::CloseTrack { track } => self.close_track(track),
            Command::QueryTrack { track, query } => self.query_track(track, query),
            Command::WatchGroup { track, group } => self.watch_group(track, group),
            Command::AttachSource {
                source,
                track,
                session,
                alias,
            } => {
                self.attach_source(source, track, session, alias);
            }
            Command::EndSource {
                source,
                streams,
                deadline,
            } => {
                self.end_source(source, streams, deadline);
            }
            Command::DetachSource { source } => self.detach_source(source),
            Command::AttachSink {
                sink,
                track,
                session,
                options,
            } => {
                self.attach_sink(sink, track, session, &options);
            }
            Command::StartSink {
                sink,
                stream,
                reply,
            } => self.start_sink(sink, stream, reply),
            Command::UpdateSink { sink, change } => self.update_sink(sink, &change),
            Command::EndSink { sink } => self.end_sink(sink),
            Command::DetachSink { sink } => self.detach_sink(sink),
            Command::Fetch {
                fetch,
                track,
                session,
                request_id,
                range,
            } => {
                self.fetch(fetch, track, session, request_id, range);
            }
            Command::StartFetch {
                fetch,
                stream,
                reply,
            } => self.start_fetch(fetch, stream, reply),
            Command::CancelFetch { fetch } => self.cancel_fetch(fetch),
        }
    }
}

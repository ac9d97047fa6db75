//! Writes what logs hold to the subscribers that want it, and decides what a slow one loses.
//!
//! After every batch of received packets the logs that grew are written to their outlets. An outlet
//! that finds no room waits in its session; room that comes back goes to the most wanted first. A
//! session whose waiting bytes pass the limit loses its least wanted, oldest subgroups.

use std::time::Instant;

use bytes::{Buf, Bytes};

use crate::carrier::{Carriers, StreamId, WriteError};
use crate::framing::codes::Reset;
use crate::framing::datagram::{self, Body, ObjectDatagram};
use crate::framing::header::{self, SubgroupHeader, SubgroupId, TrackAlias};
use crate::framing::location::{GroupId, Location};
use crate::framing::properties::Properties;
use crate::framing::status::Status;
use crate::framing::subgroup;
use crate::framing::varint::TooLarge;
use crate::relay::Relay;
use crate::relay::event::DrainReason;
use crate::relay::log::{Log, LogState, Outlet, OutletState};
use crate::relay::session::{OutRef, Session, Waiting, WaitingFor};
use crate::relay::sinks::Sink;
use crate::relay::store::LogRef;

/// Slices of a log that one write takes.
const SLICES: usize = 64;
/// What waiting counts besides the bytes that wait.
const WAITING: u64 = 200;
/// Sessions with more waiting outlets than this are not tried again until they report room.
const EAGER_TRIES: usize = 8;

/// How many times the limit of a session one subgroup may hold that waits alone.
const ALONE: u64 = 4;

/// What came of writing to an outlet.
enum Outcome {
    /// All there is was written.
    Caught,
    Blocked,
    /// What comes next is no longer held.
    Behind,
    Done,
}

impl Relay {
    /// Writes every log that grew since the last pass.
    pub(crate) fn fan_out(&mut self) {
        let mut dirty = std::mem::take(&mut self.dirty);
        for log in dirty.drain(..) {
            self.store[log].dirty = false;
            self.fan_out_log(log);
        }
        self.dirty = dirty;
        for at in 0..self.overflowing.len() {
            self.shed(self.overflowing[at]);
        }
        self.overflowing.clear();
    }

    fn fan_out_log(&mut self, log: usize) {
        let reference = self.store.reference(log);
        for at in 0..self.store[log].outlets.len() {
            let outlet = &self.store[log].outlets[at];
            let (index, id, state) = (outlet.sink, outlet.sink_id, outlet.state);
            if state == OutletState::Done {
                continue;
            }
            let Some(sink) = self.sinks.get(index).filter(|sink| sink.id == id) else {
                self.store[log].outlets[at].state = OutletState::Done;
                continue;
            };
            if !sink.started {
                continue;
            }
            let session = sink.session;
            if state == OutletState::Blocked {
                if self.store[log].state == LogState::Reset {
                    self.finish_outlet(log, at, Some(Reset::Cancelled));
                } else {
                    self.charge(log, at, session);
                }
            } else if self.sessions[session].blocked.len() >= EAGER_TRIES {
                self.block(reference, at, session);
            } else if self.pump(reference, at) && self.sessions[session].blocked.is_empty() {
                self.sessions[session].behind_since = None;
            }
        }
        // A fed shard keeps a finished subgroup only while somebody may still join it.
        self.forget_if_spent(log);
    }

    fn forget_if_spent(&mut self, log: usize) {
        let held = &self.store[log];
        if held.state == LogState::Open || held.outlets.iter().any(|o| o.state != OutletState::Done)
        {
            return;
        }
        self.store[log].outlets.clear();
        let held = &self.store[log];
        let track = &self.tracks[held.track];
        let current = track.largest.map_or(0, |largest| largest.group.0);
        if !track.home && held.key.group < current {
            self.drop_log(log);
        }
    }

    /// Writes to one outlet what it lacks; true when that was something and all of it went.
    pub(crate) fn pump(&mut self, log: LogRef, at: usize) -> bool {
        let Some(held) = self.store.get(log) else {
            return false;
        };
        let outlet = &held.outlets[at];
        let sink_index = outlet.sink;
        let Some(sink) = self
            .sinks
            .get_mut(sink_index)
            .filter(|sink| sink.id == outlet.sink_id)
        else {
            held.outlets[at].state = OutletState::Done;
            return false;
        };
        let session_index = sink.session;
        let session = &mut self.sessions[session_index];
        let track_priority = self.tracks[sink.track].priority;
        let (held, arena) = self.store.log_and_arena(log.index);
        let before = held.outlets[at].stream;
        let mut writer = Writer {
            log: held,
            at,
            sink,
            session,
            track_priority,
            carriers: &mut self.carriers,
            arena,
            scratch: &mut self.scratch,
            bytes: &mut self.scratch_bytes,
            now: self.now,
        };
        let outcome = writer.write();
        self.scratch.clear();
        let outlet = &self.store[log.index].outlets[at];
        let session = &mut self.sessions[session_index];
        let written = std::mem::take(&mut session.written);
        self.counters.bytes_out.add(written);
        let caught_up = written > 0 && !matches!(outcome, Outcome::Blocked);
        if let Some(stream) = outlet.stream.filter(|_| before.is_none()) {
            self.counters.streams_out.add(1);
            if !matches!(outcome, Outcome::Done) {
                session.out.insert(stream, OutRef::Outlet { log, at });
            }
        }
        match outcome {
            Outcome::Caught => self.store[log.index].outlets[at].state = OutletState::Live,
            Outcome::Blocked => self.block(log, at, session_index),
            Outcome::Behind => self.drop_outlet(log.index, at),
            Outcome::Done => self.retire(log.index, at),
        }
        caught_up
    }

    fn block(&mut self, log: LogRef, at: usize, session: usize) {
        self.next_ticket += 1;
        let ticket = self.next_ticket;
        let outlet = &mut self.store[log.index].outlets[at];
        outlet.state = OutletState::Blocked;
        outlet.ticket = ticket;
        let sink = &self.sinks[self.store[log.index].outlets[at].sink];
        let held = &self.store[log.index];
        let publisher = held
            .header
            .priority
            .unwrap_or(self.tracks[held.track].priority);
        let group = held.key.group;
        let waiting = Waiting {
            priority: (sink.priority, publisher),
            request: sink.id.0,
            order: if sink.descending { !group } else { group },
            subgroup: held.key.subgroup,
            turn: 0,
            what: WaitingFor::Outlet { log, at, ticket },
        };
        self.sessions[session].blocked.push(waiting);
        self.charge(log.index, at, session);
    }

    /// Counts what an outlet lacks as queued in its session.
    fn charge(&mut self, log: usize, at: usize, session: usize) {
        let held = &self.store[log];
        let owed = held.owed_to(&held.outlets[at]) + WAITING;
        let before = std::mem::replace(&mut self.store[log].outlets[at].owed, owed);
        let session_state = &mut self.sessions[session];
        session_state.queued = session_state.queued + owed - before;
        if owed > before && session_state.queued > self.limits.queued_bytes {
            self.overflowing.push(session);
        }
    }

    /// Gives the room of a session to what waits there.
    pub(crate) fn serve(&mut self, session: usize) {
        let Some(state) = self.sessions.get_mut(session) else {
            return;
        };
        state.wants_service = false;
        if state.blocked.is_empty() {
            return;
        }
        let mut waiting = std::mem::take(&mut state.blocked);
        order(&mut waiting, state.served);
        state.served = waiting[0].request;
        let mut refused = 0;
        let mut left = waiting.into_iter();
        for entry in left.by_ref() {
            let blocked_before = self.sessions[session].blocked.len();
            self.resume(session, entry);
            if self.sessions[session].blocked.len() > blocked_before {
                refused += 1;
                if refused >= EAGER_TRIES {
                    break;
                }
            }
        }
        let Some(state) = self.sessions.get_mut(session) else {
            return;
        };
        state.blocked.extend(left);
        if state.blocked.is_empty() {
            state.behind_since = None;
        }
    }

    fn resume(&mut self, session: usize, entry: Waiting) {
        match entry.what {
            WaitingFor::Outlet { log, at, ticket } => {
                let held = self.store.get(log);
                let Some(held) = held.filter(|held| held.waits(at, ticket)) else {
                    return;
                };
                let outlet = &mut held.outlets[at];
                outlet.state = OutletState::Live;
                let owed = std::mem::take(&mut outlet.owed);
                self.sessions[session].queued -= owed;
                if self.is_late(log, at) {
                    let sink = self.store[log.index].outlets[at].sink_id;
                    self.store[log.index].refused.push(sink);
                    self.finish_outlet(log.index, at, Some(Reset::DeliveryTimeout));
                } else {
                    self.pump(log, at);
                }
            }
            WaitingFor::Fetch(fetch) => self.pump_fetch(fetch),
        }
    }

    /// The next object to write is older than the subscription's delivery timeout.
    fn is_late(&mut self, log: LogRef, at: usize) -> bool {
        let held = &self.store[log.index];
        let outlet = &held.outlets[at];
        let timeout = self
            .sinks
            .get(outlet.sink)
            .and_then(|sink| sink.delivery_timeout);
        let Some(timeout) = timeout else { return false };
        let since = held.waiting_since(outlet);
        since.is_some_and(|since| self.now.saturating_duration_since(since) > timeout)
    }

    /// A session holds more than its limit: its least wanted and oldest subgroups go. The last one
    /// may hold [`ALONE`] times as much: it is what a viewer waits for, and may be one large object.
    fn shed(&mut self, session: usize) {
        let Some(state) = self.sessions.get_mut(session) else {
            return;
        };
        if state.queued <= self.limits.queued_bytes {
            return;
        }
        state.behind_since.get_or_insert(self.now);
        self.behind.push(session);
        let mut waiting = std::mem::take(&mut state.blocked);
        waiting.sort_by_key(|entry| {
            let oldest = match entry.what {
                WaitingFor::Outlet { log, .. } => self.store[log.index].key.group,
                WaitingFor::Fetch(_) => u64::MAX,
            };
            (std::cmp::Reverse(entry.priority), oldest)
        });
        let mut kept = Vec::with_capacity(waiting.len());
        let last = waiting.len().saturating_sub(1);
        for (place, entry) in waiting.into_iter().enumerate() {
            let queued = self.sessions[session].queued;
            let over = match place == last && kept.is_empty() {
                true => queued > ALONE * self.limits.queued_bytes,
                false => queued > self.limits.queued_bytes,
            };
            match entry.what {
                WaitingFor::Outlet { log, at, ticket } if over => {
                    let held = self.store.get(log);
                    if held.is_some_and(|held| held.waits(at, ticket)) {
                        self.counters.streams_dropped.add(1);
                        self.drop_outlet(log.index, at);
                    }
                }
                _ => kept.push(entry),
            }
        }
        let state = &mut self.sessions[session];
        kept.append(&mut state.blocked);
        state.blocked = kept;
    }

    /// Gives up an outlet's stream for being behind; where its subgroup is still growing and is the
    /// newest, a new stream goes on with the objects to come.
    fn drop_outlet(&mut self, log: usize, at: usize) {
        let held = &self.store[log];
        let newest = self.tracks[held.track]
            .largest
            .is_some_and(|l| l.group.0 == held.key.group);
        let goes_on = held.state == LogState::Open && newest;
        let next = held.last_object().map_or(0, |last| last + 1);
        let (sink, sink_id, profile) = {
            let outlet = &held.outlets[at];
            (outlet.sink, outlet.sink_id, outlet.profile)
        };
        self.finish_outlet(log, at, Some(Reset::TooFarBehind));
        if goes_on && let Some(sink_state) = self.sinks.get_mut(sink) {
            sink_state.live += 1;
            self.store[log].outlets[at] = Outlet::new(sink, sink_id, profile, next);
        }
    }

    /// Ends the sinks of sessions that stayed behind for too long.
    pub(crate) fn sweep_behind(&mut self) {
        let mut behind = std::mem::take(&mut self.behind);
        behind.sort_unstable();
        behind.dedup();
        behind.retain(|&session| {
            let Some(state) = self.sessions.get(session) else {
                return false;
            };
            let Some(since) = state.behind_since else {
                return false;
            };
            if self.now.saturating_duration_since(since) < self.limits.behind {
                return true;
            }
            let sinks: Vec<usize> = state.sinks.clone();
            for sink in sinks {
                let waits = self.sinks[sink].live > 0;
                if waits && self.sinks[sink].started {
                    self.counters.too_far_behind.add(1);
                    self.drain_sink(sink, DrainReason::TooFarBehind);
                }
            }
            if let Some(state) = self.sessions.get_mut(session) {
                state.behind_since = None;
            }
            false
        });
        behind.append(&mut self.behind);
        self.behind = behind;
    }

    /// Ends an outlet before its log's end.
    pub(crate) fn give_up_outlet(&mut self, log: usize, at: usize, code: Reset) {
        if self.store[log].outlets[at].state != OutletState::Done {
            self.finish_outlet(log, at, Some(code));
        }
    }

    /// Ends all outlets of a log that is about to be forgotten.
    pub(crate) fn give_up_outlets(&mut self, log: usize) {
        for at in 0..self.store[log].outlets.len() {
            self.give_up_outlet(log, at, Reset::TooFarBehind);
        }
    }

    fn finish_outlet(&mut self, log: usize, at: usize, reset: Option<Reset>) {
        let outlet = &self.store[log].outlets[at];
        let (stream, profile) = (outlet.stream, outlet.profile);
        if let (Some(stream), Some(code)) = (stream, reset)
            && let Some(sink) = self
                .sinks
                .get(outlet.sink)
                .filter(|sink| sink.id == outlet.sink_id)
        {
            let key = self.sessions[sink.session].key;
            if let Some(mut carrier) = self.carriers.session(key) {
                carrier.reset(stream, code.code(profile));
            }
        }
        self.retire(log, at);
    }

    /// Takes an outlet that is done out of every count and queue.
    fn retire(&mut self, log: usize, at: usize) {
        let outlet = &mut self.store[log].outlets[at];
        let waits = outlet.state == OutletState::Blocked;
        outlet.state = OutletState::Done;
        outlet.prefix = Bytes::new();
        let owed = std::mem::take(&mut outlet.owed);
        let stream = outlet.stream;
        let (index, id) = (outlet.sink, outlet.sink_id);
        let Some(sink) = self.sinks.get_mut(index).filter(|sink| sink.id == id) else {
            return;
        };
        sink.live -= 1;
        let session = &mut self.sessions[sink.session];
        session.queued -= owed;
        if waits {
            session.gone += 1;
            if session.gone > EAGER_TRIES && session.gone * 2 > session.blocked.len() {
                session.gone = 0;
                let store = &mut self.store;
                session.blocked.retain(|waiting| match waiting.what {
                    WaitingFor::Outlet { log, at, ticket } => {
                        store.get(log).is_some_and(|log| log.waits(at, ticket))
                    }
                    WaitingFor::Fetch(_) => true,
                });
            }
        }
        if let Some(stream) = stream {
            session.out.remove(&stream);
        }
        if waits {
            // Only streams that were tried are told of room, and this may have been one.
            let session = sink.session;
            self.want_service(session);
        }
    }

    /// The subscriber stopped a data stream: it wants no more of that subgroup.
    pub(crate) fn stream_stopped(&mut self, session: usize, stream: StreamId, code: u64) {
        match self.sessions[session].out.get(&stream).copied() {
            Some(OutRef::Outlet { log, at }) => {
                if let Some(held) = self.store.get(log) {
                    held.refused.push(held.outlets[at].sink_id);
                    self.give_up_outlet(log.index, at, Reset::Cancelled);
                }
            }
            Some(OutRef::Fetch(fetch)) => self.fetch_stopped(fetch),
            None => {
                let key = self.sessions[session].key;
                if let Some(mut carrier) = self.carriers.session(key) {
                    carrier.reset(stream, code);
                }
            }
        }
    }
}

/// Most wanted first: by priority, then the requests take turns, each with its own order.
/// Who was `served` first the last time is the last of its equals now.
fn order(waiting: &mut [Waiting], served: u64) {
    if waiting.len() < 2 {
        return;
    }
    waiting.sort_by_key(|entry| (entry.request, entry.order, entry.subgroup));
    let mut place = 0;
    for at in 0..waiting.len() {
        place = if at > 0 && waiting[at].request == waiting[at - 1].request {
            place + 1
        } else {
            0
        };
        waiting[at].turn = place;
    }
    waiting.sort_by_key(|entry| {
        let since = entry.request.wrapping_sub(served.wrapping_add(1));
        (entry.priority, entry.turn, since)
    });
}

/// One write to one outlet, with everything that it needs at hand.
struct Writer<'a> {
    log: &'a mut Log,
    at: usize,
    sink: &'a mut Sink,
    session: &'a mut Session,
    track_priority: u8,
    carriers: &'a mut Carriers,
    arena: &'a mut crate::relay::arena::Arena,
    scratch: &'a mut Vec<Bytes>,
    bytes: &'a mut Vec<u8>,
    now: Instant,
}

impl Writer<'_> {
    fn write(&mut self) -> Outcome {
        let outlet = &self.log.outlets[self.at];
        let profile = outlet.profile;
        if let Some(object) = outlet.seek {
            let found = self.log.position(object);
            if self.log.key.datagram {
                return found.map_or(Outcome::Caught, |index| self.send_datagram(index));
            }
            let entrance = found.and_then(|index| self.log.entrance(profile, index));
            let Some((cursor, opening)) = entrance else {
                return if self.log.state == LogState::Open {
                    Outcome::Caught
                } else {
                    Outcome::Done
                };
            };
            if self.log.state == LogState::Reset || self.encode_header(opening.is_some()).is_err() {
                return Outcome::Done;
            }
            if let Some((header, mark)) = opening {
                subgroup::rewrite_first(profile, &header, &mark, self.bytes);
            }
            let outlet = &mut self.log.outlets[self.at];
            outlet.prefix = self.arena.copy(self.bytes);
            outlet.cursor = cursor;
            outlet.seek = None;
        }
        let outlet = &self.log.outlets[self.at];
        if outlet.cursor < self.log.span(profile).0 {
            return Outcome::Behind;
        }
        if self.log.state == LogState::Reset {
            return self.reset(Reset::Cancelled);
        }
        match self.open_stream() {
            Some(stream) => self.write_stream(stream),
            None => Outcome::Blocked,
        }
    }

    fn reset(&mut self, code: Reset) -> Outcome {
        let outlet = &self.log.outlets[self.at];
        if let Some(stream) = outlet.stream
            && let Some(mut carrier) = self.carriers.session(self.session.key)
        {
            carrier.reset(stream, code.code(outlet.profile));
        }
        Outcome::Done
    }

    fn encode_header(&mut self, later: bool) -> Result<(), TooLarge> {
        self.bytes.clear();
        let log = &self.log;
        let first = log.header.profile;
        let number = log.key.subgroup;
        let subgroup = match number {
            0 => SubgroupId::Zero,
            _ => SubgroupId::Explicit(number),
        };
        let header = SubgroupHeader {
            alias: TrackAlias(self.sink.alias),
            group: GroupId(log.key.group),
            subgroup,
            priority: log.header.priority,
            extensions: log.header.extensions,
            end_of_group: log.header.end_of_group,
            first_object: !later && first.first_object_is_marked,
        };
        let profile = log.outlets[self.at].profile;
        header::encode(profile, &header, self.track_priority, self.bytes)
    }

    fn open_stream(&mut self) -> Option<StreamId> {
        if let Some(stream) = self.log.outlets[self.at].stream {
            return Some(stream);
        }
        let publisher = self.log.header.priority.unwrap_or(self.track_priority);
        let priority = data_priority(self.sink.priority, publisher);
        let stream = self
            .carriers
            .session(self.session.key)?
            .open_uni(priority)?;
        self.log.outlets[self.at].stream = Some(stream);
        self.sink.streams += 1;
        Some(stream)
    }

    fn write_stream(&mut self, stream: StreamId) -> Outcome {
        let Some(mut carrier) = self.carriers.session(self.session.key) else {
            return Outcome::Done;
        };
        loop {
            let outlet = &mut self.log.outlets[self.at];
            self.scratch.clear();
            if !outlet.prefix.is_empty() {
                self.scratch.push(outlet.prefix.clone());
            }
            let (cursor, profile) = (outlet.cursor, outlet.profile);
            self.log.read(profile, cursor, SLICES, self.scratch);
            if self.scratch.is_empty() {
                break;
            }
            match carrier.write_chunks(stream, self.scratch) {
                Ok(written) => {
                    self.session.written += written.bytes as u64;
                    let outlet = &mut self.log.outlets[self.at];
                    let prefix = outlet.prefix.len().min(written.bytes);
                    outlet.prefix.advance(prefix);
                    outlet.cursor += (written.bytes - prefix) as u64;
                }
                Err(WriteError::Blocked) => return Outcome::Blocked,
                Err(WriteError::Stopped(code)) => {
                    self.log.refused.push(self.sink.id);
                    carrier.reset(stream, code);
                    return Outcome::Done;
                }
                Err(WriteError::Closed) => return Outcome::Done,
            }
        }
        if self.log.state == LogState::Finished {
            carrier.finish(stream);
            return Outcome::Done;
        }
        Outcome::Caught
    }

    fn send_datagram(&mut self, index: usize) -> Outcome {
        let Some((mark, properties, payload)) = self.log.object(index) else {
            return Outcome::Done;
        };
        let late = self
            .sink
            .delivery_timeout
            .is_some_and(|timeout| self.now.saturating_duration_since(self.log.touched) > timeout);
        if late {
            return Outcome::Done;
        }
        let body = match mark.status {
            Status::Normal => Body::Payload(&[]),
            status => Body::Status(status),
        };
        let object = ObjectDatagram {
            alias: TrackAlias(self.sink.alias),
            location: Location {
                group: GroupId(self.log.key.group),
                object: mark.object,
            },
            priority: self.log.header.priority,
            properties: Properties::new(self.log.header.profile, &properties),
            end_of_group: self.log.header.end_of_group,
            body,
        };
        let profile = self.log.outlets[self.at].profile;
        self.bytes.clear();
        if datagram::encode(profile, &object, self.track_priority, self.bytes).is_err() {
            return Outcome::Done;
        }
        payload
            .iter()
            .for_each(|part| self.bytes.extend_from_slice(part));
        if let Some(mut carrier) = self.carriers.session(self.session.key) {
            let bytes = self.arena.copy(self.bytes);
            let len = bytes.len() as u64;
            if carrier.send_datagram(bytes).is_ok() {
                self.session.written += len;
            }
        }
        Outcome::Done
    }
}

/// The order in which QUIC sends what is queued: control is at [`i32::MAX`], then subscriber
/// priority, then publisher priority, lower numbers first.
pub(crate) fn data_priority(subscriber: u8, publisher: u8) -> i32 {
    -(i32::from(subscriber) << 8 | i32::from(publisher))
}

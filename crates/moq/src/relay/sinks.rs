//! Sinks: who gets a track, from where on, and how a subscription changes and ends.

use std::time::{Duration, Instant};

use bytes::Bytes;
use track::{ScopeId, SessionId, SinkId, TrackId};

use crate::framing::codes::Reset;
use crate::framing::location::Location;
use crate::relay::Relay;
use crate::relay::command::{ControlStream, SinkChange, SinkOptions, Start};
use crate::relay::event::{DrainReason, Event};
use crate::relay::fanout::data_priority;
use crate::relay::letter::Letter;
use crate::relay::log::{LogState, Outlet, OutletState};
use crate::relay::tracks::Track;

/// How long a track's last letters may be on their way when Python knows that it is over.
const LETTER_LINGER: Duration = Duration::from_millis(100);
/// How long late subgroups may still come before a range counts as passed.
const RANGE_LINGER: Duration = Duration::from_secs(1);

/// A subscription as its session's shard serves it.
#[derive(Debug)]
pub(crate) struct Sink {
    pub(crate) id: SinkId,
    /// Indices on this shard.
    pub(crate) track: usize,
    pub(crate) session: usize,
    pub(crate) alias: u64,
    pub(crate) asked: Start,
    pub(crate) start: Location,
    pub(crate) end_group: Option<u64>,
    pub(crate) forward: bool,
    pub(crate) priority: u8,
    pub(crate) descending: bool,
    pub(crate) delivery_timeout: Option<Duration>,
    /// Python has written the OK: objects may go out.
    pub(crate) started: bool,
    /// In the list of those that are ending.
    pub(crate) closing: bool,
    /// It takes no new subgroups from then on.
    pub(crate) ends: Option<Instant>,
    /// Data streams opened so far.
    pub(crate) streams: u64,
    /// Outlets that are not done.
    pub(crate) live: usize,
}

/// A sink on its way out.
#[derive(Debug)]
pub(crate) struct Closing {
    pub(crate) sink: usize,
    pub(crate) id: SinkId,
    /// Not before this.
    pub(crate) from: Instant,
    /// What is not delivered by then is given up.
    pub(crate) until: Instant,
    pub(crate) reason: DrainReason,
}

impl Relay {
    pub(crate) fn attach_sink(
        &mut self,
        id: SinkId,
        track: TrackId,
        session: SessionId,
        options: &SinkOptions,
    ) {
        let Some(&session) = self.session_index.get(&session) else {
            return;
        };
        if self.sessions[session].profile.is_none() {
            return;
        }
        let slot = match self.track_index.get(&track) {
            Some(&slot) => slot,
            None if track.shard() == self.shard => return,
            None => {
                let slot = self.add_track(Track::new(track, ScopeId(track.0), false));
                self.post(track.shard(), Letter::FeedWanted { track });
                slot
            }
        };
        let sink = self.sinks.insert(Sink {
            id,
            track: slot,
            session,
            alias: options.alias,
            asked: options.start,
            start: Location::new(0, 0),
            end_group: options.end_group,
            forward: options.forward,
            priority: options.priority,
            descending: options.descending,
            delivery_timeout: options.delivery_timeout,
            started: false,
            closing: false,
            ends: None,
            streams: 0,
            live: 0,
        });
        self.sink_index.insert(id, sink);
        self.sessions[session].sinks.push(sink);
        self.counters.sinks.set(self.sinks.len() as u64);
        if self.tracks[slot].feed_started {
            self.join(sink);
            self.tidy_track(slot);
        } else {
            self.tracks[slot].waiting_sinks.push(sink);
        }
    }

    /// Fixes where a sink starts, and opens its part of what is already there.
    pub(crate) fn join(&mut self, index: usize) {
        let Some(sink) = self.sinks.get_mut(index) else {
            return;
        };
        let track = &mut self.tracks[sink.track];
        let largest = track.largest;
        let next = largest.map_or(Location::new(0, 0), |l| {
            Location::new(l.group.0, l.object.0 + 1)
        });
        sink.start = match (sink.asked, largest) {
            (Start::Absolute(start), _) => start,
            (_, None) | (Start::Largest, _) => next,
            (Start::NextGroup, Some(largest)) => Location::new(largest.group.0 + 1, 0),
        };
        let over = |end: u64| end < sink.start.group.0 || end < next.group.0;
        let valid = !sink.end_group.is_some_and(over);
        let (id, slot) = (sink.id, sink.track);
        self.events.push_back(Event::SinkAttached {
            sink: id,
            largest,
            valid,
        });
        if !valid {
            self.forget_sink(index);
            return;
        }
        self.tracks[slot].members.sinks.push(index);
        if self.sinks[index].end_group.is_some() {
            self.ranged.push((index, id));
        }
        if self.sinks[index].forward {
            let start = self.sinks[index].start;
            self.open_existing(index, start, false);
        }
    }

    /// Outlets for the subgroups that a sink may join: the open ones, and where it asks for the
    /// past, all that is left of the current group. Where it `joined` before, it is not joined
    /// again to what it has, or had until it wanted no more of it.
    fn open_existing(&mut self, index: usize, start: Location, joined: bool) {
        let (slot, id) = (self.sinks[index].track, self.sinks[index].id);
        let track = &self.tracks[slot];
        let current = track.largest.map_or(0, |largest| largest.group.0);
        let from = track
            .groups
            .partition_point(|group| group.number < start.group.0);
        let mut logs = std::mem::take(&mut self.scratch_logs);
        for group in track.groups.range(from..) {
            for &log in &group.logs {
                let held = &self.store[log];
                let last = held
                    .last_object()
                    .map(|last| Location::new(group.number, last));
                let joins =
                    held.state == LogState::Open || group.number >= current && last >= Some(start);
                let joined = |outlet: &Outlet| {
                    outlet.sink_id == id && (joined || outlet.state != OutletState::Done)
                };
                if joins
                    && track.index.get(&held.key) == Some(&log)
                    && !held.outlets.iter().any(joined)
                {
                    logs.push(log);
                }
            }
        }
        for log in logs.drain(..) {
            self.open_outlet(index, log, start, true);
            self.mark_dirty(log);
        }
        self.scratch_logs = logs;
    }

    /// Outlets of a new subgroup, one for each sink that wants it.
    pub(crate) fn open_outlets(&mut self, slot: usize, log: usize) {
        for at in 0..self.tracks[slot].members.sinks.len() {
            let sink = self.tracks[slot].members.sinks[at];
            let ended = self.sinks[sink].ends.is_some_and(|at| at <= self.now);
            if self.sinks[sink].forward && !ended {
                let start = self.sinks[sink].start;
                self.open_outlet(sink, log, start, false);
            }
        }
    }

    /// Who comes `late` to a subgroup takes the place of a sink that left it: subscribers come and go
    /// for as long as it stays open.
    fn open_outlet(&mut self, index: usize, log: usize, start: Location, late: bool) {
        let sink = &mut self.sinks[index];
        let (held, arena) = self.store.log_and_arena(log);
        let group = held.key.group;
        if group < start.group.0 || sink.end_group.is_some_and(|end| group > end) {
            return;
        }
        if held.refused.contains(&sink.id) {
            return;
        }
        let Some(profile) = self.sessions[sink.session].profile else {
            return;
        };
        let before = held.weight();
        held.prepare(profile, arena);
        let after = held.weight();
        let first = if group == start.group.0 {
            start.object.0
        } else {
            0
        };
        sink.live += 1;
        let slot = sink.track;
        let outlet = Outlet::new(index, sink.id, profile, first);
        let sinks = &self.sinks;
        let left = |outlet: &Outlet| {
            let sink = sinks.get(outlet.sink);
            sink.is_none_or(|sink| sink.id != outlet.sink_id)
        };
        let place = if late {
            held.outlets.iter().position(left)
        } else {
            None
        };
        match place {
            Some(at) => held.outlets[at] = outlet,
            None => held.outlets.push(outlet),
        }
        if after != before {
            let scope = self.tracks[slot].scope;
            self.store.account(scope, before, after);
        }
    }

    pub(crate) fn start_sink(&mut self, id: SinkId, stream: ControlStream, reply: Bytes) {
        let Some(&index) = self.sink_index.get(&id) else {
            return;
        };
        let session = self.sinks[index].session;
        self.send_control(session, stream, reply, false);
        self.sinks[index].started = true;
        let slot = self.sinks[index].track;
        for log in self.logs_with_outlets(slot, index) {
            self.mark_dirty(log);
        }
    }

    fn logs_with_outlets(&self, slot: usize, sink: usize) -> Vec<usize> {
        let Some(track) = self.tracks.get(slot) else {
            return Vec::new();
        };
        let logs = track
            .groups
            .iter()
            .flat_map(|group| group.logs.iter().copied());
        logs.filter(|&log| {
            self.store[log]
                .outlets
                .iter()
                .any(|outlet| outlet.sink == sink)
        })
        .collect()
    }

    pub(crate) fn update_sink(&mut self, id: SinkId, change: &SinkChange) {
        let Some(&index) = self.sink_index.get(&id) else {
            return;
        };
        let sink = &mut self.sinks[index];
        if let Some(priority) = change.priority {
            sink.priority = priority;
            self.reprioritize(index);
        }
        let sink = &mut self.sinks[index];
        if change.delivery_timeout.is_some() {
            sink.delivery_timeout = change.delivery_timeout;
        }
        if let Some(start) = change.start {
            sink.start = start;
        }
        if let Some(end_group) = change.end_group {
            sink.end_group = end_group;
        }
        let forward = change.forward.unwrap_or(sink.forward);
        let forwarded = std::mem::replace(&mut sink.forward, forward);
        let (start, end, slot, ended) =
            (sink.start, sink.end_group, sink.track, sink.ends.is_some());
        self.give_up_where(slot, index, |group| {
            !forward || end.is_some_and(|end| group > end) || group < start.group.0
        });
        self.skip_before(slot, index, start);
        if forward && !ended {
            let next = self.tracks[slot].largest.map_or(Location::new(0, 0), |l| {
                Location::new(l.group.0, l.object.0 + 1)
            });
            self.open_existing(index, start.max(next), forwarded);
        }
        if end.is_some() && !self.ranged.contains(&(index, id)) {
            self.ranged.push((index, id));
        }
    }

    /// Moves what waits for a sink, and what its streams will still write, to its new priority.
    fn reprioritize(&mut self, index: usize) {
        let sink = &self.sinks[index];
        let session = &mut self.sessions[sink.session];
        let waiting = session.blocked.iter_mut();
        for entry in waiting.filter(|entry| entry.request == sink.id.0) {
            entry.priority.0 = sink.priority;
        }
        let Some(mut carrier) = self.carriers.session(session.key) else {
            return;
        };
        let track = &self.tracks[sink.track];
        for &log in track.groups.iter().flat_map(|group| &group.logs) {
            let held = &self.store[log];
            let publisher = held.header.priority.unwrap_or(track.priority);
            let outlets = held
                .outlets
                .iter()
                .filter(|outlet| outlet.sink_id == sink.id && outlet.state != OutletState::Done);
            for stream in outlets.filter_map(|outlet| outlet.stream) {
                carrier.set_priority(stream, data_priority(sink.priority, publisher));
            }
        }
    }

    /// Resets a sink's streams in the groups that `out` names.
    fn give_up_where(&mut self, slot: usize, sink: usize, out: impl Fn(u64) -> bool) {
        for log in self.logs_with_outlets(slot, sink) {
            if !out(self.store[log].key.group) {
                continue;
            }
            for at in 0..self.store[log].outlets.len() {
                if self.store[log].outlets[at].sink == sink {
                    self.give_up_outlet(log, at, Reset::Cancelled);
                }
            }
        }
    }

    /// Lets a sink's streams that have not begun open with nothing before `start`.
    fn skip_before(&mut self, slot: usize, sink: usize, start: Location) {
        for log in self.logs_with_outlets(slot, sink) {
            if self.store[log].key.group != start.group.0 {
                continue;
            }
            let outlets = self.store[log].outlets.iter_mut();
            for outlet in outlets.filter(|outlet| outlet.sink == sink) {
                outlet.seek = outlet.seek.map(|seek| seek.max(start.object.0));
            }
        }
    }

    /// Closes the sinks whose last group has passed, once late subgroups had their time.
    pub(crate) fn sweep_ranges(&mut self) {
        let mut ranged = std::mem::take(&mut self.ranged);
        ranged.retain(|&(index, id)| {
            let Some(sink) = self.sinks.get(index).filter(|sink| sink.id == id) else {
                return false;
            };
            let Some(end) = sink.end_group else {
                return false;
            };
            let passed = self.tracks[sink.track]
                .largest
                .is_some_and(|l| l.group.0 > end);
            if passed && sink.started {
                self.begin_closing(index, self.now + RANGE_LINGER, DrainReason::Range);
            }
            !(passed && self.sinks[index].started)
        });
        self.ranged = ranged;
    }

    pub(crate) fn end_sink(&mut self, id: SinkId) {
        if let Some(&index) = self.sink_index.get(&id) {
            let linger = match self.tracks[self.sinks[index].track].far {
                true => LETTER_LINGER,
                false => Duration::ZERO,
            };
            self.begin_closing(index, self.now + linger, DrainReason::Ended);
        }
    }

    pub(crate) fn begin_closing(&mut self, index: usize, from: Instant, reason: DrainReason) {
        let sink = &mut self.sinks[index];
        if reason != DrainReason::Range {
            sink.ends.get_or_insert(from);
        }
        if std::mem::replace(&mut sink.closing, true) {
            if reason == DrainReason::Range {
                return;
            }
            self.closing.retain(|closing| closing.sink != index);
        }
        let until = from + self.limits.behind;
        self.closing.push(Closing {
            sink: index,
            id: sink.id,
            from,
            until,
            reason,
        });
    }

    /// Ends the sinks whose streams are all closed, or whose time is over.
    pub(crate) fn sweep_closing(&mut self) {
        let now = self.now;
        let mut closing = std::mem::take(&mut self.closing);
        closing.retain(|entry| {
            let Some(sink) = self
                .sinks
                .get(entry.sink)
                .filter(|sink| sink.id == entry.id)
            else {
                return false;
            };
            if now < entry.from || sink.live > 0 && now < entry.until {
                return true;
            }
            self.drain_sink(entry.sink, entry.reason);
            false
        });
        closing.append(&mut self.closing);
        self.closing = closing;
    }

    /// Resets what a sink still has open and tells Python that it is gone.
    pub(crate) fn drain_sink(&mut self, index: usize, reason: DrainReason) {
        let slot = self.sinks[index].track;
        let code = match reason {
            DrainReason::TooFarBehind => Reset::TooFarBehind,
            DrainReason::Malformed => Reset::MalformedTrack,
            DrainReason::Ended | DrainReason::Range => Reset::Cancelled,
        };
        for log in self.logs_with_outlets(slot, index) {
            for at in 0..self.store[log].outlets.len() {
                if self.store[log].outlets[at].sink == index {
                    self.give_up_outlet(log, at, code);
                }
            }
        }
        let sink = &self.sinks[index];
        self.events.push_back(Event::SinkDrained {
            sink: sink.id,
            streams: sink.streams,
            reason,
        });
        self.forget_sink(index);
        self.tidy_track(slot);
    }

    pub(crate) fn detach_sink(&mut self, id: SinkId) {
        if let Some(&index) = self.sink_index.get(&id) {
            let slot = self.sinks[index].track;
            self.give_up_where(slot, index, |_| true);
            self.forget_sink(index);
            self.tidy_track(slot);
        }
    }

    /// Removes a sink whose streams are closed, or go with their session.
    pub(crate) fn forget_sink(&mut self, index: usize) {
        let Some(sink) = self.sinks.try_remove(index) else {
            return;
        };
        self.sink_index.remove(&sink.id);
        self.counters.sinks.set(self.sinks.len() as u64);
        if let Some(session) = self.sessions.get_mut(sink.session) {
            session.sinks.retain(|held| *held != index);
        }
        if let Some(track) = self.tracks.get_mut(sink.track) {
            track.members.remove_sink(&index);
            track.waiting_sinks.retain(|held| *held != index);
        }
    }

    /// Gives up the feed of a track that has no sinks left here.
    pub(crate) fn tidy_track(&mut self, slot: usize) {
        let Some(track) = self.tracks.get(slot) else {
            return;
        };
        if !track.home && track.members.sinks.is_empty() && track.waiting_sinks.is_empty() {
            let id = track.id;
            self.close_track(id);
            self.post(id.shard(), Letter::FeedUnwanted { track: id });
        }
    }
}

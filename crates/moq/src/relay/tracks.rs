//! Tracks as one shard sees them: at home, where sources are merged, or fed by the home.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use bytes::Bytes;
use track::{FetchId, Members, ScopeId, ShardId, SourceId, TrackId};

use crate::framing::location::Location;
use crate::framing::status::Status;
use crate::framing::subgroup::Mark;
use crate::relay::Relay;
use crate::relay::command::FetchRange;
use crate::relay::event::Event;
use crate::relay::fetching::FetchCursor;
use crate::relay::letter::{Letter, Snapshot, Step, StepHeader, StepKey};
use crate::relay::log::{LogHeader, LogKey, LogState};

/// How long a subgroup whose source vanished waits for another source to go on with it.
const ORPHAN_TIME: Duration = Duration::from_secs(2);
/// How long a subgroup that is open grows no more until it counts as one that stays.
const SETTLED: Duration = Duration::from_secs(1);
/// The part of its usual share that a growing subgroup may keep where nothing can be evicted.
const CROWDED: u64 = 64;
/// Letters to one shard that may wait because its ring is full.
pub(crate) const LETTERS_HELD: usize = 4096;

/// Subgroups that a track of several sources remembers after the cache has let them go.
const GONE: usize = 256;
/// Emptied lists that a track keeps for its next groups.
const SPARE_LOGS: usize = 128;

/// A track on this shard.
#[derive(Debug)]
pub(crate) struct Track {
    pub(crate) id: TrackId,
    pub(crate) scope: ScopeId,
    /// This shard merges the sources.
    pub(crate) home: bool,
    /// Something of it came, or will come, from another shard.
    pub(crate) far: bool,
    pub(crate) members: Members<usize>,
    /// Ascending by number.
    pub(crate) groups: VecDeque<Group>,
    pub(crate) index: rustc_hash::FxHashMap<LogKey, usize>,
    pub(crate) largest: Option<Location>,
    /// Everything before this is unknown here: it was evicted, or came before the track was opened.
    pub(crate) floor: Location,
    /// No object lies at or after this.
    pub(crate) end: Option<Location>,
    pub(crate) priority: u8,
    pub(crate) max_cache: Option<Duration>,
    /// Python waits for a group of at least this number.
    pub(crate) watched: Option<u64>,
    /// Fetches that wait for an object to be complete, with where they go on.
    pub(crate) waiting_fetches: Vec<(FetchId, FetchRange, FetchCursor)>,
    /// Sinks that wait for the feed to start; on shards that are not the home.
    pub(crate) waiting_sinks: Vec<usize>,
    pub(crate) feed_started: bool,
    /// Feeds that lost a letter and have to start again.
    pub(crate) broken_feeds: Vec<ShardId>,
    /// Subgroups that the cache let go and that another source may still bring.
    gone: VecDeque<LogKey>,
    /// Of groups that are gone, for those to come.
    spare_logs: Vec<VecDeque<usize>>,
}

#[derive(Debug, Default)]
pub(crate) struct Group {
    pub(crate) number: u64,
    /// Oldest first: a group of datagrams has very many, and loses them in this order.
    pub(crate) logs: VecDeque<usize>,
    /// Something of the group was lost: what is missing may exist.
    pub(crate) incomplete: bool,
    /// No object of the group lies at or after this.
    pub(crate) end: Option<u64>,
}

impl Track {
    pub(crate) fn new(id: TrackId, scope: ScopeId, home: bool) -> Self {
        Self {
            id,
            scope,
            home,
            far: !home,
            members: Members::default(),
            groups: VecDeque::new(),
            index: rustc_hash::FxHashMap::default(),
            largest: None,
            floor: Location::new(0, 0),
            end: None,
            priority: 128,
            max_cache: None,
            watched: None,
            waiting_fetches: Vec::new(),
            waiting_sinks: Vec::new(),
            feed_started: home,
            broken_feeds: Vec::new(),
            gone: VecDeque::new(),
            spare_logs: Vec::new(),
        }
    }

    pub(crate) fn group(&self, number: u64) -> Option<&Group> {
        let at = self.groups.partition_point(|group| group.number < number);
        self.groups.get(at).filter(|group| group.number == number)
    }

    pub(crate) fn group_mut(&mut self, number: u64) -> &mut Group {
        let at = self.groups.partition_point(|group| group.number < number);
        if self
            .groups
            .get(at)
            .is_none_or(|group| group.number != number)
        {
            self.groups.insert(
                at,
                Group {
                    number,
                    logs: self.spare_logs.pop().unwrap_or_default(),
                    ..Group::default()
                },
            );
        }
        &mut self.groups[at]
    }
}

/// What happened to a subgroup, with the bytes by reference.
#[derive(Debug)]
pub(crate) enum StepRef<'a> {
    Open(LogHeader),
    Run(Bytes, &'a [Mark]),
    End { finished: bool },
}

/// Which stream brought something: a source may have several.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Feeder {
    pub(crate) source: SourceId,
    pub(crate) stream: u64,
    /// What the stream's own header said.
    pub(crate) header: LogHeader,
}

/// The object before `mark` on the stream that brought it; `None` at its start.
fn prior_on_stream(feeder: &Feeder, bytes: &[u8], mark: &Mark) -> Option<u64> {
    let varint = feeder.header.profile.varint;
    let (delta, _) = varint.decode(&bytes[mark.header()]).ok()?;
    mark.object.0.checked_sub(delta + 1)
}

/// A source broke a rule of its track.
#[derive(Debug)]
pub(crate) struct BrokenRule(pub(crate) &'static str);

impl Relay {
    pub(crate) fn open_track(&mut self, id: TrackId, scope: ScopeId) {
        if self.track_index.contains_key(&id) {
            return;
        }
        let early = self
            .early_feeds
            .extract_if(.., |(track, _)| *track == id)
            .collect::<Vec<_>>();
        self.add_track(Track::new(id, scope, true));
        for (_, shard) in early {
            self.start_feed(id, shard);
        }
    }

    pub(crate) fn add_track(&mut self, track: Track) -> usize {
        self.store.add_track(track.scope);
        let id = track.id;
        let slot = self.tracks.insert(track);
        self.track_index.insert(id, slot);
        self.counters.tracks.set(self.tracks.len() as u64);
        slot
    }

    pub(crate) fn update_track(
        &mut self,
        id: TrackId,
        priority: Option<u8>,
        max_cache: Option<Duration>,
        largest: Option<Location>,
    ) {
        let Some(&slot) = self.track_index.get(&id) else {
            return;
        };
        let track = &mut self.tracks[slot];
        if let Some(largest) = largest.filter(|&largest| track.largest.is_none_or(|l| l < largest))
        {
            track.largest = Some(largest);
            let floor = Location::new(largest.group.0, largest.object.0 + 1);
            track.floor = track.floor.max(floor);
        }
        if let Some(priority) = priority {
            track.priority = priority;
            for shard in track.members.feeds.clone() {
                self.post(
                    shard,
                    Letter::Priority {
                        track: id,
                        priority,
                    },
                );
            }
        }
        if max_cache.is_some() {
            self.tracks[slot].max_cache = max_cache;
        }
    }

    /// Forgets a track: at Python's word at home, when the last sink left elsewhere.
    pub(crate) fn close_track(&mut self, id: TrackId) {
        let Some(&slot) = self.track_index.get(&id) else {
            return;
        };
        for (fetch, range, cursor) in std::mem::take(&mut self.tracks[slot].waiting_fetches) {
            let wanted = Letter::FetchWanted {
                fetch,
                track: id,
                range,
                cursor: Some(cursor),
            };
            self.post(self.shard, wanted);
        }
        let logs: Vec<usize> = self.tracks[slot]
            .groups
            .iter()
            .flat_map(|group| group.logs.iter().copied())
            .collect();
        for log in logs {
            self.drop_log(log);
        }
        for sink in std::mem::take(&mut self.tracks[slot].members.sinks) {
            self.forget_sink(sink);
        }
        for sink in std::mem::take(&mut self.tracks[slot].waiting_sinks) {
            self.forget_sink(sink);
        }
        for shard in std::mem::take(&mut self.tracks[slot].members.feeds) {
            self.post(shard, Letter::TrackClosed { track: id });
        }
        let track = self.tracks.remove(slot);
        self.track_index.remove(&id);
        self.store.remove_track(track.scope);
        self.counters.tracks.set(self.tracks.len() as u64);
    }

    pub(crate) fn query_track(&mut self, id: TrackId, query: u64) {
        let largest = self
            .track_index
            .get(&id)
            .and_then(|&slot| self.tracks[slot].largest);
        self.events.push_back(Event::TrackState {
            track: id,
            query,
            largest,
        });
    }

    pub(crate) fn watch_group(&mut self, id: TrackId, group: u64) {
        let Some(&slot) = self.track_index.get(&id) else {
            return;
        };
        let track = &mut self.tracks[slot];
        track.watched = Some(track.watched.map_or(group, |watched| watched.min(group)));
        self.tell_watched(slot);
    }

    fn tell_watched(&mut self, slot: usize) {
        let track = &mut self.tracks[slot];
        let Some(largest) = track.largest else { return };
        if track
            .watched
            .is_some_and(|watched| largest.group.0 >= watched)
        {
            track.watched = None;
            let (id, group) = (track.id, largest.group.0);
            self.events
                .push_back(Event::GroupReached { track: id, group });
        }
    }

    // Merging: only at home.

    /// Takes what a stream of a source brought, once.
    pub(crate) fn bring(
        &mut self,
        now: Instant,
        slot: usize,
        feeder: Feeder,
        key: LogKey,
        step: StepRef<'_>,
    ) -> Result<(), BrokenRule> {
        let held = self.tracks[slot].index.get(&key).copied();
        match step {
            StepRef::Open(header) => {
                if held.is_none() && self.tracks[slot].gone.contains(&key) {
                    return Ok(());
                }
                let before = held.filter(|&log| self.store[log].state == LogState::Reset);
                if held.is_none() || before.is_some() {
                    self.check_end(slot, key, 0)?;
                    let resumes_after = before.and_then(|log| {
                        let log = &self.store[log];
                        log.last_whole_object().or(log.resumes_after)
                    });
                    let log = self.apply_open(now, slot, key, header);
                    self.store[log].resumes_after = resumes_after;
                    self.adopt(log, feeder);
                }
                Ok(())
            }
            StepRef::Run(bytes, marks) => {
                let Some(log) = held else { return Ok(()) };
                self.bring_run(now, slot, feeder, log, bytes, marks)
            }
            StepRef::End { finished } => {
                let Some(log) = held else { return Ok(()) };
                if !self.owns(log, feeder) || self.store[log].state != LogState::Open {
                    return Ok(());
                }
                let others = self.tracks[slot]
                    .members
                    .sources
                    .iter()
                    .any(|s| *s != feeder.source);
                if !finished && others {
                    self.store[log].source = None;
                    let log = self.store.reference(log);
                    self.orphans.push_back((now + ORPHAN_TIME, log));
                } else {
                    self.apply_end(now, slot, key, finished);
                }
                Ok(())
            }
        }
    }

    fn owns(&self, log: usize, feeder: Feeder) -> bool {
        self.store[log].source == Some(feeder.source)
            && self.feeders.get(&log) == Some(&feeder.stream)
    }

    fn bring_run(
        &mut self,
        now: Instant,
        slot: usize,
        feeder: Feeder,
        log: usize,
        bytes: Bytes,
        marks: &[Mark],
    ) -> Result<(), BrokenRule> {
        let held = &self.store[log];
        let key = held.key;
        if held.state == LogState::Open && self.owns(log, feeder) {
            let last = held.last_object();
            let known = held.resumes_after.filter(|_| last.is_none());
            return match known {
                None => self.check_and_apply(now, slot, log, bytes, marks),
                Some(known) => match marks.iter().position(|mark| mark.object.0 > known) {
                    Some(first) => self.apply_from(now, slot, log, bytes, marks, first, None),
                    None => Ok(()),
                },
            };
        }
        let last = held.last_whole_object().or(held.resumes_after);
        let first_new = marks
            .iter()
            .position(|mark| last.is_none_or(|last| mark.object.0 > last));
        let begun = held.last_object();
        let known = marks.partition_point(|mark| Some(mark.object.0) <= begun);
        self.counters.duplicates.add(known as u64);
        let Some(first_new) = first_new else {
            return Ok(());
        };
        // A publisher that begins a subgroup again may have its new stream here before its reset.
        let newer = held.source == Some(feeder.source)
            && self.feeders.get(&log).is_some_and(|it| *it < feeder.stream);
        let has_stream = held.state == LogState::Open && held.source.is_some();
        if held.state == LogState::Finished || has_stream && !newer {
            return Ok(());
        }
        // Its stream is gone: this one goes on, behind what is there if that hides nothing.
        let prior = match first_new.checked_sub(1) {
            Some(before) => Some(marks[before].object.0),
            None => prior_on_stream(&feeder, &bytes, &marks[0]),
        };
        let follows = match (last, prior) {
            (None, _) => true,
            (Some(last), Some(prior)) => prior <= last,
            (Some(last), None) => marks[first_new].object.0 == last + 1,
        };
        let goes_on = held.state == LogState::Open && held.at_boundary() && follows;
        if goes_on && held.header.writes_like(&feeder.header) {
            self.adopt(log, feeder);
            let prior = self.store[log].last_object();
            return self.apply_from(now, slot, log, bytes, marks, first_new, prior);
        }
        self.apply_end(now, slot, key, false);
        let log = self.apply_open(now, slot, key, feeder.header);
        self.store[log].resumes_after = last;
        self.adopt(log, feeder);
        self.apply_from(now, slot, log, bytes, marks, first_new, None)
    }

    fn adopt(&mut self, log: usize, feeder: Feeder) {
        self.store[log].source = Some(feeder.source);
        self.feeders.insert(log, feeder.stream);
    }

    /// Appends a run from its object `first` on, behind object `prior` (`None`: as a new start).
    #[allow(
        clippy::too_many_arguments,
        reason = "one call site, and a struct would only rename them"
    )]
    fn apply_from(
        &mut self,
        now: Instant,
        slot: usize,
        log: usize,
        bytes: Bytes,
        marks: &[Mark],
        first: usize,
        prior: Option<u64>,
    ) -> Result<(), BrokenRule> {
        let varint = self.store[log].header.profile.varint;
        let mark = marks[first];
        let delta = prior.map_or(mark.object.0, |prior| mark.object.0 - prior - 1);
        let delta_len = varint.encoded_len(delta) as u32;
        let rest = &bytes[mark.offset as usize + mark.delta_len as usize..];
        let room = self.store.arena.room(delta_len as usize + rest.len());
        let mut opening = Vec::with_capacity(8);
        if varint.encode(delta, &mut opening).is_err() {
            return Ok(());
        }
        room.extend_from_slice(&opening);
        room.extend_from_slice(rest);
        let bytes = self.store.arena.cut();
        let mut moved: Vec<Mark> = marks[first..].to_vec();
        let grown = delta_len.wrapping_sub(u32::from(mark.delta_len));
        let head = &mut moved[0];
        head.header_len = head.header_len.wrapping_add(grown);
        head.extensions_at = head.extensions_at.wrapping_add(grown);
        head.delta_len = delta_len as u8;
        head.offset = 0;
        for later in &mut moved[1..] {
            later.offset = (later.offset - mark.offset).wrapping_add(grown);
        }
        self.check_and_apply(now, slot, log, bytes, &moved)
    }

    fn check_and_apply(
        &mut self,
        now: Instant,
        slot: usize,
        log: usize,
        bytes: Bytes,
        marks: &[Mark],
    ) -> Result<(), BrokenRule> {
        let key = self.store[log].key;
        for mark in marks {
            self.check_end(slot, key, mark.object.0)?;
        }
        self.apply_run(now, slot, log, bytes, marks);
        Ok(())
    }

    /// Objects after the end of their group or track make the track malformed.
    fn check_end(&self, slot: usize, key: LogKey, object: u64) -> Result<(), BrokenRule> {
        let track = &self.tracks[slot];
        if track
            .end
            .is_some_and(|end| Location::new(key.group, object) >= end)
        {
            return Err(BrokenRule("an object follows the end of the track"));
        }
        let end = track.group(key.group).and_then(|group| group.end);
        if end.is_some_and(|end| object >= end) {
            return Err(BrokenRule("an object follows the end of its group"));
        }
        Ok(())
    }

    // Steps in their final order: at home after merging, elsewhere as the feed brings them.

    fn apply_open(&mut self, now: Instant, slot: usize, key: LogKey, header: LogHeader) -> usize {
        let log = self.store.open(now, slot, key, header);
        let track = &mut self.tracks[slot];
        if let Some(before) = track.index.insert(key, log) {
            self.store[log].refused = std::mem::take(&mut self.store[before].refused);
        }
        track.group_mut(key.group).logs.push_back(log);
        self.open_outlets(slot, log);
        if self.tracks[slot].home {
            self.feed(slot, key, || Step::Open(StepHeader(header)));
        }
        log
    }

    fn apply_run(&mut self, now: Instant, slot: usize, log: usize, bytes: Bytes, marks: &[Mark]) {
        let before = self.store[log].weight();
        let key = self.store[log].key;
        if !key.datagram && !std::mem::replace(&mut self.store[log].unsettled, true) {
            let log = self.store.reference(log);
            self.unsettled.push_back((now + SETTLED, log));
        }
        self.counters.objects_in.add(marks.len() as u64);
        let (held, arena) = self.store.log_and_arena(log);
        held.append(now, bytes.clone(), marks, arena);
        let track = &mut self.tracks[slot];
        if let Some(mark) = marks.last() {
            let at = Location::new(key.group, mark.object.0);
            track.largest = Some(track.largest.map_or(at, |largest| largest.max(at)));
        }
        for mark in marks {
            match mark.status {
                Status::EndOfGroup => track.group_mut(key.group).end = Some(mark.object.0 + 1),
                Status::EndOfTrack => {
                    track.end = Some(Location::new(key.group, mark.object.0 + 1));
                }
                Status::Normal | Status::DoesNotExist => {}
            }
        }
        let (scope, home) = (track.scope, track.home);
        let keep = track.max_cache.map_or(self.store.limits.keep, |max| {
            max.min(self.store.limits.keep)
        });
        self.mark_dirty(log);
        if home {
            self.feed(slot, key, || Step::Run(bytes.clone(), marks.to_vec()));
        }
        if let Some(until) = now.checked_sub(keep)
            && let Some(dropped) = self.store[log].trim(until)
        {
            let floor = Location::new(key.group, dropped + 1);
            self.tracks[slot].floor = self.tracks[slot].floor.max(floor);
        }
        let most = self.store.bytes_per_log();
        self.squeeze(slot, log, most);
        let after = self.store[log].weight();
        self.store.account(scope, before, after);
        if self.store.is_crowded(scope) {
            self.evict(now);
        }
        if self.store.is_crowded(scope) {
            // What is left are subgroups that never end: they keep little as they grow.
            self.squeeze(slot, log, most / CROWDED);
            let squeezed = self.store[log].weight();
            self.store.account(scope, after, squeezed);
        }
        if home {
            self.tell_watched(slot);
            if !self.tracks[slot].waiting_fetches.is_empty() {
                self.wake_fetches(slot);
            }
        }
    }

    fn squeeze(&mut self, slot: usize, log: usize, most: u64) {
        if self.store[log].weight() > most {
            self.store[log].squeeze(most);
            let group = self.store[log].key.group;
            self.tracks[slot].group_mut(group).incomplete = true;
        }
    }

    fn apply_end(&mut self, now: Instant, slot: usize, key: LogKey, finished: bool) {
        let Some(&log) = self.tracks[slot].index.get(&key) else {
            return;
        };
        if self.store[log].state != LogState::Open {
            return;
        }
        let whole = finished && self.store[log].at_boundary();
        let held = &mut self.store[log];
        held.state = if whole {
            LogState::Finished
        } else {
            LogState::Reset
        };
        held.touched = now;
        held.source = None;
        let (ends_group, last) = (held.header.end_of_group, held.last_object());
        self.feeders.remove(&log);
        let track = &mut self.tracks[slot];
        let group = track.group_mut(key.group);
        if !whole {
            group.incomplete = true;
        } else if ends_group && let Some(last) = last {
            group.end = Some(group.end.map_or(last + 1, |end| end.min(last + 1)));
        }
        let (scope, home) = (track.scope, track.home);
        self.mark_dirty(log);
        self.store.finished(scope, log);
        if home {
            self.feed(slot, key, || Step::End { finished: whole });
            if !self.tracks[slot].waiting_fetches.is_empty() {
                self.wake_fetches(slot);
            }
        }
    }

    pub(crate) fn mark_dirty(&mut self, log: usize) {
        if !self.store[log].dirty {
            self.store[log].dirty = true;
            self.dirty.push(log);
        }
    }

    // Sources, as the home counts them.

    pub(crate) fn source_joined(&mut self, slot: usize, source: SourceId) {
        self.tracks[slot].far |= source.shard() != self.shard;
        let sources = &mut self.tracks[slot].members.sources;
        if !sources.contains(&source) {
            sources.push(source);
        }
    }

    pub(crate) fn source_left(&mut self, now: Instant, slot: usize, source: SourceId) {
        self.tracks[slot]
            .members
            .sources
            .retain(|held| *held != source);
        let last = self.tracks[slot].members.sources.is_empty();
        let orphaned: Vec<LogKey> = self.tracks[slot]
            .index
            .iter()
            .filter(|&(_, &log)| {
                let log = &self.store[log];
                log.state == LogState::Open
                    && (log.source == Some(source) || last && log.source.is_none())
            })
            .map(|(key, _)| *key)
            .collect();
        for key in orphaned {
            self.apply_end(now, slot, key, false);
        }
    }

    /// Ends the subgroups that no other source went on with in time.
    pub(crate) fn sweep_orphans(&mut self, now: Instant) {
        while self.orphans.front().is_some_and(|(at, _)| *at <= now) {
            let Some((_, log)) = self.orphans.pop_front() else {
                break;
            };
            let orphan = self.store.get(log).filter(|log| log.source.is_none());
            if let Some((track, key)) = orphan.map(|log| (log.track, log.key)) {
                self.apply_end(now, track, key, false);
            }
        }
    }

    /// Gives the subgroups that stay open and grow no more memory of their own.
    pub(crate) fn sweep_unsettled(&mut self, now: Instant) {
        while self.unsettled.front().is_some_and(|(at, _)| *at <= now) {
            let Some((_, log)) = self.unsettled.pop_front() else {
                break;
            };
            let open = self.store.get(log);
            let Some(open) = open.filter(|log| log.state == LogState::Open) else {
                continue;
            };
            let since = now.saturating_duration_since(open.touched);
            if since >= SETTLED {
                open.settle();
            } else {
                self.unsettled.push_back((now + SETTLED, log));
            }
        }
    }

    // Feeds between shards.

    fn feed(&mut self, slot: usize, key: LogKey, step: impl Fn() -> Step) {
        for at in 0..self.tracks[slot].members.feeds.len() {
            let track = &self.tracks[slot];
            let (id, shard) = (track.id, track.members.feeds[at]);
            if track.broken_feeds.contains(&shard) {
                self.counters.feed_lost.add(1);
                continue;
            }
            let letter = Letter::Fed {
                track: id,
                key: StepKey(key),
                step: step(),
            };
            if !self.try_post(shard, letter) {
                self.counters.feed_lost.add(1);
                self.tracks[slot].broken_feeds.push(shard);
                self.broken.push((id, shard));
            }
        }
    }

    /// Starts again the feeds that lost letters, once there is room for them.
    pub(crate) fn mend_feeds(&mut self) {
        for (id, shard) in std::mem::take(&mut self.broken) {
            let Some(&slot) = self.track_index.get(&id) else {
                continue;
            };
            if self.held_letters.iter().any(|(to, _)| *to == shard) {
                self.broken.push((id, shard));
                continue;
            }
            let track = &mut self.tracks[slot];
            track.broken_feeds.retain(|broken| *broken != shard);
            self.send_feed_start(id, shard);
        }
    }

    pub(crate) fn start_feed(&mut self, id: TrackId, shard: ShardId) {
        let Some(&slot) = self.track_index.get(&id) else {
            if self.early_feeds.len() >= LETTERS_HELD {
                self.early_feeds.remove(0);
            }
            self.early_feeds.push((id, shard));
            return;
        };
        self.tracks[slot].members.add_feed(shard);
        self.send_feed_start(id, shard);
    }

    fn send_feed_start(&mut self, id: TrackId, shard: ShardId) {
        let Some(&slot) = self.track_index.get(&id) else {
            return;
        };
        let track = &self.tracks[slot];
        let current = track.largest.map_or(0, |largest| largest.group.0);
        let logs = track
            .groups
            .iter()
            .flat_map(|group| &group.logs)
            .filter(|&&log| {
                let log = &self.store[log];
                log.state == LogState::Open || log.key.group >= current
            })
            .filter_map(|&log| {
                let log = &self.store[log];
                let (runs, marks) = log.snapshot()?;
                Some(Snapshot {
                    key: log.key,
                    header: log.header,
                    state: log.state,
                    runs,
                    marks,
                })
            })
            .collect();
        let letter = Letter::FeedStart {
            track: id,
            largest: track.largest,
            priority: track.priority,
            logs,
        };
        self.post(shard, letter);
    }

    pub(crate) fn feed_started(
        &mut self,
        now: Instant,
        id: TrackId,
        largest: Option<Location>,
        priority: u8,
        logs: Vec<Snapshot>,
    ) {
        let Some(&slot) = self.track_index.get(&id) else {
            return;
        };
        let open: Vec<LogKey> = self.tracks[slot].index.keys().copied().collect();
        for key in open {
            self.apply_end(now, slot, key, false);
        }
        for snapshot in logs {
            if self.tracks[slot].index.contains_key(&snapshot.key) && self.tracks[slot].feed_started
            {
                // Sinks had their part of it; what they lost of it cannot be joined again.
                continue;
            }
            let log = self.apply_open(now, slot, snapshot.key, snapshot.header);
            let mut bytes = Vec::with_capacity(snapshot.runs.iter().map(Bytes::len).sum());
            snapshot
                .runs
                .iter()
                .for_each(|run| bytes.extend_from_slice(run));
            self.apply_run(now, slot, log, bytes.into(), &snapshot.marks);
            if snapshot.state != LogState::Open {
                self.apply_end(
                    now,
                    slot,
                    snapshot.key,
                    snapshot.state == LogState::Finished,
                );
            }
        }
        let track = &mut self.tracks[slot];
        track.largest = track.largest.max(largest);
        track.priority = priority;
        track.feed_started = true;
        for sink in std::mem::take(&mut track.waiting_sinks) {
            self.join(sink);
        }
        self.tidy_track(slot);
    }

    pub(crate) fn fed(&mut self, now: Instant, id: TrackId, key: LogKey, step: Step) {
        let Some(&slot) = self.track_index.get(&id) else {
            return;
        };
        if !self.tracks[slot].feed_started {
            return;
        }
        match step {
            Step::Open(StepHeader(header)) => {
                self.apply_open(now, slot, key, header);
            }
            Step::Run(bytes, marks) => {
                let Some(&log) = self.tracks[slot].index.get(&key) else {
                    return;
                };
                if self.store[log].state == LogState::Open {
                    let bytes = self.store.arena.copy(&bytes);
                    self.apply_run(now, slot, log, bytes, &marks);
                }
            }
            Step::End { finished } => self.apply_end(now, slot, key, finished),
        }
    }

    // Letters that must arrive wait here when the ring is full.

    pub(crate) fn try_post(&mut self, to: ShardId, letter: Letter) -> bool {
        if self.held_letters.len() >= LETTERS_HELD {
            return false;
        }
        self.post(to, letter);
        true
    }

    pub(crate) fn post(&mut self, to: ShardId, letter: Letter) {
        if to == self.shard {
            self.own_letters.push_back(letter);
        } else {
            self.held_letters.push_back((to, letter));
        }
    }

    // Eviction.

    pub(crate) fn evict(&mut self, now: Instant) {
        while let Some(log) = self.store.next_to_evict(now) {
            self.drop_log(log.index);
        }
    }

    /// Forgets what its publisher does not allow to be kept any longer.
    pub(crate) fn expire(&mut self, now: Instant) {
        let keep = self.store.limits.keep;
        let mut expired = std::mem::take(&mut self.scratch_logs);
        for (_, track) in &self.tracks {
            let Some(max_cache) = track.max_cache.filter(|max| *max < keep) else {
                continue;
            };
            let logs = track.groups.iter().flat_map(|group| &group.logs);
            expired.extend(logs.filter(|&&log| {
                let held = &self.store[log];
                let age = now.saturating_duration_since(held.touched);
                held.state != LogState::Open && age >= max_cache
            }));
        }
        for log in expired.drain(..) {
            self.drop_log(log);
        }
        self.scratch_logs = expired;
    }

    /// Forgets a log, its outlets and its bytes.
    pub(crate) fn drop_log(&mut self, log: usize) {
        self.give_up_outlets(log);
        let key = self.store[log].key;
        let slot = self.store[log].track;
        let last = self.store[log].last_object();
        if self.store[log].dirty {
            self.dirty.retain(|dirty| *dirty != log);
        }
        self.feeders.remove(&log);
        let finished = self.store[log].state == LogState::Finished;
        let track = &mut self.tracks[slot];
        if track.index.get(&key) == Some(&log) {
            track.index.remove(&key);
        }
        if finished && track.home && track.members.sources.len() > 1 {
            if track.gone.len() >= GONE {
                track.gone.pop_front();
            }
            track.gone.push_back(key);
        }
        if let Some(last) = last {
            track.floor = track.floor.max(Location::new(key.group, last + 1));
        }
        let at = track
            .groups
            .partition_point(|group| group.number < key.group);
        if let Some(group) = track
            .groups
            .get_mut(at)
            .filter(|group| group.number == key.group)
        {
            if let Some(at) = group.logs.iter().position(|held| *held == log) {
                group.logs.remove(at);
            }
            if group.logs.is_empty() {
                let group = track.groups.remove(at);
                if track.spare_logs.len() < SPARE_LOGS {
                    track.spare_logs.extend(group.map(|group| group.logs));
                }
            }
        }
        let scope = track.scope;
        self.store.release(scope, log);
    }
}

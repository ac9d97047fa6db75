//! One subgroup as a log: the bytes as they came, where its objects lie, and who reads them.
//!
//! A source appends, outlets (one per subscriber's stream) follow with a cursor, a fetch looks
//! objects up. Bytes are held once, in the form of the source's draft; another form is made only
//! while a subscriber's draft would write an object in another way.

use std::collections::VecDeque;
use std::time::Instant;

use bytes::Bytes;
use track::{SinkId, SourceId};

use crate::carrier::StreamId;
use crate::framing::location::ObjectId;
use crate::framing::profile::{Draft, Profile};
use crate::framing::status::Status;
use crate::framing::subgroup::{self, Mark};
use crate::relay::arena::Arena;

/// Bytes that a subgroup takes besides what it holds, and those of each of its objects.
const LOG: u64 = 1_500;
const OBJECT: u64 = 80;

/// Bytes that are worth memory of their own when they stay.
const SMALL: usize = 64 << 10;

/// Names a subgroup within its track. A datagram is a subgroup of one object, named by that object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct LogKey {
    pub(crate) group: u64,
    pub(crate) subgroup: u64,
    pub(crate) datagram: bool,
}

/// What the source's stream header said, names aside.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LogHeader {
    /// The draft in whose form the source writes.
    pub(crate) profile: &'static Profile,
    /// `None`: the track's default.
    pub(crate) priority: Option<u8>,
    pub(crate) extensions: bool,
    pub(crate) end_of_group: bool,
}

impl LogHeader {
    /// Whether objects behind the other header can follow those behind this one as they are.
    pub(crate) fn writes_like(&self, other: &Self) -> bool {
        self.profile.draft == other.profile.draft && self.extensions == other.extensions
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LogState {
    Open,
    Finished,
    /// The source gave up before the end.
    Reset,
}

/// How a subscriber's stream stands with its log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OutletState {
    /// Written to as the log grows.
    Live,
    /// Waits for room in the session, or for a stream.
    Blocked,
    Done,
}

/// A subscriber's stream that carries a log.
#[derive(Debug)]
pub(crate) struct Outlet {
    /// Index of the sink on this shard, and its handle: the index may be used again.
    pub(crate) sink: usize,
    pub(crate) sink_id: SinkId,
    /// The draft of the sink's session.
    pub(crate) profile: &'static Profile,
    pub(crate) stream: Option<StreamId>,
    pub(crate) state: OutletState,
    /// The lowest object that the stream may open with, until it has one.
    pub(crate) seek: Option<u64>,
    /// What the stream opens with and is not yet written: its header, and its first object's.
    pub(crate) prefix: Bytes,
    /// The next byte to write, in the form of `profile`.
    pub(crate) cursor: u64,
    /// What it counts as queued in the session.
    pub(crate) owed: u64,
    /// Names its place in the session's queue, and no other before or after it.
    pub(crate) ticket: u64,
}

impl Outlet {
    pub(crate) fn new(sink: usize, sink_id: SinkId, profile: &'static Profile, from: u64) -> Self {
        Self {
            sink,
            sink_id,
            profile,
            stream: None,
            state: OutletState::Live,
            seek: Some(from),
            prefix: Bytes::new(),
            cursor: 0,
            owed: 0,
            ticket: 0,
        }
    }
}

/// One subgroup.
#[derive(Debug)]
pub(crate) struct Log {
    pub(crate) key: LogKey,
    pub(crate) header: LogHeader,
    pub(crate) state: LogState,
    /// Index of the track on this shard.
    pub(crate) track: usize,
    /// Tells it from the logs that used this slot before.
    pub(crate) generation: u32,
    /// Who appends; `None` when that source is gone and another may go on.
    pub(crate) source: Option<SourceId>,
    /// The subgroup begins again: the track has it whole up to this object.
    pub(crate) resumes_after: Option<u64>,
    /// Who wants no more of it, or was too slow for it, however often it begins again.
    pub(crate) refused: Vec<SinkId>,
    pub(crate) outlets: Vec<Outlet>,
    /// Already in the list of logs to fan out in this pass.
    pub(crate) dirty: bool,
    /// Already among those to be settled.
    pub(crate) unsettled: bool,
    /// Objects are missing from the front.
    pub(crate) trimmed: bool,
    /// When it last grew or ended.
    pub(crate) touched: Instant,
    objects: VecDeque<Mark>,
    native: Wire,
    others: Vec<(Draft, Wire)>,
    /// Bytes of payload that the last object still waits for.
    missing: u64,
    /// An object was seen that only the source's own draft can express.
    peculiar: bool,
}

/// The log's bytes in one form; `heads` runs parallel to the objects.
#[derive(Clone, Debug, Default)]
struct Wire {
    runs: VecDeque<Run>,
    heads: VecDeque<Head>,
    end: u64,
    /// The last object that this form has.
    prior: Option<ObjectId>,
    /// The last object has no place in this form.
    skipping: bool,
}

#[derive(Clone, Debug)]
struct Run {
    at: u64,
    bytes: Bytes,
    received: Instant,
    /// The bytes lie in memory of their own.
    alone: bool,
}

/// Where an object's header lies; empty when the form leaves the object out.
#[derive(Clone, Copy, Debug)]
struct Head {
    at: u64,
    len: u32,
}

impl Wire {
    fn clear(&mut self) {
        self.runs.clear();
        self.heads.clear();
        self.end = 0;
        self.prior = None;
        self.skipping = false;
    }

    fn start(&self) -> u64 {
        self.runs.front().map_or(self.end, |run| run.at)
    }

    fn push(&mut self, bytes: Bytes, received: Instant) {
        if !bytes.is_empty() {
            let at = self.end;
            self.end += bytes.len() as u64;
            self.runs.push_back(Run {
                at,
                bytes,
                received,
                alone: false,
            });
        }
    }

    fn push_payload(&mut self, bytes: Bytes, received: Instant) {
        if !self.skipping {
            self.push(bytes, received);
        }
    }

    /// The run that holds `at`; readers are nearly always at the end.
    fn run_index(&self, at: u64) -> usize {
        match self.runs.back() {
            Some(last) if at >= last.at => self.runs.len() - 1,
            _ => self
                .runs
                .partition_point(|run| run.at <= at)
                .saturating_sub(1),
        }
    }

    fn slices(&self, from: u64, to: u64) -> impl Iterator<Item = Bytes> + '_ {
        let first = self.run_index(from).min(self.runs.len());
        self.runs
            .range(first..)
            .take_while(move |run| run.at < to)
            .map(move |run| {
                let end = (to - run.at).min(run.bytes.len() as u64) as usize;
                let begin = (from.saturating_sub(run.at) as usize).min(end);
                run.bytes.slice(begin..end)
            })
    }

    fn drop_before(&mut self, at: u64) {
        while self
            .runs
            .front()
            .is_some_and(|run| run.at + run.bytes.len() as u64 <= at)
        {
            self.runs.pop_front();
        }
    }

    fn transcode(
        &mut self,
        from: &LogHeader,
        to: &Profile,
        header: &[u8],
        mark: &Mark,
        now: Instant,
        arena: &mut Arena,
    ) {
        let mut scratch = Vec::with_capacity(header.len() + 16);
        let written = subgroup::transcode_header(
            from.profile,
            to,
            header,
            mark,
            from.extensions,
            self.prior,
            &mut scratch,
        );
        self.skipping = written.is_err();
        self.heads.push_back(Head {
            at: self.end,
            len: scratch.len() as u32,
        });
        if !self.skipping {
            self.prior = Some(mark.object);
            self.push(arena.copy(&scratch), now);
        }
    }
}

impl Log {
    pub(crate) fn new(now: Instant, track: usize, key: LogKey, header: LogHeader) -> Self {
        Self {
            key,
            header,
            state: LogState::Open,
            track,
            generation: 0,
            source: None,
            resumes_after: None,
            refused: Vec::new(),
            outlets: Vec::new(),
            dirty: false,
            unsettled: false,
            trimmed: false,
            touched: now,
            objects: VecDeque::new(),
            native: Wire::default(),
            others: Vec::new(),
            missing: 0,
            peculiar: false,
        }
    }

    /// Makes a cleared log new again; its buffers keep their room.
    pub(crate) fn renew(&mut self, now: Instant, track: usize, key: LogKey, header: LogHeader) {
        debug_assert!(self.objects.is_empty() && self.outlets.is_empty());
        self.key = key;
        self.header = header;
        self.state = LogState::Open;
        self.track = track;
        self.touched = now;
    }

    /// Lets go of everything; the slot waits for its next use.
    pub(crate) fn clear(&mut self) {
        self.generation = self.generation.wrapping_add(1);
        self.source = None;
        self.resumes_after = None;
        self.refused.clear();
        self.outlets.clear();
        self.dirty = false;
        self.unsettled = false;
        self.trimmed = false;
        self.objects.clear();
        self.native.clear();
        self.others.clear();
        self.missing = 0;
        self.peculiar = false;
    }

    /// Appends what a source brought: whole object headers, and payload up to the end of `run`.
    pub(crate) fn append(&mut self, now: Instant, run: Bytes, marks: &[Mark], arena: &mut Arena) {
        let base = self.native.end;
        if !self.peculiar && marks.iter().any(|mark| mark.status == Status::DoesNotExist) {
            self.part_with_readers();
        }
        for mark in marks {
            let at = base + u64::from(mark.offset);
            self.native.heads.push_back(Head {
                at,
                len: mark.header_len,
            });
            self.objects.push_back(*mark);
        }
        for (draft, wire) in &mut self.others {
            let to = crate::framing::profile::profile(*draft as u8).expect("made from a profile");
            let mut done = 0;
            for mark in marks {
                wire.push_payload(run.slice(done..mark.offset as usize), now);
                wire.transcode(&self.header, to, &run[mark.header()], mark, now, arena);
                done = mark.header().end;
            }
            wire.push_payload(run.slice(done..), now);
        }
        self.missing = match marks.last() {
            Some(last) => last.end() - run.len() as u64,
            None => self.missing - run.len() as u64,
        };
        self.touched = now;
        self.native.push(run, now);
    }

    /// An object comes that some readers of the source's bytes cannot be told of: from here on
    /// they have a form of their own, which is the same up to here.
    fn part_with_readers(&mut self) {
        let readers: Vec<&'static Profile> = self
            .outlets
            .iter()
            .filter(|outlet| outlet.state != OutletState::Done && self.is_native(outlet.profile))
            .map(|outlet| outlet.profile)
            .collect();
        self.peculiar = true;
        for profile in readers {
            let known = self.others.iter().any(|(draft, _)| *draft == profile.draft);
            if !known && !self.is_native(profile) {
                let prior = self.objects.back().map(|mark| mark.object);
                let wire = Wire {
                    prior,
                    ..self.native.clone()
                };
                self.others.push((profile.draft, wire));
            }
        }
    }

    /// Whether a session of `profile` reads the source's own bytes.
    fn is_native(&self, profile: &Profile) -> bool {
        let from = self.header.profile;
        from.draft == profile.draft
            || (from.varint == profile.varint
                && !self.peculiar
                && (!self.header.extensions || from.property_types == profile.property_types))
    }

    /// Makes sure that a session of `profile` can read what the log still holds.
    pub(crate) fn prepare(&mut self, profile: &'static Profile, arena: &mut Arena) {
        if self.is_native(profile) || self.others.iter().any(|(draft, _)| *draft == profile.draft) {
            return;
        }
        let mut wire = Wire {
            end: self.native.start(),
            ..Wire::default()
        };
        for (mark, head) in self.objects.iter().zip(&self.native.heads) {
            if head.at < self.native.start() {
                wire.skipping = true;
                wire.heads.push_back(Head {
                    at: wire.end,
                    len: 0,
                });
                continue;
            }
            let received = self.native.runs[self.native.run_index(head.at)].received;
            let payload_at = head.at + u64::from(head.len);
            let header = self
                .native
                .slices(head.at, payload_at)
                .next()
                .unwrap_or_default();
            wire.transcode(&self.header, profile, &header, mark, received, arena);
            let end = (payload_at + mark.payload_len).min(self.native.end);
            for bytes in self.native.slices(payload_at, end) {
                wire.push_payload(bytes, received);
            }
        }
        self.others.push((profile.draft, wire));
    }

    fn wire(&self, profile: &Profile) -> &Wire {
        if self.is_native(profile) {
            return &self.native;
        }
        let other = self
            .others
            .iter()
            .find(|(draft, _)| *draft == profile.draft);
        other.map_or(&self.native, |(_, wire)| wire)
    }

    /// Where the held bytes begin and end for a session of `profile`.
    pub(crate) fn span(&self, profile: &Profile) -> (u64, u64) {
        let wire = self.wire(profile);
        (wire.start(), wire.end)
    }

    /// Header and payload bytes held, in all forms.
    pub(crate) fn held(&self) -> u64 {
        let held = |wire: &Wire| wire.end - wire.start();
        held(&self.native) + self.others.iter().map(|(_, wire)| held(wire)).sum::<u64>()
    }

    /// What it counts in its scope's budget: small subgroups cost more than they hold.
    pub(crate) fn weight(&self) -> u64 {
        match self.native.end {
            0 => 0,
            _ => self.held() + LOG + self.objects.len() as u64 * OBJECT,
        }
    }

    pub(crate) fn last_object(&self) -> Option<u64> {
        self.objects.back().map(|mark| mark.object.0)
    }

    /// The last object that came whole.
    pub(crate) fn last_whole_object(&self) -> Option<u64> {
        let incomplete = usize::from(!self.at_boundary());
        self.objects
            .iter()
            .rev()
            .nth(incomplete)
            .map(|mark| mark.object.0)
    }

    /// The last object will never have all its payload.
    pub(crate) fn is_cut_short(&self) -> bool {
        self.state != LogState::Open && !self.at_boundary()
    }

    /// The last object has all its payload.
    pub(crate) fn at_boundary(&self) -> bool {
        self.missing == 0
    }

    pub(crate) fn marks(&self) -> impl DoubleEndedIterator<Item = &Mark> + ExactSizeIterator {
        self.objects.iter()
    }

    /// The index of the first held object numbered at least `object`.
    pub(crate) fn position(&self, object: u64) -> Option<usize> {
        let index = self.objects.partition_point(|mark| mark.object.0 < object);
        (index < self.objects.len()).then_some(index)
    }

    /// Where object `index` starts, for a session of `profile`, with what must be written in place
    /// of its header when it opens a stream: `None` when its header can be sent as it lies.
    pub(crate) fn entrance(
        &self,
        profile: &'static Profile,
        index: usize,
    ) -> Option<(u64, Option<(Bytes, Mark)>)> {
        let wire = self.wire(profile);
        let (index, head) = wire
            .heads
            .iter()
            .enumerate()
            .skip(index)
            .find(|(_, head)| head.len > 0 && head.at >= wire.start())?;
        if head.at == 0 {
            return Some((head.at, None));
        }
        let after = head.at + u64::from(head.len);
        let header = wire.slices(head.at, after).next()?;
        let (_, delta_len) = profile.varint.decode(&header).ok()?;
        let mark = Mark {
            delta_len: delta_len as u8,
            ..self.objects[index]
        };
        Some((after, Some((header, mark))))
    }

    /// Whether outlet `at` is the one that waits under `ticket`.
    pub(crate) fn waits(&self, at: usize, ticket: u64) -> bool {
        self.outlets
            .get(at)
            .is_some_and(|outlet| outlet.state == OutletState::Blocked && outlet.ticket == ticket)
    }

    /// The first byte that an outlet still needs.
    fn needs_from(&self, outlet: &Outlet) -> u64 {
        let wire = self.wire(outlet.profile);
        match outlet.seek {
            None => outlet.cursor,
            Some(object) => self
                .position(object)
                .map_or(wire.end, |index| wire.heads[index].at),
        }
    }

    /// Bytes that an outlet still has to write.
    pub(crate) fn owed_to(&self, outlet: &Outlet) -> u64 {
        let end = self.wire(outlet.profile).end;
        end.saturating_sub(self.needs_from(outlet)) + outlet.prefix.len() as u64
    }

    /// When the next byte for an outlet came in; `None` when it has everything.
    pub(crate) fn waiting_since(&self, outlet: &Outlet) -> Option<Instant> {
        let wire = self.wire(outlet.profile);
        let at = self.needs_from(outlet);
        (at < wire.end).then(|| wire.runs.get(wire.run_index(at)).map(|run| run.received))?
    }

    /// References to what follows `cursor`, at most `most` of them.
    pub(crate) fn read(&self, profile: &Profile, cursor: u64, most: usize, out: &mut Vec<Bytes>) {
        let wire = self.wire(profile);
        if cursor < wire.end {
            out.extend(wire.slices(cursor, wire.end).take(most));
        }
    }

    /// An object's properties and payload; `None` while some of it is missing.
    pub(crate) fn object(&self, index: usize) -> Option<(Mark, Bytes, Vec<Bytes>)> {
        let mark = *self.objects.get(index)?;
        let head = *self.native.heads.get(index)?;
        let payload_at = head.at + u64::from(head.len);
        let end = payload_at + mark.payload_len;
        if end > self.native.end || head.at < self.native.start() {
            return None;
        }
        let header = self.native.slices(head.at, payload_at).next()?;
        let payload = match mark.payload_len {
            0 => Vec::new(),
            _ => self.native.slices(payload_at, end).collect(),
        };
        Some((mark, header.slice(mark.extensions()), payload))
    }

    /// The bytes held in the source's own form, for a shard that gets the feed from here on.
    pub(crate) fn snapshot(&self) -> Option<(Vec<Bytes>, Vec<Mark>)> {
        let Some(first) = self.native.heads.front() else {
            return Some((Vec::new(), Vec::new()));
        };
        if first.at < self.native.start() {
            return None;
        }
        let mut runs: Vec<Bytes> = self.native.slices(first.at, self.native.end).collect();
        let marks = self.objects.iter().zip(&self.native.heads);
        let mut marks: Vec<Mark> = marks
            .map(|(mark, head)| Mark {
                offset: (head.at - first.at) as u32,
                ..*mark
            })
            .collect();
        if first.at > 0 {
            // What is there began behind an object that is gone: here it begins.
            let header = runs[0].split_to(first.len as usize);
            let mut opening = Vec::with_capacity(header.len() + 8);
            subgroup::rewrite_first(self.header.profile, &header, &marks[0], &mut opening);
            let grown = (opening.len() as u32).wrapping_sub(header.len() as u32);
            let moved = |at: &mut u32| *at = at.wrapping_add(grown);
            moved(&mut marks[0].header_len);
            moved(&mut marks[0].extensions_at);
            marks[0].delta_len = marks[0].delta_len.wrapping_add(grown as u8);
            marks[1..]
                .iter_mut()
                .for_each(|mark| moved(&mut mark.offset));
            runs.insert(0, opening.into());
        }
        Some((runs, marks))
    }

    /// Moves small runs out of the blocks that they share with what has come and gone since: one
    /// byte keeps a whole block.
    pub(crate) fn settle(&mut self) {
        self.unsettled = false;
        let wires =
            std::iter::once(&mut self.native).chain(self.others.iter_mut().map(|o| &mut o.1));
        for run in wires.flat_map(|wire| &mut wire.runs) {
            if !run.alone && run.bytes.len() < SMALL {
                run.bytes = Bytes::copy_from_slice(&run.bytes);
                run.alone = true;
            }
        }
    }

    /// Drops whole objects from the front that came in before `until` and that every outlet has
    /// passed; returns the last one dropped.
    pub(crate) fn trim(&mut self, until: Instant) -> Option<u64> {
        if self.objects.len() < 2 || !self.others.is_empty() {
            return None;
        }
        let needed = self
            .outlets
            .iter()
            .filter(|outlet| outlet.state != OutletState::Done);
        let passed = needed
            .map(|outlet| self.needs_from(outlet))
            .min()
            .unwrap_or(u64::MAX);
        let mut dropped = None;
        while self.objects.len() > 1 {
            let next = self.native.heads[1].at;
            let run = self.native.run_index(self.native.heads[0].at);
            if next > passed || self.native.runs[run].received >= until {
                break;
            }
            dropped = self.objects.pop_front().map(|mark| mark.object.0);
            self.native.heads.pop_front();
        }
        if dropped.is_some() {
            self.trimmed = true;
            let front = self.native.heads[0].at;
            self.native.drop_before(front);
        }
        dropped
    }

    /// Drops bytes from the front until it weighs at most `most`, whoever still needs them, and the
    /// objects that nothing is left of.
    pub(crate) fn squeeze(&mut self, most: u64) {
        while self.weight() > most {
            let mut dropped = false;
            for wire in
                std::iter::once(&mut self.native).chain(self.others.iter_mut().map(|o| &mut o.1))
            {
                if wire.runs.len() > 1 {
                    wire.runs.pop_front();
                    dropped = true;
                }
            }
            if !dropped {
                return;
            }
            self.trimmed = true;
            while self.objects.len() > 1 && self.native.heads[1].at <= self.native.start() {
                self.objects.pop_front();
                self.native.heads.pop_front();
                for (_, wire) in &mut self.others {
                    wire.heads.pop_front();
                }
            }
        }
    }
}

//! FETCH: the home cuts a range of its cache into parts, the session's shard writes them.
//!
//! Parts are cut as they are needed, so a slow or huge fetch pins little. What the cache no longer
//! holds, or never had, is a mark and not a gap: a gap means that objects do not exist
//! (draft-16 §5.2).

use std::collections::VecDeque;

use bytes::{Buf, Bytes};
use track::{FetchId, SessionId, TrackId};

use crate::carrier::{StreamId, WriteError};
use crate::framing::codes::Reset;
use crate::framing::fetch::{FetchError, FetchObject, FetchWriter, GroupOrder, RangeEnd};
use crate::framing::header::{self, RequestId};
use crate::framing::location::Location;
use crate::framing::profile::{FetchCoding, Profile};
use crate::framing::properties::Properties;
use crate::framing::status::Status;
use crate::relay::Relay;
use crate::relay::command::{ControlStream, FetchRange};
use crate::relay::event::{Event, FetchStatus};
use crate::relay::fanout::data_priority;
use crate::relay::letter::Letter;
use crate::relay::log::LogState;
use crate::relay::session::{OutRef, Waiting, WaitingFor};
use crate::relay::tracks::Track;

/// Objects cut at a time.
const OBJECTS: usize = 256;
/// Payload bytes after which a cut ends.
const BYTES: u64 = 128 << 10;
/// The largest object id that every draft can name.
const LAST: u64 = (1 << 62) - 1;

/// Where a fetch goes on, and where it ends (exclusive).
#[derive(Clone, Copy, Debug)]
pub struct FetchCursor {
    at: Location,
    until: Location,
}

/// A piece of a fetched range.
#[derive(Debug)]
pub enum Part {
    /// An object.
    Object(Box<PartObject>),
    /// Everything up to and including this is unknown.
    Unknown(Location),
}

/// An object of a fetched range.
#[derive(Debug)]
pub struct PartObject {
    location: Location,
    subgroup: Option<u64>,
    priority: u8,
    status: Status,
    profile: &'static Profile,
    properties: Bytes,
    payload: Vec<Bytes>,
    payload_len: u64,
}

/// A fetch on its session's shard.
#[derive(Debug)]
pub(crate) struct Fetch {
    pub(crate) id: FetchId,
    pub(crate) session: usize,
    track: TrackId,
    request_id: u64,
    range: FetchRange,
    cursor: Option<FetchCursor>,
    writer: FetchWriter,
    profile: &'static Profile,
    stream: Option<StreamId>,
    pending: VecDeque<Bytes>,
    /// What comes next cannot be said: the stream is reset once it has said the rest.
    failed: Option<Reset>,
    /// Parts were asked for and have not come.
    asked: bool,
}

/// The location just before `at`.
fn before(at: Location) -> Location {
    match at.object.0 {
        0 => Location::new(at.group.0.saturating_sub(1), LAST),
        object => Location::new(at.group.0, object - 1),
    }
}

/// What the home says of a range.
struct Opened {
    status: FetchStatus,
    begins_unknown: bool,
    end_of_track: bool,
    end: Location,
}

impl FetchCursor {
    /// At the beginning of a range that ends at `end`, as FETCH_OK writes it.
    fn new(range: &FetchRange, end: Location) -> Self {
        let until = exclusive(end);
        let newest = before(until).group;
        let at = match range.descending && newest != range.start.group {
            false => range.start,
            true => Location::new(newest.0, 0),
        };
        Self { at, until }
    }
}

impl Track {
    fn open_range(&self, range: &FetchRange) -> Opened {
        let mut opened = Opened {
            status: FetchStatus::InvalidRange,
            begins_unknown: false,
            end_of_track: false,
            end: range.end,
        };
        let Some(largest) = self.largest else {
            return opened;
        };
        let after = Location::new(largest.group.0, largest.object.0 + 1);
        if range.start >= after {
            return opened;
        }
        let until = exclusive(range.end);
        if until > after {
            opened.end = after;
        }
        opened.end_of_track = self.end.is_some_and(|end| until >= end);
        opened.status = FetchStatus::Ok;
        opened
    }
}

/// FETCH's end as an exclusive bound: object 0 means the whole group.
fn exclusive(end: Location) -> Location {
    match end.object.0 {
        0 => Location::new(end.group.0.saturating_add(1), 0),
        _ => end,
    }
}

impl Relay {
    // At home.

    /// Answers a shard's wish for a range, or for the next part of it.
    pub(crate) fn serve_fetch(
        &mut self,
        id: FetchId,
        track: TrackId,
        range: FetchRange,
        cursor: Option<FetchCursor>,
    ) {
        let Some(&slot) = self.track_index.get(&track) else {
            match cursor {
                None => self.tell_opened(
                    id,
                    Opened {
                        status: FetchStatus::InvalidRange,
                        begins_unknown: true,
                        end_of_track: false,
                        end: range.end,
                    },
                ),
                Some(cursor) => {
                    self.answer_parts(id, vec![Part::Unknown(before(cursor.until))], None)
                }
            }
            return;
        };
        match cursor {
            None => {
                let mut opened = self.tracks[slot].open_range(&range);
                if opened.status == FetchStatus::Ok {
                    let cursor = FetchCursor::new(&range, opened.end);
                    let first = self.make_cut(slot, &range, cursor, 1).parts;
                    opened.begins_unknown = matches!(first.first(), Some(Part::Unknown(_)));
                }
                self.tell_opened(id, opened);
            }
            Some(cursor) => self.cut(id, slot, range, cursor),
        }
    }

    fn tell_opened(&mut self, id: FetchId, opened: Opened) {
        let Opened {
            status,
            begins_unknown,
            end_of_track,
            end,
        } = opened;
        let letter = Letter::FetchOpened {
            fetch: id,
            status,
            begins_unknown,
            end_of_track,
            end,
        };
        self.post(id.shard(), letter);
    }

    fn cut(&mut self, id: FetchId, slot: usize, range: FetchRange, cursor: FetchCursor) {
        let cut = self.make_cut(slot, &range, cursor, OBJECTS);
        let next = (cut.at < cursor.until).then_some(FetchCursor {
            at: cut.at,
            until: cursor.until,
        });
        match next {
            Some(next) if cut.waits && cut.parts.is_empty() => {
                self.tracks[slot].waiting_fetches.push((id, range, next));
            }
            next => self.answer_parts(id, cut.parts, next),
        }
    }

    fn make_cut(&self, slot: usize, range: &FetchRange, cursor: FetchCursor, most: usize) -> Cut {
        let mut cut = Cut {
            parts: Vec::new(),
            bytes: 0,
            at: cursor.at,
            waits: false,
            most,
        };
        if range.descending {
            self.cut_descending(slot, range.start, cursor, &mut cut);
        } else {
            self.cut_ascending(slot, cursor, &mut cut);
        }
        cut
    }

    /// The objects of a group from `from` on, lowest first, at most one cut's worth.
    fn objects_of(&self, slot: usize, number: u64, from: u64, to: u64) -> Vec<(u64, usize, usize)> {
        let Some(group) = self.tracks[slot].group(number) else {
            return Vec::new();
        };
        let mut objects = Vec::new();
        for &log in &group.logs {
            let held = &self.store[log];
            let to = match held.last_object().filter(|_| held.is_cut_short()) {
                Some(cut_short) => to.min(cut_short),
                None => to,
            };
            let Some(first) = held.position(from) else {
                continue;
            };
            let marks = held.marks().enumerate().skip(first).take(OBJECTS);
            let wanted = marks.take_while(|(_, mark)| mark.object.0 < to);
            objects.extend(wanted.map(|(index, mark)| (mark.object.0, log, index)));
        }
        objects.sort_unstable();
        objects.dedup_by_key(|entry| entry.0);
        objects.truncate(OBJECTS);
        objects
    }

    /// Cuts from one group; `from` and `to` bound its objects. False when the cut is full or waits.
    fn cut_group(
        &self,
        slot: usize,
        number: u64,
        to: u64,
        expected: &mut Location,
        cut: &mut Cut,
    ) -> bool {
        let track = &self.tracks[slot];
        let from = if expected.group.0 == number {
            expected.object.0
        } else {
            0
        };
        let objects = self.objects_of(slot, number, from, to);
        let full = objects.len() == OBJECTS;
        let last = objects.last().map(|entry| Location::new(number, entry.0));
        for (object, log, index) in objects {
            let location = Location::new(number, object);
            let held = &self.store[log];
            let Some((mark, properties, payload)) = held.object(index) else {
                let growing = held.state == LogState::Open
                    && held.last_object() == Some(object)
                    && !held.at_boundary();
                if growing {
                    cut.at = *expected;
                    cut.waits = true;
                    return false;
                }
                continue;
            };
            if location > *expected && self.may_hide(track, *expected, location) {
                cut.parts.push(Part::Unknown(before(location)));
            }
            cut.bytes += mark.payload_len;
            cut.parts.push(Part::Object(Box::new(PartObject {
                location,
                subgroup: (!held.key.datagram).then_some(held.key.subgroup),
                priority: held.header.priority.unwrap_or(track.priority),
                status: mark.status,
                profile: held.header.profile,
                properties,
                payload,
                payload_len: mark.payload_len,
            })));
            *expected = Location::new(number, object + 1);
            if cut.bytes >= BYTES || cut.parts.len() >= cut.most {
                cut.at = *expected;
                return false;
            }
        }
        if full {
            // What could not be given now is not looked for again.
            if let Some(last) = last.filter(|last| *last >= *expected) {
                cut.parts.push(Part::Unknown(last));
                *expected = Location::new(number, last.object.0 + 1);
            }
            cut.at = *expected;
            return false;
        }
        true
    }

    /// Whether something may lie between `from` and `to` that this cache does not know.
    fn may_hide(&self, track: &Track, from: Location, to: Location) -> bool {
        let incomplete = |number: u64| track.group(number).is_some_and(|group| group.incomplete);
        from < track.floor || incomplete(from.group.0) || to.object.0 > 0 && incomplete(to.group.0)
    }

    /// The same for the end of a group, up to its object `to`.
    fn may_hide_tail(&self, track: &Track, from: Location, to: u64) -> bool {
        let group = track.group(from.group.0);
        let end = group.and_then(|group| group.end).unwrap_or(LAST);
        let incomplete = group.is_some_and(|group| group.incomplete);
        from.object.0 < end.min(to) && (incomplete || from < track.floor)
    }

    fn cut_ascending(&self, slot: usize, cursor: FetchCursor, cut: &mut Cut) {
        let track = &self.tracks[slot];
        let mut expected = cursor.at;
        let first = track
            .groups
            .partition_point(|group| group.number < cursor.at.group.0);
        for group in track.groups.range(first..) {
            if Location::new(group.number, 0) >= cursor.until {
                break;
            }
            let to = if group.number == cursor.until.group.0 {
                cursor.until.object.0
            } else {
                u64::MAX
            };
            if !self.cut_group(slot, group.number, to, &mut expected, cut) {
                return;
            }
        }
        if expected < cursor.until && self.may_hide(track, expected, cursor.until) {
            cut.parts.push(Part::Unknown(before(cursor.until)));
        }
        cut.at = cursor.until;
    }

    fn cut_descending(&self, slot: usize, start: Location, cursor: FetchCursor, cut: &mut Cut) {
        let track = &self.tracks[slot];
        let mut expected = cursor.at;
        loop {
            let number = expected.group.0;
            let to = if number == cursor.until.group.0 {
                cursor.until.object.0
            } else {
                u64::MAX
            };
            if !self.cut_group(slot, number, to, &mut expected, cut) {
                return;
            }
            if self.may_hide_tail(track, expected, to) {
                cut.parts.push(Part::Unknown(Location::new(number, LAST)));
            }
            if number <= start.group.0 {
                cut.at = cursor.until;
                return;
            }
            let below = track.groups.partition_point(|group| group.number < number);
            let next = below.checked_sub(1).map(|at| track.groups[at].number);
            let next = next.filter(|&next| next >= start.group.0);
            let Some(next) = next else {
                if start < track.floor {
                    cut.parts
                        .push(Part::Unknown(before(Location::new(number, 0))));
                }
                cut.at = cursor.until;
                return;
            };
            let object = if next == start.group.0 {
                start.object.0
            } else {
                0
            };
            expected = Location::new(next, object);
        }
    }

    /// Tries again the fetches that waited for an object to be complete.
    pub(crate) fn wake_fetches(&mut self, slot: usize) {
        for (id, range, cursor) in std::mem::take(&mut self.tracks[slot].waiting_fetches) {
            self.cut(id, slot, range, cursor);
        }
    }

    pub(crate) fn answer_parts(
        &mut self,
        id: FetchId,
        parts: Vec<Part>,
        next: Option<FetchCursor>,
    ) {
        self.post(
            id.shard(),
            Letter::FetchParts {
                fetch: id,
                parts,
                next,
            },
        );
    }

    // On the session's shard.

    pub(crate) fn fetch(
        &mut self,
        id: FetchId,
        track: TrackId,
        session: SessionId,
        request_id: u64,
        range: FetchRange,
    ) {
        let Some(&session) = self.session_index.get(&session) else {
            return;
        };
        let Some(profile) = self.sessions[session].profile else {
            return;
        };
        let order = if range.descending {
            GroupOrder::Descending
        } else {
            GroupOrder::Ascending
        };
        let index = self.fetches.insert(Fetch {
            id,
            session,
            track,
            request_id,
            range,
            cursor: None,
            writer: FetchWriter::new(profile, order),
            profile,
            stream: None,
            pending: VecDeque::new(),
            failed: None,
            asked: false,
        });
        self.fetch_index.insert(id, index);
        self.sessions[session].fetches.push(index);
        self.post(
            track.shard(),
            Letter::FetchWanted {
                fetch: id,
                track,
                range,
                cursor: None,
            },
        );
    }

    pub(crate) fn fetch_opened(
        &mut self,
        id: FetchId,
        status: FetchStatus,
        begins_unknown: bool,
        end_of_track: bool,
        end: Location,
    ) {
        let Some(&index) = self.fetch_index.get(&id) else {
            return;
        };
        let fetch = &mut self.fetches[index];
        let cannot_mark = fetch.profile.fetch_objects == FetchCoding::AllFields;
        let status = match status {
            FetchStatus::Ok if begins_unknown && cannot_mark => FetchStatus::Unknown,
            status => status,
        };
        fetch.cursor = Some(FetchCursor::new(&fetch.range, end));
        self.events.push_back(Event::FetchAnswer {
            fetch: id,
            status,
            end_of_track,
            end,
        });
        if status != FetchStatus::Ok {
            self.forget_fetch(index);
        }
    }

    pub(crate) fn start_fetch(&mut self, id: FetchId, stream: ControlStream, reply: Bytes) {
        let Some(&index) = self.fetch_index.get(&id) else {
            return;
        };
        let session = self.fetches[index].session;
        self.send_control(session, stream, reply, false);
        let fetch = &mut self.fetches[index];
        let mut opening = Vec::with_capacity(16);
        if header::encode_fetch(fetch.profile, RequestId(fetch.request_id), &mut opening).is_ok() {
            fetch.pending.push_back(self.store.arena.copy(&opening));
        }
        self.ask_for_parts(index);
    }

    fn ask_for_parts(&mut self, index: usize) {
        let fetch = &mut self.fetches[index];
        let Some(cursor) = fetch.cursor.take() else {
            return;
        };
        fetch.asked = true;
        let (id, track, range) = (fetch.id, fetch.track, fetch.range);
        self.post(
            track.shard(),
            Letter::FetchWanted {
                fetch: id,
                track,
                range,
                cursor: Some(cursor),
            },
        );
    }

    pub(crate) fn take_parts(&mut self, id: FetchId, parts: Vec<Part>, next: Option<FetchCursor>) {
        let Some(&index) = self.fetch_index.get(&id) else {
            return;
        };
        let fetch = &mut self.fetches[index];
        fetch.asked = false;
        fetch.cursor = next;
        for part in parts {
            self.scratch_bytes.clear();
            let written = match &part {
                Part::Object(object) => {
                    let header = FetchObject {
                        location: object.location,
                        subgroup: object.subgroup,
                        priority: object.priority,
                        properties: Properties::new(object.profile, &object.properties),
                        payload_len: object.payload_len,
                        status: object.status,
                    };
                    fetch
                        .writer
                        .object(&header, &mut self.scratch_bytes)
                        .map(|_| ())
                }
                Part::Unknown(_) if fetch.range.descending => Err(FetchError::NoRangeMarkers),
                Part::Unknown(last) => {
                    fetch
                        .writer
                        .end_of_range(RangeEnd::Unknown, *last, &mut self.scratch_bytes)
                }
            };
            if written.is_err() {
                fetch.failed = Some(Reset::UnknownObjectStatus);
                fetch.cursor = None;
                break;
            }
            if self.scratch_bytes.is_empty() {
                continue;
            }
            fetch
                .pending
                .push_back(self.store.arena.copy(&self.scratch_bytes));
            if let Part::Object(object) = part {
                fetch.pending.extend(object.payload);
            }
        }
        self.pump_fetch(id);
    }

    /// Writes what a fetch has, and asks for more when that is gone.
    pub(crate) fn pump_fetch(&mut self, id: FetchId) {
        let Some(&index) = self.fetch_index.get(&id) else {
            return;
        };
        let fetch = &mut self.fetches[index];
        let session = &mut self.sessions[fetch.session];
        let Some(mut carrier) = self.carriers.session(session.key) else {
            return;
        };
        if fetch.stream.is_none() {
            fetch.stream = carrier.open_uni(data_priority(fetch.range.priority, 128));
        }
        let Some(stream) = fetch.stream else {
            self.block_fetch(index);
            return;
        };
        session.out.insert(stream, OutRef::Fetch(id));
        while !fetch.pending.is_empty() {
            self.scratch.clear();
            self.scratch.extend(fetch.pending.iter().take(64).cloned());
            match carrier.write_chunks(stream, &mut self.scratch) {
                Ok(written) => {
                    self.counters.bytes_out.add(written.bytes as u64);
                    advance(&mut fetch.pending, written.bytes);
                }
                Err(WriteError::Blocked) => {
                    self.block_fetch(index);
                    return;
                }
                Err(WriteError::Stopped(_) | WriteError::Closed) => {
                    self.abandon_fetch(index, Reset::Cancelled, true);
                    return;
                }
            }
        }
        self.scratch.clear();
        if fetch.asked {
            return;
        }
        if fetch.cursor.is_some() {
            self.ask_for_parts(index);
            return;
        }
        if fetch.failed.is_some() {
            // A reset overtakes what was written: let that arrive first.
            self.failing.push((self.now + 2 * carrier.rtt(), id));
            return;
        }
        carrier.finish(stream);
        self.events.push_back(Event::FetchDone {
            fetch: id,
            complete: true,
        });
        self.forget_fetch(index);
    }

    fn block_fetch(&mut self, index: usize) {
        let fetch = &self.fetches[index];
        let what = WaitingFor::Fetch(fetch.id);
        let blocked = &mut self.sessions[fetch.session].blocked;
        if !blocked.iter().any(|waiting| waiting.what == what) {
            blocked.push(Waiting {
                priority: (fetch.range.priority, 128),
                request: fetch.id.0,
                order: 0,
                subgroup: 0,
                turn: 0,
                what,
            });
        }
    }

    /// Resets the streams of fetches that failed, once what they could say has had its time.
    pub(crate) fn sweep_failing(&mut self) {
        for (at, id) in std::mem::take(&mut self.failing) {
            match self.fetch_index.get(&id) {
                Some(&index) if at <= self.now => {
                    let code = self.fetches[index].failed;
                    self.abandon_fetch(index, code.unwrap_or(Reset::InternalError), true);
                }
                Some(_) => self.failing.push((at, id)),
                None => {}
            }
        }
    }

    pub(crate) fn cancel_fetch(&mut self, id: FetchId) {
        if let Some(&index) = self.fetch_index.get(&id) {
            self.abandon_fetch(index, Reset::Cancelled, false);
        }
    }

    pub(crate) fn fetch_stopped(&mut self, id: FetchId) {
        if let Some(&index) = self.fetch_index.get(&id) {
            self.abandon_fetch(index, Reset::Cancelled, true);
        }
    }

    fn abandon_fetch(&mut self, index: usize, code: Reset, tell: bool) {
        let fetch = &self.fetches[index];
        let id = fetch.id;
        if let Some(stream) = fetch.stream
            && let Some(mut carrier) = self.carriers.session(self.sessions[fetch.session].key)
        {
            carrier.reset(stream, code.code(fetch.profile));
        }
        if tell {
            self.events.push_back(Event::FetchDone {
                fetch: id,
                complete: false,
            });
        }
        self.forget_fetch(index);
    }

    pub(crate) fn forget_fetch(&mut self, index: usize) {
        let Some(fetch) = self.fetches.try_remove(index) else {
            return;
        };
        self.fetch_index.remove(&fetch.id);
        if let Some(session) = self.sessions.get_mut(fetch.session) {
            session.fetches.retain(|held| *held != index);
            if let Some(stream) = fetch.stream {
                session.out.remove(&stream);
            }
        }
        if let Some(&slot) = self.track_index.get(&fetch.track) {
            self.tracks[slot]
                .waiting_fetches
                .retain(|(id, ..)| *id != fetch.id);
        }
    }
}

/// A cut in the making.
struct Cut {
    parts: Vec<Part>,
    bytes: u64,
    at: Location,
    waits: bool,
    most: usize,
}

fn advance(pending: &mut VecDeque<Bytes>, mut written: usize) {
    while written > 0 {
        let Some(front) = pending.front_mut() else {
            return;
        };
        if front.len() > written {
            front.advance(written);
            return;
        }
        written -= front.len();
        pending.pop_front();
    }
}

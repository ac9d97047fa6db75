//! What the publisher sends: tracks on a clock or in a closed loop, each with a bounded queue.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::time::{Duration, Instant};

use bytes::Bytes;
use moq::carrier::{SessionMut, StreamId, WriteError};
use moq::framing::header::{self, SubgroupHeader, SubgroupId, TrackAlias};
use moq::framing::location::GroupId;
use moq::framing::profile::Profile;

use super::plan::{Pace, Plan};
use crate::payload::{HEAD, Head};

/// A closed loop goes on after this long without progress: what it waits for was dropped.
const STALL: Duration = Duration::from_millis(50);
/// A closed loop keeps no more than this in a track's queue.
const CLOSED_LOOP_QUEUE: usize = 256 * 1024;
const PRIORITY: u8 = 128;

/// All tracks of the publisher.
pub struct Publisher {
    profile: &'static Profile,
    pace: Pace,
    object_bytes: u64,
    objects_per_stream: u64,
    queue_limit: usize,
    filler: Bytes,
    tracks: Vec<Track>,
    /// When tracks on a clock have their next object.
    due: BinaryHeap<Reverse<(Instant, usize)>>,
    started: bool,
    counting: bool,
    /// Nothing more can be written until the carrier says so.
    blocked: bool,
    dropped: u64,
}

/// One track; its alias is its index.
#[derive(Default)]
struct Track {
    asked: bool,
    /// Number of the next object.
    sequence: u64,
    group: u64,
    /// Objects of the current group so far.
    in_group: u64,
    queue: VecDeque<Subgroup>,
    queued: usize,
    /// Counted objects that were written.
    published: u64,
    progress: Progress,
}

/// How far the slowest subscriber of a closed loop is.
#[derive(Default)]
struct Progress {
    reached: u64,
    at: Option<Instant>,
}

struct Subgroup {
    stream: Option<StreamId>,
    objects: VecDeque<Object>,
    complete: bool,
}

struct Object {
    chunks: [Bytes; 2],
    counted: bool,
}

impl Publisher {
    /// Silent until [`Self::start`].
    pub fn new(plan: &Plan, profile: &'static Profile) -> Self {
        Self {
            profile,
            pace: plan.pace,
            object_bytes: plan.object_bytes as u64,
            objects_per_stream: plan.objects_per_stream,
            queue_limit: plan.publisher_queue,
            filler: Bytes::from(vec![0x5a; plan.object_bytes - HEAD]),
            tracks: (0..plan.tracks).map(|_| Track::default()).collect(),
            due: BinaryHeap::new(),
            started: false,
            counting: false,
            blocked: false,
            dropped: 0,
        }
    }

    /// The relay subscribed to a track, or left it.
    pub fn set_asked(&mut self, track: usize, asked: bool) {
        if let Some(track) = self.tracks.get_mut(track) {
            track.asked = asked;
        }
    }

    /// From now on objects are made, where they are asked for. Tracks start one after another.
    pub fn start(&mut self, now: Instant) {
        self.started = true;
        if let Pace::PerSecond(rate) = self.pace {
            let tracks = self.tracks.len();
            let step = Duration::from_secs_f64(1.0 / rate / tracks as f64);
            self.due = (0..tracks)
                .map(|track| Reverse((now + step * track as u32, track)))
                .collect();
        }
    }

    /// Objects made from now on count, or no longer do.
    pub fn set_counting(&mut self, counting: bool) {
        self.counting = counting;
    }

    /// No more objects; what is queued still goes.
    pub fn stop(&mut self) {
        self.started = false;
        self.due.clear();
        for track in &mut self.tracks {
            track.end_group();
        }
    }

    /// A stream takes bytes again, or may be opened.
    pub fn unblock(&mut self) {
        self.blocked = false;
    }

    /// Whether [`Self::produce`] wants to know how far subscribers are.
    pub fn is_closed_loop(&self) -> bool {
        self.started && matches!(self.pace, Pace::Ahead(_))
    }

    /// When there is something to do though nothing arrives.
    pub fn next_timeout(&self, now: Instant) -> Option<Instant> {
        match self.due.peek() {
            Some(&Reverse((at, _))) => Some(at),
            None if self.is_closed_loop() => Some(now + STALL),
            None => None,
        }
    }

    /// Makes the objects that are due. `since_epoch` is what they are stamped with; `reached` has,
    /// for a closed loop, the next object that each track's slowest subscriber waits for.
    pub fn produce(&mut self, now: Instant, since_epoch: u64, reached: &[u64]) {
        match self.pace {
            Pace::PerSecond(rate) => {
                let interval = Duration::from_secs_f64(1.0 / rate);
                while let Some(&Reverse((at, track))) = self.due.peek() {
                    if at > now {
                        break;
                    }
                    self.due.pop();
                    self.due.push(Reverse((at + interval, track)));
                    self.make(track, since_epoch);
                }
            }
            Pace::Ahead(bytes) if self.started => {
                let ahead = bytes.div_ceil(self.object_bytes).max(1);
                for (index, &reached) in reached.iter().enumerate() {
                    let track = &mut self.tracks[index];
                    let from = track.progress.update(now, reached, track.sequence);
                    while self.tracks[index].sequence < from + ahead
                        && self.tracks[index].queued < CLOSED_LOOP_QUEUE
                        && self.tracks[index].asked
                    {
                        self.make(index, since_epoch);
                    }
                }
            }
            Pace::Ahead(_) => {}
        }
    }

    fn make(&mut self, index: usize, at: u64) {
        let track = &mut self.tracks[index];
        if !track.asked {
            return;
        }
        let counted = self.counting;
        if track.queued >= self.queue_limit && !track.drop_oldest(&mut self.dropped) {
            self.dropped += u64::from(counted);
            return;
        }
        let mut head = Vec::with_capacity(64);
        if track.in_group == 0 {
            let header = SubgroupHeader {
                alias: TrackAlias(index as u64),
                group: GroupId(track.group),
                subgroup: SubgroupId::Zero,
                priority: Some(PRIORITY),
                extensions: false,
                end_of_group: true,
                first_object: true,
            };
            header::encode(self.profile, &header, PRIORITY, &mut head).expect("small numbers");
            track.queue.push_back(Subgroup {
                stream: None,
                objects: VecDeque::new(),
                complete: false,
            });
        }
        // Consecutive object ids: the delta is 0.
        for field in [0, self.object_bytes] {
            self.profile
                .varint
                .encode(field, &mut head)
                .expect("small numbers");
        }
        head.extend_from_slice(
            &Head {
                at,
                sequence: track.sequence,
            }
            .to_bytes(),
        );
        let object = Object {
            chunks: [head.into(), self.filler.clone()],
            counted,
        };
        track.sequence += 1;
        track.in_group += 1;
        track.queued += object.len();
        let subgroup = track
            .queue
            .back_mut()
            .expect("made with the group's first object");
        subgroup.objects.push_back(object);
        if track.in_group == self.objects_per_stream {
            track.end_group();
        }
    }

    /// Writes what the carrier takes.
    pub fn write(&mut self, session: &mut SessionMut<'_>) {
        if self.blocked {
            return;
        }
        for track in &mut self.tracks {
            track.write(session, &mut self.blocked);
        }
    }

    /// Counted objects of a track that were written.
    pub fn published(&self, track: usize) -> u64 {
        self.tracks[track].published
    }

    /// Counted objects that were dropped, or that wait for a blocked stream.
    pub fn dropped(&self) -> u64 {
        let subgroups = self.tracks.iter().flat_map(|track| &track.queue);
        let waiting = subgroups
            .flat_map(|subgroup| &subgroup.objects)
            .filter(|object| object.counted);
        self.dropped + waiting.count() as u64
    }
}

impl Track {
    fn end_group(&mut self) {
        if self.in_group > 0 {
            self.group += 1;
            self.in_group = 0;
            if let Some(subgroup) = self.queue.back_mut() {
                subgroup.complete = true;
            }
        }
    }

    /// Drops the oldest subgroup of which nothing was sent; false when there is none.
    fn drop_oldest(&mut self, dropped: &mut u64) -> bool {
        let Some(at) = self
            .queue
            .iter()
            .position(|subgroup| subgroup.stream.is_none())
        else {
            return false;
        };
        if at + 1 == self.queue.len() {
            self.end_group();
        }
        let subgroup = self.queue.remove(at).expect("position found it");
        self.queued -= subgroup.objects.iter().map(Object::len).sum::<usize>();
        *dropped += subgroup
            .objects
            .iter()
            .filter(|object| object.counted)
            .count() as u64;
        true
    }

    fn write(&mut self, session: &mut SessionMut<'_>, blocked: &mut bool) {
        let mut at = 0;
        while let Some(subgroup) = self.queue.get_mut(at) {
            let Some(stream) = subgroup.stream.or_else(|| session.open_uni(0)) else {
                *blocked = true;
                return;
            };
            subgroup.stream = Some(stream);
            let before: usize = subgroup.objects.iter().map(Object::len).sum();
            let state = subgroup.write(session, stream, &mut self.published);
            let after: usize = subgroup.objects.iter().map(Object::len).sum();
            self.queued -= before - after;
            match state {
                Written::All if subgroup.complete => {
                    session.finish(stream);
                    self.queue.remove(at);
                }
                Written::Refused => {
                    self.queue.remove(at);
                }
                Written::All => at += 1,
                // Another stream may still have credit of its own.
                Written::Some => {
                    *blocked = true;
                    at += 1;
                }
            }
        }
    }
}

enum Written {
    All,
    Some,
    Refused,
}

impl Subgroup {
    fn write(
        &mut self,
        session: &mut SessionMut<'_>,
        stream: StreamId,
        count: &mut u64,
    ) -> Written {
        while let Some(object) = self.objects.front_mut() {
            match session.write_chunks(stream, &mut object.chunks) {
                Ok(_) if object.len() > 0 => {}
                Ok(_) => {
                    *count += u64::from(object.counted);
                    self.objects.pop_front();
                }
                Err(WriteError::Blocked) => return Written::Some,
                Err(_) => return Written::Refused,
            }
        }
        Written::All
    }
}

impl Object {
    fn len(&self) -> usize {
        self.chunks.iter().map(Bytes::len).sum()
    }
}

impl Progress {
    /// From where a closed loop counts what it may be ahead.
    fn update(&mut self, now: Instant, reached: u64, sequence: u64) -> u64 {
        let at = *self.at.get_or_insert(now);
        if reached > self.reached {
            *self = Self {
                reached,
                at: Some(now),
            };
        } else if now.duration_since(at) >= STALL {
            *self = Self {
                reached: sequence,
                at: Some(now),
            };
        }
        self.reached
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn publisher(pace: &str) -> Publisher {
        let plan = format!(
            r#"{{"relay": "127.0.0.1:1", "namespace": ["n"], "subscribers": 2, "object_bytes": 1000,
                "objects_per_stream": 10, "publisher_queue": 100000, "pace": {pace}}}"#
        );
        let plan: Plan = serde_json::from_str(&plan).expect("a plan");
        let mut publisher =
            Publisher::new(&plan, moq::framing::profile::profile(16).expect("a draft"));
        publisher.set_asked(0, true);
        publisher.set_counting(true);
        publisher
    }

    #[test]
    fn a_track_on_a_clock_makes_an_object_an_interval() {
        let (mut publisher, now) = (publisher(r#"{"per_second": 100}"#), Instant::now());
        publisher.start(now);
        publisher.produce(now + Duration::from_millis(95), 1, &[0]);
        assert_eq!(publisher.tracks[0].sequence, 10);
        assert_eq!(
            publisher.next_timeout(now),
            Some(now + Duration::from_millis(100))
        );
    }

    #[test]
    fn a_blocked_stream_costs_the_oldest_unsent_subgroups_and_no_memory() {
        let (mut publisher, now) = (publisher(r#"{"per_second": 1000}"#), Instant::now());
        publisher.start(now);
        publisher.produce(now + Duration::from_millis(999), 1, &[0]);
        let track = &publisher.tracks[0];
        assert!(track.queued <= 101_000, "{} bytes wait", track.queued);
        let waiting = track
            .queue
            .iter()
            .map(|subgroup| subgroup.objects.len() as u64)
            .sum::<u64>();
        assert_eq!(publisher.dropped, 1000 - waiting);
        assert_eq!(publisher.dropped() + publisher.published(0), 1000);
    }

    #[test]
    fn a_closed_loop_stays_so_many_bytes_ahead_of_the_slowest() {
        let (mut publisher, now) = (publisher(r#"{"ahead": 5000}"#), Instant::now());
        publisher.start(now);
        publisher.produce(now, 1, &[0]);
        assert_eq!(publisher.tracks[0].sequence, 5);
        publisher.produce(now, 1, &[3]);
        assert_eq!(publisher.tracks[0].sequence, 8);
    }

    #[test]
    fn a_closed_loop_does_not_wait_for_what_was_dropped() {
        let (mut publisher, now) = (publisher(r#"{"ahead": 5000}"#), Instant::now());
        publisher.start(now);
        publisher.produce(now, 1, &[0]);
        publisher.produce(now + STALL, 1, &[0]);
        assert_eq!(publisher.tracks[0].sequence, 10);
    }
}

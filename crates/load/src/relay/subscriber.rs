//! What a subscriber saw.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use bytes::Bytes;
use moq::carrier::StreamId;
use moq::framing::profile::Profile;

use super::incoming::{Incoming, Kind};
use crate::delay::Delay;
use crate::payload::Head;

/// The time that counts, as the publisher stamps it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Window {
    /// Nanoseconds since the epoch; 0 while nothing counts yet.
    pub start: u64,
    /// Nanoseconds since the epoch; `u64::MAX` until it is known.
    pub end: u64,
}

impl Window {
    fn holds(self, at: u64) -> bool {
        self.start > 0 && self.start <= at && at < self.end
    }
}

/// When bytes are read: the clock is looked at once a pass.
#[derive(Clone, Copy, Debug)]
pub struct Pass {
    /// The clock.
    pub now: Instant,
    /// Nanoseconds since the epoch, as the publisher stamps them.
    pub since_epoch: u64,
    /// What counts.
    pub window: Window,
}

/// What all subscribers saw together.
#[derive(Default)]
pub struct Totals {
    /// Objects that were stamped in the counted time.
    pub delivered: u64,
    /// Objects that arrived in the counted time.
    pub arrived: u64,
    /// From the stamp to here, of objects that count.
    pub delay: Delay,
}

/// One subscriber's objects.
pub struct Subscriber {
    profile: &'static Profile,
    streams: HashMap<StreamId, Incoming>,
    subscriptions: Vec<Subscription>,
    /// When its first object came.
    pub first_object: Option<Instant>,
    last_object: u64,
    longest_gap: u64,
    /// Objects that count.
    pub delivered: u64,
}

#[derive(Clone, Copy)]
struct Subscription {
    alias: u64,
    track: Option<usize>,
    /// One more than the largest object number seen.
    reached: u64,
}

impl Subscriber {
    /// Nothing seen yet.
    pub fn new(profile: &'static Profile) -> Self {
        Self {
            profile,
            streams: HashMap::new(),
            subscriptions: Vec::new(),
            first_object: None,
            last_object: 0,
            longest_gap: 0,
            delivered: 0,
        }
    }

    /// The relay named a track's alias.
    pub fn subscribed(&mut self, track: usize, alias: u64) {
        let at = subscription(&mut self.subscriptions, alias);
        self.subscriptions[at].track = Some(track);
    }

    /// How far it is in a track, for a closed loop.
    pub fn reached(&self, track: usize) -> u64 {
        let own = self
            .subscriptions
            .iter()
            .find(|own| own.track == Some(track));
        own.map_or(0, |own| own.reached)
    }

    /// The counted time starts: gaps count from here.
    pub fn start_counting(&mut self, since_epoch: u64) {
        self.last_object = since_epoch;
        self.longest_gap = 0;
    }

    /// The longest time without an object, with what is missing at the end of the counted time.
    pub fn longest_gap(&self, end: u64) -> Duration {
        Duration::from_nanos(self.longest_gap.max(end.saturating_sub(self.last_object)))
    }

    /// Takes what came on a stream that the relay opened. A control stream's bytes are given back.
    pub fn handle(
        &mut self,
        pass: Pass,
        stream: StreamId,
        chunks: &[Bytes],
        totals: &mut Totals,
    ) -> Option<Vec<u8>> {
        let Pass {
            now,
            since_epoch,
            window,
        } = pass;
        let profile = self.profile;
        let incoming = self
            .streams
            .entry(stream)
            .or_insert_with(|| Incoming::new(profile));
        let mut control = Vec::new();
        for chunk in chunks {
            if incoming.kind() == Kind::Control {
                control.extend_from_slice(chunk);
                continue;
            }
            let mut count = 0;
            let mut largest = 0;
            let rest = incoming.feed(chunk, |Head { at, sequence }| {
                count += 1;
                largest = largest.max(sequence + 1);
                if window.holds(at) {
                    self.delivered += 1;
                    totals.delivered += 1;
                    totals
                        .delay
                        .record(Duration::from_nanos(since_epoch.saturating_sub(at)));
                }
            });
            if incoming.kind() == Kind::Control {
                control.extend_from_slice(incoming.control_bytes());
                control.extend_from_slice(rest);
            }
            if count > 0 {
                self.first_object.get_or_insert(now);
                if window.holds(since_epoch) {
                    totals.arrived += count;
                    self.longest_gap = self.longest_gap.max(since_epoch - self.last_object);
                    self.last_object = since_epoch;
                }
                if let Kind::Objects(alias) = incoming.kind() {
                    let at = subscription(&mut self.subscriptions, alias);
                    let own = &mut self.subscriptions[at];
                    own.reached = own.reached.max(largest);
                }
            }
        }
        (!control.is_empty()).then_some(control)
    }

    /// A stream has ended.
    pub fn ended(&mut self, stream: StreamId) {
        self.streams.remove(&stream);
    }
}

/// Where an alias is; sessions have few, or each is looked up once per chunk.
fn subscription(subscriptions: &mut Vec<Subscription>, alias: u64) -> usize {
    subscriptions
        .iter()
        .position(|own| own.alias == alias)
        .unwrap_or_else(|| {
            subscriptions.push(Subscription {
                alias,
                track: None,
                reached: 0,
            });
            subscriptions.len() - 1
        })
}

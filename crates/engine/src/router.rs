//! What a shard runs.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use moq::relay::Relay;
use rtc::plane::Plane;
use shard::{Datagram, EventSender, Full, Kind, Outbox, Router, Sender};
use track::ShardId;

use crate::halves::{Command, Event, Letter};

/// How often Python came for a shard's events, and whether the shard waits for it to come again.
#[derive(Debug, Default)]
pub(crate) struct Visits {
    count: AtomicU64,
    awaited: AtomicBool,
}

impl Visits {
    /// Python has taken what was there; true when the shard waits for that.
    pub(crate) fn record(&self) -> bool {
        self.count.fetch_add(1, Ordering::SeqCst);
        self.awaited.swap(false, Ordering::SeqCst)
    }
}

/// A shard has stopped when both have.
const HALVES: u8 = 2;

pub(crate) struct ShardRouter {
    relay: Relay,
    plane: Plane,
    events: EventSender<Event>,
    outbox: Outbox<Letter>,
    visits: Arc<Visits>,
    contents: Vec<u8>,
    /// Halves that have ended what they held.
    stopped: u8,
    /// Something is left for another pass at once.
    again: bool,
}

impl ShardRouter {
    pub(crate) fn new(
        relay: Relay,
        plane: Plane,
        events: EventSender<Event>,
        outbox: Outbox<Letter>,
        visits: Arc<Visits>,
    ) -> Self {
        Self {
            relay,
            plane,
            events,
            outbox,
            visits,
            contents: Vec::new(),
            stopped: 0,
            again: false,
        }
    }

    fn post_letters(&mut self) {
        while let Some((to, letter)) = self.relay.poll_letter() {
            if !self.outbox.reaches(to.0) {
                // One connection id in 2^24 that a stranger makes up names a shard, of any number.
                continue;
            }
            if let Err(Full(Letter::Moq(letter))) = self.outbox.try_push(to.0, Letter::Moq(letter))
            {
                self.relay.unpoll_letter((to, letter));
                break;
            }
        }
        while let Some((to, letter)) = self.plane.poll_letter() {
            if let Err(Full(Letter::Rtc(letter))) = self.outbox.try_push(to.0, Letter::Rtc(letter))
            {
                self.plane.unpoll_letter((to, letter));
                break;
            }
        }
    }

    fn tell_python(&mut self) {
        self.push_events();
        let visit = self.visits.count.load(Ordering::SeqCst);
        if self.relay.poll_control(visit, self.events.room()) {
            self.visits.awaited.store(true, Ordering::SeqCst);
            // Python may have come between the two: then nobody would wake this shard.
            self.again |= self.visits.count.load(Ordering::SeqCst) != visit;
        }
        self.push_events();
        self.events.flush();
    }

    fn push_events(&mut self) {
        while let Some(event) = self.relay.poll_event() {
            if let moq::relay::event::Event::Stopped = event {
                self.stopped += 1;
            } else if let Err(Full(Event::Moq(event))) = self.events.try_push(Event::Moq(event)) {
                self.relay.unpoll_event(event);
                return;
            }
        }
        while let Some(event) = self.plane.poll_event() {
            if let rtc::event::Event::Stopped = event {
                self.stopped += 1;
            } else if let Err(Full(Event::Rtc(event))) = self.events.try_push(Event::Rtc(event)) {
                self.plane.unpoll_event(event);
                return;
            }
        }
        if self.stopped == HALVES && self.events.try_push(Event::Stopped).is_ok() {
            self.stopped = 0;
        }
    }
}

impl Router for ShardRouter {
    type Command = Command;
    type Letter = Letter;

    fn handle_datagram(&mut self, now: Instant, kind: Kind, datagram: Datagram) {
        match kind {
            Kind::Quic => self.relay.handle_datagram(now, datagram),
            kind => self.plane.handle_datagram(now, kind, datagram),
        }
    }

    fn carry_out(&mut self, now: Instant, command: Command) {
        match command {
            Command::Moq(command) => self.relay.carry_out(now, command),
            Command::Rtc(command) => self.plane.carry_out(now, command),
        }
    }

    fn handle_letter(&mut self, now: Instant, from: shard::ShardId, letter: Letter) {
        match letter {
            Letter::Moq(letter) => self.relay.handle_letter(now, ShardId(from), letter),
            Letter::Rtc(letter) => self.plane.handle_letter(now, ShardId(from), letter),
        }
    }

    fn handle_timeouts(&mut self, now: Instant) {
        self.relay.handle_timeouts(now);
        self.plane.handle_timeouts(now);
    }

    fn finish_pass(&mut self, now: Instant, sender: &mut Sender<'_>) {
        self.again = false;
        self.relay.settle(now);
        self.plane.settle(now);
        self.post_letters();
        self.tell_python();
        self.plane.transmit(now, sender);
        let carriers = self.relay.carriers();
        while let Some(transmit) =
            carriers.poll_transmit(now, |socket| sender.ready(socket), &mut self.contents)
        {
            sender.send(&transmit, &self.contents);
        }
    }

    fn next_timeout(&mut self) -> Option<Instant> {
        if self.again {
            return Some(self.relay.now());
        }
        [self.relay.next_timeout(), self.plane.next_timeout()]
            .into_iter()
            .flatten()
            .min()
    }
}

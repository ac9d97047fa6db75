//! Retransmissions: what we miss of a publisher, and what we send a subscriber again (RFC 4585 §6.2.1).

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::clock::RoundTrip;
use crate::sequence::Extended;

/// So long a packet may merely have been overtaken.
pub const REORDERING: Duration = Duration::from_millis(5);
/// The most packets of one encoding that are missed at once.
pub const MOST_MISSING: usize = 256;
/// How often one packet is asked for.
pub const TRIES: u8 = 10;
/// How long a packet of video is worth asking for.
pub const VIDEO_PATIENCE: Duration = Duration::from_secs(1);
/// How long a packet of audio is worth asking for.
pub const AUDIO_PATIENCE: Duration = Duration::from_millis(500);

/// What is taken for a round trip that is not known.
const USUAL_ROUND_TRIP: Duration = Duration::from_millis(100);
/// Between two requests for the same packet: the round trip and this, within these bounds.
const SLACK: Duration = Duration::from_millis(10);
const SOONEST: Duration = Duration::from_millis(20);
const LATEST: Duration = Duration::from_millis(400);

/// What a packet did to the list of missing ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Received {
    /// Nothing is missing because of it.
    InOrder,
    /// Packets before it are missing from now on; a timeout is set.
    Gap,
    /// It was missing.
    Recovered,
    /// It was not missing: it came twice, or was given up.
    Unexpected,
    /// So much is missing that asking is pointless: the list is empty again; video needs a key frame.
    GaveUp,
}

#[derive(Clone, Copy, Debug)]
struct Hole {
    sequence: Extended,
    since: Instant,
    /// When it was last asked for.
    asked: Option<Instant>,
    ask_at: Instant,
    tries: u8,
}

/// What we miss of one encoding, and when to ask for it.
#[derive(Debug)]
pub struct Missing {
    patience: Duration,
    highest: Option<Extended>,
    /// By their numbers.
    holes: VecDeque<Hole>,
    next_timeout: Option<Instant>,
    /// From the request for a packet until it came.
    round_trip: RoundTrip,
}

impl Missing {
    /// Packets are given up `patience` after they were found missing, or after [`TRIES`] requests.
    pub fn new(patience: Duration) -> Self {
        Self {
            patience,
            highest: None,
            holes: VecDeque::new(),
            next_timeout: None,
            round_trip: RoundTrip::default(),
        }
    }

    /// A packet came, by itself or by retransmission. O(1) unless something is missing.
    #[inline]
    pub fn received(&mut self, now: Instant, sequence: Extended) -> Received {
        let Some(highest) = self.highest else {
            self.highest = Some(sequence);
            return Received::InOrder;
        };
        if sequence <= highest {
            return self.recovered(now, sequence);
        }
        self.highest = Some(sequence);
        let missing = sequence.0 - highest.0 - 1;
        if missing == 0 {
            return Received::InOrder;
        }
        self.miss(now, highest, missing)
    }

    /// When to call [`Missing::due`]; `None` while nothing is missing.
    pub fn next_timeout(&self) -> Option<Instant> {
        self.next_timeout
    }

    /// The first one above `sequence` that is missing, and since when.
    pub fn after(&self, sequence: Extended) -> Option<(Extended, Instant)> {
        let place = self.holes.partition_point(|hole| hole.sequence <= sequence);
        let hole = self.holes.get(place)?;
        Some((hole.sequence, hole.since))
    }

    /// Appends the numbers to ask for now, ascending. Each one is asked for again after the leg's round
    /// trip (else what requests took so far). Returns how many were given up: where that is not 0,
    /// video needs a key frame.
    pub fn due(&mut self, now: Instant, round_trip: Option<Duration>, out: &mut Vec<u16>) -> usize {
        let round_trip = round_trip.or(self.round_trip.get());
        let again = (round_trip.unwrap_or(USUAL_ROUND_TRIP) + SLACK).clamp(SOONEST, LATEST);
        let held = self.holes.len();
        let mut next_timeout: Option<Instant> = None;
        self.holes.retain_mut(|hole| {
            let due = now >= hole.ask_at;
            let end = hole.since + self.patience;
            if now >= end || due && hole.tries == TRIES {
                return false;
            }
            if due {
                out.push(hole.sequence.wire());
                hole.tries += 1;
                hole.asked = Some(now);
                hole.ask_at = now + again;
            }
            let wake = hole.ask_at.min(end);
            next_timeout = Some(next_timeout.map_or(wake, |next| next.min(wake)));
            true
        });
        self.next_timeout = next_timeout;
        held - self.holes.len()
    }

    fn miss(&mut self, now: Instant, highest: Extended, missing: u64) -> Received {
        if missing > (MOST_MISSING - self.holes.len()) as u64 {
            self.holes.clear();
            self.next_timeout = None;
            return Received::GaveUp;
        }
        let ask_at = now + REORDERING;
        for sequence in highest.0 + 1..=highest.0 + missing {
            self.holes.push_back(Hole {
                sequence: Extended(sequence),
                since: now,
                asked: None,
                ask_at,
                tries: 0,
            });
        }
        self.next_timeout = Some(self.next_timeout.map_or(ask_at, |next| next.min(ask_at)));
        Received::Gap
    }

    fn recovered(&mut self, now: Instant, sequence: Extended) -> Received {
        let found = self
            .holes
            .binary_search_by_key(&sequence, |hole| hole.sequence);
        let Some(hole) = found.ok().and_then(|place| self.holes.remove(place)) else {
            return Received::Unexpected;
        };
        // After several requests nobody knows which one was answered.
        if let Some(asked) = hole.asked
            && hole.tries == 1
        {
            self.round_trip.sample(now.saturating_duration_since(asked));
        }
        if self.holes.is_empty() {
            self.next_timeout = None;
        }
        Received::Recovered
    }
}

/// What retransmissions may use before anything was sent, and the most that they save up, in bytes.
const FIRST_ALLOWANCE: usize = 32 << 10;
const MOST_ALLOWANCE: usize = 128 << 10;
/// Of what is sent, this part may be sent again: a half.
const SHARE: usize = 2;
/// How many packets' last retransmissions are remembered.
const REMEMBERED: usize = 128;

#[derive(Clone, Copy, Debug, Default)]
struct Resent {
    sequence: u16,
    /// Milliseconds since the first one, and 1; 0: none.
    at: u32,
}

/// What one sink may be sent again: a share of what it is sent, and no packet twice within a round
/// trip.
#[derive(Debug)]
pub struct Resends {
    allowance: usize,
    epoch: Option<Instant>,
    /// By number, modulo its length. Memory comes with the first retransmission.
    recent: Vec<Resent>,
}

impl Default for Resends {
    fn default() -> Self {
        Self {
            allowance: FIRST_ALLOWANCE,
            epoch: None,
            recent: Vec::new(),
        }
    }
}

impl Resends {
    /// `bytes` were sent for the first time.
    #[inline]
    pub fn sent(&mut self, bytes: usize) {
        self.allowance = (self.allowance + bytes / SHARE).min(MOST_ALLOWANCE);
    }

    /// Whether the packet with this output sequence number, of so many bytes, may be sent again now.
    /// True counts as sent.
    ///
    /// A subscriber that measures a shorter round trip than we do repeats its requests sooner: they are
    /// answered from three quarters of ours on.
    pub fn allow(
        &mut self,
        now: Instant,
        round_trip: Option<Duration>,
        sequence: u16,
        bytes: usize,
    ) -> bool {
        let epoch = *self.epoch.get_or_insert(now);
        if self.recent.is_empty() {
            self.recent = vec![Resent::default(); REMEMBERED];
        }
        let round_trip = round_trip
            .unwrap_or(USUAL_ROUND_TRIP)
            .clamp(SOONEST, LATEST);
        let pause = (round_trip * 3 / 4).as_millis() as u32;
        let at = now.saturating_duration_since(epoch).as_millis() as u32 + 1;
        let last = &mut self.recent[usize::from(sequence) % REMEMBERED];
        let repeated =
            last.at != 0 && last.sequence == sequence && at.wrapping_sub(last.at) < pause;
        if repeated || bytes > self.allowance {
            return false;
        }
        self.allowance -= bytes;
        *last = Resent { sequence, at };
        true
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    /// A list for video that has the packets 1000 and 1003.
    fn missing_two(now: Instant) -> Missing {
        let mut missing = Missing::new(VIDEO_PATIENCE);
        assert_eq!(missing.received(now, Extended(1000)), Received::InOrder);
        assert_eq!(missing.received(now, Extended(1003)), Received::Gap);
        missing
    }

    fn due(missing: &mut Missing, now: Instant) -> Vec<u16> {
        let mut out = Vec::new();
        missing.due(now, Some(ms(50)), &mut out);
        out
    }

    #[test]
    fn nothing_is_asked_for_while_nothing_is_missing() {
        let now = Instant::now();
        let mut missing = Missing::new(AUDIO_PATIENCE);
        for sequence in 65_530..65_550 {
            assert_eq!(missing.received(now, Extended(sequence)), Received::InOrder);
        }
        assert_eq!(missing.next_timeout(), None);
    }

    #[test]
    fn a_packet_that_was_merely_overtaken_is_not_asked_for() {
        let now = Instant::now();
        let mut missing = missing_two(now);
        assert_eq!(missing.next_timeout(), Some(now + REORDERING));
        assert_eq!(
            missing.received(now + ms(1), Extended(1001)),
            Received::Recovered
        );
        assert_eq!(
            missing.received(now + ms(1), Extended(1002)),
            Received::Recovered
        );
        assert_eq!(missing.next_timeout(), None);
        assert_eq!(
            missing.received(now + ms(2), Extended(1002)),
            Received::Unexpected
        );
    }

    #[test]
    fn what_is_missing_is_asked_for_again_after_a_round_trip() {
        let now = Instant::now();
        let mut missing = missing_two(now);
        let first = now + REORDERING;
        assert_eq!(due(&mut missing, first), [1001, 1002]);
        assert_eq!(due(&mut missing, first + ms(30)), [] as [u16; 0]);
        missing.received(first + ms(40), Extended(1002));
        assert_eq!(missing.next_timeout(), Some(first + ms(60)));
        assert_eq!(due(&mut missing, first + ms(60)), [1001]);
    }

    #[test]
    fn the_round_trip_is_learnt_from_answers_where_no_report_tells_it() {
        let now = Instant::now();
        let mut missing = missing_two(now);
        let first = now + REORDERING;
        missing.due(first, None, &mut Vec::new());
        assert_eq!(
            missing.next_timeout(),
            Some(first + USUAL_ROUND_TRIP + SLACK)
        );
        missing.received(first + ms(30), Extended(1002));
        let second = missing.next_timeout().unwrap();
        missing.due(second, None, &mut Vec::new());
        assert_eq!(missing.next_timeout(), Some(second + ms(40)));
    }

    #[test]
    fn a_packet_is_given_up_after_ten_requests_or_when_it_is_too_old() {
        let now = Instant::now();
        let mut missing = missing_two(now);
        let (mut at, mut asked, mut given_up) = (now, 0, 0);
        while let Some(next) = missing.next_timeout() {
            at = next;
            let mut out = Vec::new();
            given_up += missing.due(at, Some(ms(20)), &mut out);
            asked += out.len();
        }
        assert_eq!((asked, given_up), (2 * usize::from(TRIES), 2));
        assert!(at < now + VIDEO_PATIENCE);

        let mut missing = missing_two(now);
        assert_eq!(missing.due(now + VIDEO_PATIENCE, None, &mut Vec::new()), 2);
        assert_eq!(missing.next_timeout(), None);
    }

    #[test]
    fn too_large_a_gap_is_not_asked_for() {
        let now = Instant::now();
        let mut missing = missing_two(now);
        let far = Extended(1003 + MOST_MISSING as u64);
        assert_eq!(missing.received(now, far), Received::GaveUp);
        assert_eq!(missing.next_timeout(), None);
        assert_eq!(
            missing.received(now, Extended(far.0 + 1)),
            Received::InOrder
        );
    }

    #[test]
    fn no_packet_is_sent_again_twice_within_a_round_trip() {
        let now = Instant::now();
        let mut resends = Resends::default();
        let rtt = Some(ms(100));
        assert!(resends.allow(now, rtt, 7, 1200));
        assert!(!resends.allow(now + ms(50), rtt, 7, 1200));
        assert!(resends.allow(now + ms(50), rtt, 8, 1200));
        assert!(resends.allow(now + ms(100), rtt, 7, 1200));
    }

    #[test]
    fn retransmissions_are_a_share_of_what_is_sent() {
        let now = Instant::now();
        let mut resends = Resends::default();
        let burst = |resends: &mut Resends, from: u16| {
            let answered = (from..from + 1000).take_while(|n| resends.allow(now, None, *n, 1000));
            answered.count() * 1000
        };
        assert_eq!(burst(&mut resends, 0), FIRST_ALLOWANCE / 1000 * 1000);
        for _ in 0..20 {
            resends.sent(1000);
        }
        assert_eq!(burst(&mut resends, 2000), 10_000);
    }

    proptest! {
        /// Whatever comes: the list is bounded and ordered, what came is not asked for, and a timeout
        /// is set while anything is missing.
        #[test]
        fn what_is_missing_is_bounded_and_really_missing(
            packets in prop::collection::vec((0_u64..2000, 0_u64..60), 1..300),
        ) {
            let mut now = Instant::now();
            let mut missing = Missing::new(VIDEO_PATIENCE);
            let mut came = std::collections::HashSet::new();
            for (sequence, pause) in packets {
                now += ms(pause);
                missing.received(now, Extended(sequence));
                came.insert(sequence as u16);
                prop_assert!(missing.holes.len() <= MOST_MISSING);
                prop_assert_eq!(missing.next_timeout().is_some(), !missing.holes.is_empty());
                if missing.next_timeout().is_some_and(|at| at <= now) {
                    let asked = due(&mut missing, now);
                    prop_assert!(asked.is_sorted());
                    prop_assert!(asked.iter().all(|sequence| !came.contains(sequence)));
                    prop_assert!(missing.next_timeout().is_none_or(|at| at > now));
                }
            }
        }
    }
}

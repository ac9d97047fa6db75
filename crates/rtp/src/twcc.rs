//! Transport-wide congestion control (draft-holmer-rmcat-transport-wide-cc-extensions-01): when packets
//! of a publisher arrived, told back to it; and the numbers of packets that we send.

use std::time::{Duration, Instant};

use crate::rtcp::{FeedbackHead, NoRoom, Writer};
use crate::sequence::{Extended, Unwrapper};

/// Between feedbacks, where much comes.
const BUSY: Duration = Duration::from_millis(50);
/// Between feedbacks, where little comes.
const CALM: Duration = Duration::from_millis(100);
/// Between two feedbacks, so many packets are much.
const MUCH: u32 = 10;
/// How many numbers are remembered. Packets that come later than that are not reported.
const WINDOW: u64 = 512;
/// So many numbers are reported without waiting.
const FULL: u64 = WINDOW / 2;
/// Arrivals are told in ticks of 250 µs.
const TICK: u128 = 250;

/// When the packets of one leg arrived. Memory (4 kB) comes with the first packet.
#[derive(Debug, Default)]
pub struct ArrivalLog {
    numbers: Unwrapper,
    epoch: Option<Instant>,
    /// By number, modulo its length: ticks since the beginning, and 1; 0: it has not come.
    ticks: Vec<u64>,
    /// The first number that is not reported.
    from: u64,
    /// How many came since the last feedback, and before that.
    came: u32,
    came_before: u32,
    next_timeout: Option<Instant>,
    feedbacks: u8,
}

impl ArrivalLog {
    /// A packet with this transport-wide number came: media, retransmission or padding.
    #[inline]
    pub fn received(&mut self, now: Instant, number: u16) {
        let epoch = *self.epoch.get_or_insert(now);
        let before = self.numbers.highest();
        let number = self.numbers.unwrap(number).0;
        let Some(Extended(highest)) = before else {
            self.ticks = vec![0; WINDOW as usize];
            self.from = number;
            self.note(now, epoch, number);
            return;
        };
        if number > highest {
            let jump = (number - highest).min(WINDOW);
            for skipped in number - jump + 1..number {
                self.ticks[(skipped % WINDOW) as usize] = 0;
            }
            self.from = self.from.max((number + 1).saturating_sub(WINDOW));
        } else if highest - number >= WINDOW || self.tick(number).is_some() {
            return;
        }
        // One that comes after its neighbours were reported is reported together with them, again.
        self.from = self.from.min(number);
        self.note(now, epoch, number);
    }

    /// When to send feedback: every 50 ms, 100 ms where little comes; `None` while nothing came since
    /// the last.
    pub fn next_timeout(&self) -> Option<Instant> {
        self.next_timeout
    }

    /// Writes feedback on what came since the last, and says whether there was any. Call it until it
    /// says no, or the writer has no room: the rest goes into the next one. `sender` is our SSRC,
    /// `media` any of the leg's.
    pub fn feedback(
        &mut self,
        sender: u32,
        media: u32,
        writer: &mut Writer<'_>,
    ) -> Result<bool, NoRoom> {
        let highest = match self.numbers.highest() {
            Some(highest) if self.next_timeout.is_some() => highest.0,
            _ => return Ok(false),
        };
        let Some(base) = (self.from..=highest).find(|number| self.tick(*number).is_some()) else {
            self.reported();
            return Ok(false);
        };
        let head = FeedbackHead {
            sender,
            media,
            count: self.feedbacks,
        };
        let arrivals = (base..=highest).map(|number| self.tick(number));
        let written = writer.transport_feedback(head, Extended(base).wire(), arrivals)?;
        self.feedbacks = self.feedbacks.wrapping_add(1);
        self.from = base + u64::from(written.max(1));
        if self.from > highest {
            self.reported();
        }
        Ok(true)
    }

    fn reported(&mut self) {
        self.next_timeout = None;
        self.came_before = std::mem::take(&mut self.came);
    }

    fn note(&mut self, now: Instant, epoch: Instant, number: u64) {
        let ticks = now.saturating_duration_since(epoch).as_micros() / TICK;
        self.ticks[(number % WINDOW) as usize] = ticks as u64 + 1;
        self.came += 1;
        if self.next_timeout.is_none() {
            let busy = self.came_before >= MUCH;
            self.next_timeout = Some(now + if busy { BUSY } else { CALM });
        }
        if number >= self.from + FULL {
            self.next_timeout = Some(now);
        }
    }

    /// When a number that is within the window came.
    fn tick(&self, number: u64) -> Option<i64> {
        let tick = self.ticks[(number % WINDOW) as usize];
        (tick != 0).then(|| tick as i64 - 1)
    }
}

/// Numbers what we send on one leg, whatever its SSRC. An estimate of the leg's capacity would remember
/// each packet's time and size here, and learn from the feedback what became of it.
#[derive(Debug, Default)]
pub struct Departures {
    next: u16,
}

impl Departures {
    /// The transport-wide number of the next packet.
    #[inline]
    pub fn number(&mut self) -> u16 {
        let number = self.next;
        self.next = number.wrapping_add(1);
        number
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::rtcp::{Packet, TransportFeedback, packets};

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    /// All feedback that is due, read by its receiver: packets by their numbers, and when they came in
    /// ticks.
    fn read(log: &mut ArrivalLog) -> Vec<BTreeMap<u16, i64>> {
        let (mut all, mut count) = (Vec::new(), log.feedbacks);
        loop {
            let mut buffer = [0; 1200];
            let mut writer = Writer::new(&mut buffer);
            if !log.feedback(1, 2, &mut writer).unwrap() {
                return all;
            }
            let len = writer.len();
            let read = packets(&buffer[..len]).next().unwrap().unwrap();
            let Packet::TransportFeedback(feedback) = read else {
                panic!("{read:?} is no feedback");
            };
            assert_eq!((feedback.head.sender, feedback.head.media), (1, 2));
            assert_eq!(feedback.head.count, count);
            count = count.wrapping_add(1);
            all.push(arrivals(feedback));
        }
    }

    fn arrivals(feedback: TransportFeedback<'_>) -> BTreeMap<u16, i64> {
        let arrivals = feedback.arrivals();
        arrivals
            .map(|arrival| (arrival.sequence, arrival.time))
            .collect()
    }

    #[test]
    fn feedback_tells_when_each_packet_came_and_which_did_not() {
        let start = Instant::now();
        let mut log = ArrivalLog::default();
        assert_eq!(log.next_timeout(), None);
        log.received(start, 65_534);
        log.received(start + ms(1), 65_535);
        log.received(start + ms(11), 1);
        assert_eq!(log.next_timeout(), Some(start + CALM));
        let told = BTreeMap::from([(65_534, 0), (65_535, 4), (1, 44)]);
        assert_eq!(read(&mut log), [told]);
        assert_eq!(log.next_timeout(), None);
        assert_eq!(read(&mut log).len(), 0);
    }

    #[test]
    fn feedback_comes_sooner_where_much_comes() {
        let start = Instant::now();
        let mut log = ArrivalLog::default();
        for number in 0..20 {
            log.received(start, number);
        }
        read(&mut log);
        log.received(start + ms(100), 20);
        assert_eq!(log.next_timeout(), Some(start + ms(100) + BUSY));
        read(&mut log);
        log.received(start + ms(200), 21);
        assert_eq!(log.next_timeout(), Some(start + ms(200) + CALM));
    }

    #[test]
    fn a_packet_that_was_reported_missing_is_reported_when_it_comes() {
        let start = Instant::now();
        let mut log = ArrivalLog::default();
        log.received(start, 10);
        log.received(start, 12);
        assert_eq!(read(&mut log), [BTreeMap::from([(10, 0), (12, 0)])]);
        log.received(start + ms(50), 11);
        // The one behind it had come, and is not taken back.
        assert_eq!(read(&mut log), [BTreeMap::from([(11, 200), (12, 0)])]);
        log.received(start + ms(60), 11);
        assert_eq!(log.next_timeout(), None);
    }

    #[test]
    fn a_burst_is_reported_without_waiting() {
        let start = Instant::now();
        let mut log = ArrivalLog::default();
        for number in 0..=FULL as u16 {
            log.received(start + ms(1), number);
        }
        assert_eq!(log.next_timeout(), Some(start + ms(1)));
    }

    #[test]
    fn a_leap_of_the_numbers_is_not_reported_packet_by_packet() {
        let start = Instant::now();
        let mut log = ArrivalLog::default();
        log.received(start, 0);
        log.received(start, 20_000);
        assert_eq!(read(&mut log), [BTreeMap::from([(20_000, 0)])]);
    }

    #[test]
    fn packets_that_we_send_are_numbered_without_end() {
        let mut departures = Departures { next: u16::MAX };
        assert_eq!((departures.number(), departures.number()), (u16::MAX, 0));
    }

    proptest! {
        /// Whatever comes, within the window: each packet is told, with the time it came at, once its
        /// feedback is due.
        #[test]
        fn each_packet_is_told_with_its_time(
            first: u16,
            packets in prop::collection::vec((0_u16..40, 0_u64..3_000), 1..300),
        ) {
            let start = Instant::now();
            let mut log = ArrivalLog::default();
            let (mut micros, mut base) = (0, first);
            let mut came = BTreeMap::new();
            let mut told = BTreeMap::new();
            for (ahead, pause) in packets {
                let now = start + Duration::from_micros(micros);
                let number = base.wrapping_add(ahead);
                base = base.wrapping_add(ahead / 20);
                came.entry(number).or_insert((micros / 250) as i64);
                log.received(now, number);
                if log.next_timeout().is_some_and(|at| at <= now) {
                    told.extend(read(&mut log).into_iter().flatten());
                }
                micros += pause;
            }
            told.extend(read(&mut log).into_iter().flatten());
            prop_assert_eq!(told, came);
        }
    }
}

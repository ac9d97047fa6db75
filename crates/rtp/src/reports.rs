//! Reports: what came of a received stream, and what was sent to a sink (RFC 3550 §6.4).

use std::time::{Duration, Instant};

use crate::clock::Ntp;
use crate::rtcp::ReportBlock;
use crate::sequence::{Extended, Unwrapper};

/// When a packet came, and which timestamp it had.
#[derive(Clone, Copy, Debug)]
struct Transit {
    at: Instant,
    timestamp: u32,
    clock_rate: u32,
}

/// What came on one SSRC.
#[derive(Debug, Default)]
pub struct Receiver {
    /// The first and the highest number; the first only where there is a highest.
    first: Extended,
    highest: Option<Extended>,
    received: u64,
    /// What was expected and received when the last report was made.
    reported: (u64, u64),
    /// In 16ths of a unit of the timestamp.
    jitter: u32,
    last: Option<Transit>,
    last_report: Option<(Instant, Ntp)>,
}

impl Receiver {
    /// A packet came under this SSRC itself: what a retransmission brought does not count (RFC 4588
    /// §6.3). `clock_rate` is its payload type's.
    #[inline]
    pub fn received(&mut self, now: Instant, sequence: Extended, timestamp: u32, clock_rate: u32) {
        if self.highest.is_none() {
            self.first = sequence;
        }
        self.highest = self.highest.max(Some(sequence));
        self.received += 1;
        let transit = Transit {
            at: now,
            timestamp,
            clock_rate,
        };
        if let Some(last) = self.last
            && last.clock_rate == clock_rate
        {
            self.jitter(last, transit);
        }
        self.last = Some(transit);
    }

    /// A sender report of the SSRC came.
    pub fn sender_report(&mut self, now: Instant, ntp: Ntp) {
        self.last_report = Some((now, ntp));
    }

    /// The block for a report that leaves now. `None` before the first packet.
    pub fn report(&mut self, now: Instant, ssrc: u32) -> Option<ReportBlock> {
        let highest = self.highest?;
        let expected = highest.0 - self.first.0 + 1;
        let (expected_before, received_before) = self.reported;
        self.reported = (expected, self.received);
        let (last_report, delay) = match self.last_report {
            Some((at, ntp)) => (ntp.compact(), compact(now.saturating_duration_since(at))),
            None => (0, 0),
        };
        let lost = expected as i64 - self.received as i64;
        Some(ReportBlock {
            ssrc,
            fraction_lost: fraction_lost(
                expected - expected_before,
                self.received - received_before,
            ),
            lost: lost.clamp(-0x80_0000, 0x7f_ffff) as i32,
            highest: highest.0.saturating_sub(Unwrapper::BASE) as u32,
            jitter: self.jitter >> 4,
            last_report,
            delay,
        })
    }

    /// RFC 3550 A.8.
    #[inline]
    fn jitter(&mut self, last: Transit, this: Transit) {
        let passed = units(this.at.saturating_duration_since(last.at), this.clock_rate);
        let sent = this.timestamp.wrapping_sub(last.timestamp);
        let deviation = (passed.wrapping_sub(sent) as i32).unsigned_abs();
        let decay = (self.jitter + 8) >> 4;
        self.jitter = self.jitter.saturating_add(deviation) - decay;
    }
}

/// A duration in units of the timestamp, modulo 2^32.
fn units(duration: Duration, clock_rate: u32) -> u32 {
    let rate = u64::from(clock_rate);
    let whole = duration.as_secs().wrapping_mul(rate);
    let fraction = u64::from(duration.subsec_nanos()) * rate / 1_000_000_000;
    whole.wrapping_add(fraction) as u32
}

/// A duration in 65,536ths of a second.
fn compact(duration: Duration) -> u32 {
    units(duration, 1 << 16)
}

/// RFC 3550 A.3, in 256ths; 0 where duplicates outnumber losses.
fn fraction_lost(expected: u64, received: u64) -> u8 {
    match expected.checked_sub(received) {
        Some(lost) if expected != 0 => ((lost << 8) / expected).min(255) as u8,
        _ => 0,
    }
}

/// What was sent under one SSRC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sent {
    /// Packets, modulo 2^32.
    pub packets: u32,
    /// Payload bytes, modulo 2^32.
    pub octets: u32,
}

impl Sent {
    /// Counts a packet; `payload` without header and padding.
    #[inline]
    pub fn count(&mut self, payload: usize) {
        self.packets = self.packets.wrapping_add(1);
        self.octets = self.octets.wrapping_add(payload as u32);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn extended(number: u64) -> Extended {
        Extended(Unwrapper::BASE + number)
    }

    #[test]
    fn nothing_is_reported_before_the_first_packet() {
        assert_eq!(Receiver::default().report(Instant::now(), 1), None);
    }

    #[test]
    fn loss_is_a_fraction_since_the_last_report_and_a_sum_since_the_beginning() {
        let now = Instant::now();
        let mut receiver = Receiver::default();
        for number in (1000..1100).filter(|number| number % 4 != 1) {
            receiver.received(now, extended(number), 0, 90_000);
        }
        let block = receiver.report(now, 7).unwrap();
        assert_eq!((block.ssrc, block.fraction_lost, block.lost), (7, 64, 25));
        assert_eq!(block.highest, 1099);
        for number in 1100..1200 {
            receiver.received(now, extended(number), 0, 90_000);
        }
        let block = receiver.report(now, 7).unwrap();
        assert_eq!((block.fraction_lost, block.lost), (0, 25));
    }

    #[test]
    fn duplicates_make_the_loss_negative_and_its_fraction_zero() {
        let now = Instant::now();
        let mut receiver = Receiver::default();
        for number in [5, 5, 5, 6] {
            receiver.received(now, extended(number), 0, 90_000);
        }
        let block = receiver.report(now, 7).unwrap();
        assert_eq!((block.fraction_lost, block.lost), (0, -2));
    }

    #[test]
    fn wraps_are_counted_above_sixteen_bits() {
        let now = Instant::now();
        let mut receiver = Receiver::default();
        let mut unwrapper = Unwrapper::default();
        for wire in [65_534, 65_535, 0, 1] {
            receiver.received(now, unwrapper.unwrap(wire), 0, 90_000);
        }
        let block = receiver.report(now, 7).unwrap();
        assert_eq!((block.highest, block.lost), (0x1_0001, 0));
    }

    #[test]
    fn jitter_settles_at_how_far_packets_deviate() {
        let start = Instant::now();
        let mut receiver = Receiver::default();
        // Every 20 ms of audio, alternately 5 ms late: 240 units of 48 kHz either way.
        for number in 0..1000 {
            let at = start + ms(20 * number) + ms(if number % 2 == 0 { 0 } else { 5 });
            receiver.received(at, extended(number), 960 * number as u32, 48_000);
        }
        let jitter = receiver.report(start, 7).unwrap().jitter;
        assert!((235..=245).contains(&jitter), "{jitter}");
    }

    #[test]
    fn the_last_sender_report_is_named_with_its_age() {
        let now = Instant::now();
        let mut receiver = Receiver::default();
        receiver.received(now, extended(1), 0, 90_000);
        receiver.sender_report(now, Ntp(0x0123_4567_89ab_cdef));
        let block = receiver.report(now + ms(1_500), 7).unwrap();
        assert_eq!((block.last_report, block.delay), (0x4567_89ab, 98_304));
    }

    #[test]
    fn packets_and_payload_bytes_are_counted() {
        let mut sent = Sent::default();
        sent.count(1000);
        sent.count(200);
        assert_eq!((sent.packets, sent.octets), (2, 1200));
    }
}

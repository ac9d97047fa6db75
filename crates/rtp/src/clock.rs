//! NTP time, and the clocks that sender reports tie together.
//!
//! Receivers synchronize a publisher's audio and video by their sender reports. So every report that we
//! send follows the publisher's own pairs of NTP and RTP time; our clock and theirs differ by one
//! offset per publisher session, and nothing depends on when a media packet arrived.

use std::time::{Duration, Instant, SystemTime};

/// NTP time: seconds since 1900 in the upper 32 bits, their fraction in the lower ones (RFC 3550 §4).
/// Wraps in 2036.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Ntp(pub u64);

impl Ntp {
    /// The middle 32 bits, as LSR has them: 65,536ths of a second.
    pub fn compact(self) -> u32 {
        (self.0 >> 16) as u32
    }

    /// From `earlier` to this time, in units of NTP; negative where it is later.
    fn since(self, earlier: Self) -> i64 {
        self.0.wrapping_sub(earlier.0) as i64
    }
}

/// 1970 in seconds of NTP (RFC 868).
const UNIX_EPOCH: u64 = 2_208_988_800;

/// A duration in units of NTP: 2^32 of them in a second.
fn units(duration: Duration) -> u64 {
    let fraction = (u64::from(duration.subsec_nanos()) << 32) / 1_000_000_000;
    (duration.as_secs() << 32) | fraction
}

/// Tells NTP time from the instants that come in.
#[derive(Clone, Copy, Debug)]
pub struct WallClock {
    instant: Instant,
    ntp: Ntp,
}

impl WallClock {
    /// Both clocks, read at the same time. Later changes of the wall clock go unnoticed: NTP time is
    /// steady.
    pub fn new(now: Instant, wall: SystemTime) -> Self {
        let unix = wall
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default();
        Self {
            instant: now,
            ntp: Ntp(units(unix).wrapping_add(UNIX_EPOCH << 32)),
        }
    }

    /// NTP time at `now`, which may lie before the reading.
    pub fn ntp(&self, now: Instant) -> Ntp {
        let after = units(now.saturating_duration_since(self.instant));
        let before = units(self.instant.saturating_duration_since(now));
        Ntp(self.ntp.0.wrapping_add(after).wrapping_sub(before))
    }
}

/// What a sender report says of a stream: the same moment in NTP time and as an RTP timestamp.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SenderPair {
    /// The moment by the sender's clock.
    pub ntp: Ntp,
    /// The moment as a timestamp of the stream.
    pub timestamp: u32,
    /// Units of the timestamp in a second.
    pub clock_rate: u32,
}

impl SenderPair {
    /// The timestamp at another moment of the same clock.
    pub fn timestamp_at(&self, ntp: Ntp) -> u32 {
        let elapsed = i128::from(ntp.since(self.ntp)) * i128::from(self.clock_rate);
        let ticks = (elapsed + (1 << 31)) >> 32;
        self.timestamp.wrapping_add(ticks as u32)
    }

    /// The moment of a timestamp less than half a wrap from the pair's.
    pub fn ntp_at(&self, timestamp: u32) -> Ntp {
        let ticks = i64::from(timestamp.wrapping_sub(self.timestamp) as i32);
        let elapsed = (ticks << 32) / i64::from(self.clock_rate.max(1));
        Ntp(self.ntp.0.wrapping_add_signed(elapsed))
    }
}

/// How a publisher session's NTP clock differs from ours: one for all its tracks.
#[derive(Clone, Copy, Debug, Default)]
pub struct PublisherClock {
    /// Ours minus theirs, in units of NTP.
    offset: Option<i64>,
}

/// A report that is off by so much says that the publisher's clock was set; less is the network's.
const SET: i64 = 10 << 32;

impl PublisherClock {
    /// A sender report of any of its tracks came at `now`, by our clock. The first one decides,
    /// whatever its time on the way: receivers compare reports with each other only. A report without a
    /// clock (RFC 3550 §6.4.1: zero) says nothing.
    pub fn observe(&mut self, now: Ntp, theirs: Ntp) {
        if theirs.0 == 0 {
            return;
        }
        let offset = now.since(theirs);
        match self.offset {
            Some(held) if offset.wrapping_sub(held).unsigned_abs() <= SET.unsigned_abs() => {}
            _ => self.offset = Some(offset),
        }
    }

    /// What a sender report that leaves at `now` says; `pair` is
    /// [`View::pair`](crate::layers::View::pair). The NTP time is ours, so that LSR and DLSR give the
    /// round trip; the timestamp is the stream's at that moment. `None` before any report of the
    /// publisher.
    pub fn report(&self, now: Ntp, pair: &SenderPair) -> Option<(Ntp, u32)> {
        let theirs = Ntp(now.0.wrapping_sub(self.offset? as u64));
        Some((now, pair.timestamp_at(theirs)))
    }
}

/// The round trip of a leg.
#[derive(Clone, Copy, Debug, Default)]
pub struct RoundTrip {
    smoothed: Option<Duration>,
}

/// In 65,536ths of a second: clocks are read a little before and after packets leave and come.
const TOLERANCE: i32 = 655;

/// A round trip longer than this is a mistake.
const LONGEST: Duration = Duration::from_secs(10);

impl RoundTrip {
    /// LSR and DLSR of a report block that came at `now`, about what we sent (RFC 3550 §6.4.1). Ignored
    /// without LSR, or where they make no sense.
    pub fn observe(&mut self, now: Ntp, last_sr: u32, delay: u32) {
        let elapsed = now.compact().wrapping_sub(last_sr).wrapping_sub(delay) as i32;
        if last_sr == 0 || elapsed < -TOLERANCE {
            return;
        }
        let elapsed = u64::from(elapsed.max(0) as u32);
        self.sample(Duration::from_nanos((elapsed * 1_000_000_000) >> 16));
    }

    /// A round trip that was measured otherwise.
    pub fn sample(&mut self, round_trip: Duration) {
        if round_trip > LONGEST {
            return;
        }
        self.smoothed = Some(match self.smoothed {
            Some(smoothed) => (smoothed * 7 + round_trip) / 8,
            None => round_trip,
        });
    }

    /// Smoothed; `None` before the first one.
    pub fn get(&self) -> Option<Duration> {
        self.smoothed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1 << 32;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn ntp_time_follows_the_instants() {
        let now = Instant::now() + ms(10_000);
        let wall = SystemTime::UNIX_EPOCH + ms(1_500);
        let clock = WallClock::new(now, wall);
        assert_eq!(clock.ntp(now).0, (UNIX_EPOCH + 1) * SECOND + SECOND / 2);
        assert_eq!(clock.ntp(now + ms(500)).0, (UNIX_EPOCH + 2) * SECOND);
        assert_eq!(clock.ntp(now - ms(1_500)).0, UNIX_EPOCH * SECOND);
    }

    #[test]
    fn a_pair_tells_time_both_ways_across_a_wrap() {
        let pair = SenderPair {
            ntp: Ntp(100 * SECOND),
            timestamp: u32::MAX - 44_999,
            clock_rate: 90_000,
        };
        assert_eq!(pair.timestamp_at(Ntp(101 * SECOND)), 45_000);
        assert_eq!(pair.ntp_at(45_000), Ntp(101 * SECOND));
        assert_eq!(pair.timestamp_at(Ntp(99 * SECOND)), u32::MAX - 134_999);
        assert_eq!(pair.ntp_at(u32::MAX - 134_999), Ntp(99 * SECOND));
    }

    /// What a receiver does to synchronize (RFC 3550 §6.4.1): it asks each stream's report for the
    /// moment of a timestamp.
    fn captured(report: (Ntp, u32), timestamp: u32, clock_rate: u32) -> u64 {
        let pair = SenderPair {
            ntp: report.0,
            timestamp: report.1,
            clock_rate,
        };
        pair.ntp_at(timestamp).0
    }

    #[test]
    fn audio_and_video_of_one_publisher_stay_together_however_their_reports_travelled() {
        // The publisher's clock is an hour behind. Its audio report takes 20 ms, its video report 900
        // ms.
        let theirs = |ms: u64| Ntp(1_000 * SECOND + (ms << 32) / 1000);
        let ours = |ms: u64| Ntp(4_600 * SECOND + (ms << 32) / 1000);
        let audio = SenderPair {
            ntp: theirs(0),
            timestamp: 7_000,
            clock_rate: 48_000,
        };
        let video = SenderPair {
            ntp: theirs(300),
            timestamp: 4_000_000_000,
            clock_rate: 90_000,
        };
        let mut clock = PublisherClock::default();
        assert_eq!(clock.report(ours(10), &audio), None);
        clock.observe(ours(20), audio.ntp);
        clock.observe(ours(1_200), video.ntp);

        // Captured at the same moment, 2 s after the audio report.
        let of_audio = clock.report(ours(1_300), &audio).unwrap();
        let of_video = clock.report(ours(2_700), &video).unwrap();
        let heard = captured(of_audio, 7_000 + 96_000, 48_000);
        let seen = captured(of_video, 4_000_000_000 + 153_000, 90_000);
        let apart = heard.abs_diff(seen);
        assert!(apart < SECOND / 1000, "{apart} units apart");
    }

    #[test]
    fn a_publisher_that_sets_its_clock_is_followed() {
        let mut clock = PublisherClock::default();
        let pair = SenderPair {
            ntp: Ntp(5_000 * SECOND),
            timestamp: 0,
            clock_rate: 90_000,
        };
        clock.observe(Ntp(100 * SECOND), Ntp(50 * SECOND));
        clock.observe(Ntp(101 * SECOND), pair.ntp);
        let (_, timestamp) = clock.report(Ntp(102 * SECOND), &pair).unwrap();
        assert_eq!(timestamp, 90_000);
    }

    #[test]
    fn a_report_without_a_clock_says_nothing() {
        let mut clock = PublisherClock::default();
        clock.observe(Ntp(100 * SECOND), Ntp(0));
        assert_eq!(clock.offset, None);
    }

    /// The example of RFC 3550 §6.4.1, figure 2.
    #[test]
    fn round_trip_worked_example() {
        let mut round_trip = RoundTrip::default();
        round_trip.observe(Ntp(0xb710_8000 << 16), 0xb705_2000, 0x0005_4000);
        assert_eq!(round_trip.get(), Some(ms(6_125)));
    }

    #[test]
    fn a_round_trip_that_makes_no_sense_is_ignored() {
        let mut round_trip = RoundTrip::default();
        let now = Ntp(1_000 * SECOND);
        round_trip.observe(now, 0, 0);
        round_trip.observe(now, now.compact().wrapping_add(66_000), 0);
        round_trip.observe(now, now.compact() - 20 * 65_536, 0);
        assert_eq!(round_trip.get(), None);
        round_trip.observe(now, now.compact(), 10);
        assert_eq!(round_trip.get(), Some(Duration::ZERO));
    }
}

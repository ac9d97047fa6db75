//! NTP time, and the clocks that sender reports tie together.
//!
//! Receivers synchronize a publisher's audio and video by their sender reports. So every report that we
//! send follows the publisher's own pairs of (NTP, RTP) time; our clock and theirs differ by one offset
//! per publisher session, and nothing depends on when a media packet arrived.

use std::time::{Duration, Instant, SystemTime};

/// NTP time: seconds since 1900 in the upper 32 bits, their fraction in the lower ones (RFC 3550 §4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Ntp(pub u64);

impl Ntp {
    /// The middle 32 bits, as LSR has them.
    pub fn compact(self) -> u32 {
        (self.0 >> 16) as u32
    }
}

/// Tells NTP time from the instants that come in.
#[derive(Clone, Copy, Debug)]
pub struct WallClock {
    instant: Instant,
    ntp: Ntp,
}

impl WallClock {
    /// Both clocks, read at the same time.
    pub fn new(now: Instant, wall: SystemTime) -> Self {
        let _ = (now, wall);
        todo!()
    }

    /// NTP time at `now`, which may lie before the reading.
    pub fn ntp(&self, now: Instant) -> Ntp {
        let _ = (now, self.instant, self.ntp);
        todo!()
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
        let _ = ntp;
        todo!()
    }

    /// The moment of a timestamp near to the pair's.
    pub fn ntp_at(&self, timestamp: u32) -> Ntp {
        let _ = timestamp;
        todo!()
    }
}

/// How a publisher session's NTP clock differs from ours: one for all its tracks.
#[derive(Clone, Copy, Debug, Default)]
pub struct PublisherClock {
    /// Ours minus theirs, in units of NTP.
    offset: Option<i64>,
}

impl PublisherClock {
    /// A sender report of any of its tracks came at `now`, by our clock. The first one decides; a later one only
    /// when the publisher's clock was set.
    pub fn observe(&mut self, now: Ntp, theirs: Ntp) {
        let _ = (now, theirs, self.offset);
        todo!()
    }

    /// What a sender report sent at `now` says: `pair` is [`View::pair`](crate::layers::View::pair). The NTP time is ours, so
    /// that LSR and DLSR give the round trip; the timestamp is the publisher's at that moment.
    /// `None` before any report of the publisher.
    pub fn report(&self, now: Ntp, pair: &SenderPair) -> Option<(Ntp, u32)> {
        let _ = (now, pair);
        todo!()
    }
}

/// The round trip of a leg, from reception reports about what we sent on it.
#[derive(Clone, Copy, Debug, Default)]
pub struct RoundTrip {
    smoothed: Option<Duration>,
}

impl RoundTrip {
    /// LSR and DLSR of a report block that came at `now` (RFC 3550 §6.4.1). Ignored without LSR, or where they
    /// make no sense.
    pub fn observe(&mut self, now: Ntp, last_sr: u32, delay: u32) {
        let _ = (now, last_sr, delay, self.smoothed);
        todo!()
    }

    /// Smoothed; `None` before the first report.
    pub fn get(&self) -> Option<Duration> {
        self.smoothed
    }
}

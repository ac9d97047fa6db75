//! Retransmissions: what we miss of a publisher, and what we send a subscriber again (RFC 4585 §6.2.1).

use std::time::{Duration, Instant};

use crate::sequence::Extended;

/// Waits this long for a packet that was merely overtaken.
pub const REORDERING: Duration = Duration::from_millis(5);
/// The most packets that are missed at once.
pub const MOST_MISSING: usize = 256;
/// How often one packet is asked for.
pub const TRIES: u8 = 10;

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

/// What we miss of one encoding, and when to ask for it.
#[derive(Debug)]
pub struct Missing {}

impl Missing {
    /// Packets are given up `patience` after they were found missing, or after [`TRIES`] requests.
    pub fn new(patience: Duration) -> Self {
        let _ = patience;
        todo!()
    }

    /// A packet came, by itself or by retransmission. O(1) unless something is missing.
    pub fn received(&mut self, now: Instant, sequence: Extended) -> Received {
        let _ = (now, sequence);
        todo!()
    }

    /// When to call [`Missing::due`]; `None` while nothing is missing.
    pub fn next_timeout(&self) -> Option<Instant> {
        todo!()
    }

    /// Appends the numbers to ask for now, ascending. Each one is asked for again after a round trip. Returns how many
    /// were given up: where that is not 0, video needs a key frame.
    pub fn due(&mut self, now: Instant, round_trip: Option<Duration>, out: &mut Vec<u16>) -> usize {
        let _ = (now, round_trip, out);
        todo!()
    }
}

/// What one sink may be sent again: a share of what it is sent, and no packet twice within a round trip.
#[derive(Debug, Default)]
pub struct Resends {}

impl Resends {
    /// `bytes` were sent for the first time.
    pub fn sent(&mut self, bytes: usize) {
        let _ = bytes;
        todo!()
    }

    /// Whether the packet with this output sequence number, of so many bytes, may be sent again now. True counts as sent.
    pub fn allow(
        &mut self,
        now: Instant,
        round_trip: Option<Duration>,
        sequence: u16,
        bytes: usize,
    ) -> bool {
        let _ = (now, round_trip, sequence, bytes);
        todo!()
    }
}

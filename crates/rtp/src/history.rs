//! The packets of one encoding, kept once, for every subscriber that loses one.

use std::time::{Duration, Instant};

use crate::sequence::Extended;

/// What one history may hold. The smallest bound decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// At most 1,024.
    pub packets: usize,
    /// Of packets, at most 16 MiB.
    pub bytes: usize,
    /// How long a packet can be asked for.
    pub age: Duration,
}

impl Bounds {
    /// For an encoding of a video track.
    pub const VIDEO: Self = Self {
        packets: 1024,
        bytes: 2 << 20,
        age: Duration::from_secs(1),
    };
    /// For an audio track.
    pub const AUDIO: Self = Self {
        packets: 64,
        bytes: 64 << 10,
        age: Duration::from_millis(600),
    };
}

/// Bytes that all histories of a shard share.
#[derive(Debug)]
pub struct Budget {
    limit: usize,
    used: usize,
}

impl Budget {
    /// Histories may hold `limit` bytes of memory together.
    pub fn new(limit: usize) -> Self {
        Self { limit, used: 0 }
    }

    /// What they hold now.
    pub fn used(&self) -> usize {
        self.used
    }
}

/// What a packet is to the history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inserted {
    /// The highest so far.
    Newest,
    /// Below the highest, and missing until now.
    Late,
    /// It came before. Not kept, not to be forwarded.
    Duplicate,
    /// Too far below the highest to tell. Not kept, not to be forwarded.
    TooOld,
}

/// The last packets of one encoding, as they came (decrypted, with their headers).
#[derive(Debug)]
pub struct History {}

impl History {
    /// Empty: memory comes with packets, and grows up to the bounds.
    pub fn new(bounds: Bounds) -> Self {
        let _ = bounds;
        todo!()
    }

    /// Keeps a packet, and forgets what is over the bounds. Where `budget` is used up, older packets make room;
    /// a packet that finds none is not kept, and its answer is the same.
    pub fn insert(
        &mut self,
        now: Instant,
        budget: &mut Budget,
        sequence: Extended,
        packet: &[u8],
    ) -> Inserted {
        let _ = (now, budget, sequence, packet);
        todo!()
    }

    /// A packet that is still kept.
    pub fn get(&self, sequence: Extended) -> Option<&[u8]> {
        let _ = sequence;
        todo!()
    }

    /// Forgets what is too old, and gives memory back once nothing is left: for a timer of about a second.
    pub fn trim(&mut self, now: Instant, budget: &mut Budget) {
        let _ = (now, budget);
        todo!()
    }

    /// Gives all memory back. A history has to end with this.
    pub fn release(self, budget: &mut Budget) {
        let _ = budget;
        todo!()
    }
}

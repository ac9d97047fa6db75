//! The packets of one encoding, kept once, for every subscriber that loses one.

use std::time::{Duration, Instant};

use crate::sequence::Extended;

/// What one history may hold. The smallest bound decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Rounded up to a power of two.
    pub packets: usize,
    /// Of packets.
    pub bytes: usize,
    /// How long a packet can be asked for.
    pub age: Duration,
}

impl Bounds {
    /// For an encoding of a video track.
    pub const VIDEO: Self = Self {
        packets: 1024,
        bytes: 1 << 20,
        age: Duration::from_secs(1),
    };
    /// For an audio track.
    pub const AUDIO: Self = Self {
        packets: 64,
        bytes: 32 << 10,
        age: Duration::from_millis(600),
    };
}

/// Bytes of memory that all histories of a shard share.
#[derive(Debug)]
pub struct Budget {
    limit: usize,
    used: usize,
}

impl Budget {
    /// Histories may hold `limit` bytes together.
    pub fn new(limit: usize) -> Self {
        Self { limit, used: 0 }
    }

    /// What they hold now.
    pub fn used(&self) -> usize {
        self.used
    }

    fn take(&mut self, bytes: usize) -> bool {
        let enough = bytes <= self.limit.saturating_sub(self.used);
        if enough {
            self.used += bytes;
        }
        enough
    }

    fn give(&mut self, bytes: usize) {
        self.used -= bytes;
    }
}

/// What a packet is to the history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inserted {
    /// The highest so far.
    Newest,
    /// Below the highest, and missing until now.
    Late,
    /// It came before. Not kept, and not to be forwarded.
    Duplicate,
    /// Too far below the highest to tell. Not kept, and not to be forwarded.
    TooOld,
}

/// How far below the highest number duplicates are told.
const WINDOW: u64 = 1024;

/// Which of the last [`WINDOW`] numbers came.
#[derive(Debug, Default)]
struct Seen {
    highest: Option<u64>,
    bits: [u64; WINDOW as usize / 64],
}

impl Seen {
    fn insert(&mut self, number: u64) -> Inserted {
        let Some(highest) = self.highest.replace(number) else {
            self.set(number);
            return Inserted::Newest;
        };
        if number > highest {
            if number - highest >= WINDOW {
                self.bits = Default::default();
            } else {
                (highest + 1..number).for_each(|missing| self.clear(missing));
            }
            self.set(number);
            return Inserted::Newest;
        }
        self.highest = Some(highest);
        if highest - number >= WINDOW {
            Inserted::TooOld
        } else if self.set(number) {
            Inserted::Late
        } else {
            Inserted::Duplicate
        }
    }

    /// Whether it was clear.
    fn set(&mut self, number: u64) -> bool {
        let (word, bit) = Self::place(number);
        let clear = self.bits[word] & bit == 0;
        self.bits[word] |= bit;
        clear
    }

    fn clear(&mut self, number: u64) {
        let (word, bit) = Self::place(number);
        self.bits[word] &= !bit;
    }

    fn place(number: u64) -> (usize, u64) {
        ((number % WINDOW / 64) as usize, 1 << (number % 64))
    }
}

#[derive(Clone, Copy, Debug, Default)]
struct Entry {
    sequence: u64,
    /// Milliseconds since the history's beginning.
    at: u32,
    start: u32,
    len: u32,
}

/// The last packets of one encoding, as they came: decrypted, with their headers.
///
/// Two rings that only ever grow to their bounds: the bytes of packets, each in one piece, and where
/// they are, in the order they came in. Packets are found by a third table, at their number modulo its
/// length.
#[derive(Debug)]
pub struct History {
    bounds: Bounds,
    seen: Seen,
    epoch: Option<Instant>,
    entries: Vec<Entry>,
    /// Counts entries: those from `first` to `next` are kept, each at its count modulo the ring's
    /// length.
    first: u64,
    next: u64,
    /// The low bits of the count of a number's entry.
    index: Vec<u32>,
    bytes: Vec<u8>,
    /// Where the newest packet ends.
    end: usize,
}

const LEAST_ENTRIES: usize = 16;
const LEAST_BYTES: usize = 2048;
/// Of memory for each entry: itself, and its place in the index.
const PER_ENTRY: usize = size_of::<Entry>() + size_of::<u32>();

impl History {
    /// Empty: memory comes with packets, and grows up to the bounds.
    pub fn new(bounds: Bounds) -> Self {
        Self {
            bounds: Bounds {
                packets: bounds.packets.next_power_of_two(),
                ..bounds
            },
            seen: Seen::default(),
            epoch: None,
            entries: Vec::new(),
            first: 0,
            next: 0,
            index: Vec::new(),
            bytes: Vec::new(),
            end: 0,
        }
    }

    /// Keeps a packet, and forgets what is over the bounds. Where the budget is used up, older packets
    /// make room; a packet that finds none is not kept, and the answer is the same.
    pub fn insert(
        &mut self,
        now: Instant,
        budget: &mut Budget,
        sequence: Extended,
        packet: &[u8],
    ) -> Inserted {
        let inserted = self.seen.insert(sequence.0);
        if matches!(inserted, Inserted::Newest | Inserted::Late) {
            self.forget_old(now);
            self.keep(now, budget, sequence.0, packet);
        }
        inserted
    }

    /// A packet that is still kept.
    pub fn get(&self, sequence: Extended) -> Option<&[u8]> {
        let mask = self.index.len().checked_sub(1)?;
        let low = self.index[sequence.0 as usize & mask];
        let count = self.first + u64::from(low.wrapping_sub(self.first as u32));
        if count >= self.next {
            return None;
        }
        let entry = self.entries[count as usize & mask];
        let bytes = entry.start as usize..(entry.start + entry.len) as usize;
        (entry.sequence == sequence.0).then(|| &self.bytes[bytes])
    }

    /// Forgets what is too old, and gives memory back once nothing is left: for a timer of about a
    /// second.
    pub fn trim(&mut self, now: Instant, budget: &mut Budget) {
        self.forget_old(now);
        if self.first == self.next {
            self.give_back(budget);
        }
    }

    /// Gives all memory back. A history has to end with this.
    pub fn release(mut self, budget: &mut Budget) {
        self.give_back(budget);
    }

    fn give_back(&mut self, budget: &mut Budget) {
        budget.give(self.entries.len() * PER_ENTRY + self.bytes.len());
        self.entries = Vec::new();
        self.index = Vec::new();
        self.bytes = Vec::new();
        self.first = self.next;
        self.end = 0;
    }

    fn millis(&self, now: Instant) -> u32 {
        self.epoch.map_or(0, |epoch| {
            now.saturating_duration_since(epoch).as_millis() as u32
        })
    }

    fn forget_old(&mut self, now: Instant) {
        let now = self.millis(now);
        let age = self.bounds.age.as_millis() as u32;
        while let Some(oldest) = self.oldest()
            && now.wrapping_sub(oldest.at) > age
        {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        self.first += 1;
        if self.first == self.next {
            self.end = 0;
        }
    }

    fn oldest(&self) -> Option<Entry> {
        (self.first < self.next).then(|| self.entries[self.slot(self.first)])
    }

    /// Only where there are entries.
    fn slot(&self, count: u64) -> usize {
        count as usize & (self.entries.len() - 1)
    }

    fn keep(&mut self, now: Instant, budget: &mut Budget, sequence: u64, packet: &[u8]) {
        if packet.is_empty() || packet.len() > self.bounds.bytes {
            return;
        }
        if (self.next - self.first) as usize == self.entries.len() && !self.grow_entries(budget) {
            if self.entries.is_empty() {
                return;
            }
            self.forget_oldest();
        }
        let start = loop {
            if let Some(start) = self.room(packet.len()) {
                break start;
            }
            if self.grow_bytes(budget, packet.len()) {
                continue;
            }
            if self.first == self.next {
                return;
            }
            self.forget_oldest();
        };
        self.end = start + packet.len();
        self.bytes[start..self.end].copy_from_slice(packet);
        self.epoch.get_or_insert(now);
        let slot = self.slot(self.next);
        self.entries[slot] = Entry {
            sequence,
            at: self.millis(now),
            start: start as u32,
            len: packet.len() as u32,
        };
        self.put_into_index(sequence, self.next);
        self.next += 1;
    }

    fn put_into_index(&mut self, sequence: u64, count: u64) {
        let mask = self.index.len() - 1;
        self.index[sequence as usize & mask] = count as u32;
    }

    /// Where `len` bytes in one piece are free.
    fn room(&self, len: usize) -> Option<usize> {
        let behind = |end: usize, limit: usize| (limit - end >= len).then_some(end);
        match self.oldest() {
            None => behind(0, self.bytes.len()),
            // Packets go on at the beginning of the ring.
            Some(oldest) if self.end <= oldest.start as usize => {
                behind(self.end, oldest.start as usize)
            }
            Some(oldest) => {
                behind(self.end, self.bytes.len()).or_else(|| behind(0, oldest.start as usize))
            }
        }
    }

    fn grow_entries(&mut self, budget: &mut Budget) -> bool {
        let held = self.entries.len();
        let grown = (held * 2).clamp(LEAST_ENTRIES, self.bounds.packets.max(LEAST_ENTRIES));
        if grown <= held || !budget.take((grown - held) * PER_ENTRY) {
            return false;
        }
        let mut entries = vec![Entry::default(); grown];
        for count in self.first..self.next {
            entries[count as usize & (grown - 1)] = self.entries[self.slot(count)];
        }
        self.entries = entries;
        self.index = vec![0; grown];
        for count in self.first..self.next {
            self.put_into_index(self.entries[self.slot(count)].sequence, count);
        }
        true
    }

    fn grow_bytes(&mut self, budget: &mut Budget, len: usize) -> bool {
        let held = self.bytes.len();
        let wanted = (held * 2).max(LEAST_BYTES).max(len.next_power_of_two());
        let grown = wanted.min(self.bounds.bytes);
        if grown <= held || !budget.take(grown - held) {
            return false;
        }
        let mut bytes = vec![0; grown];
        let mut end = 0;
        for count in self.first..self.next {
            let slot = self.slot(count);
            let entry = &mut self.entries[slot];
            let (start, len) = (entry.start as usize, entry.len as usize);
            bytes[end..end + len].copy_from_slice(&self.bytes[start..start + len]);
            entry.start = end as u32;
            end += len;
        }
        self.bytes = bytes;
        self.end = end;
        true
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    const PLENTY: usize = 64 << 20;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    /// A packet that tells its number.
    fn packet(sequence: u64, len: usize) -> Vec<u8> {
        sequence
            .to_be_bytes()
            .into_iter()
            .cycle()
            .take(len)
            .collect()
    }

    fn insert(history: &mut History, budget: &mut Budget, at: Instant, sequence: u64) -> Inserted {
        history.insert(at, budget, Extended(sequence), &packet(sequence, 1000))
    }

    #[test]
    fn a_packet_is_found_by_its_number_until_it_is_too_old() {
        let (now, mut budget) = (Instant::now(), Budget::new(PLENTY));
        let mut history = History::new(Bounds::VIDEO);
        assert_eq!(history.get(Extended(5)), None);
        insert(&mut history, &mut budget, now, 5);
        insert(&mut history, &mut budget, now + ms(600), 6);
        assert_eq!(history.get(Extended(5)), Some(&packet(5, 1000)[..]));
        insert(&mut history, &mut budget, now + ms(1_100), 7);
        assert_eq!(history.get(Extended(5)), None);
        assert_eq!(history.get(Extended(6)), Some(&packet(6, 1000)[..]));
        history.release(&mut budget);
        assert_eq!(budget.used(), 0);
    }

    #[test]
    fn late_packets_and_duplicates_are_told_apart_even_when_they_are_no_longer_kept() {
        let (now, mut budget) = (Instant::now(), Budget::new(PLENTY));
        let mut history = History::new(Bounds::AUDIO);
        let mut insert = |at, sequence| insert(&mut history, &mut budget, now + ms(at), sequence);
        assert_eq!(insert(0, 10), Inserted::Newest);
        assert_eq!(insert(0, 12), Inserted::Newest);
        assert_eq!(insert(0, 11), Inserted::Late);
        assert_eq!(insert(0, 11), Inserted::Duplicate);
        assert_eq!(insert(5_000, 900), Inserted::Newest);
        assert_eq!(insert(5_000, 12), Inserted::Duplicate);
        assert_eq!(insert(5_000, 13), Inserted::Late);
        assert_eq!(insert(5_000, 12 + WINDOW), Inserted::Newest);
        assert_eq!(insert(5_000, 12), Inserted::TooOld);
        assert_eq!(insert(5_000, 14), Inserted::Late);
        assert_eq!(insert(5_000, 9_000), Inserted::Newest);
        assert_eq!(insert(5_000, 8_999), Inserted::Late);
        history.release(&mut budget);
    }

    #[test]
    fn an_audio_track_costs_a_few_kilobytes() {
        let (now, mut budget) = (Instant::now(), Budget::new(PLENTY));
        let mut history = History::new(Bounds::AUDIO);
        assert_eq!(budget.used(), 0);
        for sequence in 0..1_000 {
            let at = now + ms(20 * sequence);
            history.insert(at, &mut budget, Extended(sequence), &packet(sequence, 120));
        }
        assert!(budget.used() <= 8 << 10, "{} bytes", budget.used());
        history.trim(now + ms(60_000), &mut budget);
        assert_eq!(budget.used(), 0);
        history.insert(
            now + ms(60_000),
            &mut budget,
            Extended(1_000),
            &packet(1_000, 120),
        );
        assert!(history.get(Extended(1_000)).is_some());
        history.release(&mut budget);
    }

    #[test]
    fn histories_share_a_budget_and_older_packets_make_room() {
        let (now, mut budget) = (Instant::now(), Budget::new(20_000));
        let mut first = History::new(Bounds::VIDEO);
        let mut second = History::new(Bounds::VIDEO);
        for sequence in 0..100 {
            insert(&mut first, &mut budget, now, sequence);
            insert(&mut second, &mut budget, now, sequence);
        }
        assert!(budget.used() <= 20_000);
        assert!(first.get(Extended(99)).is_some() && first.get(Extended(0)).is_none());
        first.release(&mut budget);
        second.release(&mut budget);
        assert_eq!(budget.used(), 0);
    }

    #[test]
    fn a_packet_without_room_is_counted_and_not_kept() {
        let (now, mut budget) = (Instant::now(), Budget::new(100));
        let mut history = History::new(Bounds::VIDEO);
        assert_eq!(insert(&mut history, &mut budget, now, 1), Inserted::Newest);
        assert_eq!(
            insert(&mut history, &mut budget, now, 1),
            Inserted::Duplicate
        );
        assert_eq!(history.get(Extended(1)), None);
        history.release(&mut budget);
    }

    #[test]
    fn memory_no_longer_grows_once_it_is_warm() {
        let (now, mut budget) = (Instant::now(), Budget::new(PLENTY));
        let mut history = History::new(Bounds::VIDEO);
        let mut warm = 0;
        for sequence in 0..6_000 {
            insert(&mut history, &mut budget, now + ms(4 * sequence), sequence);
            if sequence == 1_000 {
                warm = budget.used();
            }
        }
        assert_eq!(budget.used(), warm);
        // 250 packets a second are kept for a second.
        assert!((0..250).all(|back| history.get(Extended(5_999 - back)).is_some()));
        history.release(&mut budget);
    }

    proptest! {
        /// Whatever comes, of whatever size: what is found is what was put in, the newest packet is
        /// found, bounds hold, and all memory is given back.
        #[test]
        fn what_is_found_was_put_in(
            packets in prop::collection::vec((0_u64..80, 1_usize..900, 0_u64..30), 1..400),
            budget in 3_000_usize..60_000,
        ) {
            let bounds = Bounds { packets: 64, bytes: 16 << 10, age: ms(300) };
            let (mut now, limit) = (Instant::now(), budget);
            let mut budget = Budget::new(limit);
            let mut history = History::new(bounds);
            let mut came = BTreeSet::new();
            let mut base = 0;
            for (ahead, len, pause) in packets {
                now += ms(pause);
                let sequence = base + ahead;
                base += ahead / 20;
                let inserted = history.insert(now, &mut budget, Extended(sequence), &packet(sequence, len));
                let expected = match came.last() {
                    _ if came.contains(&sequence) => Inserted::Duplicate,
                    Some(highest) if *highest > sequence => Inserted::Late,
                    _ => Inserted::Newest,
                };
                prop_assert_eq!(inserted, expected);
                prop_assert!(budget.used() <= limit);
                prop_assert!(history.bytes.len() <= bounds.bytes);
                if came.insert(sequence) {
                    let kept = history.get(Extended(sequence));
                    prop_assert!(kept.is_none_or(|kept| kept == packet(sequence, len)));
                    prop_assert!(kept.is_some() || limit < 4_000);
                }
                for sequence in base.saturating_sub(100)..base + 100 {
                    if let Some(kept) = history.get(Extended(sequence)) {
                        prop_assert!(came.contains(&sequence));
                        prop_assert_eq!(kept, &packet(sequence, kept.len())[..]);
                    }
                }
            }
            history.release(&mut budget);
            prop_assert_eq!(budget.used(), 0);
        }
    }
}

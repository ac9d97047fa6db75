//! Which of the last packets have come, and what a sequence number means after them.

/// Remembers the last `64 * WORDS` indices of a stream (RFC 3711 §3.3.2).
pub(super) struct Window<const WORDS: usize> {
    /// The highest index that came.
    newest: u64,
    /// Bit `index % (64 * WORDS)` is set where that index came.
    came: [u64; WORDS],
}

impl<const WORDS: usize> Window<WORDS> {
    const SIZE: u64 = 64 * WORDS as u64;

    /// The window of a stream whose first packet has this index.
    pub(super) fn new(index: u64) -> Self {
        let mut window = Self {
            newest: index,
            came: [0; WORDS],
        };
        window.set(index, true);
        window
    }

    pub(super) fn newest(&self) -> u64 {
        self.newest
    }

    /// Whether the index has not come, and would be known if it had.
    pub(super) fn is_new(&self, index: u64) -> bool {
        let (word, bit) = Self::place(index);
        match self.newest.checked_sub(index) {
            None => true,
            Some(age) => age < Self::SIZE && self.came[word] & bit == 0,
        }
    }

    /// Remembers an index that [is new](Self::is_new).
    pub(super) fn insert(&mut self, index: u64) {
        if index > self.newest {
            if index - self.newest >= Self::SIZE {
                self.came = [0; WORDS];
            } else {
                for skipped in self.newest + 1..index {
                    self.set(skipped, false);
                }
            }
            self.newest = index;
        }
        self.set(index, true);
    }

    fn set(&mut self, index: u64, came: bool) {
        let (word, bit) = Self::place(index);
        if came {
            self.came[word] |= bit;
        } else {
            self.came[word] &= !bit;
        }
    }

    fn place(index: u64) -> (usize, u64) {
        let position = index % Self::SIZE;
        ((position / 64) as usize, 1 << (position % 64))
    }
}

/// The index that a sequence number most likely has (RFC 3711 §3.3.1, appendix A): the one nearest to
/// `newest`. `None` where that is before the first packet that can be, or after the last.
pub(super) fn index_of(sequence: u16, newest: u64) -> Option<u64> {
    let ahead = sequence.wrapping_sub(newest as u16) as i16;
    let index = newest.checked_add_signed(ahead.into())?;
    (index < 1 << 48).then_some(index)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_is_new_once() {
        let mut window = Window::<2>::new(1000);
        assert!(!window.is_new(1000));
        for index in [1001, 1003, 1002, 900] {
            assert!(window.is_new(index), "{index}");
            window.insert(index);
            assert!(!window.is_new(index), "{index}");
        }
        assert_eq!(window.newest(), 1003);
    }

    #[test]
    fn what_is_older_than_the_window_is_not_new() {
        let mut window = Window::<2>::new(1000);
        assert!(window.is_new(1000 - 127));
        assert!(!window.is_new(1000 - 128));
        window.insert(1050);
        assert!(!window.is_new(1050 - 128));
    }

    #[test]
    fn what_a_jump_passes_over_is_new() {
        let mut window = Window::<2>::new(0);
        (1..128).for_each(|index| window.insert(index));
        window.insert(200);
        assert!(window.is_new(128) && window.is_new(199));
        assert!(!window.is_new(127) && !window.is_new(200));
        window.insert(10_000);
        assert!((10_000 - 127..10_000).all(|index| window.is_new(index)));
    }

    #[test]
    fn a_sequence_number_belongs_to_the_nearest_index() {
        assert_eq!(index_of(3, 65_530), Some(0x1_0003));
        assert_eq!(index_of(65_530, 0x1_0003), Some(65_530));
        assert_eq!(index_of(65_530, 3), None);
        assert_eq!(index_of(0, (1 << 48) - 1), None);
    }

    /// The definition, slowly: indices that came, as a set.
    #[test]
    fn a_window_agrees_with_a_set() {
        use proptest::prelude::*;
        use std::collections::BTreeSet;
        proptest!(|(steps in proptest::collection::vec(-200_i64..300, 1..500))| {
            let mut window = Window::<2>::new(5000);
            let mut set = BTreeSet::from([5000]);
            for step in steps {
                let newest: u64 = *set.last().unwrap();
                let index = newest.saturating_add_signed(step);
                let new = index + 128 > newest && !set.contains(&index);
                prop_assert_eq!(window.is_new(index), new);
                if new {
                    window.insert(index);
                    set.insert(index);
                }
            }
        });
    }
}

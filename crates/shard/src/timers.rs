//! Deadlines of many connections, most of which move before they come.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Instant;

/// Deadlines by key; keys are small integers, as a slab gives them.
///
/// A deadline that moves later costs one store: the heap keeps the early entry, and looks again when
/// it comes. An idle key costs nothing.
#[derive(Debug, Default)]
pub struct Timers {
    heap: BinaryHeap<Reverse<(Instant, usize)>>,
    slots: Vec<Slot>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    wanted: Option<Instant>,
    /// The earliest entry of this key in the heap.
    armed: Option<Instant>,
}

impl Timers {
    /// No deadline yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets or clears the deadline of `key`.
    pub fn set(&mut self, key: usize, at: Option<Instant>) {
        if key >= self.slots.len() {
            if at.is_none() {
                return;
            }
            self.slots.resize(key + 1, Slot::default());
        }
        let slot = &mut self.slots[key];
        slot.wanted = at;
        if let Some(at) = at
            && slot.armed.is_none_or(|armed| at < armed)
        {
            slot.armed = Some(at);
            self.heap.push(Reverse((at, key)));
        }
    }

    /// Takes a key whose deadline is `now` or earlier; its deadline is cleared.
    pub fn pop_due(&mut self, now: Instant) -> Option<usize> {
        let key = self.settle()?;
        let slot = &mut self.slots[key];
        if slot.wanted.is_none_or(|at| at > now) {
            return None;
        }
        self.heap.pop();
        *slot = Slot::default();
        Some(key)
    }

    /// The earliest deadline.
    pub fn earliest(&mut self) -> Option<Instant> {
        let key = self.settle()?;
        self.slots[key].wanted
    }

    /// Drops stale entries and moves early ones until the top of the heap is a deadline that stands.
    fn settle(&mut self) -> Option<usize> {
        while let Some(&Reverse((at, key))) = self.heap.peek() {
            let slot = &mut self.slots[key];
            if slot.armed == Some(at) {
                if slot.wanted == Some(at) {
                    return Some(key);
                }
                self.heap.pop();
                slot.armed = slot.wanted;
                if let Some(wanted) = slot.wanted {
                    self.heap.push(Reverse((wanted, key)));
                }
            } else {
                self.heap.pop();
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn ms(start: Instant, n: u64) -> Instant {
        start + Duration::from_millis(n)
    }

    #[test]
    fn deadlines_come_in_order_whatever_order_they_were_set_in() {
        let start = Instant::now();
        let mut timers = Timers::new();
        for (key, at) in [(3, 30), (1, 10), (2, 20)] {
            timers.set(key, Some(ms(start, at)));
        }
        assert_eq!(timers.earliest(), Some(ms(start, 10)));
        assert_eq!(timers.pop_due(ms(start, 9)), None);
        let due: Vec<_> = std::iter::from_fn(|| timers.pop_due(ms(start, 25))).collect();
        assert_eq!(due, [1, 2]);
        assert_eq!(timers.earliest(), Some(ms(start, 30)));
    }

    #[test]
    fn a_deadline_that_moves_later_a_thousand_times_leaves_one_entry() {
        let start = Instant::now();
        let mut timers = Timers::new();
        for n in 1..=1000 {
            timers.set(7, Some(ms(start, n)));
        }
        assert_eq!(timers.heap.len(), 1);
        assert_eq!(timers.pop_due(ms(start, 999)), None);
        assert_eq!(timers.pop_due(ms(start, 1000)), Some(7));
        assert_eq!(timers.earliest(), None);
    }

    #[test]
    fn a_deadline_that_moves_earlier_comes_once() {
        let start = Instant::now();
        let mut timers = Timers::new();
        timers.set(1, Some(ms(start, 50)));
        timers.set(1, Some(ms(start, 5)));
        assert_eq!(timers.pop_due(ms(start, 100)), Some(1));
        assert_eq!(timers.pop_due(ms(start, 100)), None);
    }

    #[test]
    fn a_cleared_deadline_never_comes() {
        let start = Instant::now();
        let mut timers = Timers::new();
        timers.set(1, Some(ms(start, 5)));
        timers.set(1, None);
        assert_eq!(timers.earliest(), None);
        assert_eq!(timers.pop_due(ms(start, 100)), None);
    }
}

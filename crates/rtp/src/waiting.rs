//! Packets of sound that wait for one before them.
//!
//! A receiver plays sound on without a packet that is late, and learns to wait for it only where every
//! packet is late. So a packet that the publisher sends again would come too late to be heard, although
//! it comes. Behind a hole sound therefore waits here for a moment: subscribers get it in order, take
//! the loss for a delay, and lengthen their buffers by as much as the leg needs. Pictures do not wait:
//! their receivers have to have every packet, and do.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::nack::Missing;
use crate::sequence::Extended;

/// How long sound waits for a packet before it.
pub const WAIT: Duration = Duration::from_millis(200);
/// The most packets of one encoding that wait.
pub const MOST_WAITING: usize = 32;

/// What a hole counts that was not filled in time, and the most that such holes count together. One that
/// was filled takes 1 away.
const IN_VAIN: u8 = 2;
const MOST_IN_VAIN: u8 = 16;
/// At so much waiting is pointless: the publisher does not answer, or is too far away.
const POINTLESS: u8 = 8;

/// What waits of one encoding.
#[derive(Debug)]
pub struct Waiting<T> {
    /// By their numbers.
    packets: VecDeque<(Extended, T)>,
    /// Holes up to this one have been waited for.
    waited: Extended,
    in_vain: u8,
}

impl<T> Default for Waiting<T> {
    fn default() -> Self {
        Self {
            packets: VecDeque::new(),
            waited: Extended(0),
            in_vain: 0,
        }
    }
}

impl<T> Waiting<T> {
    /// Takes a packet that came, after `missing` has been told of it; `filled` where it was missing.
    /// Call [`Waiting::pop`] until it has no more.
    pub fn put(&mut self, sequence: Extended, packet: T, filled: bool) {
        if filled && sequence > self.waited {
            self.in_vain = self.in_vain.saturating_sub(1);
        }
        let place = self.packets.partition_point(|(held, _)| *held <= sequence);
        self.packets.insert(place, (sequence, packet));
    }

    /// The next packet that need not wait, in the order of their numbers.
    pub fn pop(&mut self, now: Instant, missing: &Missing) -> Option<(Extended, T)> {
        let first = self.packets.front()?.0;
        self.give_up(now, missing);
        let waits = self.barrier(missing).is_some_and(|hole| hole < first);
        (!waits || self.packets.len() > MOST_WAITING).then(|| self.packets.pop_front())?
    }

    /// When to call [`Waiting::pop`] although nothing has come; `None` where nothing waits.
    pub fn next_timeout(&self, missing: &Missing) -> Option<Instant> {
        self.packets.front()?;
        let (_, since) = missing.after(self.waited)?;
        Some(since + WAIT)
    }

    /// The first hole that is worth waiting for.
    fn barrier(&self, missing: &Missing) -> Option<Extended> {
        let worth = self.in_vain < POINTLESS;
        let (hole, _) = missing.after(self.waited).filter(|_| worth)?;
        Some(hole)
    }

    fn give_up(&mut self, now: Instant, missing: &Missing) {
        while let Some((hole, since)) = missing.after(self.waited)
            && since + WAIT <= now
        {
            self.waited = hole;
            self.in_vain = (self.in_vain + IN_VAIN).min(MOST_IN_VAIN);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::nack::{AUDIO_PATIENCE, Received};

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    /// An encoding that brings a packet every 20 ms.
    struct Scene {
        now: Instant,
        missing: Missing,
        waiting: Waiting<()>,
    }

    impl Scene {
        fn new() -> Self {
            Self {
                now: Instant::now(),
                missing: Missing::new(AUDIO_PATIENCE),
                waiting: Waiting::default(),
            }
        }

        fn comes(&mut self, sequence: u64) -> Vec<u64> {
            let sequence = Extended(sequence);
            let filled = self.missing.received(self.now, sequence) == Received::Recovered;
            self.waiting.put(sequence, (), filled);
            self.passes()
        }

        fn passes(&mut self) -> Vec<u64> {
            self.missing.due(self.now, None, &mut Vec::new());
            std::iter::from_fn(|| self.waiting.pop(self.now, &self.missing))
                .map(|(sequence, ())| sequence.0)
                .collect()
        }

        /// The next packet in 20 ms.
        fn then(&mut self, sequence: u64) -> Vec<u64> {
            self.now += ms(20);
            self.comes(sequence)
        }

        fn timeout(&self) -> Option<Duration> {
            let at = self.waiting.next_timeout(&self.missing)?;
            Some(at - self.now)
        }
    }

    #[test]
    fn sound_without_a_hole_does_not_wait() {
        let mut scene = Scene::new();
        for sequence in 10..20 {
            assert_eq!(scene.then(sequence), [sequence]);
        }
        assert_eq!(scene.timeout(), None);
    }

    #[test]
    fn sound_behind_a_hole_waits_until_it_is_filled() {
        let mut scene = Scene::new();
        scene.then(10);
        assert_eq!(scene.then(12), [0; 0]);
        assert_eq!(scene.timeout(), Some(WAIT));
        assert_eq!(scene.then(13), [0; 0]);
        assert_eq!(scene.then(15), [0; 0]);
        assert_eq!(scene.then(11), [11, 12, 13]);
        assert_eq!(scene.then(14), [14, 15]);
        assert_eq!(scene.timeout(), None);
    }

    #[test]
    fn sound_waits_no_longer_than_it_may_and_what_comes_later_passes() {
        let mut scene = Scene::new();
        scene.then(10);
        scene.then(12);
        scene.then(14);
        scene.now += scene.timeout().unwrap();
        assert_eq!(scene.passes(), [12]);
        assert_eq!(scene.timeout(), Some(ms(20)));
        assert_eq!(scene.comes(11), [11]);
        assert_eq!(scene.then(15), [14, 15]);
    }

    #[test]
    fn a_publisher_that_does_not_answer_is_not_waited_for_until_it_does() {
        let mut scene = Scene::new();
        scene.then(0);
        let mut waited = 0;
        let mut sequence = 0;
        for _ in 0..10 {
            sequence += 2;
            waited += usize::from(scene.then(sequence).is_empty());
            scene.now += WAIT;
            scene.passes();
        }
        assert_eq!(waited, usize::from(POINTLESS / IN_VAIN));
        for _ in 0..=MOST_IN_VAIN - POINTLESS {
            sequence += 2;
            scene.then(sequence);
            assert_eq!(scene.then(sequence - 1), [sequence - 1]);
        }
        assert_eq!(scene.then(sequence + 2), [0; 0]);
    }

    #[test]
    fn so_many_packets_wait_and_no_more() {
        let mut scene = Scene::new();
        scene.then(0);
        for sequence in 2..2 + MOST_WAITING as u64 {
            assert_eq!(scene.comes(sequence), [0; 0]);
        }
        assert_eq!(scene.comes(100), [2]);
    }

    proptest! {
        /// Whatever is lost, late or doubled: all that comes passes, and as soon as the timeout says.
        #[test]
        fn everything_passes_in_time(
            packets in prop::collection::vec((0_u64..60, 0_u64..60), 1..100),
        ) {
            let mut scene = Scene::new();
            let (mut came, mut passed) = (Vec::new(), Vec::new());
            for (sequence, pause) in packets {
                scene.now += ms(pause);
                passed.extend(scene.passes());
                came.push(sequence);
                passed.extend(scene.comes(sequence));
                prop_assert!(scene.waiting.packets.len() <= MOST_WAITING);
                prop_assert_eq!(scene.timeout().is_some(), !scene.waiting.packets.is_empty());
                prop_assert!(scene.timeout().is_none_or(|left| left <= WAIT));
            }
            while let Some(left) = scene.timeout() {
                scene.now += left;
                passed.extend(scene.passes());
            }
            came.sort_unstable();
            passed.sort_unstable();
            prop_assert_eq!(passed, came);
        }
    }
}

//! Letters between shards: one bounded ring for each pair, so that nobody contends.

use std::sync::Arc;

use crossbeam_queue::ArrayQueue;

use crate::ShardId;
use crate::queue::Full;
use crate::wake::Waker;

/// A shard's inbox, and its outbox until the router takes it.
#[derive(Debug)]
pub struct Letters<T> {
    /// By sender; our own ring is never used.
    inbox: Vec<Arc<ArrayQueue<T>>>,
    outbox: Outbox<T>,
}

impl<T> Letters<T> {
    /// What this shard writes to the others with.
    pub fn outbox(&self) -> Outbox<T> {
        self.outbox.clone()
    }

    pub(crate) fn pop(&self, from: usize) -> Option<T> {
        self.inbox.get(from)?.pop()
    }

    pub(crate) fn senders(&self) -> usize {
        self.inbox.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.inbox.iter().all(|ring| ring.is_empty())
    }
}

/// Sends letters to other shards.
#[derive(Debug)]
pub struct Outbox<T> {
    rings: Vec<(Arc<ArrayQueue<T>>, Waker)>,
}

impl<T> Clone for Outbox<T> {
    fn clone(&self) -> Self {
        Self {
            rings: self.rings.clone(),
        }
    }
}

impl<T> Outbox<T> {
    /// Sends a letter, and wakes its reader if that sleeps.
    ///
    /// # Errors
    /// [`Full`] gives the letter back when `to` has not kept up, or is no shard.
    pub fn try_push(&self, to: ShardId, letter: T) -> Result<(), Full<T>> {
        let Some((ring, waker)) = self.rings.get(usize::from(to)) else {
            return Err(Full(letter));
        };
        ring.push(letter).map_err(Full)?;
        waker.wake();
        Ok(())
    }

    /// Whether there is a shard of this number.
    pub fn reaches(&self, to: ShardId) -> bool {
        usize::from(to) < self.rings.len()
    }

    /// How many letters to `to` fit now.
    pub fn room(&self, to: ShardId) -> usize {
        self.rings
            .get(usize::from(to))
            .map_or(0, |(ring, _)| ring.capacity() - ring.len())
    }
}

/// The rings between the shards that `wakers` wake, `capacity` letters each; one entry a shard.
pub fn letters<T>(wakers: &[Waker], capacity: usize) -> Vec<Letters<T>> {
    let shards = wakers.len();
    // rings[to][from]
    let rings: Vec<Vec<Arc<ArrayQueue<T>>>> = (0..shards)
        .map(|to| {
            (0..shards)
                .map(|from| Arc::new(ArrayQueue::new(if from == to { 1 } else { capacity })))
                .collect()
        })
        .collect();
    (0..shards)
        .map(|shard| Letters {
            inbox: rings[shard].clone(),
            outbox: Outbox {
                rings: (0..shards)
                    .map(|to| (Arc::clone(&rings[to][shard]), wakers[to].clone()))
                    .collect(),
            },
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_pair_of_shards_has_a_ring_of_its_own() {
        let wakers: Vec<_> = (0..3).map(|_| Waker::new().unwrap()).collect();
        let letters = letters(&wakers, 2);
        letters[0].outbox().try_push(2, "from 0").unwrap();
        letters[1].outbox().try_push(2, "from 1").unwrap();
        letters[1].outbox().try_push(2, "and again").unwrap();
        assert_eq!(
            letters[1].outbox().try_push(2, "too many"),
            Err(Full("too many"))
        );
        assert_eq!(letters[0].outbox().try_push(2, "still fits"), Ok(()));
        assert!(letters[0].outbox().reaches(2) && !letters[0].outbox().reaches(3));
        assert_eq!(letters[2].pop(1), Some("from 1"));
        assert_eq!(letters[2].pop(0), Some("from 0"));
        assert!(letters[0].is_empty() && !letters[2].is_empty());
    }
}

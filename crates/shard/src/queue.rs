//! Bounded queues between a shard and the thread that governs it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crossbeam_queue::ArrayQueue;

use crate::wake::{Signal, Waker};

/// The queue is full; the value comes back to be offered again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full<T>(pub T);

/// Commands into a shard, from any thread.
#[derive(Debug)]
pub struct Commands<T> {
    queue: Arc<ArrayQueue<T>>,
    waker: Waker,
}

impl<T> Clone for Commands<T> {
    fn clone(&self) -> Self {
        Self {
            queue: Arc::clone(&self.queue),
            waker: self.waker.clone(),
        }
    }
}

impl<T> Commands<T> {
    /// Queues a command and wakes the shard if it sleeps: a batch costs one wake.
    ///
    /// # Errors
    /// [`Full`] gives the command back when the shard has not kept up.
    pub fn try_push(&self, command: T) -> Result<(), Full<T>> {
        self.queue.push(command).map_err(Full)?;
        self.waker.wake();
        Ok(())
    }

    /// How many commands fit now.
    pub fn room(&self) -> usize {
        self.queue.capacity() - self.queue.len()
    }
}

/// The shard's end of [`Commands`].
#[derive(Debug)]
pub struct CommandReceiver<T>(Arc<ArrayQueue<T>>);

impl<T> CommandReceiver<T> {
    pub(crate) fn pop(&self) -> Option<T> {
        self.0.pop()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// A queue of at most `capacity` commands for the shard that `waker` wakes.
pub fn commands<T>(capacity: usize, waker: &Waker) -> (Commands<T>, CommandReceiver<T>) {
    let queue = Arc::new(ArrayQueue::new(capacity));
    (
        Commands {
            queue: Arc::clone(&queue),
            waker: waker.clone(),
        },
        CommandReceiver(queue),
    )
}

#[derive(Debug)]
struct Shared<T> {
    queue: ArrayQueue<T>,
    /// The shard found no room; whoever makes room wakes it.
    starved: AtomicBool,
    signal: Arc<Signal>,
    waker: Waker,
}

/// The shard's end of [`Events`].
#[derive(Debug)]
pub struct EventSender<T> {
    shared: Arc<Shared<T>>,
    unsaid: bool,
}

impl<T> EventSender<T> {
    /// Queues an event. The reader hears of it at the next [`Self::flush`].
    ///
    /// # Errors
    /// [`Full`] gives the event back; the shard runs a pass as soon as the reader made room.
    pub fn try_push(&mut self, event: T) -> Result<(), Full<T>> {
        let refused = match self.shared.queue.push(event) {
            Ok(()) => None,
            Err(event) => {
                self.shared.starved.store(true, Ordering::SeqCst);
                // The reader may have emptied the queue before it could see that we starve.
                self.shared.queue.push(event).err()
            }
        };
        // A full queue is worth saying as well: what fills it may have been said long ago.
        self.unsaid = true;
        refused.map_or(Ok(()), |event| Err(Full(event)))
    }

    /// How many events fit now.
    pub fn room(&self) -> usize {
        self.shared.queue.capacity() - self.shared.queue.len()
    }

    /// Tells the reader, once, of all that was pushed since the last call.
    pub fn flush(&mut self) {
        if std::mem::take(&mut self.unsaid) {
            self.shared.signal.notify();
        }
    }
}

/// Events of one shard, for another thread to take.
#[derive(Debug)]
pub struct Events<T>(Arc<Shared<T>>);

impl<T> Events<T> {
    /// Hands over up to `most` events, oldest first, and returns how many there were.
    pub fn drain(&self, most: usize, mut take: impl FnMut(T)) -> usize {
        let mut taken = 0;
        while taken < most
            && let Some(event) = self.0.queue.pop()
        {
            take(event);
            taken += 1;
        }
        if taken > 0 && self.0.starved.swap(false, Ordering::SeqCst) {
            self.0.waker.wake();
        }
        taken
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.0.queue.is_empty()
    }
}

/// A queue of at most `capacity` events from the shard that `waker` wakes; `signal` is raised once
/// per pass that had any, and may be shared by the queues of several shards.
pub fn events<T>(
    capacity: usize,
    signal: &Arc<Signal>,
    waker: &Waker,
) -> (EventSender<T>, Events<T>) {
    let shared = Arc::new(Shared {
        queue: ArrayQueue::new(capacity),
        starved: AtomicBool::new(false),
        signal: Arc::clone(signal),
        waker: waker.clone(),
    });
    (
        EventSender {
            shared: Arc::clone(&shared),
            unsaid: false,
        },
        Events(shared),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_command_queue_gives_the_command_back() {
        let (commands, receiver) = commands(2, &Waker::new().unwrap());
        assert_eq!(commands.try_push(1), Ok(()));
        assert_eq!(commands.try_push(2), Ok(()));
        assert_eq!(commands.try_push(3), Err(Full(3)));
        assert_eq!(receiver.pop(), Some(1));
        assert_eq!(commands.try_push(3), Ok(()));
    }

    #[test]
    fn events_come_out_in_order_and_a_part_at_a_time() {
        let signal = Arc::new(Signal::new().unwrap());
        let (mut sender, events) = events(8, &signal, &Waker::new().unwrap());
        for event in 0..5 {
            sender.try_push(event).unwrap();
        }
        let mut seen = Vec::new();
        assert_eq!(events.drain(3, |event| seen.push(event)), 3);
        assert_eq!(events.drain(3, |event| seen.push(event)), 2);
        assert_eq!(seen, [0, 1, 2, 3, 4]);
        assert!(events.is_empty());
    }

    #[test]
    fn a_shard_that_found_no_room_is_woken_when_there_is_some() {
        let waker = Waker::new().unwrap();
        let signal = Arc::new(Signal::new().unwrap());
        let (mut sender, events) = events(1, &signal, &waker);
        sender.try_push('a').unwrap();
        assert_eq!(sender.try_push('b'), Err(Full('b')));
        waker.about_to_sleep();
        events.drain(1, drop);
        let mut poll = libc::pollfd {
            fd: waker.raw_fd(),
            events: libc::POLLIN,
            revents: 0,
        };
        // SAFETY: one entry, which outlives the call.
        assert_eq!(
            unsafe { libc::poll(&raw mut poll, 1, 0) },
            1,
            "the shard sleeps on"
        );
        assert_eq!(sender.room(), 1);
    }
}

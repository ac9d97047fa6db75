//! What a shard counts: written by its own thread only, read by any.

use std::sync::atomic::{AtomicU64, Ordering};

/// One number that only grows, or a level that its shard sets.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Adds `amount`; only the owning shard calls this, so no read-modify-write is needed.
    pub fn add(&self, amount: u64) {
        self.0.store(
            self.0.load(Ordering::Relaxed).wrapping_add(amount),
            Ordering::Relaxed,
        );
    }

    /// Sets a level.
    pub fn set(&self, level: u64) {
        self.0.store(level, Ordering::Relaxed);
    }

    /// The value now.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// The counters of one shard.
        #[derive(Debug, Default)]
        pub struct Counters {
            $($(#[$doc])* pub $name: Counter,)*
        }

        impl Counters {
            /// Every counter by its name.
            pub fn read(&self) -> Vec<(&'static str, u64)> {
                vec![$((stringify!($name), self.$name.get()),)*]
            }
        }
    };
}

counters! {
    /// Sessions that stand now.
    sessions,
    /// Tracks known to the shard now, at home or fed.
    tracks,
    /// Sinks now.
    sinks,
    /// Objects that sources brought.
    objects_in,
    /// Payload and header bytes of data streams and datagrams that sources brought.
    bytes_in,
    /// Bytes written to subscribers' data streams and datagrams.
    bytes_out,
    /// Data streams opened to subscribers.
    streams_out,
    /// Objects of a second source that the track already had.
    duplicates,
    /// Streams given up because their subscriber fell behind.
    streams_dropped,
    /// Bytes that the cache holds now.
    cache_bytes,
    /// Sinks ended because their subscriber stayed behind.
    too_far_behind,
    /// Feed items that a full ring to another shard lost.
    feed_lost,
    /// Control bytes handed to Python.
    control_bytes_in,
    /// Control bytes that Python sent.
    control_bytes_out,
    /// Events that waited because the queue to Python was full.
    events_delayed,
}

//! What a shard counts of itself.

use std::sync::atomic::{AtomicI32, AtomicU64, Ordering};

/// Counters of one shard: written by its thread alone, read by any.
#[derive(Debug, Default)]
pub struct Counters {
    pub(crate) passes: Count,
    pub(crate) received_datagrams: Count,
    pub(crate) received_bytes: Count,
    pub(crate) received_batches: Count,
    pub(crate) dropped_datagrams: Count,
    pub(crate) sent_datagrams: Count,
    pub(crate) sent_bytes: Count,
    pub(crate) sent_batches: Count,
    pub(crate) send_blocked: Count,
    pub(crate) send_errors: Count,
    pub(crate) commands: Count,
    pub(crate) letters: Count,
    pub(crate) buffer_allocations: Count,
    cpu: CpuClock,
}

/// One counter with a single writer: no locked instruction.
#[derive(Debug, Default)]
pub(crate) struct Count(AtomicU64);

impl Count {
    pub(crate) fn add(&self, n: u64) {
        self.0.store(
            self.0.load(Ordering::Relaxed).wrapping_add(n),
            Ordering::Relaxed,
        );
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// The CPU clock of the shard's thread, which other threads may read.
#[derive(Debug, Default)]
struct CpuClock(AtomicI32);

/// What the counters of a shard stood at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// Turns of the loop.
    pub passes: u64,
    /// Datagrams taken from the sockets.
    pub received_datagrams: u64,
    /// Their payload bytes.
    pub received_bytes: u64,
    /// Reads from the kernel that gave any.
    pub received_batches: u64,
    /// Datagrams of a protocol that nobody serves.
    pub dropped_datagrams: u64,
    /// Datagrams given to the kernel.
    pub sent_datagrams: u64,
    /// Their payload bytes.
    pub sent_bytes: u64,
    /// Sends; datagrams over batches is the mean GSO run.
    pub sent_batches: u64,
    /// Sends that the kernel had no room for, kept and sent later.
    pub send_blocked: u64,
    /// Sends that failed; QUIC sends again.
    pub send_errors: u64,
    /// Commands carried out.
    pub commands: u64,
    /// Letters from other shards.
    pub letters: u64,
    /// Receive buffers allocated: stands still once warm.
    pub buffer_allocations: u64,
    /// CPU time of the thread, in nanoseconds.
    pub cpu_nanoseconds: u64,
}

impl Snapshot {
    /// The counters by name, in a stable order.
    pub fn named(&self) -> [(&'static str, u64); 14] {
        [
            ("passes", self.passes),
            ("received_datagrams", self.received_datagrams),
            ("received_bytes", self.received_bytes),
            ("received_batches", self.received_batches),
            ("dropped_datagrams", self.dropped_datagrams),
            ("sent_datagrams", self.sent_datagrams),
            ("sent_bytes", self.sent_bytes),
            ("sent_batches", self.sent_batches),
            ("send_blocked", self.send_blocked),
            ("send_errors", self.send_errors),
            ("commands", self.commands),
            ("letters", self.letters),
            ("buffer_allocations", self.buffer_allocations),
            ("cpu_nanoseconds", self.cpu_nanoseconds),
        ]
    }
}

impl Counters {
    /// Reads all counters; from any thread, at any time.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot {
            passes: self.passes.get(),
            received_datagrams: self.received_datagrams.get(),
            received_bytes: self.received_bytes.get(),
            received_batches: self.received_batches.get(),
            dropped_datagrams: self.dropped_datagrams.get(),
            sent_datagrams: self.sent_datagrams.get(),
            sent_bytes: self.sent_bytes.get(),
            sent_batches: self.sent_batches.get(),
            send_blocked: self.send_blocked.get(),
            send_errors: self.send_errors.get(),
            commands: self.commands.get(),
            letters: self.letters.get(),
            buffer_allocations: self.buffer_allocations.get(),
            cpu_nanoseconds: self.cpu.nanoseconds(),
        }
    }

    /// Takes the calling thread's CPU clock as the shard's.
    pub(crate) fn start_clock(&self) {
        let mut clock = 0;
        // SAFETY: the thread asks for its own clock; `clock` outlives the call.
        if unsafe { libc::pthread_getcpuclockid(libc::pthread_self(), &raw mut clock) } == 0 {
            self.cpu.0.store(clock, Ordering::Relaxed);
        }
    }
}

impl CpuClock {
    /// 0 before the thread started and after it ended.
    fn nanoseconds(&self) -> u64 {
        let clock = self.0.load(Ordering::Relaxed);
        let mut time = libc::timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        // SAFETY: `time` outlives the call; a clock that is gone is an error, not a fault.
        if clock == 0 || unsafe { libc::clock_gettime(clock, &raw mut time) } != 0 {
            return 0;
        }
        (time.tv_sec as u64)
            .wrapping_mul(1_000_000_000)
            .wrapping_add(time.tv_nsec as u64)
    }
}

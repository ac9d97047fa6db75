//! Waking a thread that waits on file descriptors.

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering, fence};

/// An eventfd: readable once written, until it is read.
#[derive(Debug)]
struct EventFd(OwnedFd);

impl EventFd {
    fn new() -> io::Result<Self> {
        // SAFETY: no pointer is passed, and the descriptor that comes back is ours alone.
        let fd = unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: `fd` was just opened and nobody else knows it.
        Ok(Self(unsafe { OwnedFd::from_raw_fd(fd) }))
    }

    fn write(&self) {
        let one = 1u64;
        // SAFETY: `one` outlives the call. A full counter is as readable as any other.
        unsafe { libc::write(self.0.as_raw_fd(), (&raw const one).cast(), 8) };
    }

    fn read(&self) {
        let mut count = 0u64;
        // SAFETY: `count` has the eight bytes that an eventfd gives; nothing to read is fine.
        unsafe { libc::read(self.0.as_raw_fd(), (&raw mut count).cast(), 8) };
    }
}

/// Wakes a shard. Cheap while the shard is awake: the kernel is asked only when it sleeps.
#[derive(Clone, Debug)]
pub struct Waker(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    fd: EventFd,
    sleeping: AtomicBool,
}

impl Waker {
    /// # Errors
    /// The process has no descriptor left.
    pub fn new() -> io::Result<Self> {
        Ok(Self(Arc::new(Inner {
            fd: EventFd::new()?,
            sleeping: AtomicBool::new(false),
        })))
    }

    /// Makes the shard run a pass soon. Call it after the work was put where the shard looks.
    pub fn wake(&self) {
        // Pairs with the fence in `about_to_sleep`: either the shard sees the work, or we see it sleep.
        fence(Ordering::SeqCst);
        if self.0.sleeping.load(Ordering::Relaxed) && self.0.sleeping.swap(false, Ordering::AcqRel)
        {
            self.0.fd.write();
        }
    }

    /// Says that the shard will wait unless it finds work when it looks once more, after this.
    pub(crate) fn about_to_sleep(&self) {
        self.0.sleeping.store(true, Ordering::Relaxed);
        fence(Ordering::SeqCst);
    }

    pub(crate) fn awake(&self) {
        self.0.sleeping.store(false, Ordering::Relaxed);
    }

    pub(crate) fn clear(&self) {
        self.0.fd.read();
    }

    pub(crate) fn raw_fd(&self) -> RawFd {
        self.0.fd.0.as_raw_fd()
    }
}

/// Tells another event loop that something waits for it, once until it looks.
#[derive(Debug)]
pub struct Signal {
    fd: EventFd,
    raised: AtomicBool,
}

impl Signal {
    /// # Errors
    /// The process has no descriptor left.
    pub fn new() -> io::Result<Self> {
        Ok(Self {
            fd: EventFd::new()?,
            raised: AtomicBool::new(false),
        })
    }

    /// Makes the descriptor readable, if it is not already.
    pub fn notify(&self) {
        if !self.raised.swap(true, Ordering::SeqCst) {
            self.fd.write();
        }
    }

    /// Makes the descriptor unreadable. Call it before taking what waits, so that nothing is missed.
    pub fn clear(&self) {
        self.fd.read();
        self.raised.store(false, Ordering::SeqCst);
    }
}

impl AsRawFd for Signal {
    fn as_raw_fd(&self) -> RawFd {
        self.fd.0.as_raw_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn readable(fd: RawFd) -> bool {
        let mut poll = libc::pollfd {
            fd,
            events: libc::POLLIN,
            revents: 0,
        };
        // SAFETY: one entry, which outlives the call.
        unsafe { libc::poll(&raw mut poll, 1, 0) == 1 }
    }

    #[test]
    fn a_shard_that_is_awake_costs_its_wakers_nothing() {
        let waker = Waker::new().unwrap();
        waker.wake();
        assert!(!readable(waker.raw_fd()));
        waker.about_to_sleep();
        waker.wake();
        assert!(readable(waker.raw_fd()));
    }

    #[test]
    fn a_signal_stays_raised_until_it_is_cleared() {
        let signal = Signal::new().unwrap();
        signal.notify();
        signal.notify();
        assert!(readable(signal.as_raw_fd()));
        signal.clear();
        assert!(!readable(signal.as_raw_fd()));
        signal.notify();
        assert!(readable(signal.as_raw_fd()));
    }
}

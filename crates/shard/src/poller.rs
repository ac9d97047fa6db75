//! Waiting for sockets and wakers: epoll, to the nanosecond where the kernel can.

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::time::Duration;

/// Descriptors looked at per wait; those beyond come with the next.
const BATCH: usize = 256;

/// An epoll instance and the room for its answers.
pub(crate) struct Poller {
    epoll: OwnedFd,
    events: Vec<libc::epoll_event>,
    ready: usize,
    /// epoll_pwait2 came with Linux 5.11; before it, waits end on whole milliseconds.
    precise: bool,
}

impl Poller {
    pub(crate) fn new() -> io::Result<Self> {
        // SAFETY: no pointer is passed, and the descriptor that comes back is ours alone.
        let fd = unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(Self {
            // SAFETY: `fd` was just opened and nobody else knows it.
            epoll: unsafe { OwnedFd::from_raw_fd(fd) },
            events: vec![libc::epoll_event { events: 0, u64: 0 }; BATCH],
            ready: 0,
            precise: true,
        })
    }

    /// Watches `fd` for input under the number `token`.
    pub(crate) fn add(&self, fd: RawFd, token: u64) -> io::Result<()> {
        self.control(libc::EPOLL_CTL_ADD, fd, token, libc::EPOLLIN)
    }

    /// Watches `fd` for room to send as well, or no longer.
    pub(crate) fn watch_output(&self, fd: RawFd, token: u64, wanted: bool) -> io::Result<()> {
        let interest = if wanted {
            libc::EPOLLIN | libc::EPOLLOUT
        } else {
            libc::EPOLLIN
        };
        self.control(libc::EPOLL_CTL_MOD, fd, token, interest)
    }

    fn control(
        &self,
        operation: libc::c_int,
        fd: RawFd,
        token: u64,
        interest: libc::c_int,
    ) -> io::Result<()> {
        let mut event = libc::epoll_event {
            events: interest as u32,
            u64: token,
        };
        // SAFETY: `event` outlives the call.
        match unsafe { libc::epoll_ctl(self.epoll.as_raw_fd(), operation, fd, &raw mut event) } {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        }
    }

    /// Waits until a descriptor is ready or `timeout` has passed; `None` waits for a descriptor.
    pub(crate) fn wait(&mut self, timeout: Option<Duration>) -> io::Result<()> {
        self.ready = 0;
        let n = if self.precise {
            self.wait_precisely(timeout)
        } else {
            self.wait_roughly(timeout)
        };
        if n >= 0 {
            self.ready = n as usize;
            return Ok(());
        }
        let error = io::Error::last_os_error();
        match error.raw_os_error() {
            Some(libc::EINTR) => Ok(()),
            Some(libc::ENOSYS) if self.precise => {
                self.precise = false;
                Ok(())
            }
            _ => Err(error),
        }
    }

    fn wait_precisely(&mut self, timeout: Option<Duration>) -> libc::c_long {
        let timespec = timeout.map(|timeout| libc::timespec {
            tv_sec: timeout.as_secs() as libc::time_t,
            tv_nsec: timeout.subsec_nanos().into(),
        });
        let pointer = timespec
            .as_ref()
            .map_or(std::ptr::null(), std::ptr::from_ref);
        // SAFETY: the buffer holds BATCH entries and the timeout outlives the call; no signal mask.
        unsafe {
            libc::syscall(
                libc::SYS_epoll_pwait2,
                self.epoll.as_raw_fd(),
                self.events.as_mut_ptr(),
                BATCH as libc::c_int,
                pointer,
                std::ptr::null::<libc::sigset_t>(),
                8usize,
            )
        }
    }

    fn wait_roughly(&mut self, timeout: Option<Duration>) -> libc::c_long {
        let milliseconds = timeout.map_or(-1, |timeout| {
            timeout.as_nanos().div_ceil(1_000_000).min(i32::MAX as u128) as libc::c_int
        });
        // SAFETY: the buffer holds BATCH entries.
        let n = unsafe {
            libc::epoll_wait(
                self.epoll.as_raw_fd(),
                self.events.as_mut_ptr(),
                BATCH as libc::c_int,
                milliseconds,
            )
        };
        n.into()
    }

    /// What the last wait found: the token, and whether there is input and room to send.
    pub(crate) fn ready(&self) -> impl Iterator<Item = (u64, bool, bool)> + '_ {
        self.events[..self.ready].iter().map(|event| {
            let flags = event.events as libc::c_int;
            let broken = flags & (libc::EPOLLERR | libc::EPOLLHUP) != 0;
            (
                event.u64,
                broken || flags & libc::EPOLLIN != 0,
                broken || flags & libc::EPOLLOUT != 0,
            )
        })
    }
}

//! Sending in a pass, and keeping what the kernel has no room for.

use std::io;

use crate::counters::Counters;
use crate::datagram::{SocketId, Transmit};
use crate::poller::Poller;
use crate::socket::Socket;

/// A socket, and what it could not send yet.
pub(crate) struct Outlet {
    pub(crate) socket: Socket,
    /// Sends that the kernel refused, oldest first. Short: routers stop at the first.
    kept: Vec<(Transmit, Vec<u8>)>,
}

impl Outlet {
    pub(crate) fn new(socket: Socket) -> Self {
        Self {
            socket,
            kept: Vec::new(),
        }
    }

    pub(crate) fn blocked(&self) -> bool {
        !self.kept.is_empty()
    }

    /// Sends what was kept; `true` when nothing is left.
    pub(crate) fn flush(&mut self, counters: &Counters) -> bool {
        let mut sent = 0;
        for (transmit, contents) in &self.kept {
            if !attempt(&self.socket, transmit, contents, counters) {
                break;
            }
            sent += 1;
        }
        self.kept.drain(..sent);
        self.kept.is_empty()
    }
}

/// `false` when the kernel has no room; any other failure counts as lost on the way.
fn attempt(socket: &Socket, transmit: &Transmit, contents: &[u8], counters: &Counters) -> bool {
    match socket.send(transmit, contents) {
        Ok(()) => {
            counters.sent_batches.add(1);
            counters.sent_datagrams.add(transmit.datagrams() as u64);
            counters.sent_bytes.add(contents.len() as u64);
        }
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => return false,
        // Larger than the path takes: how MTU discovery finds out.
        Err(error) if quinn_udp::is_msg_size_err(&error) => {}
        Err(_) => counters.send_errors.add(1),
    }
    true
}

/// Sends datagrams from the sockets of a shard.
pub struct Sender<'a> {
    pub(crate) outlets: &'a mut [Outlet],
    pub(crate) poller: &'a Poller,
    pub(crate) counters: &'a Counters,
}

impl Sender<'_> {
    /// Whether `socket` takes datagrams now. Poll no transmits for one that does not: the loop runs a
    /// pass when it does again. An unknown socket takes all, and loses them.
    pub fn ready(&self, socket: SocketId) -> bool {
        self.outlets
            .get(socket.0 as usize)
            .is_none_or(|outlet| !outlet.blocked())
    }

    /// Sends `contents`, the `transmit.size` bytes that a router filled in. What the kernel has no
    /// room for is copied and sent first when it has.
    pub fn send(&mut self, transmit: &Transmit, contents: &[u8]) {
        let Some(outlet) = self.outlets.get_mut(transmit.socket.0 as usize) else {
            self.counters.send_errors.add(1);
            return;
        };
        let blocked = outlet.blocked();
        if !blocked && attempt(&outlet.socket, transmit, contents, self.counters) {
            return;
        }
        self.counters.send_blocked.add(1);
        outlet.kept.push((*transmit, contents.to_vec()));
        if !blocked {
            let token = u64::from(transmit.socket.0);
            // A descriptor that is being watched can only be refused for lack of memory; the next
            // input then flushes.
            let _ = self
                .poller
                .watch_output(outlet.socket.raw_fd(), token, true);
        }
    }
}

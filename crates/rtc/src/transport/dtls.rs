//! One DTLS 1.2 association, as server or client, and the SRTP keys that it agrees on.

use std::time::Instant;

use rtp::srtp::Profile;

use super::{Context, MediaKeys};

/// What an association brings.
#[derive(Debug)]
pub enum Output {
    /// So many bytes of the buffer are a datagram to send.
    Packet(usize),
    /// So many bytes of the buffer are application data of the peer.
    Data(usize),
    /// The handshake is over: whose certificate it is can be asked of [`Association::certificate`].
    Connected(Box<(Profile, MediaKeys)>),
    /// The peer has closed.
    CloseNotify,
}

/// It cannot go on, and has to be dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the DTLS association failed")]
pub struct Failed;

/// One association.
pub struct Association {
    client: bool,
}

impl Association {
    /// Waits for a ClientHello.
    pub fn server(context: &Context, now: Instant) -> Self {
        let _ = (context, now);
        todo!()
    }

    /// Begins with a ClientHello.
    pub fn client(context: &Context, now: Instant) -> Self {
        let _ = (context, now);
        todo!()
    }

    /// Takes a datagram; what is no part of the association is ignored.
    ///
    /// # Errors
    /// [`Failed`]: drop it.
    pub fn handle(&mut self, now: Instant, datagram: &[u8]) -> Result<(), Failed> {
        let _ = (now, datagram, self.client);
        todo!()
    }

    /// Does what is due: retransmits, or gives up.
    ///
    /// # Errors
    /// [`Failed`]: drop it.
    pub fn handle_timeout(&mut self, now: Instant) -> Result<(), Failed> {
        let _ = now;
        todo!()
    }

    /// The next output, into a buffer with room for a whole record (16 KiB).
    pub fn poll(&mut self, buffer: &mut [u8]) -> Option<Output> {
        let _ = buffer;
        todo!()
    }

    /// When [`Self::handle_timeout`] is due, as of the last [`Self::poll`] that gave nothing.
    pub fn next_timeout(&self) -> Option<Instant> {
        todo!()
    }

    /// Seals application data, once connected.
    ///
    /// # Errors
    /// [`Failed`]: drop it.
    pub fn send(&mut self, data: &[u8]) -> Result<(), Failed> {
        let _ = data;
        todo!()
    }

    /// Queues a close_notify.
    pub fn close(&mut self) {
        todo!()
    }

    /// The peer's certificate, DER, once it has shown it.
    pub fn certificate(&self) -> Option<&[u8]> {
        todo!()
    }
}

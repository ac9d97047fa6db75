//! The transport of one WebRTC session: ICE-lite, DTLS and SCTP; SRTP's keys come out of it.
//!
//! A [`Transport`] does no I/O and reads no clock. After anything that goes in ([`Transport::handle_stun`],
//! [`Transport::handle_dtls`], [`Transport::handle_timeout`], [`Transport::set_remote`],
//! [`Transport::close`]), drain [`Transport::poll_transmit`], then [`Transport::poll_event`], then set
//! the session's timer from [`Transport::next_timeout`].

mod context;
pub mod dtls;
mod paths;
mod sctp;
pub mod stun;

use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::time::Instant;

use rtp::srtp;
use shard::{SocketId, Transmit};

use crate::command::{Credentials, Remote};
use crate::event::Lost;

pub use context::{Certificate, CertificateError, Context, Settings};

/// Addresses of its peer that a session remembers; the one heard of longest ago makes room.
pub const ADDRESSES: usize = 8;

/// Room that [`Transport::poll_transmit`] wants in its buffer: no packet of ours is larger.
pub const LARGEST_PACKET: usize = 1_500;

/// One way to the peer: what a datagram came by, and an answer goes back by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Path {
    /// The socket of the shard that owns the session.
    pub socket: SocketId,
    /// Our address, where the kernel says so.
    pub local_ip: Option<IpAddr>,
    /// The peer's address.
    pub remote: SocketAddr,
}

/// What a STUN message turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Check {
    /// An authenticated binding request: its sender's address belongs to this session from now on.
    Authentic {
        /// An address that the session has given up for it.
        evicted: Option<SocketAddr>,
    },
    /// A binding request that names none of the session's ufrags: the registry knows whose it is.
    Stranger,
    /// Anything else: answered with an error where that is due, or ignored.
    Refused,
}

/// The SRTP keys of a DTLS association.
#[derive(Clone, Debug)]
pub struct MediaKeys {
    /// What we seal with.
    pub send: srtp::Keys,
    /// What the peer seals with.
    pub receive: srtp::Keys,
}

/// What becomes of a transport.
#[derive(Clone, Debug)]
pub enum Event {
    /// ICE and DTLS are up and the peer is who its fingerprint says: for the first time, or for the first
    /// time after a loss other than silence.
    Connected {
        /// New contexts are made of these.
        keys: MediaKeys,
    },
    /// The peer has made a new association while the session was connected, or silent: old keys are
    /// dropped for these, and Python hears nothing.
    Rekeyed {
        /// New contexts are made of these.
        keys: MediaKeys,
    },
    /// Nothing reaches the peer now. What [`Lost::Silent`] has interrupted goes on with
    /// [`Event::Resumed`].
    Disconnected(Lost),
    /// Authentic packets came again after [`Lost::Silent`]: connected, with the keys as they were.
    Resumed,
    /// The peer uses the credentials with this ufrag, and older ones are forgotten; tell the
    /// [registry](crate::registry::Registry::restarted).
    Restarted {
        /// The local one.
        ufrag: String,
    },
}

/// ICE-lite, DTLS and SCTP of one session.
pub struct Transport {
    context: Rc<Context>,
}

impl Transport {
    /// A session that answers binding requests made with `credentials`.
    pub fn new(context: &Rc<Context>, credentials: Credentials) -> Self {
        let _ = credentials;
        Self {
            context: Rc::clone(context),
        }
    }

    /// ICE restart: these reach the session as well; those before them are forgotten when the peer
    /// nominates with these ([`Event::Restarted`]). Ones that it has already are ignored.
    pub fn add_credentials(&mut self, credentials: Credentials) {
        let _ = credentials;
        todo!()
    }

    /// What the peer's description says; may come at any time, and again.
    pub fn set_remote(&mut self, now: Instant, remote: Remote) {
        let _ = (now, remote);
        todo!()
    }

    /// Takes a STUN message that came by `path`, from any address.
    pub fn handle_stun(&mut self, now: Instant, path: Path, datagram: &[u8]) -> Check {
        let _ = (now, path, datagram);
        todo!()
    }

    /// Takes a DTLS datagram; one from an address that has not sent an authenticated binding request
    /// is dropped.
    pub fn handle_dtls(&mut self, now: Instant, path: Path, datagram: &[u8]) {
        let _ = (now, path, datagram);
        todo!()
    }

    /// An SRTP or SRTCP packet from `remote` was opened. Cheap: called for every packet. An event may
    /// follow only if [`Self::is_silent`] said true before.
    pub fn heard(&mut self, now: Instant, remote: SocketAddr) {
        let _ = (now, remote);
        todo!()
    }

    /// The peer was lost to silence, and has not been heard of since.
    pub fn is_silent(&self) -> bool {
        todo!()
    }

    /// The way that media takes; `None` before the first authenticated binding request.
    pub fn path(&self) -> Option<Path> {
        todo!()
    }

    /// Every address that belongs to the session, to be forgotten when it closes.
    pub fn addresses(&self) -> impl Iterator<Item = SocketAddr> {
        std::iter::empty()
    }

    /// Does what is due at `now`; too early does nothing.
    pub fn handle_timeout(&mut self, now: Instant) {
        let _ = now;
        todo!()
    }

    /// When [`Self::handle_timeout`] is due. [`Self::heard`] moves it later only: a timer that is
    /// set from an older answer is early, never late.
    pub fn next_timeout(&self) -> Option<Instant> {
        todo!()
    }

    /// Writes the next datagram to `buffer`, which has [`LARGEST_PACKET`] bytes of room, and says where
    /// it goes.
    pub fn poll_transmit(&mut self, now: Instant, buffer: &mut [u8]) -> Option<Transmit> {
        let _ = (now, buffer);
        todo!()
    }

    /// The next event.
    pub fn poll_event(&mut self) -> Option<Event> {
        todo!()
    }

    /// Ends the session with a close_notify: drain [`Self::poll_transmit`] once more, then drop it.
    pub fn close(&mut self, now: Instant) {
        let _ = (now, &self.context);
        todo!()
    }
}

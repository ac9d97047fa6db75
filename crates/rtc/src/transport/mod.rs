//! The transport of one WebRTC session: ICE-lite, DTLS and SCTP; SRTP's keys come out of it.
//!
//! A [`Transport`] does no I/O and reads no clock. After anything that goes in ([`Transport::handle_stun`],
//! [`Transport::handle_dtls`], [`Transport::handle_timeout`], [`Transport::set_remote`],
//! [`Transport::close`]), drain [`Transport::poll_transmit`], then [`Transport::poll_event`], then set
//! the session's timer from [`Transport::next_timeout`].

mod associations;
mod context;
pub mod dtls;
mod fingerprint;
mod ice;
mod paths;
mod sctp;
pub mod stun;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::time::{Duration, Instant};

use rtp::srtp;
use shard::{SocketId, Transmit};

use crate::command::{Credentials, Remote};
use crate::event::Lost;
use associations::{Associations, Step};
use ice::{Request, Responder};
use paths::Paths;
use sctp::Sctp;

pub use context::{Certificate, CertificateError, Context, Settings};

/// Addresses of its peer that a session remembers; the one heard of longest ago makes room.
pub const ADDRESSES: usize = 8;

/// Room that [`Transport::poll_transmit`] wants in its buffer: no packet of ours is larger.
pub const LARGEST_PACKET: usize = 1_500;

/// A peer that has closed its association may begin a new one within this time as if nothing had
/// happened.
const REOPENING: Duration = Duration::from_secs(2);

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
    /// Authentic packets came again after [`Lost::Silent`]: connected, with the keys as they were. New
    /// contexts of the same keys would use them twice.
    Resumed,
    /// The peer uses the credentials with this ufrag, and older ones are forgotten; tell the
    /// [registry](crate::registry::Registry::restarted).
    Restarted {
        /// The local one.
        ufrag: String,
    },
}

/// What Python believes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Status {
    /// No association has stood yet.
    New,
    /// One stands.
    Connected,
    /// It was closed; a new one may come until then.
    Reopening(Instant),
    /// Disconnected, for another reason than silence.
    Lost,
}

/// ICE-lite, DTLS and SCTP of one session.
pub struct Transport {
    context: Rc<Context>,
    responder: Responder,
    paths: Paths,
    associations: Associations,
    sctp: Option<Box<Sctp>>,
    remote: Option<Remote>,
    status: Status,
    /// When something authentic came last. Of no meaning before anything did.
    heard: Option<Instant>,
    silent: bool,
    /// Whom the last DTLS datagram came from.
    dtls_from: Option<SocketAddr>,
    events: VecDeque<Event>,
}

impl Transport {
    /// A session that answers binding requests made with `credentials`.
    pub fn new(context: &Rc<Context>, credentials: Credentials) -> Self {
        Self {
            context: Rc::clone(context),
            responder: Responder::new(credentials),
            paths: Paths::default(),
            associations: Associations::default(),
            sctp: None,
            remote: None,
            status: Status::New,
            heard: None,
            silent: false,
            dtls_from: None,
            events: VecDeque::new(),
        }
    }

    /// ICE restart: these reach the session as well; those before them are forgotten when the peer
    /// nominates with these ([`Event::Restarted`]). Ones that it has already are ignored.
    pub fn add_credentials(&mut self, credentials: Credentials) {
        self.responder.add(credentials);
    }

    /// What the peer's description says; may come at any time, and again. The fingerprint counts for
    /// associations that do not stand yet.
    pub fn set_remote(&mut self, now: Instant, remote: Remote) {
        if remote.sctp_port.is_none() {
            self.sctp = None;
        }
        self.remote = Some(remote);
        self.bring_sctp_up();
        if self.status == Status::Lost {
            self.status = Status::New;
        }
        self.dial(now);
    }

    /// Takes a STUN message that came by `path`, from any address.
    pub fn handle_stun(&mut self, now: Instant, path: Path, datagram: &[u8]) -> Check {
        match self.responder.handle(path, datagram) {
            Request::Stranger => Check::Stranger,
            Request::Refused => Check::Refused,
            Request::Authentic {
                nominated,
                restarted,
            } => {
                let evicted = self.paths.check(now, path, nominated);
                self.authentic(now);
                if let Some(ufrag) = restarted {
                    self.events.push_back(Event::Restarted { ufrag });
                }
                self.dial(now);
                Check::Authentic { evicted }
            }
        }
    }

    /// Takes a DTLS datagram; one from an address that has not sent an authenticated binding request
    /// is dropped.
    pub fn handle_dtls(&mut self, now: Instant, path: Path, datagram: &[u8]) {
        if !self.paths.knows(path.remote) {
            return;
        }
        self.dtls_from = Some(path.remote);
        let selected = self.paths.selected();
        let client = self.is_client();
        self.associations
            .handle(&self.context, now, path, selected, client, datagram);
    }

    /// An SRTP or SRTCP packet from `remote` was opened. Cheap: called for every packet. An event may
    /// follow only if [`Self::is_silent`] said true before.
    pub fn heard(&mut self, now: Instant, remote: SocketAddr) {
        self.paths.heard(now, remote);
        self.authentic(now);
    }

    /// The peer was lost to silence, and has not been heard of since.
    pub fn is_silent(&self) -> bool {
        self.silent
    }

    /// The way that media takes; `None` before the first authenticated binding request.
    pub fn path(&self) -> Option<Path> {
        self.paths.selected()
    }

    /// Every address that belongs to the session, to be forgotten when it closes.
    pub fn addresses(&self) -> impl Iterator<Item = SocketAddr> {
        self.paths.addresses()
    }

    /// Does what is due at `now`; too early does nothing.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.associations.handle_timeout(now);
        if let Some(sctp) = &mut self.sctp {
            sctp.handle_timeout(now);
        }
        if let Status::Reopening(deadline) = self.status
            && deadline <= now
        {
            self.disconnected(Lost::CloseNotify);
        }
        if self.silence().is_some_and(|deadline| deadline <= now) {
            self.silent = true;
            self.events.push_back(Event::Disconnected(Lost::Silent));
        }
    }

    /// When [`Self::handle_timeout`] is due. [`Self::heard`] moves it later only: a timer that is
    /// set from an older answer is early, never late.
    pub fn next_timeout(&self) -> Option<Instant> {
        let reopening = match self.status {
            Status::Reopening(deadline) => Some(deadline),
            _ => None,
        };
        let sctp = self.sctp.as_ref().and_then(|sctp| sctp.next_timeout());
        [
            self.associations.next_timeout(),
            sctp,
            reopening,
            self.silence(),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// Writes the next datagram to `buffer`, which has [`LARGEST_PACKET`] bytes of room, and says where
    /// it goes.
    pub fn poll_transmit(&mut self, now: Instant, buffer: &mut [u8]) -> Option<Transmit> {
        let context = Rc::clone(&self.context);
        let mut scratch = context.scratch();
        loop {
            if let Some(answer) = self.responder.poll_answer() {
                if let Some(transmit) = datagram(answer.path, answer.bytes(), buffer) {
                    return Some(transmit);
                }
                continue;
            }
            match self
                .associations
                .poll(now, self.remote.as_ref(), &mut scratch)
            {
                Some(Step::Packet { path, size }) => {
                    if let Some(path) = path.or(self.paths.selected())
                        && let Some(transmit) = datagram(path, &scratch[..size], buffer)
                    {
                        return Some(transmit);
                    }
                }
                Some(Step::Data(size)) => {
                    self.dtls_heard(now);
                    if let Some(sctp) = &mut self.sctp {
                        sctp.handle(now, &scratch[..size]);
                    }
                }
                Some(Step::Secured(keys)) => self.secured(now, *keys),
                Some(Step::Closed) => self.closed(now),
                Some(Step::Lost(reason)) => {
                    if self.status == Status::New {
                        self.disconnected(reason);
                    }
                }
                None => {
                    let packet = self.sctp.as_mut()?.poll_transmit(now)?;
                    self.associations.send(&packet);
                }
            }
        }
    }

    /// The next event.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// Ends the session with a close_notify: drain [`Self::poll_transmit`] once more, then drop it.
    pub fn close(&mut self) {
        self.sctp = None;
        self.associations.close();
    }

    fn is_client(&self) -> bool {
        self.remote
            .as_ref()
            .is_some_and(|remote| remote.dtls_client)
    }

    /// Begins an association where that is our turn, and somebody is there.
    fn dial(&mut self, now: Instant) {
        if self.is_client() && self.status != Status::Lost && self.paths.selected().is_some() {
            self.associations.dial(&self.context, now);
        }
    }

    fn secured(&mut self, now: Instant, keys: MediaKeys) {
        self.dtls_heard(now);
        let before = std::mem::replace(&mut self.status, Status::Connected);
        self.events.push_back(match before {
            Status::New | Status::Lost => Event::Connected { keys },
            Status::Connected | Status::Reopening(_) => Event::Rekeyed { keys },
        });
        self.sctp = None;
        self.bring_sctp_up();
    }

    fn bring_sctp_up(&mut self) {
        if self.sctp.is_none()
            && self.associations.stands()
            && let Some(port) = self.remote.as_ref().and_then(|remote| remote.sctp_port)
        {
            self.sctp = Some(Box::new(if self.associations.is_client() {
                Sctp::call(port)
            } else {
                Sctp::accept()
            }));
        }
    }

    /// The association that stood is gone.
    fn closed(&mut self, now: Instant) {
        self.dtls_heard(now);
        self.sctp = None;
        if self.status == Status::Connected {
            self.status = Status::Reopening(now + REOPENING);
        }
        self.dial(now);
    }

    fn disconnected(&mut self, reason: Lost) {
        self.status = Status::Lost;
        self.events.push_back(Event::Disconnected(reason));
    }

    fn dtls_heard(&mut self, now: Instant) {
        if let Some(remote) = self.dtls_from {
            self.paths.heard(now, remote);
        }
        self.authentic(now);
    }

    fn authentic(&mut self, now: Instant) {
        self.heard = Some(now);
        if std::mem::take(&mut self.silent) {
            self.events.push_back(Event::Resumed);
        }
    }

    /// When the peer counts as silent, if nothing comes.
    fn silence(&self) -> Option<Instant> {
        if self.status == Status::Connected && !self.silent {
            Some(self.heard? + self.context.settings().silent)
        } else {
            None
        }
    }
}

/// `contents` for `path`, copied to `buffer`; `None` if they do not fit.
fn datagram(path: Path, contents: &[u8], buffer: &mut [u8]) -> Option<Transmit> {
    buffer.get_mut(..contents.len())?.copy_from_slice(contents);
    Some(Transmit {
        socket: path.socket,
        destination: path.remote,
        src_ip: path.local_ip,
        ecn: None,
        size: contents.len(),
        segment_size: None,
    })
}

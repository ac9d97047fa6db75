//! The DTLS associations of one session: the one that stands, and the one that may take its place.
//!
//! A page that stops its first section makes a new association on the same ICE credentials: Chromium
//! closes the one that stands, or forgets it. Until the new one has shown that it is the same peer,
//! the old one stands, whoever sends a ClientHello.

use std::time::{Duration, Instant};

use super::context::{Context, Permit};
use super::dtls::{Association, Failed, Output};
use super::{MediaKeys, Path, fingerprint};
use crate::command::Remote;
use crate::event::Lost;

/// What tells one client's hello from another's (RFC 5246 §7.4.1.2).
type Random = [u8; 32];

/// Another hello may take the place of a handshake that has come so far.
const BEGUN: Duration = Duration::from_millis(20);
/// The same, once the handshake has cost us a key exchange.
const COMMITTED: Duration = Duration::from_secs(1);

const HANDSHAKE_RECORD: u8 = 22;
const CLIENT_HELLO: u8 = 1;
const SERVER_HELLO: u8 = 2;
/// Where the message's type is: behind the record's header.
const MESSAGE: usize = 13;

/// What comes of the associations.
#[derive(Debug)]
pub(super) enum Step {
    /// So many bytes of the buffer go to the peer, by `path` or the one in use.
    Packet { path: Option<Path>, size: usize },
    /// So many bytes of the buffer are the peer's, from the association that stands.
    Data(usize),
    /// A new association stands.
    Secured(Box<MediaKeys>),
    /// The one that stood is gone.
    Closed,
    /// The new one is.
    Lost(Lost),
}

/// At most two associations.
#[derive(Default)]
pub(super) struct Associations {
    standing: Option<Standing>,
    attempt: Option<Box<Attempt>>,
    /// The association that stood has failed, which nobody was told yet.
    closed: bool,
    lost: Option<Lost>,
}

struct Standing {
    association: Association,
    hello: Option<Random>,
}

/// A handshake, or an association whose peer has no description yet.
struct Attempt {
    association: Association,
    /// The hello that began it, where the peer did.
    hello: Option<Random>,
    /// Where the peer's part of it comes from.
    path: Option<Path>,
    begun: Instant,
    committed: bool,
    keys: Option<Box<MediaKeys>>,
    /// It is somebody else; the farewell is on its way.
    rejected: bool,
    permit: Option<Permit>,
}

impl Associations {
    /// Whether an association stands.
    pub(super) fn stands(&self) -> bool {
        self.standing.is_some()
    }

    /// Whether we are the client of the one that stands.
    pub(super) fn is_client(&self) -> bool {
        self.standing
            .as_ref()
            .is_some_and(|standing| standing.association.is_client())
    }

    /// Begins an association as client, unless there is one, or too many handshakes are under way.
    pub(super) fn dial(&mut self, context: &Context, now: Instant) {
        if self.standing.is_some() || self.attempt.is_some() {
            return;
        }
        if let Some(permit) = context.permit() {
            let association = Association::client(context, now);
            self.attempt = Some(Attempt::new(association, None, None, now, permit));
        }
    }

    /// Takes a datagram that came by `path`, an address that ICE knows; `selected` is the one in use.
    /// A client does not listen to hellos.
    pub(super) fn handle(
        &mut self,
        context: &Context,
        now: Instant,
        path: Path,
        selected: Option<Path>,
        client: bool,
        datagram: &[u8],
    ) {
        let Some(hello) = client_hello(datagram) else {
            return self.hand_over(now, path, datagram);
        };
        if client {
            return;
        }
        if let Some(standing) = &mut self.standing
            && standing.hello == Some(hello)
        {
            let result = standing.association.handle(now, datagram);
            return self.judge_standing(result);
        }
        if let Some(attempt) = &mut self.attempt {
            if attempt.hello == Some(hello) {
                attempt.path = Some(path);
                let result = attempt.association.handle(now, datagram);
                return self.judge_attempt(result);
            }
            let patience = if attempt.committed { COMMITTED } else { BEGUN };
            if attempt.keys.is_some() || now < attempt.begun + patience {
                return;
            }
        }
        let stands = self.standing.is_some();
        if stands && selected.is_none_or(|selected| selected.remote != path.remote) {
            return;
        }
        self.attempt = None;
        if let Some(permit) = context.permit() {
            let mut association = Association::server(context, stands, now);
            let result = association.handle(now, datagram);
            let attempt = Attempt::new(association, Some(hello), Some(path), now, permit);
            self.attempt = Some(attempt);
            self.judge_attempt(result);
        }
    }

    /// A record that begins nothing: plain ones and Finished are part of a handshake.
    fn hand_over(&mut self, now: Instant, path: Path, datagram: &[u8]) {
        let protected = datagram.get(3..5) != Some(&[0, 0]);
        let handshake = !protected || datagram.first() == Some(&HANDSHAKE_RECORD);
        match (&mut self.attempt, &mut self.standing) {
            (Some(attempt), standing)
                if handshake || attempt.keys.is_some() || standing.is_none() =>
            {
                if attempt.path.is_some() {
                    attempt.path = Some(path);
                }
                let result = attempt.association.handle(now, datagram);
                self.judge_attempt(result);
            }
            (_, Some(standing)) => {
                let result = standing.association.handle(now, datagram);
                self.judge_standing(result);
            }
            _ => {}
        }
    }

    /// The next step, into a buffer with room for a record. An association whose peer is `remote` stands
    /// as soon as its handshake is over.
    pub(super) fn poll(
        &mut self,
        now: Instant,
        remote: Option<&Remote>,
        buffer: &mut [u8],
    ) -> Option<Step> {
        if std::mem::take(&mut self.closed) {
            return Some(Step::Closed);
        }
        if let Some(lost) = self.lost.take() {
            return Some(Step::Lost(lost));
        }
        if let Some(step) = self.poll_attempt(now, remote, buffer) {
            return Some(step);
        }
        let standing = self.standing.as_mut()?;
        match standing.association.poll(now, buffer)? {
            Output::Packet(size) => Some(Step::Packet { path: None, size }),
            Output::Data(size) => Some(Step::Data(size)),
            Output::Connected(_) => None,
            Output::CloseNotify => {
                self.standing = None;
                Some(Step::Closed)
            }
        }
    }

    fn poll_attempt(
        &mut self,
        now: Instant,
        remote: Option<&Remote>,
        buffer: &mut [u8],
    ) -> Option<Step> {
        let attempt = self.attempt.as_mut()?;
        loop {
            match attempt.association.poll(now, buffer) {
                Some(Output::Packet(size)) => {
                    attempt.committed |= is_message(&buffer[..size], SERVER_HELLO);
                    let path = attempt.path;
                    return Some(Step::Packet { path, size });
                }
                Some(Output::Connected(keys)) => {
                    attempt.keys = Some(keys);
                    attempt.permit = None;
                }
                // What comes before we know who it is does not count.
                Some(Output::Data(_)) => {}
                Some(Output::CloseNotify) => {
                    self.attempt = None;
                    return Some(Step::Lost(Lost::Handshake));
                }
                None => break,
            }
        }
        if attempt.rejected {
            self.attempt = None;
            return None;
        }
        let remote = remote?;
        let keys = attempt.keys.take()?;
        let shown = attempt.association.certificate().unwrap_or_default();
        if !fingerprint::matches(remote, shown) {
            attempt.rejected = true;
            attempt.association.close();
            return Some(Step::Lost(Lost::Fingerprint));
        }
        let attempt = self.attempt.take()?;
        let Attempt {
            mut association,
            hello,
            ..
        } = *attempt;
        association.verified();
        self.standing = Some(Standing { association, hello });
        Some(Step::Secured(keys))
    }

    /// Sends application data on the association that stands. Poll before the next.
    pub(super) fn send(&mut self, data: &[u8]) {
        if let Some(standing) = &mut self.standing {
            let result = standing.association.send(data);
            self.judge_standing(result);
        }
    }

    pub(super) fn handle_timeout(&mut self, now: Instant) {
        if let Some(attempt) = &mut self.attempt {
            let result = attempt.association.handle_timeout(now);
            self.judge_attempt(result);
        }
        if let Some(standing) = &mut self.standing {
            let result = standing.association.handle_timeout(now);
            self.judge_standing(result);
        }
    }

    pub(super) fn next_timeout(&self) -> Option<Instant> {
        let attempt = self.attempt.as_ref();
        let standing = self.standing.as_ref();
        attempt
            .and_then(|attempt| attempt.association.next_timeout())
            .into_iter()
            .chain(standing.and_then(|standing| standing.association.next_timeout()))
            .min()
    }

    /// Says goodbye, where anybody is there.
    pub(super) fn close(&mut self) {
        self.attempt = None;
        if let Some(standing) = &mut self.standing {
            standing.association.close();
        }
    }

    fn judge_attempt(&mut self, result: Result<(), Failed>) {
        if result.is_err() {
            let rejected = self.attempt.take().is_some_and(|attempt| attempt.rejected);
            if !rejected {
                self.lost = Some(Lost::Handshake);
            }
        }
    }

    fn judge_standing(&mut self, result: Result<(), Failed>) {
        if result.is_err() {
            self.standing = None;
            self.closed = true;
        }
    }
}

impl Attempt {
    fn new(
        association: Association,
        hello: Option<Random>,
        path: Option<Path>,
        begun: Instant,
        permit: Permit,
    ) -> Box<Self> {
        Box::new(Self {
            association,
            hello,
            path,
            begun,
            committed: false,
            keys: None,
            rejected: false,
            permit: Some(permit),
        })
    }
}

/// Whether a datagram begins with a plain handshake message of this type.
fn is_message(datagram: &[u8], kind: u8) -> bool {
    datagram.first() == Some(&HANDSHAKE_RECORD)
        && datagram.get(3..5) == Some(&[0, 0])
        && datagram.get(MESSAGE) == Some(&kind)
}

/// The random of a ClientHello, if the datagram begins with one, or with its first fragment.
fn client_hello(datagram: &[u8]) -> Option<Random> {
    // Message: type 1, length 3, sequence 2, fragment's offset 3 and length 3; then version 2.
    let fragment_offset = datagram.get(MESSAGE + 6..MESSAGE + 9)?;
    if !is_message(datagram, CLIENT_HELLO) || fragment_offset != [0; 3] {
        return None;
    }
    datagram.get(MESSAGE + 14..)?.first_chunk().copied()
}

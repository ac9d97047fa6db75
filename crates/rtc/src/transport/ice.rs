//! The answering half of ICE (RFC 8445 §7.3), all that an ICE-lite server has: no checks of its own, and
//! always controlled.
//!
//! The agent of `is` keeps candidate pairs and checks of its own for each session, and follows a new
//! address only where it is nominated; of its crate we take the messages. A full agent, for peers that
//! are servers themselves, would stand beside this one behind [`super::Transport`].

use std::collections::VecDeque;
use std::net::SocketAddr;

use is::stun::TransId;

use super::stun::{BindingRequest, LARGEST_ANSWER};
use super::{Path, stun};
use crate::command::Credentials;
use crate::registry::CREDENTIALS;

/// Transactions that are remembered, to tell a request that somebody replays from another address: those
/// of a minute, of a client that checks twice a second.
const TRANSACTIONS: usize = 160;
/// Answers that wait to be sent; further ones are not given.
const ANSWERS: usize = 16;

/// The credentials of a session, and the answers to those who use them.
pub(super) struct Responder {
    /// Oldest first.
    credentials: VecDeque<Credentials>,
    /// Newest last.
    seen: VecDeque<(TransId, SocketAddr)>,
    answers: VecDeque<Answer>,
}

/// A STUN message to be sent.
pub(super) struct Answer {
    pub(super) path: Path,
    bytes: [u8; LARGEST_ANSWER],
    length: usize,
}

impl Answer {
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

/// What a datagram is to the responder.
pub(super) enum Request {
    /// It names none of our ufrags.
    Stranger,
    /// It was refused, or is nothing that is answered.
    Refused,
    /// It was accepted.
    Authentic {
        /// The peer nominates the address.
        nominated: bool,
        /// The ufrag that is used now, where older ones were forgotten for it.
        restarted: Option<String>,
    },
}

impl Responder {
    pub(super) fn new(credentials: Credentials) -> Self {
        Self {
            credentials: VecDeque::from([credentials]),
            seen: VecDeque::new(),
            answers: VecDeque::new(),
        }
    }

    pub(super) fn add(&mut self, credentials: Credentials) {
        if self.position(&credentials.ufrag).is_some() {
            return;
        }
        if self.credentials.len() >= CREDENTIALS {
            self.credentials.pop_front();
        }
        self.credentials.push_back(credentials);
    }

    /// Takes a STUN message, and queues the answer.
    pub(super) fn handle(&mut self, path: Path, datagram: &[u8]) -> Request {
        let Some(request) = BindingRequest::read(datagram) else {
            return Request::Refused;
        };
        let used = match request.ufrags() {
            None => None,
            Some((local, _)) => match self.position(local) {
                None => return Request::Stranger,
                some => some,
            },
        };
        let Some(used) = used else {
            queue(&mut self.answers, path, |buffer| {
                stun::refuse(datagram, buffer)
            });
            return Request::Refused;
        };
        let pwd = self.credentials[used].pwd.as_str();
        if let Some(why) = request.refusal(pwd) {
            queue(&mut self.answers, path, |buffer| {
                request.refuse(why, pwd, buffer)
            });
            return Request::Refused;
        }
        if is_replayed(&mut self.seen, request.transaction(), path.remote) {
            return Request::Refused;
        }
        queue(&mut self.answers, path, |buffer| {
            request.accept(path.remote, pwd, buffer)
        });
        let nominated = request.nominates();
        let restarted = (nominated && used > 0).then(|| {
            self.credentials.drain(..used);
            self.credentials[0].ufrag.clone()
        });
        Request::Authentic {
            nominated,
            restarted,
        }
    }

    pub(super) fn poll_answer(&mut self) -> Option<Answer> {
        self.answers.pop_front()
    }

    fn position(&self, ufrag: &str) -> Option<usize> {
        self.credentials
            .iter()
            .position(|credentials| credentials.ufrag == ufrag)
    }
}

fn queue(
    answers: &mut VecDeque<Answer>,
    path: Path,
    write: impl FnOnce(&mut [u8]) -> Option<usize>,
) {
    if answers.len() >= ANSWERS {
        return;
    }
    let mut bytes = [0; LARGEST_ANSWER];
    if let Some(length) = write(&mut bytes) {
        answers.push_back(Answer {
            path,
            bytes,
            length,
        });
    }
}

/// A request's integrity does not cover its source: one that was overheard would move the session to
/// whoever sends it again.
fn is_replayed(
    seen: &mut VecDeque<(TransId, SocketAddr)>,
    transaction: Option<TransId>,
    remote: SocketAddr,
) -> bool {
    let Some(transaction) = transaction else {
        return true;
    };
    if let Some((_, first)) = seen.iter().find(|(known, _)| *known == transaction) {
        return *first != remote;
    }
    if seen.len() >= TRANSACTIONS {
        seen.pop_front();
    }
    seen.push_back((transaction, remote));
    false
}

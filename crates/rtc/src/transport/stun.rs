//! Binding requests and their answers (RFC 8489, RFC 8445 §7): the messages alone, without state.

use std::net::SocketAddr;

use crate::command::Credentials;

/// No answer of ours is longer.
pub const LARGEST_ANSWER: usize = 96;

/// The first half of a binding request's username: the ufrag of whom it is for. `None`: this is not a
/// binding request, or one that nobody should answer.
pub fn local_ufrag(datagram: &[u8]) -> Option<&str> {
    let _ = datagram;
    todo!()
}

/// Whether a binding request was made with `credentials`.
pub fn is_authentic(datagram: &[u8], credentials: &Credentials) -> bool {
    let _ = (datagram, credentials);
    todo!()
}

/// Writes the answer to a binding request whose ufrag nobody knows (401), and returns its length; `None`
/// where silence is due. Never longer than the request.
pub fn refuse(datagram: &[u8], buffer: &mut [u8]) -> Option<usize> {
    let _ = (datagram, buffer);
    todo!()
}

/// A client's binding request, as the controlling side sends it to an ICE-lite peer.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// Any number not used before.
    pub transaction: [u8; 12],
    /// The ufrag of the peer.
    pub remote_ufrag: &'a str,
    /// Our own.
    pub local_ufrag: &'a str,
    /// The password of the peer.
    pub remote_pwd: &'a str,
    /// The same in all requests of a session.
    pub tie_breaker: u64,
    /// Nominates.
    pub use_candidate: bool,
}

impl Request<'_> {
    /// Writes the request to `buffer` and returns its length: at most 256 bytes for ufrags of up to 32.
    pub fn write(&self, buffer: &mut [u8]) -> Option<usize> {
        let _ = buffer;
        todo!()
    }
}

/// A server's answer to a [`Request`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The address that the request came from, as the server sees it.
    Success(SocketAddr),
    /// The error code.
    Error(u16),
}

/// Reads an answer and the transaction that it belongs to. A success whose integrity does not stand
/// under `remote_pwd` is none.
pub fn answer(datagram: &[u8], remote_pwd: &str) -> Option<([u8; 12], Answer)> {
    let _ = (datagram, remote_pwd);
    todo!()
}

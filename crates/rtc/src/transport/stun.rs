//! Binding requests and their answers (RFC 8489, RFC 8445 §7): the messages alone, without state.

use std::net::SocketAddr;

use aws_lc_rs::hmac;
use crc::{CRC_32_ISO_HDLC, Crc};
use is::stun::{StunMessage, TransId};

use crate::command::Credentials;

/// No answer of ours is longer.
pub const LARGEST_ANSWER: usize = 96;

/// RFC 8489 §14.7: what a fingerprint's checksum is XORed with.
const FINGERPRINT_XOR: u32 = 0x5354_554e;
const CHECKSUM: Crc<u32> = Crc::<u32>::new(&CRC_32_ISO_HDLC);

const HEADER: usize = 20;
const MAGIC: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];
const BINDING_REQUEST: u16 = 0x0001;
const BINDING_ERROR: u16 = 0x0111;

const USERNAME: u16 = 0x0006;
const MESSAGE_INTEGRITY: u16 = 0x0008;
const ERROR_CODE: u16 = 0x0009;
const UNKNOWN_ATTRIBUTES: u16 = 0x000a;
const XOR_MAPPED_ADDRESS: u16 = 0x0020;
const MESSAGE_INTEGRITY_SHA256: u16 = 0x001c;
const PRIORITY: u16 = 0x0024;
const USE_CANDIDATE: u16 = 0x0025;
const FINGERPRINT: u16 = 0x8028;

/// Attributes below it have to be understood (RFC 8489 §14).
const OPTIONAL: u16 = 0x8000;
/// Of the attributes that we do not know, so many are named in an answer.
const NAMED: usize = 4;

/// Why a request is not answered with success (RFC 8489 §14.8, RFC 8445 §7.3.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
pub(super) enum Refusal {
    /// Attributes that a check has to have are missing or garbled.
    BadRequest = 400,
    /// The ufrag or the password is not ours.
    Unauthenticated = 401,
    /// It has attributes that must be understood, and are not.
    UnknownAttribute = 420,
    /// The peer thinks that it is controlled; so are we, always.
    RoleConflict = 487,
}

/// A binding request whose fingerprint stands.
pub(super) struct BindingRequest<'a> {
    datagram: &'a [u8],
    /// `None`: it lacks something, or is garbled.
    message: Option<StunMessage<'a>>,
    unknown: Unknown,
}

/// Attributes that we do not know, but would have to.
#[derive(Clone, Copy, Default)]
struct Unknown {
    types: [u16; NAMED],
    count: usize,
}

impl<'a> BindingRequest<'a> {
    /// `None`: something else, or damaged, or not by a client of ICE (RFC 8445 §7.1: all have a
    /// fingerprint). Nobody answers that.
    pub(super) fn read(datagram: &'a [u8]) -> Option<Self> {
        let header = datagram.first_chunk::<HEADER>()?;
        let length = usize::from(u16::from_be_bytes([header[2], header[3]]));
        if u16::from_be_bytes([header[0], header[1]]) != BINDING_REQUEST
            || header[4..8] != MAGIC
            || length + HEADER != datagram.len()
        {
            return None;
        }
        let mut unknown = Unknown::default();
        let mut position = HEADER;
        let mut signed = false;
        let mut last = None;
        while let Some((kind, value)) = attribute(datagram, position) {
            // What follows the integrity is ignored (RFC 8489 §14.5).
            signed |= kind == MESSAGE_INTEGRITY;
            if kind < OPTIONAL
                && !is_known(kind)
                && !signed
                && let Some(slot) = unknown.types.get_mut(unknown.count)
            {
                *slot = kind;
                unknown.count += 1;
            }
            last = Some((kind, position, value));
            position += 4 + value.len().next_multiple_of(4);
        }
        let (kind, start, value) = last?;
        let covered = datagram.get(..start)?;
        if position != datagram.len()
            || kind != FINGERPRINT
            || value != (CHECKSUM.checksum(covered) ^ FINGERPRINT_XOR).to_be_bytes()
        {
            return None;
        }
        Some(Self {
            datagram,
            message: StunMessage::parse(datagram).ok(),
            unknown,
        })
    }

    /// The two halves of the username: the ufrag of whom the request is for, and the peer's own.
    pub(super) fn ufrags(&self) -> Option<(&'a str, &'a str)> {
        self.message.as_ref()?.username()?.split_once(':')
    }

    /// The number of the transaction.
    pub(super) fn transaction(&self) -> Option<TransId> {
        Some(self.message.as_ref()?.trans_id())
    }

    /// The peer nominates the address.
    pub(super) fn nominates(&self) -> bool {
        self.message.is_some_and(|message| message.use_candidate())
    }

    /// Why it is refused by one who has the credentials that it names; `None` if it is not.
    pub(super) fn refusal(&self, pwd: &str) -> Option<Refusal> {
        let Some(message) = &self.message else {
            return Some(Refusal::BadRequest);
        };
        if !message.verify(pwd.as_bytes(), hmac_sha1) {
            Some(Refusal::Unauthenticated)
        } else if self.unknown.count > 0 {
            Some(Refusal::UnknownAttribute)
        } else if message.ice_controlled().is_some() {
            Some(Refusal::RoleConflict)
        } else {
            None
        }
    }

    /// Writes the success response, and returns its length.
    pub(super) fn accept(&self, remote: SocketAddr, pwd: &str, buffer: &mut [u8]) -> Option<usize> {
        StunMessage::binding_reply(self.transaction()?, remote)
            .to_bytes(Some(pwd.as_bytes()), buffer, hmac_sha1)
            .ok()
    }

    /// Writes the error response, and returns its length; with integrity once the request's stood
    /// (RFC 8489 §9.1.3.1). `None`: it would be longer than the request.
    pub(super) fn refuse(&self, why: Refusal, pwd: &str, buffer: &mut [u8]) -> Option<usize> {
        let code = why as u16;
        let mut writer = Writer::new(buffer);
        writer.put(&BINDING_ERROR.to_be_bytes())?;
        writer.put(&[0; 2])?;
        writer.put(self.datagram.get(4..HEADER)?)?;
        writer.attribute(ERROR_CODE, &[0, 0, (code / 100) as u8, (code % 100) as u8])?;
        if why == Refusal::UnknownAttribute {
            let mut types = [0; 2 * NAMED];
            let named = self.unknown.types.iter().take(self.unknown.count);
            for (place, kind) in types.chunks_exact_mut(2).zip(named) {
                place.copy_from_slice(&kind.to_be_bytes());
            }
            writer.attribute(UNKNOWN_ATTRIBUTES, types.get(..2 * self.unknown.count)?)?;
        }
        if matches!(why, Refusal::UnknownAttribute | Refusal::RoleConflict) {
            let covered = writer.covered(24)?;
            let tag = hmac_sha1(pwd.as_bytes(), &[covered]);
            writer.attribute(MESSAGE_INTEGRITY, &tag)?;
        }
        let covered = writer.covered(8)?;
        let checksum = CHECKSUM.checksum(covered) ^ FINGERPRINT_XOR;
        writer.attribute(FINGERPRINT, &checksum.to_be_bytes())?;
        (writer.length <= self.datagram.len()).then_some(writer.length)
    }
}

fn is_known(kind: u16) -> bool {
    matches!(
        kind,
        USERNAME
            | MESSAGE_INTEGRITY
            | MESSAGE_INTEGRITY_SHA256
            | PRIORITY
            | USE_CANDIDATE
            | XOR_MAPPED_ADDRESS
    )
}

/// The type and value of the attribute at `position`.
fn attribute(datagram: &[u8], position: usize) -> Option<(u16, &[u8])> {
    let header = datagram.get(position..position + 4)?;
    let length = usize::from(u16::from_be_bytes([header[2], header[3]]));
    let value = datagram.get(position + 4..position + 4 + length)?;
    Some((u16::from_be_bytes([header[0], header[1]]), value))
}

fn hmac_sha1(key: &[u8], parts: &[&[u8]]) -> [u8; 20] {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, key);
    let mut context = hmac::Context::with_key(&key);
    for part in parts {
        context.update(part);
    }
    let mut tag = [0; 20];
    tag.copy_from_slice(context.sign().as_ref());
    tag
}

/// Fills a buffer; `None` where it is full.
struct Writer<'a> {
    buffer: &'a mut [u8],
    length: usize,
}

impl<'a> Writer<'a> {
    fn new(buffer: &'a mut [u8]) -> Self {
        Self { buffer, length: 0 }
    }

    fn put(&mut self, bytes: &[u8]) -> Option<()> {
        let end = self.length + bytes.len();
        self.buffer
            .get_mut(self.length..end)?
            .copy_from_slice(bytes);
        self.length = end;
        Some(())
    }

    fn attribute(&mut self, kind: u16, value: &[u8]) -> Option<()> {
        self.put(&kind.to_be_bytes())?;
        self.put(&(value.len() as u16).to_be_bytes())?;
        self.put(value)?;
        self.put(&[0; 3][..value.len().next_multiple_of(4) - value.len()])
    }

    /// What was written, with a header that counts `more` bytes too: what the next attribute covers.
    fn covered(&mut self, more: usize) -> Option<&[u8]> {
        let length = (self.length + more - HEADER) as u16;
        self.buffer
            .get_mut(2..4)?
            .copy_from_slice(&length.to_be_bytes());
        self.buffer.get(..self.length)
    }
}

/// The first half of a binding request's username: the ufrag of whom it is for. `None`: this is not a
/// binding request that could be anybody's; [`refuse`] knows whether it is answered.
pub fn local_ufrag(datagram: &[u8]) -> Option<&str> {
    Some(BindingRequest::read(datagram)?.ufrags()?.0)
}

/// Whether a binding request was made with `credentials`.
pub fn is_authentic(datagram: &[u8], credentials: &Credentials) -> bool {
    BindingRequest::read(datagram).is_some_and(|request| {
        request
            .ufrags()
            .is_some_and(|(local, _)| local == credentials.ufrag)
            && request.refusal(&credentials.pwd).is_none()
    })
}

/// Writes the answer to a binding request that is nobody's (400 or 401), and returns its length; `None`
/// where silence is due. Never longer than the request.
pub fn refuse(datagram: &[u8], buffer: &mut [u8]) -> Option<usize> {
    let request = BindingRequest::read(datagram)?;
    let why = match request.ufrags() {
        Some(_) => Refusal::Unauthenticated,
        None => Refusal::BadRequest,
    };
    request.refuse(why, "", buffer)
}

/// A client's binding request, as the controlling side sends it to an ICE-lite peer.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// One for each request; its retransmissions keep it.
    pub transaction: TransId,
    /// The ufrag of the peer.
    pub remote_ufrag: &'a str,
    /// Our own. Both ufrags together are shorter than 128 bytes.
    pub local_ufrag: &'a str,
    /// The password of the peer.
    pub remote_pwd: &'a str,
    /// The same in all requests of a session.
    pub tie_breaker: u64,
    /// Nominates.
    pub use_candidate: bool,
}

/// The type preference of a peer-reflexive candidate, the most for the rest (RFC 8445 §5.1.2).
const PEER_REFLEXIVE: u32 = (110 << 24) | (0xffff << 8) | 255;

impl Request<'_> {
    /// Writes the request to `buffer` and returns its length: at most 256 bytes. `None`: the ufrags or
    /// the buffer have the wrong length.
    pub fn write(&self, buffer: &mut [u8]) -> Option<usize> {
        let username = format!("{}:{}", self.remote_ufrag, self.local_ufrag);
        StunMessage::binding_request(
            &username,
            self.transaction,
            true,
            self.tie_breaker,
            PEER_REFLEXIVE,
            self.use_candidate,
        )
        .to_bytes(Some(self.remote_pwd.as_bytes()), buffer, hmac_sha1)
        .ok()
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
pub fn answer(datagram: &[u8], remote_pwd: &str) -> Option<(TransId, Answer)> {
    let message = StunMessage::parse(datagram).ok()?;
    let answer = if message.is_successful_binding_response() {
        if !message.verify(remote_pwd.as_bytes(), hmac_sha1) {
            return None;
        }
        Answer::Success(message.mapped_address()?)
    } else if message.is_failed_binding_response() {
        Answer::Error(message.error_code()?.0)
    } else {
        return None;
    };
    Some((message.trans_id(), answer))
}

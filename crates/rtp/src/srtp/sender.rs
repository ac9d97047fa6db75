//! Sealing what a session sends.

use super::keys::Keys;
use super::profile::Profile;

/// Why a packet was not sealed; each one is a mistake of ours, except `Exhausted`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// The buffer does not hold the packet, its header and what sealing adds.
    #[error("no room for the packet and what sealing adds")]
    NoRoom,
    /// No further packet can have an index of its own: the session needs new keys (RFC 3711 §9.2).
    #[error("the keys have sealed as many packets as they may")]
    Exhausted,
}

/// How far one SSRC of ours has counted. Whoever holds a sink holds this: sealing then costs the
/// same however many SSRCs a session sends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SenderStream {
    /// Rollover counter and sequence number of the newest packet; `None` before the first.
    newest: Option<u64>,
}

/// What seals the packets that one session sends. Its keys serve one DTLS association.
pub struct Sender {
    profile: Profile,
}

impl Sender {
    /// A sender that has sealed nothing yet.
    pub fn new(keys: &Keys) -> Self {
        todo!()
    }

    /// The suite it seals with.
    pub fn profile(&self) -> Profile {
        self.profile
    }

    /// Seals an RTP packet in place and appends the tag; returns the length of what is to be sent.
    ///
    /// `buffer[..packet_len]` is the packet, its first `header_len` bytes the header with CSRCs and
    /// extensions, which stay readable; [`Profile::rtp_overhead`] bytes more must follow. What lies
    /// after that is not touched, so packets of one send may be laid out one after another.
    ///
    /// The sequence number is taken from the packet and must be within 32,767 of `stream`'s newest.
    /// A number that was sealed before must bring the very bytes of before, extensions included:
    /// two packets under one index give the key stream away.
    pub fn protect(
        &self,
        stream: &mut SenderStream,
        buffer: &mut [u8],
        header_len: usize,
        packet_len: usize,
    ) -> Result<usize, SealError> {
        todo!()
    }

    /// Seals the compound RTCP packet `buffer[..packet_len]` in place and appends index and tag,
    /// [`Profile::rtcp_overhead`] bytes; returns the length of what is to be sent.
    pub fn protect_rtcp(
        &mut self,
        buffer: &mut [u8],
        packet_len: usize,
    ) -> Result<usize, SealError> {
        todo!()
    }
}

//! Sealing what a session sends.

use super::cipher::{Cipher, RTCP_ENCRYPTED, RTCP_HEADER};
use super::keys::Keys;
use super::profile::Profile;
use super::replay::index_of;
use crate::packet::FIXED_HEADER;

/// Why a packet was not sealed. It must not be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// The buffer does not hold the packet, its header and what sealing adds.
    #[error("no room for the packet and what sealing adds")]
    NoRoom,
    /// No index is left for the packet: its sequence number is before the stream's first, or the keys
    /// have sealed as many as they may (RFC 3711 §9.2).
    #[error("no index is left for the packet")]
    NoIndex,
}

/// How far one SSRC of ours has counted under one [`Sender`]: another association begins with another.
/// Whoever holds a sink holds this: sealing then costs the same however many SSRCs a session sends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SenderStream {
    /// Rollover counter and sequence number of the newest packet; `None` before the first.
    newest: Option<u64>,
    /// The rollovers of the first number of [`Sender::protect_numbered`], which do not count here.
    lead: Option<u64>,
}

impl SenderStream {
    /// The index of a packet that its sender counts without wrapping, so that equal numbers are equal
    /// packets, however far they are apart from each other.
    fn index_of_number(&mut self, number: u64) -> Option<u64> {
        let lead = *self.lead.get_or_insert(number & !0xffff);
        let index = number.checked_sub(lead)?;
        if index >= 1 << 48 {
            return None;
        }
        self.newest = self.newest.max(Some(index));
        Some(index)
    }

    /// The index of a packet, and from now on the newest if it is newer. The first begins with a
    /// rollover counter of zero.
    fn index(&mut self, sequence: u16) -> Option<u64> {
        let Some(newest) = self.newest else {
            self.newest = Some(sequence.into());
            return self.newest;
        };
        let index = index_of(sequence, newest)?;
        self.newest = Some(index.max(newest));
        Some(index)
    }
}

/// What seals the packets that one session sends. Its keys serve one DTLS association.
pub struct Sender {
    profile: Profile,
    rtp: Cipher,
    rtcp: Cipher,
    /// Of the next RTCP packet. One count for all SSRCs: each sees it grow.
    rtcp_index: u32,
}

impl Sender {
    /// A sender that has sealed nothing yet.
    pub fn new(keys: &Keys) -> Self {
        Self {
            profile: keys.profile,
            rtp: Cipher::new(keys.profile, &keys.rtp()),
            rtcp: Cipher::new(keys.profile, &keys.rtcp()),
            rtcp_index: 0,
        }
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
        self.seal(buffer, header_len, packet_len, |sequence| {
            stream.index(sequence)
        })
    }

    /// The same for a sender that counts its packets without wrapping: `number` has the packet's
    /// sequence number in its low 16 bits, and rollovers above them. It may be any distance from the
    /// others; one that was sealed before must bring the very bytes of before.
    pub fn protect_numbered(
        &self,
        stream: &mut SenderStream,
        number: u64,
        buffer: &mut [u8],
        header_len: usize,
        packet_len: usize,
    ) -> Result<usize, SealError> {
        self.seal(buffer, header_len, packet_len, |_| {
            stream.index_of_number(number)
        })
    }

    fn seal(
        &self,
        buffer: &mut [u8],
        header_len: usize,
        packet_len: usize,
        index: impl FnOnce(u16) -> Option<u64>,
    ) -> Result<usize, SealError> {
        let sealed_len = packet_len + self.profile.rtp_overhead();
        let packet = buffer.get_mut(..sealed_len).ok_or(SealError::NoRoom)?;
        if header_len < FIXED_HEADER || header_len > packet_len {
            return Err(SealError::NoRoom);
        }
        let sequence = u16::from_be_bytes([packet[2], packet[3]]);
        let ssrc = u32::from_be_bytes([packet[8], packet[9], packet[10], packet[11]]);
        let index = index(sequence).ok_or(SealError::NoIndex)?;
        self.rtp.seal_rtp(ssrc, index, header_len, packet);
        Ok(sealed_len)
    }

    /// Seals the compound RTCP packet `buffer[..packet_len]` in place and appends index and tag,
    /// [`Profile::rtcp_overhead`] bytes; returns the length of what is to be sent.
    pub fn protect_rtcp(
        &mut self,
        buffer: &mut [u8],
        packet_len: usize,
    ) -> Result<usize, SealError> {
        let sealed_len = packet_len + self.profile.rtcp_overhead();
        let packet = buffer.get_mut(..sealed_len).ok_or(SealError::NoRoom)?;
        if packet_len < RTCP_HEADER {
            return Err(SealError::NoRoom);
        }
        if self.rtcp_index >= RTCP_ENCRYPTED {
            return Err(SealError::NoIndex);
        }
        let ssrc = u32::from_be_bytes([packet[4], packet[5], packet[6], packet[7]]);
        self.rtcp.seal_rtcp(ssrc, self.rtcp_index, packet);
        self.rtcp_index += 1;
        Ok(sealed_len)
    }
}

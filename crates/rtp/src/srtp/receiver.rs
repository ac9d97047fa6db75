//! Opening what a session receives.

use super::keys::Keys;
use super::profile::Profile;

/// Why a packet is dropped. None of them changes what the receiver remembers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// Too short or with a header that does not add up.
    #[error("no well-formed packet")]
    Malformed,
    /// It was opened before, or is too old to tell (RFC 3711 §3.3.2).
    #[error("the packet was seen before or is older than the replay window")]
    Replayed,
    /// Forged, damaged, or sealed under other keys.
    #[error("the packet is not authentic")]
    Forged,
    /// Authentic, of an SSRC beyond the limit while all known ones are alive.
    #[error("the session sends more streams than it may")]
    TooManyStreams,
}

/// An RTP packet that was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opened {
    /// The packet without its tag is the buffer's first so many bytes.
    pub len: usize,
    /// Rollover counter and sequence number: `roc << 16 | sequence` (RFC 3711 §3.3.1). It orders the
    /// packets of an SSRC without wrapping.
    pub index: u64,
}

/// What opens the packets that one session sends us. Its keys serve one DTLS association.
///
/// It remembers what came of each SSRC. An SSRC is remembered once a packet of it was authentic, so
/// strangers cannot fill its memory. A peer that is over its limit loses new SSRCs: only one that has
/// been quiet during the last 65,536 packets of the session makes room.
pub struct Receiver {
    profile: Profile,
}

impl Receiver {
    /// A receiver that has seen nothing yet and will remember `limit` SSRCs of RTP and as many of
    /// RTCP.
    pub fn new(keys: &Keys, limit: usize) -> Self {
        todo!()
    }

    /// The suite it opens with.
    pub fn profile(&self) -> Profile {
        self.profile
    }

    /// Opens an SRTP packet in place. After an error the bytes past its header mean nothing.
    pub fn open(&mut self, packet: &mut [u8]) -> Result<Opened, OpenError> {
        todo!()
    }

    /// Opens an SRTCP packet in place: the compound packet is the buffer's first so many bytes.
    /// After an error its bytes mean nothing.
    pub fn open_rtcp(&mut self, packet: &mut [u8]) -> Result<usize, OpenError> {
        todo!()
    }
}

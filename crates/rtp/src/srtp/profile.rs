//! Protection profiles: what a DTLS handshake agrees on.

/// What the widest profile adds to an RTP packet, in bytes.
pub const MAX_RTP_OVERHEAD: usize = 16;
/// What the widest profile adds to an RTCP packet, in bytes.
pub const MAX_RTCP_OVERHEAD: usize = 20;

/// An SRTP protection profile (RFC 5764 §4.1.2, RFC 7714 §14.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Profile {
    /// `SRTP_AEAD_AES_256_GCM`.
    AeadAes256Gcm,
    /// `SRTP_AEAD_AES_128_GCM`.
    AeadAes128Gcm,
    /// `SRTP_AES128_CM_HMAC_SHA1_80`.
    AesCm128HmacSha1,
}

impl Profile {
    /// Most wanted first.
    pub const ALL: [Self; 3] = [
        Self::AeadAes256Gcm,
        Self::AeadAes128Gcm,
        Self::AesCm128HmacSha1,
    ];

    /// The bytes to export from DTLS: both sides' keys, then both sides' salts.
    pub const fn keying_material_len(self) -> usize {
        2 * (self.key_len() + self.salt_len())
    }

    /// What sealing adds to an RTP packet: the authentication tag.
    pub const fn rtp_overhead(self) -> usize {
        match self {
            Self::AeadAes256Gcm | Self::AeadAes128Gcm => 16,
            Self::AesCm128HmacSha1 => 10,
        }
    }

    /// What sealing adds to an RTCP packet: the index, then or before it the tag.
    pub const fn rtcp_overhead(self) -> usize {
        self.rtp_overhead() + 4
    }

    pub(super) const fn key_len(self) -> usize {
        match self {
            Self::AeadAes256Gcm => 32,
            Self::AeadAes128Gcm | Self::AesCm128HmacSha1 => 16,
        }
    }

    pub(super) const fn salt_len(self) -> usize {
        match self {
            Self::AeadAes256Gcm | Self::AeadAes128Gcm => 12,
            Self::AesCm128HmacSha1 => 14,
        }
    }
}

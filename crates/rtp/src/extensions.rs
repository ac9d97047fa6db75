//! Header extensions (RFC 8285).

/// A header extension URI as Python numbers it: the same number for the same URI in every session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ExtensionNumber(pub u16);

impl ExtensionNumber {
    /// `urn:ietf:params:rtp-hdrext:sdes:mid`.
    pub const MID: Self = Self(0);
    /// `urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id`.
    pub const RID: Self = Self(1);
    /// `urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id`.
    pub const REPAIRED_RID: Self = Self(2);
    /// `http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01`.
    pub const TRANSPORT_CC: Self = Self(3);
    /// `http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time`.
    pub const ABS_SEND_TIME: Self = Self(4);

    /// Whether its value means something on one leg only, and is never forwarded.
    pub fn is_ours(self) -> bool {
        self <= Self::ABS_SEND_TIME
    }
}

//! What a payload type carries, as far as forwarding cares.

/// What the payload type of a packet says about it, as far as forwarding cares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Codec {
    /// Opus.
    Opus,
    /// PCM µ-law.
    Pcmu,
    /// PCM A-law.
    Pcma,
    /// Redundant audio, RFC 2198.
    Red,
    /// VP8.
    Vp8,
    /// VP9.
    Vp9,
    /// H.264.
    H264,
    /// H.265.
    H265,
    /// AV1.
    Av1,
    /// Forwarded as it comes: comfort noise, telephone events.
    Other,
}

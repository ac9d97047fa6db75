//! What a payload says of its frame. Payloads are read tolerantly: one that makes no sense starts nothing.

pub mod av1;
pub mod h264;
pub mod h265;
pub mod vp8;
pub mod vp9;

use crate::codec::Codec;

/// What one packet says of the frame it belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Frame {
    /// A receiver that has nothing can begin with this packet: it begins a key frame. Always for audio.
    pub starts_key_frame: bool,
    /// The first packet of a frame, where the codec tells; else false.
    pub first: bool,
    /// The last packet of a picture (RFC 3550 §5.1: the marker bit, unless the codec tells).
    pub last: bool,
    /// VP8's picture numbers, where the descriptor has any.
    pub picture: Option<vp8::Picture>,
}

/// Looks at a payload without padding, once per packet of a publisher.
pub fn inspect(codec: Codec, payload: &[u8], marker: bool) -> Frame {
    let _ = (codec, payload, marker);
    todo!()
}

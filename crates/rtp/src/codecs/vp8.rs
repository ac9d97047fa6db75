//! VP8 payloads (RFC 7741): the descriptor in front of each one, and its picture numbers rewritten in place.

/// Where a payload's picture numbers are, and what they say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Picture {
    /// PictureID, 7 or 15 bits.
    pub picture_id: Option<PictureId>,
    /// TL0PICIDX, and its offset in the payload.
    pub tl0picidx: Option<(u8, u8)>,
}

/// A PictureID as a payload has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PictureId {
    /// Below 128, or below 32,768 where it is wide.
    pub value: u16,
    /// 15 bits in two bytes, else 7 in one.
    pub wide: bool,
    /// Its offset in the payload.
    pub at: u8,
}

/// What is added to picture numbers so that a subscriber sees one stream; the default changes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Shift {
    /// Added to PictureID, modulo its width.
    pub picture_id: u16,
    /// Added to TL0PICIDX, modulo 256. KEYIDX stays.
    pub tl0picidx: u8,
}

impl Shift {
    /// Rewrites the picture numbers in `payload`, which `picture` was read from (or a copy of it). The length stays.
    pub fn apply(self, picture: &Picture, payload: &mut [u8]) {
        let _ = (picture, payload);
        todo!()
    }
}

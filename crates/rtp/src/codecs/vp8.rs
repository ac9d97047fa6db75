//! VP8 payloads (RFC 7741): the descriptor before each one, and its picture numbers rewritten in place.

use super::Frame;

/// Where a payload's picture numbers are, and what they say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Picture {
    /// PictureID.
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

impl PictureId {
    /// The number `by` pictures on, within this one's width.
    pub fn plus(self, by: u16) -> u16 {
        self.value.wrapping_add(by) & if self.wide { 0x7fff } else { 0x7f }
    }
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
    /// Rewrites the picture numbers in `payload`, a copy of the one that `picture` was read from. Its
    /// length stays.
    #[inline]
    pub fn apply(self, picture: &Picture, payload: &mut [u8]) {
        if let Some(id) = picture.picture_id {
            let shifted = id.plus(self.picture_id);
            let at = usize::from(id.at);
            if !id.wide {
                if let Some(byte) = payload.get_mut(at) {
                    *byte = shifted as u8;
                }
            } else if let Some(bytes) = payload.get_mut(at..at + 2) {
                bytes.copy_from_slice(&(shifted | 0x8000).to_be_bytes());
            }
        }
        if let Some((value, at)) = picture.tl0picidx
            && let Some(byte) = payload.get_mut(usize::from(at))
        {
            *byte = value.wrapping_add(self.tl0picidx);
        }
    }
}

/// Reads the descriptor and the first byte behind it (RFC 7741 §4.2, §4.3).
pub(super) fn inspect(payload: &[u8]) -> Frame {
    read(payload).unwrap_or_default()
}

fn read(payload: &[u8]) -> Option<Frame> {
    let (&head, _) = payload.split_first()?;
    let mut picture = Picture::default();
    let mut at = 1;
    if head & X != 0 {
        let extension = *payload.get(at)?;
        at += 1;
        if extension & I != 0 {
            let first = *payload.get(at)?;
            let wide = first & M != 0;
            let value = if wide {
                u16::from_be_bytes([first & !M, *payload.get(at + 1)?])
            } else {
                u16::from(first)
            };
            picture.picture_id = Some(PictureId {
                value,
                wide,
                at: at as u8,
            });
            at += if wide { 2 } else { 1 };
        }
        if extension & L != 0 {
            picture.tl0picidx = Some((*payload.get(at)?, at as u8));
            at += 1;
        }
        if extension & (T | K) != 0 {
            at += 1;
        }
    }
    let first = head & S != 0 && head & PARTITION == 0;
    // §4.3: the inverse of the key frame flag is the lowest bit of a frame's first byte.
    let starts_key_frame = first && payload.get(at).is_some_and(|frame| frame & 1 == 0);
    Some(Frame {
        starts_key_frame,
        first,
        last: false,
        picture: (picture != Picture::default()).then_some(picture),
    })
}

// §4.2: the required byte.
const X: u8 = 0x80;
const S: u8 = 0x10;
const PARTITION: u8 = 0x07;
// The extension byte.
const I: u8 = 0x80;
const L: u8 = 0x40;
const T: u8 = 0x20;
const K: u8 = 0x10;
// The first byte of a PictureID.
const M: u8 = 0x80;

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 7741 §4.6.1: key frame in a single RTP packet, with a PictureID of 7 bits, 17.
    const KEY_FRAME: [u8; 4] = [0x90, 0x80, 0x11, 0x10];

    /// As Chromium sends them: PictureID of 15 bits, TL0PICIDX, TID and KEYIDX.
    const DELTA_FRAME: [u8; 7] = [0x90, 0xf0, 0x80 | 0x12, 0x34, 0xff, 0x25, 0x31];

    #[test]
    fn a_key_frame_is_told_by_its_first_packet() {
        let frame = inspect(&KEY_FRAME);
        assert!(frame.first && frame.starts_key_frame);
        let id = PictureId {
            value: 17,
            wide: false,
            at: 2,
        };
        assert_eq!(frame.picture.unwrap().picture_id, Some(id));
    }

    #[test]
    fn later_packets_and_partitions_start_nothing() {
        assert!(!inspect(&[0x80, 0x80, 0x11, 0x10]).first);
        assert!(!inspect(&[0x91, 0x80, 0x11, 0x10]).starts_key_frame);
        let delta = inspect(&DELTA_FRAME);
        assert!(delta.first && !delta.starts_key_frame);
    }

    #[test]
    fn picture_numbers_are_rewritten_within_their_width_and_keyidx_stays() {
        let mut payload = DELTA_FRAME;
        let picture = inspect(&payload).picture.unwrap();
        let shift = Shift {
            picture_id: 0x7000,
            tl0picidx: 2,
        };
        shift.apply(&picture, &mut payload);
        assert_eq!(payload, [0x90, 0xf0, 0x80 | 0x02, 0x34, 0x01, 0x25, 0x31]);

        let mut payload = KEY_FRAME;
        let picture = inspect(&payload).picture.unwrap();
        Shift {
            picture_id: 120,
            tl0picidx: 2,
        }
        .apply(&picture, &mut payload);
        assert_eq!(payload, [0x90, 0x80, 17 + 120 - 128, 0x10]);
    }

    #[test]
    fn a_descriptor_that_is_cut_short_says_nothing() {
        for len in 0..4 {
            assert_eq!(inspect(&DELTA_FRAME[..len]).picture, None);
            assert!(!inspect(&KEY_FRAME[..len]).starts_key_frame);
        }
    }
}

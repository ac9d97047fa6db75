//! VP9 payloads (RFC 9628): the descriptor before each one.

use super::Frame;

/// Reads the descriptor (RFC 9628 §4.2). A picture of several spatial layers begins with layer 0.
pub(super) fn inspect(payload: &[u8]) -> Frame {
    read(payload).unwrap_or_default()
}

fn read(payload: &[u8]) -> Option<Frame> {
    let (&head, rest) = payload.split_first()?;
    let mut rest = rest.iter();
    if head & I != 0 && rest.next()? & M != 0 {
        rest.next()?;
    }
    let spatial_layer = match head & L {
        0 => 0,
        _ => rest.next()? >> 1 & 0x07,
    };
    let first = head & B != 0;
    Some(Frame {
        starts_key_frame: first && head & P == 0 && spatial_layer == 0,
        first,
        ..Frame::default()
    })
}

const I: u8 = 0x80;
const P: u8 = 0x40;
const L: u8 = 0x20;
const B: u8 = 0x08;
// The first byte of a PictureID.
const M: u8 = 0x80;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_frame_starts_where_nothing_is_predicted_and_a_frame_begins() {
        // I, B; a PictureID of 15 bits.
        assert!(inspect(&[I | B, 0x80, 0x01, 0x82]).starts_key_frame);
        // A later packet of it.
        assert!(!inspect(&[I, 0x80, 0x01, 0x82]).starts_key_frame);
        // Predicted from an earlier picture.
        let delta = inspect(&[I | P | B, 0x80, 0x01, 0x82]);
        assert!(delta.first && !delta.starts_key_frame);
    }

    #[test]
    fn an_upper_spatial_layer_of_a_key_picture_starts_none() {
        // I, L, B; PictureID of 7 bits; TID 0, SID 0 or 1, D; TL0PICIDX.
        assert!(inspect(&[I | L | B, 0x05, 0x00, 0x01]).starts_key_frame);
        assert!(!inspect(&[I | L | B, 0x05, 0x03, 0x01]).starts_key_frame);
    }
}

//! AV1 payloads (RTP Payload Format For AV1, v1.0.0).

use super::Frame;

/// Reads the aggregation header (§4.4): N is set in the first packet of a coded video sequence. For
/// senders that do not set it, a sequence header that comes first tells too.
pub(super) fn inspect(payload: &[u8]) -> Frame {
    let starts = match payload.split_first() {
        Some((&head, rest)) => {
            head & N != 0 || head & Z == 0 && begins_with_sequence_header(head, rest)
        }
        None => false,
    };
    Frame {
        starts_key_frame: starts,
        first: starts,
        ..Frame::default()
    }
}

fn begins_with_sequence_header(head: u8, elements: &[u8]) -> bool {
    // The last of W elements has no length (leb128, AV1 §4.10.5) before it.
    let length = match head & W {
        ONE_ELEMENT => 0,
        _ => {
            elements
                .iter()
                .take_while(|byte| **byte & 0x80 != 0)
                .count()
                + 1
        }
    };
    elements
        .get(length)
        .is_some_and(|obu| obu >> 3 & 0x0f == SEQUENCE_HEADER)
}

const Z: u8 = 0x80;
const W: u8 = 0x30;
const ONE_ELEMENT: u8 = 0x10;
const N: u8 = 0x08;
const SEQUENCE_HEADER: u8 = 1;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_packet_of_a_coded_video_sequence_starts_a_key_frame() {
        assert!(inspect(&[N | 0x20, 0x0b, 0x0a]).starts_key_frame);
        assert!(!inspect(&[0x10, 0x30, 0x00]).starts_key_frame);
    }

    #[test]
    fn a_sequence_header_in_front_starts_a_key_frame() {
        let sequence_header = SEQUENCE_HEADER << 3;
        // Two elements, the first with its length; one element without; any number, a length of two
        // bytes.
        assert!(inspect(&[0x20, 0x0b, sequence_header, 0x00]).starts_key_frame);
        assert!(inspect(&[0x10, sequence_header, 0x00]).starts_key_frame);
        assert!(inspect(&[0x00, 0x8b, 0x01, sequence_header]).starts_key_frame);
        // The rest of a fragmented unit only looks like one.
        assert!(!inspect(&[Z | 0x10, sequence_header, 0x00]).starts_key_frame);
    }
}

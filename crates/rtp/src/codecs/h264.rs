//! H.264 payloads (RFC 6184).

use super::aggregated;

/// Whether a decoder can begin with this packet: it has a sequence parameter set, or begins an IDR
/// picture.
pub(super) fn starts_key_frame(payload: &[u8]) -> bool {
    let Some((&head, rest)) = payload.split_first() else {
        return false;
    };
    match head & TYPE {
        STAP_A => aggregated(rest).any(begins),
        // §5.7.1: a decoding order number comes first.
        STAP_B => aggregated(rest.get(2..).unwrap_or_default()).any(begins),
        FU_A | FU_B => match rest.split_first() {
            // §5.8: the first fragment is a unit with its type in the second byte. FU-B has a decoding
            // order number behind it.
            Some((&fragment, unit)) if fragment & START != 0 => {
                let skip = if head & TYPE == FU_B { 2 } else { 0 };
                begins_with(fragment & TYPE, unit.get(skip))
            }
            _ => false,
        },
        _ => begins(payload),
    }
}

fn begins(unit: &[u8]) -> bool {
    unit.first()
        .is_some_and(|head| begins_with(head & TYPE, unit.get(1)))
}

/// `slice` is the first byte behind the unit's header. A slice begins its picture if
/// `first_mb_in_slice` is 0, which is one bit, 1 (ITU-T H.264 §7.3.3, §9.1).
fn begins_with(unit_type: u8, slice: Option<&u8>) -> bool {
    match unit_type {
        SPS => true,
        IDR => slice.is_some_and(|byte| byte & 0x80 != 0),
        _ => false,
    }
}

const TYPE: u8 = 0x1f;
const IDR: u8 = 5;
const SPS: u8 = 7;
const STAP_A: u8 = 24;
const STAP_B: u8 = 25;
const FU_A: u8 = 28;
const FU_B: u8 = 29;
const START: u8 = 0x80;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_single_unit_with_parameter_sets_or_an_idr_picture_starts_a_key_frame() {
        assert!(starts_key_frame(&[0x67, 0x42, 0xe0, 0x1f]));
        assert!(starts_key_frame(&[0x65, 0x88, 0x84]));
        assert!(!starts_key_frame(&[0x61, 0x9a, 0x00]));
        assert!(!starts_key_frame(&[0x68, 0xce, 0x3c]));
    }

    #[test]
    fn a_later_slice_of_an_idr_picture_starts_none() {
        assert!(!starts_key_frame(&[0x65, 0x40, 0x84]));
    }

    #[test]
    fn units_within_an_aggregation_packet_are_found() {
        // SPS and PPS, as Chromium sends them before an IDR picture.
        assert!(starts_key_frame(&[
            0x78, 0, 2, 0x68, 0xce, 0, 3, 0x67, 0x42, 0xe0
        ]));
        assert!(!starts_key_frame(&[
            0x78, 0, 2, 0x61, 0x9a, 0, 2, 0x68, 0xce
        ]));
        // The second length is longer than what is left.
        assert!(!starts_key_frame(&[
            0x78, 0, 2, 0x68, 0xce, 0, 9, 0x67, 0x42
        ]));
        assert!(starts_key_frame(&[0x79, 0, 1, 0, 2, 0x67, 0x42]));
    }

    #[test]
    fn only_the_first_fragment_of_an_idr_picture_starts_a_key_frame() {
        assert!(starts_key_frame(&[0x7c, 0x85, 0x88]));
        assert!(!starts_key_frame(&[0x7c, 0x05, 0x88]));
        assert!(!starts_key_frame(&[0x7c, 0x81, 0x9a]));
        assert!(starts_key_frame(&[0x7d, 0x85, 0, 1, 0x88]));
    }
}

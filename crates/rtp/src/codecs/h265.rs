//! H.265 payloads (RFC 7798).

use super::aggregated;

/// Whether a decoder can begin with this packet: it has a video or sequence parameter set, or begins a
/// picture of random access.
pub(super) fn starts_key_frame(payload: &[u8]) -> bool {
    let Some((&[head, _], rest)) = payload.split_first_chunk::<2>() else {
        return false;
    };
    match unit_type(head) {
        AGGREGATION => aggregated(rest).any(begins),
        FRAGMENTATION => match rest.split_first() {
            Some((&fragment, unit)) if fragment & START != 0 => {
                begins_with(fragment & 0x3f, unit.first())
            }
            _ => false,
        },
        _ => begins(payload),
    }
}

fn begins(unit: &[u8]) -> bool {
    unit.first()
        .is_some_and(|&head| begins_with(unit_type(head), unit.get(2)))
}

/// `slice` is the first byte behind the unit's header of two bytes; its first bit is
/// `first_slice_segment_in_pic_flag` (ITU-T H.265 §7.3.6.1).
fn begins_with(unit_type: u8, slice: Option<&u8>) -> bool {
    match unit_type {
        VPS | SPS => true,
        IRAP_FIRST..=IRAP_LAST => slice.is_some_and(|byte| byte & 0x80 != 0),
        _ => false,
    }
}

fn unit_type(head: u8) -> u8 {
    head >> 1 & 0x3f
}

// ITU-T H.265 table 7-1: BLA_W_LP to RSV_IRAP_VCL23.
const IRAP_FIRST: u8 = 16;
const IRAP_LAST: u8 = 23;
const VPS: u8 = 32;
const SPS: u8 = 33;
const AGGREGATION: u8 = 48;
const FRAGMENTATION: u8 = 49;
const START: u8 = 0x80;

#[cfg(test)]
mod tests {
    use super::*;

    const IDR_W_RADL: u8 = 19 << 1;
    const TRAIL_R: u8 = 1 << 1;

    #[test]
    fn a_single_unit_of_random_access_starts_a_key_frame() {
        assert!(starts_key_frame(&[IDR_W_RADL, 1, 0x80]));
        assert!(!starts_key_frame(&[IDR_W_RADL, 1, 0x20]));
        assert!(!starts_key_frame(&[TRAIL_R, 1, 0x80]));
        assert!(starts_key_frame(&[VPS << 1, 1]));
    }

    #[test]
    fn units_within_an_aggregation_packet_are_found() {
        let head = [AGGREGATION << 1, 1];
        let sps = [0, 3, SPS << 1, 1, 0x42];
        let picture = [0, 3, TRAIL_R, 1, 0x80];
        assert!(starts_key_frame(&[&head[..], &picture, &sps].concat()));
        assert!(!starts_key_frame(&[&head[..], &picture, &picture].concat()));
        assert!(!starts_key_frame(
            &[&head[..], &picture, &sps[..4]].concat()
        ));
    }

    #[test]
    fn only_the_first_fragment_starts_a_key_frame() {
        let head = [FRAGMENTATION << 1, 1];
        assert!(starts_key_frame(&[head[0], head[1], START | 19, 0x80]));
        assert!(!starts_key_frame(&[head[0], head[1], 19, 0x80]));
        assert!(!starts_key_frame(&[head[0], head[1], START | 1, 0x80]));
    }
}

//! What a payload says of its frame. Payloads are read tolerantly: one that makes no sense starts
//! nothing.

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
    /// The last packet of a picture: the marker bit (RFC 3550 §5.1).
    pub last: bool,
    /// VP8's picture numbers, where the descriptor has any.
    pub picture: Option<vp8::Picture>,
}

/// Looks at a payload without its padding, once per packet of a publisher.
pub fn inspect(codec: Codec, payload: &[u8], marker: bool) -> Frame {
    let frame = match codec {
        Codec::Vp8 => vp8::inspect(payload),
        Codec::Vp9 => vp9::inspect(payload),
        Codec::H264 => Frame {
            starts_key_frame: h264::starts_key_frame(payload),
            ..Frame::default()
        },
        Codec::H265 => Frame {
            starts_key_frame: h265::starts_key_frame(payload),
            ..Frame::default()
        },
        Codec::Av1 => av1::inspect(payload),
        Codec::Opus | Codec::Pcmu | Codec::Pcma | Codec::Red | Codec::Other => Frame {
            starts_key_frame: true,
            first: true,
            ..Frame::default()
        },
    };
    Frame {
        last: marker,
        ..frame
    }
}

/// The units of an aggregation packet: each behind its length in 16 bits (RFC 6184 §5.7.1, RFC 7798
/// §4.4.2). Ends with the first one that is cut short.
fn aggregated(mut units: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let (&len, rest) = units.split_first_chunk::<2>()?;
        let (unit, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes(len)))?;
        units = rest;
        Some(unit)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ALL: [Codec; 10] = [
        Codec::Opus,
        Codec::Pcmu,
        Codec::Pcma,
        Codec::Red,
        Codec::Vp8,
        Codec::Vp9,
        Codec::H264,
        Codec::H265,
        Codec::Av1,
        Codec::Other,
    ];

    #[test]
    fn audio_can_be_begun_with_any_packet() {
        for codec in [Codec::Opus, Codec::Pcmu, Codec::Red, Codec::Other] {
            assert!(inspect(codec, &[0x78], false).starts_key_frame);
        }
    }

    #[test]
    fn a_packet_of_padding_alone_starts_no_key_frame() {
        for codec in [Codec::Vp8, Codec::Vp9, Codec::H264, Codec::H265, Codec::Av1] {
            assert!(!inspect(codec, &[], true).starts_key_frame);
        }
    }

    #[test]
    fn the_marker_ends_a_picture() {
        for codec in ALL {
            assert!(inspect(codec, &[0; 20], true).last);
            assert!(!inspect(codec, &[0; 20], false).last);
        }
    }

    proptest! {
        /// Any bytes are a payload that says something or nothing; and what is rewritten keeps its
        /// length and every byte but the picture numbers.
        #[test]
        fn any_payload_can_be_inspected_and_rewritten(
            payload in prop::collection::vec(any::<u8>(), 0..40),
            picture_id: u16,
            tl0picidx: u8,
        ) {
            for codec in ALL {
                let frame = inspect(codec, &payload, false);
                let Some(picture) = frame.picture else { continue };
                let shift = vp8::Shift { picture_id, tl0picidx };
                let mut written = payload.clone();
                shift.apply(&picture, &mut written);
                let again = inspect(codec, &written, false);
                prop_assert_eq!(again.starts_key_frame, frame.starts_key_frame);
                prop_assert_eq!(again.picture.is_some(), frame.picture.is_some());
                let back = vp8::Shift {
                    picture_id: picture_id.wrapping_neg(),
                    tl0picidx: tl0picidx.wrapping_neg(),
                };
                back.apply(&picture, &mut payload.clone());
                back.apply(&again.picture.unwrap_or_default(), &mut written);
                prop_assert_eq!(&written, &payload);
                // A shorter copy than the one that was looked at is left alone where it ends.
                shift.apply(&picture, &mut written[..payload.len().min(2)]);
            }
        }
    }
}

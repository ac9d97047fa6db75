//! What a packet carries: enough VP8 for an SFU to forward it, then the track, the time and the place in
//! the track, then filler.

use crate::payload::{HEAD, Head};

/// The payload descriptor that we write (RFC 7741 §4.2): with a picture id of 15 bits. Audio has one
/// too; it means nothing there.
const DESCRIPTOR: usize = 4;
/// What a key frame begins with (RFC 6386 §9.1).
const FRAME: usize = 10;
const CODEC: usize = DESCRIPTOR + FRAME;
/// Bytes before the filler.
pub const FRONT: usize = CODEC + 4 + HEAD;
/// The smallest packet: the largest header and tag that we send, around the front.
pub const SMALLEST: usize = 12 + 24 + FRONT + 16;

/// Where a packet stands in its frame.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    /// Its picture id.
    pub picture: u16,
    /// It begins the frame.
    pub first: bool,
    /// The frame can be decoded by itself.
    pub key: bool,
}

/// What the receiver learns from an opened packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Front {
    /// The track's number.
    pub track: u32,
    /// When it was sent, and its number in the track.
    pub head: Head,
}

impl Front {
    /// Writes the first [`FRONT`] bytes of a payload.
    pub fn write(self, place: Place, out: &mut [u8]) {
        let [picture_high, picture_low] = (place.picture | 0x8000).to_be_bytes();
        let start = if place.first { 0x90 } else { 0x80 };
        out[..4].copy_from_slice(&[start, 0x80, picture_high, picture_low]);
        // The frame is shown, its first partition has 64 bytes; bit 0 is clear in key frames.
        let tag = 0x10 | u8::from(!(place.key && place.first));
        out[4..CODEC].copy_from_slice(&[tag, 8, 0, 0x9d, 0x01, 0x2a, 0x80, 0x02, 0x68, 0x01]);
        out[CODEC..CODEC + 4].copy_from_slice(&self.track.to_be_bytes());
        out[CODEC + 4..FRONT].copy_from_slice(&self.head.to_bytes());
    }

    /// Reads what [`Self::write`] wrote, behind whatever descriptor the SFU made of ours; `None` for a
    /// shorter payload, such as padding alone.
    pub fn read(payload: &[u8]) -> Option<Self> {
        let front = payload.get(descriptor(payload)? + FRAME..)?;
        let track = front.first_chunk()?;
        let head = front.get(4..)?.first_chunk()?;
        Some(Self {
            track: u32::from_be_bytes(*track),
            head: Head::from_bytes(*head),
        })
    }
}

/// How long a VP8 payload descriptor is (RFC 7741 §4.2).
fn descriptor(payload: &[u8]) -> Option<usize> {
    const EXTENDED: u8 = 0x80;
    const PICTURE: u8 = 0x80;
    const LEVEL: u8 = 0x40;
    const LAYER_OR_KEY: u8 = 0x30;
    if payload.first()? & EXTENDED == 0 {
        return Some(1);
    }
    let fields = *payload.get(1)?;
    let picture = match fields & PICTURE {
        0 => 0,
        _ => 1 + usize::from(payload.get(2)? >> 7),
    };
    let level = usize::from(fields & LEVEL != 0);
    Some(2 + picture + level + usize::from(fields & LAYER_OR_KEY != 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRONT_OF: Front = Front {
        track: 7,
        head: Head {
            at: 1_000,
            sequence: 41,
        },
    };

    #[test]
    fn a_front_survives_its_trip() {
        let mut payload = [0; FRONT];
        let place = Place {
            picture: 3,
            first: false,
            key: true,
        };
        FRONT_OF.write(place, &mut payload);
        assert_eq!(Front::read(&payload), Some(FRONT_OF));
        assert_eq!(Front::read(&payload[..FRONT - 1]), None);
    }

    #[test]
    fn an_sfu_may_write_another_descriptor() {
        let mut payload = [0; FRONT];
        let place = Place {
            picture: 3,
            first: true,
            key: true,
        };
        FRONT_OF.write(place, &mut payload);
        for descriptor in [
            &[0x10][..],
            &[0x90, 0x00],
            &[0x90, 0x80, 0x03],
            &[0x90, 0xe0, 0x80, 0x03, 1, 0x20],
        ] {
            let rewritten = [descriptor, &payload[DESCRIPTOR..]].concat();
            assert_eq!(Front::read(&rewritten), Some(FRONT_OF), "{descriptor:?}");
        }
    }

    /// RFC 7741 §4.3: S is set and PID is 0 at the start of a frame; P is clear in a key frame.
    #[test]
    fn only_the_first_packet_of_a_key_frame_looks_like_one() {
        let looks = |first, key| {
            let mut payload = [0; FRONT];
            let place = Place {
                picture: 0x1234,
                first,
                key,
            };
            FRONT_OF.write(place, &mut payload);
            assert_eq!(payload[1..4], [0x80, 0x92, 0x34]);
            payload[0] == 0x90 && payload[4] & 1 == 0
        };
        assert!(looks(true, true));
        assert!(!looks(true, false));
        assert!(!looks(false, true));
    }
}

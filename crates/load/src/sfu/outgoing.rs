//! A track that a session publishes: its frames as sealed packets.

use std::time::Duration;

use rtp::packet::Header;
use rtp::rtcp::SenderInfo;
use rtp::srtp::{SealError, Sender, SenderStream};

use super::payload::{FRONT, Front, Place};
use super::plan::Track;
use crate::payload::Head;

/// Frames between two key frames that nobody asked for.
const KEY_FRAME_EACH: u64 = 300;
/// What fills packets; any bytes will do, sealed they all look the same.
const FILLER: [u8; 1500] = [0x5a; 1500];

/// A track, and how far it is.
pub struct Outgoing {
    track: Track,
    extension: Vec<u8>,
    stream: SenderStream,
    /// Packets so far; also the next one's number.
    pub sequence: u64,
    frames: u64,
    octets: u32,
    timestamp: u32,
    key_wanted: bool,
}

impl Outgoing {
    /// Nothing sent yet.
    pub fn new(track: Track) -> Self {
        Self {
            extension: track.mid.as_ref().map_or_else(Vec::new, extension),
            track,
            stream: SenderStream::default(),
            sequence: 0,
            frames: 0,
            octets: 0,
            timestamp: 0,
            key_wanted: true,
        }
    }

    /// Its number among all tracks.
    pub fn number(&self) -> u32 {
        self.track.number
    }

    /// Its stream.
    pub fn ssrc(&self) -> u32 {
        self.track.ssrc
    }

    /// The next frame is to be one that decodes by itself.
    pub fn want_key_frame(&mut self) {
        self.key_wanted = true;
    }

    /// Appends the next frame to `out`, of packets with these sizes, one after the other.
    pub fn write_frame(
        &mut self,
        at: Duration,
        sizes: &[usize],
        sealer: &Sender,
        out: &mut Vec<u8>,
    ) -> Result<(), SealError> {
        let key = self.key_wanted || self.frames.is_multiple_of(KEY_FRAME_EACH);
        self.key_wanted = false;
        self.timestamp = self.timestamp_at(at);
        for (index, &size) in sizes.iter().enumerate() {
            let place = Place {
                picture: self.frames as u16 & 0x7fff,
                first: index == 0,
                key,
            };
            let marker = self.track.video && index + 1 == sizes.len();
            self.write_packet(at, size, marker, place, sealer, out)?;
        }
        self.frames += 1;
        Ok(())
    }

    fn write_packet(
        &mut self,
        at: Duration,
        size: usize,
        marker: bool,
        place: Place,
        sealer: &Sender,
        out: &mut Vec<u8>,
    ) -> Result<(), SealError> {
        let header = Header {
            marker,
            payload_type: self.track.payload_type,
            sequence: self.sequence as u16,
            timestamp: self.timestamp,
            ssrc: self.track.ssrc,
        };
        let start = out.len();
        out.resize(start + size, 0);
        let packet = &mut out[start..];
        let header_len = header
            .write(&self.extension, packet)
            .ok_or(SealError::NoRoom)?;
        let end = size - sealer.profile().rtp_overhead();
        let payload = &mut packet[header_len..end];
        let (front, filler) = payload.split_at_mut(FRONT);
        filler.copy_from_slice(&FILLER[..filler.len()]);
        let told = Front {
            track: self.track.number,
            head: Head {
                at: at.as_nanos() as u64,
                sequence: self.sequence,
            },
        };
        told.write(place, front);
        sealer.protect(&mut self.stream, packet, header_len, end)?;
        self.sequence += 1;
        self.octets = self.octets.wrapping_add((end - header_len) as u32);
        Ok(())
    }

    /// What its sender reports say at `at`, of the generator's clock.
    pub fn sender_info(&self, at: Duration, wall_clock: Duration) -> SenderInfo {
        /// Seconds from 1900 to 1970.
        const ERA: u64 = 2_208_988_800;
        let fraction = (u64::from(wall_clock.subsec_nanos()) << 32) / 1_000_000_000;
        SenderInfo {
            ntp: (wall_clock.as_secs() + ERA) << 32 | fraction,
            rtp: self.timestamp_at(at),
            packets: self.sequence as u32,
            octets: self.octets,
        }
    }

    fn timestamp_at(&self, at: Duration) -> u32 {
        let rate = if self.track.video { 90_000 } else { 48_000 };
        (at.as_nanos() * rate / 1_000_000_000) as u32
    }
}

/// RFC 8285 §4.2: a block of the one-byte form with one element.
fn extension((id, value): &(u8, String)) -> Vec<u8> {
    let words = (1 + value.len()).div_ceil(4);
    let mut block = vec![
        0xbe,
        0xde,
        0,
        words as u8,
        id << 4 | (value.len() - 1) as u8,
    ];
    block.extend_from_slice(value.as_bytes());
    block.resize(4 + 4 * words, 0);
    block
}

#[cfg(test)]
mod tests {
    use rtp::packet::Packet;
    use rtp::srtp::{Keys, Profile, Receiver};

    use super::*;

    fn both() -> (Sender, Receiver) {
        let profile = Profile::AeadAes128Gcm;
        let material = vec![7; profile.keying_material_len()];
        let client = Keys::from_keying_material(profile, &material, true).expect("its length");
        let server = Keys::from_keying_material(profile, &material, false).expect("its length");
        (Sender::new(&client.0), Receiver::new(&server.1, 4))
    }

    #[test]
    fn a_frame_is_packets_of_the_sizes_that_were_asked_for() {
        let (sealer, mut opener) = both();
        let mut track = Outgoing::new(Track {
            number: 3,
            ssrc: 0x1234,
            payload_type: 96,
            video: true,
            mid: Some((4, "0".into())),
        });
        let sizes = [1200, 1200, 700];
        let mut out = Vec::new();
        track
            .write_frame(Duration::from_secs(1), &sizes, &sealer, &mut out)
            .expect("sealed");
        assert_eq!(out.len(), 3100);

        let mut rest = &mut out[..];
        for (sequence, size) in (0..).zip(sizes) {
            let (packet, next) = rest.split_at_mut(size);
            rest = next;
            let opened = opener.open(packet).expect("authentic");
            let packet = Packet::parse(&packet[..opened.len]).expect("whole");
            assert_eq!(packet.header().marker, sequence == 2);
            assert_eq!(packet.header().timestamp, 90_000);
            assert_eq!(packet.extensions().get(4), Some(&b"0"[..]));
            let front = Front::read(packet.payload()).expect("ours");
            assert_eq!((front.track, front.head.sequence), (3, sequence));
        }
    }
}

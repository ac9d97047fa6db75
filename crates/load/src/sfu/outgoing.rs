//! A track that a session publishes: its frames as sealed packets.

use std::time::Duration;

use rtp::extensions::{self, Block, ExtensionMap, ExtensionNumber};
use rtp::packet::{FIXED_HEADER, Header};
use rtp::rtcp::SenderInfo;
use rtp::srtp::{SealError, Sender, SenderStream};
use rtp::twcc::Departures;

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
    extensions: extensions::Outgoing,
    stream: SenderStream,
    /// Packets so far; also the next one's number.
    pub sequence: u64,
    frames: u64,
    octets: u32,
    timestamp: u32,
    key_wanted: bool,
}

impl Outgoing {
    /// Nothing sent yet. `transport_cc` is the id of the session's transport-wide sequence number.
    pub fn new(track: Track, transport_cc: Option<u8>) -> Self {
        let number = |id, number| Some((id?, number));
        let mid = track.mid.as_ref();
        let ids = [
            number(mid.map(|(id, _)| *id), ExtensionNumber::MID),
            number(transport_cc, ExtensionNumber::TRANSPORT_CC),
        ];
        let ids: Vec<_> = ids.into_iter().flatten().collect();
        let mut extensions = extensions::Outgoing::new();
        extensions.rewrite(
            Block::default(),
            &ExtensionMap::default(),
            &ExtensionMap::new(&ids),
            mid.map(|(_, mid)| mid.as_bytes()),
        );
        Self {
            extensions,
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
        departures: &mut Departures,
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
            let start = out.len();
            out.resize(start + size, 0);
            let packet = &mut out[start..];
            self.write_packet(at, marker, place, sealer, departures.number(), packet)?;
        }
        self.frames += 1;
        Ok(())
    }

    fn write_packet(
        &mut self,
        at: Duration,
        marker: bool,
        place: Place,
        sealer: &Sender,
        departure: u16,
        packet: &mut [u8],
    ) -> Result<(), SealError> {
        let header = Header {
            marker,
            payload_type: self.track.payload_type,
            sequence: self.sequence as u16,
            timestamp: self.timestamp,
            ssrc: self.track.ssrc,
        };
        let header_len = header
            .write(self.extensions.bytes(), packet)
            .ok_or(SealError::NoRoom)?;
        if let Some(at) = self.extensions.transport_cc() {
            let at = FIXED_HEADER + at;
            packet[at..at + 2].copy_from_slice(&departure.to_be_bytes());
        }
        let end = packet.len() - sealer.profile().rtp_overhead();
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
        let track = Track {
            number: 3,
            ssrc: 0x1234,
            payload_type: 96,
            video: true,
            mid: Some((4, "0".into())),
        };
        let mut track = Outgoing::new(track, Some(3));
        let mut departures = Departures::default();
        let sizes = [1200, 1200, 700];
        let mut out = Vec::new();
        track
            .write_frame(
                Duration::from_secs(1),
                &sizes,
                &sealer,
                &mut departures,
                &mut out,
            )
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
            assert_eq!(packet.extensions().get(3), Some(&[0, sequence as u8][..]));
            let front = Front::read(packet.payload()).expect("ours");
            assert_eq!((front.track, front.head.sequence), (3, sequence));
        }
    }
}

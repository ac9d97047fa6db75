//! What publishers and subscribers of the tests do.

use std::time::Duration;

use rtp::codec::Codec;
use rtp::extensions::ExtensionNumber;
use rtp::packet::Header;
use track::{ShardId, SinkId, TrackId, UNCLAIMED};

use super::net::{Net, PeerId};
use super::peer::Got;
use crate::command::{Command, Encoding, Mapping, PayloadType, SinkOptions, TrackOptions};
use crate::event::Event;

pub(super) const VIDEO: u8 = 96;
pub(super) const VIDEO_RTX: u8 = 97;
pub(super) const AUDIO: u8 = 111;
/// As subscribers know them.
pub(super) const VIDEO_OUT: u8 = 100;
pub(super) const RTX_OUT: u8 = 101;
pub(super) const AUDIO_OUT: u8 = 109;
/// An extension that passes.
pub(super) const PASSING: ExtensionNumber = ExtensionNumber(9);

/// Bytes of a payload in front of its number.
const DESCRIPTOR: usize = 7;

/// A publisher's encoding.
#[derive(Clone, Copy, Debug)]
pub(super) struct Camera {
    pub(super) peer: PeerId,
    pub(super) track: TrackId,
    pub(super) ssrc: u32,
    pub(super) rtx_ssrc: u32,
    pub(super) pt: u8,
    pub(super) sequence: u16,
    pub(super) timestamp: u32,
    pub(super) picture: u16,
    /// Counts payloads.
    pub(super) number: u64,
    pub(super) payload_len: usize,
}

/// A sink and whom it sends to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Watch {
    pub(super) peer: PeerId,
    pub(super) sink: SinkId,
    pub(super) ssrc: u32,
    pub(super) rtx_ssrc: Option<u32>,
}

pub(super) fn video(mid: &str, ssrc: u32) -> TrackOptions {
    TrackOptions {
        mid: mid.to_owned(),
        video: true,
        payload_types: vec![PayloadType {
            pt: VIDEO,
            codec: Codec::Vp8,
            clock_rate: 90_000,
            rtx: Some(VIDEO_RTX),
            nack: true,
        }],
        encodings: vec![Encoding {
            rid: String::new(),
            ssrc: Some(ssrc),
            rtx_ssrc: Some(ssrc + 1),
        }],
        silent: Duration::from_secs(3),
    }
}

pub(super) fn audio(mid: &str, ssrc: u32) -> TrackOptions {
    TrackOptions {
        mid: mid.to_owned(),
        video: false,
        payload_types: vec![PayloadType {
            pt: AUDIO,
            codec: Codec::Opus,
            clock_rate: 48_000,
            rtx: None,
            nack: true,
        }],
        encodings: vec![Encoding {
            rid: String::new(),
            ssrc: Some(ssrc),
            rtx_ssrc: None,
        }],
        silent: Duration::from_secs(3),
    }
}

/// Encodings that only their packets' RIDs tell apart.
pub(super) fn simulcast(mid: &str, rids: &[&str]) -> TrackOptions {
    let mut options = video(mid, 0);
    let encoding = |rid: &&str| Encoding {
        rid: (*rid).to_owned(),
        ssrc: None,
        rtx_ssrc: None,
    };
    options.encodings = rids.iter().map(encoding).collect();
    options
}

/// A one-byte extension block (RFC 8285 §4.2).
pub(super) fn block(elements: &[(u8, &[u8])]) -> Vec<u8> {
    let mut body = Vec::new();
    for (id, value) in elements {
        body.push(id << 4 | (value.len() - 1) as u8);
        body.extend_from_slice(value);
    }
    body.resize(body.len().next_multiple_of(4), 0);
    let mut bytes = vec![0xbe, 0xde, 0, (body.len() / 4) as u8];
    bytes.extend(body);
    bytes
}

impl Net {
    pub(super) fn open(&mut self, peer: PeerId, options: TrackOptions) -> TrackId {
        let track = TrackId(self.handles.next(UNCLAIMED));
        let session = self.peers[peer.0].session;
        let options = Box::new(options);
        self.command(Command::OpenTrack {
            session,
            track,
            options,
        });
        track
    }

    /// A camera that has sent nothing yet.
    pub(super) fn camera(&mut self, peer: PeerId) -> Camera {
        let ssrc = 1_000 + 10 * self.handles.next(UNCLAIMED) as u32;
        let track = self.open(peer, video(&format!("v{ssrc}"), ssrc));
        self.encoding(peer, track, ssrc)
    }

    pub(super) fn microphone(&mut self, peer: PeerId) -> Camera {
        let ssrc = 1_000 + 10 * self.handles.next(UNCLAIMED) as u32;
        let track = self.open(peer, audio(&format!("a{ssrc}"), ssrc));
        let mut microphone = self.encoding(peer, track, ssrc);
        microphone.pt = AUDIO;
        microphone.payload_len = 100;
        microphone
    }

    pub(super) fn encoding(&mut self, peer: PeerId, track: TrackId, ssrc: u32) -> Camera {
        Camera {
            peer,
            track,
            ssrc,
            rtx_ssrc: ssrc + 1,
            pt: VIDEO,
            sequence: 65_530,
            timestamp: 1_000_000,
            picture: 32_760,
            number: 0,
            payload_len: 1_000,
        }
    }

    /// A camera that has flowed.
    pub(super) fn flowing(&mut self, peer: PeerId) -> Camera {
        let mut camera = self.camera(peer);
        self.frame(&mut camera, 2, true);
        let track = camera.track;
        self.until("a track flows", |net| net.has_flowed(track));
        camera
    }

    pub(super) fn has_flowed(&self, of: TrackId) -> bool {
        let flows =
            |event: &Event| matches!(event, Event::TrackFlowing { track, .. } if *track == of);
        self.events.iter().any(flows)
    }

    pub(super) fn extensions(&mut self, peer: PeerId, extensions: &[(u8, ExtensionNumber)]) {
        let session = self.peers[peer.0].session;
        let extensions = extensions.to_vec();
        self.command(Command::SetExtensions {
            session,
            extensions,
        });
    }

    /// Sends a frame.
    pub(super) fn frame(&mut self, camera: &mut Camera, packets: usize, key: bool) {
        self.frame_with(camera, packets, key, &[]);
    }

    pub(super) fn frame_with(
        &mut self,
        camera: &mut Camera,
        packets: usize,
        key: bool,
        block: &[u8],
    ) {
        for index in 0..packets {
            let payload = camera.payload(index == 0, key);
            let last = index + 1 == packets;
            let bytes = self.packet(camera, last, block, &payload);
            self.peers[camera.peer.0].out.push(bytes);
        }
        camera.next_frame();
    }

    /// Seals the next packet of a camera.
    pub(super) fn packet(
        &mut self,
        camera: &mut Camera,
        marker: bool,
        block: &[u8],
        payload: &[u8],
    ) -> Vec<u8> {
        let header = Header {
            marker,
            payload_type: camera.pt,
            sequence: camera.sequence,
            timestamp: camera.timestamp,
            ssrc: camera.ssrc,
        };
        camera.sequence = camera.sequence.wrapping_add(1);
        camera.number += 1;
        self.peers[camera.peer.0].seal(header, block, payload)
    }

    /// Seconds of video, 30 frames of three packets in each.
    pub(super) fn film(&mut self, camera: &mut Camera, seconds: f64) {
        for _ in 0..(seconds * 30.0) as usize {
            self.frame(camera, 3, false);
            self.run(Duration::from_micros(33_333));
        }
    }

    pub(super) fn watch(&mut self, peer: PeerId, track: TrackId) -> Watch {
        self.watch_with(peer, track, |_| {})
    }

    pub(super) fn watch_with(
        &mut self,
        peer: PeerId,
        track: TrackId,
        change: impl FnOnce(&mut SinkOptions),
    ) -> Watch {
        let sink = SinkId(self.handles.next(UNCLAIMED));
        let ssrc = 0x5000_0000 + 2 * (sink.0 as u32 & 0xffff);
        let mut options = SinkOptions {
            mid: format!("m{}", ssrc & 0xffff),
            ssrc,
            rtx_ssrc: Some(ssrc + 1),
            cname: "publisher".to_owned(),
            mappings: vec![
                Mapping {
                    from: VIDEO,
                    to: VIDEO_OUT,
                    rtx: Some(RTX_OUT),
                },
                Mapping {
                    from: AUDIO,
                    to: AUDIO_OUT,
                    rtx: None,
                },
            ],
            layers: Vec::new(),
        };
        change(&mut options);
        let (ssrc, rtx_ssrc) = (options.ssrc, options.rtx_ssrc);
        let home = self.home(track);
        let session = self.peers[peer.0].session;
        let options = Box::new(options);
        self.command(Command::AttachSink {
            session,
            sink,
            track,
            home,
            options,
        });
        Watch {
            peer,
            sink,
            ssrc,
            rtx_ssrc,
        }
    }

    pub(super) fn home(&self, track: TrackId) -> ShardId {
        let at = |plane: &&crate::plane::Plane| {
            let slot = plane.track_index.get(&track);
            slot.is_some_and(|&slot| {
                let origin = plane.tracks[slot].origin;
                matches!(origin, crate::tracks::Origin::Home { .. })
            })
        };
        self.planes
            .iter()
            .find(at)
            .map_or(ShardId(0), |plane| plane.shard)
    }

    /// Packets that a sink has brought, under its own SSRC.
    pub(super) fn got(&self, watch: Watch) -> Vec<Got> {
        let got = &self.peers[watch.peer.0].got;
        let of = |got: &&Got| got.header.ssrc == watch.ssrc;
        got.iter().filter(of).cloned().collect()
    }

    pub(super) fn resent(&self, watch: Watch) -> Vec<Got> {
        let got = &self.peers[watch.peer.0].got;
        let of = |got: &&Got| Some(got.header.ssrc) == watch.rtx_ssrc;
        got.iter().filter(of).cloned().collect()
    }
}

impl Camera {
    /// A VP8 payload with a picture number, which carries the camera's count.
    fn payload(&self, first: bool, key: bool) -> Vec<u8> {
        let mut payload = vec![0; self.payload_len];
        if self.pt == VIDEO {
            let [high, low] = (self.picture | 0x8000).to_be_bytes();
            payload[..4].copy_from_slice(&[if first { 0x90 } else { 0x80 }, 0x80, high, low]);
            payload[4..7].copy_from_slice(&[u8::from(!key), 0, 0]);
        }
        payload[DESCRIPTOR..DESCRIPTOR + 8].copy_from_slice(&self.number.to_be_bytes());
        payload
    }

    pub(super) fn next_frame(&mut self) {
        self.timestamp = self.timestamp.wrapping_add(match self.pt {
            VIDEO => 3_000,
            _ => 960,
        });
        self.picture = (self.picture + 1) & 0x7fff;
    }
}

impl Got {
    /// The count of the camera that sent it.
    pub(super) fn number(&self) -> u64 {
        let bytes = self.payload[DESCRIPTOR..].first_chunk();
        u64::from_be_bytes(*bytes.expect("payloads are longer"))
    }

    pub(super) fn picture(&self) -> u16 {
        u16::from_be_bytes([self.payload[2], self.payload[3]]) & 0x7fff
    }

    pub(super) fn extension(&self, id: u8) -> Option<&[u8]> {
        let found = self.extensions.iter().find(|(of, _)| *of == id)?;
        Some(&found.1)
    }
}

//! What a session receives: counted by sequence numbers, opened now and then for its time stamp.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use rtp::packet::{Header, Packet};
use rtp::rtcp::ReportBlock;
use rtp::srtp::Receiver;
use rtp::twcc::ArrivalLog;
use rustc_hash::FxBuildHasher;

use super::payload::Front;
use crate::delay::Delay;

/// The packets of one track that count, by their numbers in it.
#[derive(Clone, Copy, Debug)]
pub struct Span {
    /// The first one; `u64::MAX` while nothing counts.
    pub start: u64,
    /// One past the last; `u64::MAX` until it is known.
    pub end: u64,
}

impl Span {
    /// Nothing counts.
    pub const NONE: Self = Self {
        start: u64::MAX,
        end: u64::MAX,
    };

    /// How many they are; 0 while nothing counts.
    pub fn length(self) -> u64 {
        self.end.saturating_sub(self.start)
    }

    fn holds(self, sequence: u64) -> bool {
        self.start <= sequence && sequence < self.end
    }
}

/// What all sessions saw together.
#[derive(Default)]
pub struct Totals {
    /// Packets that count.
    pub delivered: u64,
    /// Packets of whatever time that arrived since the span began.
    pub arrived: u64,
    /// Their bytes.
    pub bytes: u64,
    /// From the stamp to here, of opened packets that count.
    pub delay: Delay,
    /// Packets that were not authentic, or known already.
    pub refused: u64,
    /// Packets of payload types that do not count: retransmissions, error correction.
    pub other: u64,
}

/// The streams of one session.
pub struct Incoming {
    streams: HashMap<u32, Stream, FxBuildHasher>,
    /// Payload types that count, a bit each.
    payload_types: u128,
    open_each: u32,
    /// Tracks that have not come yet.
    awaited: Vec<u32>,
    /// Id of the transport-wide sequence number.
    transport_cc: Option<u8>,
    /// When packets came, where they say their transport-wide number.
    pub arrivals: ArrivalLog,
}

/// When a packet is taken in.
pub struct Clock<F> {
    /// The beginning of the pass.
    pub now: Instant,
    /// Tells the nanoseconds since the epoch; looked at when a packet is opened, as those before it in
    /// the pass took their time.
    pub exact: F,
}

struct Stream {
    /// The highest sequence number, extended by how often it wrapped.
    highest: u64,
    /// What was learned when a packet was last opened.
    known: Option<Known>,
    unopened: u32,
}

/// Which packets of the track the sequence numbers of a stream stand for.
#[derive(Clone, Copy)]
struct Known {
    track: u32,
    /// Added to the extended sequence number it gives the packet's number in the track.
    offset: u64,
}

impl Incoming {
    /// Waits for these tracks, in packets of these types.
    pub fn new(
        awaited: Vec<u32>,
        payload_types: &[u8],
        transport_cc: Option<u8>,
        open_each: u32,
    ) -> Self {
        Self {
            streams: HashMap::default(),
            payload_types: payload_types
                .iter()
                .fold(0, |all, pt| all | 1 << (pt & 0x7f)),
            open_each,
            awaited,
            transport_cc,
            arrivals: ArrivalLog::default(),
        }
    }

    /// Takes an SRTP packet; `true` when with it the last awaited track has come.
    pub fn handle(
        &mut self,
        packet: &mut [u8],
        opener: &mut Receiver,
        spans: &[Span],
        totals: &mut Totals,
        clock: Clock<impl FnOnce() -> u64>,
    ) -> bool {
        let Ok(parsed) = Packet::parse_header(packet) else {
            totals.refused += 1;
            return false;
        };
        let Header {
            payload_type,
            sequence,
            ssrc,
            ..
        } = *parsed.header();
        let number = self.transport_cc.and_then(|id| parsed.extensions().get(id));
        if let Some(number) = number.and_then(|value| value.first_chunk()) {
            self.arrivals
                .received(clock.now, u16::from_be_bytes(*number));
        }
        if self.payload_types >> payload_type & 1 == 0 {
            totals.other += 1;
            return false;
        }
        let size = packet.len() as u64;
        let stream = self.streams.entry(ssrc).or_insert_with(|| Stream {
            highest: 1 << 16 | u64::from(sequence),
            known: None,
            unopened: 0,
        });
        let extended = extend(stream.highest, sequence);
        stream.highest = stream.highest.max(extended);
        stream.unopened += 1;

        let mut completed = false;
        let mut opened = None;
        if stream.known.is_none() || stream.unopened >= self.open_each {
            let Ok(plain) = opener.open(packet) else {
                totals.refused += 1;
                return false;
            };
            stream.unopened = 0;
            // Padding alone has no front, and is no packet of the track.
            let front = Packet::parse(&packet[..plain.len])
                .ok()
                .and_then(|packet| Front::read(packet.payload()));
            let Some(front) = front else {
                totals.other += 1;
                return false;
            };
            if stream.known.is_none() {
                let waiting = self.awaited.len();
                self.awaited.retain(|&track| track != front.track);
                completed = waiting > 0 && self.awaited.is_empty();
            }
            stream.known = Some(Known {
                track: front.track,
                offset: front.head.sequence.wrapping_sub(extended),
            });
            opened = Some(front.head.at);
        }
        totals.arrived += 1;
        totals.bytes += size;
        let Some(known) = stream.known else {
            return completed;
        };
        let number = extended.wrapping_add(known.offset);
        let span = spans.get(known.track as usize).copied();
        if span.is_some_and(|span| span.holds(number)) {
            totals.delivered += 1;
            if let Some(at) = opened {
                let late = (clock.exact)().saturating_sub(at);
                totals.delay.record(Duration::from_nanos(late));
            }
        }
        completed
    }

    /// Any of the streams; 0 where nothing came.
    pub fn any_ssrc(&self) -> u32 {
        self.streams.keys().next().copied().unwrap_or_default()
    }

    /// What receiver reports say of each stream.
    pub fn report_blocks(&self) -> impl Iterator<Item = ReportBlock> {
        self.streams.iter().map(|(&ssrc, stream)| ReportBlock {
            ssrc,
            highest: stream.highest as u32,
            ..ReportBlock::default()
        })
    }
}

/// The number next to `highest` that ends like `sequence` (RFC 3550 appendix A.1).
fn extend(highest: u64, sequence: u16) -> u64 {
    let ahead = sequence.wrapping_sub(highest as u16) as i16;
    highest.wrapping_add_signed(ahead.into())
}

#[cfg(test)]
mod tests {
    use rtp::srtp::{Keys, Profile, Sender};
    use rtp::twcc::Departures;

    use super::*;
    use crate::sfu::outgoing::Outgoing;
    use crate::sfu::plan::Track;

    /// A publisher and a subscriber whose SFU gives packets on as they are.
    struct Scene {
        sealer: Sender,
        opener: Receiver,
        track: Outgoing,
        departures: Departures,
        incoming: Incoming,
        totals: Totals,
        spans: Vec<Span>,
    }

    fn scene(open_each: u32) -> Scene {
        let profile = Profile::AeadAes128Gcm;
        let material = vec![7; profile.keying_material_len()];
        let client = Keys::from_keying_material(profile, &material, true).expect("its length");
        let server = Keys::from_keying_material(profile, &material, false).expect("its length");
        let track = Track {
            number: 0,
            ssrc: 9,
            payload_type: 96,
            video: true,
            mid: None,
        };
        Scene {
            sealer: Sender::new(&client.0),
            opener: Receiver::new(&server.1, 4),
            track: Outgoing::new(track, None),
            departures: Departures::default(),
            incoming: Incoming::new(vec![0], &[96], None, open_each),
            totals: Totals::default(),
            spans: vec![Span { start: 0, end: 100 }],
        }
    }

    impl Scene {
        /// A frame of one packet, stamped at 1 ms and taken in at 3 ms.
        fn packet(&mut self) -> Vec<u8> {
            let mut packet = Vec::new();
            self.track
                .write_frame(
                    Duration::from_millis(1),
                    &[300],
                    &self.sealer,
                    &mut self.departures,
                    &mut packet,
                )
                .expect("sealed");
            packet
        }

        fn take(&mut self, mut packet: Vec<u8>) -> bool {
            self.incoming.handle(
                &mut packet,
                &mut self.opener,
                &self.spans,
                &mut self.totals,
                Clock {
                    now: Instant::now(),
                    exact: || 3_000_000,
                },
            )
        }
    }

    #[test]
    fn packets_count_unopened() {
        let mut scene = scene(10);
        let first = scene.packet();
        assert!(scene.take(first), "the awaited track has come");
        for _ in 1..30 {
            let packet = scene.packet();
            assert!(!scene.take(packet));
        }
        assert_eq!(scene.totals.delivered, 30);
        let delays = scene.totals.delay.quantiles();
        assert_eq!(delays.count, 3);
        assert!((delays.p50 - 2.0).abs() < 0.01);
    }

    #[test]
    fn a_lost_packet_is_missed_across_the_wrap() {
        let mut scene = scene(10);
        scene.track.sequence = 65_530;
        scene.spans = vec![Span {
            start: 65_532,
            end: 65_542,
        }];
        for number in 65_530..65_550 {
            let packet = scene.packet();
            if number != 65_537 {
                scene.take(packet);
            }
        }
        assert_eq!(scene.totals.delivered, 9);
    }

    #[test]
    fn what_was_not_asked_for_does_not_count() {
        let mut scene = scene(1);
        let mut other = scene.packet();
        other[1] = 97;
        scene.take(other);
        let mut forged = scene.packet();
        forged[200] ^= 1;
        scene.take(forged);
        assert_eq!((scene.totals.other, scene.totals.refused), (1, 1));
        assert_eq!(scene.totals.delivered, 0);
    }
}

//! RTCP: what subscribers and publishers say, and what we tell them.

use std::time::Instant;

use rtp::clock::{Ntp, SenderPair};
use rtp::rtcp::{self, ReportBlock, ReportBlocks, SenderInfo, Writer};

use crate::command::SinkOptions;
use crate::fanout::Resend;
use crate::letter::Letter;
use crate::plane::Plane;
use crate::session::transmit;
use crate::tracks::REPORTS;

/// Whom our reports are from, where they are about nothing that we send.
const OURSELVES: u32 = 1;
/// What a compound of ours may be long, so that it fits any path.
const COMPOUND: usize = 1_200;
/// Packets that one compound may ask for.
const MOST_NACKED: usize = 512;
/// Packets to be sent again that one session may have waiting in a pass.
const MOST_RESENDS: usize = 256;
/// Requests for key frames that one compound may have.
const MOST_REQUESTS: usize = 64;
/// Compounds of one feedback on arrivals.
const MOST_FEEDBACKS: usize = 8;
/// Sender reports of one compound, at most.
const REPORTS_PER_COMPOUND: usize = 16;
/// Blocks of one report (RFC 3550 §6.4.1).
const BLOCKS: usize = 31;

impl Plane {
    // What comes.

    /// A compound packet, decrypted.
    pub(crate) fn receive_reports(&mut self, slot: usize, compound: &[u8]) {
        self.counters.rtcp_packets_in.add(1);
        let (mut nacked, mut requests) = (0, 0);
        for packet in rtcp::packets(compound) {
            let Ok(packet) = packet else {
                return self.counters.rtp_malformed.add(1);
            };
            match packet {
                rtcp::Packet::SenderReport(report) => {
                    self.hear_sender(slot, report.ssrc, &report.info);
                    self.hear_receiver(slot, report.blocks);
                }
                rtcp::Packet::ReceiverReport(report) => self.hear_receiver(slot, report.blocks),
                rtcp::Packet::Nack(nack) => {
                    for sequence in nack.sequences() {
                        nacked += 1;
                        if nacked <= MOST_NACKED {
                            self.hear_nack(slot, nack.media, sequence);
                        }
                    }
                }
                rtcp::Packet::PictureLoss(loss) => {
                    requests += 1;
                    if requests <= MOST_REQUESTS {
                        self.hear_keyframe_request(slot, loss.media);
                    }
                }
                rtcp::Packet::FullIntraRequest(request) => {
                    for (media, _) in request.entries() {
                        requests += 1;
                        if requests <= MOST_REQUESTS {
                            self.hear_keyframe_request(slot, media);
                        }
                    }
                }
                // What an estimate of the leg's capacity will learn from.
                rtcp::Packet::TransportFeedback(_) => {}
                _ => {}
            }
        }
    }

    /// A publisher says what time it is.
    fn hear_sender(&mut self, slot: usize, ssrc: u32, info: &SenderInfo) {
        let (now, ours, theirs) = (self.now, self.ntp(), Ntp(info.ntp));
        let session = &mut self.sessions[slot];
        let Some(stream) = session.streams.get(&ssrc).filter(|stream| !stream.repair) else {
            return;
        };
        let (slot, layer) = (stream.track, stream.layer);
        session.clock.observe(ours, theirs);
        let clock = session.clock;
        let track = &mut self.tracks[slot];
        let encoding = &mut track.encodings[usize::from(layer.0)];
        encoding.reception.sender_report(now, theirs);
        if encoding.clock_rate == 0 {
            return;
        }
        let pair = SenderPair {
            ntp: theirs,
            timestamp: info.rtp,
            clock_rate: encoding.clock_rate,
        };
        track.layers.set_pair(layer, pair);
        for index in 0..track.feeds.len() {
            let (feed, track) = (self.tracks[slot].feeds[index], self.tracks[slot].id);
            let letter = Letter::Clock {
                track,
                layer,
                pair,
                clock,
            };
            self.try_post(feed, letter);
        }
    }

    /// A subscriber says what came.
    fn hear_receiver(&mut self, slot: usize, blocks: ReportBlocks<'_>) {
        let now = self.ntp();
        let session = &mut self.sessions[slot];
        for block in blocks {
            let Some(sink) = session.egress.get(&block.ssrc) else {
                continue;
            };
            let sink = &mut self.sinks[*sink];
            sink.acknowledged |= block.ssrc == sink.options.ssrc;
            let (last, delay) = (block.last_report, block.delay);
            session.round_trip.observe(now, last, delay);
        }
    }

    /// A subscriber misses a packet.
    fn hear_nack(&mut self, slot: usize, media: u32, sequence: u16) {
        self.counters.nacks_in.add(1);
        let session = &mut self.sessions[slot];
        let dropped = &self.counters.rtp_dropped_retransmissions;
        let Some(&sink_slot) = session.egress.get(&media) else {
            return;
        };
        let sink = &mut self.sinks[sink_slot];
        if media != sink.options.ssrc || !sink.may_resend(self.now) {
            return dropped.add(1);
        }
        let found = sink
            .view
            .as_ref()
            .zip(sink.track)
            .and_then(|(view, track)| {
                let origin = view.origin(sink.numbering.view_number(sequence))?;
                let encoding = self.tracks[track]
                    .encodings
                    .get(usize::from(origin.layer.0))?;
                Some((origin, encoding.history.get(origin.sequence)?.len()))
            });
        let Some((origin, bytes)) = found else {
            return dropped.add(1);
        };
        let round_trip = session.round_trip.get();
        let room = session.resends.len() < MOST_RESENDS;
        if !room || !sink.resends.allow(self.now, round_trip, sequence, bytes) {
            return dropped.add(1);
        }
        session.resends.push(Resend {
            sink: sink_slot,
            id: sink.id,
            origin,
        });
        self.line_up_session(slot);
    }

    /// A subscriber cannot decode.
    fn hear_keyframe_request(&mut self, slot: usize, media: u32) {
        self.counters.keyframe_requests_in.add(1);
        let Some(&sink) = self.sessions[slot].egress.get(&media) else {
            return;
        };
        let sink = &mut self.sinks[sink];
        let (Some(view), Some(track)) = (&sink.view, sink.track) else {
            return;
        };
        if let Some(layer) = view.current().or(view.target())
            && sink.may_ask(self.now)
        {
            self.want_keyframe(track, layer);
        }
    }

    // What we say.

    /// Sends the compound packet that `write` writes, if it says that there is one.
    fn send_rtcp(&mut self, slot: usize, write: impl FnOnce(&mut Writer<'_>) -> bool) {
        let session = &mut self.sessions[slot];
        let (Some(keys), Some(path)) = (&mut session.keys, session.transport.path()) else {
            return;
        };
        let sent = self.outbound.add(|buffer| {
            let mut writer = Writer::new(buffer.get_mut(..COMPOUND)?);
            if !write(&mut writer) {
                return None;
            }
            let len = writer.len();
            let size = keys.sender.protect_rtcp(buffer, len).ok()?;
            Some(transmit(&path, size))
        });
        self.counters.rtcp_packets_out.add(sent.into());
    }

    /// Asks a publisher for what [`Plane::sequences`] lists.
    pub(crate) fn send_nack(&mut self, slot: usize, media: u32) {
        let sequences = std::mem::take(&mut self.sequences);
        if !sequences.is_empty() {
            self.counters.nacks_out.add(sequences.len() as u64);
            self.send_rtcp(slot, |writer| {
                // Room for both is certain: a list has at most `MOST_MISSING` numbers.
                let _ = writer.receiver_report(OURSELVES, &[]);
                let _ = writer.nack(OURSELVES, media, sequences.iter().copied());
                true
            });
        }
        self.sequences = sequences;
    }

    pub(crate) fn send_keyframe_request(&mut self, slot: usize, media: u32) {
        self.counters.keyframe_requests_out.add(1);
        self.send_rtcp(slot, |writer| {
            // The buffer has room for these two.
            let _ = writer.receiver_report(OURSELVES, &[]);
            let _ = writer.picture_loss(OURSELVES, media);
            true
        });
    }

    /// Tells a publisher when its packets came.
    pub(crate) fn report_arrivals(&mut self, slot: usize) {
        let session = &mut self.sessions[slot];
        let media = session.streams.keys().next().copied();
        let media = media.unwrap_or(OURSELVES);
        let mut arrivals = std::mem::take(&mut session.arrivals);
        for _ in 0..MOST_FEEDBACKS {
            let mut more = false;
            self.send_rtcp(slot, |writer| {
                // There is room for the first; the second fills what is left.
                let _ = writer.receiver_report(OURSELVES, &[]);
                more = arrivals.feedback(OURSELVES, media, writer) == Ok(true);
                more
            });
            if !more {
                break;
            }
        }
        if arrivals.next_timeout().is_none_or(|at| at > self.now) {
            self.sessions[slot].arrivals = arrivals;
        }
    }

    /// Tells a session what it has sent us and what we have sent it, and sets the time of the next reports.
    pub(crate) fn report(&mut self, slot: usize) {
        self.sessions[slot].report_at = None;
        let received = self.report_received(slot);
        let sent = self.report_sent(slot);
        if received || sent {
            self.sessions[slot].report_at = Some(self.now + REPORTS);
        }
    }

    /// RR; false where nothing has come for some time.
    fn report_received(&mut self, slot: usize) -> bool {
        let now = self.now;
        let recently = |heard: Option<Instant>| heard.is_some_and(|at| at + 2 * REPORTS > now);
        let mut blocks = [ReportBlock::default(); BLOCKS];
        let (mut used, mut any) = (0, false);
        for index in 0..self.sessions[slot].tracks.len() {
            let track = self.sessions[slot].tracks[index];
            for layer in 0..self.tracks[track].encodings.len() {
                let encoding = &mut self.tracks[track].encodings[layer];
                let Some(ssrc) = encoding.ssrc.filter(|_| recently(encoding.heard)) else {
                    continue;
                };
                let Some(block) = encoding.reception.report(now, ssrc) else {
                    continue;
                };
                any = true;
                blocks[used] = block;
                used += 1;
                if used == BLOCKS {
                    self.send_blocks(slot, &blocks);
                    used = 0;
                }
            }
        }
        if used > 0 {
            self.send_blocks(slot, &blocks[..used]);
        }
        any
    }

    fn send_blocks(&mut self, slot: usize, blocks: &[ReportBlock]) {
        self.send_rtcp(slot, |writer| {
            // 31 blocks and a header are 752 bytes.
            writer.receiver_report(OURSELVES, blocks).is_ok()
        });
    }

    /// SR and SDES of each sink that has sent something; false where none has since the last report.
    fn report_sent(&mut self, slot: usize) -> bool {
        let sinks = std::mem::take(&mut self.sessions[slot].sinks);
        let mut any = false;
        let mut left = &sinks[..];
        while !left.is_empty() {
            let mut reports = [(0, SenderInfo::default()); REPORTS_PER_COMPOUND];
            let mut used = 0;
            while let Some((&sink, rest)) = left.split_first()
                && used < reports.len()
            {
                left = rest;
                let state = &mut self.sinks[sink];
                any |= state.sent != state.noted;
                state.noted = state.sent;
                if let Some(info) = self.sender_info(sink) {
                    reports[used] = (sink, info);
                    used += 1;
                }
            }
            self.send_infos(slot, &reports[..used]);
        }
        self.sessions[slot].sinks = sinks;
        any
    }

    /// What a sink has to say; `None` where it has sent nothing since its last report, or nobody knows
    /// the publisher's clock yet.
    fn sender_info(&mut self, slot: usize) -> Option<SenderInfo> {
        let now = self.ntp();
        let sink = &mut self.sinks[slot];
        let track = sink.track.filter(|_| sink.sent != sink.reported)?;
        let pair = sink.view.as_mut()?.pair(&self.tracks[track].layers)?;
        let (sent, clock) = (sink.sent, self.clock_of(track));
        let (ntp, rtp) = clock.report(now, &pair)?;
        self.sinks[slot].reported = sent;
        Some(SenderInfo {
            ntp: ntp.0,
            rtp,
            packets: sent.packets,
            octets: sent.octets,
        })
    }

    /// Sends the reports of these sinks, in as many compounds as they need.
    fn send_infos(&mut self, slot: usize, reports: &[(usize, SenderInfo)]) {
        let mut left = reports;
        while !left.is_empty() {
            let sinks = std::mem::take(&mut self.sinks);
            let mut written = 0;
            self.send_rtcp(slot, |writer| {
                for (sink, info) in left {
                    let SinkOptions { ssrc, cname, .. } = &sinks[*sink].options;
                    let report = writer.sender_report(*ssrc, info, &[]);
                    if report.and_then(|()| writer.cname(*ssrc, cname)).is_err() {
                        break;
                    }
                    written += 1;
                }
                written > 0
            });
            self.sinks = sinks;
            if written == 0 {
                return;
            }
            left = &left[written..];
        }
    }
}

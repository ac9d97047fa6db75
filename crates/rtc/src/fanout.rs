//! What goes to subscribers: each packet of a pass once for every sink that wants it.
//!
//! Packets wait in [`Fanout`] until the end of the pass, and no longer. Then each session gets all of
//! its packets one behind another in one buffer: a header of the sink's own, the extension block that all
//! subscribers with equal maps share, the payload; sealed in place, and handed to the kernel as runs of
//! equal size. Work per packet does not depend on how many streams a session has.

use std::time::Instant;

use bytes::Bytes;
use rtp::codecs::{self, vp8};
use rtp::extensions::{Block, ExtensionMap, ExtensionNumber, Outgoing, abs_send_time};
use rtp::layers::{Incoming, Layer, Verdict};
use rtp::packet::{self, FIXED_HEADER, Header, Packet};
use rtp::sequence::{Extended, Numbers, Origin};
use shard::Transmit;
use slab::Slab;
use track::{Counters, SinkId};

use crate::plane::{Outlet, Plane};
use crate::runs;
use crate::session::{Session, transmit};
use crate::sinks::Sink;
use crate::tables::{Table, Tables};
use crate::tracks::{REPORTS, Track};

/// Room for the longest run.
const BUFFER: usize = 65_536;
/// Subscribers' maps that a packet's blocks are remembered for; further ones cost a block each time.
const MAPS: usize = 4;
/// Packets that are planned before they are written.
const PLANNED: usize = 64;
/// Packets to be sent again that one pass of a shard has time for.
const RESENDS_PER_PASS: usize = 1_024;
/// The original's sequence number, in front of what is sent again (RFC 4588 §4).
const OSN: usize = 2;

/// A packet of this pass.
pub(crate) struct Fresh {
    incoming: Incoming,
    header: Header,
    header_len: usize,
    payload_len: usize,
    data: Bytes,
    /// Extension blocks that stand already, by the subscribers' map.
    blocks: [(Table, BlockRef); MAPS],
    known_blocks: usize,
}

impl Fresh {
    /// `header_len` and `payload_len` say where in `data` the payload is.
    pub(crate) fn new(
        incoming: Incoming,
        header: Header,
        (header_len, payload_len): (usize, usize),
        data: Bytes,
    ) -> Self {
        Self {
            incoming,
            header,
            header_len,
            payload_len,
            data,
            blocks: [(Table(0), BlockRef::Shared(0)); MAPS],
            known_blocks: 0,
        }
    }

    fn payload(&self) -> &[u8] {
        &self.data[self.header_len..self.header_len + self.payload_len]
    }

    fn extensions(&self) -> Block<'_> {
        // It was parsed before.
        Packet::parse_header(&self.data).map_or(Block::default(), |packet| packet.extensions())
    }
}

/// A packet that a subscriber has asked for again.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Resend {
    pub(crate) sink: usize,
    pub(crate) id: SinkId,
    pub(crate) origin: Origin,
}

/// Where the bytes of a packet are.
#[derive(Clone, Copy, Debug)]
enum Source {
    /// A packet of this pass.
    Fresh(u32),
    /// A packet of a track's history.
    Kept {
        track: usize,
        layer: Layer,
        sequence: Extended,
    },
}

/// One packet on its way to one sink.
#[derive(Clone, Copy, Debug)]
struct Planned {
    source: Source,
    sink: usize,
    header: Header,
    /// Under its SSRC, without wrapping.
    number: u64,
    picture: Option<vp8::Picture>,
    shift: vp8::Shift,
    frame_shift: u16,
    block: BlockRef,
    /// Goes to the SSRC of retransmissions, with the original's number in front of the payload.
    original: Option<u16>,
    /// What it will be, sealed and without padding.
    size: usize,
    paddable: bool,
}

/// Names an extension block of [`Blocks`].
#[derive(Clone, Copy, Debug)]
enum BlockRef {
    Shared(u32),
    Own(u32),
}

/// Extension blocks, made once and copied behind many headers.
#[derive(Default)]
struct Blocks {
    /// Those of the first `shared_used` are this pass's.
    shared: Vec<Outgoing>,
    shared_used: usize,
    /// Of the session that is being served.
    own: Vec<Outgoing>,
    own_used: usize,
}

impl Blocks {
    fn shared(&mut self) -> (BlockRef, &mut Outgoing) {
        let (place, block) = next(&mut self.shared, &mut self.shared_used);
        (BlockRef::Shared(place), block)
    }

    fn own(&mut self) -> (BlockRef, &mut Outgoing) {
        let (place, block) = next(&mut self.own, &mut self.own_used);
        (BlockRef::Own(place), block)
    }

    fn get(&self, block: BlockRef) -> &Outgoing {
        match block {
            BlockRef::Shared(place) => &self.shared[place as usize],
            BlockRef::Own(place) => &self.own[place as usize],
        }
    }

    /// The block of a packet for all subscribers with the map `to`.
    fn of_packet(
        &mut self,
        fresh: &mut Fresh,
        from: &ExtensionMap,
        (table, to): (Table, &ExtensionMap),
    ) -> BlockRef {
        let known = &fresh.blocks[..fresh.known_blocks];
        if let Some((_, block)) = known.iter().find(|(known, _)| *known == table) {
            return *block;
        }
        let remembered = fresh.known_blocks < MAPS;
        let (place, block) = match remembered {
            true => self.shared(),
            false => self.own(),
        };
        block.rewrite(fresh.extensions(), from, to, None);
        if remembered {
            fresh.blocks[fresh.known_blocks] = (table, place);
            fresh.known_blocks += 1;
        }
        place
    }
}

fn next<'a>(blocks: &'a mut Vec<Outgoing>, used: &mut usize) -> (u32, &'a mut Outgoing) {
    if *used == blocks.len() {
        blocks.push(Outgoing::new());
    }
    *used += 1;
    ((*used - 1) as u32, &mut blocks[*used - 1])
}

/// What one pass has to send.
pub(crate) struct Fanout {
    fresh: Vec<Fresh>,
    /// Tracks with packets of this pass.
    tracks: Vec<usize>,
    /// Sessions that something of this pass goes to.
    sessions: Vec<usize>,
    blocks: Blocks,
    planned: Vec<Planned>,
    /// Encodings that sinks need a key frame of.
    asked: Vec<(usize, Layer)>,
    buffer: Vec<u8>,
    /// Packets that may still be sent again in this pass.
    resends_left: usize,
}

impl Default for Fanout {
    fn default() -> Self {
        Self {
            fresh: Vec::new(),
            tracks: Vec::new(),
            sessions: Vec::new(),
            blocks: Blocks::default(),
            planned: Vec::new(),
            asked: Vec::new(),
            buffer: vec![0; BUFFER],
            resends_left: RESENDS_PER_PASS,
        }
    }
}

impl Fanout {
    pub(crate) fn forget_track(&mut self, slot: usize) {
        self.tracks.retain(|&track| track != slot);
    }
}

impl Plane {
    /// Has a packet sent to the sinks of its track at the end of the pass.
    pub(crate) fn push_fresh(&mut self, slot: usize, fresh: Fresh) {
        let track = &mut self.tracks[slot];
        if track.fresh.is_empty() {
            self.fan.tracks.push(slot);
        }
        track.fresh.push(self.fan.fresh.len() as u32);
        self.fan.fresh.push(fresh);
    }

    /// Finds the sessions that packets of this pass go to.
    pub(crate) fn line_up(&mut self) {
        for &track in &self.fan.tracks {
            for &sink in &self.tracks[track].sinks {
                let slot = self.sinks[sink].session;
                let session = &mut self.sessions[slot];
                if !session.connected {
                    continue;
                }
                session.pending.push(sink);
                if !std::mem::replace(&mut session.lined_up, true) {
                    self.fan.sessions.push(slot);
                }
            }
        }
    }

    pub(crate) fn line_up_session(&mut self, slot: usize) {
        if !std::mem::replace(&mut self.sessions[slot].lined_up, true) {
            self.fan.sessions.push(slot);
        }
    }

    /// Sends the packets of this pass. What an outlet has no room for is dropped.
    pub(crate) fn fan_out(&mut self, outlet: &mut impl Outlet) {
        self.fan.resends_left = RESENDS_PER_PASS;
        let mut sessions = std::mem::take(&mut self.fan.sessions);
        for slot in sessions.drain(..) {
            self.serve(slot, outlet);
        }
        self.fan.sessions = sessions;
        for track in self.fan.tracks.drain(..) {
            self.tracks[track].fresh.clear();
        }
        self.fan.fresh.clear();
        self.fan.blocks.shared_used = 0;
        let mut asked = std::mem::take(&mut self.fan.asked);
        for (track, layer) in asked.drain(..) {
            self.want_keyframe(track, layer);
        }
        self.fan.asked = asked;
    }

    /// Sends a session all that this pass has for it.
    fn serve(&mut self, slot: usize, outlet: &mut impl Outlet) {
        let now = self.now;
        let abs_send_time = abs_send_time(self.since_start());
        let Some(session) = self.sessions.get_mut(slot) else {
            return;
        };
        session.lined_up = false;
        let path = session.transport.path().filter(|_| session.connected);
        let Some(path) = path else {
            session.pending.clear();
            session.resends.clear();
            return;
        };
        let mut service = Service {
            now,
            abs_send_time,
            session,
            sinks: &mut self.sinks,
            tracks: &self.tracks,
            tables: &self.tables,
            counters: &self.counters,
            fan: &mut self.fan,
        };
        if !outlet.ready(path.socket) {
            return service.drop_all();
        }
        let out = transmit(&path, 0);
        let mut pending = std::mem::take(&mut service.session.pending);
        for sink in pending.drain(..) {
            service.plan_fresh(sink);
            // A few runs at a time: what was planned is still at hand when it is written.
            if service.fan.planned.len() >= PLANNED {
                service.send(outlet, out);
            }
        }
        service.session.pending = pending;
        service.plan_resends();
        service.send(outlet, out);
        let session = service.session;
        if session.report_at.is_none() {
            session.report_at = Some(now + REPORTS);
            self.arm_session(slot);
        }
    }
}

/// One session being served.
struct Service<'a> {
    now: Instant,
    abs_send_time: [u8; 3],
    session: &'a mut Session,
    sinks: &'a mut Slab<Sink>,
    tracks: &'a Slab<Track>,
    tables: &'a Tables,
    counters: &'a Counters,
    fan: &'a mut Fanout,
}

impl Service<'_> {
    fn drop_all(&mut self) {
        let (sinks, tracks) = (&self.sinks, self.tracks);
        let packets = |sink: usize| sinks[sink].track.map_or(0, |of| tracks[of].fresh.len());
        let lost: usize = self.session.pending.drain(..).map(packets).sum();
        self.counters.rtp_dropped_overload.add(lost as u64);
        let lost = self.session.resends.drain(..).count();
        self.counters.rtp_dropped_retransmissions.add(lost as u64);
    }

    /// Decides about the packets of this pass for one sink.
    fn plan_fresh(&mut self, slot: usize) {
        let session = &mut *self.session;
        let overhead = overhead(session);
        let sink = &mut self.sinks[slot];
        let introduces = sink.introduces();
        let (Some(view), Some(track_slot)) = (&mut sink.view, sink.track) else {
            return;
        };
        let track = &self.tracks[track_slot];
        let has_rtx = sink.options.rtx_ssrc.is_some();
        let table = match has_rtx {
            true => session.table,
            false => session.plain_table,
        };
        let to = self.tables.map(table);
        let mid = introduces.then_some(sink.options.mid.as_bytes());
        let mid = mid.filter(|_| to.id(ExtensionNumber::MID).is_some());
        let mut sent = 0;
        for &index in &track.fresh {
            let fresh = &mut self.fan.fresh[index as usize];
            let pt = fresh.header.payload_type;
            let mapping = sink.options.mappings.iter().find(|of| of.from == pt);
            let Some(mapping) = mapping.filter(|_| fresh.payload_len > 0) else {
                view.skip(self.now, &fresh.incoming);
                continue;
            };
            let mut verdict = view.forward(self.now, &track.layers, &fresh.incoming);
            if let Verdict::Send(numbers) = verdict
                && sink.numbering.leaps(numbers.sequence)
            {
                view.repoint(&track.layers, &sink.options.layers);
                verdict = view.forward(self.now, &track.layers, &fresh.incoming);
            }
            let numbers = match verdict {
                Verdict::Send(numbers) => numbers,
                Verdict::Drop => continue,
                Verdict::Ask => {
                    let layer = view.target().unwrap_or(fresh.incoming.layer);
                    self.fan.asked.push((track_slot, layer));
                    continue;
                }
            };
            sink.numbering.give(numbers.sequence);
            let number = sink.numbering.number(numbers.sequence);
            let from = &track.extensions;
            let block = match mid {
                Some(mid) => {
                    let (place, block) = self.fan.blocks.own();
                    block.rewrite(fresh.extensions(), from, to, Some(mid));
                    place
                }
                None => self.fan.blocks.of_packet(fresh, from, (table, to)),
            };
            let block_len = self.fan.blocks.get(block).bytes().len();
            let size = FIXED_HEADER + block_len + fresh.payload_len + overhead;
            sink.sent.count(fresh.payload_len);
            sink.resends.sent(size);
            sent += 1;
            self.fan.planned.push(Planned {
                source: Source::Fresh(index),
                sink: slot,
                header: Header {
                    payload_type: mapping.to,
                    sequence: number as u16,
                    ssrc: sink.options.ssrc,
                    ..shifted(&fresh.header, &numbers)
                },
                number,
                picture: fresh.incoming.picture,
                shift: numbers.picture,
                frame_shift: numbers.frame_shift,
                block,
                original: None,
                size,
                paddable: has_rtx,
            });
        }
        self.counters.rtp_packets_out.add(sent);
    }

    /// Decides about the packets that the subscriber has asked for again.
    fn plan_resends(&mut self) {
        let session = &mut *self.session;
        let overhead = overhead(session);
        for resend in session.resends.drain(..) {
            let dropped = &self.counters.rtp_dropped_retransmissions;
            if self.fan.resends_left == 0 {
                dropped.add(1);
                continue;
            }
            let sink = self.sinks.get_mut(resend.sink);
            let wanted = |sink: &&mut Sink| sink.id == resend.id && sink.may_resend(self.now);
            let Some(sink) = sink.filter(wanted) else {
                dropped.add(1);
                continue;
            };
            let origin = resend.origin;
            let Some(found) = sink.track.and_then(|slot| {
                let track = &self.tracks[slot];
                let encoding = track.encodings.get(usize::from(origin.layer.0))?;
                let packet = Packet::parse(encoding.history.get(origin.sequence)?).ok()?;
                let kind = track.payload_type(packet.header().payload_type)?;
                Some((slot, track, packet, kind))
            }) else {
                dropped.add(1);
                continue;
            };
            let (slot, track, packet, kind) = found;
            let Some(&mapping) = sink.mapping(kind.pt) else {
                continue;
            };
            let mut number = sink.numbering.number(origin.numbers.sequence);
            let original = number as u16;
            let mut header = Header {
                payload_type: mapping.to,
                sequence: original,
                ssrc: sink.options.ssrc,
                ..shifted(packet.header(), &origin.numbers)
            };
            let table = match (sink.options.rtx_ssrc, mapping.rtx) {
                (Some(ssrc), Some(pt)) => {
                    header.ssrc = ssrc;
                    header.payload_type = pt;
                    number = sink.rtx_number;
                    header.sequence = number as u16;
                    sink.rtx_number += 1;
                    session.table
                }
                (None, _) => session.plain_table,
                // As it was, it cannot be sent again: its extensions would differ.
                (Some(_), None) => continue,
            };
            let (block, made) = self.fan.blocks.own();
            let to = self.tables.map(table);
            made.rewrite(packet.extensions(), &track.extensions, to, None);
            let again = sink.has_rtx();
            let payload_len = packet.payload().len();
            let osn = if again { OSN } else { 0 };
            let size = FIXED_HEADER + made.bytes().len() + osn + payload_len + overhead;
            self.fan.resends_left -= 1;
            self.counters.rtp_retransmissions.add(1);
            self.fan.planned.push(Planned {
                source: Source::Kept {
                    track: slot,
                    layer: origin.layer,
                    sequence: origin.sequence,
                },
                sink: resend.sink,
                header,
                number,
                picture: codecs::inspect(kind.codec, packet.payload(), header.marker).picture,
                shift: origin.numbers.picture,
                frame_shift: origin.numbers.frame_shift,
                block,
                original: again.then_some(original),
                size,
                paddable: again,
            });
        }
    }

    /// Writes what was planned, and sends it run by run.
    fn send(&mut self, outlet: &mut impl Outlet, mut transmit: Transmit) {
        let planned = std::mem::take(&mut self.fan.planned);
        let mut buffer = std::mem::take(&mut self.fan.buffer);
        let mut rest = &planned[..];
        let (mut bytes, mut padding) = (0, 0);
        while !rest.is_empty() {
            if !outlet.ready(transmit.socket) {
                self.counters.rtp_dropped_overload.add(rest.len() as u64);
                break;
            }
            let sizes = rest.iter().map(|planned| (planned.size, planned.paddable));
            let run = runs::first(sizes);
            let (now, later) = rest.split_at(run.datagrams);
            rest = later;
            let (mut end, mut written) = (0, 0);
            for (index, planned) in now.iter().enumerate() {
                // The last one of a run may be shorter.
                let pad = match index + 1 == now.len() {
                    true => 0,
                    false => run.segment - planned.size,
                };
                if let Some(size) = self.write(planned, pad, &mut buffer[end..]) {
                    end += size;
                    written += 1;
                    padding += pad as u64;
                }
            }
            if written == 0 {
                continue;
            }
            transmit.size = end;
            transmit.segment_size = (written > 1).then_some(run.segment);
            outlet.send(&transmit, &buffer[..end]);
            bytes += end as u64;
        }
        self.counters.rtp_bytes_out.add(bytes);
        self.counters.rtp_padding_bytes.add(padding);
        self.fan.planned = planned;
        self.fan.planned.clear();
        self.fan.buffer = buffer;
        self.fan.blocks.own_used = 0;
    }

    /// Writes and seals one packet at the start of `out`, and returns its size.
    fn write(&mut self, planned: &Planned, pad: usize, out: &mut [u8]) -> Option<usize> {
        let sink = self.sinks.get_mut(planned.sink)?;
        let payload = match planned.source {
            Source::Fresh(index) => self.fan.fresh[index as usize].payload(),
            Source::Kept {
                track,
                layer,
                sequence,
            } => {
                let encoding = &self.tracks[track].encodings[usize::from(layer.0)];
                let kept = encoding.history.get(sequence)?;
                Packet::parse(kept).ok()?.payload()
            }
        };
        let block = self.fan.blocks.get(planned.block);
        let header_len = planned.header.write(block.bytes(), out)?;
        if let Some(at) = block.transport_cc() {
            let number = self.session.departures.number().to_be_bytes();
            out[FIXED_HEADER + at..][..2].copy_from_slice(&number);
        }
        if let Some(at) = block.abs_send_time() {
            out[FIXED_HEADER + at..][..3].copy_from_slice(&self.abs_send_time);
        }
        if let Some(at) = block.frame_number()
            && planned.frame_shift != 0
        {
            let place = &mut out[FIXED_HEADER + at..][..2];
            let number = u16::from_be_bytes([place[0], place[1]]);
            let number = number.wrapping_add(planned.frame_shift);
            place.copy_from_slice(&number.to_be_bytes());
        }
        let mut len = header_len;
        if let Some(original) = planned.original {
            out[len..][..OSN].copy_from_slice(&original.to_be_bytes());
            len += OSN;
        }
        let body = &mut out[len..][..payload.len()];
        body.copy_from_slice(payload);
        if let Some(picture) = &planned.picture
            && planned.shift != vp8::Shift::default()
        {
            planned.shift.apply(picture, body);
        }
        len = packet::pad(out, len + payload.len(), pad as u8)?;
        let stream = match planned.original {
            Some(_) => &mut sink.rtx_stream,
            None => &mut sink.stream,
        };
        let keys = self.session.keys.as_ref()?;
        let sealer = &keys.sender;
        let sealed = sealer.protect_numbered(stream, planned.number, out, header_len, len);
        sealed.ok()
    }
}

/// What sealing adds to a packet of the session.
fn overhead(session: &Session) -> usize {
    let profile = session.keys.as_ref().map(|keys| keys.sender.profile());
    profile.map_or(0, |profile| profile.rtp_overhead())
}

/// A publisher's header with a sink's time.
fn shifted(header: &Header, numbers: &Numbers) -> Header {
    Header {
        timestamp: header.timestamp.wrapping_add(numbers.timestamp_shift),
        ..*header
    }
}

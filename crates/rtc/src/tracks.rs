//! A track: its encodings, each with its history, and who gets it.
//!
//! At home packets come from the publisher's session; on every other shard they come by letter. From
//! there on both are the same.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{Buf, Bytes, BytesMut};
use rtp::clock::PublisherClock;
use rtp::codecs;
use rtp::extensions::{self, ExtensionMap};
use rtp::history::{Bounds, History, Inserted};
use rtp::layers::{Incoming, Layer, Layers};
use rtp::nack::{AUDIO_PATIENCE, Missing, Received, VIDEO_PATIENCE};
use rtp::packet::Packet;
use rtp::reports;
use rtp::sequence::{Extended, Unwrapper};
use rtp::waiting::Waiting;
use track::{ShardId, TrackId};

use crate::command::{self, PayloadType, TrackOptions};
use crate::event::Event;
use crate::fanout::Fresh;
use crate::letter::Letter;
use crate::plane::Plane;
use crate::streams::Stream;
use crate::transport::LARGEST_PACKET;

/// Between two requests for a key frame of one encoding.
pub(crate) const KEYFRAMES_APART: Duration = Duration::from_millis(300);
/// How often histories forget what is old.
const TRIM: Duration = Duration::from_secs(1);
/// How long the last packets of a track are worth a trim.
const WORTH_A_TRIM: Duration = Duration::from_secs(3);
/// Marks a payload type that the track has not.
const NONE: u8 = u8::MAX;

/// A track, as one shard sees it.
pub(crate) struct Track {
    pub(crate) id: TrackId,
    pub(crate) origin: Origin,
    pub(crate) options: Arc<TrackOptions>,
    /// The publisher's ids of header extensions.
    pub(crate) extensions: Arc<ExtensionMap>,
    /// By payload type: its place in the options.
    places: [u8; 128],
    /// The same for payload types of retransmissions.
    repairs: [u8; 128],
    pub(crate) layers: Layers,
    /// In the order of the description.
    pub(crate) encodings: Vec<Encoding>,
    /// The publisher's clock; at home its session knows better.
    pub(crate) clock: PublisherClock,
    pub(crate) sinks: Vec<usize>,
    /// Shards that get every packet; at home only.
    pub(crate) feeds: Vec<ShardId>,
    /// Packets of this pass.
    pub(crate) fresh: Vec<u32>,
    flowing: bool,
    last_packet: Instant,
    trim_at: Option<Instant>,
}

/// Where a shard has a track from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// From its publisher.
    Home { session: usize },
    /// From its home, which has said or not yet said what it is.
    Fed { home: ShardId, started: bool },
}

/// One encoding of a track.
pub(crate) struct Encoding {
    pub(crate) history: History,
    unwrapper: Unwrapper,
    missing: Missing,
    /// Sound behind a hole.
    waiting: Waiting<Bytes>,
    pub(crate) reception: reports::Receiver,
    pub(crate) ssrc: Option<u32>,
    pub(crate) repair_ssrc: Option<u32>,
    /// When the last packet came.
    pub(crate) heard: Option<Instant>,
    /// Of its last packet.
    pub(crate) clock_rate: u32,
    /// When a key frame was asked for.
    asked: Option<Instant>,
    /// Somebody asked for a key frame too soon after that.
    wanted: bool,
}

impl Encoding {
    fn new(video: bool) -> Self {
        let (bounds, patience) = match video {
            true => (Bounds::VIDEO, VIDEO_PATIENCE),
            false => (Bounds::AUDIO, AUDIO_PATIENCE),
        };
        Self {
            history: History::new(bounds),
            unwrapper: Unwrapper::default(),
            missing: Missing::new(patience),
            waiting: Waiting::default(),
            reception: reports::Receiver::default(),
            ssrc: None,
            repair_ssrc: None,
            heard: None,
            clock_rate: 0,
            asked: None,
            wanted: false,
        }
    }
}

impl Track {
    fn new(
        id: TrackId,
        origin: Origin,
        options: Arc<TrackOptions>,
        extensions: Arc<ExtensionMap>,
        now: Instant,
    ) -> Self {
        let mut track = Self {
            id,
            origin,
            layers: layers(&options),
            encodings: Vec::new(),
            options,
            extensions,
            places: [NONE; 128],
            repairs: [NONE; 128],
            clock: PublisherClock::default(),
            sinks: Vec::new(),
            feeds: Vec::new(),
            fresh: Vec::new(),
            flowing: false,
            last_packet: now,
            trim_at: None,
        };
        track.number_payload_types();
        for _ in &track.options.encodings {
            track.encodings.push(Encoding::new(track.options.video));
        }
        track
    }

    fn number_payload_types(&mut self) {
        self.places = [NONE; 128];
        self.repairs = [NONE; 128];
        for (place, kind) in (0..NONE).zip(&self.options.payload_types) {
            self.places[usize::from(kind.pt & 0x7f)] = place;
            if let Some(rtx) = kind.rtx {
                self.repairs[usize::from(rtx & 0x7f)] = place;
            }
        }
    }

    /// What a payload type of the publisher carries.
    pub(crate) fn payload_type(&self, pt: u8) -> Option<&PayloadType> {
        let place = *self.places.get(usize::from(pt))?;
        self.options.payload_types.get(usize::from(place))
    }

    /// What is retransmitted with a payload type.
    pub(crate) fn repaired(&self, pt: u8) -> Option<&PayloadType> {
        let place = *self.repairs.get(usize::from(pt))?;
        self.options.payload_types.get(usize::from(place))
    }

    /// Whether it is known what it is.
    pub(crate) fn is_started(&self) -> bool {
        !matches!(self.origin, Origin::Fed { started: false, .. })
    }

    pub(crate) fn ssrc_of(&mut self, stream: Stream) -> &mut Option<u32> {
        let encoding = &mut self.encodings[usize::from(stream.layer.0)];
        match stream.repair {
            true => &mut encoding.repair_ssrc,
            false => &mut encoding.ssrc,
        }
    }

    /// When it will be silent unless something comes; none while it is.
    fn silent_at(&self) -> Option<Instant> {
        let at = self.last_packet.checked_add(self.options.silent);
        at.filter(|_| self.flowing)
    }

    fn rids(&self) -> impl Iterator<Item = &str> {
        rids(&self.options)
    }
}

fn rids(options: &TrackOptions) -> impl Iterator<Item = &str> {
    options.encodings.iter().map(|encoding| &*encoding.rid)
}

fn layers(options: &TrackOptions) -> Layers {
    Layers::new(rids(options))
}

/// A track has between one and this many encodings.
const MOST_ENCODINGS: usize = 8;

/// The options as a track can have them.
fn tidy(mut options: TrackOptions) -> Arc<TrackOptions> {
    options.encodings.truncate(MOST_ENCODINGS);
    if options.encodings.is_empty() {
        options.encodings.push(command::Encoding {
            rid: String::new(),
            ssrc: None,
            rtx_ssrc: None,
        });
    }
    Arc::new(options)
}

impl Plane {
    pub(crate) fn open_track(&mut self, session: usize, id: TrackId, options: TrackOptions) {
        if self.track_index.contains_key(&id) {
            return;
        }
        let extensions = Arc::clone(&self.sessions[session].extensions);
        let origin = Origin::Home { session };
        let slot = self.add_track(id, origin, tidy(options), extensions);
        let mid = self.tracks[slot].options.mid.as_bytes().into();
        self.sessions[session].mids.insert(mid, slot);
        self.sessions[session].tracks.push(slot);
        self.bind_described(session, slot);
    }

    fn add_track(
        &mut self,
        id: TrackId,
        origin: Origin,
        options: Arc<TrackOptions>,
        extensions: Arc<ExtensionMap>,
    ) -> usize {
        let track = Track::new(id, origin, options, extensions, self.now);
        let slot = self.tracks.insert(track);
        self.track_index.insert(id, slot);
        self.counters.rtc_tracks.set(self.tracks.len() as u64);
        slot
    }

    /// Takes the SSRCs that the description names.
    fn bind_described(&mut self, session: usize, slot: usize) {
        let options = Arc::clone(&self.tracks[slot].options);
        for (layer, encoding) in (0..).zip(&options.encodings) {
            for (ssrc, repair) in [(encoding.ssrc, false), (encoding.rtx_ssrc, true)] {
                let stream = Stream {
                    track: slot,
                    layer: Layer(layer),
                    repair,
                };
                if let Some(ssrc) = ssrc {
                    self.bind(session, ssrc, stream);
                }
            }
        }
    }

    pub(crate) fn update_track(&mut self, session: usize, id: TrackId, options: TrackOptions) {
        let Some(slot) = self.own_track(session, id) else {
            return;
        };
        let options = tidy(options);
        if self.tracks[slot].options.mid != options.mid {
            let mids = &mut self.sessions[session].mids;
            mids.retain(|_, track| *track != slot);
            mids.insert(options.mid.as_bytes().into(), slot);
        }
        self.change_options(slot, options);
        self.bind_described(session, slot);
        self.renegotiated(slot);
    }

    /// Takes another description of a track; encodings that it still names go on as they were.
    fn change_options(&mut self, slot: usize, options: Arc<TrackOptions>) {
        let track = &mut self.tracks[slot];
        let same = track.rids().eq(rids(&options)) && track.options.video == options.video;
        let before = std::mem::replace(&mut track.options, options);
        track.number_payload_types();
        if same {
            return;
        }
        track.layers = layers(&track.options);
        let mut old: Vec<Option<Encoding>> = track.encodings.drain(..).map(Some).collect();
        for encoding in &track.options.encodings {
            let place = rids(&before).position(|rid| rid == encoding.rid);
            let kept = place.filter(|_| before.video == track.options.video);
            let kept = kept.and_then(|place| old.get_mut(place)?.take());
            let kept = kept.unwrap_or_else(|| Encoding::new(track.options.video));
            track.encodings.push(kept);
        }
        for encoding in old.into_iter().flatten() {
            encoding.history.release(&mut self.budget);
        }
        if let Origin::Home { session } = self.tracks[slot].origin {
            self.rebind(session, slot);
        }
        self.repoint_sinks(slot);
    }

    /// Gives the encodings of a track their SSRCs again, after their places changed.
    fn rebind(&mut self, session: usize, slot: usize) {
        let streams = &mut self.sessions[session].streams;
        streams.retain(|_, stream| stream.track != slot);
        for (layer, encoding) in (0..).zip(&self.tracks[slot].encodings) {
            for (ssrc, repair) in [(encoding.ssrc, false), (encoding.repair_ssrc, true)] {
                let stream = Stream {
                    track: slot,
                    layer: Layer(layer),
                    repair,
                };
                if let Some(ssrc) = ssrc {
                    streams.insert(ssrc, stream);
                }
            }
        }
    }

    /// Another description or other extension ids: other shards are told, and what was sent before is
    /// not sent again as it was.
    pub(crate) fn renegotiated(&mut self, slot: usize) {
        let track = &mut self.tracks[slot];
        if let Origin::Home { session } = track.origin {
            track.extensions = Arc::clone(&self.sessions[session].extensions);
        }
        for index in 0..self.tracks[slot].sinks.len() {
            let sink = self.tracks[slot].sinks[index];
            self.sinks[sink].hold_resends(self.now);
        }
        for index in 0..self.tracks[slot].feeds.len() {
            let feed = self.tracks[slot].feeds[index];
            self.introduce_track(slot, feed);
        }
    }

    pub(crate) fn close_track(&mut self, session: usize, id: TrackId) {
        if let Some(slot) = self.own_track(session, id) {
            self.sessions[session].tracks.retain(|&track| track != slot);
            self.remove_track(slot);
        }
    }

    fn own_track(&self, session: usize, id: TrackId) -> Option<usize> {
        let slot = *self.track_index.get(&id)?;
        (self.tracks[slot].origin == Origin::Home { session }).then_some(slot)
    }

    /// Forgets a track; its sinks stay, silent.
    pub(crate) fn remove_track(&mut self, slot: usize) {
        let track = self.tracks.remove(slot);
        self.track_index.remove(&track.id);
        self.track_timers.set(slot, None);
        self.fan.forget_track(slot);
        if let Origin::Home { session } = track.origin {
            let session = &mut self.sessions[session];
            session.streams.retain(|_, stream| stream.track != slot);
            session.mids.retain(|_, track| *track != slot);
        }
        for &sink in &track.sinks {
            self.sinks[sink].track = None;
        }
        for &feed in &track.feeds {
            self.post(feed, Letter::TrackClosed { track: track.id });
        }
        for encoding in track.encodings {
            encoding.history.release(&mut self.budget);
        }
        self.counters.rtc_tracks.set(self.tracks.len() as u64);
    }

    /// The numbering of an encoding begins anew.
    pub(crate) fn restart_encoding(&mut self, slot: usize, layer: Layer) {
        let track = &mut self.tracks[slot];
        let Some(encoding) = track.encodings.get_mut(usize::from(layer.0)) else {
            return;
        };
        let mut restarted = Encoding::new(track.options.video);
        restarted.ssrc = encoding.ssrc;
        restarted.repair_ssrc = encoding.repair_ssrc;
        let before = std::mem::replace(encoding, restarted);
        before.history.release(&mut self.budget);
        for index in 0..track.feeds.len() {
            let (feed, track) = (self.tracks[slot].feeds[index], self.tracks[slot].id);
            self.post(feed, Letter::Restarted { track, layer });
        }
        self.tracks[slot].layers.restart(layer);
        for index in 0..self.tracks[slot].sinks.len() {
            let sink = self.tracks[slot].sinks[index];
            self.forget_resends(sink);
            if let Some(view) = &mut self.sinks[sink].view {
                view.restart(&self.tracks[slot].layers, layer);
            }
            self.begin_sink(sink);
        }
    }

    // Packets.

    /// An SRTP or SRTCP packet of the session.
    pub(crate) fn receive(
        &mut self,
        slot: usize,
        remote: std::net::SocketAddr,
        mut data: BytesMut,
    ) {
        let now = self.now;
        let session = &mut self.sessions[slot];
        let Some(keys) = &mut session.keys else {
            return self.counters.rtc_unclaimed.add(1);
        };
        let rtcp = is_rtcp(&data);
        let len = match rtcp {
            true => keys.receiver.open_rtcp(&mut data),
            false => keys.receiver.open(&mut data).map(|opened| opened.len),
        };
        let Ok(len) = len else {
            return self.counters.srtp_failures.add(1);
        };
        if len > LARGEST_PACKET {
            return self.counters.rtp_malformed.add(1);
        }
        data.truncate(len);
        session.transport.heard(now, remote);
        self.touch(slot);
        match rtcp {
            true => self.receive_reports(slot, &data),
            false => self.receive_media(slot, data),
        }
    }

    fn receive_media(&mut self, slot: usize, data: BytesMut) {
        let now = self.now;
        let Ok(packet) = Packet::parse(&data) else {
            return self.counters.rtp_malformed.add(1);
        };
        let session = &mut self.sessions[slot];
        if let Some(id) = session.transport_cc
            && let Some(&[high, low]) = packet.extensions().get(id)
        {
            let number = u16::from_be_bytes([high, low]);
            session.arrivals.received(now, number);
        }
        let ssrc = packet.header().ssrc;
        let known = session.streams.get(&ssrc).copied();
        let Some(stream) = known.or_else(|| self.identify(slot, &packet)) else {
            return self.counters.rtp_unknown.add(1);
        };
        self.sessions[slot].report_at.get_or_insert(now + REPORTS);
        match stream.repair {
            true => self.receive_repair(stream, data),
            false => self.receive_original(stream, data),
        }
    }

    /// A packet under its encoding's own SSRC.
    fn receive_original(&mut self, stream: Stream, data: BytesMut) {
        let Ok(packet) = Packet::parse(&data) else {
            return;
        };
        let header = *packet.header();
        let track = &mut self.tracks[stream.track];
        let Some(&kind) = track.payload_type(header.payload_type) else {
            return self.counters.rtp_unknown.add(1);
        };
        let encoding = &mut track.encodings[usize::from(stream.layer.0)];
        encoding.heard = Some(self.now);
        encoding.clock_rate = kind.clock_rate;
        let sequence = encoding.unwrapper.unwrap(header.sequence);
        let (now, timestamp) = (self.now, header.timestamp);
        encoding
            .reception
            .received(now, sequence, timestamp, kind.clock_rate);
        let data = data.freeze();
        if kind.nack && !track.options.video {
            return self.receive_sound(stream, sequence, data);
        }
        if self.accept(stream.track, stream.layer, sequence, data) && kind.nack {
            self.look_for_gaps(stream, sequence);
        }
    }

    /// A packet of sound, which waits for those before it that have been asked for.
    fn receive_sound(&mut self, stream: Stream, sequence: Extended, data: Bytes) {
        let filled = self.look_for_gaps(stream, sequence) == Received::Recovered;
        let encoding = &mut self.tracks[stream.track].encodings[usize::from(stream.layer.0)];
        encoding.waiting.put(sequence, data, filled);
        self.let_through(stream.track, stream.layer);
        let encoding = &self.tracks[stream.track].encodings[usize::from(stream.layer.0)];
        if encoding.waiting.next_timeout(&encoding.missing).is_some() {
            self.arm_track(stream.track);
        }
    }

    /// Passes on the sound that need not wait any longer.
    fn let_through(&mut self, slot: usize, layer: Layer) {
        loop {
            let encoding = &mut self.tracks[slot].encodings[usize::from(layer.0)];
            let Some((sequence, data)) = encoding.waiting.pop(self.now, &encoding.missing) else {
                return;
            };
            self.accept(slot, layer, sequence, data);
        }
    }

    /// A packet that was sent again as RFC 4588 has it: the original's number, then its payload.
    fn receive_repair(&mut self, stream: Stream, mut data: BytesMut) {
        let Ok(packet) = Packet::parse(&data) else {
            return;
        };
        let (header, header_len) = (*packet.header(), packet.header_len());
        let track = &mut self.tracks[stream.track];
        let Some(&kind) = track.repaired(header.payload_type) else {
            return self.counters.rtp_unknown.add(1);
        };
        // Without an original it is padding, as probes for bandwidth are.
        let Some(&[high, low]) = packet.payload().first_chunk() else {
            return;
        };
        let encoding = &mut track.encodings[usize::from(stream.layer.0)];
        let Some(sequence) = encoding.unwrapper.near(u16::from_be_bytes([high, low])) else {
            return;
        };
        data.copy_within(..header_len, 2);
        data.advance(2);
        data[1] = data[1] & 0x80 | kind.pt;
        data[2..4].copy_from_slice(&[high, low]);
        if self.accept(stream.track, stream.layer, sequence, data.freeze()) {
            self.counters.rtp_recovered.add(1);
            if kind.nack {
                self.look_for_gaps(stream, sequence);
            }
        }
    }

    fn look_for_gaps(&mut self, stream: Stream, sequence: Extended) -> Received {
        let track = &mut self.tracks[stream.track];
        let encoding = &mut track.encodings[usize::from(stream.layer.0)];
        let received = encoding.missing.received(self.now, sequence);
        match received {
            Received::InOrder | Received::Recovered | Received::Unexpected => {}
            Received::Gap => self.arm_track(stream.track),
            Received::GaveUp if track.options.video => {
                self.want_keyframe(stream.track, stream.layer);
            }
            Received::GaveUp => {}
        }
        received
    }

    /// A packet of a feed.
    pub(crate) fn fed(&mut self, id: TrackId, layer: Layer, sequence: Extended, packet: Bytes) {
        if let Some(slot) = self.fed_track(id)
            && self.tracks[slot].is_started()
        {
            self.accept(slot, layer, sequence, packet);
        }
    }

    /// Keeps a packet and lines it up for the sinks, once; false where it came before.
    fn accept(&mut self, slot: usize, layer: Layer, sequence: Extended, data: Bytes) -> bool {
        let now = self.now;
        let track = &mut self.tracks[slot];
        let Ok(packet) = Packet::parse(&data) else {
            return false;
        };
        let header = *packet.header();
        let kind = track.payload_type(header.payload_type).copied();
        let Some(encoding) = track.encodings.get_mut(usize::from(layer.0)) else {
            return false;
        };
        let Some(kind) = kind else {
            return false;
        };
        match encoding
            .history
            .insert(now, &mut self.budget, sequence, &data)
        {
            Inserted::Newest | Inserted::Late => {}
            Inserted::Duplicate | Inserted::TooOld => return false,
        }
        let payload = packet.payload();
        let frame = codecs::inspect(kind.codec, payload, header.marker);
        if frame.starts_key_frame && track.options.video {
            encoding.wanted = false;
        }
        encoding.heard = Some(now);
        track.last_packet = now;
        let begins = !track.flowing;
        if let Origin::Home { .. } = track.origin {
            self.counters.rtp_packets_in.add(1);
            self.counters.rtp_bytes_in.add(data.len() as u64);
        }
        let incoming = Incoming {
            layer,
            sequence,
            timestamp: header.timestamp,
            clock_rate: kind.clock_rate,
            starts_key_frame: frame.starts_key_frame,
            picture: frame.picture,
            frame_number: extensions::frame_number(packet.extensions(), &track.extensions),
        };
        let lengths = (packet.header_len(), payload.len());
        track.layers.arrived(now, &incoming);
        for index in 0..track.feeds.len() {
            let (feed, track) = (self.tracks[slot].feeds[index], self.tracks[slot].id);
            let letter = Letter::Fed {
                track,
                layer,
                sequence,
                packet: data.clone(),
            };
            if !self.try_post(feed, letter) {
                self.counters.rtp_feed_lost.add(1);
                self.want_keyframe(slot, layer);
            }
        }
        if !self.tracks[slot].sinks.is_empty() {
            self.push_fresh(slot, Fresh::new(incoming, header, lengths, data));
        }
        if begins {
            self.flows(slot);
        } else if self.tracks[slot].trim_at.is_none() {
            self.arm_track(slot);
        }
        true
    }

    fn flows(&mut self, slot: usize) {
        let track = &mut self.tracks[slot];
        track.flowing = true;
        if let Origin::Home { session } = track.origin {
            let (session, track) = (self.sessions[session].id, track.id);
            self.events
                .push_back(Event::TrackFlowing { session, track });
        }
        self.arm_track(slot);
    }

    // Deadlines.

    fn arm_track(&mut self, slot: usize) {
        let now = self.now;
        let track = &mut self.tracks[slot];
        let trim_at = *track.trim_at.get_or_insert(now + TRIM);
        let silent = track.silent_at();
        let encodings = track.encodings.iter().flat_map(|encoding| {
            let wanted = encoding.asked.filter(|_| encoding.wanted);
            [
                encoding.missing.next_timeout(),
                encoding.waiting.next_timeout(&encoding.missing),
                wanted.map(|asked| asked + KEYFRAMES_APART),
            ]
        });
        let at = encodings.flatten().chain(silent).chain([trim_at]).min();
        self.track_timers.set(slot, at);
    }

    pub(crate) fn track_due(&mut self, slot: usize) {
        let now = self.now;
        let Some(track) = self.tracks.get_mut(slot) else {
            return;
        };
        if track.trim_at.is_some_and(|at| at <= now) {
            for encoding in &mut track.encodings {
                encoding.history.trim(now, &mut self.budget);
            }
            track.trim_at = None;
        }
        if track.silent_at().is_some_and(|at| at <= now) {
            track.flowing = false;
            if let Origin::Home { session } = track.origin {
                let (session, track) = (self.sessions[session].id, track.id);
                self.events.push_back(Event::TrackSilent { session, track });
            }
        }
        for layer in 0..self.tracks[slot].encodings.len() {
            self.ask_for_missing(slot, Layer(layer as u8));
            self.let_through(slot, Layer(layer as u8));
            let encoding = &self.tracks[slot].encodings[layer];
            if encoding.wanted {
                self.want_keyframe(slot, Layer(layer as u8));
            }
        }
        let track = &self.tracks[slot];
        if track.flowing || track.last_packet + WORTH_A_TRIM > now {
            self.arm_track(slot);
        }
    }

    fn ask_for_missing(&mut self, slot: usize, layer: Layer) {
        let now = self.now;
        let track = &mut self.tracks[slot];
        let encoding = &mut track.encodings[usize::from(layer.0)];
        let Origin::Home { session } = track.origin else {
            return;
        };
        if encoding.missing.next_timeout().is_none_or(|at| at > now) {
            return;
        }
        let round_trip = self.sessions[session].round_trip.get();
        self.sequences.clear();
        let lost = encoding.missing.due(now, round_trip, &mut self.sequences);
        let ssrc = encoding.ssrc;
        if lost > 0 && track.options.video {
            self.want_keyframe(slot, layer);
        }
        if let Some(ssrc) = ssrc {
            self.send_nack(session, ssrc);
        }
    }

    /// Asks the publisher for a key frame, or the home to do so, unless somebody has just done that.
    pub(crate) fn want_keyframe(&mut self, slot: usize, layer: Layer) {
        let now = self.now;
        let track = &mut self.tracks[slot];
        let (origin, id) = (track.origin, track.id);
        let Some(encoding) = track.encodings.get_mut(usize::from(layer.0)) else {
            return;
        };
        if !track.options.video {
            return;
        }
        if encoding
            .asked
            .is_some_and(|asked| asked + KEYFRAMES_APART > now)
        {
            if !std::mem::replace(&mut encoding.wanted, true) {
                self.arm_track(slot);
            }
            return;
        }
        encoding.asked = Some(now);
        encoding.wanted = false;
        match (origin, encoding.ssrc) {
            (Origin::Home { session }, Some(ssrc)) => self.send_keyframe_request(session, ssrc),
            (Origin::Home { .. }, None) => {}
            (Origin::Fed { home, .. }, _) => {
                self.post(home, Letter::KeyframeWanted { track: id, layer });
            }
        }
    }

    // Feeds.

    /// The shard's part of a track whose home is `home`; none where that has lost it.
    pub(crate) fn find_track(&mut self, id: TrackId, home: ShardId) -> Option<usize> {
        if let Some(&slot) = self.track_index.get(&id) {
            return Some(slot);
        }
        if home == self.shard {
            return None;
        }
        let unknown = TrackOptions {
            mid: String::new(),
            video: false,
            payload_types: Vec::new(),
            encodings: Vec::new(),
            silent: Duration::MAX,
        };
        let started = false;
        let slot = self.add_track(
            id,
            Origin::Fed { home, started },
            Arc::new(unknown),
            Arc::default(),
        );
        self.post(home, Letter::FeedWanted { track: id });
        Some(slot)
    }

    pub(crate) fn fed_track(&self, id: TrackId) -> Option<usize> {
        let slot = *self.track_index.get(&id)?;
        matches!(self.tracks[slot].origin, Origin::Fed { .. }).then_some(slot)
    }

    /// Nobody on this shard wants the track any more.
    pub(crate) fn leave_track(&mut self, slot: usize) {
        let track = &self.tracks[slot];
        if let Origin::Fed { home, .. } = track.origin
            && track.sinks.is_empty()
        {
            let track = track.id;
            self.remove_track(slot);
            self.post(home, Letter::FeedUnwanted { track });
        }
    }

    pub(crate) fn start_feed(&mut self, id: TrackId, to: ShardId) {
        let slot = self.track_index.get(&id).copied();
        let home = |&slot: &usize| matches!(self.tracks[slot].origin, Origin::Home { .. });
        let Some(slot) = slot.filter(home) else {
            return self.post(to, Letter::TrackClosed { track: id });
        };
        let feeds = &mut self.tracks[slot].feeds;
        if !feeds.contains(&to) {
            feeds.push(to);
        }
        self.introduce_track(slot, to);
        if self.tracks[slot].encodings.len() == 1 {
            // Of several, the shard has to see what comes before it can choose.
            self.want_keyframe(slot, Layer(0));
        }
    }

    /// Tells a shard what a track is, and its clocks.
    fn introduce_track(&mut self, slot: usize, to: ShardId) {
        let track = &self.tracks[slot];
        let letter = Letter::FeedStart {
            track: track.id,
            options: Arc::clone(&track.options),
            extensions: Arc::clone(&track.extensions),
        };
        self.post(to, letter);
        for layer in (0..).take(self.tracks[slot].encodings.len()).map(Layer) {
            let track = &self.tracks[slot];
            if let Some(pair) = track.layers.pair(layer) {
                let (clock, track) = (self.clock_of(slot), track.id);
                let letter = Letter::Clock {
                    track,
                    layer,
                    pair,
                    clock,
                };
                self.post(to, letter);
            }
        }
    }

    pub(crate) fn clock_of(&self, slot: usize) -> PublisherClock {
        let track = &self.tracks[slot];
        match track.origin {
            Origin::Home { session } => self.sessions[session].clock,
            Origin::Fed { .. } => track.clock,
        }
    }

    pub(crate) fn stop_feed(&mut self, id: TrackId, to: ShardId) {
        if let Some(&slot) = self.track_index.get(&id) {
            self.tracks[slot].feeds.retain(|&feed| feed != to);
        }
    }

    pub(crate) fn feed_started(
        &mut self,
        id: TrackId,
        options: Arc<TrackOptions>,
        extensions: Arc<ExtensionMap>,
    ) {
        let Some(slot) = self.fed_track(id) else {
            return;
        };
        let track = &mut self.tracks[slot];
        track.extensions = extensions;
        let first = !track.is_started();
        if let Origin::Fed { started, .. } = &mut track.origin {
            *started = true;
        }
        self.change_options(slot, options);
        self.renegotiated(slot);
        if first {
            self.repoint_sinks(slot);
        }
    }
}

/// Between two reports of a session.
pub(crate) const REPORTS: Duration = Duration::from_secs(1);

/// RFC 5761 §4: RTCP's packet types, which no RTP payload type with a marker is.
fn is_rtcp(datagram: &[u8]) -> bool {
    matches!(datagram.get(1), Some(192..=223))
}

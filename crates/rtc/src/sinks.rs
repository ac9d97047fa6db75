//! A sink: sends a track to a session, as one stream, whichever track and encoding that is.

use std::time::{Duration, Instant};

use rtp::layers::View;
use rtp::nack::Resends;
use rtp::reports::Sent;
use rtp::srtp::SenderStream;
use track::{ShardId, SinkId, TrackId};

use crate::command::{Mapping, SinkChange, SinkOptions};
use crate::plane::Plane;

/// No packet is kept for longer.
const HISTORY: Duration = Duration::from_secs(2);
/// Requests of one subscriber for a key frame count no more often than this.
const KEYFRAMES_APART: Duration = Duration::from_secs(1);

/// Sends a track to a session.
pub(crate) struct Sink {
    pub(crate) id: SinkId,
    pub(crate) session: usize,
    /// None once the track is gone.
    pub(crate) track: Option<usize>,
    pub(crate) options: SinkOptions,
    /// Begins once it is known what the track is.
    pub(crate) view: Option<View>,
    pub(crate) stream: SenderStream,
    pub(crate) rtx_stream: SenderStream,
    pub(crate) rtx_sequence: u16,
    pub(crate) sent: Sent,
    /// What `sent` was when the last report went out.
    pub(crate) reported: Sent,
    pub(crate) resends: Resends,
    /// The subscriber has reported on the SSRC: it knows what it is, and packets go without a MID.
    pub(crate) acknowledged: bool,
    /// Until then nothing is sent again as it was: it would be something else by now, under a number
    /// that SRTP has used.
    pub(crate) resends_held: Option<Instant>,
    /// When the subscriber last asked for a key frame.
    asked: Option<Instant>,
}

impl Sink {
    /// What is sent again goes out under an SSRC of its own (RFC 4588), not as it was.
    pub(crate) fn has_rtx(&self) -> bool {
        self.options.rtx_ssrc.is_some()
    }

    pub(crate) fn mapping(&self, pt: u8) -> Option<&Mapping> {
        let mut mappings = self.options.mappings.iter();
        mappings.find(|mapping| mapping.from == pt)
    }

    pub(crate) fn hold_resends(&mut self, now: Instant) {
        self.resends_held = Some(now + HISTORY);
    }

    /// Whether a request of the subscriber for a key frame counts.
    pub(crate) fn may_ask(&mut self, now: Instant) -> bool {
        let may = self
            .asked
            .is_none_or(|asked| asked + KEYFRAMES_APART <= now);
        if may {
            self.asked = Some(now);
        }
        may
    }
}

impl Plane {
    pub(crate) fn attach_sink(
        &mut self,
        session: usize,
        id: SinkId,
        (track, home): (TrackId, ShardId),
        options: SinkOptions,
    ) {
        // Two streams under one SSRC would seal two packets under one number.
        let taken = [Some(options.ssrc), options.rtx_ssrc]
            .into_iter()
            .flatten()
            .any(|ssrc| self.sessions[session].egress.contains_key(&ssrc));
        if taken || self.sink_index.contains_key(&id) {
            return;
        }
        let track = self.find_track(track, home);
        let ssrcs = [Some(options.ssrc), options.rtx_ssrc];
        let slot = self.sinks.insert(Sink {
            id,
            session,
            track,
            rtx_sequence: first(id, !options.ssrc),
            options,
            view: None,
            stream: SenderStream::default(),
            rtx_stream: SenderStream::default(),
            sent: Sent::default(),
            reported: Sent::default(),
            resends: Resends::default(),
            acknowledged: false,
            resends_held: None,
            asked: None,
        });
        self.sink_index.insert(id, slot);
        let held = &mut self.sessions[session];
        held.sinks.push(slot);
        for ssrc in ssrcs.into_iter().flatten() {
            held.egress.insert(ssrc, slot);
        }
        if let Some(track) = track {
            self.tracks[track].sinks.push(slot);
            self.repoint_sink(slot);
        }
        self.counters.rtc_sinks.set(self.sinks.len() as u64);
    }

    pub(crate) fn update_sink(&mut self, session: usize, id: SinkId, change: SinkChange) {
        let Some(slot) = self.own_sink(session, id) else {
            return;
        };
        let sink = &mut self.sinks[slot];
        if let Some(cname) = change.cname {
            sink.options.cname = cname;
        }
        if let Some(mappings) = change.mappings {
            sink.options.mappings = mappings;
            sink.hold_resends(self.now);
        }
        let other_wishes = change.layers.is_some();
        if let Some(layers) = change.layers {
            sink.options.layers = layers;
        }
        if let Some((track, home)) = change.track {
            let before = sink.track;
            let track = self.find_track(track, home);
            if track != before {
                self.leave(slot);
                self.sinks[slot].track = track;
                if let Some(track) = track {
                    self.tracks[track].sinks.push(slot);
                }
                return self.repoint_sink(slot);
            }
        }
        let sink = &mut self.sinks[slot];
        if let (true, Some(view), Some(track)) = (other_wishes, &mut sink.view, sink.track) {
            view.prefer(&self.tracks[track].layers, &sink.options.layers);
            self.begin_sink(slot);
        }
    }

    pub(crate) fn detach_sink(&mut self, session: usize, id: SinkId) {
        if let Some(slot) = self.own_sink(session, id) {
            self.sessions[session].sinks.retain(|&sink| sink != slot);
            self.remove_sink(slot);
        }
    }

    fn own_sink(&self, session: usize, id: SinkId) -> Option<usize> {
        let slot = *self.sink_index.get(&id)?;
        (self.sinks[slot].session == session).then_some(slot)
    }

    /// Forgets a sink that its session has let go.
    pub(crate) fn remove_sink(&mut self, slot: usize) {
        self.leave(slot);
        let sink = self.sinks.remove(slot);
        self.sink_index.remove(&sink.id);
        let session = &mut self.sessions[sink.session];
        session.egress.retain(|_, of| *of != slot);
        session.pending.retain(|&of| of != slot);
        self.counters.rtc_sinks.set(self.sinks.len() as u64);
    }

    /// Takes the sink from its track.
    fn leave(&mut self, slot: usize) {
        if let Some(track) = self.sinks[slot].track.take() {
            let sinks = &mut self.tracks[track].sinks;
            if let Some(place) = sinks.iter().position(|&sink| sink == slot) {
                sinks.swap_remove(place);
            }
            self.leave_track(track);
        }
    }

    pub(crate) fn repoint_sinks(&mut self, track: usize) {
        for index in 0..self.tracks[track].sinks.len() {
            self.repoint_sink(self.tracks[track].sinks[index]);
        }
    }

    /// The sink has another track, or its track counts anew.
    fn repoint_sink(&mut self, slot: usize) {
        let sink = &mut self.sinks[slot];
        let Some(track) = sink.track.map(|track| &self.tracks[track]) else {
            return;
        };
        if !track.is_started() {
            return;
        }
        match &mut sink.view {
            Some(view) => view.repoint(&track.layers, &sink.options.layers),
            None => {
                let first = first(sink.id, sink.options.ssrc);
                sink.view = Some(View::new(first, &track.layers, &sink.options.layers));
            }
        }
        self.begin_sink(slot);
    }

    /// Asks for the key frame that the sink waits for, if it does and is connected.
    pub(crate) fn begin_sink(&mut self, slot: usize) {
        let sink = &mut self.sinks[slot];
        let (Some(view), Some(track)) = (&mut sink.view, sink.track) else {
            return;
        };
        if self.sessions[sink.session].connected
            && let Some(layer) = view.ask(self.now, &self.tracks[track].layers)
        {
            self.want_keyframe(track, layer);
        }
    }

    /// The subscriber has missed something: asks for a key frame of what it gets, too.
    pub(crate) fn refresh_sink(&mut self, slot: usize) {
        self.begin_sink(slot);
        let sink = &self.sinks[slot];
        if let Some((view, track)) = sink.view.as_ref().zip(sink.track)
            && let Some(layer) = view.current()
        {
            self.want_keyframe(track, layer);
        }
    }
}

/// A first sequence number that no other stream is likely to have (RFC 3550 §5.1). It hides nothing:
/// SRTP does.
fn first(id: SinkId, ssrc: u32) -> u16 {
    let mixed = (id.0 ^ u64::from(ssrc).rotate_left(17)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed >> 48) as u16 & 0x7fff
}

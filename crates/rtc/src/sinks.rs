//! A sink: sends a track to a session, as one stream, whichever track and encoding that is.

use std::time::{Duration, Instant};

use rtp::layers::View;
use rtp::nack::Resends;
use rtp::reports::Sent;
use rtp::sequence::Extended;
use rtp::srtp::SenderStream;
use track::{ShardId, SinkId, TrackId};

use crate::command::{Mapping, SinkChange, SinkOptions};
use crate::plane::Plane;

/// No packet is kept for longer.
const HISTORY: Duration = Duration::from_secs(2);
/// A subscriber that does not report knows an SSRC after so many packets, or never will.
const INTRODUCTION: u32 = 1_000;
/// Requests of one subscriber for a key frame count no more often than this.
const KEYFRAMES_APART: Duration = Duration::from_secs(1);

/// A number that is further ahead of the last one leaves too little of the half that tells wraps apart
/// (RFC 3711 §3.3.1).
const MOST_AHEAD: u64 = 0x4000;
/// SSRCs of former sinks that a session remembers. The governing thread makes them up at random: one that
/// was forgotten does not come again.
const MOST_SPENT: usize = 4_096;

/// What an SSRC has come to under the session's keys: whoever sends with it next goes on from there, for
/// two packets under one number give both away (RFC 7714 §8.1).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spent {
    stream: SenderStream,
    next: u64,
}

/// How the numbers of a sink's view stand in packets.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Numbering {
    /// The highest one of the view that was given to a packet.
    highest: Option<Extended>,
    /// What is added, so that the SSRC goes on where it was.
    offset: u64,
}

impl Numbering {
    /// The packet's number under the SSRC, without wrapping; its low 16 bits stand in the packet. No two
    /// packets have the same, whether they are sent or dropped in the end.
    pub(crate) fn number(&self, sequence: Extended) -> u64 {
        sequence.0.wrapping_add(self.offset)
    }

    /// The view's number of what stands in a packet.
    pub(crate) fn view_number(&self, wire: u16) -> u16 {
        wire.wrapping_sub(self.offset as u16)
    }

    /// Whether a number is so far ahead that receivers would not know how often they have wrapped. Then
    /// what was sent until now has to be forgotten: the SSRC goes on from there as if there was no gap.
    pub(crate) fn leaps(&mut self, sequence: Extended) -> bool {
        let highest = self.highest.unwrap_or(sequence);
        let leap = sequence.0.saturating_sub(highest.0);
        if leap <= MOST_AHEAD {
            return false;
        }
        self.offset = self.offset.wrapping_sub(leap);
        self.highest = Some(sequence);
        true
    }

    /// A packet gets this number.
    pub(crate) fn give(&mut self, sequence: Extended) {
        self.highest = self.highest.max(Some(sequence));
    }
}

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
    pub(crate) numbering: Numbering,
    pub(crate) rtx_stream: SenderStream,
    /// The number of the next retransmission, without wrapping.
    pub(crate) rtx_number: u64,
    pub(crate) sent: Sent,
    /// What `sent` was when the last report went out.
    pub(crate) reported: Sent,
    /// What `sent` was when the last report was due.
    pub(crate) noted: Sent,
    pub(crate) resends: Resends,
    /// The subscriber has reported on the SSRC: it knows what it is, and packets go without a MID.
    pub(crate) acknowledged: bool,
    /// Until then nothing is sent again as it was: it would be something else by now, under a number
    /// that SRTP has used.
    resends_held: Option<Instant>,
    /// When the subscriber last asked for a key frame.
    asked: Option<Instant>,
}

impl Sink {
    /// What is sent again goes out under an SSRC of its own (RFC 4588), not as it was.
    pub(crate) fn has_rtx(&self) -> bool {
        self.options.rtx_ssrc.is_some()
    }

    /// Packets say which section they are of (RFC 8843 §9.2): as long as the subscriber may not know. Not
    /// where what is sent again has to be as it was.
    pub(crate) fn introduces(&self) -> bool {
        !self.acknowledged && self.has_rtx() && self.sent.packets < INTRODUCTION
    }

    pub(crate) fn mapping(&self, pt: u8) -> Option<&Mapping> {
        let mut mappings = self.options.mappings.iter();
        mappings.find(|mapping| mapping.from == pt)
    }

    /// The session has new keys, under which every SSRC counts from the beginning.
    pub(crate) fn renew(&mut self) {
        self.stream = SenderStream::default();
        self.rtx_stream = SenderStream::default();
    }

    /// What each SSRC of the sink has come to.
    fn spent(&self) -> impl Iterator<Item = (u32, Spent)> {
        let media = self.numbering.highest.map(|highest| Spent {
            stream: self.stream,
            next: self.numbering.number(highest).wrapping_add(1),
        });
        let rtx = Spent {
            stream: self.rtx_stream,
            next: self.rtx_number,
        };
        let rtx = self.options.rtx_ssrc.map(|ssrc| (ssrc, rtx));
        media
            .map(|spent| (self.options.ssrc, spent))
            .into_iter()
            .chain(rtx)
    }

    pub(crate) fn hold_resends(&mut self, now: Instant) {
        self.resends_held = Some(now + HISTORY);
    }

    /// Whether what the sink has sent can be sent again.
    pub(crate) fn may_resend(&self, now: Instant) -> bool {
        self.has_rtx() || self.resends_held.is_none_or(|until| until <= now)
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
        let twice = options.rtx_ssrc == Some(options.ssrc);
        if taken || twice || self.sink_index.contains_key(&id) {
            return;
        }
        let track = self.find_track(track, home);
        let ssrcs = [Some(options.ssrc), options.rtx_ssrc];
        let spent = &mut self.sessions[session].spent;
        let media = spent.remove(&options.ssrc);
        let rtx = options.rtx_ssrc.and_then(|ssrc| spent.remove(&ssrc));
        let begins = first(id, options.ssrc);
        let slot = self.sinks.insert(Sink {
            id,
            session,
            track,
            rtx_number: rtx.map_or(first(id, !options.ssrc).into(), |rtx| rtx.next),
            options,
            view: None,
            stream: media.map_or(SenderStream::default(), |media| media.stream),
            numbering: Numbering {
                highest: None,
                offset: media.map_or(0, |media| media.next.wrapping_sub(begins.into())),
            },
            rtx_stream: rtx.map_or(SenderStream::default(), |rtx| rtx.stream),
            sent: Sent::default(),
            reported: Sent::default(),
            noted: Sent::default(),
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
        for (ssrc, spent) in sink.spent() {
            if session.spent.len() >= MOST_SPENT
                && let Some(&any) = session.spent.keys().next()
            {
                session.spent.remove(&any);
            }
            session.spent.insert(ssrc, spent);
        }
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
        self.forget_resends(slot);
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

    /// What the subscriber has asked for in this pass may be something else by now.
    pub(crate) fn forget_resends(&mut self, slot: usize) {
        let session = &mut self.sessions[self.sinks[slot].session];
        session.resends.retain(|resend| resend.sink != slot);
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

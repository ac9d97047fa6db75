//! Which encoding of a track a sink gets, switched so that its decoder does not notice.
//!
//! One [`Layers`] for a track on a shard knows what arrives; one [`View`] for a sink follows it. The
//! first wish that arrives is chosen, in `View::choose`: a choice by bandwidth would be a condition
//! there.

use std::time::{Duration, Instant};

use crate::clock::SenderPair;
use crate::codecs::vp8;
use crate::sequence::{Extended, Numbers, Origin, Output};

/// One of a track's encodings, by its place in the description.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Layer(pub u8);

impl Layer {
    /// Not one of any track's.
    pub(crate) const NONE: Self = Self(u8::MAX);
}

/// An encoding without a packet for so long does not arrive, if another one of its track does.
pub const ARRIVING: Duration = Duration::from_secs(1);

/// A key frame that does not come is asked for again after this time.
pub const ASK_AGAIN: Duration = Duration::from_millis(500);

/// A sink that gets nothing begins without a key frame after this time: payloads that are encrypted
/// from end to end may hide them.
pub const PATIENCE: Duration = Duration::from_secs(3);

/// A key frame whose first packet was recovered so late is not begun with: the subscriber would have to
/// ask for every packet behind it.
const TOO_LATE: u64 = 64;

/// Between pictures of two encodings, at least: 30 of them in a second.
const FRAMES_A_SECOND: u32 = 30;

/// What sinks need to know of a packet; worked out once, however many they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Incoming {
    /// The encoding that it came in.
    pub layer: Layer,
    /// Its sequence number there.
    pub sequence: Extended,
    /// RTP timestamp of the publisher.
    pub timestamp: u32,
    /// Units of the timestamp in a second, by its payload type.
    pub clock_rate: u32,
    /// A decoder can begin here: [`Frame::starts_key_frame`](crate::codecs::Frame::starts_key_frame).
    pub starts_key_frame: bool,
    /// VP8's picture numbers.
    pub picture: Option<vp8::Picture>,
    /// Of its dependency descriptor: [`frame_number`](crate::extensions::frame_number).
    pub frame_number: Option<u16>,
}

#[derive(Debug)]
struct Encoding {
    rid: Box<str>,
    arrives: bool,
    /// When its last packet came.
    last: Option<Instant>,
    pair: Option<SenderPair>,
}

/// The encodings of one track, as one shard sees them.
#[derive(Debug)]
pub struct Layers {
    encodings: Vec<Encoding>,
    /// Changes whenever an encoding begins or ceases to arrive.
    generation: u32,
}

impl Layers {
    /// `rids` in the order of the description (the first 255 count); one empty rid without simulcast.
    pub fn new<'a>(rids: impl IntoIterator<Item = &'a str>) -> Self {
        let encodings = rids.into_iter().take(255).map(|rid| Encoding {
            rid: rid.into(),
            arrives: false,
            last: None,
            pair: None,
        });
        Self {
            encodings: encodings.collect(),
            generation: 0,
        }
    }

    /// The encoding of that rid.
    pub fn find(&self, rid: &str) -> Option<Layer> {
        let place = self.encodings.iter().position(|held| *held.rid == *rid)?;
        Some(Layer(place as u8))
    }

    /// A packet came that is no duplicate; to be called before the views see it. Views choose again by
    /// themselves once an encoding begins or ceases to arrive.
    pub fn arrived(&mut self, now: Instant, packet: &Incoming) {
        let Some(encoding) = self.encodings.get_mut(usize::from(packet.layer.0)) else {
            return;
        };
        encoding.last = Some(now);
        let mut changed = !encoding.arrives;
        encoding.arrives = true;
        if self.encodings.len() > 1 {
            for other in &mut self.encodings {
                if other.arrives && other.last.is_some_and(|last| now > last + ARRIVING) {
                    other.arrives = false;
                    changed = true;
                }
            }
        }
        if changed {
            self.generation = self.generation.wrapping_add(1);
        }
    }

    /// The encoding's numbers and clock begin anew, as they do under another SSRC. Each [`View`] has to
    /// be told too.
    pub fn restart(&mut self, layer: Layer) {
        if let Some(encoding) = self.encodings.get_mut(usize::from(layer.0)) {
            encoding.pair = None;
        }
    }

    /// Whether the encoding arrives: it did, less than [`ARRIVING`] before the track's last packet.
    pub fn arrives(&self, layer: Layer) -> bool {
        self.get(layer).is_some_and(|encoding| encoding.arrives)
    }

    /// The encoding's last sender report: which moment a timestamp is to the publisher. One without a
    /// clock (NTP time 0) says nothing.
    pub fn set_pair(&mut self, layer: Layer, pair: SenderPair) {
        if let Some(encoding) = self.encodings.get_mut(usize::from(layer.0))
            && pair.ntp.0 != 0
        {
            encoding.pair = Some(pair);
        }
    }

    /// What [`Layers::set_pair`] was told last.
    pub fn pair(&self, layer: Layer) -> Option<SenderPair> {
        self.get(layer)?.pair
    }

    fn get(&self, layer: Layer) -> Option<&Encoding> {
        self.encodings.get(usize::from(layer.0))
    }

    fn wished(&self, wishes: &[String]) -> Vec<Layer> {
        if wishes.is_empty() {
            return (0..self.encodings.len())
                .map(|place| Layer(place as u8))
                .collect();
        }
        wishes.iter().filter_map(|rid| self.find(rid)).collect()
    }
}

/// What becomes of a packet at one sink.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is sent, under these numbers.
    Send(Numbers),
    /// It is not sent.
    Drop,
    /// It is not sent, and its encoding should be asked for a key frame.
    Ask,
}

/// The newest picture that was sent.
#[derive(Clone, Copy, Debug)]
struct Newest {
    /// Its timestamp, as it was sent.
    timestamp: u32,
    /// When its first packet came.
    at: Instant,
    picture_id: u16,
    tl0picidx: u8,
    frame_number: Option<u16>,
}

/// One sink's view of one track: which encoding it gets, under which numbers.
#[derive(Debug)]
pub struct View {
    /// Most wanted first.
    wishes: Vec<Layer>,
    /// Of [`Layers`], when the choice was made.
    generation: Option<u32>,
    current: Option<Layer>,
    target: Option<Layer>,
    ask_at: Option<Instant>,
    /// The target's first packet that was not sent for want of a key frame.
    waiting_since: Option<Instant>,
    /// The target's highest packet that was not sent.
    waiting_at: Extended,
    output: Output,
    newest: Option<Newest>,
    /// How far timestamps are ahead of the publisher's clock, because they must not go back.
    ahead: u32,
    pair: Option<SenderPair>,
}

impl View {
    /// A view that has sent nothing. `first` is the first sequence number, of which 15 bits count, so
    /// that the rollover counter begins with 0; the caller throws the dice.
    /// `wishes` are rids, most wanted first; none means any, in the order of the description.
    pub fn new(first: u16, layers: &Layers, wishes: &[String]) -> Self {
        Self {
            wishes: layers.wished(wishes),
            generation: None,
            current: None,
            target: None,
            ask_at: None,
            waiting_since: None,
            waiting_at: Extended(0),
            output: Output::new(first),
            newest: None,
            ahead: 0,
            pair: None,
        }
    }

    /// Decides about a packet of any of the track's encodings. Packets may come late, but none twice:
    /// [`History::insert`](crate::history::History::insert) recognises duplicates.
    #[inline]
    pub fn forward(&mut self, now: Instant, layers: &Layers, packet: &Incoming) -> Verdict {
        if self.generation != Some(layers.generation) {
            self.choose(layers);
        }
        if self.target == Some(packet.layer) {
            return self.wait(now, layers, packet);
        }
        self.pass(now, packet)
    }

    /// To be called in place of [`View::forward`] for a packet that this sink cannot be sent (its
    /// payload type is not mapped), or need not (it is padding alone): the output closes up over it.
    pub fn skip(&mut self, now: Instant, packet: &Incoming) {
        let skipped = self.output.skip(packet.layer, packet.sequence);
        if let (Some(shift), Some(newest)) = (skipped, &mut self.newest) {
            // A packet before it may still come: what is switched to has to be later than that one too.
            let timestamp = packet.timestamp.wrapping_add(shift);
            if is_ahead(timestamp, newest.timestamp) {
                newest.timestamp = timestamp;
                newest.at = now;
            }
        }
    }

    /// Changes the wishes. What is sent now is sent until a key frame of the new choice comes.
    pub fn prefer(&mut self, layers: &Layers, wishes: &[String]) {
        self.wishes = layers.wished(wishes);
        self.choose(layers);
    }

    /// Follows another track from now on: what is sent goes on with its next key frame, under the
    /// numbers that follow. [`View::origin`] forgets the old one.
    pub fn repoint(&mut self, layers: &Layers, wishes: &[String]) {
        self.output.forget();
        self.current = None;
        self.target = None;
        self.pair = None;
        self.ahead = 0;
        self.prefer(layers, wishes);
    }

    /// An encoding's numbers begin anew: it goes on with its next key frame. [`View::origin`] forgets
    /// what was sent of it.
    pub fn restart(&mut self, layers: &Layers, layer: Layer) {
        self.output.forget_layer(layer);
        if self.current == Some(layer) {
            self.stop();
        }
        self.target = None;
        self.choose(layers);
    }

    /// The encoding that should be asked for a key frame now, at most every [`ASK_AGAIN`]. For the
    /// moments when no packet comes: after attaching a sink, or a change.
    pub fn ask(&mut self, now: Instant, layers: &Layers) -> Option<Layer> {
        if self.generation != Some(layers.generation) {
            self.choose(layers);
        }
        let target = self.target?;
        self.may_ask(now).then_some(target)
    }

    /// The encoding that is sent.
    pub fn current(&self) -> Option<Layer> {
        self.current
    }

    /// The encoding whose key frame is waited for.
    pub fn target(&self) -> Option<Layer> {
        self.target
    }

    /// What the subscriber means by a sequence number, while it is remembered.
    pub fn origin(&self, wire: u16) -> Option<Origin> {
        self.output.origin(wire)
    }

    /// What sender reports of this sink go by: the last report of the encoding that is sent, with its
    /// timestamp as the sink knows it. Until there is one, that of the encoding before it. `None`: none
    /// can be sent yet.
    pub fn pair(&mut self, layers: &Layers) -> Option<SenderPair> {
        if let Some((layer, shift)) = self.output.shift()
            && let Some(pair) = layers.pair(layer)
        {
            self.pair = Some(SenderPair {
                timestamp: pair.timestamp.wrapping_add(shift),
                ..pair
            });
        }
        self.pair
    }

    /// Fixes what is sent next: the first wish that arrives. Where none does, what is still wished for
    /// goes on.
    fn choose(&mut self, layers: &Layers) {
        self.generation = Some(layers.generation);
        let wished = self.wishes.iter().copied();
        let choice = wished.clone().find(|layer| layers.arrives(*layer));
        let target = match choice {
            None => {
                if !wished.clone().any(|layer| Some(layer) == self.current) {
                    self.stop();
                }
                None
            }
            choice if choice == self.current => None,
            choice => choice,
        };
        if target != self.target {
            self.target = target;
            self.ask_at = None;
            self.waiting_since = None;
            self.waiting_at = Extended(0);
        }
    }

    fn stop(&mut self) {
        self.output.close();
        self.current = None;
    }

    /// A packet of the target: the switch, if it can begin with it.
    fn wait(&mut self, now: Instant, layers: &Layers, packet: &Incoming) -> Verdict {
        let in_time = packet.sequence.0 + TOO_LATE >= self.waiting_at.0;
        let waiting_since = *self.waiting_since.get_or_insert(now);
        let impatient = self.current.is_none() && now >= waiting_since + PATIENCE;
        if in_time && (packet.starts_key_frame || impatient) {
            return Verdict::Send(self.switch(now, layers, packet));
        }
        self.waiting_at = self.waiting_at.max(packet.sequence);
        match self.pass(now, packet) {
            Verdict::Drop if self.may_ask(now) => Verdict::Ask,
            verdict => verdict,
        }
    }

    fn may_ask(&mut self, now: Instant) -> bool {
        let may = self.ask_at.is_none_or(|at| now >= at);
        if may {
            self.ask_at = Some(now + ASK_AGAIN);
        }
        may
    }

    /// A packet that needs no decision.
    #[inline]
    fn pass(&mut self, now: Instant, packet: &Incoming) -> Verdict {
        let Some((numbers, newest)) = self.output.numbers(packet.layer, packet.sequence) else {
            return Verdict::Drop;
        };
        if newest {
            self.remember(now, packet, numbers);
        }
        Verdict::Send(numbers)
    }

    fn switch(&mut self, now: Instant, layers: &Layers, packet: &Incoming) -> Numbers {
        let timestamp_shift = self.align(now, layers, packet);
        let picture = self.picture_shift(packet);
        let frame_shift = self.frame_shift(packet);
        self.pair = self.pair(layers);
        self.current = Some(packet.layer);
        self.target = None;
        let layer = packet.layer;
        let numbers = self.output.begin(
            layer,
            packet.sequence,
            timestamp_shift,
            picture,
            frame_shift,
        );
        self.remember(now, packet, numbers);
        numbers
    }

    /// What makes the timestamps of the packet's encoding go on from what was sent: by the sender
    /// reports of both encodings, or an earlier report of the same one; by when packets came where
    /// there are none, or where they are a second off.
    fn align(&mut self, now: Instant, layers: &Layers, packet: &Incoming) -> u32 {
        let Some(newest) = self.newest else {
            return 0;
        };
        let clock_rate = packet.clock_rate;
        let passed = now.saturating_duration_since(newest.at);
        let passed = passed.as_micros() * u128::from(clock_rate) / 1_000_000;
        let by_arrival = newest.timestamp.wrapping_add(passed as u32);
        let by_reports = match self.output.shift() {
            Some((layer, shift)) if layer == packet.layer => {
                Some(packet.timestamp.wrapping_add(shift))
            }
            _ => self.pair(layers).and_then(|sent| {
                let captured = layers.pair(packet.layer)?.ntp_at(packet.timestamp);
                Some(sent.timestamp_at(captured))
            }),
        };
        let aligned = by_reports
            .filter(|reported| apart(*reported, by_arrival) <= clock_rate)
            .unwrap_or(by_arrival);
        let aligned = aligned.wrapping_sub(self.ahead);
        let least = newest.timestamp.wrapping_add(clock_rate / FRAMES_A_SECOND);
        let timestamp = if is_ahead(least, aligned) {
            least
        } else {
            aligned
        };
        self.ahead = timestamp.wrapping_sub(aligned);
        timestamp.wrapping_sub(packet.timestamp)
    }

    /// What makes the packet's picture the one behind the newest that was sent.
    fn picture_shift(&self, packet: &Incoming) -> vp8::Shift {
        let (Some(newest), Some(picture)) = (self.newest, packet.picture) else {
            return vp8::Shift::default();
        };
        let follow_id =
            |id: vp8::PictureId| newest.picture_id.wrapping_add(1).wrapping_sub(id.value);
        let follow_tl0 =
            |(value, _): (u8, u8)| newest.tl0picidx.wrapping_add(1).wrapping_sub(value);
        vp8::Shift {
            picture_id: picture.picture_id.map_or(0, follow_id),
            tl0picidx: picture.tl0picidx.map_or(0, follow_tl0),
        }
    }

    /// What makes the packet's frame the one behind the newest that was sent: browsers drop a key frame
    /// whose dependency descriptor has a lower number than another one's before it.
    fn frame_shift(&self, packet: &Incoming) -> u16 {
        let newest = self.newest.and_then(|newest| newest.frame_number);
        let (Some(newest), Some(number)) = (newest, packet.frame_number) else {
            return 0;
        };
        newest.wrapping_add(1).wrapping_sub(number)
    }

    #[inline]
    fn remember(&mut self, now: Instant, packet: &Incoming, numbers: Numbers) {
        let timestamp = packet.timestamp.wrapping_add(numbers.timestamp_shift);
        let newest = self.newest.get_or_insert(Newest {
            timestamp,
            at: now,
            picture_id: 0,
            tl0picidx: 0,
            frame_number: None,
        });
        if is_ahead(timestamp, newest.timestamp) {
            newest.timestamp = timestamp;
            newest.at = now;
        }
        if let Some(number) = packet.frame_number {
            newest.frame_number = Some(number.wrapping_add(numbers.frame_shift));
        }
        if let Some(picture) = packet.picture {
            if let Some(id) = picture.picture_id {
                newest.picture_id = id.plus(numbers.picture.picture_id);
            }
            if let Some((value, _)) = picture.tl0picidx {
                newest.tl0picidx = value.wrapping_add(numbers.picture.tl0picidx);
            }
        }
    }
}

/// Whether timestamp `a` is later than `b`, by less than half a wrap.
fn is_ahead(a: u32, b: u32) -> bool {
    a.wrapping_sub(b) as i32 > 0
}

/// Between two timestamps, whichever is later.
fn apart(a: u32, b: u32) -> u32 {
    (a.wrapping_sub(b) as i32).unsigned_abs()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;
    use crate::clock::Ntp;
    use crate::codecs::vp8::PictureId;
    use crate::sequence::Unwrapper;

    const FULL: Layer = Layer(0);
    const HALF: Layer = Layer(1);
    /// Of video, in units of 90 kHz.
    const FRAME: u32 = 3000;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn wishes(rids: &[&str]) -> Vec<String> {
        rids.iter().map(ToString::to_string).collect()
    }

    /// A track with the encodings f and h, and one sink of it.
    struct Scene {
        now: Instant,
        layers: Layers,
        view: View,
    }

    impl Scene {
        fn new(wanted: &[&str]) -> Self {
            let layers = Layers::new(["f", "h"]);
            let view = View::new(100, &layers, &wishes(wanted));
            let now = Instant::now();
            Self { now, layers, view }
        }

        fn deliver(&mut self, packet: Incoming) -> Verdict {
            self.layers.arrived(self.now, &packet);
            self.view.forward(self.now, &self.layers, &packet)
        }

        fn key(&mut self, layer: Layer, sequence: u64) -> Verdict {
            self.deliver(packet(layer, sequence, true))
        }

        fn delta(&mut self, layer: Layer, sequence: u64) -> Verdict {
            self.deliver(packet(layer, sequence, false))
        }

        fn wait(&mut self, time: Duration) {
            self.now += time;
        }
    }

    /// A packet that is a frame of its own.
    fn packet(layer: Layer, sequence: u64, starts_key_frame: bool) -> Incoming {
        Incoming {
            layer,
            sequence: Extended(sequence),
            timestamp: sequence as u32 * FRAME,
            clock_rate: 90_000,
            starts_key_frame,
            picture: None,
            frame_number: None,
        }
    }

    fn with_picture(packet: Incoming, picture_id: u16, tl0picidx: u8) -> Incoming {
        let picture = vp8::Picture {
            picture_id: Some(PictureId {
                value: picture_id,
                wide: true,
                at: 2,
            }),
            tl0picidx: Some((tl0picidx, 4)),
        };
        Incoming {
            picture: Some(picture),
            ..packet
        }
    }

    fn sent(verdict: Verdict) -> Option<u64> {
        match verdict {
            Verdict::Send(numbers) => Some(numbers.sequence.0),
            _ => None,
        }
    }

    fn timestamp(packet: Incoming, verdict: Verdict) -> u32 {
        let Verdict::Send(numbers) = verdict else {
            panic!("{packet:?} was not sent");
        };
        packet.timestamp.wrapping_add(numbers.timestamp_shift)
    }

    #[test]
    fn a_sink_begins_with_a_key_frame_and_asks_for_one_until_it_comes() {
        let mut scene = Scene::new(&[]);
        assert_eq!(scene.delta(FULL, 500), Verdict::Ask);
        assert_eq!(scene.delta(FULL, 501), Verdict::Drop);
        scene.wait(ASK_AGAIN);
        assert_eq!(scene.delta(FULL, 502), Verdict::Ask);
        assert_eq!(sent(scene.key(FULL, 503)), Some(100));
        assert_eq!(sent(scene.delta(FULL, 504)), Some(101));
        assert_eq!(scene.view.target(), None);
    }

    #[test]
    fn a_key_frame_is_asked_for_at_once_where_no_packet_comes_for_a_while() {
        let mut scene = Scene::new(&[]);
        scene.layers.arrived(scene.now, &packet(FULL, 1, false));
        assert_eq!(scene.view.ask(scene.now, &scene.layers), Some(FULL));
        assert_eq!(scene.view.ask(scene.now, &scene.layers), None);
        assert_eq!(scene.delta(FULL, 2), Verdict::Drop);
    }

    #[test]
    fn audio_begins_with_any_packet() {
        let layers = Layers::new([""]);
        let mut scene = Scene {
            view: View::new(0, &layers, &[]),
            layers,
            now: Instant::now(),
        };
        assert_eq!(sent(scene.key(FULL, 70_000)), Some(0));
        assert_eq!(sent(scene.key(FULL, 70_002)), Some(2));
        assert_eq!(sent(scene.key(FULL, 70_001)), Some(1));
    }

    #[test]
    fn the_old_layer_is_sent_until_the_key_frame_of_the_new_one() {
        let mut scene = Scene::new(&["f"]);
        scene.key(FULL, 500);
        scene.key(HALF, 20);
        scene.view.prefer(&scene.layers, &wishes(&["h"]));
        assert_eq!(sent(scene.delta(FULL, 501)), Some(101));
        assert_eq!(scene.delta(HALF, 21), Verdict::Ask);
        assert_eq!(sent(scene.delta(FULL, 502)), Some(102));
        assert_eq!(sent(scene.key(HALF, 22)), Some(103));
        assert_eq!(scene.delta(FULL, 503), Verdict::Drop);
        assert_eq!(scene.delta(HALF, 21), Verdict::Drop);
        assert_eq!(sent(scene.delta(HALF, 23)), Some(104));
    }

    #[test]
    fn the_first_wish_that_arrives_is_sent() {
        let mut scene = Scene::new(&["f", "h"]);
        assert_eq!(sent(scene.key(HALF, 1)), Some(100));
        // The first packet of a better layer is a key frame: nobody is asked.
        assert_eq!(sent(scene.key(FULL, 1)), Some(101));
        // It stops.
        for sequence in 2..14 {
            scene.wait(ms(100));
            scene.delta(HALF, sequence);
        }
        assert_eq!(scene.view.target(), Some(HALF));
        assert_eq!(sent(scene.key(HALF, 14)), Some(102));
        // It comes back.
        assert_eq!(sent(scene.key(FULL, 2)), Some(103));
    }

    #[test]
    fn nothing_is_sent_while_no_wish_arrives() {
        let mut scene = Scene::new(&["f"]);
        assert_eq!(scene.key(HALF, 1), Verdict::Drop);
        scene.view.prefer(&scene.layers, &wishes(&["x"]));
        assert_eq!(scene.key(HALF, 2), Verdict::Drop);
        scene.view.prefer(&scene.layers, &[]);
        assert_eq!(sent(scene.key(HALF, 3)), Some(100));
        scene.view.prefer(&scene.layers, &wishes(&["f"]));
        assert_eq!(scene.delta(HALF, 4), Verdict::Drop);
        assert_eq!(scene.view.current(), None);
    }

    #[test]
    fn a_pause_of_the_whole_track_changes_nothing() {
        let mut scene = Scene::new(&["f", "h"]);
        scene.key(FULL, 1);
        scene.key(HALF, 1);
        scene.wait(ms(5_000));
        assert_eq!(sent(scene.delta(FULL, 2)), Some(101));
    }

    #[test]
    fn another_track_goes_on_where_the_first_one_was() {
        let mut scene = Scene::new(&["f"]);
        let first = packet(FULL, 500, true);
        let before = scene.deliver(first);
        scene.layers = Layers::new([""]);
        scene.view.repoint(&scene.layers, &[]);
        assert_eq!(scene.view.origin(100), None);
        scene.wait(ms(200));
        assert_eq!(scene.delta(FULL, 9), Verdict::Ask);
        let second = packet(FULL, 10, true);
        let after = scene.deliver(second);
        assert_eq!(sent(after), Some(101));
        let passed = timestamp(second, after).wrapping_sub(timestamp(first, before));
        assert_eq!(passed, 18_000);
    }

    #[test]
    fn an_encoding_that_counts_anew_goes_on_with_its_key_frame() {
        let mut scene = Scene::new(&["f"]);
        scene.key(FULL, 500);
        scene.delta(FULL, 502);
        scene.layers.restart(FULL);
        scene.view.restart(&scene.layers, FULL);
        assert_eq!(scene.view.origin(101), None);
        assert_eq!(scene.delta(FULL, 401), Verdict::Ask);
        assert_eq!(sent(scene.key(FULL, 402)), Some(103));
    }

    #[test]
    fn a_recovered_packet_keeps_its_number_across_a_switch() {
        let mut scene = Scene::new(&["f"]);
        scene.key(FULL, 500);
        scene.delta(FULL, 502);
        scene.key(HALF, 20);
        scene.view.prefer(&scene.layers, &wishes(&["h"]));
        assert_eq!(sent(scene.key(HALF, 21)), Some(103));
        assert_eq!(sent(scene.delta(FULL, 501)), Some(101));
        let origin = scene.view.origin(101).unwrap();
        assert_eq!((origin.layer, origin.sequence), (FULL, Extended(501)));
    }

    #[test]
    fn a_key_frame_that_was_recovered_very_late_is_not_begun_with() {
        let mut scene = Scene::new(&["f"]);
        scene.delta(FULL, 600);
        assert_eq!(sent(scene.key(FULL, 500)), None);
        assert_eq!(sent(scene.key(FULL, 590)), Some(100));
    }

    #[test]
    fn a_burst_is_begun_with_at_its_first_packet_although_all_of_it_came_before_the_views_look() {
        let mut scene = Scene::new(&["f"]);
        let burst = (500..700).map(|sequence| packet(FULL, sequence, sequence == 500));
        burst
            .clone()
            .for_each(|packet| scene.layers.arrived(scene.now, &packet));
        for (number, packet) in (100..).zip(burst) {
            let verdict = scene.view.forward(scene.now, &scene.layers, &packet);
            assert_eq!(sent(verdict), Some(number));
        }
    }

    #[test]
    fn payloads_that_hide_their_key_frames_are_sent_after_a_while() {
        let mut scene = Scene::new(&[]);
        assert_eq!(scene.delta(FULL, 1), Verdict::Ask);
        scene.wait(PATIENCE);
        assert_eq!(sent(scene.delta(FULL, 2)), Some(100));
    }

    #[test]
    fn picture_numbers_go_on_across_a_switch() {
        let mut scene = Scene::new(&["f"]);
        scene.deliver(with_picture(packet(FULL, 500, true), 0x7fff, 255));
        scene.deliver(with_picture(packet(HALF, 20, true), 700, 40));
        scene.view.prefer(&scene.layers, &wishes(&["h"]));
        let key = with_picture(packet(HALF, 21, true), 701, 41);
        let Verdict::Send(numbers) = scene.deliver(key) else {
            panic!("the key frame was not sent");
        };
        let id = key.picture.unwrap().picture_id.unwrap();
        assert_eq!(id.plus(numbers.picture.picture_id), 0);
        assert_eq!(41_u8.wrapping_add(numbers.picture.tl0picidx), 0);
    }

    #[test]
    fn frame_numbers_go_on_across_a_switch_and_another_track() {
        let numbered = |packet: Incoming, number: u16| Incoming {
            frame_number: Some(number),
            ..packet
        };
        let number = |verdict: Verdict, packet: Incoming| match verdict {
            Verdict::Send(numbers) => Some(packet.frame_number?.wrapping_add(numbers.frame_shift)),
            _ => None,
        };
        let mut scene = Scene::new(&["f"]);
        let first = numbered(packet(FULL, 500, true), 900);
        assert_eq!(number(scene.deliver(first), first), Some(900));
        scene.deliver(numbered(packet(HALF, 20, true), 3));
        scene.view.prefer(&scene.layers, &wishes(&["h"]));
        let switched = numbered(packet(HALF, 21, true), 4);
        assert_eq!(number(scene.deliver(switched), switched), Some(901));
        let next = numbered(packet(HALF, 22, false), 6);
        assert_eq!(number(scene.deliver(next), next), Some(903));

        scene.layers = Layers::new([""]);
        scene.view.repoint(&scene.layers, &[]);
        let young = numbered(packet(FULL, 10, true), 0);
        assert_eq!(number(scene.deliver(young), young), Some(904));
    }

    /// The capture of `packet`, as its sink gets to know it.
    fn captured(scene: &mut Scene, packet: Incoming, verdict: Verdict) -> u64 {
        let pair = scene.view.pair(&scene.layers).unwrap();
        pair.ntp_at(timestamp(packet, verdict)).0
    }

    fn pair(ms: u64, timestamp: u32) -> SenderPair {
        SenderPair {
            ntp: Ntp((1_000 << 32) + (ms << 32) / 1000),
            timestamp,
            clock_rate: 90_000,
        }
    }

    #[test]
    fn timestamps_of_two_layers_are_aligned_by_their_sender_reports() {
        let mut scene = Scene::new(&["f"]);
        // Timestamp 0 of f, and 77,000 of h, are the same moment.
        scene.layers.set_pair(FULL, pair(0, 0));
        scene.layers.set_pair(HALF, pair(0, 77_000));
        let old = Incoming {
            timestamp: 9_000,
            ..packet(FULL, 500, true)
        };
        let before = scene.deliver(old);
        scene.deliver(packet(HALF, 20, true));
        scene.view.prefer(&scene.layers, &wishes(&["h"]));
        // Captured 100 ms after the old layer's picture; it took 130 ms longer on its way.
        scene.wait(ms(230));
        let new = Incoming {
            timestamp: 77_000 + 18_000,
            ..packet(HALF, 21, true)
        };
        let after = scene.deliver(new);
        assert_eq!(timestamp(old, before), 9_000);
        assert_eq!(timestamp(new, after), 18_000);
        // 200 ms after the reports.
        assert_eq!(
            captured(&mut scene, new, after),
            (1_000 << 32) + (1 << 32) / 5
        );
    }

    #[test]
    fn timestamps_are_aligned_by_arrival_where_reports_are_missing_or_absurd() {
        for report in [None, Some(pair(3_600_000, 0))] {
            let mut scene = Scene::new(&["f"]);
            scene.layers.set_pair(FULL, pair(0, 0));
            if let Some(report) = report {
                scene.layers.set_pair(HALF, report);
            }
            let old = packet(FULL, 500, true);
            let before = scene.deliver(old);
            scene.deliver(packet(HALF, 20, true));
            scene.view.prefer(&scene.layers, &wishes(&["h"]));
            scene.wait(ms(150));
            let new = packet(HALF, 21, true);
            let after = scene.deliver(new);
            let passed = timestamp(new, after).wrapping_sub(timestamp(old, before));
            assert_eq!(passed, 13_500);
        }
    }

    #[test]
    fn switching_within_a_picture_moves_forward_by_a_frame_and_reports_make_up_for_it() {
        let mut scene = Scene::new(&["f"]);
        scene.layers.set_pair(FULL, pair(0, 0));
        scene.layers.set_pair(HALF, pair(0, 0));
        let mut last = None;
        for frame in 0..300_u32 {
            scene.wait(ms(33));
            // Both layers of a picture come together.
            for layer in [FULL, HALF] {
                let key = Incoming {
                    timestamp: frame * FRAME,
                    ..packet(layer, u64::from(frame), true)
                };
                let verdict = scene.deliver(key);
                if sent(verdict).is_none() {
                    continue;
                }
                let sent = timestamp(key, verdict);
                if let Some(last) = last {
                    assert!(sent.wrapping_sub(last) >= FRAME, "{sent} follows {last}");
                }
                last = Some(sent);
                let told = captured(&mut scene, key, verdict);
                let true_time = pair(0, 0).ntp_at(key.timestamp).0;
                assert!(told.abs_diff(true_time) < 1 << 12, "{told} for {true_time}");
            }
            if frame % 30 == 29 {
                let wish = if frame % 60 == 29 { "h" } else { "f" };
                scene.view.prefer(&scene.layers, &wishes(&[wish]));
            }
        }
    }

    #[test]
    fn sender_reports_wait_for_the_publishers_and_outlive_a_switch() {
        let mut scene = Scene::new(&["f"]);
        scene.key(FULL, 1);
        assert_eq!(scene.view.pair(&scene.layers), None);
        scene.layers.set_pair(FULL, pair(0, 5));
        assert_eq!(scene.view.pair(&scene.layers), Some(pair(0, 5)));
        scene.key(HALF, 1);
        scene.view.prefer(&scene.layers, &wishes(&["h"]));
        scene.key(HALF, 2);
        assert_eq!(scene.view.pair(&scene.layers), Some(pair(0, 5)));
    }

    #[test]
    fn a_sink_is_small() {
        assert!(size_of::<View>() <= 384);
    }

    /// A packet on its way, and what the subscriber wishes when it comes.
    #[derive(Clone, Debug)]
    struct Step {
        packet: Incoming,
        lost: bool,
        unmapped: bool,
        wish: Option<&'static str>,
    }

    /// Two layers that send by turns, each with wrapping numbers and timestamps of its own. Each packet
    /// comes at most `reach` places late; of a hundred, `loss` are lost.
    fn steps(reach: u8, loss: u8) -> impl Strategy<Value = Vec<Step>> {
        let choice = (any::<bool>(), 0_u8..100, 0..=reach, 0_u8..20, 0_u8..12);
        let start = (any::<u16>(), any::<u32>());
        (start, start, prop::collection::vec(choice, 1..300)).prop_map(
            move |(full, half, choices)| {
                let mut unwrappers = [Unwrapper::default(); 2];
                let mut next = [full, half];
                let mut steps = Vec::new();
                for (place, (second, percent, late, special, frame)) in
                    choices.into_iter().enumerate()
                {
                    let (layer, at) = if second { (HALF, 1) } else { (FULL, 0) };
                    let (sequence, timestamp) = next[at];
                    next[at] = (
                        sequence.wrapping_add(1),
                        timestamp.wrapping_add(if frame < 4 { FRAME } else { 0 }),
                    );
                    let starts_key_frame = frame == 0;
                    steps.push((
                        place + usize::from(late),
                        Step {
                            packet: Incoming {
                                layer,
                                sequence: unwrappers[at].unwrap(sequence),
                                timestamp: next[at].1,
                                clock_rate: 90_000,
                                starts_key_frame,
                                picture: None,
                                frame_number: None,
                            },
                            lost: percent < loss,
                            unmapped: loss > 0 && special == 0,
                            wish: match special {
                                1 => Some("f"),
                                2 => Some("h"),
                                _ => None,
                            },
                        },
                    ));
                }
                steps.sort_by_key(|(place, _)| *place);
                steps.into_iter().map(|(_, step)| step).collect()
            },
        )
    }

    /// What was sent: the packet, its number and its timestamp.
    type Sent = (Incoming, u64, u32);

    fn run(steps: Vec<Step>, reports: bool) -> (View, Vec<Sent>) {
        let mut scene = Scene::new(&["f"]);
        let mut all = Vec::new();
        for step in steps {
            scene.wait(ms(10));
            if let Some(wish) = step.wish {
                scene.view.prefer(&scene.layers, &wishes(&[wish]));
            }
            if step.lost {
                continue;
            }
            if reports {
                let clock = pair(all.len() as u64 * 10, step.packet.timestamp);
                scene.layers.set_pair(step.packet.layer, clock);
            }
            if step.unmapped {
                scene.view.skip(scene.now, &step.packet);
                continue;
            }
            let verdict = scene.deliver(step.packet);
            if let Some(number) = sent(verdict) {
                all.push((step.packet, number, timestamp(step.packet, verdict)));
            }
        }
        (scene.view, all)
    }

    proptest! {
        /// However packets are lost, overtaken, left out and switched between layers: numbers are
        /// unique, follow the order of each layer, lead back to their packet, and timestamps never go
        /// back.
        #[test]
        fn output_is_one_stream_whatever_comes_in(steps in steps(12, 10), reports: bool) {
            let (view, mut all) = run(steps, reports);
            let numbers: HashSet<u64> = all.iter().map(|(_, number, _)| *number).collect();
            prop_assert_eq!(numbers.len(), all.len());
            for (packet, number, _) in &all {
                if let Some(origin) = view.origin(*number as u16) {
                    prop_assert_eq!((origin.layer, origin.sequence), (packet.layer, packet.sequence));
                }
            }
            all.sort_by_key(|(_, number, _)| *number);
            for pair in all.windows(2) {
                let ((a, _, earlier), (b, _, later)) = (pair[0], pair[1]);
                prop_assert!(a.layer != b.layer || a.sequence < b.sequence);
                prop_assert!(!is_ahead(earlier, later), "{} follows {}", later, earlier);
                prop_assert!(a.layer == b.layer || is_ahead(later, earlier));
            }
        }

        /// Without loss and reordering, numbers are sent one after another, whatever was switched.
        #[test]
        fn output_has_no_gap_where_the_input_has_none(steps in steps(0, 0), reports: bool) {
            let (_, all) = run(steps, reports);
            for (place, (_, number, _)) in all.iter().enumerate() {
                prop_assert_eq!(*number, 100 + place as u64);
            }
        }
    }
}

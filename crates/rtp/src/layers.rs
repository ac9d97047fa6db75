//! Which encoding of a track a sink gets, switched so that its decoder does not notice.
//!
//! One [`Layers`] for a track on a shard knows what arrives; one [`View`] for a sink follows it. The first
//! wish that arrives is chosen, in [`View::choose`]: a choice by bandwidth would be a condition there.

use std::time::{Duration, Instant};

use crate::clock::SenderPair;
use crate::codecs::vp8;
use crate::sequence::{Extended, Numbers, Origin, Output};

/// One of a track's encodings, by its place in the description.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Layer(pub u8);

/// An encoding without a packet for so long does not arrive, if another one of its track does.
pub const ARRIVING: Duration = Duration::from_secs(1);

/// A key frame that does not come is asked for again after this time.
pub const ASK_AGAIN: Duration = Duration::from_millis(500);

/// A sink that gets nothing begins without a key frame after this time: payloads that are encrypted from end to
/// end may hide them.
pub const PATIENCE: Duration = Duration::from_secs(3);

/// A key frame whose first packet was recovered so late is not begun with: the subscriber would have to ask for
/// every packet behind it.
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
}

#[derive(Debug)]
struct Encoding {
    rid: Box<str>,
    arrives: bool,
    /// When its last packet came.
    last: Option<Instant>,
    highest: Extended,
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
    /// `rids` in the order of the description (the first 256 count); one empty rid without simulcast.
    pub fn new<'a>(rids: impl IntoIterator<Item = &'a str>) -> Self {
        let encodings = rids.into_iter().take(256).map(|rid| Encoding {
            rid: rid.into(),
            arrives: false,
            last: None,
            highest: Extended(0),
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

    /// A packet came that is no duplicate; to be called before the views see it. Views choose again by themselves
    /// once an encoding begins or ceases to arrive.
    pub fn arrived(&mut self, now: Instant, packet: &Incoming) {
        let Some(encoding) = self.encodings.get_mut(usize::from(packet.layer.0)) else {
            return;
        };
        encoding.last = Some(now);
        encoding.highest = encoding.highest.max(packet.sequence);
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

    /// Whether the encoding arrives: it did, less than [`ARRIVING`] before the track's last packet.
    pub fn arrives(&self, layer: Layer) -> bool {
        self.get(layer).is_some_and(|encoding| encoding.arrives)
    }

    /// The encoding's last sender report: which moment a timestamp is to the publisher. One without a clock
    /// (NTP time 0) says nothing.
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
    muted: bool,
    ask_at: Option<Instant>,
    /// The target's first packet that was not sent for want of a key frame.
    waiting_since: Option<Instant>,
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
            muted: false,
            ask_at: None,
            waiting_since: None,
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

    /// To be called in place of [`View::forward`] for a packet that this sink cannot be sent (its payload type
    /// is not mapped), or need not (it is padding alone): the output closes up over it.
    pub fn skip(&mut self, packet: &Incoming) {
        self.output.skip(packet.layer, packet.sequence);
    }

    /// Changes the wishes. What is sent now is sent until a key frame of the new choice comes.
    pub fn prefer(&mut self, layers: &Layers, wishes: &[String]) {
        self.wishes = layers.wished(wishes);
        self.choose(layers);
    }

    /// Follows another track from now on (or the same one, whose numbers began anew): what is sent goes on with
    /// its next key frame, under the numbers that follow. [`View::origin`] forgets the old one.
    pub fn repoint(&mut self, layers: &Layers, wishes: &[String]) {
        self.output.forget();
        self.current = None;
        self.target = None;
        self.pair = None;
        self.ahead = 0;
        self.prefer(layers, wishes);
    }

    /// Stops at once, or begins again with the next key frame.
    pub fn mute(&mut self, layers: &Layers, muted: bool) {
        self.muted = muted;
        if muted {
            self.stop();
        }
        self.choose(layers);
    }

    /// The encoding that should be asked for a key frame now, at most every [`ASK_AGAIN`]. For the moments when
    /// no packet comes: after attaching a sink, or a change.
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

    /// What sender reports of this sink go by: the last report of the encoding that is sent, with its timestamp as
    /// the sink knows it. Until there is one, that of the encoding before it. `None`: none can be sent yet.
    pub fn pair(&mut self, layers: &Layers) -> Option<SenderPair> {
        if let Some((layer, shift)) = self.output.shifts()
            && let Some(pair) = layers.pair(layer)
        {
            self.pair = Some(SenderPair {
                timestamp: pair.timestamp.wrapping_add(shift),
                ..pair
            });
        }
        self.pair
    }

    /// Fixes what is sent next: the first wish that arrives. Where none does, what is still wished for goes on.
    fn choose(&mut self, layers: &Layers) {
        self.generation = Some(layers.generation);
        let wished = self.wishes.iter().copied();
        let choice = wished.clone().find(|layer| layers.arrives(*layer));
        let target = match choice {
            _ if self.muted => None,
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
        }
    }

    fn stop(&mut self) {
        self.output.close();
        self.current = None;
    }

    /// A packet of the target: the switch, if it can begin with it.
    fn wait(&mut self, now: Instant, layers: &Layers, packet: &Incoming) -> Verdict {
        let highest = layers.get(packet.layer).map_or(0, |held| held.highest.0);
        let in_time = packet.sequence.0 + TOO_LATE >= highest;
        let waiting_since = *self.waiting_since.get_or_insert(now);
        let impatient = self.current.is_none() && now >= waiting_since + PATIENCE;
        if in_time && (packet.starts_key_frame || impatient) {
            return Verdict::Send(self.switch(now, layers, packet));
        }
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
        self.pair = self.pair(layers);
        self.current = Some(packet.layer);
        self.target = None;
        let layer = packet.layer;
        let numbers = self
            .output
            .begin(layer, packet.sequence, timestamp_shift, picture);
        self.remember(now, packet, numbers);
        numbers
    }

    /// What makes the timestamps of the packet's encoding go on from what was sent: by the sender reports of both
    /// encodings, or an earlier report of the same one; by when packets came where there are none, or where
    /// they are a second off.
    fn align(&mut self, now: Instant, layers: &Layers, packet: &Incoming) -> u32 {
        let Some(newest) = self.newest else {
            return 0;
        };
        let clock_rate = packet.clock_rate;
        let passed = now.saturating_duration_since(newest.at);
        let passed = passed.as_micros() * u128::from(clock_rate) / 1_000_000;
        let by_arrival = newest.timestamp.wrapping_add(passed as u32);
        let by_reports = match self.output.shifts() {
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

    #[inline]
    fn remember(&mut self, now: Instant, packet: &Incoming, numbers: Numbers) {
        let timestamp = packet.timestamp.wrapping_add(numbers.timestamp_shift);
        let newest = self.newest.get_or_insert(Newest {
            timestamp,
            at: now,
            picture_id: 0,
            tl0picidx: 0,
        });
        if is_ahead(timestamp, newest.timestamp) {
            newest.timestamp = timestamp;
            newest.at = now;
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

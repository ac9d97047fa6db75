//! Which encoding of a track a sink gets, switched so that its decoder does not notice.
//!
//! One [`Layers`] per track and shard knows what arrives; one [`View`] per sink follows it. The first
//! wish that arrives is chosen; a choice by bandwidth would be one more condition in [`View::choose`].

use std::time::{Duration, Instant};

use crate::clock::SenderPair;
use crate::codecs::vp8;
use crate::sequence::{Extended, Numbers, Origin};

/// One of a track's encodings, by its place in the description.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Layer(pub u8);

/// An encoding without a packet for so long does not arrive, if another one of its track does.
pub const ARRIVING: Duration = Duration::from_secs(1);

/// A key frame that does not come is asked for again after this time.
pub const ASK_AGAIN: Duration = Duration::from_millis(500);

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

/// The encodings of one track, as one shard sees them.
#[derive(Debug)]
pub struct Layers {}

impl Layers {
    /// `rids` in the order of the description (at most 256 count); one empty rid without simulcast.
    pub fn new<'a>(rids: impl IntoIterator<Item = &'a str>) -> Self {
        let _ = rids;
        todo!()
    }

    /// The encoding of that rid.
    pub fn find(&self, rid: &str) -> Option<Layer> {
        let _ = rid;
        todo!()
    }

    /// A packet of the encoding came, for the first time; to be called before the views see it. Views
    /// choose again by themselves once an encoding begins or ceases to arrive.
    pub fn arrived(&mut self, now: Instant, layer: Layer) {
        let _ = (now, layer);
        todo!()
    }

    /// Whether the encoding arrives.
    pub fn arrives(&self, layer: Layer) -> bool {
        let _ = layer;
        todo!()
    }

    /// The encoding's last sender report: what time a timestamp means to the publisher.
    pub fn set_pair(&mut self, layer: Layer, pair: SenderPair) {
        let _ = (layer, pair);
        todo!()
    }

    /// What [`Layers::set_pair`] was told last.
    pub fn pair(&self, layer: Layer) -> Option<SenderPair> {
        let _ = layer;
        todo!()
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

/// One sink's view of one track: which encoding it gets, under which numbers.
#[derive(Debug)]
pub struct View {}

impl View {
    /// A view that has sent nothing. `first` is the first sequence number, of which 15 bits count, so
    /// that the rollover counter begins with 0; the caller throws the dice.
    /// `wishes` are rids, most wanted first; an empty list means any, in the order of the description.
    pub fn new(first: u16, layers: &Layers, wishes: &[String]) -> Self {
        let _ = (first, layers, wishes);
        todo!()
    }

    /// Decides about a packet of any of the track's encodings. Packets may come late, but none twice:
    /// [`History::insert`](crate::history::History::insert) recognises duplicates.
    pub fn forward(&mut self, now: Instant, layers: &Layers, packet: &Incoming) -> Verdict {
        let _ = (now, layers, packet);
        todo!()
    }

    /// To be called in place of [`View::forward`] for a packet that this sink cannot be sent (its payload type
    /// is not mapped): the output closes up over it.
    pub fn skip(&mut self, packet: &Incoming) {
        let _ = packet;
        todo!()
    }

    /// Changes the wishes. What is sent now is sent until a key frame of the new choice comes.
    pub fn prefer(&mut self, layers: &Layers, wishes: &[String]) {
        let _ = (layers, wishes);
        todo!()
    }

    /// Follows another track from now on (or the same one, whose numbering began anew): numbers go on
    /// where they are, with its next key frame. [`View::origin`] forgets the old one.
    pub fn repoint(&mut self, layers: &Layers, wishes: &[String]) {
        let _ = (layers, wishes);
        todo!()
    }

    /// Stops at once, or begins again with the next key frame.
    pub fn mute(&mut self, muted: bool) {
        let _ = muted;
        todo!()
    }

    /// The encoding that should be asked for a key frame now, at most every [`ASK_AGAIN`]. For the moments when
    /// no packet comes: after attaching, a change, or the subscriber's own request (`force`).
    pub fn ask(&mut self, now: Instant) -> Option<Layer> {
        let _ = now;
        todo!()
    }

    /// The encoding that is sent: the one to pass a subscriber's PLI or FIR on to.
    pub fn current(&self) -> Option<Layer> {
        todo!()
    }

    /// The encoding whose key frame is waited for.
    pub fn target(&self) -> Option<Layer> {
        todo!()
    }

    /// What the subscriber means by a sequence number, while it is remembered.
    pub fn origin(&self, wire: u16) -> Option<Origin> {
        let _ = wire;
        todo!()
    }

    /// The publisher's clock and this sink's timestamps: the current encoding's last sender report, in output
    /// timestamps. Before that report comes, the one of the encoding before it. `None`: no sender
    /// report can be sent yet.
    pub fn pair(&mut self, layers: &Layers) -> Option<SenderPair> {
        let _ = layers;
        todo!()
    }
}

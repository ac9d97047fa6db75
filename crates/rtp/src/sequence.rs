//! Sequence numbers that do not wrap, and the ones that one sink sends under.

use crate::codecs::vp8;
use crate::layers::Layer;

/// A sequence number that does not wrap: its low 16 bits are those of the packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Extended(pub u64);

impl Extended {
    /// As it stands in a packet.
    pub fn wire(self) -> u16 {
        self.0 as u16
    }
}

/// Extends the 16 bits of packets, each one to the number next to the highest so far.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unwrapper {
    highest: Option<u64>,
}

impl Unwrapper {
    /// The number of a packet that came; the highest moves on with it. The first one is counted as if
    /// numbers had wrapped once, so that an earlier one can follow it.
    pub fn unwrap(&mut self, wire: u16) -> Extended {
        let _ = wire;
        todo!()
    }

    /// What `wire` stands for, without moving on: for numbers that name a packet (OSN of RFC 4588, NACK).
    /// `None` before the first packet.
    pub fn near(&self, wire: u16) -> Option<Extended> {
        let _ = wire;
        todo!()
    }

    /// The highest so far.
    pub fn highest(&self) -> Option<Extended> {
        self.highest.map(Extended)
    }
}

/// What a packet is changed by on its way to one sink.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Numbers {
    /// The sequence number to send under. [`Extended::wire`] stands in the packet; the bits above it are
    /// SRTP's rollover counter, 0 to begin with.
    pub sequence: Extended,
    /// Added to the packet's timestamp, modulo 2^32.
    pub timestamp_shift: u32,
    /// Added to VP8's picture numbers.
    pub picture: vp8::Shift,
}

/// Which packet of the publisher an output sequence number stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin {
    /// Its encoding.
    pub layer: Layer,
    /// Its number in that encoding: what [`History::get`](crate::history::History::get) takes.
    pub sequence: Extended,
    /// What it was, or would be, sent under.
    pub numbers: Numbers,
}

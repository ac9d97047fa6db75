//! Sequence numbers that do not wrap, and the ones that one sink sends under.

use crate::codecs::vp8;
use crate::layers::Layer;

/// A sequence number that does not wrap: its low 16 bits are those of the packet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Extended(pub u64);

impl Extended {
    /// As it stands in a packet.
    pub fn wire(self) -> u16 {
        self.0 as u16
    }

    /// The number next to this one that stands in a packet as `wire`: less than half a wrap away.
    pub fn near(self, wire: u16) -> Self {
        let ahead = wire.wrapping_sub(self.wire()) as i16;
        Self(self.0.saturating_add_signed(i64::from(ahead)))
    }
}

/// Extends the 16 bits of packets, each one to the number next to the highest so far.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unwrapper {
    highest: Option<Extended>,
}

impl Unwrapper {
    /// What numbers count from: as if they had wrapped once, so that earlier ones than the first can
    /// follow.
    pub const BASE: u64 = 1 << 16;

    /// The number of a packet that came; the highest moves on with it.
    pub fn unwrap(&mut self, wire: u16) -> Extended {
        let sequence = match self.highest {
            Some(highest) => highest.near(wire),
            None => Extended(Self::BASE + u64::from(wire)),
        };
        self.highest = self.highest.max(Some(sequence));
        sequence
    }

    /// What `wire` stands for, without moving on: for numbers that name a packet (OSN of RFC 4588).
    /// `None` before the first packet.
    pub fn near(&self, wire: u16) -> Option<Extended> {
        self.highest.map(|highest| highest.near(wire))
    }

    /// The highest so far.
    pub fn highest(&self) -> Option<Extended> {
        self.highest
    }
}

/// What a packet is changed by on its way to one sink.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Numbers {
    /// The sequence number to send under. [`Extended::wire`] stands in the packet; the bits above it
    /// are SRTP's rollover counter, 0 to begin with.
    pub sequence: Extended,
    /// Added to the packet's timestamp, modulo 2^32.
    pub timestamp_shift: u32,
    /// Added to VP8's picture numbers.
    pub picture: vp8::Shift,
    /// Added to the frame number of a dependency descriptor, modulo 2^16.
    pub frame_shift: u16,
}

/// Which packet of the publisher an output sequence number stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin {
    /// Its encoding.
    pub layer: Layer,
    /// Its number in that encoding: what [`History::get`](crate::history::History::get) takes.
    pub sequence: Extended,
    /// What it was, or would have been, sent under.
    pub numbers: Numbers,
}

/// How many stretches of input a sink remembers besides the last one: late packets and NACKs reach back
/// so far.
const OLDER: usize = 11;

/// A stretch of one encoding that is sent under numbers at one distance from its own.
#[derive(Clone, Copy, Debug)]
struct Segment {
    layer: Layer,
    /// The first input number.
    first: u64,
    /// Output number less input number.
    offset: i64,
    timestamp_shift: u32,
    picture: vp8::Shift,
    frame_shift: u16,
}

impl Segment {
    fn output(&self, input: u64) -> u64 {
        input.wrapping_add_signed(self.offset)
    }

    fn numbers(&self, output: u64) -> Numbers {
        Numbers {
            sequence: Extended(output),
            timestamp_shift: self.timestamp_shift,
            picture: self.picture,
            frame_shift: self.frame_shift,
        }
    }
}

/// The numbers that one sink sends under: without gaps of our making, whatever it is made of.
///
/// Output is a chain of segments, each going on where the one before it ended. Only the last one grows,
/// and that only while it is open.
#[derive(Debug)]
pub(crate) struct Output {
    /// Above every number that was sent, or is kept for a packet that may come late.
    next: u64,
    last: Option<Segment>,
    open: bool,
    /// Those before the last, oldest first.
    older: Vec<Segment>,
}

impl Output {
    /// Begins at `first`, of which 15 bits count.
    pub(crate) fn new(first: u16) -> Self {
        Self {
            next: u64::from(first & 0x7fff),
            last: None,
            open: false,
            older: Vec::new(),
        }
    }

    /// Begins a segment with this packet; the one before it ends.
    pub(crate) fn begin(
        &mut self,
        layer: Layer,
        first: Extended,
        timestamp_shift: u32,
        picture: vp8::Shift,
        frame_shift: u16,
    ) -> Numbers {
        let segment = Segment {
            layer,
            first: first.0,
            offset: self.next.wrapping_sub(first.0) as i64,
            timestamp_shift,
            picture,
            frame_shift,
        };
        self.push(segment);
        self.open = true;
        let numbers = segment.numbers(self.next);
        self.next += 1;
        numbers
    }

    /// The numbers of a packet, and whether it is the newest so far; `None` if it belongs to no segment,
    /// or to one that ended before it.
    #[inline]
    pub(crate) fn numbers(&mut self, layer: Layer, input: Extended) -> Option<(Numbers, bool)> {
        let last = self.last.as_ref()?;
        if last.layer != layer || input.0 < last.first {
            return Some((self.late(layer, input)?, false));
        }
        let output = last.output(input.0);
        let newest = output >= self.next;
        if newest {
            if !self.open {
                return None;
            }
            self.next = output + 1;
        }
        Some((last.numbers(output), newest))
    }

    /// The numbers of a packet that belongs to no open segment.
    fn late(&self, layer: Layer, input: Extended) -> Option<Numbers> {
        let last = self.last.as_ref()?;
        let mut end = last.output(last.first);
        for segment in self.older.iter().rev() {
            if segment.layer == layer && segment.first <= input.0 {
                let output = segment.output(input.0);
                return (output < end).then(|| segment.numbers(output));
            }
            end = segment.output(segment.first);
        }
        None
    }

    /// Leaves a packet out of the open segment: the one behind it gets its number. Returns what would
    /// have been added to its timestamp. `None`, and without effect, for packets of other layers, and
    /// for those that come late, whose number is taken.
    pub(crate) fn skip(&mut self, layer: Layer, input: Extended) -> Option<u32> {
        let last = self.last.as_mut().filter(|_| self.open)?;
        let output = last.output(input.0);
        if last.layer != layer || input.0 < last.first || output < self.next {
            return None;
        }
        self.next = output;
        let timestamp_shift = last.timestamp_shift;
        if input.0 == last.first {
            last.first += 1;
            last.offset -= 1;
            return Some(timestamp_shift);
        }
        let segment = Segment {
            first: input.0 + 1,
            offset: last.offset - 1,
            ..*last
        };
        self.push(segment);
        Some(timestamp_shift)
    }

    /// Ends the last segment: nothing new is sent until another one begins.
    pub(crate) fn close(&mut self) {
        self.open = false;
    }

    /// Forgets what was sent; numbers go on where they are.
    pub(crate) fn forget(&mut self) {
        self.older.clear();
        self.last = None;
        self.open = false;
    }

    /// Forgets what was sent of an encoding: its input numbers mean other packets from now on.
    pub(crate) fn forget_layer(&mut self, layer: Layer) {
        for segment in self.older.iter_mut().chain(&mut self.last) {
            if segment.layer == layer {
                segment.layer = Layer::NONE;
            }
        }
    }

    /// What the last segment adds to timestamps, and of which encoding.
    pub(crate) fn shift(&self) -> Option<(Layer, u32)> {
        let last = self.last.as_ref()?;
        Some((last.layer, last.timestamp_shift))
    }

    /// What was sent under the number next to the newest that stands in a packet as `wire`.
    pub(crate) fn origin(&self, wire: u16) -> Option<Origin> {
        let output = Extended(self.next.checked_sub(1)?).near(wire).0;
        if output >= self.next {
            return None;
        }
        let segment = self
            .last
            .iter()
            .chain(self.older.iter().rev())
            .find(|segment| segment.output(segment.first) <= output)
            .filter(|segment| segment.layer != Layer::NONE)?;
        Some(Origin {
            layer: segment.layer,
            sequence: Extended(output.wrapping_sub(segment.offset as u64)),
            numbers: segment.numbers(output),
        })
    }

    /// The oldest segment makes room.
    fn push(&mut self, segment: Segment) {
        let Some(last) = self.last.replace(segment) else {
            return;
        };
        if self.older.len() == OLDER {
            self.older.remove(0);
        }
        self.older.push(last);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LOW: Layer = Layer(0);
    const HIGH: Layer = Layer(1);

    fn begin(output: &mut Output, layer: Layer, input: u64) -> u64 {
        let picture = vp8::Shift::default();
        output
            .begin(layer, Extended(input), 0, picture, 0)
            .sequence
            .0
    }

    fn send(output: &mut Output, layer: Layer, input: u64) -> Option<u64> {
        let (numbers, _) = output.numbers(layer, Extended(input))?;
        Some(numbers.sequence.0)
    }

    #[test]
    fn numbers_are_extended_across_a_wrap_in_both_directions() {
        let mut unwrapper = Unwrapper::default();
        assert_eq!(unwrapper.near(7), None);
        let first = unwrapper.unwrap(1).0;
        assert_eq!(unwrapper.unwrap(65_535).0, first - 2);
        assert_eq!(unwrapper.highest(), Some(Extended(first)));
        assert_eq!(unwrapper.unwrap(32_000).0, first + 31_999);
        assert_eq!(unwrapper.unwrap(64_000).0, first + 63_999);
        assert_eq!(unwrapper.unwrap(0).0, first + 65_535);
        assert_eq!(unwrapper.near(65_535), Some(Extended(first + 65_534)));
    }

    #[test]
    fn the_first_number_leaves_the_rollover_counter_at_zero() {
        let mut output = Output::new(0xffff);
        assert_eq!(begin(&mut output, LOW, 65_536 + 65_000), 0x7fff);
        assert_eq!(send(&mut output, LOW, 65_536 + 65_001), Some(0x8000));
    }

    #[test]
    fn a_late_packet_keeps_the_number_of_its_gap() {
        let mut output = Output::new(100);
        begin(&mut output, LOW, 500);
        assert_eq!(send(&mut output, LOW, 503), Some(103));
        assert_eq!(send(&mut output, LOW, 501), Some(101));
        assert_eq!(send(&mut output, LOW, 504), Some(104));
        assert_eq!(send(&mut output, LOW, 499), None);
    }

    #[test]
    fn a_switch_goes_on_where_the_old_layer_stopped_and_drops_what_it_sends_after() {
        let mut output = Output::new(100);
        begin(&mut output, LOW, 500);
        send(&mut output, LOW, 502);
        assert_eq!(begin(&mut output, HIGH, 90), 103);
        assert_eq!(send(&mut output, LOW, 503), None);
        assert_eq!(send(&mut output, HIGH, 89), None);
        assert_eq!(send(&mut output, HIGH, 91), Some(104));
        // The gap before the switch can still be filled.
        assert_eq!(send(&mut output, LOW, 501), Some(101));
    }

    #[test]
    fn a_nack_finds_its_packet_on_either_side_of_a_switch() {
        let mut output = Output::new(100);
        begin(&mut output, LOW, 500);
        send(&mut output, LOW, 502);
        begin(&mut output, HIGH, 90);
        let origin = |wire| {
            output
                .origin(wire)
                .map(|origin| (origin.layer, origin.sequence.0))
        };
        assert_eq!(origin(101), Some((LOW, 501)));
        assert_eq!(origin(102), Some((LOW, 502)));
        assert_eq!(origin(103), Some((HIGH, 90)));
        assert_eq!(origin(104), None);
        assert_eq!(origin(99), None);
    }

    #[test]
    fn output_closes_up_over_packets_that_are_left_out() {
        let mut output = Output::new(100);
        begin(&mut output, LOW, 500);
        for left_out in [501, 502, 503] {
            output.skip(LOW, Extended(left_out));
        }
        assert_eq!(send(&mut output, LOW, 504), Some(101));
        // 505 may still come.
        output.skip(LOW, Extended(506));
        assert_eq!(send(&mut output, LOW, 507), Some(103));
        assert_eq!(send(&mut output, LOW, 505), Some(102));
        assert_eq!(send(&mut output, LOW, 506), None);
        assert_eq!(output.origin(103).unwrap().sequence, Extended(507));
        assert_eq!(output.origin(102).unwrap().sequence, Extended(505));
    }

    #[test]
    fn a_closed_output_still_takes_what_fills_its_gaps() {
        let mut output = Output::new(100);
        begin(&mut output, LOW, 500);
        send(&mut output, LOW, 502);
        output.close();
        assert_eq!(send(&mut output, LOW, 503), None);
        assert_eq!(send(&mut output, LOW, 501), Some(101));
        assert_eq!(begin(&mut output, LOW, 600), 103);
        output.forget();
        assert_eq!(send(&mut output, LOW, 601), None);
        assert_eq!(begin(&mut output, HIGH, 7), 104);
    }

    #[test]
    fn a_sink_is_small() {
        assert!(size_of::<Output>() <= 96);
    }

    proptest! {
        /// Whatever is left out, in whatever order packets come: no number is used twice, numbers
        /// follow the order of the input, and every packet is found again by the number it was sent
        /// under.
        #[test]
        fn numbers_are_unique_in_order_and_lead_back(
            order in Just((0_u64..60).collect::<Vec<_>>()).prop_shuffle(),
            reach in 1_u64..8,
            left_out in prop::collection::hash_set(0_u64..60, 0..10),
            switch in 10_u64..50,
        ) {
            // Each packet comes at most `reach` places late.
            let mut inputs: Vec<u64> = (0..60).collect();
            inputs.sort_by_key(|input| input + order[*input as usize] % reach);
            let mut output = Output::new(9);
            let mut sent: Vec<(Layer, u64, u64)> = Vec::new();
            for input in inputs {
                let layer = if input < switch { LOW } else { HIGH };
                if input == 0 || input == switch {
                    sent.push((layer, input, begin(&mut output, layer, input)));
                } else if left_out.contains(&input) {
                    output.skip(layer, Extended(input));
                } else if let Some(number) = send(&mut output, layer, input) {
                    sent.push((layer, input, number));
                }
            }
            for (layer, input, number) in &sent {
                if let Some(origin) = output.origin(*number as u16) {
                    prop_assert_eq!((origin.layer, origin.sequence.0), (*layer, *input));
                }
            }
            sent.sort_by_key(|(.., number)| *number);
            for pair in sent.windows(2) {
                prop_assert!(pair[0].2 < pair[1].2);
                prop_assert!(pair[0].0 != pair[1].0 || pair[0].1 < pair[1].1);
            }
        }
    }
}

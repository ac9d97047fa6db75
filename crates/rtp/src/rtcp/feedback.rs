//! Feedback on single streams: NACK, PLI (RFC 4585 §6.2.1, §6.3.1), FIR (RFC 5104 §4.3.1).

/// Packets that a receiver misses (RFC 4585 §6.2.1).
#[derive(Clone, Copy, Debug)]
pub struct Nack<'a> {
    /// Who misses them.
    pub sender: u32,
    /// The stream.
    pub media: u32,
    /// Whole pairs of packet id and bit mask.
    pairs: &'a [u8],
}

impl<'a> Nack<'a> {
    /// The sequence numbers, at most 17 for four bytes of the packet, in its order; they may repeat.
    pub fn sequences(&self) -> NackSequences<'a> {
        todo!()
    }
}

/// Reads the sequence numbers of a [`Nack`].
#[derive(Clone, Debug)]
pub struct NackSequences<'a> {
    pairs: &'a [u8],
    first: Option<u16>,
    mask: u16,
}

impl Iterator for NackSequences<'_> {
    type Item = u16;

    fn next(&mut self) -> Option<u16> {
        todo!()
    }
}

/// A request for a key frame: a decoder lost its picture (RFC 4585 §6.3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PictureLoss {
    /// Who asks.
    pub sender: u32,
    /// The stream.
    pub media: u32,
}

/// A request for key frames (RFC 5104 §4.3.1).
#[derive(Clone, Copy, Debug)]
pub struct FullIntraRequest<'a> {
    /// Who asks.
    pub sender: u32,
    /// Whole entries only.
    entries: &'a [u8],
}

impl<'a> FullIntraRequest<'a> {
    /// The streams, each with the number of the request: one that was answered and comes again with
    /// the same number is a repetition.
    pub fn entries(&self) -> FirEntries<'a> {
        FirEntries {
            entries: self.entries,
        }
    }
}

/// Reads the entries of a [`FullIntraRequest`]: SSRC and number.
#[derive(Clone, Debug)]
pub struct FirEntries<'a> {
    entries: &'a [u8],
}

impl Iterator for FirEntries<'_> {
    type Item = (u32, u8);

    fn next(&mut self) -> Option<(u32, u8)> {
        todo!()
    }
}

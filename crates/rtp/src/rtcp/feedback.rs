//! Feedback on single streams: NACK, PLI (RFC 4585 §6.2.1, §6.3.1), FIR (RFC 5104 §4.3.1).

/// Packets that a receiver misses (RFC 4585 §6.2.1).
#[derive(Clone, Copy, Debug)]
pub struct Nack<'a> {
    /// Who misses them.
    pub sender: u32,
    /// The stream.
    pub media: u32,
    /// Pairs of packet id and bit mask.
    pairs: &'a [u8],
}

impl<'a> Nack<'a> {
    /// The sequence numbers, at most 17 for four bytes of the packet, in its order; they may repeat.
    pub fn sequences(&self) -> NackSequences<'a> {
        NackSequences {
            pairs: self.pairs,
            next: 0,
            mask: 0,
        }
    }

    pub(super) fn parse(body: &'a [u8]) -> Option<Self> {
        let (sender, media, pairs) = feedback(body)?;
        Some(Self {
            sender,
            media,
            pairs,
        })
    }
}

/// Reads the sequence numbers of a [`Nack`].
#[derive(Clone, Debug)]
pub struct NackSequences<'a> {
    pairs: &'a [u8],
    /// Of the lowest bit of `mask`.
    next: u16,
    mask: u32,
}

impl Iterator for NackSequences<'_> {
    type Item = u16;

    fn next(&mut self) -> Option<u16> {
        if self.mask == 0 {
            let (&[high, low, mask_high, mask_low], rest) = self.pairs.split_first_chunk()?;
            self.pairs = rest;
            self.next = u16::from_be_bytes([high, low]);
            self.mask = u32::from(u16::from_be_bytes([mask_high, mask_low])) << 1 | 1;
        }
        let skipped = self.mask.trailing_zeros();
        let sequence = self.next.wrapping_add(skipped as u16);
        self.mask >>= skipped + 1;
        self.next = sequence.wrapping_add(1);
        Some(sequence)
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

impl PictureLoss {
    pub(super) fn parse(body: &[u8]) -> Option<Self> {
        let (sender, media, _) = feedback(body)?;
        Some(Self { sender, media })
    }
}

/// A request for key frames (RFC 5104 §4.3.1).
#[derive(Clone, Copy, Debug)]
pub struct FullIntraRequest<'a> {
    /// Who asks.
    pub sender: u32,
    /// Of eight bytes each.
    entries: &'a [u8],
}

impl<'a> FullIntraRequest<'a> {
    /// The streams, each with the number of the request: one that was answered and comes again with
    /// the same number is a repetition.
    pub fn entries(&self) -> impl Iterator<Item = (u32, u8)> + use<'a> {
        let entries = self.entries.chunks_exact(8);
        entries.map(|entry| {
            let ssrc = u32::from_be_bytes([entry[0], entry[1], entry[2], entry[3]]);
            (ssrc, entry[4])
        })
    }

    pub(super) fn parse(body: &'a [u8]) -> Option<Self> {
        // RFC 5104 §4.3.1.2: the media source of the head is not used.
        let (sender, _, entries) = feedback(body)?;
        Some(Self { sender, entries })
    }
}

/// What all feedback begins with: who sends it and the stream it is about; then the rest
/// (RFC 4585 §6.1).
pub(super) fn feedback(body: &[u8]) -> Option<(u32, u32, &[u8])> {
    let (&sender, rest) = body.split_first_chunk()?;
    let (&media, rest) = rest.split_first_chunk()?;
    Some((u32::from_be_bytes(sender), u32::from_be_bytes(media), rest))
}

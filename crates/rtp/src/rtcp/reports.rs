//! Sender and receiver reports (RFC 3550 §6.4).

/// What one receiver says of one stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReportBlock {
    /// The stream.
    pub ssrc: u32,
    /// Lost since the last report, in 256ths.
    pub fraction_lost: u8,
    /// Lost since the beginning; 24 bits on the wire, negative where duplicates came.
    pub lost: i32,
    /// The highest sequence number that came, above 16 bits how often it wrapped.
    pub highest: u32,
    /// Interarrival jitter, in timestamp units.
    pub jitter: u32,
    /// The middle 32 bits of the last sender report's time; 0 before the first.
    pub last_report: u32,
    /// Since that report came, in 65,536ths of a second.
    pub delay: u32,
}

/// What a sender says of its stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SenderInfo {
    /// Wall clock, 32 bits of seconds since 1900 and 32 of fraction.
    pub ntp: u64,
    /// The same moment in timestamp units of the stream.
    pub rtp: u32,
    /// Packets sent; wraps.
    pub packets: u32,
    /// Payload bytes sent; wraps.
    pub octets: u32,
}

/// A sender report.
#[derive(Clone, Copy, Debug)]
pub struct SenderReport<'a> {
    /// The stream that it is about.
    pub ssrc: u32,
    /// How much was sent, and when now is.
    pub info: SenderInfo,
    /// What its sender receives.
    pub blocks: ReportBlocks<'a>,
}

impl<'a> SenderReport<'a> {
    pub(super) fn parse(count: u8, body: &'a [u8]) -> Option<Self> {
        let (&ssrc, rest) = body.split_first_chunk()?;
        let (&ntp, rest) = rest.split_first_chunk()?;
        let (&rtp, rest) = rest.split_first_chunk()?;
        let (&packets, rest) = rest.split_first_chunk()?;
        let (&octets, rest) = rest.split_first_chunk()?;
        Some(Self {
            ssrc: u32::from_be_bytes(ssrc),
            info: SenderInfo {
                ntp: u64::from_be_bytes(ntp),
                rtp: u32::from_be_bytes(rtp),
                packets: u32::from_be_bytes(packets),
                octets: u32::from_be_bytes(octets),
            },
            blocks: ReportBlocks::parse(count, rest)?,
        })
    }
}

/// A receiver report.
#[derive(Clone, Copy, Debug)]
pub struct ReceiverReport<'a> {
    /// Who reports.
    pub ssrc: u32,
    /// What it receives.
    pub blocks: ReportBlocks<'a>,
}

impl<'a> ReceiverReport<'a> {
    pub(super) fn parse(count: u8, body: &'a [u8]) -> Option<Self> {
        let (&ssrc, rest) = body.split_first_chunk()?;
        Some(Self {
            ssrc: u32::from_be_bytes(ssrc),
            blocks: ReportBlocks::parse(count, rest)?,
        })
    }
}

/// The blocks of a report: at most 31.
#[derive(Clone, Copy, Debug)]
pub struct ReportBlocks<'a> {
    /// Whole blocks only.
    bytes: &'a [u8],
}

impl<'a> ReportBlocks<'a> {
    fn parse(count: u8, body: &'a [u8]) -> Option<Self> {
        let bytes = body.get(..BLOCK * usize::from(count))?;
        Some(Self { bytes })
    }
}

impl Iterator for ReportBlocks<'_> {
    type Item = ReportBlock;

    fn next(&mut self) -> Option<ReportBlock> {
        let (block, rest) = self.bytes.split_first_chunk()?;
        self.bytes = rest;
        Some(ReportBlock::parse(block))
    }
}

/// Bytes of a report block.
pub(super) const BLOCK: usize = 24;

impl ReportBlock {
    fn parse(bytes: &[u8; BLOCK]) -> Self {
        let word = |at: usize| {
            u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
        };
        Self {
            ssrc: word(0),
            fraction_lost: bytes[4],
            // Moved to the top and back, the sign comes along.
            lost: (word(4) << 8) as i32 >> 8,
            highest: word(8),
            jitter: word(12),
            last_report: word(16),
            delay: word(20),
        }
    }

    pub(super) fn to_bytes(self) -> [u8; BLOCK] {
        let lost = self.lost.clamp(-0x80_0000, 0x7f_ffff) as u32 & 0xff_ffff;
        let words = [
            self.ssrc,
            u32::from(self.fraction_lost) << 24 | lost,
            self.highest,
            self.jitter,
            self.last_report,
            self.delay,
        ];
        let mut bytes = [0; BLOCK];
        for (place, word) in bytes.chunks_exact_mut(4).zip(words) {
            place.copy_from_slice(&word.to_be_bytes());
        }
        bytes
    }
}

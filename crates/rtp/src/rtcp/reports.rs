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

/// A receiver report.
#[derive(Clone, Copy, Debug)]
pub struct ReceiverReport<'a> {
    /// Who reports.
    pub ssrc: u32,
    /// What it receives.
    pub blocks: ReportBlocks<'a>,
}

/// The blocks of a report: at most 31.
#[derive(Clone, Copy, Debug)]
pub struct ReportBlocks<'a> {
    /// Whole blocks only.
    bytes: &'a [u8],
}

impl Iterator for ReportBlocks<'_> {
    type Item = ReportBlock;

    fn next(&mut self) -> Option<ReportBlock> {
        todo!()
    }
}

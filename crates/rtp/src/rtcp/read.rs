//! A compound packet, read.

use super::feedback::{FullIntraRequest, Nack, PictureLoss};
use super::reports::{ReceiverReport, SenderReport};
use super::transport_feedback::TransportFeedback;

/// Why the rest of a compound packet is not read. What came before stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RtcpError {
    /// A packet, or what it announces, ends after the compound does.
    #[error("an RTCP packet ends inside what it announces")]
    CutShort,
    /// Version 2 is the only one.
    #[error("RTCP version {0} is unknown")]
    Version(u8),
    /// The padding is longer than the packet, or not a multiple of four.
    #[error("the padding does not fit the packet")]
    Padding,
}

/// One packet of a compound.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Packet<'a> {
    /// SR.
    SenderReport(SenderReport<'a>),
    /// RR.
    ReceiverReport(ReceiverReport<'a>),
    /// SDES.
    SourceDescription(SourceDescription<'a>),
    /// BYE.
    Goodbye(Goodbye<'a>),
    /// Generic NACK.
    Nack(Nack<'a>),
    /// PLI.
    PictureLoss(PictureLoss),
    /// FIR.
    FullIntraRequest(FullIntraRequest<'a>),
    /// Transport-wide feedback.
    TransportFeedback(TransportFeedback<'a>),
    /// Of a type that we do not read: REMB, XR, APP and what is yet to come.
    Other {
        /// PT.
        packet_type: u8,
        /// FMT, or a count.
        format: u8,
    },
}

/// Streams that end (RFC 3550 §6.6).
#[derive(Clone, Copy, Debug)]
pub struct Goodbye<'a> {
    ssrcs: &'a [u8],
}

impl<'a> Goodbye<'a> {
    /// The streams; at most 31.
    pub fn ssrcs(&self) -> SsrcIter<'a> {
        SsrcIter { bytes: self.ssrcs }
    }
}

/// Reads a list of SSRCs.
#[derive(Clone, Debug)]
pub struct SsrcIter<'a> {
    bytes: &'a [u8],
}

impl Iterator for SsrcIter<'_> {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        todo!()
    }
}

/// Who is behind streams (RFC 3550 §6.5).
#[derive(Clone, Copy, Debug)]
pub struct SourceDescription<'a> {
    chunks: &'a [u8],
}

impl<'a> SourceDescription<'a> {
    /// SSRCs with their CNAMEs, up to the first chunk that does not add up. A CNAME is bytes of
    /// anybody's choice.
    pub fn cnames(&self) -> impl Iterator<Item = (u32, &'a [u8])> + use<'a> {
        std::iter::empty()
    }
}

/// Reads a compound packet, or a packet of reduced size (RFC 5506). The iterator ends behind its first
/// error.
pub fn packets(compound: &[u8]) -> Packets<'_> {
    Packets { rest: compound }
}

/// See [`packets`].
#[derive(Clone, Debug)]
pub struct Packets<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Packets<'a> {
    type Item = Result<Packet<'a>, RtcpError>;

    fn next(&mut self) -> Option<Self::Item> {
        todo!()
    }
}

//! A compound packet, read.

use super::feedback::{FullIntraRequest, Nack, PictureLoss};
use super::reports::{ReceiverReport, SenderReport};
use super::transport_feedback::TransportFeedback;
use super::types;

/// Why the rest of a compound packet is not read. What came before stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RtcpError {
    /// A packet, or what it announces, ends after the compound does.
    #[error("an RTCP packet ends inside what it announces")]
    CutShort,
    /// Version 2 is the only one.
    #[error("RTCP version {0} is unknown")]
    Version(u8),
    /// The padding is longer than the packet, or of no bytes.
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

impl<'a> Packet<'a> {
    /// `count` is the header's five bits of count or format, `body` what follows the first word.
    fn parse(packet_type: u8, count: u8, body: &'a [u8]) -> Option<Self> {
        Some(match (packet_type, count) {
            (types::SENDER_REPORT, _) => Self::SenderReport(SenderReport::parse(count, body)?),
            (types::RECEIVER_REPORT, _) => {
                Self::ReceiverReport(ReceiverReport::parse(count, body)?)
            }
            (types::SOURCE_DESCRIPTION, _) => {
                Self::SourceDescription(SourceDescription { chunks: body })
            }
            (types::GOODBYE, _) => Self::Goodbye(Goodbye {
                ssrcs: body.get(..4 * usize::from(count))?,
            }),
            (types::TRANSPORT_LAYER, types::NACK) => Self::Nack(Nack::parse(body)?),
            (types::TRANSPORT_LAYER, types::TRANSPORT_FEEDBACK) => {
                Self::TransportFeedback(TransportFeedback::parse(body)?)
            }
            (types::PAYLOAD_SPECIFIC, types::PICTURE_LOSS) => {
                Self::PictureLoss(PictureLoss::parse(body)?)
            }
            (types::PAYLOAD_SPECIFIC, types::FULL_INTRA_REQUEST) => {
                Self::FullIntraRequest(FullIntraRequest::parse(body)?)
            }
            (packet_type, format) => Self::Other {
                packet_type,
                format,
            },
        })
    }
}

/// Streams that end (RFC 3550 §6.6).
#[derive(Clone, Copy, Debug)]
pub struct Goodbye<'a> {
    /// Whole SSRCs only.
    ssrcs: &'a [u8],
}

impl<'a> Goodbye<'a> {
    /// The streams; at most 31.
    pub fn ssrcs(&self) -> impl Iterator<Item = u32> + use<'a> {
        let words = self.ssrcs.chunks_exact(4);
        words.map(|word| u32::from_be_bytes([word[0], word[1], word[2], word[3]]))
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
    pub fn cnames(&self) -> Cnames<'a> {
        Cnames {
            chunks: self.chunks,
        }
    }
}

/// Reads the CNAMEs of a [`SourceDescription`].
#[derive(Clone, Debug)]
pub struct Cnames<'a> {
    chunks: &'a [u8],
}

impl<'a> Cnames<'a> {
    /// The next chunk's SSRC and CNAME.
    fn chunk(&mut self) -> Option<(u32, Option<&'a [u8]>)> {
        let (&ssrc, items) = self.chunks.split_first_chunk()?;
        let (mut rest, mut cname) = (items, None);
        while *rest.first()? != types::END_OF_ITEMS {
            let len = usize::from(*rest.get(1)?);
            let value = rest.get(2..2 + len)?;
            if rest[0] == types::CNAME && cname.is_none() {
                cname = Some(value);
            }
            rest = &rest[2 + len..];
        }
        // At least one zero ends the items, then as many as make whole words.
        let used = (items.len() - rest.len() + 1).next_multiple_of(4);
        self.chunks = items.get(used..)?;
        Some((u32::from_be_bytes(ssrc), cname))
    }
}

impl<'a> Iterator for Cnames<'a> {
    type Item = (u32, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let Some((ssrc, cname)) = self.chunk() else {
                self.chunks = &[];
                return None;
            };
            if let Some(cname) = cname {
                return Some((ssrc, cname));
            }
        }
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

impl<'a> Packets<'a> {
    fn read(&mut self) -> Result<Packet<'a>, RtcpError> {
        let [first, packet_type, high, low] =
            *self.rest.first_chunk().ok_or(RtcpError::CutShort)?;
        if first >> 6 != types::VERSION {
            return Err(RtcpError::Version(first >> 6));
        }
        let words = usize::from(u16::from_be_bytes([high, low]));
        let body = self.rest.get(4..4 + 4 * words).ok_or(RtcpError::CutShort)?;
        self.rest = &self.rest[4 + 4 * words..];
        let mut end = body.len();
        if first & types::PADDING != 0 {
            let padding = usize::from(*body.last().ok_or(RtcpError::Padding)?);
            // Whole words by RFC 3550 §6.4.1, but libwebrtc pads feedback by single bytes.
            if padding == 0 || padding > end {
                return Err(RtcpError::Padding);
            }
            end -= padding;
        }
        Packet::parse(packet_type, first & types::COUNT, &body[..end]).ok_or(RtcpError::CutShort)
    }
}

impl<'a> Iterator for Packets<'a> {
    type Item = Result<Packet<'a>, RtcpError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let read = self.read();
        if read.is_err() {
            self.rest = &[];
        }
        Some(read)
    }
}

//! A compound packet, written.

use super::reports::{ReportBlock, SenderInfo};
use super::transport_feedback::FeedbackHead;

/// The buffer is too short for a packet, of which nothing was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no room for another RTCP packet")]
pub struct NoRoom;

/// Writes packets one behind another. A compound begins with a report (RFC 3550 §6.1), unless both
/// sides negotiated reduced size.
#[derive(Debug)]
pub struct Writer<'a> {
    buffer: &'a mut [u8],
    len: usize,
}

impl<'a> Writer<'a> {
    /// Writes from the start of `buffer`, which also bounds what is written.
    pub fn new(buffer: &'a mut [u8]) -> Self {
        Self { buffer, len: 0 }
    }

    /// Bytes written so far: always whole packets.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether nothing is written yet.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// SR. Of `blocks`, at most the first 31.
    pub fn sender_report(
        &mut self,
        ssrc: u32,
        info: &SenderInfo,
        blocks: &[ReportBlock],
    ) -> Result<(), NoRoom> {
        todo!()
    }

    /// RR. Of `blocks`, at most the first 31; of none, who we are is all that it says.
    pub fn receiver_report(&mut self, ssrc: u32, blocks: &[ReportBlock]) -> Result<(), NoRoom> {
        todo!()
    }

    /// SDES with one CNAME; of a longer one, the first 255 bytes.
    pub fn cname(&mut self, ssrc: u32, cname: &str) -> Result<(), NoRoom> {
        todo!()
    }

    /// BYE. Of `ssrcs`, at most the first 31.
    pub fn goodbye(&mut self, ssrcs: &[u32]) -> Result<(), NoRoom> {
        todo!()
    }

    /// Generic NACK of `sequences`, oldest first, packed as they come; one packet for all of them.
    /// Writes nothing for none.
    pub fn nack(
        &mut self,
        sender: u32,
        media: u32,
        sequences: impl IntoIterator<Item = u16>,
    ) -> Result<(), NoRoom> {
        todo!()
    }

    /// PLI.
    pub fn picture_loss(&mut self, sender: u32, media: u32) -> Result<(), NoRoom> {
        todo!()
    }

    /// FIR for one stream; `number` differs from that of the last request for it.
    pub fn full_intra_request(
        &mut self,
        sender: u32,
        media: u32,
        number: u8,
    ) -> Result<(), NoRoom> {
        todo!()
    }

    /// Transport-wide feedback on the packets from `base` on: when each came, in ticks of 250 µs of our
    /// clock, or `None` where it has not. The first one must have come.
    ///
    /// Returns how many of them the packet is about: fewer than there are where the buffer ends or two
    /// arrivals are further apart than a packet can say (8.19 s); report from there on in another one,
    /// beginning with the next that came.
    pub fn transport_feedback(
        &mut self,
        head: FeedbackHead,
        base: u16,
        arrivals: impl Iterator<Item = Option<i64>> + Clone,
    ) -> Result<u16, NoRoom> {
        todo!()
    }
}

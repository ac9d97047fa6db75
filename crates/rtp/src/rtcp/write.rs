//! A compound packet, written.

use super::reports::{BLOCK, ReportBlock, SenderInfo};
use super::transport_feedback::{FeedbackHead, Status, Statuses, TWO_BIT_SYMBOLS};
use super::types;

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

    /// What is written so far.
    pub fn written(&self) -> &[u8] {
        &self.buffer[..self.len]
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
        let blocks = &blocks[..blocks.len().min(MAX_COUNT)];
        let mut body = self.packet(
            types::SENDER_REPORT,
            blocks.len(),
            24 + BLOCK * blocks.len(),
        )?;
        body.put(&ssrc.to_be_bytes());
        body.put(&info.ntp.to_be_bytes());
        for word in [info.rtp, info.packets, info.octets] {
            body.put(&word.to_be_bytes());
        }
        for block in blocks {
            body.put(&block.to_bytes());
        }
        Ok(())
    }

    /// RR. Of `blocks`, at most the first 31; of none, who we are is all that it says.
    pub fn receiver_report(&mut self, ssrc: u32, blocks: &[ReportBlock]) -> Result<(), NoRoom> {
        let blocks = &blocks[..blocks.len().min(MAX_COUNT)];
        let mut body = self.packet(
            types::RECEIVER_REPORT,
            blocks.len(),
            4 + BLOCK * blocks.len(),
        )?;
        body.put(&ssrc.to_be_bytes());
        for block in blocks {
            body.put(&block.to_bytes());
        }
        Ok(())
    }

    /// SDES with one CNAME; of a longer one, the first 255 bytes.
    pub fn cname(&mut self, ssrc: u32, cname: &str) -> Result<(), NoRoom> {
        let cname = &cname.as_bytes()[..cname.len().min(255)];
        // An item's type and length, and at least one zero behind the last.
        let len = (4 + 2 + cname.len() + 1).next_multiple_of(4);
        let mut body = self.packet(types::SOURCE_DESCRIPTION, 1, len)?;
        body.put(&ssrc.to_be_bytes());
        body.put(&[types::CNAME, cname.len() as u8]);
        body.put(cname);
        body.0.fill(types::END_OF_ITEMS);
        Ok(())
    }

    /// BYE. Of `ssrcs`, at most the first 31.
    pub fn goodbye(&mut self, ssrcs: &[u32]) -> Result<(), NoRoom> {
        let ssrcs = &ssrcs[..ssrcs.len().min(MAX_COUNT)];
        let mut body = self.packet(types::GOODBYE, ssrcs.len(), 4 * ssrcs.len())?;
        for ssrc in ssrcs {
            body.put(&ssrc.to_be_bytes());
        }
        Ok(())
    }

    /// Generic NACK of `sequences`, oldest first, packed as they come; one packet for all of them.
    /// Writes nothing for none.
    pub fn nack(
        &mut self,
        sender: u32,
        media: u32,
        sequences: impl IntoIterator<Item = u16>,
    ) -> Result<(), NoRoom> {
        let mut sequences = sequences.into_iter();
        let Some(mut first) = sequences.next() else {
            return Ok(());
        };
        let pairs = self.buffer.get_mut(self.len + 12..).ok_or(NoRoom)?;
        let mut pairs = pairs.chunks_exact_mut(4);
        let mut mask = 0_u16;
        let mut count = 0;
        loop {
            let next = sequences.next();
            let ahead = next.map(|sequence| sequence.wrapping_sub(first));
            match ahead {
                Some(0) => continue,
                Some(ahead @ 1..=16) => {
                    mask |= 1 << (ahead - 1);
                    continue;
                }
                _ => {}
            }
            let pair = pairs.next().ok_or(NoRoom)?;
            pair[..2].copy_from_slice(&first.to_be_bytes());
            pair[2..].copy_from_slice(&mask.to_be_bytes());
            count += 1;
            let Some(next) = next else { break };
            (first, mask) = (next, 0);
        }
        let mut body = self.packet(types::TRANSPORT_LAYER, types::NACK.into(), 8 + 4 * count)?;
        body.put(&sender.to_be_bytes());
        body.put(&media.to_be_bytes());
        Ok(())
    }

    /// PLI.
    pub fn picture_loss(&mut self, sender: u32, media: u32) -> Result<(), NoRoom> {
        let mut body = self.packet(types::PAYLOAD_SPECIFIC, types::PICTURE_LOSS.into(), 8)?;
        body.put(&sender.to_be_bytes());
        body.put(&media.to_be_bytes());
        Ok(())
    }

    /// FIR for one stream; `number` differs from that of the last request for it.
    pub fn full_intra_request(
        &mut self,
        sender: u32,
        media: u32,
        number: u8,
    ) -> Result<(), NoRoom> {
        let mut body = self.packet(
            types::PAYLOAD_SPECIFIC,
            types::FULL_INTRA_REQUEST.into(),
            16,
        )?;
        body.put(&sender.to_be_bytes());
        body.put(&[0; 4]);
        body.put(&media.to_be_bytes());
        body.put(&[number, 0, 0, 0]);
        Ok(())
    }

    /// Transport-wide feedback on the packets from `base` on: when each came, in ticks of 250 µs of our
    /// clock, or `None` where it has not. Writes nothing for none.
    ///
    /// Returns how many of them the packet is about: fewer than there are where the buffer ends or two
    /// arrivals are further apart than a packet can say (8.19 s); report from there on in another one.
    pub fn transport_feedback(
        &mut self,
        head: FeedbackHead,
        base: u16,
        arrivals: impl Iterator<Item = Option<i64>> + Clone,
    ) -> Result<u16, NoRoom> {
        let (reference, statuses) = Statuses::new(arrivals);
        let room = self.buffer.len() - self.len;
        let (mut count, mut deltas_len) = (0_u16, 0);
        for (status, _) in statuses.clone().take(u16::MAX.into()) {
            let chunks_len = 2 * usize::from(count / TWO_BIT_SYMBOLS + 1);
            let with_delta = deltas_len + status.delta_len().unwrap_or(0);
            if (FEEDBACK + chunks_len + with_delta).next_multiple_of(4) > room {
                break;
            }
            (count, deltas_len) = (count + 1, with_delta);
        }
        if count == 0 {
            return match statuses.clone().next() {
                Some(_) => Err(NoRoom),
                None => Ok(0),
            };
        }
        let (mut chunks, mut left, mut chunks_len) = (statuses.clone(), count, 0);
        while left > 0 {
            let (chunk, covered) = chunks.chunk(left);
            let place = self.len + FEEDBACK + chunks_len;
            self.buffer[place..place + 2].copy_from_slice(&chunk.to_be_bytes());
            chunks.nth(usize::from(covered) - 1);
            (left, chunks_len) = (left - covered, chunks_len + 2);
        }
        let len = FEEDBACK + chunks_len + deltas_len;
        let padding = len.next_multiple_of(4) - len;
        let start = self.len;
        let format = types::TRANSPORT_FEEDBACK.into();
        let mut body = self.packet(types::TRANSPORT_LAYER, format, len + padding - 4)?;
        body.put(&head.sender.to_be_bytes());
        body.put(&head.media.to_be_bytes());
        body.put(&base.to_be_bytes());
        body.put(&count.to_be_bytes());
        let [.., high, middle, low] = reference.to_be_bytes();
        body.put(&[high, middle, low, head.count]);
        body.skip(chunks_len);
        for (status, delta) in statuses.take(count.into()) {
            match status {
                Status::Small => body.put(&[delta as u8]),
                Status::Large => body.put(&delta.to_be_bytes()),
                Status::Lost | Status::Reserved => {}
            }
        }
        if let [zeros @ .., last] = body.0 {
            zeros.fill(0);
            *last = padding as u8;
            self.buffer[start] |= types::PADDING;
        }
        Ok(count)
    }

    /// Writes the first word of a packet with a body of `len` bytes, whole words, and gives the body to
    /// be filled.
    fn packet(&mut self, packet_type: u8, count: usize, len: usize) -> Result<Body<'_>, NoRoom> {
        let end = self.len + 4 + len;
        let packet = self.buffer.get_mut(self.len..end).ok_or(NoRoom)?;
        let (head, body) = packet.split_at_mut(4);
        head[0] = types::VERSION << 6 | count as u8;
        head[1] = packet_type;
        head[2..].copy_from_slice(&((len / 4) as u16).to_be_bytes());
        self.len = end;
        Ok(Body(body))
    }
}

/// What is left to fill of a packet's body.
struct Body<'a>(&'a mut [u8]);

impl Body<'_> {
    fn put(&mut self, bytes: &[u8]) {
        self.0[..bytes.len()].copy_from_slice(bytes);
        self.skip(bytes.len());
    }

    /// Leaves bytes as they are.
    fn skip(&mut self, len: usize) {
        self.0 = &mut std::mem::take(&mut self.0)[len..];
    }
}

/// Of blocks or sources: five bits.
const MAX_COUNT: usize = 31;
/// What transport-wide feedback begins with, its first word included.
const FEEDBACK: usize = 20;

//! Reports: what came of a received stream, and what was sent to a sink (RFC 3550 §6.4).

use std::time::Instant;

use crate::clock::Ntp;
use crate::rtcp::ReportBlock;
use crate::sequence::Extended;

/// What came on one SSRC (RFC 3550 A.3, A.8).
#[derive(Debug, Default)]
pub struct Receiver {}

impl Receiver {
    /// A packet came under this SSRC itself: what a retransmission brought does not count (RFC 4588 §6.3).
    /// `clock_rate` is its payload type's.
    pub fn received(&mut self, now: Instant, sequence: Extended, timestamp: u32, clock_rate: u32) {
        let _ = (now, sequence, timestamp, clock_rate);
        todo!()
    }

    /// A sender report of the SSRC came.
    pub fn sender_report(&mut self, now: Instant, ntp: Ntp) {
        let _ = (now, ntp);
        todo!()
    }

    /// The block for a report that is sent now. `None` before the first packet.
    pub fn report(&mut self, now: Instant, ssrc: u32) -> Option<ReportBlock> {
        let _ = (now, ssrc);
        todo!()
    }
}

/// What was sent under one SSRC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sent {
    /// Packets, modulo 2^32.
    pub packets: u32,
    /// Payload bytes, modulo 2^32.
    pub octets: u32,
}

impl Sent {
    /// Counts a packet; `payload` without header and padding.
    pub fn count(&mut self, payload: usize) {
        self.packets = self.packets.wrapping_add(1);
        self.octets = self.octets.wrapping_add(payload as u32);
    }
}

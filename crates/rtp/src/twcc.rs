//! Transport-wide congestion control (draft-holmer-rmcat-transport-wide-cc-extensions-01): when packets of a
//! publisher arrived, told back to it; and the numbers of packets that we send.

use std::time::Instant;

use crate::rtcp::{NoRoom, Writer};

/// When the packets of one leg arrived. Memory (about 4 kB) comes with the first packet.
#[derive(Debug, Default)]
pub struct ArrivalLog {}

impl ArrivalLog {
    /// A packet with this transport-wide number came: media, retransmission or padding.
    pub fn received(&mut self, now: Instant, number: u16) {
        let _ = (now, number);
        todo!()
    }

    /// When to send feedback: every 50 ms, 100 ms where little comes; `None` while nothing came since the last.
    pub fn next_timeout(&self) -> Option<Instant> {
        todo!()
    }

    /// Writes feedback on what came since the last, and says whether there was any. Call it until it says no, or the
    /// writer has no room: the rest goes into the next one. `sender` is our SSRC, `media` any of the leg's.
    pub fn feedback(
        &mut self,
        now: Instant,
        sender: u32,
        media: u32,
        writer: &mut Writer<'_>,
    ) -> Result<bool, NoRoom> {
        let _ = (now, sender, media, writer);
        todo!()
    }
}

/// Numbers what we send on one leg, whatever its SSRC. An estimate of the leg's capacity would remember each
/// packet's time and size here, and learn from the feedback what became of it.
#[derive(Debug, Default)]
pub struct Departures {
    next: u16,
}

impl Departures {
    /// The transport-wide number of the next packet.
    pub fn number(&mut self) -> u16 {
        let number = self.next;
        self.next = number.wrapping_add(1);
        number
    }
}

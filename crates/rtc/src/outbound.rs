//! Single datagrams on their way out: STUN, DTLS and RTCP. Media does not wait here.

use shard::Transmit;
use track::Counters;

use crate::plane::Outlet;
use crate::transport::LARGEST_PACKET;

/// Datagrams that may wait for the end of a pass; beyond, they are lost, as on any other way.
const MOST: usize = 16_384;

/// Datagrams one behind another.
#[derive(Debug, Default)]
pub(crate) struct Outbound {
    bytes: Vec<u8>,
    used: usize,
    transmits: Vec<Transmit>,
}

impl Outbound {
    /// Adds the datagram that `write` puts into [`LARGEST_PACKET`] bytes of room, if it does; false
    /// where it did not, or where too many wait.
    pub(crate) fn add(&mut self, write: impl FnOnce(&mut [u8]) -> Option<Transmit>) -> bool {
        if self.transmits.len() == MOST {
            return false;
        }
        let end = self.used + LARGEST_PACKET;
        if self.bytes.len() < end {
            self.bytes.resize(end.next_power_of_two(), 0);
        }
        let Some(transmit) = write(&mut self.bytes[self.used..end]) else {
            return false;
        };
        self.used += transmit.size;
        self.transmits.push(transmit);
        true
    }

    /// Sends all of it. What the outlet has no room for is lost: peers ask again.
    pub(crate) fn flush(&mut self, outlet: &mut impl Outlet, counters: &Counters) {
        let mut start = 0;
        for transmit in self.transmits.drain(..) {
            let end = start + transmit.size;
            if outlet.ready(transmit.socket) {
                outlet.send(&transmit, &self.bytes[start..end]);
            } else {
                counters.rtp_dropped_overload.add(1);
            }
            start = end;
        }
        self.used = 0;
    }
}

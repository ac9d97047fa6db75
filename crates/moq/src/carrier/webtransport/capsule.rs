//! Capsules (RFC 9297 §3) of a session's CONNECT stream: one of them matters.

use bytes::{Buf, BytesMut};
use web_transport_proto::Capsule;

use super::LONGEST_REASON;
use super::prefix::split_varint;

/// CLOSE_WEBTRANSPORT_SESSION.
const CLOSE: u64 = 0x2843;
/// Its longest payload: a code and a reason.
const LONGEST: u64 = 4 + LONGEST_REASON as u64;

/// A close capsule that is none.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Malformed;

/// Looks for the close capsule; skips the others, however long they are.
#[derive(Debug, Default)]
pub(super) struct CapsuleReader {
    buffer: BytesMut,
    skip: u64,
}

impl CapsuleReader {
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// Code and reason, once the capsule has come.
    pub(super) fn close(&mut self) -> Result<Option<(u32, String)>, Malformed> {
        loop {
            let n = self.skip.min(self.buffer.len() as u64);
            self.skip -= n;
            self.buffer.advance(n as usize);
            let Some((kind, rest)) = split_varint(&self.buffer) else {
                return Ok(None);
            };
            let Some((length, rest)) = split_varint(rest) else {
                return Ok(None);
            };
            if kind != CLOSE {
                let header = self.buffer.len() - rest.len();
                self.buffer.advance(header);
                self.skip = length;
                continue;
            }
            if !(4..=LONGEST).contains(&length) {
                return Err(Malformed);
            }
            if (rest.len() as u64) < length {
                return Ok(None);
            }
            return match Capsule::decode(&mut self.buffer) {
                Ok(Capsule::CloseWebTransportSession { code, reason }) => Ok(Some((code, reason))),
                _ => Err(Malformed),
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::{BufMut, Bytes};
    use web_transport_proto::VarInt;

    use super::*;

    #[test]
    fn the_close_capsule_is_found_behind_others_however_it_was_cut() {
        let mut bytes = BytesMut::new();
        let drain = VarInt::from_u32(0x78ae);
        Capsule::Unknown {
            typ: drain,
            payload: Bytes::from_static(&[1; 300]),
        }
        .encode(&mut bytes);
        let close = Capsule::CloseWebTransportSession {
            code: 7,
            reason: "bye".to_owned(),
        };
        close.encode(&mut bytes);
        for cut in 1..bytes.len() {
            let mut reader = CapsuleReader::default();
            let mut found = None;
            for part in bytes.chunks(cut) {
                reader.push(part);
                found = found.or(reader.close().unwrap());
            }
            assert_eq!(found, Some((7, "bye".to_owned())));
        }
    }

    #[test]
    fn a_close_capsule_of_an_impossible_length_is_malformed() {
        for length in [0, 3, 1029, 1 << 30] {
            let mut reader = CapsuleReader::default();
            let mut bytes = Vec::new();
            VarInt::from_u32(0x2843).encode(&mut bytes);
            VarInt::from_u32(length).encode(&mut bytes);
            bytes.put_bytes(0, 8);
            reader.push(&bytes);
            assert_eq!(reader.close(), Err(Malformed));
        }
    }

    #[test]
    fn a_reason_that_is_not_utf8_is_malformed() {
        let mut reader = CapsuleReader::default();
        reader.push(&[0x68, 0x43, 5, 0, 0, 0, 1, 0xff]);
        assert_eq!(reader.close(), Err(Malformed));
    }
}

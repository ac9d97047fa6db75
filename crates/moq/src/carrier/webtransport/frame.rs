//! HTTP/3 frames (RFC 9114 §7) as they trickle in.

use bytes::{Buf, Bytes, BytesMut};
use web_transport_proto::VarInt;

use super::prefix::split_varint;

const DATA: u64 = 0x00;
const HEADERS: u64 = 0x01;
const SETTINGS: u64 = 0x04;

/// The longest frame that is kept whole: sixteen times the path that we must take.
pub(super) const LARGEST: u64 = 16 * 1024;

/// What a stream of frames gives. Unknown frames are skipped.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// A field section, QPACK-encoded.
    Headers(Bytes),
    /// The payload of a SETTINGS frame.
    Settings(Bytes),
    /// A part of a DATA frame's payload.
    Data(Bytes),
}

/// A frame that must be kept whole is too large for that.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TooLarge;

/// Cuts frames out of bytes. Keeps one frame of [`LARGEST`] bytes, and what was pushed last.
#[derive(Debug, Default)]
pub(super) struct FrameReader {
    buffer: BytesMut,
    /// What is left of a DATA frame, or of one to skip.
    rest: u64,
    skip: bool,
}

impl FrameReader {
    pub(super) fn new(bytes: &[u8]) -> Self {
        Self {
            buffer: bytes.into(),
            ..Self::default()
        }
    }

    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// The next piece; `None` until more was pushed.
    pub(super) fn next(&mut self) -> Result<Option<Piece>, TooLarge> {
        loop {
            if self.rest > 0 {
                let n = self.rest.min(self.buffer.len() as u64);
                if n == 0 {
                    return Ok(None);
                }
                self.rest -= n;
                let bytes = self.buffer.split_to(n as usize);
                if self.skip {
                    continue;
                }
                return Ok(Some(Piece::Data(bytes.freeze())));
            }
            let Some((kind, length, header)) = header(&self.buffer) else {
                return Ok(None);
            };
            if kind != HEADERS && kind != SETTINGS {
                self.buffer.advance(header);
                self.rest = length;
                self.skip = kind != DATA;
                continue;
            }
            if length > LARGEST {
                return Err(TooLarge);
            }
            if self.buffer.len() - header < length as usize {
                return Ok(None);
            }
            self.buffer.advance(header);
            let payload = self.buffer.split_to(length as usize).freeze();
            return Ok(Some(if kind == HEADERS {
                Piece::Headers(payload)
            } else {
                Piece::Settings(payload)
            }));
        }
    }
}

/// Type, length, and the bytes that the two take.
fn header(bytes: &[u8]) -> Option<(u64, u64, usize)> {
    let (kind, rest) = split_varint(bytes)?;
    let (length, rest) = split_varint(rest)?;
    Some((kind, length, bytes.len() - rest.len()))
}

/// Frames a payload that [`FrameReader`] has cut out, for decoders that want the whole.
pub(super) fn encode(kind: u32, payload: &[u8], out: &mut Vec<u8>) {
    VarInt::from_u32(kind).encode(out);
    VarInt::from_u32(payload.len() as u32).encode(out);
    out.extend_from_slice(payload);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream() -> Vec<u8> {
        let mut bytes = Vec::new();
        encode(0x21, &[9; 5], &mut bytes); // grease
        encode(0x01, b"fields", &mut bytes);
        encode(0x00, b"", &mut bytes);
        encode(0x00, b"payload", &mut bytes);
        encode(0x04, b"pairs", &mut bytes);
        bytes
    }

    #[test]
    fn frames_come_out_however_their_bytes_were_cut() {
        for cut in 1..stream().len() {
            let mut reader = FrameReader::default();
            let (mut headers, mut data, mut settings) = (Vec::new(), Vec::new(), Vec::new());
            for bytes in stream().chunks(cut) {
                reader.push(bytes);
                while let Some(piece) = reader.next().unwrap() {
                    match piece {
                        Piece::Headers(bytes) => headers.extend_from_slice(&bytes),
                        Piece::Data(bytes) => data.extend_from_slice(&bytes),
                        Piece::Settings(bytes) => settings.extend_from_slice(&bytes),
                    }
                }
            }
            assert_eq!(
                (&headers[..], &data[..], &settings[..]),
                (&b"fields"[..], &b"payload"[..], &b"pairs"[..])
            );
        }
    }

    #[test]
    fn a_large_frame_is_streamed_skipped_or_refused_but_never_kept() {
        for (kind, refused) in [(0x00, false), (0x21, false), (0x01, true), (0x04, true)] {
            let mut reader = FrameReader::default();
            let mut bytes = Vec::new();
            VarInt::from_u32(kind).encode(&mut bytes);
            VarInt::from_u64((1 << 62) - 1).unwrap().encode(&mut bytes);
            reader.push(&bytes);
            for _ in 0..1000 {
                reader.push(&[7; 1000]);
                match reader.next() {
                    Err(TooLarge) => assert!(refused),
                    Ok(Some(Piece::Data(_))) => assert_eq!(kind, 0x00),
                    other => assert_eq!((other, kind), (Ok(None), 0x21)),
                }
                if refused {
                    break;
                }
                assert!(reader.buffer.is_empty());
            }
        }
    }
}

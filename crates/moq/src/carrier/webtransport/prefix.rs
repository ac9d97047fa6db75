//! The first bytes of a stream, which tell what it is for.

use quinn_proto::Dir;
use web_transport_proto::VarInt;

/// Type of a session's unidirectional stream.
pub(super) const UNI: u32 = 0x54;
/// Signal of a session's bidirectional stream.
pub(super) const BI: u32 = 0x41;
/// HTTP/3's control stream (RFC 9114 §6.2.1).
const CONTROL: u64 = 0x00;

/// What a stream is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StreamKind {
    /// A stream of the WebTransport session with this id.
    Session(u64),
    /// The peer's settings.
    Control,
    /// An HTTP request.
    Request,
    /// Anything else.
    Other,
}

/// A session's prefix is two varints; neither is longer than eight bytes.
const LONGEST: usize = 16;
/// The shortest prefix of a session's stream: the type takes two bytes. Reading as much never takes a
/// byte from the session, and the streams of HTTP/3 itself take theirs back.
const SHORTEST: usize = 3;

/// Collects the first bytes.
#[derive(Debug, Default)]
pub(super) struct Prefix {
    bytes: [u8; LONGEST],
    length: usize,
}

impl Prefix {
    /// How many bytes to read next.
    pub(super) fn missing(&self, dir: Dir) -> usize {
        let seen = &self.bytes[..self.length];
        let needed = match split_varint(seen) {
            None => varint_length(seen).unwrap_or(1),
            Some((kind, rest)) if is_session(dir, kind) => {
                self.length - rest.len() + varint_length(rest).unwrap_or(1)
            }
            Some(_) => self.length,
        };
        needed
            .max(SHORTEST)
            .saturating_sub(self.length)
            .min(LONGEST - self.length)
    }

    /// Adds bytes, never more than were [`Self::missing`].
    pub(super) fn push(&mut self, bytes: &[u8]) {
        let n = bytes.len().min(LONGEST - self.length);
        self.bytes[self.length..self.length + n].copy_from_slice(&bytes[..n]);
        self.length += n;
    }

    /// What the stream is for, and the bytes that belong to it already; `None` while bytes miss.
    pub(super) fn parse(&self, dir: Dir) -> Option<(StreamKind, Vec<u8>)> {
        let seen = &self.bytes[..self.length];
        let (kind, rest) = split_varint(seen)?;
        Some(match dir {
            _ if is_session(dir, kind) => {
                let (session, rest) = split_varint(rest)?;
                (StreamKind::Session(session), rest.to_vec())
            }
            Dir::Uni if kind == CONTROL => (StreamKind::Control, rest.to_vec()),
            Dir::Uni => (StreamKind::Other, rest.to_vec()),
            // The type is that of the request's first frame.
            Dir::Bi => (StreamKind::Request, seen.to_vec()),
        })
    }
}

fn is_session(dir: Dir, kind: u64) -> bool {
    kind == match dir {
        Dir::Uni => u64::from(UNI),
        Dir::Bi => u64::from(BI),
    }
}

fn varint_length(bytes: &[u8]) -> Option<usize> {
    bytes.first().map(|first| 1 << (first >> 6))
}

/// A varint and what follows it.
pub(super) fn split_varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut rest = bytes;
    let value = VarInt::decode(&mut rest).ok()?;
    Some((value.into_inner(), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Feeds a stream as `missing` asks for it; returns what it is and how much was read.
    fn read(dir: Dir, stream: &[u8]) -> (Option<(StreamKind, Vec<u8>)>, usize) {
        let mut prefix = Prefix::default();
        let mut read = 0;
        loop {
            if let Some(parsed) = prefix.parse(dir) {
                return (Some(parsed), read);
            }
            let n = prefix.missing(dir).min(stream.len() - read);
            if n == 0 {
                return (None, read);
            }
            prefix.push(&stream[read..read + n]);
            read += n;
        }
    }

    #[test]
    fn a_session_stream_loses_its_prefix_and_not_a_byte_more() {
        for (dir, stream, session) in [
            (Dir::Uni, &[0x40, 0x54, 0x00, 1, 2, 3][..], 0),
            (Dir::Bi, &[0x40, 0x41, 0x04, 1, 2, 3], 4),
            // A type and an id in longer forms than they need.
            (Dir::Uni, &[0x80, 0, 0, 0x54, 0x40, 0x04, 1, 2, 3], 4),
        ] {
            let (parsed, read) = read(dir, stream);
            assert_eq!(parsed, Some((StreamKind::Session(session), vec![])));
            assert_eq!(&stream[read..], &[1, 2, 3]);
        }
    }

    #[test]
    fn the_streams_of_http3_keep_all_their_bytes() {
        let (parsed, read) = read(Dir::Uni, &[0x00, 0x04, 0x02, 0x01, 0x00]);
        assert_eq!(
            (parsed, read),
            (Some((StreamKind::Control, vec![0x04, 0x02])), 3)
        );
        let (parsed, _) = super::tests::read(Dir::Bi, &[0x01, 0x05, 0x00, 0x00]);
        assert_eq!(parsed, Some((StreamKind::Request, vec![0x01, 0x05, 0x00])));
        let (parsed, _) = super::tests::read(Dir::Uni, &[0x02, 0xff, 0xff]);
        assert_eq!(parsed, Some((StreamKind::Other, vec![0xff, 0xff])));
    }

    #[test]
    fn any_first_bytes_are_sorted_or_wait_for_more() {
        for first in 0..=255u8 {
            for second in 0..=255u8 {
                for dir in [Dir::Uni, Dir::Bi] {
                    let stream = [
                        first, second, 0xc0, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
                    ];
                    let (parsed, read) = read(dir, &stream);
                    assert!(parsed.is_some() && read <= LONGEST);
                }
            }
        }
    }
}

//! The objects on one received subgroup stream: their heads are read, the filler is skipped.
//!
//! Nothing is allocated per object or per chunk: what crosses a chunk's end waits in `carry`.

use moq::framing::header::{self, HeaderError, StreamHeader};
use moq::framing::profile::Profile;

use crate::payload::{HEAD, Head};

/// Longer than any stream header, and than an object's head.
const CARRY: usize = 48;

/// What a unidirectional stream turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Its header is not complete.
    Unknown,
    /// A control stream: its bytes are messages, the type included.
    Control,
    /// Objects of this track alias.
    Objects(u64),
    /// Nothing that we asked for.
    Other,
}

/// What the next bytes are.
#[derive(Clone, Copy, Debug)]
enum Step {
    StreamHeader,
    ObjectId,
    PropertiesLength,
    Properties(u64),
    PayloadLength,
    Status,
    Head(u64),
    Filler(Head, u64),
    Ignored,
}

/// One stream.
#[derive(Debug)]
pub struct Incoming {
    profile: &'static Profile,
    kind: Kind,
    has_properties: bool,
    step: Step,
    carry: [u8; CARRY],
    carried: usize,
}

impl Incoming {
    /// A stream of which nothing was read yet.
    pub fn new(profile: &'static Profile) -> Self {
        Self {
            profile,
            kind: Kind::Unknown,
            has_properties: false,
            step: Step::StreamHeader,
            carry: [0; CARRY],
            carried: 0,
        }
    }

    /// What it is, as far as it was read.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// What came of a control stream before it was known to be one.
    pub fn control_bytes(&self) -> &[u8] {
        &self.carry[..self.carried]
    }

    /// Reads on, and tells each object whose last byte has come.
    ///
    /// Stops where the stream turns out to be a control stream, and returns what it left.
    pub fn feed<'a>(&mut self, mut bytes: &'a [u8], mut on_object: impl FnMut(Head)) -> &'a [u8] {
        let varint = self.profile.varint;
        let integer = |bytes: &[u8]| varint.decode(bytes).ok();
        loop {
            let next = match self.step {
                Step::Properties(left) | Step::Filler(_, left) if left > bytes.len() as u64 => {
                    let left = left - bytes.len() as u64;
                    self.step = match self.step {
                        Step::Filler(head, _) => Step::Filler(head, left),
                        _ => Step::Properties(left),
                    };
                    return &[];
                }
                Step::Properties(left) => {
                    bytes = &bytes[left as usize..];
                    Some(Step::PayloadLength)
                }
                Step::Filler(head, left) => {
                    bytes = &bytes[left as usize..];
                    on_object(head);
                    Some(Step::ObjectId)
                }
                Step::Ignored => return &[],
                Step::StreamHeader => match self.stream_header(&mut bytes) {
                    Some(Kind::Control) => return bytes,
                    Some(Kind::Objects(_)) => Some(Step::ObjectId),
                    Some(_) => Some(Step::Ignored),
                    None => None,
                },
                Step::ObjectId => self.field(&mut bytes, integer).map(|_| {
                    if self.has_properties {
                        Step::PropertiesLength
                    } else {
                        Step::PayloadLength
                    }
                }),
                Step::PropertiesLength => self.field(&mut bytes, integer).map(Step::Properties),
                Step::PayloadLength => self.field(&mut bytes, integer).map(|length| match length {
                    0 => Step::Status,
                    _ if length < HEAD as u64 => Step::Properties(length),
                    _ => Step::Head(length - HEAD as u64),
                }),
                Step::Status => self.field(&mut bytes, integer).map(|_| Step::ObjectId),
                Step::Head(filler) => self
                    .field(&mut bytes, |bytes| Some((*bytes.first_chunk()?, HEAD)))
                    .map(|head| Step::Filler(Head::from_bytes(head), filler)),
            };
            match next {
                Some(step) => self.step = step,
                None => return &[],
            }
        }
    }

    fn stream_header(&mut self, bytes: &mut &[u8]) -> Option<Kind> {
        let profile = self.profile;
        let header = self.field(bytes, |bytes| match header::decode(profile, bytes) {
            // A control stream's type is its first message's: it stays where it is.
            Ok((StreamHeader::Control, _)) => Some((Ok(StreamHeader::Control), 0)),
            Ok((header, length)) => Some((Ok(header), length)),
            Err(HeaderError::Short(_)) => None,
            Err(error) => Some((Err(error), 0)),
        })?;
        self.kind = match header {
            Ok(StreamHeader::Subgroup(header)) => {
                self.has_properties = header.extensions;
                Kind::Objects(header.alias.0)
            }
            Ok(StreamHeader::Control) => Kind::Control,
            _ => Kind::Other,
        };
        Some(self.kind)
    }

    /// Takes one field off the front, put together from the last chunk's end where it began there.
    fn field<T>(
        &mut self,
        bytes: &mut &[u8],
        decode: impl Fn(&[u8]) -> Option<(T, usize)>,
    ) -> Option<T> {
        if self.carried == 0
            && let Some((value, length)) = decode(bytes)
        {
            *bytes = &bytes[length..];
            return Some(value);
        }
        while let Some((&byte, rest)) = bytes.split_first() {
            self.carry[self.carried] = byte;
            self.carried += 1;
            *bytes = rest;
            if let Some((value, length)) = decode(&self.carry[..self.carried]) {
                self.carried = if length == 0 { self.carried } else { 0 };
                return Some(value);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn profile(draft: u8) -> &'static Profile {
        moq::framing::profile::profile(draft).expect("a draft that we speak")
    }

    fn object(sequence: u64, filler: usize) -> Vec<u8> {
        let head = Head { at: 5, sequence };
        let length = HEAD + filler;
        let mut bytes = vec![0, 0x40 | (length >> 8) as u8, length as u8];
        bytes.extend_from_slice(&head.to_bytes());
        bytes.resize(bytes.len() + filler, 0xaa);
        bytes
    }

    /// draft-16 §10.4.2: type 0x18, alias 2, group 0, priority 128.
    fn stream() -> Vec<u8> {
        let mut bytes = vec![0x18, 2, 0, 0x80];
        for sequence in 0..3 {
            bytes.extend(object(sequence, 100));
        }
        bytes
    }

    #[test]
    fn objects_are_found_however_the_stream_is_cut() {
        let bytes = stream();
        for size in 1..bytes.len() {
            let mut incoming = Incoming::new(profile(16));
            let mut seen = Vec::new();
            for chunk in bytes.chunks(size) {
                incoming.feed(chunk, |head| seen.push(head.sequence));
            }
            assert_eq!(incoming.kind(), Kind::Objects(2));
            assert_eq!(seen, [0, 1, 2], "in chunks of {size}");
        }
    }

    #[test]
    fn an_object_counts_when_its_last_byte_has_come() {
        let bytes = stream();
        let mut seen = 0;
        Incoming::new(profile(16)).feed(&bytes[..bytes.len() - 1], |_| seen += 1);
        assert_eq!(seen, 2);
    }

    #[test]
    fn properties_and_bare_statuses_are_passed_over() {
        // Type 0x19: objects have properties. One of three bytes, then an object, then a status.
        let mut bytes = vec![0x19, 2, 0, 0x80, 0, 3, 9, 9, 9, 16];
        bytes.extend_from_slice(&Head { at: 5, sequence: 7 }.to_bytes());
        bytes.extend_from_slice(&[0, 0, 0, 3]);
        let mut seen = Vec::new();
        Incoming::new(profile(16)).feed(&bytes, |head| seen.push(head.sequence));
        assert_eq!(seen, [7]);
    }

    #[test]
    fn a_control_stream_keeps_its_type() {
        let setup = [0xaf, 0x00, 0x00, 0x00];
        for size in 1..=setup.len() {
            let mut incoming = Incoming::new(profile(18));
            let mut all = Vec::new();
            for chunk in setup.chunks(size) {
                if incoming.kind() == Kind::Control {
                    all.extend_from_slice(chunk);
                    continue;
                }
                let rest = incoming.feed(chunk, |_| panic!("no object is in it"));
                if incoming.kind() == Kind::Control {
                    all.extend_from_slice(incoming.control_bytes());
                    all.extend_from_slice(rest);
                }
            }
            assert_eq!(all, setup, "in chunks of {size}");
        }
    }
}

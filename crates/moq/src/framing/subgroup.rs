//! Objects on a subgroup stream: where each one starts, and how it is written for another sink.

use std::ops::Range;

use crate::framing::codes::{Close, Fate, Reset};
use crate::framing::header::SubgroupHeader;
use crate::framing::location::{GroupId, Location, ObjectId};
use crate::framing::profile::Profile;
use crate::framing::properties::{MAX_LIST_LEN, Properties, PropertyError};
use crate::framing::status::Status;
use crate::framing::varint::{self, Reader, Short, TooLarge};

/// Where one object sits in a run of a stream's bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// Where its header starts in the run.
    pub offset: u32,
    /// Bytes from there to its payload.
    pub header_len: u32,
    /// Where its properties start in the header.
    pub extensions_at: u32,
    /// Bytes of properties; 0 when it has none or the stream has no field for them.
    pub extensions_len: u32,
    /// The object.
    pub object: ObjectId,
    /// Bytes of payload, of which some may still be to come.
    pub payload_len: u64,
    /// Its status: [`Status::Normal`] whenever there is payload.
    pub status: Status,
    /// Bytes of the object id delta that its header starts with.
    pub delta_len: u8,
}

impl Mark {
    /// Where the properties are, seen from the start of the header.
    #[inline]
    pub const fn extensions(&self) -> Range<usize> {
        let start = self.extensions_at as usize;
        start..start + self.extensions_len as usize
    }

    /// Where the header is in the run.
    #[inline]
    pub const fn header(&self) -> Range<usize> {
        let start = self.offset as usize;
        start..start + self.header_len as usize
    }

    /// Where the object ends, seen from the start of the run: beyond it when payload is missing.
    #[inline]
    pub const fn end(&self) -> u64 {
        self.offset as u64 + self.header_len as u64 + self.payload_len
    }
}

/// Why a stream's bytes are not objects. Marks found before the bad header stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ScanError {
    /// A limit of ours: reset or stop the stream.
    #[error("properties of {0} bytes are longer than {MAX_LIST_LEN}")]
    ExtensionsTooLong(u64),
    /// Close with PROTOCOL_VIOLATION.
    #[error("an object id is larger than the draft can say")]
    ObjectIdOverflow,
    /// More than a stream can carry: close with PROTOCOL_VIOLATION.
    #[error("a payload of {0} bytes does not fit a stream")]
    PayloadTooLong(u64),
    /// draft-16 §10.2.1.1: close with PROTOCOL_VIOLATION.
    #[error("object status {0:#x} is unknown")]
    UnknownStatus(u64),
    /// draft-16 §10.2.1.2: close with PROTOCOL_VIOLATION.
    #[error("an object of status {0:?} has properties")]
    StatusWithProperties(Status),
    /// draft-16 §2.4.2: the track is malformed.
    #[error("an object follows the end of its group or track")]
    ObjectAfterEnd,
    /// As the property's own error says.
    #[error(transparent)]
    Property(#[from] PropertyError),
}

impl ScanError {
    /// Who pays.
    pub fn fate(self) -> Fate {
        match self {
            Self::ExtensionsTooLong(_) => Fate::Stream(Reset::InternalError),
            Self::ObjectIdOverflow
            | Self::PayloadTooLong(_)
            | Self::UnknownStatus(_)
            | Self::StatusWithProperties(_) => Fate::Session(Close::ProtocolViolation),
            Self::ObjectAfterEnd => Fate::Track,
            Self::Property(error) => error.fate(),
        }
    }
}

/// Finds the objects of one subgroup stream, run by run.
#[derive(Debug)]
pub struct Scanner {
    profile: &'static Profile,
    group: GroupId,
    extensions: bool,
    last: Option<ObjectId>,
    ended: bool,
    remaining: u64,
}

impl Scanner {
    /// A scanner for the bytes behind `header`.
    pub fn new(profile: &'static Profile, header: &SubgroupHeader) -> Self {
        Self {
            profile,
            group: header.group,
            extensions: header.extensions,
            last: None,
            ended: false,
            remaining: 0,
        }
    }

    /// Finds the objects that start in `run` and appends a mark for each one whose header is whole.
    ///
    /// Consumes whole object headers and whatever payload is there, and returns how many bytes
    /// that was. The rest is part of one header, at most 64 KiB and a few bytes: put it before
    /// the next run. A run is shorter than 4 GiB.
    pub fn scan(&mut self, run: &[u8], marks: &mut Vec<Mark>) -> Result<usize, ScanError> {
        debug_assert!(run.len() <= u32::MAX as usize);
        let mut at = 0;
        loop {
            let payload = self.remaining.min((run.len() - at) as u64);
            self.remaining -= payload;
            at += payload as usize;
            if at == run.len() {
                return Ok(at);
            }
            match self.read_header(&run[at..]) {
                Ok(mark) => {
                    marks.push(Mark {
                        offset: at as u32,
                        ..mark
                    });
                    at += mark.header_len as usize;
                }
                Err(Stop::Short) => return Ok(at),
                Err(Stop::Error(error)) => return Err(error),
            }
        }
    }

    /// How long the header that `begun` starts with is at least, as far as those bytes tell: with fewer
    /// there is nothing to scan.
    pub fn needs(&self, begun: &[u8]) -> usize {
        let mut reader = Reader::new(self.profile.varint, begun);
        let mut extensions_len = || {
            reader.varint()?;
            if self.extensions {
                reader.varint()
            } else {
                Ok(0)
            }
        };
        match extensions_len() {
            Ok(len) if len <= MAX_LIST_LEN => reader.at() + len as usize + 1,
            _ => begun.len() + 1,
        }
    }

    /// Whether everything consumed so far is whole objects. A FIN is legal only here, and only
    /// when no bytes wait for the next run (draft-16 §10.4).
    #[inline]
    pub const fn is_between_objects(&self) -> bool {
        self.remaining == 0
    }

    /// The object whose header was found last.
    #[inline]
    pub const fn last_object(&self) -> Option<ObjectId> {
        self.last
    }

    /// Bytes of the last object's payload that are still to come.
    #[inline]
    pub const fn remaining_payload(&self) -> u64 {
        self.remaining
    }

    #[inline]
    fn read_header(&mut self, bytes: &[u8]) -> Result<Mark, Stop> {
        let mut reader = Reader::new(self.profile.varint, bytes);
        let delta = reader.varint()?;
        let delta_len = reader.at();
        let extensions_len = if self.extensions { reader.varint()? } else { 0 };
        if extensions_len > MAX_LIST_LEN {
            return Err(ScanError::ExtensionsTooLong(extensions_len).into());
        }
        let extensions_at = reader.at();
        let extensions = reader.slice(extensions_len as usize)?;
        let payload_len = reader.varint()?;
        if payload_len > varint::MAX {
            return Err(ScanError::PayloadTooLong(payload_len).into());
        }
        let status = if payload_len == 0 {
            reader.varint()?
        } else {
            0
        };

        let object = self.next_object(delta)?;
        let status =
            Status::from_code(self.profile, status).ok_or(ScanError::UnknownStatus(status))?;
        if !extensions.is_empty() {
            self.check_extensions(object, status, extensions)?;
        }
        self.last = Some(object);
        self.ended = matches!(status, Status::EndOfGroup | Status::EndOfTrack);
        self.remaining = payload_len;
        Ok(Mark {
            offset: 0,
            header_len: reader.at() as u32,
            extensions_at: extensions_at as u32,
            extensions_len: extensions_len as u32,
            object,
            payload_len,
            status,
            delta_len: delta_len as u8,
        })
    }

    #[inline]
    fn next_object(&self, delta: u64) -> Result<ObjectId, ScanError> {
        if self.ended {
            return Err(ScanError::ObjectAfterEnd);
        }
        let first_possible = match self.last {
            None => Some(0),
            Some(last) => last.0.checked_add(1),
        };
        first_possible
            .and_then(|id| id.checked_add(delta))
            .filter(|&id| id <= self.profile.varint.max())
            .map(ObjectId)
            .ok_or(ScanError::ObjectIdOverflow)
    }

    fn check_extensions(
        &self,
        object: ObjectId,
        status: Status,
        bytes: &[u8],
    ) -> Result<(), ScanError> {
        if !status.may_have_properties(self.profile) {
            return Err(ScanError::StatusWithProperties(status));
        }
        let at = Location {
            group: self.group,
            object,
        };
        Properties::new(self.profile, bytes).check(at)?;
        Ok(())
    }
}

/// Why the scanner stopped at a header.
enum Stop {
    Short,
    Error(ScanError),
}

impl From<Short> for Stop {
    fn from(_: Short) -> Self {
        Self::Short
    }
}

impl From<ScanError> for Stop {
    fn from(error: ScanError) -> Self {
        Self::Error(error)
    }
}

/// Whether `to` can be sent the object's bytes as `from` wrote them, behind the same object as
/// there. Always so between sessions of one draft.
#[inline]
pub fn is_alike(from: &Profile, to: &Profile, mark: &Mark) -> bool {
    from.draft == to.draft
        || from.varint == to.varint
            && mark.status.exists_in(to)
            && (mark.extensions_len == 0
                || from.property_types == to.property_types && mark.status.may_have_properties(to))
}

/// Appends the header of an object that becomes the first of its stream: its id in place of the
/// delta, all else as it was. `header` is the object's header in the bytes of the stream.
#[inline]
pub fn rewrite_first(profile: &Profile, header: &[u8], mark: &Mark, out: &mut Vec<u8>) {
    let written = profile.varint.encode(mark.object.0, out);
    written.expect("the scanner lets no larger id pass");
    out.extend_from_slice(&header[mark.delta_len as usize..]);
}

/// An object to write on a subgroup stream.
#[derive(Clone, Copy, Debug)]
pub struct ObjectHeader<'a> {
    /// The object.
    pub object: ObjectId,
    /// Its properties; `None` on a stream without a field for them.
    pub extensions: Option<Properties<'a>>,
    /// Bytes of payload that follow.
    pub payload_len: u64,
    /// Its status; sent when there is no payload.
    pub status: Status,
}

/// Why an object cannot be written. `out` is as it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EncodeError {
    /// End the subscription: its draft cannot name this object.
    #[error(transparent)]
    TooLarge(#[from] TooLarge),
    /// The draft has no such status: leave the object out.
    #[error("status {0:?} does not exist in this draft")]
    NoSuchStatus(Status),
    /// A list that was never checked is malformed.
    #[error(transparent)]
    Property(#[from] PropertyError),
    /// A bug of the caller: ids ascend on a stream.
    #[error("object {object} cannot follow object {prior}")]
    OutOfOrder {
        /// The object.
        object: ObjectId,
        /// The one before it on the stream.
        prior: ObjectId,
    },
}

/// Appends an object's header as `profile` writes it behind object `prior`, which is `None` at
/// the start of a stream. Returns how many properties were left out: those that have no encoding
/// in the draft, and all of a status that may not have any.
pub fn encode(
    profile: &Profile,
    header: &ObjectHeader<'_>,
    prior: Option<ObjectId>,
    out: &mut Vec<u8>,
) -> Result<usize, EncodeError> {
    let start = out.len();
    try_encode(profile, header, prior, out).inspect_err(|_| out.truncate(start))
}

/// Appends the header of an object of draft `from` as `profile` writes it, else like [`encode`].
/// `header` is the object's header in the bytes of the stream; `extensions` says whether the
/// stream (either one) has a field for properties.
pub fn transcode_header(
    from: &'static Profile,
    to: &Profile,
    header: &[u8],
    mark: &Mark,
    extensions: bool,
    prior: Option<ObjectId>,
    out: &mut Vec<u8>,
) -> Result<usize, EncodeError> {
    let list = Properties::new(from, &header[mark.extensions()]);
    let object = ObjectHeader {
        object: mark.object,
        extensions: extensions.then_some(list),
        payload_len: mark.payload_len,
        status: mark.status,
    };
    encode(to, &object, prior, out)
}

fn try_encode(
    profile: &Profile,
    header: &ObjectHeader<'_>,
    prior: Option<ObjectId>,
    out: &mut Vec<u8>,
) -> Result<usize, EncodeError> {
    let &ObjectHeader {
        object,
        extensions,
        payload_len,
        status,
    } = header;
    if !status.exists_in(profile) {
        return Err(EncodeError::NoSuchStatus(status));
    }
    let varint = profile.varint;
    let delta = match prior {
        None => object.0,
        Some(prior) if prior < object => object.0 - prior.0 - 1,
        Some(prior) => return Err(EncodeError::OutOfOrder { object, prior }),
    };
    if object.0 > varint.max() {
        return Err(TooLarge(object.0).into());
    }
    varint.encode(delta, out)?;
    let mut left_out = 0;
    if let Some(list) = extensions {
        if status.may_have_properties(profile) {
            left_out = list.write(profile, out)?;
        } else {
            left_out = list.iter().count();
            varint.encode(0, out)?;
        }
    }
    varint.encode(payload_len, out)?;
    if payload_len == 0 {
        varint.encode(status.code(), out)?;
    }
    Ok(left_out)
}

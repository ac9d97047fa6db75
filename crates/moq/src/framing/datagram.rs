//! An object in a datagram.

use crate::framing::codes::{Close, Fate};
use crate::framing::header::TrackAlias;
use crate::framing::location::{GroupId, Location, ObjectId};
use crate::framing::profile::Profile;
use crate::framing::properties::{Properties, PropertyError};
use crate::framing::status::Status;
use crate::framing::varint::{Reader, Short, TooLarge};

/// One object in one datagram (draft-16 §10.3.1).
#[derive(Clone, Copy, Debug)]
pub struct ObjectDatagram<'a> {
    /// The track.
    pub alias: TrackAlias,
    /// Where the object sits.
    pub location: Location,
    /// Publisher priority, lower first; `None` inherits the track's.
    pub priority: Option<u8>,
    /// Its properties.
    pub properties: Properties<'a>,
    /// It is the last object of its group.
    pub end_of_group: bool,
    /// What it carries.
    pub body: Body<'a>,
}

/// What an object in a datagram carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Body<'a> {
    /// An object, maybe of no bytes.
    Payload(&'a [u8]),
    /// A mark, or an empty object that states [`Status::Normal`].
    Status(Status),
}

impl Body<'_> {
    /// The object's status.
    #[inline]
    pub const fn status(&self) -> Status {
        match self {
            Self::Payload(_) => Status::Normal,
            Self::Status(status) => *status,
        }
    }
}

/// Why a datagram is not an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DatagramError {
    /// draft-16 §10: close with PROTOCOL_VIOLATION.
    #[error("datagram type {0:#x} is unknown")]
    UnknownType(u64),
    /// No more bytes can come: close with PROTOCOL_VIOLATION.
    #[error("the datagram ends inside its header")]
    CutShort,
    /// draft-16 §10.3.1: close with PROTOCOL_VIOLATION.
    #[error("the type announces properties and there are none")]
    NoProperties,
    /// draft-16 §10.2.1.1: close with PROTOCOL_VIOLATION.
    #[error("object status {0:#x} is unknown")]
    UnknownStatus(u64),
    /// draft-16 §10.2.1.1: close with PROTOCOL_VIOLATION.
    #[error("bytes follow an object status")]
    PayloadAfterStatus,
    /// draft-16 §10.2.1.2: close with PROTOCOL_VIOLATION.
    #[error("an object of status {0:?} has properties")]
    StatusWithProperties(Status),
    /// As the property's own error says.
    #[error(transparent)]
    Property(#[from] PropertyError),
}

impl DatagramError {
    /// Who pays.
    pub fn fate(self) -> Fate {
        match self {
            Self::Property(error) => error.fate(),
            _ => Fate::Session(Close::ProtocolViolation),
        }
    }
}

/// Why a datagram cannot be written. `out` is as it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EncodeError {
    /// The draft cannot name this object.
    #[error(transparent)]
    TooLarge(#[from] TooLarge),
    /// The draft has no such status: leave the object out.
    #[error("status {0:?} does not exist in this draft")]
    NoSuchStatus(Status),
    /// A list that was never checked is malformed.
    #[error(transparent)]
    Property(#[from] PropertyError),
}

const EXTENSIONS: u64 = 0x01;
const END_OF_GROUP: u64 = 0x02;
const ZERO_OBJECT_ID: u64 = 0x04;
const DEFAULT_PRIORITY: u64 = 0x08;
const STATUS: u64 = 0x20;
const PADDING: u64 = 0x132b_3e29;

/// Reads a whole datagram; `None` is padding, to be discarded (from draft 17 on).
pub fn decode<'a>(
    profile: &'static Profile,
    datagram: &'a [u8],
) -> Result<Option<ObjectDatagram<'a>>, DatagramError> {
    let mut reader = Reader::new(profile.varint, datagram);
    let kind = reader.varint()?;
    if kind == PADDING && profile.has_padding {
        return Ok(None);
    }
    if !is_object(profile, kind) {
        return Err(DatagramError::UnknownType(kind));
    }
    let alias = TrackAlias(reader.varint()?);
    let group = GroupId(reader.varint()?);
    let object = match kind & ZERO_OBJECT_ID {
        0 => ObjectId(reader.varint()?),
        _ => ObjectId(0),
    };
    let priority = match kind & DEFAULT_PRIORITY {
        0 => Some(reader.byte()?),
        _ => None,
    };
    let list = match kind & EXTENSIONS {
        0 => &[],
        _ => read_list(&mut reader)?,
    };
    let body = match kind & STATUS {
        0 => Body::Payload(reader.rest()),
        _ => Body::Status(read_status(profile, &mut reader)?),
    };
    let location = Location { group, object };
    let properties = Properties::new(profile, list);
    if !properties.is_empty() && !body.status().may_have_properties(profile) {
        return Err(DatagramError::StatusWithProperties(body.status()));
    }
    properties.check(location)?;
    let end_of_group = kind & END_OF_GROUP != 0;
    Ok(Some(ObjectDatagram {
        alias,
        location,
        priority,
        properties,
        end_of_group,
        body,
    }))
}

/// Appends a whole datagram. `track_priority` is written when the object inherits it and the draft
/// cannot say so. Returns how many properties were left out: those that have no encoding in the
/// draft, and all of a status that may not have any.
pub fn encode(
    profile: &Profile,
    datagram: &ObjectDatagram<'_>,
    track_priority: u8,
    out: &mut Vec<u8>,
) -> Result<usize, EncodeError> {
    let start = out.len();
    try_encode(profile, datagram, track_priority, out).inspect_err(|_| out.truncate(start))
}

fn is_object(profile: &Profile, kind: u64) -> bool {
    let mut bits = EXTENSIONS;
    if profile.priority_may_be_inherited {
        bits |= DEFAULT_PRIORITY;
    }
    if kind & STATUS == 0 {
        bits |= END_OF_GROUP | ZERO_OBJECT_ID;
    } else {
        bits |= STATUS;
        if profile.status_datagram_may_omit_object_id {
            bits |= ZERO_OBJECT_ID;
        }
    }
    kind & !bits == 0
}

fn read_list<'a>(reader: &mut Reader<'a>) -> Result<&'a [u8], DatagramError> {
    match reader.varint()? {
        0 => Err(DatagramError::NoProperties),
        len => Ok(reader.slice(usize::try_from(len).unwrap_or(usize::MAX))?),
    }
}

fn read_status(profile: &Profile, reader: &mut Reader<'_>) -> Result<Status, DatagramError> {
    let code = reader.varint()?;
    let status = Status::from_code(profile, code).ok_or(DatagramError::UnknownStatus(code))?;
    match reader.rest() {
        [] => Ok(status),
        _ => Err(DatagramError::PayloadAfterStatus),
    }
}

fn try_encode(
    profile: &Profile,
    datagram: &ObjectDatagram<'_>,
    track_priority: u8,
    out: &mut Vec<u8>,
) -> Result<usize, EncodeError> {
    let &ObjectDatagram {
        alias,
        location,
        priority,
        properties,
        end_of_group,
        body,
    } = datagram;
    let status = body.status();
    if !status.exists_in(profile) {
        return Err(EncodeError::NoSuchStatus(status));
    }
    let priority = match priority {
        None if !profile.priority_may_be_inherited => Some(track_priority),
        priority => priority,
    };
    let has_status = matches!(body, Body::Status(_));
    let omits_object_id =
        location.object.0 == 0 && (!has_status || profile.status_datagram_may_omit_object_id);
    let mut kind = 0;
    for (bit, set) in [
        (END_OF_GROUP, end_of_group && !has_status),
        (ZERO_OBJECT_ID, omits_object_id),
        (DEFAULT_PRIORITY, priority.is_none()),
        (STATUS, has_status),
    ] {
        if set {
            kind |= bit as u8;
        }
    }
    let varint = profile.varint;
    // Every type is one byte in either form of integer.
    let kind_at = out.len();
    out.push(kind);
    varint.encode(alias.0, out)?;
    varint.encode(location.group.0, out)?;
    if !omits_object_id {
        varint.encode(location.object.0, out)?;
    }
    out.extend(priority);
    let mut left_out = 0;
    if !properties.is_empty() && status.may_have_properties(profile) {
        let list_at = out.len();
        left_out = properties.write(profile, out)?;
        // A list of which nothing is left may not be announced.
        match out[list_at] {
            0 => out.truncate(list_at),
            _ => out[kind_at] |= EXTENSIONS as u8,
        }
    } else {
        left_out += properties.iter().count();
    }
    match body {
        Body::Payload(payload) => out.extend_from_slice(payload),
        Body::Status(status) => varint.encode(status.code(), out)?,
    }
    Ok(left_out)
}

impl From<Short> for DatagramError {
    fn from(_: Short) -> Self {
        Self::CutShort
    }
}

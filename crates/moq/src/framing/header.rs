//! The first bytes of a unidirectional stream: whose objects these are.

use crate::framing::codes::{Close, Fate};
use crate::framing::location::{GroupId, ObjectId};
use crate::framing::profile::Profile;
use crate::framing::varint::{Reader, Short, TooLarge};

/// The number that stands for a track on one session's data streams.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TrackAlias(pub u64);

/// The number of a request on its session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(pub u64);

/// Which subgroup of its group a stream carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SubgroupId {
    /// Subgroup 0; no field on the wire.
    Zero,
    /// Named after the first object of the stream; no field on the wire.
    FirstObject,
    /// A field of the header.
    Explicit(u64),
}

impl SubgroupId {
    /// The number, once the stream's first object is known.
    #[inline]
    pub const fn number(self, first: ObjectId) -> u64 {
        match self {
            Self::Zero => 0,
            Self::FirstObject => first.0,
            Self::Explicit(number) => number,
        }
    }
}

/// The header of a stream of one subgroup's objects (draft-16 §10.4.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SubgroupHeader {
    /// The track.
    pub alias: TrackAlias,
    /// The group.
    pub group: GroupId,
    /// The subgroup. A stream that starts later than the one it copies cannot be named after its
    /// first object: name it [`SubgroupId::Explicit`] with the number of the original.
    pub subgroup: SubgroupId,
    /// Publisher priority, lower first; `None` inherits the track's.
    pub priority: Option<u8>,
    /// Whether objects have a field for properties (which may be empty).
    pub extensions: bool,
    /// The last object before a FIN is the last of the group.
    pub end_of_group: bool,
    /// The stream's first object is the first of the subgroup; false where that is unknown, as
    /// always below draft 18.
    pub first_object: bool,
}

/// What a unidirectional stream carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamHeader {
    /// Objects of one subgroup.
    Subgroup(SubgroupHeader),
    /// Objects that answer a FETCH.
    Fetch {
        /// The FETCH that asked for them.
        request_id: RequestId,
    },
    /// Control messages (from draft 17 on). Only the type is consumed, though SETUP repeats it.
    Control,
    /// Nothing: discard what follows (from draft 17 on).
    Padding,
}

/// Why a stream header could not be decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HeaderError {
    /// Wait for more bytes.
    #[error(transparent)]
    Short(#[from] Short),
    /// draft-16 §10: close with PROTOCOL_VIOLATION.
    #[error("stream type {0:#x} is unknown")]
    UnknownType(u64),
}

impl HeaderError {
    /// Who pays; `None` for [`HeaderError::Short`], unless the stream has ended.
    pub fn fate(self) -> Option<Fate> {
        match self {
            Self::Short(_) => None,
            Self::UnknownType(_) => Some(Fate::Session(Close::ProtocolViolation)),
        }
    }
}

const FETCH: u64 = 0x05;
const CONTROL: u64 = 0x2f00;
const PADDING: u64 = 0x132b_3e28;

const EXTENSIONS: u64 = 0x01;
const SUBGROUP_ID_MODE: u64 = 0x06;
const SUBGROUP_ID_IS_FIRST_OBJECT: u64 = 0x02;
const SUBGROUP_ID_PRESENT: u64 = 0x04;
const END_OF_GROUP: u64 = 0x08;
const SUBGROUP: u64 = 0x10;
const DEFAULT_PRIORITY: u64 = 0x20;
const FIRST_OBJECT: u64 = 0x40;

/// Reads the header at the start of a unidirectional stream: what it says and its length.
pub fn decode(profile: &Profile, bytes: &[u8]) -> Result<(StreamHeader, usize), HeaderError> {
    let mut reader = Reader::new(profile.varint, bytes);
    let kind = reader.varint()?;
    let header = match kind {
        FETCH => StreamHeader::Fetch {
            request_id: RequestId(reader.varint()?),
        },
        CONTROL if profile.has_unidirectional_control => StreamHeader::Control,
        PADDING if profile.has_padding => StreamHeader::Padding,
        _ if is_subgroup(profile, kind) => {
            StreamHeader::Subgroup(decode_subgroup(kind, &mut reader)?)
        }
        _ => return Err(HeaderError::UnknownType(kind)),
    };
    Ok((header, reader.at()))
}

/// Appends a subgroup's header. `track_priority` is written when the header inherits it and the
/// draft cannot say so. When a number has no encoding in the draft, `out` is as it was.
pub fn encode(
    profile: &Profile,
    header: &SubgroupHeader,
    track_priority: u8,
    out: &mut Vec<u8>,
) -> Result<(), TooLarge> {
    let priority = match header.priority {
        None if !profile.priority_may_be_inherited => Some(track_priority),
        priority => priority,
    };
    let mut kind = SUBGROUP;
    kind |= match header.subgroup {
        SubgroupId::Zero => 0,
        SubgroupId::FirstObject => SUBGROUP_ID_IS_FIRST_OBJECT,
        SubgroupId::Explicit(_) => SUBGROUP_ID_PRESENT,
    };
    for (bit, set) in [
        (EXTENSIONS, header.extensions),
        (END_OF_GROUP, header.end_of_group),
        (DEFAULT_PRIORITY, priority.is_none()),
        (
            FIRST_OBJECT,
            header.first_object && profile.first_object_is_marked,
        ),
    ] {
        if set {
            kind |= bit;
        }
    }
    let explicit = match header.subgroup {
        SubgroupId::Explicit(number) => Some(number),
        SubgroupId::Zero | SubgroupId::FirstObject => None,
    };
    let start = out.len();
    [kind, header.alias.0, header.group.0]
        .into_iter()
        .chain(explicit)
        .try_for_each(|number| profile.varint.encode(number, out))
        .inspect_err(|_| out.truncate(start))?;
    out.extend(priority);
    Ok(())
}

/// Appends the header of a stream that answers a FETCH.
pub fn encode_fetch(
    profile: &Profile,
    request_id: RequestId,
    out: &mut Vec<u8>,
) -> Result<(), TooLarge> {
    profile.varint.encode(FETCH, out)?;
    profile.varint.encode(request_id.0, out)
}

fn is_subgroup(profile: &Profile, kind: u64) -> bool {
    let mut bits = SUBGROUP | EXTENSIONS | SUBGROUP_ID_MODE | END_OF_GROUP;
    if profile.priority_may_be_inherited {
        bits |= DEFAULT_PRIORITY;
    }
    if profile.first_object_is_marked {
        bits |= FIRST_OBJECT;
    }
    kind & SUBGROUP != 0 && kind & !bits == 0 && kind & SUBGROUP_ID_MODE != SUBGROUP_ID_MODE
}

fn decode_subgroup(kind: u64, reader: &mut Reader<'_>) -> Result<SubgroupHeader, Short> {
    let alias = TrackAlias(reader.varint()?);
    let group = GroupId(reader.varint()?);
    let subgroup = match kind & SUBGROUP_ID_MODE {
        SUBGROUP_ID_PRESENT => SubgroupId::Explicit(reader.varint()?),
        SUBGROUP_ID_IS_FIRST_OBJECT => SubgroupId::FirstObject,
        _ => SubgroupId::Zero,
    };
    let priority = match kind & DEFAULT_PRIORITY {
        0 => Some(reader.byte()?),
        _ => None,
    };
    Ok(SubgroupHeader {
        alias,
        group,
        subgroup,
        priority,
        extensions: kind & EXTENSIONS != 0,
        end_of_group: kind & END_OF_GROUP != 0,
        first_object: kind & FIRST_OBJECT != 0,
    })
}

//! Objects on a FETCH stream, written and read.

use std::ops::Range;

use crate::framing::codes::{Close, Fate, Reset};
use crate::framing::location::{GroupId, Location, ObjectId};
use crate::framing::profile::{FetchCoding, Profile};
use crate::framing::properties::{MAX_LIST_LEN, Properties, PropertyError};
use crate::framing::status::Status;
use crate::framing::varint::{self, Reader, Short, TooLarge};

/// In which order a FETCH delivers groups; objects ascend inside a group either way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum GroupOrder {
    /// Lowest group first.
    Ascending,
    /// Highest group first.
    Descending,
}

/// Everything of one object except its payload.
#[derive(Clone, Copy, Debug)]
pub struct FetchObject<'a> {
    /// Where the object sits.
    pub location: Location,
    /// Its subgroup; `None` when its publisher sent it as a datagram.
    pub subgroup: Option<u64>,
    /// Publisher priority, lower first: FETCH inherits none.
    pub priority: u8,
    /// Its properties.
    pub properties: Properties<'a>,
    /// Bytes of payload.
    pub payload_len: u64,
    /// Its status.
    pub status: Status,
}

/// What is said about a range without objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RangeEnd {
    /// Its objects do not exist.
    NonExistent,
    /// Nobody here knows whether its objects exist.
    Unknown,
}

/// Why something cannot be written on a FETCH stream. `out` is as it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FetchError {
    /// Reset the stream: its draft cannot name this object.
    #[error(transparent)]
    TooLarge(#[from] TooLarge),
    /// Reset the stream: its draft cannot mark a range as unknown.
    #[error("this draft cannot mark a range as unknown")]
    NoRangeMarkers,
    /// A list that was never checked is malformed.
    #[error(transparent)]
    Property(#[from] PropertyError),
    /// A bug of the caller: locations follow the group order.
    #[error("{at} cannot follow {prior}")]
    OutOfOrder {
        /// Where the object or the range's end sits.
        at: Location,
        /// What was written before it.
        prior: Location,
    },
}

/// Writes the headers of a FETCH stream's objects; the payload goes out behind each by itself.
#[derive(Debug)]
pub struct FetchWriter {
    profile: &'static Profile,
    prior: Prior,
}

impl FetchWriter {
    /// A writer for what follows the stream's header.
    pub fn new(profile: &'static Profile, order: GroupOrder) -> Self {
        Self {
            profile,
            prior: Prior::new(order),
        }
    }

    /// Appends an object's header, and returns how many properties had to be left out because the
    /// draft has no encoding for them.
    ///
    /// A status that the draft's FETCH cannot carry writes nothing: that the object is missing
    /// says the same. Draft 14 gives an object that came as a datagram its own id as subgroup.
    pub fn object(
        &mut self,
        object: &FetchObject<'_>,
        out: &mut Vec<u8>,
    ) -> Result<usize, FetchError> {
        let start = out.len();
        self.prior.check_order(object.location)?;
        let written = match self.profile.fetch_objects {
            FetchCoding::AllFields => self.write_all_fields(object, out),
            _ if object.status != Status::Normal => return Ok(0),
            FetchCoding::Flags | FetchCoding::FlagsAndDeltas => self.write_flags(object, out),
        };
        match written {
            Ok(_) => self
                .prior
                .object(object.location, object.subgroup, object.priority),
            Err(_) => out.truncate(start),
        }
        written
    }

    /// Appends a marker: everything after the last object, up to and including `last`, does not
    /// exist or is unknown. Draft 14 says the first by silence and cannot say the second.
    pub fn end_of_range(
        &mut self,
        end: RangeEnd,
        last: Location,
        out: &mut Vec<u8>,
    ) -> Result<(), FetchError> {
        self.prior.check_order(last)?;
        if self.profile.fetch_objects == FetchCoding::AllFields {
            return match end {
                RangeEnd::NonExistent => Ok(()),
                RangeEnd::Unknown => Err(FetchError::NoRangeMarkers),
            };
        }
        let flags = match end {
            RangeEnd::NonExistent => NON_EXISTENT_RANGE,
            RangeEnd::Unknown => UNKNOWN_RANGE,
        };
        let start = out.len();
        [flags, last.group.0, last.object.0]
            .into_iter()
            .try_for_each(|number| self.profile.varint.encode(number, out))
            .inspect_err(|_| out.truncate(start))?;
        self.prior.range(last);
        Ok(())
    }

    fn write_all_fields(
        &self,
        object: &FetchObject<'_>,
        out: &mut Vec<u8>,
    ) -> Result<usize, FetchError> {
        let &FetchObject {
            location,
            subgroup,
            priority,
            properties,
            payload_len,
            status,
        } = object;
        let varint = self.profile.varint;
        varint.encode(location.group.0, out)?;
        varint.encode(subgroup.unwrap_or(location.object.0), out)?;
        varint.encode(location.object.0, out)?;
        out.push(priority);
        let left_out = match status.may_have_properties(self.profile) {
            true => properties.write(self.profile, out)?,
            false => {
                varint.encode(0, out)?;
                properties.iter().count()
            }
        };
        varint.encode(payload_len, out)?;
        if payload_len == 0 {
            varint.encode(status.code(), out)?;
        }
        Ok(left_out)
    }

    fn write_flags(
        &self,
        object: &FetchObject<'_>,
        out: &mut Vec<u8>,
    ) -> Result<usize, FetchError> {
        let &FetchObject {
            location,
            subgroup,
            priority,
            properties,
            payload_len,
            ..
        } = object;
        let varint = self.profile.varint;
        let prior = &self.prior;
        let deltas = self.profile.fetch_objects == FetchCoding::FlagsAndDeltas;

        let group = prior.group_field(location.group, deltas);
        let object_id = prior.object_field(location, deltas);
        // Only draft 18 says what a marker leaves behind, so the object after one repeats nothing.
        let known = prior.object.filter(|_| deltas || !prior.after_range);
        let (subgroup_mode, subgroup_field) = match (subgroup, known.and_then(|it| it.subgroup)) {
            (None, _) => (DATAGRAM, None),
            (Some(0), _) => (0, None),
            (Some(id), Some(before)) if id == before => (SUBGROUP_IS_PRIOR, None),
            (Some(id), Some(before)) if id - 1 == before => (SUBGROUP_IS_NEXT, None),
            (Some(id), _) => (SUBGROUP_PRESENT, Some(id)),
        };
        let priority = Some(priority).filter(|&it| known.is_none_or(|known| known.priority != it));

        let mut flags = subgroup_mode;
        for (bit, set) in [
            (OBJECT_ID_PRESENT, object_id.is_some()),
            (GROUP_ID_PRESENT, group.is_some()),
            (PRIORITY_PRESENT, priority.is_some()),
            (EXTENSIONS_PRESENT, !properties.is_empty()),
        ] {
            if set {
                flags |= bit;
            }
        }
        if location.group.0 > varint.max() {
            return Err(TooLarge(location.group.0).into());
        }
        if location.object.0 > varint.max() {
            return Err(TooLarge(location.object.0).into());
        }
        varint.encode(flags, out)?;
        [group, subgroup_field, object_id]
            .into_iter()
            .flatten()
            .try_for_each(|number| varint.encode(number, out))?;
        out.extend(priority);
        let mut left_out = 0;
        if !properties.is_empty() {
            left_out = properties.write(self.profile, out)?;
        }
        varint.encode(payload_len, out)?;
        Ok(left_out)
    }
}

/// What a run of a FETCH stream's bytes holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FetchMark {
    /// An object.
    Object(FetchObjectMark),
    /// The end of a range without objects.
    EndOfRange {
        /// What is said about the range.
        end: RangeEnd,
        /// Its last location.
        last: Location,
    },
}

/// Where one object sits in a run of a FETCH stream's bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FetchObjectMark {
    /// Where its header starts in the run.
    pub offset: u32,
    /// Bytes from there to its payload.
    pub header_len: u32,
    /// Where its properties start in the header.
    pub extensions_at: u32,
    /// Bytes of properties.
    pub extensions_len: u32,
    /// Where the object sits in its track.
    pub location: Location,
    /// Its subgroup; `None` for one that was sent as a datagram (never so at draft 14).
    pub subgroup: Option<u64>,
    /// Publisher priority.
    pub priority: u8,
    /// Its status; draft 14 alone states others than [`Status::Normal`].
    pub status: Status,
    /// Bytes of payload, of which some may still be to come.
    pub payload_len: u64,
}

impl FetchObjectMark {
    /// Where the properties are, seen from the start of the header.
    #[inline]
    pub const fn extensions(&self) -> Range<usize> {
        let start = self.extensions_at as usize;
        start..start + self.extensions_len as usize
    }
}

/// Why a FETCH stream's bytes are not objects. Marks found before the bad header stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FetchScanError {
    /// A limit of ours: stop the stream.
    #[error("properties of {0} bytes are longer than {MAX_LIST_LEN}")]
    ExtensionsTooLong(u64),
    /// draft-16 §10.4.4: close with PROTOCOL_VIOLATION.
    #[error("serialization flags {0:#x} are unknown")]
    UnknownFlags(u64),
    /// draft-16 §10.4.4.1: close with PROTOCOL_VIOLATION.
    #[error("the first object refers to one before it")]
    NoPriorObject,
    /// Close with PROTOCOL_VIOLATION.
    #[error("an id is outside of what the draft can say")]
    IdOverflow,
    /// More than a stream can carry: close with PROTOCOL_VIOLATION.
    #[error("a payload of {0} bytes does not fit a stream")]
    PayloadTooLong(u64),
    /// Close with PROTOCOL_VIOLATION.
    #[error("object status {0:#x} is unknown")]
    UnknownStatus(u64),
    /// Close with PROTOCOL_VIOLATION.
    #[error("an object of status {0:?} has properties")]
    StatusWithProperties(Status),
    /// draft-16 §2.4.2, conditions 1, 3 and 4: the track is malformed.
    #[error("{at} follows {prior}")]
    OutOfOrder {
        /// Where the object or the range's end sits.
        at: Location,
        /// What came before it.
        prior: Location,
    },
    /// As the property's own error says.
    #[error(transparent)]
    Property(#[from] PropertyError),
}

impl FetchScanError {
    /// Who pays.
    pub fn fate(self) -> Fate {
        match self {
            Self::ExtensionsTooLong(_) => Fate::Stream(Reset::InternalError),
            Self::OutOfOrder { .. } => Fate::Track,
            Self::Property(error) => error.fate(),
            _ => Fate::Session(Close::ProtocolViolation),
        }
    }
}

/// Finds the objects of one FETCH stream, run by run.
#[derive(Debug)]
pub struct FetchScanner {
    profile: &'static Profile,
    prior: Prior,
    remaining: u64,
}

impl FetchScanner {
    /// A scanner for what follows the stream's header; `order` is what the FETCH asked for.
    pub fn new(profile: &'static Profile, order: GroupOrder) -> Self {
        Self {
            profile,
            prior: Prior::new(order),
            remaining: 0,
        }
    }

    /// Finds what starts in `run`, like [`crate::framing::subgroup::Scanner::scan`].
    pub fn scan(
        &mut self,
        run: &[u8],
        marks: &mut Vec<FetchMark>,
    ) -> Result<usize, FetchScanError> {
        debug_assert!(run.len() <= u32::MAX as usize);
        let mut at = 0;
        loop {
            let payload = self.remaining.min((run.len() - at) as u64);
            self.remaining -= payload;
            at += payload as usize;
            if at == run.len() {
                return Ok(at);
            }
            let mut reader = Reader::new(self.profile.varint, &run[at..]);
            let read = match self.profile.fetch_objects {
                FetchCoding::AllFields => self.read_all_fields(&mut reader),
                FetchCoding::Flags => self.read_flags(&mut reader, false),
                FetchCoding::FlagsAndDeltas => self.read_flags(&mut reader, true),
            };
            match read {
                Ok(mark) => marks.push(self.accept(mark, at, reader.at())?),
                Err(Stop::Short) => return Ok(at),
                Err(Stop::Error(error)) => return Err(error),
            }
            at += reader.at();
        }
    }

    /// Whether everything consumed so far is whole. A FIN is legal only here, and only when no
    /// bytes wait for the next run (draft-16 §10.4).
    #[inline]
    pub const fn is_between_objects(&self) -> bool {
        self.remaining == 0
    }

    /// Bytes of the last object's payload that are still to come.
    #[inline]
    pub const fn remaining_payload(&self) -> u64 {
        self.remaining
    }

    /// Checks what was read and remembers it for what follows.
    fn accept(
        &mut self,
        mark: FetchMark,
        offset: usize,
        header_len: usize,
    ) -> Result<FetchMark, FetchScanError> {
        let out_of_order = |error| match error {
            FetchError::OutOfOrder { at, prior } => FetchScanError::OutOfOrder { at, prior },
            _ => FetchScanError::IdOverflow,
        };
        match mark {
            FetchMark::Object(mark) => {
                if mark.payload_len > varint::MAX {
                    return Err(FetchScanError::PayloadTooLong(mark.payload_len));
                }
                self.prior
                    .check_order(mark.location)
                    .map_err(out_of_order)?;
                self.prior
                    .object(mark.location, mark.subgroup, mark.priority);
                self.remaining = mark.payload_len;
                let (offset, header_len) = (offset as u32, header_len as u32);
                Ok(FetchMark::Object(FetchObjectMark {
                    offset,
                    header_len,
                    ..mark
                }))
            }
            FetchMark::EndOfRange { last, .. } => {
                self.prior.check_order(last).map_err(out_of_order)?;
                self.prior.range(last);
                Ok(mark)
            }
        }
    }

    fn read_all_fields(&self, reader: &mut Reader<'_>) -> Result<FetchMark, Stop> {
        let group = GroupId(reader.varint()?);
        let subgroup = Some(reader.varint()?);
        let object = ObjectId(reader.varint()?);
        let location = Location { group, object };
        let priority = reader.byte()?;
        let (extensions_at, list) = read_list(reader)?;
        let payload_len = reader.varint()?;
        let code = if payload_len == 0 {
            reader.varint()?
        } else {
            0
        };
        let status =
            Status::from_code(self.profile, code).ok_or(FetchScanError::UnknownStatus(code))?;
        if !list.is_empty() && !status.may_have_properties(self.profile) {
            return Err(FetchScanError::StatusWithProperties(status).into());
        }
        self.check_list(list, location)?;
        Ok(FetchMark::Object(FetchObjectMark {
            offset: 0,
            header_len: 0,
            extensions_at,
            extensions_len: list.len() as u32,
            location,
            subgroup,
            priority,
            status,
            payload_len,
        }))
    }

    fn read_flags(&self, reader: &mut Reader<'_>, deltas: bool) -> Result<FetchMark, Stop> {
        let flags = reader.varint()?;
        let end = match flags {
            0..128 => None,
            NON_EXISTENT_RANGE => Some(RangeEnd::NonExistent),
            UNKNOWN_RANGE => Some(RangeEnd::Unknown),
            _ => return Err(FetchScanError::UnknownFlags(flags).into()),
        };
        if let Some(end) = end {
            let last = Location::new(reader.varint()?, reader.varint()?);
            return Ok(FetchMark::EndOfRange { end, last });
        }
        let field = |reader: &mut Reader<'_>, bit| match flags & bit {
            0 => Ok(None),
            _ => reader.varint().map(Some),
        };
        let group = field(reader, GROUP_ID_PRESENT)?;
        let subgroup_field = match flags & (DATAGRAM | SUBGROUP_MODE) {
            SUBGROUP_PRESENT => Some(reader.varint()?),
            _ => None,
        };
        let object_id = field(reader, OBJECT_ID_PRESENT)?;
        let priority_field = match flags & PRIORITY_PRESENT {
            0 => None,
            _ => Some(reader.byte()?),
        };
        let (extensions_at, list) = match flags & EXTENSIONS_PRESENT {
            0 => (0, &[][..]),
            _ => read_list(reader)?,
        };
        let payload_len = reader.varint()?;

        let location = self
            .prior
            .location(group, object_id, deltas, self.profile.varint.max())?;
        let known = self.prior.object.ok_or(FetchScanError::NoPriorObject);
        let prior_subgroup = || known?.subgroup.ok_or(FetchScanError::NoPriorObject);
        let subgroup = match flags & (DATAGRAM | SUBGROUP_MODE) {
            0 => Some(0),
            SUBGROUP_IS_PRIOR => Some(prior_subgroup()?),
            SUBGROUP_IS_NEXT => {
                let next = prior_subgroup()?.checked_add(1);
                Some(next.ok_or(FetchScanError::IdOverflow)?)
            }
            SUBGROUP_PRESENT => subgroup_field,
            _ => None,
        };
        let priority = match priority_field {
            Some(priority) => priority,
            None => known?.priority,
        };
        self.check_list(list, location)?;
        Ok(FetchMark::Object(FetchObjectMark {
            offset: 0,
            header_len: 0,
            extensions_at,
            extensions_len: list.len() as u32,
            location,
            subgroup,
            priority,
            status: Status::Normal,
            payload_len,
        }))
    }

    fn check_list(&self, list: &[u8], at: Location) -> Result<(), FetchScanError> {
        if !list.is_empty() {
            Properties::new(self.profile, list).check(at)?;
        }
        Ok(())
    }
}

const SUBGROUP_MODE: u64 = 0x03;
const SUBGROUP_IS_PRIOR: u64 = 0x01;
const SUBGROUP_IS_NEXT: u64 = 0x02;
const SUBGROUP_PRESENT: u64 = 0x03;
const OBJECT_ID_PRESENT: u64 = 0x04;
const GROUP_ID_PRESENT: u64 = 0x08;
const PRIORITY_PRESENT: u64 = 0x10;
const EXTENSIONS_PRESENT: u64 = 0x20;
const DATAGRAM: u64 = 0x40;
const NON_EXISTENT_RANGE: u64 = 0x8c;
const UNKNOWN_RANGE: u64 = 0x10c;

/// What the next object can refer to.
#[derive(Debug)]
struct Prior {
    order: GroupOrder,
    /// The last object's location or range's end.
    location: Option<Location>,
    /// Of the last object.
    object: Option<PriorObject>,
    after_range: bool,
}

#[derive(Clone, Copy, Debug)]
struct PriorObject {
    subgroup: Option<u64>,
    priority: u8,
}

impl Prior {
    fn new(order: GroupOrder) -> Self {
        Self {
            order,
            location: None,
            object: None,
            after_range: false,
        }
    }

    fn object(&mut self, location: Location, subgroup: Option<u64>, priority: u8) {
        self.location = Some(location);
        self.object = Some(PriorObject { subgroup, priority });
        self.after_range = false;
    }

    fn range(&mut self, last: Location) {
        self.location = Some(last);
        self.after_range = true;
    }

    fn check_order(&self, at: Location) -> Result<(), FetchError> {
        let Some(prior) = self.location else {
            return Ok(());
        };
        let follows = match self.order {
            _ if at.group == prior.group => at.object > prior.object,
            GroupOrder::Ascending => at.group > prior.group,
            GroupOrder::Descending => at.group < prior.group,
        };
        if follows {
            Ok(())
        } else {
            Err(FetchError::OutOfOrder { at, prior })
        }
    }

    /// The group field of an object in `group`; `None` leaves it out.
    fn group_field(&self, group: GroupId, deltas: bool) -> Option<u64> {
        let Some(prior) = self.location.filter(|_| deltas || !self.after_range) else {
            return Some(group.0);
        };
        match deltas {
            _ if group == prior.group => None,
            false => Some(group.0),
            true => Some(group.0.abs_diff(prior.group.0) - 1),
        }
    }

    /// The object field of an object at `at`; `None` leaves it out.
    fn object_field(&self, at: Location, deltas: bool) -> Option<u64> {
        let Some(prior) = self.location.filter(|_| deltas || !self.after_range) else {
            return Some(at.object.0);
        };
        match deltas {
            _ if prior.object.0.checked_add(1) == Some(at.object.0) => None,
            true if at.group == prior.group => Some(at.object.0 - prior.object.0),
            _ => Some(at.object.0),
        }
    }

    /// Where the object with these fields sits.
    fn location(
        &self,
        group: Option<u64>,
        object: Option<u64>,
        deltas: bool,
        max: u64,
    ) -> Result<Location, FetchScanError> {
        let (group, object) = match (self.location, group, object) {
            (None, Some(group), Some(object)) => (Some(group), Some(object)),
            (None, _, _) => return Err(FetchScanError::NoPriorObject),
            (Some(prior), group_field, object_field) => {
                let group = match (group_field, self.order) {
                    (None, _) => Some(prior.group.0),
                    (Some(group), _) if !deltas => Some(group),
                    (Some(delta), GroupOrder::Ascending) => prior
                        .group
                        .0
                        .checked_add(delta)
                        .and_then(|it| it.checked_add(1)),
                    (Some(delta), GroupOrder::Descending) => prior
                        .group
                        .0
                        .checked_sub(delta)
                        .and_then(|it| it.checked_sub(1)),
                };
                let object = match object_field {
                    None => prior.object.0.checked_add(1),
                    Some(delta) if deltas && group_field.is_none() => {
                        prior.object.0.checked_add(delta)
                    }
                    Some(object) => Some(object),
                };
                (group, object)
            }
        };
        match (group, object) {
            (Some(group), Some(object)) if group <= max && object <= max => {
                Ok(Location::new(group, object))
            }
            _ => Err(FetchScanError::IdOverflow),
        }
    }
}

fn read_list<'a>(reader: &mut Reader<'a>) -> Result<(u32, &'a [u8]), Stop> {
    let len = reader.varint()?;
    if len > MAX_LIST_LEN {
        return Err(FetchScanError::ExtensionsTooLong(len).into());
    }
    let at = reader.at() as u32;
    Ok((at, reader.slice(len as usize)?))
}

/// Why the scanner stopped at a header.
enum Stop {
    Short,
    Error(FetchScanError),
}

impl From<Short> for Stop {
    fn from(_: Short) -> Self {
        Self::Short
    }
}

impl From<FetchScanError> for Stop {
    fn from(error: FetchScanError) -> Self {
        Self::Error(error)
    }
}

//! Properties of objects (extension headers up to draft 16): lists of key-value pairs.

use crate::framing::codes::{Close, Fate};
use crate::framing::location::Location;
use crate::framing::profile::{Coding, PROFILES, Profile};
use crate::framing::varint::{Reader, Short, TooLarge};

/// Milliseconds that an object may be served from a cache; a property of tracks.
pub const MAX_CACHE_DURATION: u64 = 0x04;
/// A block of properties that nobody on the way may touch.
pub const IMMUTABLE: u64 = 0x0b;
/// How many groups before this object's do not exist.
pub const PRIOR_GROUP_ID_GAP: u64 = 0x3c;
/// How many objects before this one do not exist in its group.
pub const PRIOR_OBJECT_ID_GAP: u64 = 0x3e;

/// The longest list taken from the network, in bytes. The drafts set no limit; this one is ours.
pub const MAX_LIST_LEN: u64 = 64 << 10;
/// The longest value of an odd-typed property, in bytes (draft-16 §1.4.2).
pub const MAX_VALUE_LEN: u64 = 0xffff;

/// A list of properties in its bytes, and the draft it was written in.
#[derive(Clone, Copy, Debug)]
pub struct Properties<'a> {
    profile: &'static Profile,
    bytes: &'a [u8],
}

/// One property.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Property<'a> {
    /// Its type: even for numbers, odd for bytes.
    pub kind: u64,
    /// Its value.
    pub value: Value<'a>,
}

/// A property's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// Of an even type.
    Number(u64),
    /// Of an odd type.
    Bytes(&'a [u8]),
}

/// What an object's properties say to a relay.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Gaps {
    /// So many groups before this object's do not exist.
    pub groups: Option<u64>,
    /// So many objects before this one do not exist in its group.
    pub objects: Option<u64>,
}

/// What is wrong with a list of properties.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PropertyError {
    /// The list ends inside a property: close with KEY_VALUE_FORMATTING_ERROR.
    #[error("the last property is cut short")]
    CutShort,
    /// draft-16 §1.4.2: close with PROTOCOL_VIOLATION.
    #[error("a property type is larger than 2^64 - 1")]
    TypeOverflow,
    /// draft-16 §1.4.2: close with PROTOCOL_VIOLATION.
    #[error("a property value of {0} bytes is longer than {MAX_VALUE_LEN}")]
    ValueTooLong(u64),
    /// The track is malformed.
    #[error("property {0:#x} occurs twice in one object")]
    Repeated(u64),
    /// The track is malformed.
    #[error("immutable properties contain immutable properties")]
    NestedImmutable,
    /// The track is malformed.
    #[error("immutable properties cannot be read")]
    UnreadableImmutable,
    /// The track is malformed.
    #[error("the gap before {at} starts before the first group or object")]
    GapTooLarge {
        /// Where the object sits.
        at: Location,
    },
}

impl PropertyError {
    /// Who pays.
    pub fn fate(self) -> Fate {
        match self {
            Self::CutShort => Fate::Session(Close::KeyValueFormatting),
            Self::TypeOverflow | Self::ValueTooLong(_) => Fate::Session(Close::ProtocolViolation),
            Self::Repeated(_)
            | Self::NestedImmutable
            | Self::UnreadableImmutable
            | Self::GapTooLarge { .. } => Fate::Track,
        }
    }
}

impl<'a> Properties<'a> {
    /// The list that `bytes` are in the words of `profile`; nothing is checked yet.
    #[inline]
    pub const fn new(profile: &'static Profile, bytes: &'a [u8]) -> Self {
        Self { profile, bytes }
    }

    /// Nothing at all.
    #[inline]
    pub const fn none(profile: &'static Profile) -> Self {
        Self::new(profile, &[])
    }

    /// The bytes as they were written.
    #[inline]
    pub const fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Whether there is no property.
    #[inline]
    pub const fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The properties in order. Ends after the first error.
    #[inline]
    pub fn iter(&self) -> Iter<'a> {
        let reader = Reader::new(self.profile.varint, self.bytes);
        Iter {
            reader,
            coding: self.profile.property_types,
            kind: 0,
        }
    }

    /// The value of the first property of an even type.
    pub fn number(&self, kind: u64) -> Option<u64> {
        self.iter()
            .map_while(Result::ok)
            .find_map(|property| match property.value {
                Value::Number(number) if property.kind == kind => Some(number),
                _ => None,
            })
    }

    /// Checks the list of the object at `at` by every rule that needs no other object, and gives
    /// the gaps it tells of.
    pub fn check(&self, at: Location) -> Result<Gaps, PropertyError> {
        let mut gaps = Gaps::default();
        let mut has_immutable = false;
        for property in self.iter() {
            let Property { kind, value } = property?;
            let repeats = match (kind, value) {
                (PRIOR_GROUP_ID_GAP, Value::Number(gap)) => gaps.groups.replace(gap).is_some(),
                (PRIOR_OBJECT_ID_GAP, Value::Number(gap)) => gaps.objects.replace(gap).is_some(),
                (IMMUTABLE, Value::Bytes(block)) => {
                    self.check_immutable(block)?;
                    std::mem::replace(&mut has_immutable, true)
                }
                _ => false,
            };
            if repeats {
                return Err(PropertyError::Repeated(kind));
            }
        }
        if gaps.groups > Some(at.group.0) || gaps.objects > Some(at.object.0) {
            return Err(PropertyError::GapTooLarge { at });
        }
        Ok(gaps)
    }

    /// Appends the list in the words of `to`, behind its length; returns how many properties had
    /// to be left out because `to` has no encoding for their type or value. A list that both
    /// drafts write alike keeps every byte, and the bytes of an immutable block never change.
    pub fn write(&self, to: &Profile, out: &mut Vec<u8>) -> Result<usize, PropertyError> {
        let start = out.len();
        let written = self.write_list(to, out);
        if written.is_err() {
            out.truncate(start);
            return written;
        }
        let list_end = out.len();
        let list_len = (list_end - start) as u64;
        to.varint
            .encode(list_len, out)
            .expect("a length in memory is under 2^62");
        out[start..].rotate_right(to.varint.encoded_len(list_len));
        written
    }

    fn write_list(&self, to: &Profile, out: &mut Vec<u8>) -> Result<usize, PropertyError> {
        if self.profile.writes_properties_like(to) {
            out.extend_from_slice(self.bytes);
            return Ok(0);
        }
        let mut writer = Writer {
            to,
            out,
            prior: 0,
            left_out: 0,
        };
        if to.property_types == Coding::AbsoluteTypes || self.ascends() {
            for property in self.iter() {
                writer.write(property?);
            }
        } else {
            let mut sorted = self.iter().collect::<Result<Vec<_>, _>>()?;
            sorted.sort_by_key(|property| property.kind);
            sorted
                .into_iter()
                .for_each(|property| writer.write(property));
        }
        Ok(writer.left_out)
    }

    fn ascends(&self) -> bool {
        self.iter()
            .map_while(Result::ok)
            .is_sorted_by_key(|property| property.kind)
    }

    /// An immutable block keeps the coding of its first session, which need not be this one's: it
    /// passes if any draft can read it.
    fn check_immutable(&self, block: &[u8]) -> Result<(), PropertyError> {
        let is_nested = |profile: &'static Profile| {
            Properties::new(profile, block)
                .iter()
                .try_fold(false, |nested, property| {
                    property.map(|property| nested | (property.kind == IMMUTABLE))
                })
        };
        match is_nested(self.profile) {
            Ok(false) => Ok(()),
            _ if PROFILES
                .iter()
                .any(|profile| is_nested(profile) == Ok(false)) =>
            {
                Ok(())
            }
            Ok(true) => Err(PropertyError::NestedImmutable),
            Err(_) => Err(PropertyError::UnreadableImmutable),
        }
    }
}

/// The properties of a list, in order.
#[derive(Clone)]
pub struct Iter<'a> {
    reader: Reader<'a>,
    coding: Coding,
    kind: u64,
}

impl<'a> Iter<'a> {
    fn read(&mut self) -> Result<Property<'a>, PropertyError> {
        let kind = self.reader.varint()?;
        self.kind = match self.coding {
            Coding::AbsoluteTypes => kind,
            Coding::DeltaTypes => self
                .kind
                .checked_add(kind)
                .ok_or(PropertyError::TypeOverflow)?,
        };
        let value = if self.kind.is_multiple_of(2) {
            Value::Number(self.reader.varint()?)
        } else {
            let len = self.reader.varint()?;
            if len > MAX_VALUE_LEN {
                return Err(PropertyError::ValueTooLong(len));
            }
            Value::Bytes(self.reader.slice(len as usize)?)
        };
        Ok(Property {
            kind: self.kind,
            value,
        })
    }
}

impl<'a> Iterator for Iter<'a> {
    type Item = Result<Property<'a>, PropertyError>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.reader.rest().is_empty() {
            return None;
        }
        let property = self.read();
        if property.is_err() {
            self.reader.skip_rest();
        }
        Some(property)
    }
}

impl From<Short> for PropertyError {
    fn from(_: Short) -> Self {
        Self::CutShort
    }
}

/// Writes properties one by one, in ascending order where types are deltas.
struct Writer<'a> {
    to: &'a Profile,
    out: &'a mut Vec<u8>,
    prior: u64,
    left_out: usize,
}

impl Writer<'_> {
    fn write(&mut self, property: Property<'_>) {
        let start = self.out.len();
        if self.try_write(property).is_ok() {
            self.prior = property.kind;
        } else {
            self.out.truncate(start);
            self.left_out += 1;
        }
    }

    fn try_write(&mut self, property: Property<'_>) -> Result<(), TooLarge> {
        let varint = self.to.varint;
        let kind = match self.to.property_types {
            Coding::AbsoluteTypes => property.kind,
            Coding::DeltaTypes => property.kind - self.prior,
        };
        varint.encode(kind, self.out)?;
        match property.value {
            Value::Number(number) => varint.encode(number, self.out),
            Value::Bytes(bytes) => {
                varint.encode(bytes.len() as u64, self.out)?;
                self.out.extend_from_slice(bytes);
                Ok(())
            }
        }
    }
}

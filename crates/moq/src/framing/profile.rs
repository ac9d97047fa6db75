//! What a draft changes in data framing: one field a behaviour, one row a draft.

use crate::framing::codes::Reset;
use crate::framing::varint::Varint;

/// A draft of MoQ Transport that we speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Draft {
    /// draft-ietf-moq-transport-14
    D14 = 14,
    /// draft-ietf-moq-transport-16
    D16 = 16,
    /// draft-ietf-moq-transport-18
    D18 = 18,
}

/// How the types in a list of properties are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coding {
    /// Each type as it is.
    AbsoluteTypes,
    /// Each type as its distance from the one before it; so a list ascends.
    DeltaTypes,
}

/// How an object on a FETCH stream refers to the one before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FetchCoding {
    /// Not at all: every field is written, status included.
    AllFields,
    /// Flags say which fields repeat; fields that are present are absolute. Ranges can be marked.
    Flags,
    /// Flags too, and group and object ids that are present are distances.
    FlagsAndDeltas,
}

/// One draft's row.
#[derive(Debug)]
pub struct Profile {
    /// The draft.
    pub draft: Draft,
    /// How integers are written.
    pub varint: Varint,
    /// How property types are written.
    pub property_types: Coding,
    /// How objects on FETCH streams are written.
    pub fetch_objects: FetchCoding,
    /// A subgroup or datagram may leave out its priority and inherit the track's.
    pub priority_may_be_inherited: bool,
    /// A subgroup header can say that its first object is the first of the subgroup.
    pub first_object_is_marked: bool,
    /// A datagram with a status may leave out object id 0.
    pub status_datagram_may_omit_object_id: bool,
    /// Status 0x1 exists.
    pub has_status_does_not_exist: bool,
    /// An end of group or track may carry properties.
    pub end_markers_may_have_properties: bool,
    /// Control messages travel on unidirectional streams with a type of their own.
    pub has_unidirectional_control: bool,
    /// Streams and datagrams of padding exist.
    pub has_padding: bool,
    /// Numbers of stream resets.
    pub resets: &'static [(Reset, u64)],
}

/// All rows, oldest first.
pub static PROFILES: &[Profile] = &[
    Profile {
        draft: Draft::D14,
        varint: Varint::Quic,
        property_types: Coding::AbsoluteTypes,
        fetch_objects: FetchCoding::AllFields,
        priority_may_be_inherited: false,
        first_object_is_marked: false,
        status_datagram_may_omit_object_id: false,
        has_status_does_not_exist: true,
        end_markers_may_have_properties: true,
        has_unidirectional_control: false,
        has_padding: false,
        resets: &[
            (Reset::InternalError, 0x0),
            (Reset::Cancelled, 0x1),
            (Reset::DeliveryTimeout, 0x2),
            (Reset::SessionClosed, 0x3),
        ],
    },
    Profile {
        draft: Draft::D16,
        varint: Varint::Quic,
        property_types: Coding::DeltaTypes,
        fetch_objects: FetchCoding::Flags,
        priority_may_be_inherited: true,
        first_object_is_marked: false,
        status_datagram_may_omit_object_id: true,
        has_status_does_not_exist: false,
        end_markers_may_have_properties: false,
        has_unidirectional_control: false,
        has_padding: false,
        resets: &[
            (Reset::InternalError, 0x0),
            (Reset::Cancelled, 0x1),
            (Reset::DeliveryTimeout, 0x2),
            (Reset::SessionClosed, 0x3),
            (Reset::UnknownObjectStatus, 0x4),
            (Reset::MalformedTrack, 0x12),
        ],
    },
    Profile {
        draft: Draft::D18,
        varint: Varint::Vi64,
        property_types: Coding::DeltaTypes,
        fetch_objects: FetchCoding::FlagsAndDeltas,
        priority_may_be_inherited: true,
        first_object_is_marked: true,
        status_datagram_may_omit_object_id: true,
        has_status_does_not_exist: false,
        end_markers_may_have_properties: false,
        has_unidirectional_control: true,
        has_padding: true,
        resets: &[
            (Reset::InternalError, 0x0),
            (Reset::Cancelled, 0x1),
            (Reset::DeliveryTimeout, 0x2),
            (Reset::SessionClosed, 0x3),
            (Reset::GoingAway, 0x4),
            (Reset::TooFarBehind, 0x5),
            (Reset::UnknownObjectStatus, 0x6),
            (Reset::ExpiredAuthToken, 0x7),
            (Reset::ExcessiveLoad, 0x9),
            (Reset::MalformedTrack, 0x12),
        ],
    },
];

/// The row of a draft, by number; `None` for a draft that we do not speak.
pub fn profile(draft: u8) -> Option<&'static Profile> {
    PROFILES.iter().find(|profile| profile.draft as u8 == draft)
}

impl Profile {
    /// Whether lists of properties are written alike here and in `other`, so that their bytes can
    /// be copied.
    #[inline]
    pub fn writes_properties_like(&self, other: &Self) -> bool {
        self.varint == other.varint && self.property_types == other.property_types
    }
}

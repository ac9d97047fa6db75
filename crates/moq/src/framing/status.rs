//! Object status: an ordinary object, or a mark about objects that do not exist.

use crate::framing::profile::Profile;

/// What an object without payload says (draft-16 §10.2.1.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Status {
    /// An object; every object with a payload has this status.
    #[default]
    Normal,
    /// Draft 14 alone: this object does not exist and never will.
    DoesNotExist,
    /// No object at or after this one exists in the group.
    EndOfGroup,
    /// No object at or after this location exists in the track.
    EndOfTrack,
}

impl Status {
    /// The number on the wire, the same in every draft that has the status.
    #[inline]
    pub const fn code(self) -> u64 {
        match self {
            Self::Normal => 0x0,
            Self::DoesNotExist => 0x1,
            Self::EndOfGroup => 0x3,
            Self::EndOfTrack => 0x4,
        }
    }

    /// The status a number stands for; `None` when the draft does not know it.
    pub fn from_code(profile: &Profile, code: u64) -> Option<Self> {
        match code {
            0x0 => Some(Self::Normal),
            0x1 => Some(Self::DoesNotExist),
            0x3 => Some(Self::EndOfGroup),
            0x4 => Some(Self::EndOfTrack),
            _ => None,
        }
        .filter(|status| status.exists_in(profile))
    }

    /// Whether the draft has this status at all.
    #[inline]
    pub fn exists_in(self, profile: &Profile) -> bool {
        self != Self::DoesNotExist || profile.has_status_does_not_exist
    }

    /// Whether an object of this status may carry properties.
    #[inline]
    pub fn may_have_properties(self, profile: &Profile) -> bool {
        match self {
            Self::Normal => true,
            Self::DoesNotExist => false,
            Self::EndOfGroup | Self::EndOfTrack => profile.end_markers_may_have_properties,
        }
    }
}

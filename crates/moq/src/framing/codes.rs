//! Codes that a data stream can end with, and what an error in one costs whom.

use crate::framing::profile::Profile;

/// Why a data stream is reset, in every draft's words; a draft's row gives the number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reset {
    /// Something went wrong here.
    InternalError,
    /// The subscriber cancelled, or the publisher ended the subscription.
    Cancelled,
    /// An object outlived its delivery timeout.
    DeliveryTimeout,
    /// The session is being closed.
    SessionClosed,
    /// A FETCH met an object whose existence nobody can tell.
    UnknownObjectStatus,
    /// The publisher is going away.
    GoingAway,
    /// The subscriber fell too far behind.
    TooFarBehind,
    /// The token that the request stood on has expired.
    ExpiredAuthToken,
    /// Overload.
    ExcessiveLoad,
    /// The track breaks MoQT's rules.
    MalformedTrack,
}

impl Reset {
    /// The number that says this to a peer of the draft. What the draft has no number for is
    /// CANCELLED where the subscription's end is told elsewhere, else INTERNAL_ERROR.
    pub fn code(self, profile: &Profile) -> u64 {
        let number = |reset| {
            profile
                .resets
                .iter()
                .find(|row| row.0 == reset)
                .map(|row| row.1)
        };
        number(self).unwrap_or(match self {
            Self::GoingAway | Self::TooFarBehind | Self::ExpiredAuthToken => CANCELLED,
            _ => INTERNAL_ERROR,
        })
    }

    /// What a peer of the draft means by `code`; unknown numbers count as an internal error.
    pub fn from_code(profile: &Profile, code: u64) -> Self {
        let row = profile.resets.iter().find(|row| row.1 == code);
        row.map_or(Self::InternalError, |row| row.0)
    }
}

const INTERNAL_ERROR: u64 = 0x0;
const CANCELLED: u64 = 0x1;

/// Why a session is closed for what came on a data stream or in a datagram; one number space in
/// all drafts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u32)]
pub enum Close {
    /// PROTOCOL_VIOLATION.
    ProtocolViolation = 0x3,
    /// KEY_VALUE_FORMATTING_ERROR.
    KeyValueFormatting = 0x6,
}

impl Close {
    /// The number on the wire.
    #[inline]
    pub const fn code(self) -> u64 {
        self as u64
    }
}

/// Who pays for an error in data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fate {
    /// The session it came on.
    Session(Close),
    /// The track: it is malformed; its subscriptions and fetches end (draft-16 §2.4.2).
    Track,
    /// The stream alone: it passes a limit of ours, no rule of the draft.
    Stream(Reset),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::framing::profile::{PROFILES, profile};

    #[test]
    fn the_same_number_changes_its_meaning_between_drafts() {
        let (d16, d18) = (profile(16).unwrap(), profile(18).unwrap());
        assert_eq!(Reset::UnknownObjectStatus.code(d16), 0x4);
        assert_eq!(Reset::UnknownObjectStatus.code(d18), 0x6);
        assert_eq!(Reset::from_code(d18, 0x4), Reset::GoingAway);
    }

    /// Draft 14 asks for MALFORMED_TRACK and assigns it no number.
    #[test]
    fn a_reason_without_a_number_becomes_the_nearest_one() {
        let d14 = profile(14).unwrap();
        assert_eq!(Reset::MalformedTrack.code(d14), 0x0);
        assert_eq!(Reset::TooFarBehind.code(d14), 0x1);
        assert_eq!(Reset::from_code(d14, 0x404), Reset::InternalError);
    }

    #[test]
    fn every_assigned_number_reads_back() {
        for profile in PROFILES {
            for &(reset, code) in profile.resets {
                assert_eq!(reset.code(profile), code);
                assert_eq!(Reset::from_code(profile, code), reset);
            }
        }
    }
}

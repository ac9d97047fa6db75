//! Examples of property lists.

use moq::framing::codes::{Close, Fate};
use moq::framing::location::Location;
use moq::framing::profile::PROFILES;
use moq::framing::properties::{
    Gaps, MAX_CACHE_DURATION, Properties, Property, PropertyError, Value,
};

use crate::{draft, hex};

const AT: Location = Location::new(10, 10);

fn check(number: u8, digits: &str) -> Result<Gaps, PropertyError> {
    Properties::new(draft(number), &hex(digits)).check(AT)
}

/// The list at one draft, written at another: its bytes behind their length, and how many
/// properties were left out.
fn crossed(from: u8, to: u8, digits: &str) -> (Vec<u8>, usize) {
    let bytes = hex(digits);
    let mut out = Vec::new();
    let left_out = Properties::new(draft(from), &bytes).write(draft(to), &mut out);
    (out, left_out.unwrap())
}

#[test]
fn types_are_absolute_at_14_and_distances_from_16_on() {
    let expected = [
        Property {
            kind: 0x02,
            value: Value::Number(7),
        },
        Property {
            kind: 0x05,
            value: Value::Bytes(b"ab"),
        },
        Property {
            kind: 0x05,
            value: Value::Bytes(b""),
        },
    ];
    for (number, digits) in [
        (14, "02 07 05 02 6162 05 00"),
        (16, "02 07 03 02 6162 00 00"),
        (18, "02 07 03 02 6162 00 00"),
    ] {
        let bytes = hex(digits);
        let list = Properties::new(draft(number), &bytes);
        assert_eq!(
            list.iter().collect::<Result<Vec<_>, _>>().unwrap(),
            expected
        );
    }
}

#[test]
fn a_property_is_found_by_its_type() {
    let bytes = hex("02 07 02 4400 01 01 ff");
    let list = Properties::new(draft(16), &bytes);
    assert_eq!(list.number(MAX_CACHE_DURATION), Some(0x400));
    assert_eq!(list.number(0x06), None);
}

#[test]
fn a_list_that_cannot_be_read_closes_the_session() {
    let too_long = "05 80010000";
    let overflow = "fe ffffffff ffffff 00 ff ffffffff ffffffff";
    for (number, digits, error, close) in [
        (14, "02", PropertyError::CutShort, Close::KeyValueFormatting),
        (
            16,
            "03 02 61",
            PropertyError::CutShort,
            Close::KeyValueFormatting,
        ),
        (
            16,
            too_long,
            PropertyError::ValueTooLong(0x1_0000),
            Close::ProtocolViolation,
        ),
        (
            18,
            overflow,
            PropertyError::TypeOverflow,
            Close::ProtocolViolation,
        ),
    ] {
        assert_eq!(check(number, digits), Err(error));
        assert_eq!(error.fate(), Fate::Session(close));
    }
}

/// O16: what the gaps' and the immutable block's own rules forbid makes the track malformed.
#[test]
fn a_list_that_breaks_a_propertys_rules_makes_the_track_malformed() {
    for (digits, error) in [
        ("3c 01 00 01", PropertyError::Repeated(0x3c)),
        ("3e 01 00 01", PropertyError::Repeated(0x3e)),
        ("0b 00 00 00", PropertyError::Repeated(0x0b)),
        ("3c 0b", PropertyError::GapTooLarge { at: AT }),
        ("3e 0b", PropertyError::GapTooLarge { at: AT }),
        ("0b 02 0b00", PropertyError::NestedImmutable),
        ("0b 01 02", PropertyError::UnreadableImmutable),
    ] {
        assert_eq!(check(16, digits), Err(error));
        assert_eq!(error.fate(), Fate::Track);
    }
}

/// O6: gaps are read, and written again as they were.
#[test]
fn gaps_are_understood_and_kept() {
    let at_14 = "3c 02 3e 0a";
    let gaps = Gaps {
        groups: Some(2),
        objects: Some(10),
    };
    assert_eq!(check(14, at_14), Ok(gaps));
    assert_eq!(crossed(14, 16, at_14), (hex("04 3c02 020a"), 0));
    assert_eq!(check(16, "3c 02 02 0a"), Ok(gaps));
    assert_eq!(check(16, "02 07"), Ok(Gaps::default()));
}

/// O4: properties that nobody here knows cross with their values; drafts from 16 on want
/// ascending types, and equal ones keep their order.
#[test]
fn unknown_properties_cross_in_order() {
    assert_eq!(
        crossed(14, 16, "05 01 62 02 07 05 01 61"),
        (hex("08 0207 030162 000161"), 0)
    );
    assert_eq!(
        crossed(16, 14, "02 07 03 01 62 00 01 61"),
        (hex("08 0207 050162 050161"), 0)
    );
    assert_eq!(
        crossed(16, 18, "02 4100 03 01 62"),
        (hex("06 028100 030162"), 0)
    );
}

/// O5: an immutable block keeps its bytes, though the draft writes such lists otherwise.
#[test]
fn an_immutable_block_is_never_written_anew() {
    let block = "0207 0403";
    let at_14 = format!("02 07 0b 04 {block}");
    assert_eq!(
        crossed(14, 16, &at_14),
        (hex(&format!("08 0207 0904 {block}")), 0)
    );
    assert_eq!(
        crossed(14, 18, &at_14),
        (hex(&format!("08 0207 0904 {block}")), 0)
    );
}

/// A block of two properties from draft 14 cannot be read as draft 16 writes lists.
#[test]
fn an_immutable_block_passes_if_any_draft_can_read_it() {
    let block = "0101 61 0403";
    assert_eq!(check(14, &format!("0b 05 {block}")), Ok(Gaps::default()));
    assert_eq!(check(16, &format!("0b 05 {block}")), Ok(Gaps::default()));
}

#[test]
fn a_number_beyond_62_bits_is_left_out_below_draft_18() {
    let list = "02 07 02 ff ffffffff ffffffff 02 09";
    assert_eq!(crossed(18, 16, list), (hex("04 0207 0409"), 1));
}

/// O4: between sessions that write alike, even a needlessly long integer stays as it came.
#[test]
fn a_list_keeps_its_bytes_where_both_drafts_write_alike() {
    for profile in PROFILES {
        let bytes = hex("02 07");
        let mut out = Vec::new();
        Properties::new(profile, &bytes)
            .write(profile, &mut out)
            .unwrap();
        assert_eq!(out, hex("02 0207"));
    }
    assert_eq!(crossed(16, 16, "4002 4007"), (hex("04 4002 4007"), 0));
}

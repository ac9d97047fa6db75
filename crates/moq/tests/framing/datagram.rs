//! Examples of objects in datagrams.

use moq::framing::codes::{Close, Fate};
use moq::framing::datagram::{Body, DatagramError, EncodeError, ObjectDatagram, decode, encode};
use moq::framing::header::TrackAlias;
use moq::framing::location::Location;
use moq::framing::profile::PROFILES;
use moq::framing::properties::Properties;
use moq::framing::status::Status;

use crate::{draft, hex};

/// What the datagram says at one draft, written at another.
fn crossed(from: u8, to: u8, digits: &str, track_priority: u8) -> Result<Vec<u8>, EncodeError> {
    let bytes = hex(digits);
    let datagram = decode(draft(from), &bytes).unwrap().expect("an object");
    let mut out = Vec::new();
    encode(draft(to), &datagram, track_priority, &mut out)?;
    Ok(out)
}

#[test]
fn an_object_in_a_datagram() {
    let bytes = hex("01 02 07 03 80 02 0209 6162");
    for profile in PROFILES {
        let object = decode(profile, &bytes).unwrap().expect("an object");
        assert_eq!(object.alias, TrackAlias(2));
        assert_eq!(object.location, Location::new(7, 3));
        assert_eq!(object.priority, Some(0x80));
        assert_eq!(object.properties.bytes(), hex("0209"));
        assert!(!object.end_of_group);
        assert_eq!(object.body, Body::Payload(b"ab"));
        let mut out = Vec::new();
        encode(profile, &object, 0, &mut out).unwrap();
        assert_eq!(out, bytes);
    }
}

#[test]
fn every_type_of_every_draft_is_known_and_no_other() {
    let d14 = (0x00..=0x07).chain([0x20, 0x21]).collect::<Vec<u8>>();
    let d16 = (0x00..=0x0f)
        .chain([0x20, 0x21, 0x24, 0x25, 0x28, 0x29, 0x2c, 0x2d])
        .collect::<Vec<u8>>();
    for (number, known) in [(14, d14), (16, d16.clone()), (18, d16)] {
        let is_known = |&kind: &u8| {
            let bytes = [kind, 0, 0, 0, 0, 0];
            !matches!(
                decode(draft(number), &bytes),
                Err(DatagramError::UnknownType(_))
            )
        };
        assert_eq!((0..0x40).filter(is_known).collect::<Vec<_>>(), known);
    }
}

/// S5: a datagram of an unknown type closes the session, and so does one that ends too early.
#[test]
fn a_datagram_that_cannot_be_read_closes_the_session() {
    for profile in PROFILES {
        for (digits, error) in [
            ("10 02 07 00 80", DatagramError::UnknownType(0x10)),
            ("22 02 07 00 80 03", DatagramError::UnknownType(0x22)),
            ("00 02 07 03", DatagramError::CutShort),
            ("01 02 07 03 80 05 0209", DatagramError::CutShort),
            ("01 02 07 03 80 00 61", DatagramError::NoProperties),
            ("20 02 07 03 80 02", DatagramError::UnknownStatus(2)),
            ("20 02 07 03 80 03 61", DatagramError::PayloadAfterStatus),
        ] {
            let read = decode(profile, &hex(digits)).map(|_| ()).unwrap_err();
            assert_eq!(read, error, "{digits} at {:?}", profile.draft);
            assert_eq!(read.fate(), Fate::Session(Close::ProtocolViolation));
        }
    }
}

#[test]
fn which_status_may_have_properties_depends_on_the_draft() {
    let end_of_group = hex("21 02 07 03 80 02 0209 03");
    assert!(decode(draft(14), &end_of_group).is_ok());
    assert_eq!(
        decode(draft(16), &end_of_group).map(|_| ()),
        Err(DatagramError::StatusWithProperties(Status::EndOfGroup))
    );
    assert_eq!(
        crossed(14, 16, "21 02 07 03 80 02 0209 03", 0),
        Ok(hex("20 02 07 03 80 03"))
    );
}

/// O2: priority, end of group and status stay what they were, in the words of the other draft.
#[test]
fn a_datagram_crosses_between_drafts() {
    for (at_16, at_14) in [
        ("08 02 07 03 61", "00 02 07 03 05 61"),
        ("0e 02 07 61", "06 02 07 05 61"),
        ("24 02 07 80 04", "20 02 07 00 80 04"),
        (
            "01 02 07 03 80 04 0207 0203 61",
            "01 02 07 03 80 04 0207 0403 61",
        ),
    ] {
        assert_eq!(crossed(16, 14, at_16, 5), Ok(hex(at_14)));
    }
    let absent = crossed(14, 16, "20 02 07 03 80 01", 0);
    assert_eq!(absent, Err(EncodeError::NoSuchStatus(Status::DoesNotExist)));
}

/// An announced list may not be empty, so one of which nothing can be said is not announced.
#[test]
fn properties_that_cannot_cross_are_left_out() {
    let bytes = hex("01 02 07 03 80 0a 02 ffffffffff ffffffff 61");
    let datagram = decode(draft(18), &bytes).unwrap().expect("an object");
    let mut out = Vec::new();
    assert_eq!(encode(draft(16), &datagram, 0, &mut out), Ok(1));
    assert_eq!(out, hex("00 02 07 03 80 61"));
}

#[test]
fn padding_is_no_object() {
    let padding = hex("f0132b3e29 0000");
    assert!(decode(draft(18), &padding).unwrap().is_none());
    let unknown = decode(draft(16), &hex("932b3e29")).map(|_| ());
    assert_eq!(unknown, Err(DatagramError::UnknownType(0x132b_3e29)));
}

#[test]
fn a_datagram_that_cannot_be_written_leaves_nothing_behind() {
    let datagram = ObjectDatagram {
        alias: TrackAlias(2),
        location: Location::new(7, 1 << 62),
        priority: None,
        properties: Properties::none(draft(18)),
        end_of_group: false,
        body: Body::Payload(b"a"),
    };
    let mut out = vec![0xaa];
    assert!(encode(draft(16), &datagram, 0, &mut out).is_err());
    assert_eq!(out, [0xaa]);
}

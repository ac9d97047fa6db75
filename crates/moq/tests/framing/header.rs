//! Examples of stream headers.

use moq::framing::codes::{Close, Fate};
use moq::framing::header::{
    HeaderError, RequestId, StreamHeader, SubgroupHeader, SubgroupId, TrackAlias, decode, encode,
    encode_fetch,
};
use moq::framing::location::GroupId;
use moq::framing::profile::PROFILES;
use moq::framing::varint::{Short, TooLarge};

use crate::{draft, hex};

const PLAIN: SubgroupHeader = SubgroupHeader {
    alias: TrackAlias(2),
    group: GroupId(0),
    subgroup: SubgroupId::Explicit(0),
    priority: Some(0x80),
    extensions: false,
    end_of_group: false,
    first_object: false,
};

/// The first example of §10.5 (draft 16; §10.5 at 14, §11.6 at 18).
#[test]
fn the_drafts_first_example_is_the_same_bytes_in_every_draft() {
    for profile in PROFILES {
        let bytes = hex("14 02 00 00 80");
        assert_eq!(
            decode(profile, &bytes),
            Ok((StreamHeader::Subgroup(PLAIN), 5))
        );
        let mut out = Vec::new();
        encode(profile, &PLAIN, 0, &mut out).unwrap();
        assert_eq!(out, bytes);
    }
}

#[test]
fn every_type_of_every_draft_is_known_and_no_other() {
    let subgroup = |types: &[std::ops::RangeInclusive<u64>]| {
        types.iter().cloned().flatten().collect::<Vec<_>>()
    };
    let d14 = subgroup(&[0x10..=0x15, 0x18..=0x1d]);
    let d16 = subgroup(&[0x10..=0x15, 0x18..=0x1d, 0x30..=0x35, 0x38..=0x3d]);
    let d18 = subgroup(&[
        0x10..=0x15,
        0x18..=0x1d,
        0x30..=0x35,
        0x38..=0x3d,
        0x50..=0x55,
        0x58..=0x5d,
        0x70..=0x75,
        0x78..=0x7d,
    ]);
    for (number, known) in [(14, d14), (16, d16), (18, d18)] {
        let profile = draft(number);
        let is_subgroup = |&kind: &u64| {
            let mut bytes = Vec::new();
            profile.varint.encode(kind, &mut bytes).unwrap();
            bytes.extend([0; 4]);
            matches!(decode(profile, &bytes), Ok((StreamHeader::Subgroup(_), _)))
        };
        assert_eq!((0..0x100).filter(is_subgroup).collect::<Vec<_>>(), known);
    }
}

/// S5: a stream of an unknown type closes the session.
#[test]
fn an_unknown_stream_type_closes_the_session() {
    for profile in PROFILES {
        for kind in [0x00, 0x04, 0x06, 0x16, 0x1f] {
            let error = decode(profile, &[kind, 0, 0, 0, 0]).unwrap_err();
            assert_eq!(error, HeaderError::UnknownType(u64::from(kind)));
            assert_eq!(error.fate(), Some(Fate::Session(Close::ProtocolViolation)));
        }
    }
    assert_eq!(
        decode(draft(14), &hex("34 02 00 00")),
        Err(HeaderError::UnknownType(0x34))
    );
}

#[test]
fn a_header_cut_anywhere_asks_for_more() {
    let bytes = hex("15 4100 80001000 c000000000000007 80");
    let (_, len) = decode(draft(16), &bytes).unwrap();
    assert_eq!(len, bytes.len());
    for cut in 0..bytes.len() {
        assert_eq!(
            decode(draft(16), &bytes[..cut]),
            Err(HeaderError::Short(Short))
        );
    }
}

/// O2: draft 14 has no inherited priority, so its subscribers are told the track's.
#[test]
fn an_inherited_priority_is_written_out_where_the_draft_cannot_say_it() {
    let header = SubgroupHeader {
        priority: None,
        subgroup: SubgroupId::Zero,
        ..PLAIN
    };
    let written = |number| {
        let mut out = Vec::new();
        encode(draft(number), &header, 7, &mut out).unwrap();
        out
    };
    assert_eq!(written(14), hex("10 02 00 07"));
    assert_eq!(written(16), hex("30 02 00"));
}

/// O12: the bit is set from draft 18 on, and only when the caller knows it to be true.
#[test]
fn only_draft_18_marks_the_first_object_of_a_subgroup() {
    let header = SubgroupHeader {
        first_object: true,
        ..PLAIN
    };
    let kind = |number, header| {
        let mut out = Vec::new();
        encode(draft(number), header, 0, &mut out).unwrap();
        out[0]
    };
    assert_eq!(kind(16, &header), 0x14);
    assert_eq!(kind(18, &header), 0x54);
    assert_eq!(kind(18, &PLAIN), 0x14);
}

#[test]
fn a_group_beyond_62_bits_cannot_be_named_before_draft_18() {
    let header = SubgroupHeader {
        group: GroupId(1 << 62),
        ..PLAIN
    };
    let mut out = vec![0xaa];
    assert_eq!(
        encode(draft(16), &header, 0, &mut out),
        Err(TooLarge(1 << 62))
    );
    assert_eq!(out, [0xaa]);
    assert_eq!(encode(draft(18), &header, 0, &mut out), Ok(()));
}

#[test]
fn a_fetch_stream_names_its_request() {
    for profile in PROFILES {
        let mut out = Vec::new();
        encode_fetch(profile, RequestId(6), &mut out).unwrap();
        assert_eq!(out, hex("05 06"));
        let header = StreamHeader::Fetch {
            request_id: RequestId(6),
        };
        assert_eq!(decode(profile, &out), Ok((header, 2)));
    }
}

#[test]
fn control_streams_and_padding_exist_from_draft_18_on() {
    let setup = hex("af00");
    let padding = hex("f0132b3e28 00");
    assert_eq!(decode(draft(18), &setup), Ok((StreamHeader::Control, 2)));
    assert_eq!(decode(draft(18), &padding), Ok((StreamHeader::Padding, 5)));
    assert_eq!(
        decode(draft(16), &hex("6f00")),
        Err(HeaderError::UnknownType(0x2f00))
    );
    assert_eq!(
        decode(draft(16), &hex("932b3e28")),
        Err(HeaderError::UnknownType(0x132b_3e28))
    );
}

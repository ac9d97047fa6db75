//! Examples of objects on subgroup streams.

use moq::framing::codes::{Close, Fate};
use moq::framing::header::{SubgroupHeader, SubgroupId, TrackAlias};
use moq::framing::location::{GroupId, ObjectId};
use moq::framing::profile::{PROFILES, Profile};
use moq::framing::properties::{MAX_LIST_LEN, PropertyError};
use moq::framing::status::Status;
use moq::framing::subgroup::{
    EncodeError, Mark, ScanError, Scanner, is_alike, rewrite_first, transcode_header,
};
use moq::framing::varint::TooLarge;
use proptest::prelude::*;

use crate::{draft, hex};

fn header(extensions: bool) -> SubgroupHeader {
    SubgroupHeader {
        alias: TrackAlias(2),
        group: GroupId(10),
        subgroup: SubgroupId::Zero,
        priority: Some(128),
        extensions,
        end_of_group: false,
        first_object: false,
    }
}

/// All marks of a stream that comes in one run and ends between objects.
fn scan(profile: &'static Profile, extensions: bool, run: &[u8]) -> Result<Vec<Mark>, ScanError> {
    let mut scanner = Scanner::new(profile, &header(extensions));
    let mut marks = Vec::new();
    let consumed = scanner.scan(run, &mut marks)?;
    assert_eq!(consumed, run.len());
    assert!(scanner.is_between_objects());
    Ok(marks)
}

fn object(mark: &Mark) -> (u64, u64, Status) {
    (mark.object.0, mark.payload_len, mark.status)
}

/// The first example of §10.5 (draft 16): objects 0 "abcd" and 1 "efgh".
#[test]
fn the_drafts_first_example() {
    for profile in PROFILES {
        let run = hex("00 04 61626364  00 04 65666768");
        let marks = scan(profile, false, &run).unwrap();
        assert_eq!(marks.len(), 2);
        for (mark, id, payload) in [(marks[0], 0, b"abcd"), (marks[1], 1, b"efgh")] {
            assert_eq!(mark.object, ObjectId(id));
            assert_eq!(&run[mark.header().end..mark.end() as usize], payload);
        }
    }
}

/// The second example of §10.5: the first object has two properties in 33 bytes, the second an
/// empty list. (The draft prints 14 of the 21 bytes that it counts for the trace id.)
#[test]
fn the_drafts_second_example() {
    let value = "74726163 6549443a 31323334 35360000 00000000 00";
    for (number, number_property, trace_property) in [
        (14, "04 c0000000 8257dcd3", "404d 15"),
        (16, "04 c0000000 8257dcd3", "4049 15"),
    ] {
        let first = format!("00 21 {number_property} {trace_property} {value} 04 61626364");
        let run = hex(&format!("{first} 00 00 04 65666768"));
        let marks = scan(draft(number), true, &run).unwrap();
        assert_eq!(marks.len(), 2);
        assert_eq!(marks[0].extensions(), 2..35);
        assert_eq!(marks[0].header_len, 36);
        assert_eq!(marks[1].extensions_len, 0);
        assert_eq!(object(&marks[1]), (1, 4, Status::Normal));
    }
}

#[test]
fn an_object_without_payload_states_its_status() {
    let run = hex("05 00 00  00 00 03");
    let marks = scan(draft(16), false, &run).unwrap();
    assert_eq!(object(&marks[0]), (5, 0, Status::Normal));
    assert_eq!(object(&marks[1]), (6, 0, Status::EndOfGroup));
}

/// S5: any other status closes the session; draft 16 took 0x1 away.
#[test]
fn an_unknown_status_closes_the_session() {
    let run = hex("00 00 01");
    let marks = scan(draft(14), false, &run).unwrap();
    assert_eq!(object(&marks[0]), (0, 0, Status::DoesNotExist));
    let error = scan(draft(16), false, &run).unwrap_err();
    assert_eq!(error, ScanError::UnknownStatus(1));
    assert_eq!(error.fate(), Fate::Session(Close::ProtocolViolation));
    assert_eq!(
        scan(draft(14), false, &hex("00 00 02")),
        Err(ScanError::UnknownStatus(2))
    );
}

#[test]
fn which_status_may_have_properties_depends_on_the_draft() {
    let object = |status: &str| hex(&format!("00 02 0207 00 {status}"));
    let refused = |status| Err(ScanError::StatusWithProperties(status));
    assert_eq!(scan(draft(14), true, &object("00")).unwrap().len(), 1);
    assert_eq!(scan(draft(14), true, &object("03")).unwrap().len(), 1);
    assert_eq!(
        scan(draft(14), true, &object("01")),
        refused(Status::DoesNotExist)
    );
    assert_eq!(scan(draft(16), true, &object("00")).unwrap().len(), 1);
    assert_eq!(
        scan(draft(16), true, &object("03")),
        refused(Status::EndOfGroup)
    );
}

/// O16: an object after the end of its group or track makes the track malformed.
#[test]
fn nothing_follows_the_end_of_a_group_on_its_stream() {
    let error = scan(draft(16), false, &hex("00 00 03  00 01 61")).unwrap_err();
    assert_eq!(error, ScanError::ObjectAfterEnd);
    assert_eq!(error.fate(), Fate::Track);
}

#[test]
fn an_object_id_beyond_the_drafts_integers_closes_the_session() {
    let largest = "ffffffff ffffffff";
    assert_eq!(
        scan(draft(16), false, &hex(&format!("{largest} 01 61")))
            .unwrap()
            .len(),
        1
    );
    let error = scan(draft(16), false, &hex(&format!("{largest} 01 61 00 01 61"))).unwrap_err();
    assert_eq!(error, ScanError::ObjectIdOverflow);
    assert_eq!(error.fate(), Fate::Session(Close::ProtocolViolation));
    let largest = "ff ffffffff ffffffff";
    let error = scan(draft(18), false, &hex(&format!("{largest} 01 61 00 01 61"))).unwrap_err();
    assert_eq!(error, ScanError::ObjectIdOverflow);
}

/// Found by fuzzing: from draft 18 on a length can pass what a stream can carry, and sums with it
/// what 64 bits can.
#[test]
fn a_payload_that_fits_no_stream_closes_the_session() {
    let error = scan(draft(18), false, &hex("00 ff ffffffff ffffffff")).unwrap_err();
    assert_eq!(error, ScanError::PayloadTooLong(u64::MAX));
    assert_eq!(error.fate(), Fate::Session(Close::ProtocolViolation));
}

/// Refused by the length alone: nobody waits for 64 KiB that will never be used.
#[test]
fn properties_over_the_limit_end_the_stream_before_they_arrive() {
    let mut run = vec![0];
    draft(16).varint.encode(MAX_LIST_LEN + 1, &mut run).unwrap();
    let error = scan(draft(16), true, &run).unwrap_err();
    assert_eq!(error, ScanError::ExtensionsTooLong(MAX_LIST_LEN + 1));
    assert!(matches!(error.fate(), Fate::Stream(_)));
}

/// S4: a list that a subscriber would have to close its session for goes no further.
#[test]
fn malformed_properties_are_found_before_they_are_forwarded() {
    let error = scan(draft(16), true, &hex("00 02 0305 01 61")).unwrap_err();
    assert_eq!(error, ScanError::Property(PropertyError::CutShort));
    assert_eq!(error.fate(), Fate::Session(Close::KeyValueFormatting));
}

/// O21: an object's mark comes with its header, whatever of its payload is still missing.
#[test]
fn an_object_is_marked_before_its_payload_is_whole() {
    let mut scanner = Scanner::new(draft(16), &header(false));
    let mut marks = Vec::new();
    assert_eq!(scanner.scan(&hex("03 4400 6162"), &mut marks), Ok(5));
    assert_eq!(object(&marks[0]), (3, 0x400, Status::Normal));
    assert_eq!(scanner.remaining_payload(), 0x3fe);
    assert_eq!(scanner.last_object(), Some(ObjectId(3)));
    assert!(!scanner.is_between_objects());
    assert_eq!(scanner.scan(&[0; 0x3fe], &mut marks), Ok(0x3fe));
    assert!(scanner.is_between_objects());
    assert_eq!(marks.len(), 1);
}

#[test]
fn an_incomplete_header_is_left_for_the_next_run() {
    let mut scanner = Scanner::new(draft(16), &header(true));
    let mut marks = Vec::new();
    let bytes = hex("00 00 01 61  07 04 02070205 01 62");
    assert_eq!(scanner.scan(&bytes[..7], &mut marks), Ok(4));
    assert!(scanner.is_between_objects());
    assert_eq!(scanner.scan(&bytes[4..], &mut marks), Ok(8));
    assert_eq!(marks[1].offset, 0);
    assert_eq!(marks[1].extensions(), 2..6);
    assert_eq!(object(&marks[1]), (8, 1, Status::Normal));
}

/// O1, O4: a subscriber that joins at a later object gets that object's id where the distance
/// stood, and every other byte as it came.
#[test]
fn the_first_object_of_a_later_joiner_states_its_id() {
    let run = hex("4100 00 01 61  00 02 0207 01 62");
    let marks = scan(draft(16), true, &run).unwrap();
    let second = marks[1];
    let mut out = Vec::new();
    rewrite_first(draft(16), &run[second.header()], &second, &mut out);
    assert_eq!(out, hex("4101 02 0207 01"));
}

/// O2, O4: between drafts the types of properties are written anew, and nothing else changes.
#[test]
fn an_object_crosses_between_drafts() {
    let (d14, d16) = (draft(14), draft(16));
    let run_14 = hex("05 04 0207 0403 01 61");
    let run_16 = hex("05 04 0207 0203 01 61");
    let crossed = |from: &'static Profile, to: &'static Profile, run: &[u8]| {
        let mark = scan(from, true, run).unwrap()[0];
        assert!(!is_alike(from, to, &mark));
        let mut out = Vec::new();
        let left_out = transcode_header(from, to, &run[mark.header()], &mark, true, None, &mut out);
        assert_eq!(left_out, Ok(0));
        out.extend_from_slice(&run[mark.header().end..]);
        out
    };
    assert_eq!(crossed(d14, d16, &run_14), run_16);
    assert_eq!(crossed(d16, d14, &run_16), run_14);
}

#[test]
fn objects_without_properties_cross_between_14_and_16_as_they_are() {
    let run = hex("00 00 01 61");
    let mark = scan(draft(14), true, &run).unwrap()[0];
    assert!(is_alike(draft(14), draft(16), &mark));
    assert!(!is_alike(draft(16), draft(18), &mark));
}

/// Draft 16 has no "does not exist": its subscribers see a gap.
#[test]
fn a_mark_that_a_draft_does_not_know_is_left_out() {
    let (d14, d16) = (draft(14), draft(16));
    let run = hex("00 01 61  00 00 01  00 01 62");
    let marks = scan(d14, false, &run).unwrap();
    assert!(!is_alike(d14, d16, &marks[1]));
    let mut out = Vec::new();
    let absent = &run[marks[1].header()];
    let left_out = transcode_header(d14, d16, absent, &marks[1], false, None, &mut out);
    assert_eq!(
        left_out,
        Err(EncodeError::NoSuchStatus(Status::DoesNotExist))
    );
    let third = &run[marks[2].header()];
    let prior = Some(marks[0].object);
    transcode_header(d14, d16, third, &marks[2], false, prior, &mut out).unwrap();
    assert_eq!(out, hex("01 01"));
}

#[test]
fn an_end_of_group_loses_its_properties_where_the_draft_forbids_them() {
    let (d14, d16) = (draft(14), draft(16));
    let run = hex("00 02 0207 00 03");
    let mark = scan(d14, true, &run).unwrap()[0];
    assert!(!is_alike(d14, d16, &mark));
    let mut out = Vec::new();
    let left_out = transcode_header(d14, d16, &run, &mark, true, None, &mut out);
    assert_eq!(left_out, Ok(1));
    assert_eq!(out, hex("00 00 00 03"));
}

#[test]
fn an_object_beyond_62_bits_cannot_leave_draft_18() {
    let (d16, d18) = (draft(16), draft(18));
    let run = hex("ff 40000000 00000000 01 61");
    let mark = scan(d18, false, &run).unwrap()[0];
    let header = &run[mark.header()];
    let mut out = vec![0xaa];
    let left_out = transcode_header(d18, d16, header, &mark, false, None, &mut out);
    assert_eq!(left_out, Err(EncodeError::TooLarge(TooLarge(1 << 62))));
    assert_eq!(out, [0xaa]);
}

#[test]
fn ids_ascend_on_a_stream() {
    let run = hex("05 01 61");
    let mark = scan(draft(14), false, &run).unwrap()[0];
    let prior = Some(ObjectId(5));
    let written = transcode_header(
        draft(14),
        draft(16),
        &run,
        &mark,
        false,
        prior,
        &mut Vec::new(),
    );
    assert!(matches!(written, Err(EncodeError::OutOfOrder { .. })));
}

prop_compose! {
    /// A stream of objects with properties, as every draft can write it.
    fn a_stream()(
        number in prop::sample::select(vec![14_u8, 16, 18]),
        objects in prop::collection::vec((0..300_u64, any::<bool>(), 0..300_usize), 1..12),
    ) -> (u8, Vec<u8>) {
        let varint = draft(number).varint;
        let mut run = Vec::new();
        for (delta, has_properties, payload_len) in objects {
            varint.encode(delta, &mut run).unwrap();
            let list: &[u8] = if has_properties { &[0x02, 0x07, 0x05, 0x01, 0xff] } else { &[] };
            varint.encode(list.len() as u64, &mut run).unwrap();
            run.extend_from_slice(list);
            varint.encode(payload_len as u64, &mut run).unwrap();
            if payload_len == 0 {
                run.push(0);
            }
            run.resize(run.len() + payload_len, 0x5a);
        }
        (number, run)
    }
}

proptest! {
    /// O1: where the runs of a stream are cut changes nothing.
    #[test]
    fn any_split_of_the_same_bytes_gives_the_same_marks(
        (number, stream) in a_stream(),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..8),
    ) {
        let profile = draft(number);
        let whole = scan(profile, true, &stream).unwrap();

        let mut cuts: Vec<_> = cuts.iter().map(|cut| cut.index(stream.len() + 1)).collect();
        cuts.extend([0, stream.len()]);
        cuts.sort_unstable();
        let mut scanner = Scanner::new(profile, &header(true));
        let mut pieces = Vec::new();
        let (mut run, mut run_start) = (Vec::new(), 0);
        for cut in cuts.windows(2) {
            run.extend_from_slice(&stream[cut[0]..cut[1]]);
            let mut marks = Vec::new();
            let consumed = scanner.scan(&run, &mut marks).unwrap();
            for mark in marks {
                pieces.push(Mark { offset: mark.offset + run_start, ..mark });
            }
            run.drain(..consumed);
            run_start += consumed as u32;
        }
        prop_assert!(run.is_empty());
        prop_assert_eq!(pieces, whole);
    }
}

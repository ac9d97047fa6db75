//! Examples of objects on FETCH streams.

use moq::framing::codes::{Close, Fate};
use moq::framing::fetch::{
    FetchError, FetchMark, FetchObject, FetchScanError, FetchScanner, FetchWriter, GroupOrder,
    RangeEnd,
};
use moq::framing::location::Location;
use moq::framing::profile::PROFILES;
use moq::framing::properties::Properties;
use moq::framing::status::Status;

use crate::{draft, hex};

fn object(group: u64, id: u64) -> FetchObject<'static> {
    FetchObject {
        location: Location::new(group, id),
        subgroup: Some(0),
        priority: 0x80,
        properties: Properties::none(draft(16)),
        payload_len: 1,
        status: Status::Normal,
    }
}

/// The headers that a writer puts before these objects, without payload.
fn written(number: u8, order: GroupOrder, objects: &[FetchObject<'_>]) -> Vec<u8> {
    let mut writer = FetchWriter::new(draft(number), order);
    let mut out = Vec::new();
    for object in objects {
        writer.object(object, &mut out).unwrap();
    }
    out
}

fn scan(number: u8, order: GroupOrder, run: &[u8]) -> Result<Vec<FetchMark>, FetchScanError> {
    let mut scanner = FetchScanner::new(draft(number), order);
    let mut marks = Vec::new();
    assert_eq!(scanner.scan(run, &mut marks)?, run.len());
    Ok(marks)
}

/// Where the objects of a run sit, and their subgroups.
fn locations(marks: &[FetchMark]) -> Vec<(Location, Option<u64>)> {
    let object = |mark: &FetchMark| match mark {
        FetchMark::Object(mark) => (mark.location, mark.subgroup),
        FetchMark::EndOfRange { last, .. } => panic!("a marker at {last}"),
    };
    marks.iter().map(object).collect()
}

/// Three objects "a", "b", "c" in groups 5, 5 and 6, worked by hand from each draft's rules.
#[test]
fn three_objects_in_two_groups() {
    let objects = [object(5, 0), object(5, 1), object(6, 0)];
    for (number, headers) in [
        (
            14,
            [
                "05 00 00 80 00 01",
                "05 00 01 80 00 01",
                "06 00 00 80 00 01",
            ],
        ),
        (16, ["1c 05 00 80 01", "00 01", "0c 06 00 01"]),
        (18, ["1c 05 00 80 01", "00 01", "0c 00 00 01"]),
    ] {
        let out = written(number, GroupOrder::Ascending, &objects);
        assert_eq!(out, hex(&headers.concat()));
        let run = hex(&format!(
            "{} 61 {} 62 {} 63",
            headers[0], headers[1], headers[2]
        ));
        let marks = scan(number, GroupOrder::Ascending, &run).unwrap();
        let expected = objects.map(|object| (object.location, object.subgroup));
        assert_eq!(locations(&marks), expected);
    }
}

/// C6: groups may descend; objects ascend in each.
#[test]
fn a_descending_fetch_steps_down_through_the_groups() {
    let objects = [object(9, 2), object(9, 4), object(7, 0)];
    for (number, bytes) in [
        (16, "1c 09 02 80 01 | 04 04 01 | 0c 07 00 01"),
        (18, "1c 09 02 80 01 | 04 02 01 | 0c 01 00 01"),
    ] {
        let out = written(number, GroupOrder::Descending, &objects);
        assert_eq!(out, hex(bytes));
    }
    let run = hex("1c 09 02 80 01 61 04 02 01 62 0c 01 00 01 63");
    let marks = scan(18, GroupOrder::Descending, &run).unwrap();
    let expected = objects.map(|object| (object.location, object.subgroup));
    assert_eq!(locations(&marks), expected);
}

#[test]
fn a_field_is_left_out_when_the_object_before_says_it() {
    let from = |id, subgroup, priority| FetchObject {
        subgroup: Some(subgroup),
        priority,
        ..object(5, id)
    };
    let objects = [
        from(0, 4, 1),
        from(1, 4, 1),
        from(2, 5, 1),
        from(3, 5, 2),
        from(9, 0, 2),
    ];
    let bytes = "1f 05 04 00 01 01 | 01 01 | 02 01 | 11 02 01 | 04 09 01";
    assert_eq!(written(16, GroupOrder::Ascending, &objects), hex(bytes));
}

/// O2: what came as a datagram says so; draft 14 cannot, and gives it its own id as subgroup.
#[test]
fn an_object_that_came_as_a_datagram() {
    let datagram = FetchObject {
        subgroup: None,
        ..object(5, 3)
    };
    let next = FetchObject {
        subgroup: Some(1),
        ..object(5, 4)
    };
    assert_eq!(
        written(16, GroupOrder::Ascending, &[datagram, next]),
        hex("405c 05 03 80 01 | 03 01 01")
    );
    assert_eq!(
        written(14, GroupOrder::Ascending, &[datagram]),
        hex("05 03 03 80 00 01")
    );
    let marks = scan(16, GroupOrder::Ascending, &hex("405f 05 03 80 01 61")).unwrap();
    assert_eq!(locations(&marks), [(Location::new(5, 3), None)]);
}

/// C7: what is unknown is marked so, never left as a gap; draft 14 has no word for it.
#[test]
fn a_range_of_unknown_objects_is_marked() {
    for number in [16, 18] {
        let mut writer = FetchWriter::new(draft(number), GroupOrder::Ascending);
        let mut out = Vec::new();
        writer
            .end_of_range(RangeEnd::Unknown, Location::new(5, 1), &mut out)
            .unwrap();
        writer.object(&object(5, 2), &mut out).unwrap();
        let bytes = match number {
            16 => "410c 05 01 | 1c 05 02 80 01",
            _ => "810c 05 01 | 10 80 01",
        };
        assert_eq!(out, hex(bytes));
        out.push(b'a');
        let marks = scan(number, GroupOrder::Ascending, &out).unwrap();
        let last = Location::new(5, 1);
        assert_eq!(
            marks[0],
            FetchMark::EndOfRange {
                end: RangeEnd::Unknown,
                last
            }
        );
        assert_eq!(locations(&marks[1..]), [(Location::new(5, 2), Some(0))]);
    }
    let mut writer = FetchWriter::new(draft(14), GroupOrder::Ascending);
    let refused = writer.end_of_range(RangeEnd::Unknown, Location::new(5, 1), &mut Vec::new());
    assert_eq!(refused, Err(FetchError::NoRangeMarkers));
}

#[test]
fn a_range_of_objects_that_do_not_exist_can_be_marked() {
    let last = Location::new(6, 0);
    let mut writer = FetchWriter::new(draft(16), GroupOrder::Ascending);
    let mut out = written(16, GroupOrder::Ascending, &[object(5, 0)]);
    writer.object(&object(5, 0), &mut Vec::new()).unwrap();
    writer
        .end_of_range(RangeEnd::NonExistent, last, &mut out)
        .unwrap();
    writer.object(&object(6, 1), &mut out).unwrap();
    assert_eq!(out, hex("1c 05 00 80 01 | 408c 06 00 | 1c 06 01 80 01"));

    let mut writer = FetchWriter::new(draft(14), GroupOrder::Ascending);
    let mut out = Vec::new();
    writer
        .end_of_range(RangeEnd::NonExistent, last, &mut out)
        .unwrap();
    assert!(out.is_empty(), "draft 14 says it by silence");
}

#[test]
fn only_draft_14_states_a_status_in_a_fetch() {
    let end = FetchObject {
        status: Status::EndOfGroup,
        payload_len: 0,
        ..object(5, 3)
    };
    assert_eq!(
        written(14, GroupOrder::Ascending, &[end]),
        hex("05 00 03 80 00 00 03")
    );
    assert_eq!(written(16, GroupOrder::Ascending, &[end]), hex(""));
    let empty = FetchObject {
        payload_len: 0,
        ..object(5, 3)
    };
    assert_eq!(
        written(14, GroupOrder::Ascending, &[empty]),
        hex("05 00 03 80 00 00 00")
    );
    assert_eq!(
        written(16, GroupOrder::Ascending, &[empty]),
        hex("1c 05 03 80 00")
    );
}

#[test]
fn the_first_object_refers_to_nothing() {
    for digits in [
        "14 00 80 01",
        "18 05 80 01",
        "0c 05 00 01",
        "1d 05 00 80 01",
        "1e 05 00 80 01",
    ] {
        for number in [16, 18] {
            let error = scan(number, GroupOrder::Ascending, &hex(digits)).unwrap_err();
            assert_eq!(error, FetchScanError::NoPriorObject, "{digits}");
            assert_eq!(error.fate(), Fate::Session(Close::ProtocolViolation));
        }
    }
}

/// After a marker there is a location to refer to, and no priority yet.
#[test]
fn a_marker_gives_no_priority() {
    let run = hex("410c 05 01 0c 05 02 01");
    assert_eq!(
        scan(16, GroupOrder::Ascending, &run),
        Err(FetchScanError::NoPriorObject)
    );
}

#[test]
fn unknown_flags_close_the_session() {
    for flags in ["4080", "408d", "410d", "420c"] {
        let error = scan(16, GroupOrder::Ascending, &hex(flags)).unwrap_err();
        assert!(matches!(error, FetchScanError::UnknownFlags(_)), "{flags}");
        assert_eq!(error.fate(), Fate::Session(Close::ProtocolViolation));
    }
}

/// O16: an object that steps back in its group, or a group that steps against the order.
#[test]
fn objects_out_of_order_make_the_track_malformed() {
    for (number, order, digits) in [
        (
            14,
            GroupOrder::Ascending,
            "05 00 01 80 00 01 61 05 00 01 80 00 01 61",
        ),
        (
            14,
            GroupOrder::Descending,
            "05 00 01 80 00 01 61 06 00 00 80 00 01 61",
        ),
        (
            16,
            GroupOrder::Ascending,
            "1c 05 01 80 01 61 0c 04 00 01 62",
        ),
        (16, GroupOrder::Ascending, "1c 05 01 80 01 61 04 01 01 62"),
        (18, GroupOrder::Ascending, "1c 05 01 80 01 61 04 00 01 62"),
    ] {
        let error = scan(number, order, &hex(digits)).unwrap_err();
        assert!(
            matches!(error, FetchScanError::OutOfOrder { .. }),
            "{digits}"
        );
        assert_eq!(error.fate(), Fate::Track);
    }
}

#[test]
fn ids_outside_of_the_drafts_integers_close_the_session() {
    let below_zero = scan(
        18,
        GroupOrder::Descending,
        &hex("1c 05 00 80 01 61 0c 05 00 01 62"),
    );
    assert_eq!(below_zero, Err(FetchScanError::IdOverflow));
    let largest = "ffffffff ffffffff";
    let above = hex(&format!("1c 05 {largest} 80 01 61 00 01 62"));
    assert_eq!(
        scan(16, GroupOrder::Ascending, &above),
        Err(FetchScanError::IdOverflow)
    );
}

#[test]
fn a_payload_that_fits_no_stream_closes_the_session() {
    let run = hex("1c 05 00 80 ff ffffffff ffffffff");
    let error = scan(18, GroupOrder::Ascending, &run).unwrap_err();
    assert_eq!(error, FetchScanError::PayloadTooLong(u64::MAX));
    assert_eq!(error.fate(), Fate::Session(Close::ProtocolViolation));
}

/// O4: properties come along, in the words of the subscriber's draft.
#[test]
fn properties_travel_in_a_fetch() {
    let list = hex("02 07 02 03");
    let with_list = FetchObject {
        properties: Properties::new(draft(16), &list),
        ..object(5, 0)
    };
    let at = |number| written(number, GroupOrder::Ascending, &[with_list]);
    assert_eq!(at(16), hex("3c 05 00 80 04 0207 0203 01"));
    assert_eq!(at(14), hex("05 00 00 80 04 0207 0403 01"));
}

#[test]
fn a_header_cut_anywhere_waits_for_the_next_run() {
    let objects = [object(5, 0), object(300, 70_000)];
    for profile in PROFILES {
        let number = profile.draft as u8;
        let mut writer = FetchWriter::new(profile, GroupOrder::Ascending);
        let mut run = Vec::new();
        for object in &objects {
            writer.object(object, &mut run).unwrap();
            run.push(b'a');
        }
        let whole = locations(&scan(number, GroupOrder::Ascending, &run).unwrap());
        for cut in 0..run.len() {
            let mut scanner = FetchScanner::new(profile, GroupOrder::Ascending);
            let mut marks = Vec::new();
            let consumed = scanner.scan(&run[..cut], &mut marks).unwrap();
            assert!(consumed <= cut);
            scanner.scan(&run[consumed..], &mut marks).unwrap();
            assert!(scanner.is_between_objects());
            assert_eq!(locations(&marks), whole);
        }
    }
}

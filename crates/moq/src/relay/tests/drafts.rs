//! Publisher and subscriber of different drafts.

use super::*;

/// Types 0x20 (a number) and 0x21 (bytes), as a draft writes them.
fn properties(draft: u8, immutable: bool) -> Vec<u8> {
    let mut list = Vec::new();
    let mut prior = 0;
    for (kind, value) in [
        (0x0b_u8, &[2, 0x20, 9][..]),
        (0x20, &[5]),
        (0x21, b"\x02ab"),
    ] {
        if kind != 0x0b || immutable {
            list.push(if draft == 14 { kind } else { kind - prior });
            list.extend_from_slice(value);
            prior = kind;
        }
    }
    list
}

/// O4: unknown properties cross drafts; O5: an immutable block keeps its bytes; O6: nothing is added.
#[test]
fn properties_cross_drafts() {
    for drafts in PAIRS {
        let mut net = Net::new();
        let (publisher, subscription) = net.pair(drafts);
        let writing = net.open_with(&publisher, 0, 0, |header| header.extensions = true);
        for object in 0..20 {
            // Some have none, and the payload of some comes in pieces.
            let list = properties(drafts.0, object % 4 == 0);
            let list = if object % 3 == 2 { &[][..] } else { &list };
            let bytes = payload(0, object, 500);
            net.write_with(
                writing,
                object * 2,
                Status::Normal,
                list,
                500,
                bytes[..200].to_vec(),
            );
            if object % 5 == 0 {
                net.run_until_quiet();
            }
            net.write_raw(writing, &bytes[200..]);
        }
        net.finish(writing);
        net.run_until_quiet();
        let received = net.received(&subscription);
        assert_eq!(received.len(), 20, "{drafts:?}");
        let number = 5_u64.to_be_bytes().to_vec();
        for (object, got) in (0..20).zip(received) {
            assert_eq!(got.at, at(0, object * 2));
            assert_eq!(got.payload, payload(0, object, 500));
            let mut expected = vec![(0x20, number.clone()), (0x21, b"ab".to_vec())];
            if object % 4 == 0 {
                expected.insert(0, (0x0b, vec![0x20, 9]));
            }
            if object % 3 == 2 {
                expected.clear();
            }
            assert_eq!(got.properties, expected, "{drafts:?} {object}");
        }
    }
}

/// O4: a subscriber that joins late gets the other draft's form from the next object on.
#[test]
fn a_subscriber_of_another_draft_joins_a_running_subgroup() {
    for drafts in [(14, 16), (16, 14)] {
        let mut net = Net::new();
        let (publisher, _) = net.pair((drafts.0, drafts.0));
        let writing = net.open_with(&publisher, 0, 0, |header| header.extensions = true);
        let list = properties(drafts.0, true);
        for object in 0..4 {
            let bytes = payload(0, object, 10);
            net.write_with(writing, object, Status::Normal, &list, 10, bytes);
        }
        net.run_until_quiet();
        let late = net.join(drafts.1);
        let late = net.subscribe(late, publisher.track);
        assert_eq!(late.largest, Some(at(0, 3)));
        for object in 4..8 {
            let bytes = payload(0, object, 10);
            net.write_with(writing, object, Status::Normal, &list, 10, bytes);
        }
        net.finish(writing);
        net.run_until_quiet();
        let received = net.received(&late);
        let seen: Vec<Location> = received.iter().map(|object| object.at).collect();
        assert_eq!(seen, all(0..1, 8)[4..], "{drafts:?}");
        assert!(received.iter().all(|object| object.properties.len() == 3));
        assert_eq!(net.ends(&late), [Some(End::Fin)]);
    }
}

/// O17: draft 14's "does not exist" reaches subscribers of 14, and is a gap for those of 16.
#[test]
fn an_object_that_does_not_exist_is_a_gap_at_16() {
    for (subscriber, statuses) in [(14, 3), (16, 2)] {
        let mut net = Net::new();
        let (publisher, subscription) = net.pair((14, subscriber));
        let writing = net.open(&publisher, 0, 0);
        net.write(writing, 0, payload(0, 0, 10));
        net.write_with(writing, 1, Status::DoesNotExist, &[], 0, Vec::new());
        net.write(writing, 2, payload(0, 2, 10));
        net.finish(writing);
        net.run_until_quiet();
        let received = net.received(&subscription);
        assert_eq!(received.len(), statuses);
        assert!(
            received.iter().all(|object| {
                (object.status == Status::DoesNotExist) == (object.at == at(0, 1))
            })
        );
        assert_eq!(net.ends(&subscription), [Some(End::Fin)]);
    }
}

/// O2: marks of the end of a group or track keep their places in both drafts.
#[test]
fn end_markers_cross_drafts() {
    for drafts in PAIRS {
        let mut net = Net::new();
        let (publisher, subscription) = net.pair(drafts);
        for (group, status) in [(0, Status::EndOfGroup), (1, Status::EndOfTrack)] {
            let writing = net.open(&publisher, group, 0);
            net.write(writing, 0, payload(group, 0, 10));
            net.write_with(writing, 1, status, &[], 0, Vec::new());
            net.finish(writing);
            net.run_until_quiet();
        }
        let received = net.received(&subscription);
        let statuses: Vec<(Location, Status)> = received
            .iter()
            .map(|object| (object.at, object.status))
            .collect();
        let expected = [
            (at(0, 0), Status::Normal),
            (at(0, 1), Status::EndOfGroup),
            (at(1, 0), Status::Normal),
            (at(1, 1), Status::EndOfTrack),
        ];
        assert_eq!(statuses, expected, "{drafts:?}");
    }
}

/// O2: a priority that 16 inherits from the track is written out for 14.
#[test]
fn an_inherited_priority_is_the_tracks() {
    for (subscriber, priority) in [(14, Some(200)), (16, None)] {
        let mut net = Net::new();
        let (publisher, subscription) = net.pair((16, subscriber));
        net.command(Command::UpdateTrack {
            track: publisher.track,
            priority: Some(200),
            max_cache: None,
            largest: None,
        });
        let writing = net.open_with(&publisher, 0, 0, |header| header.priority = None);
        net.write(writing, 0, payload(0, 0, 10));
        net.finish(writing);
        net.run_until_quiet();
        assert_eq!(net.received(&subscription)[0].priority, priority);
    }
}

/// O2: partly: integers may be written longer than they need: objects are found all the same, by
/// late joiners, in the other draft, and where another publisher goes on.
#[test]
fn integers_may_be_longer_than_they_need() {
    for drafts in PAIRS {
        let mut net = Net::new();
        let (publisher, first) = net.pair(drafts);
        let writing = net.open_with(&publisher, 0, 0, |header| header.extensions = true);
        // Delta, properties and payload length in two, four and eight bytes.
        let object = |id: u64, delta: u8| {
            let mut bytes = vec![0x40, delta];
            bytes.extend([0x80, 0, 0, 3, 0x20, 0x40, 5]);
            bytes.extend([0xc0, 0, 0, 0, 0, 0, 0, 10]);
            bytes.extend(payload(0, id, 10));
            bytes
        };
        net.write_raw(writing, &object(0, 0));
        net.write_raw(writing, &object(3, 2));
        net.run_until_quiet();
        let second = net.join(drafts.1);
        let second = net.subscribe(second, publisher.track);
        net.write_raw(writing, &object(70, 66));
        net.run_until_quiet();
        net.reset(writing, 0);
        let again = net.open_with(&publisher, 0, 0, |header| header.extensions = true);
        net.write_raw(
            again,
            &[object(70, 70), object(71, 0), object(75, 3)].concat(),
        );
        net.finish(again);
        net.run_until_quiet();
        let ids = [0, 3, 70, 71, 75];
        for (subscription, from) in [(first, 0), (second, 2)] {
            let received = net.received(&subscription);
            let seen: Vec<u64> = received.iter().map(|it| it.at.object.0).collect();
            assert_eq!(seen, ids[from..], "{drafts:?}");
            for object in received {
                assert_eq!(object.payload, payload(0, object.at.object.0, 10));
                let number = 5_u64.to_be_bytes().to_vec();
                assert_eq!(object.properties, [(0x20, number)]);
            }
        }
    }
}

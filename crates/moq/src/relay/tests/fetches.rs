//! FETCH, as the cache can serve it.

use super::*;

/// A publisher that sent `groups` groups of four objects, and a client to fetch them.
fn cached(drafts: (u8, u8), groups: u64) -> (Net, Publisher, PeerId) {
    let mut net = Net::new();
    let track = net.track();
    let publisher = net.join(drafts.0);
    let publisher = net.publish(publisher, track);
    for group in 0..groups {
        net.write_group(&publisher, group, 4);
        net.run_until_quiet();
    }
    let client = net.join(drafts.1);
    (net, publisher, client)
}

/// C1, C2: what was published is fetched as it was; C6: in order, on one stream, with a FIN.
#[test]
fn a_range_is_fetched_whole() {
    for drafts in PAIRS {
        for transport in BOTH {
            let mut net = Net::new();
            let track = net.track();
            let publisher = net.join(drafts.0);
            let publisher = net.publish(publisher, track);
            for group in [2, 3] {
                for subgroup in [0, 1, 5] {
                    let writing = net.open_with(&publisher, group, subgroup, |header| {
                        header.priority = Some(40 + subgroup as u8);
                        header.extensions = true;
                    });
                    for object in [subgroup, subgroup + 10] {
                        let list: &[u8] = match drafts.0 {
                            14 => &[0x20, 5, 0x22, 7],
                            _ => &[0x20, 5, 0x02, 7],
                        };
                        let bytes = payload(group, object, 700);
                        net.write_with(writing, object, Status::Normal, list, 700, bytes);
                    }
                    net.finish(writing);
                }
            }
            net.run_until_quiet();
            let client = net.join_on(drafts.1, transport, 0);
            let fetching = net.fetch(client, track, at(2, 0), at(3, 0));
            assert_eq!(fetching.status, FetchStatus::Ok);
            assert_eq!((fetching.end, fetching.end_of_track), (at(3, 16), false));
            net.run_until_quiet();
            let mut expected = Vec::new();
            for group in [2, 3] {
                for object in [0, 1, 5, 10, 11, 15] {
                    let number = |value: u64| value.to_be_bytes().to_vec();
                    expected.push(Object {
                        at: at(group, object),
                        subgroup: Some(object % 10),
                        priority: Some(40 + (object % 10) as u8),
                        properties: vec![(0x20, number(5)), (0x22, number(7))],
                        status: Status::Normal,
                        payload: payload(group, object, 700),
                    });
                }
            }
            assert_eq!(net.fetched(&fetching), expected, "{drafts:?}");
            assert_eq!(net.fetch_ranges(&fetching), []);
            assert_eq!(net.fetch_end(&fetching), Some(End::Fin));
            assert_eq!(net.fetch_done(&fetching), Some(true));
            assert_eq!(net.peer(client).control_bytes, b"OK");
        }
    }
}

/// C4: a range is cut where it is asked, and ends at the largest object.
#[test]
fn a_range_is_fetched_in_part() {
    let cases = [
        (at(0, 2), at(1, 2), at(1, 2), 2..6),
        (at(1, 0), at(1, 0), at(1, 0), 4..8),
        (at(1, 3), at(9, 0), at(2, 4), 7..12),
        (at(2, 3), at(2, 4), at(2, 4), 11..12),
    ];
    for (start, end, told, objects) in cases {
        for draft in [14, 16] {
            let (mut net, publisher, client) = cached((16, draft), 3);
            let fetching = net.fetch(client, publisher.track, start, end);
            net.run_until_quiet();
            assert_eq!(fetching.end, told);
            assert_eq!(net.fetched_at(&fetching), all(0..3, 4)[objects.clone()]);
            assert_eq!(net.fetch_end(&fetching), Some(End::Fin));
        }
    }
}

/// C6: newest group first, and objects ascending within each.
#[test]
fn a_range_is_fetched_newest_group_first() {
    for draft in [14, 16] {
        let (mut net, publisher, client) = cached((16, draft), 3);
        let track = publisher.track;
        let fetching = net.fetch_with(client, track, at(0, 2), at(2, 3), |range| {
            range.descending = true;
        });
        net.run_until_quiet();
        let mut expected = all(2..3, 3);
        expected.extend(all(1..2, 4));
        expected.extend([at(0, 2), at(0, 3)]);
        assert_eq!(net.fetched_at(&fetching), expected);
        assert_eq!(net.fetch_end(&fetching), Some(End::Fin));
    }
}

/// C4: beyond the largest object there is nothing to fetch; nor where nothing was published.
#[test]
fn a_range_beyond_the_largest_object_is_invalid() {
    let (mut net, publisher, client) = cached((16, 16), 1);
    let fetching = net.fetch(client, publisher.track, at(0, 4), at(9, 0));
    assert_eq!(fetching.status, FetchStatus::InvalidRange);
    let empty = net.track();
    let fetching = net.fetch(client, empty, at(0, 0), at(9, 0));
    assert_eq!(fetching.status, FetchStatus::InvalidRange);
    let gone = TrackId(net.handle(0));
    let fetching = net.fetch(client, gone, at(0, 0), at(9, 0));
    assert_eq!(fetching.status, FetchStatus::InvalidRange);
    assert!(net.relays[0].fetches.is_empty());
}

/// C7: what the cache let go is marked unknown at 16; at 14 the fetch fails.
#[test]
fn what_the_cache_let_go_is_unknown() {
    for draft in [14, 16] {
        let (mut net, publisher, client) = cached((16, draft), 2);
        net.keep_awake(client, 12);
        for group in 2..4 {
            net.write_group(&publisher, group, 4);
            net.run_until_quiet();
        }
        let track = publisher.track;
        let fetching = net.fetch(client, track, at(0, 0), at(3, 0));
        if draft == 16 {
            assert_eq!(fetching.status, FetchStatus::Ok);
            net.run_until_quiet();
            assert_eq!(net.fetched_at(&fetching), all(2..4, 4));
            let unknown = net.fetch_ranges(&fetching);
            assert_eq!(unknown.len(), 1);
            assert_eq!(unknown[0].0, RangeEnd::Unknown);
            assert_eq!(unknown[0].1.group.0, 1);
            assert_eq!(net.fetch_end(&fetching), Some(End::Fin));
            // Nothing of this one is known.
            let fetching = net.fetch(client, track, at(0, 0), at(1, 0));
            net.run_until_quiet();
            assert_eq!(net.fetched_at(&fetching), []);
            assert_eq!(net.fetch_ranges(&fetching).len(), 1);
        } else {
            assert_eq!(fetching.status, FetchStatus::Unknown);
        }
        // What is known whole needs no mark.
        let fetching = net.fetch(client, track, at(2, 1), at(3, 0));
        net.run_until_quiet();
        assert_eq!(net.fetched_at(&fetching), all(2..4, 4)[1..]);
        assert_eq!(net.fetch_ranges(&fetching), []);
        assert_eq!(net.fetch_end(&fetching), Some(End::Fin));
    }
}

/// C7: newest first, what is known comes, and the stream is reset before what is not.
#[test]
fn a_descending_fetch_stops_where_nothing_is_known() {
    for draft in [14, 16] {
        let (mut net, publisher, client) = cached((16, draft), 2);
        net.keep_awake(client, 12);
        net.write_group(&publisher, 2, 4);
        net.run_until_quiet();
        let track = publisher.track;
        let fetching = net.fetch_with(client, track, at(0, 0), at(2, 0), |range| {
            range.descending = true;
        });
        net.run_until_quiet();
        let code = if draft == 16 { 0x4 } else { 0x0 };
        assert_eq!(net.fetched_at(&fetching), all(2..3, 4));
        assert_eq!(net.fetch_end(&fetching), Some(End::Reset(code)));
        assert_eq!(net.fetch_done(&fetching), Some(false));
    }
}

/// C7: what lies before the publisher's announced largest object was never here: unknown.
#[test]
fn what_was_published_before_we_came_is_unknown() {
    let mut net = Net::new();
    let track = net.track();
    let publisher = net.join(16);
    let publisher = net.publish(publisher, track);
    net.command(Command::UpdateTrack {
        track,
        priority: None,
        max_cache: None,
        largest: Some(at(7, 9)),
    });
    let client = net.join(16);
    let fetching = net.fetch(client, track, at(3, 0), at(7, 0));
    assert_eq!(
        (fetching.status, fetching.end),
        (FetchStatus::Ok, at(7, 10))
    );
    net.run_until_quiet();
    assert_eq!(net.fetch_ranges(&fetching), [(RangeEnd::Unknown, at(7, 9))]);
    let writing = net.open(&publisher, 7, 0);
    net.write(writing, 10, payload(7, 10, 10));
    net.finish(writing);
    net.run_until_quiet();
    let fetching = net.fetch(client, track, at(7, 0), at(7, 0));
    net.run_until_quiet();
    assert_eq!(net.fetch_ranges(&fetching), [(RangeEnd::Unknown, at(7, 9))]);
    assert_eq!(net.fetched_at(&fetching), [at(7, 10)]);
}

/// C7: a gap between objects of one stream is told as one: nothing exists there.
#[test]
fn a_gap_of_the_publishers_stays_a_gap() {
    let mut net = Net::new();
    let track = net.track();
    let publisher = net.join(16);
    let publisher = net.publish(publisher, track);
    for group in [0, 5] {
        let writing = net.open(&publisher, group, 0);
        for object in [0, 7] {
            net.write(writing, object, payload(group, object, 10));
        }
        net.finish(writing);
        net.run_until_quiet();
    }
    for draft in [14, 16] {
        let client = net.join(draft);
        let fetching = net.fetch(client, track, at(0, 0), at(5, 0));
        net.run_until_quiet();
        assert_eq!(
            net.fetched_at(&fetching),
            [at(0, 0), at(0, 7), at(5, 0), at(5, 7)]
        );
        assert_eq!(net.fetch_ranges(&fetching), []);
    }
}

/// C7: the rest of a subgroup that its publisher gave up is unknown, which 14 can only say by a reset.
#[test]
fn the_rest_of_a_subgroup_that_was_reset_is_unknown() {
    for (draft, descending) in [(16, false), (16, true), (14, false), (14, true)] {
        let (mut net, publisher, client) = cached((16, draft), 1);
        let writing = net.open(&publisher, 1, 0);
        net.write(writing, 0, payload(1, 0, 10));
        net.run_until_quiet();
        net.reset(writing, 0);
        net.write_group(&publisher, 2, 4);
        net.run_until_quiet();
        let track = publisher.track;
        let fetching = net.fetch_with(client, track, at(0, 0), at(2, 0), |range| {
            range.descending = descending;
        });
        net.run_until_quiet();
        if descending || draft == 14 {
            let known = match descending {
                true => [all(2..3, 4), vec![at(1, 0)]].concat(),
                false => [all(0..1, 4), vec![at(1, 0)]].concat(),
            };
            assert_eq!(net.fetched_at(&fetching), known);
            let code = if draft == 16 { 0x4 } else { 0x0 };
            assert_eq!(net.fetch_end(&fetching), Some(End::Reset(code)));
            continue;
        }
        let mut expected = all(0..1, 4);
        expected.push(at(1, 0));
        expected.extend(all(2..3, 4));
        assert_eq!(net.fetched_at(&fetching), expected);
        let unknown = net.fetch_ranges(&fetching);
        assert_eq!(unknown.len(), 1, "{unknown:?}");
        assert_eq!(unknown[0].1.group.0, 1);
    }
}

/// C5: an object that still grows is waited for, and then the fetch goes on.
#[test]
fn a_fetch_waits_for_an_object_that_still_grows() {
    for draft in [14, 16] {
        let (mut net, publisher, client) = cached((16, draft), 1);
        let writing = net.open(&publisher, 1, 0);
        net.write(writing, 0, payload(1, 0, 10));
        let bytes = payload(1, 1, 1_000);
        net.write_with(
            writing,
            1,
            Status::Normal,
            &[],
            1_000,
            bytes[..300].to_vec(),
        );
        net.run_until_quiet();
        let fetching = net.fetch(client, publisher.track, at(0, 2), at(1, 0));
        net.run_until_quiet();
        assert_eq!(net.fetched_at(&fetching), [at(0, 2), at(0, 3), at(1, 0)]);
        assert_eq!(net.fetch_end(&fetching), None);
        net.write_raw(writing, &bytes[300..]);
        net.run_until_quiet();
        let last = net.fetched(&fetching).pop().map(|object| object.payload);
        assert_eq!(last, Some(bytes));
        assert_eq!(net.fetch_end(&fetching), Some(End::Fin));
        assert_eq!(net.fetch_done(&fetching), Some(true));
    }
}

/// C7: an object that never becomes whole is unknown.
#[test]
fn an_object_that_is_given_up_is_unknown() {
    for drops_track in [false, true] {
        let (mut net, publisher, client) = cached((16, 16), 1);
        let writing = net.open(&publisher, 1, 0);
        net.write_with(writing, 0, Status::Normal, &[], 1_000, vec![1; 300]);
        net.run_until_quiet();
        let track = publisher.track;
        let fetching = net.fetch(client, track, at(0, 0), at(1, 0));
        net.run_until_quiet();
        assert_eq!(net.fetch_end(&fetching), None);
        match drops_track {
            true => net.command(Command::CloseTrack { track }),
            false => net.reset(writing, 0),
        }
        net.run_until_quiet();
        assert_eq!(net.fetched_at(&fetching), all(0..1, 4));
        assert_eq!(net.fetch_ranges(&fetching), [(RangeEnd::Unknown, at(1, 0))]);
        assert_eq!(net.fetch_end(&fetching), Some(End::Fin));
    }
}

/// C2: objects that came as datagrams are fetched, and say so at 16.
#[test]
fn datagrams_are_fetched() {
    for draft in [14, 16] {
        let mut net = Net::new();
        let track = net.track();
        let publisher = net.join(16);
        let publisher = net.publish(publisher, track);
        for object in 0..4 {
            net.datagram(&publisher, at(3, object), 200);
        }
        net.write_subgroup(&publisher, 3, 0, 4..6, 50);
        net.run_until_quiet();
        let client = net.join(draft);
        let fetching = net.fetch(client, track, at(3, 1), at(3, 0));
        net.run_until_quiet();
        let fetched = net.fetched(&fetching);
        assert_eq!(net.fetched_at(&fetching), all(3..4, 6)[1..]);
        for object in fetched {
            let id = object.at.object.0;
            let expected = match (id, draft) {
                (4.., _) => Some(0),
                (_, 14) => Some(id),
                _ => None,
            };
            assert_eq!(object.subgroup, expected);
        }
    }
}

/// C5: partly: a long range goes out piece by piece, also to a reader that pauses, and from another shard.
#[test]
fn a_long_range_goes_out_piece_by_piece() {
    for shard in [0, 1] {
        let mut net = Net::with(|scene| scene.shards = 2);
        let track = net.track();
        let publisher = net.join(16);
        let publisher = net.publish(publisher, track);
        for group in 0..3 {
            net.write_subgroup(&publisher, group, 0, 0..600, 1_500);
            net.run_until_quiet();
        }
        for descending in [false, true] {
            let client = net.join_on(16, Transport::Quic, shard);
            net.peer(client).reads = false;
            let fetching = net.fetch_with(client, track, at(0, 0), at(2, 0), |range| {
                range.descending = descending;
            });
            net.run_until_quiet();
            net.peer(client).reads = true;
            net.run_until_quiet();
            let mut seen = net.fetched_at(&fetching);
            seen.sort_unstable();
            assert_eq!(seen, all(0..3, 600), "{shard} {descending}");
            assert_eq!(net.fetch_end(&fetching), Some(End::Fin));
        }
    }
}

/// C11: a fetch that is cancelled, or whose stream is stopped, resets its stream.
#[test]
fn a_fetch_is_cancelled() {
    let mut net = Net::new();
    let track = net.track();
    let publisher = net.join(16);
    let publisher = net.publish(publisher, track);
    net.write_subgroup(&publisher, 0, 0, 0..400, 2_000);
    net.run_until_quiet();
    let client = net.join_narrow(16, 10_000);
    net.peer(client).reads = false;
    let fetching = net.fetch(client, track, at(0, 0), at(0, 0));
    net.run_until_quiet();
    let fetch = fetching.fetch;
    net.command(Command::CancelFetch { fetch });
    net.peer(client).reads = true;
    net.run_until_quiet();
    assert_eq!(net.fetch_end(&fetching), Some(End::Reset(0x1)));
    assert_eq!(
        net.fetch_done(&fetching),
        None,
        "who cancels is told nothing"
    );

    net.peer(client).reads = false;
    let fetching = net.fetch(client, track, at(0, 0), at(0, 0));
    net.run_until_quiet();
    let peer = net.peer(client);
    let stream = peer.unread_data().expect("the fetch has a stream");
    peer.carrier().expect("it stands").stop_sending(stream, 0x1);
    net.run_until_quiet();
    assert_eq!(net.fetch_done(&fetching), Some(false));
    assert!(net.relays[0].fetches.is_empty());
}

/// C10: partly: the engine's part: what came before a subscription joins what comes after, without a gap.
#[test]
fn a_fetch_joins_a_subscription_without_a_gap() {
    let (mut net, publisher, _) = cached((16, 16), 2);
    let writing = net.open(&publisher, 2, 0);
    for object in 0..3 {
        net.write(writing, object, payload(2, object, 10));
    }
    net.run_until_quiet();
    let client = net.join(16);
    let subscription = net.subscribe(client, publisher.track);
    let largest = subscription.largest.expect("something was published");
    let end = at(largest.group.0, largest.object.0 + 1);
    let fetching = net.fetch(client, publisher.track, at(1, 0), end);
    for object in 3..5 {
        net.write(writing, object, payload(2, object, 10));
    }
    net.finish(writing);
    net.run_until_quiet();
    let mut seen = net.fetched_at(&fetching);
    seen.extend(net.objects(&subscription));
    let mut expected = all(1..2, 4);
    expected.extend(all(2..3, 5));
    assert_eq!(seen, expected);
}

/// C4: a range that reaches the end of the track says so.
#[test]
fn a_fetch_to_the_end_of_the_track_says_so() {
    let (mut net, publisher, client) = cached((16, 16), 2);
    let writing = net.open(&publisher, 2, 0);
    net.write_with(writing, 0, Status::EndOfTrack, &[], 0, Vec::new());
    net.finish(writing);
    net.run_until_quiet();
    let whole = net.fetch(client, publisher.track, at(0, 0), at(2, 0));
    let part = net.fetch(client, publisher.track, at(0, 0), at(1, 0));
    assert_eq!((whole.end_of_track, part.end_of_track), (true, false));
}

/// C7: a fetch of a range whose objects were squeezed out ends, and marks them.
#[test]
fn a_fetch_of_what_was_squeezed_out_ends() {
    let mut net = Net::with(|scene| scene.limits.cache.bytes_per_scope = 400_000);
    let track = net.track();
    let publisher = net.join(16);
    let publisher = net.publish(publisher, track);
    let writing = net.open(&publisher, 0, 0);
    for object in 0..2_000 {
        net.write(writing, object, payload(0, object, 300));
        if object % 100 == 0 {
            net.run_until_quiet();
        }
    }
    net.run_until_quiet();
    let client = net.join(16);
    let fetching = net.fetch(client, track, at(0, 0), at(0, 0));
    net.run_until_quiet();
    let seen = net.fetched_at(&fetching);
    assert!(seen.len() > 100, "{}", seen.len());
    assert_eq!(seen.last(), Some(&at(0, 1_999)));
    assert_eq!(net.fetch_ranges(&fetching).len(), 1);
    assert_eq!(net.fetch_end(&fetching), Some(End::Fin));
}

//! Several publishers of one track.

use super::*;

/// P1: two publishers of one track are merged: each object is forwarded once.
#[test]
fn objects_of_two_publishers_arrive_once() {
    for drafts in PAIRS {
        let mut net = Net::new();
        let (first, subscription) = net.pair(drafts);
        let second = net.join(drafts.1);
        let second = net.publish(second, first.track);
        for group in 0..4 {
            net.write_group(&first, group, 5);
            net.write_group(&second, group, 5);
        }
        net.run_until_quiet();
        assert_eq!(net.in_order(&subscription), all(0..4, 5), "{drafts:?}");
        assert_eq!(net.ends(&subscription), [Some(End::Fin); 4]);
        assert_eq!(net.counters[0].duplicates.get(), 20);
    }
}

/// P1: a publisher that is so late that the cache has let the objects go repeats none of them.
#[test]
fn a_publisher_that_is_very_late_repeats_nothing() {
    let mut net = Net::with(|scene| scene.limits.cache.keep = Duration::from_secs(1));
    let (first, subscription) = net.pair((16, 16));
    let second = net.join(16);
    let second = net.publish(second, first.track);
    for group in 0..4 {
        net.write_group(&first, group, 3);
    }
    net.datagram(&first, at(4, 0), 10);
    net.seconds(5);
    assert_eq!(net.relays[0].store.bytes(), 0);
    for group in 0..4 {
        net.write_group(&second, group, 3);
    }
    net.datagram(&second, at(4, 0), 10);
    net.write_group(&second, 5, 1);
    net.run_until_quiet();
    let mut expected = all(0..4, 3);
    expected.extend([at(4, 0), at(5, 0)]);
    assert_eq!(net.in_order(&subscription), expected);
}

/// P1: when one vanishes in the middle of a subgroup, the other goes on where it stopped.
#[test]
fn another_publisher_goes_on_in_the_middle_of_a_subgroup() {
    for drafts in PAIRS {
        let mut net = Net::new();
        let (first, subscription) = net.pair(drafts);
        let second = net.join(drafts.1);
        let second = net.publish(second, first.track);
        let (one, two) = (net.open(&first, 0, 0), net.open(&second, 0, 0));
        for object in 0..3 {
            net.write(one, object, payload(0, object, 10));
            net.run_until_quiet();
            net.write(two, object, payload(0, object, 10));
            net.run_until_quiet();
        }
        let session = net.session(first.peer);
        net.command(Command::Close {
            session,
            code: 0,
            reason: String::new(),
        });
        net.run_until_quiet();
        for object in 3..6 {
            net.write(two, object, payload(0, object, 10));
        }
        net.finish(two);
        net.run_until_quiet();
        assert_eq!(net.objects(&subscription), all(0..1, 6), "{drafts:?}");
        // A stream has one draft's form.
        match drafts.0 == drafts.1 {
            true => assert_eq!(net.ends(&subscription), [Some(End::Fin)]),
            false => assert_eq!(net.ends(&subscription).last(), Some(&Some(End::Fin))),
        }
    }
}

/// P1: a reset of the one that was ahead does not end the subgroup while another brings it.
#[test]
fn another_publisher_goes_on_after_a_reset() {
    let mut net = Net::new();
    let (first, subscription) = net.pair((16, 16));
    let second = net.join(16);
    let second = net.publish(second, first.track);
    let one = net.open(&first, 0, 0);
    for object in 0..3 {
        net.write(one, object, payload(0, object, 10));
    }
    net.run_until_quiet();
    net.reset(one, 0);
    net.run_until_quiet();
    let two = net.open(&second, 0, 0);
    for object in 0..6 {
        net.write(two, object, payload(0, object, 10));
    }
    net.finish(two);
    net.run_until_quiet();
    assert_eq!(net.objects(&subscription), all(0..1, 6));
    assert_eq!(net.ends(&subscription), [Some(End::Fin)]);
}

/// O1: an object that its publisher left unfinished is whole when another brings it.
#[test]
fn another_publisher_repairs_an_object_that_was_cut() {
    for drafts in PAIRS {
        let mut net = Net::new();
        let (first, subscription) = net.pair(drafts);
        let second = net.join(drafts.1);
        let second = net.publish(second, first.track);
        let one = net.open(&first, 0, 0);
        net.write(one, 0, payload(0, 0, 10));
        let cut = payload(0, 1, 1_000)[..400].to_vec();
        net.write_with(one, 1, Status::Normal, &[], 1_000, cut);
        net.run_until_quiet();
        net.reset(one, 0);
        net.run_until_quiet();
        let two = net.open(&second, 0, 0);
        net.write(two, 0, payload(0, 0, 10));
        net.write(two, 1, payload(0, 1, 1_000));
        net.write(two, 2, payload(0, 2, 10));
        net.finish(two);
        net.run_until_quiet();
        let received = net.received(&subscription);
        let seen: Vec<Location> = received.iter().map(|object| object.at).collect();
        assert_eq!(seen, all(0..1, 3), "{drafts:?}");
        assert_eq!(received[1].payload, payload(0, 1, 1_000));
        let ends = net.ends(&subscription);
        assert_eq!(ends, [Some(End::Reset(0x1)), Some(End::Fin)]);
    }
}

/// O8: where a hand-over would hide an object, the stream is reset and a new one goes on.
#[test]
fn a_hand_over_hides_no_object() {
    let mut net = Net::new();
    let (first, subscription) = net.pair((16, 16));
    let second = net.join(16);
    let second = net.publish(second, first.track);
    let (one, two) = (net.open(&first, 0, 0), net.open(&second, 0, 0));
    net.write(one, 0, payload(0, 0, 10));
    net.run_until_quiet();
    // The second one is ahead; what only it has is lost with the first.
    for object in 0..4 {
        net.write(two, object, payload(0, object, 10));
    }
    net.run_until_quiet();
    net.reset(one, 0);
    net.run_until_quiet();
    net.write(two, 4, payload(0, 4, 10));
    net.finish(two);
    net.run_until_quiet();
    let streams = net.streams(&subscription);
    let ends: Vec<Option<End>> = streams.iter().map(|stream| stream.3).collect();
    let seen = net.objects(&subscription);
    assert_eq!(seen.last(), Some(&at(0, 4)));
    if seen.len() < 5 {
        assert_eq!(ends, [Some(End::Reset(0x1)), Some(End::Fin)]);
    }
}

/// P1: partly: with nobody to go on, the subgroup is reset when its last publisher has gone.
#[test]
fn without_another_publisher_the_subgroup_is_reset() {
    let mut net = Net::new();
    let (first, subscription) = net.pair((16, 16));
    let second = net.join(16);
    let second = net.publish(second, first.track);
    let one = net.open(&first, 0, 0);
    net.write(one, 0, payload(0, 0, 10));
    net.run_until_quiet();
    net.reset(one, 0);
    net.run_until_quiet();
    assert_eq!(net.ends(&subscription), [None], "another may go on with it");
    net.seconds(3);
    assert_eq!(net.ends(&subscription), [Some(End::Reset(0x1))]);
    net.command(Command::DetachSource {
        source: second.source,
    });
    net.write_group(&first, 1, 1);
    net.run_until_quiet();
    assert_eq!(net.objects(&subscription), [at(0, 0), at(1, 0)]);
}

/// O20: partly: a source that is done is told when all of its streams have come.
#[test]
fn an_ended_source_waits_for_its_streams() {
    let mut net = Net::new();
    let (publisher, subscription) = net.pair((16, 16));
    net.write_group(&publisher, 0, 2);
    net.run_until_quiet();
    let source = publisher.source;
    let deadline = Duration::from_secs(5);
    net.command(Command::EndSource {
        source,
        streams: Some(3),
        deadline,
    });
    let ended =
        |net: &mut Net| net.take(|event| matches!(event, Event::SourceEnded { .. }).then_some(()));
    let open = net.open(&publisher, 1, 0);
    net.write(open, 0, payload(1, 0, 10));
    net.write_group(&publisher, 2, 2);
    net.run_until_quiet();
    assert_eq!(ended(&mut net), None);
    net.finish(open);
    net.run_until_quiet();
    assert_eq!(ended(&mut net), Some(()));
    assert_eq!(net.objects(&subscription).len(), 5);
    assert_eq!(net.ends(&subscription), [Some(End::Fin); 3]);
}

/// O20: partly: nobody waits for streams that never come.
#[test]
fn an_ended_source_is_given_up_at_its_deadline() {
    let mut net = Net::new();
    let (publisher, subscription) = net.pair((16, 16));
    let open = net.open(&publisher, 0, 0);
    net.write(open, 0, payload(0, 0, 10));
    net.run_until_quiet();
    let source = publisher.source;
    let deadline = Duration::from_secs(2);
    net.command(Command::EndSource {
        source,
        streams: Some(1),
        deadline,
    });
    net.seconds(3);
    let ended = net.take(|event| matches!(event, Event::SourceEnded { .. }).then_some(()));
    assert_eq!(ended, Some(()));
    assert_eq!(net.ends(&subscription), [Some(End::Reset(0x1))]);
    assert_eq!(net.peer(publisher.peer).stopped.len(), 1);
}

/// S10: a publisher that has nothing to send is kept alive.
#[test]
fn an_idle_publisher_is_kept_alive() {
    let mut net = Net::new();
    let (publisher, _) = net.pair((16, 16));
    net.seconds(40);
    assert_eq!(net.peer(publisher.peer).closed, None);
}

/// O4: a publisher of another draft goes on, and its properties are read as that draft writes them.
#[test]
fn a_publisher_of_another_draft_goes_on() {
    for drafts in [(14, 16), (16, 14)] {
        let mut net = Net::new();
        let (first, near) = net.pair((drafts.0, drafts.0));
        let far = net.join(drafts.1);
        let far = net.subscribe(far, first.track);
        let second = net.join(drafts.1);
        let second = net.publish(second, first.track);
        let list = |draft| match draft {
            14 => [0x20, 5, 0x22, 7],
            _ => [0x20, 5, 0x02, 7],
        };
        let one = net.open_with(&first, 0, 0, |header| header.extensions = true);
        let two = net.open_with(&second, 0, 0, |header| header.extensions = true);
        for object in 0..6 {
            let bytes = payload(0, object, 10);
            if object < 3 {
                net.write_with(
                    one,
                    object,
                    Status::Normal,
                    &list(drafts.0),
                    10,
                    bytes.clone(),
                );
                net.run_until_quiet();
            }
            if object == 3 {
                net.reset(one, 0);
            }
            net.write_with(two, object, Status::Normal, &list(drafts.1), 10, bytes);
            net.run_until_quiet();
        }
        net.finish(two);
        net.run_until_quiet();
        for subscription in [near, far] {
            let received = net.received(&subscription);
            let seen: Vec<Location> = received.iter().map(|object| object.at).collect();
            assert_eq!(seen, all(0..1, 6), "{drafts:?}");
            for object in received {
                let number = |value: u64| value.to_be_bytes().to_vec();
                assert_eq!(object.properties, [(0x20, number(5)), (0x22, number(7))]);
            }
        }
    }
}

/// P1: who comes too late to go on with a subgroup begins it again where it stopped.
#[test]
fn a_publisher_that_is_late_begins_again_where_the_other_stopped() {
    let mut net = Net::new();
    let (first, subscription) = net.pair((16, 16));
    let second = net.join(16);
    let second = net.publish(second, first.track);
    let (one, two) = (net.open(&first, 0, 0), net.open(&second, 0, 0));
    for object in 0..2 {
        net.write(one, object, payload(0, object, 10));
    }
    net.run_until_quiet();
    net.write(two, 0, payload(0, 0, 10));
    net.reset(one, 0);
    net.seconds(5);
    for object in 1..4 {
        net.write(two, object, payload(0, object, 10));
    }
    net.finish(two);
    net.run_until_quiet();
    assert_eq!(net.objects(&subscription), all(0..1, 4));
    let ends = net.ends(&subscription);
    assert_eq!(ends, [Some(End::Reset(0x1)), Some(End::Fin)]);
}

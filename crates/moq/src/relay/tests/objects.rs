//! What happens to objects on their way.

use super::*;

/// O1: payloads arrive as they were; O2: with their ids, priority and subgroup; O7: in their order.
#[test]
fn objects_arrive_as_they_were_published() {
    for drafts in PAIRS {
        for transport in BOTH {
            let mut net = Net::new();
            let track = net.track();
            let publisher = net.join_on(drafts.0, transport, 0);
            let publisher = net.publish(publisher, track);
            let subscriber = net.join_on(drafts.1, transport, 0);
            let subscription = net.subscribe(subscriber, track);
            for group in [3, 4, 9] {
                let writing = net.open_with(&publisher, group, 7, |header| {
                    header.priority = Some(42);
                });
                for object in [0, 1, 5] {
                    net.write(writing, object, payload(group, object, 3000));
                }
                net.finish(writing);
                net.run_until_quiet();
            }
            let mut expected = Vec::new();
            for group in [3, 4, 9] {
                for object in [0, 1, 5] {
                    expected.push(Object {
                        at: at(group, object),
                        subgroup: Some(7),
                        priority: Some(42),
                        properties: Vec::new(),
                        status: Status::Normal,
                        payload: payload(group, object, 3000),
                    });
                }
            }
            assert_eq!(
                net.received(&subscription),
                expected,
                "{drafts:?} {transport:?}"
            );
            assert_eq!(net.ends(&subscription), [Some(End::Fin); 3]);
        }
    }
}

/// O21: a subscriber has what came of an object before the rest comes.
#[test]
fn an_object_is_forwarded_while_it_arrives() {
    let mut net = Net::new();
    let (publisher, subscription) = net.pair((16, 16));
    let writing = net.open(&publisher, 0, 0);
    net.write_with(writing, 0, Status::Normal, &[], 10_000, vec![1; 4_000]);
    net.run_until_quiet();
    let stream = net.peer(subscription.peer).streams.values().next();
    assert!(stream.is_some_and(|stream| stream.read > 4_000));
    assert_eq!(net.objects(&subscription), []);
    net.write_raw(writing, &[1; 6_000]);
    net.run_until_quiet();
    assert_eq!(net.objects(&subscription), [at(0, 0)]);
}

/// O10: a FIN follows everything before it; O9: a stream that its publisher gave up is reset.
#[test]
fn a_stream_ends_as_its_publisher_ended_it() {
    let mut net = Net::new();
    let (publisher, subscription) = net.pair((16, 16));
    let whole = net.open(&publisher, 0, 0);
    let cut = net.open(&publisher, 0, 1);
    for object in 0..40 {
        net.write(whole, object, payload(0, object, 5_000));
    }
    net.finish(whole);
    net.write(cut, 50, payload(0, 50, 100));
    net.run_until_quiet();
    net.reset(cut, 0);
    net.run_until_quiet();
    let streams = net.streams(&subscription);
    let ended = |id| {
        let stream = streams
            .iter()
            .find(|stream| stream.1 == SubgroupId::Explicit(id));
        stream.map(|(_, _, objects, end)| (*objects, *end))
    };
    assert_eq!(streams[0].1, SubgroupId::Zero);
    assert_eq!((streams[0].2, streams[0].3), (40, Some(End::Fin)));
    assert_eq!(ended(1), Some((1, Some(End::Reset(0x1)))));
}

/// O8: a subgroup that begins again goes out on a new stream, with what is new alone.
#[test]
fn a_subgroup_that_begins_again_goes_on_a_new_stream() {
    for drafts in PAIRS {
        let mut net = Net::new();
        let (publisher, subscription) = net.pair(drafts);
        let first = net.open(&publisher, 0, 3);
        for object in 0..3 {
            net.write(first, object, payload(0, object, 10));
        }
        net.run_until_quiet();
        net.reset(first, 0);
        net.run_until_quiet();
        let again = net.open(&publisher, 0, 3);
        for object in 1..6 {
            net.write(again, object, payload(0, object, 10));
        }
        net.finish(again);
        net.run_until_quiet();
        assert_eq!(net.objects(&subscription), all(0..1, 6), "{drafts:?}");
        let ends = net.ends(&subscription);
        assert_eq!(ends, [Some(End::Reset(0x1)), Some(End::Fin)]);
    }
}

/// O8: the same where the new stream overtakes the reset of the old one.
#[test]
fn a_subgroup_may_begin_again_before_its_reset_comes() {
    for whole in [false, true] {
        let mut net = Net::new();
        let (publisher, subscription) = net.pair((16, 16));
        let first = net.open(&publisher, 0, 3);
        net.write(first, 0, payload(0, 0, 10));
        let cut = if whole { 100 } else { 50 };
        net.write_with(
            first,
            1,
            Status::Normal,
            &[],
            100,
            payload(0, 1, 100)[..cut].to_vec(),
        );
        net.run_until_quiet();
        let again = net.open(&publisher, 0, 3);
        for object in 1..4 {
            net.write(again, object, payload(0, object, 100));
        }
        net.run_until_quiet();
        net.reset(first, 0);
        net.run_until_quiet();
        net.finish(again);
        net.run_until_quiet();
        assert_eq!(net.objects(&subscription), all(0..1, 4));
        let ends = net.ends(&subscription);
        match whole {
            true => assert_eq!(ends, [Some(End::Fin)]),
            false => assert_eq!(ends, [Some(End::Reset(0x1)), Some(End::Fin)]),
        }
    }
}

/// O11: who stopped a subgroup gets no more of it, however often its publisher begins it again.
#[test]
fn a_subgroup_that_was_stopped_is_not_begun_again() {
    let mut net = Net::with(|scene| scene.shards = 2);
    let track = net.track();
    let publisher = net.join(16);
    let publisher = net.publish(publisher, track);
    let subscriptions: Vec<Subscription> = [0, 1]
        .into_iter()
        .map(|shard| {
            let subscriber = net.join_on(16, Transport::Quic, shard);
            net.subscribe(subscriber, track)
        })
        .collect();
    let first = net.open(&publisher, 0, 0);
    net.write(first, 0, payload(0, 0, 10));
    net.run_until_quiet();
    for subscription in &subscriptions {
        let peer = net.peer(subscription.peer);
        let stream = *peer.streams.keys().next().expect("one stream came");
        let mut carrier = peer.carrier().expect("it stands");
        carrier.stop_sending(stream, 0x1);
    }
    net.run_until_quiet();
    for _ in 0..2 {
        net.reset(first, 0);
        net.run_until_quiet();
        let again = net.open(&publisher, 0, 0);
        for object in 0..3 {
            net.write(again, object, payload(0, object, 10));
        }
        net.run_until_quiet();
        net.reset(again, 0);
    }
    net.write_group(&publisher, 1, 1);
    net.run_until_quiet();
    for subscription in &subscriptions {
        assert_eq!(net.objects(subscription), [at(0, 0), at(1, 0)]);
    }
}

/// O11: who stopped a subgroup gets no more of it, and all of the others.
#[test]
fn a_subgroup_that_was_stopped_is_not_sent_again() {
    let mut net = Net::new();
    let (publisher, subscription) = net.pair((16, 16));
    let stopped = net.open(&publisher, 0, 0);
    let other = net.open(&publisher, 0, 1);
    net.write(stopped, 0, payload(0, 0, 10));
    net.run_until_quiet();
    net.write(other, 1, payload(0, 1, 10));
    net.run_until_quiet();
    let peer = net.peer(subscription.peer);
    let stream = *peer.streams.keys().next().expect("one stream came");
    peer.carrier().expect("it stands").stop_sending(stream, 0x1);
    net.run_until_quiet();
    net.write(stopped, 2, payload(0, 2, 10));
    net.write(other, 3, payload(0, 3, 10));
    net.finish(stopped);
    net.finish(other);
    net.write_group(&publisher, 1, 2);
    net.run_until_quiet();
    let seen = [at(0, 0), at(0, 1), at(0, 3), at(1, 0), at(1, 1)];
    assert_eq!(net.in_order(&subscription), seen);
}

/// O14: what a subscription still brings after its end is discarded, and its streams are stopped.
#[test]
fn objects_of_a_source_that_is_gone_are_discarded() {
    let mut net = Net::new();
    let (publisher, subscription) = net.pair((16, 16));
    let running = net.open(&publisher, 0, 0);
    net.write(running, 0, payload(0, 0, 10));
    net.run_until_quiet();
    let source = publisher.source;
    net.command(Command::DetachSource { source });
    net.write(running, 1, payload(0, 1, 10));
    net.datagram(&publisher, at(5, 0), 10);
    let late = net.open(&publisher, 1, 0);
    net.write(late, 0, payload(1, 0, 10));
    net.run_until_quiet();
    assert_eq!(net.objects(&subscription), [at(0, 0)]);
    let stopped: Vec<u64> = net
        .peer(publisher.peer)
        .stopped
        .iter()
        .map(|it| it.1)
        .collect();
    assert_eq!(stopped, [0x1, 0x1]);
    assert_eq!(net.ends(&subscription), [Some(End::Reset(0x1))]);
}

/// O15: one track has an alias of its own on every session.
#[test]
fn aliases_are_each_subscribers_own() {
    let mut net = Net::new();
    let (publisher, near) = net.pair((16, 16));
    let track = publisher.track;
    let far = net.join(16);
    let far = net.subscribe_with(far, track, |options| options.alias = publisher.alias);
    assert_ne!(near.alias, far.alias);
    net.write_group(&publisher, 0, 2);
    net.run_until_quiet();
    assert_eq!(net.objects(&near), all(0..1, 2));
    assert_eq!(net.objects(&far), all(0..1, 2));
}

/// O18: what waited longer than the delivery timeout is given up, and what is fresh is not.
#[test]
fn an_object_that_is_too_old_is_given_up() {
    let mut net = Net::new();
    let (publisher, _) = net.pair((16, 16));
    let slow = net.join_narrow(16, 2_000);
    let timeout = Some(Duration::from_millis(500));
    let slow = net.subscribe_with(slow, publisher.track, |options| {
        options.delivery_timeout = timeout;
    });
    net.peer(slow.peer).reads = false;
    net.write_subgroup(&publisher, 0, 0, 0..1, 1_500);
    net.run_until_quiet();
    net.write_subgroup(&publisher, 1, 0, 0..2, 1_500);
    net.seconds(1);
    net.write_subgroup(&publisher, 2, 0, 0..1, 100);
    net.peer(slow.peer).reads = true;
    net.run_until_quiet();
    let seen = net.objects(&slow);
    assert!(
        seen.contains(&at(0, 0)) && seen.contains(&at(2, 0)),
        "{seen:?}"
    );
    assert!(!seen.contains(&at(1, 1)), "{seen:?}");
    let ends = net.ends(&slow);
    assert!(ends.contains(&Some(End::Reset(0x2))), "{ends:?}");
}

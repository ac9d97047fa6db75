//! Subscribers that do not keep up, and what is sent first when there is little room.

use super::*;

/// A track with a publisher, and a subscriber that takes `window` bytes ahead of its reading.
fn narrow(window: u32) -> (Net, Publisher, PeerId) {
    let mut net = Net::new();
    let track = net.track();
    let publisher = net.join(16);
    let publisher = net.publish(publisher, track);
    let subscriber = net.join_narrow(16, window);
    net.peer(subscriber).reads = false;
    (net, publisher, subscriber)
}

/// What objects have in common, in the order in which all of it had come: two streams may share a
/// flight of packets.
fn completed(numbers: impl DoubleEndedIterator<Item = u64>) -> Vec<u64> {
    let mut order = Vec::new();
    for number in numbers.rev() {
        if !order.contains(&number) {
            order.insert(0, number);
        }
    }
    order
}

/// B15, O7: partly: with room for all, what had to wait arrives whole and in order.
#[test]
fn what_had_to_wait_arrives() {
    let (mut net, publisher, subscriber) = narrow(4_000);
    let subscription = net.subscribe(subscriber, publisher.track);
    for group in 0..20 {
        net.write_group(&publisher, group, 20);
        net.run_until_quiet();
    }
    net.peer(subscriber).reads = true;
    net.run_until_quiet();
    assert_eq!(net.in_order(&subscription), all(0..20, 20));
    assert!(
        net.ends(&subscription)
            .iter()
            .all(|end| *end == Some(End::Fin))
    );
}

/// B9: partly: subscriber priority comes first: the request with the lower number is served first.
#[test]
fn a_more_wanted_request_is_served_first() {
    let (mut net, publisher, subscriber) = narrow(2_000);
    let (second, third) = (net.track(), net.track());
    let tracks = [publisher.track, second, third];
    let publishers = tracks.map(|track| net.publish(publisher.peer, track));
    let subscriptions: Vec<Subscription> = [200, 10, 100]
        .into_iter()
        .zip(tracks)
        .map(|(priority, track)| {
            net.subscribe_with(subscriber, track, |options| options.priority = priority)
        })
        .collect();
    // The first takes all room that there is.
    net.write_subgroup(&publishers[0], 0, 0, 0..30, 1_000);
    net.run_until_quiet();
    for publisher in &publishers {
        net.write_subgroup(publisher, 1, 0, 0..30, 1_000);
    }
    net.run_until_quiet();
    net.peer(subscriber).reads = true;
    net.run_until_quiet();
    let order: Vec<u64> = net.order_of(subscriber, &subscriptions);
    assert_eq!(completed(order.iter().copied()), [1, 2, 0]);
    assert_eq!(order.len(), 120);
}

/// B23: partly: a new priority counts for what already waits.
#[test]
fn a_new_priority_counts_for_what_waits() {
    let (mut net, publisher, subscriber) = narrow(2_000);
    let second = net.track();
    let publishers = [publisher, net.publish(publisher.peer, second)];
    let subscriptions = publishers.map(|publisher| net.subscribe(subscriber, publisher.track));
    for group in 0..12 {
        for publisher in &publishers {
            net.write_subgroup(publisher, group, 0, 0..2, 1_000);
            net.run(Duration::from_millis(50));
        }
    }
    for (subscription, priority) in subscriptions.iter().zip([200, 50]) {
        net.update(subscription, |change| change.priority = Some(priority));
    }
    net.peer(subscriber).reads = true;
    net.run_until_quiet();
    let order = net.order_of(subscriber, &subscriptions);
    assert_eq!(order.len(), 48);
    // What the less wanted one had sent before it was the less wanted one.
    let last = order
        .iter()
        .rposition(|which| *which == 1)
        .expect("it came");
    assert!(last + 1 - 24 <= 3, "{order:?}");
}

/// O2: partly: publisher priority decides within a request and between equal ones.
#[test]
fn a_more_important_subgroup_is_served_first() {
    let (mut net, publisher, subscriber) = narrow(2_000);
    let subscription = net.subscribe(subscriber, publisher.track);
    net.write_subgroup(&publisher, 0, 0, 0..3, 1_000);
    net.run_until_quiet();
    for (subgroup, priority) in [(1, 200), (2, 50), (3, 100)] {
        let writing = net.open_with(&publisher, 1, subgroup, |header| {
            header.priority = Some(priority);
        });
        for object in 0..10 {
            let object = subgroup * 100 + object;
            net.write(writing, object, payload(1, object, 1_000));
        }
        net.finish(writing);
    }
    net.run_until_quiet();
    net.peer(subscriber).reads = true;
    net.run_until_quiet();
    let received = net.received(&subscription);
    let order = completed(received.iter().filter_map(|it| it.subgroup));
    assert_eq!(order, [2, 3, 0, 1]);
}

/// B9: partly: groups are sent in the order that the subscription asked for.
#[test]
fn groups_are_sent_in_the_order_that_was_asked_for() {
    for descending in [false, true] {
        let (mut net, publisher, subscriber) = narrow(2_000);
        let subscription = net.subscribe_with(subscriber, publisher.track, |options| {
            options.descending = descending;
        });
        net.write_subgroup(&publisher, 0, 0, 0..4, 1_000);
        net.run_until_quiet();
        for group in [3, 1, 2, 4] {
            net.write_subgroup(&publisher, group, 0, 0..5, 1_000);
            net.run_until_quiet();
        }
        net.peer(subscriber).reads = true;
        net.run_until_quiet();
        let order = completed(net.objects(&subscription).iter().map(|it| it.group.0));
        let expected = match descending {
            true => [4, 3, 2, 1, 0],
            false => [0, 1, 2, 3, 4],
        };
        assert_eq!(order, expected);
    }
}

/// O7: partly: within a group the lowest subgroup goes first.
#[test]
fn the_lowest_subgroup_of_a_group_is_sent_first() {
    let (mut net, publisher, subscriber) = narrow(2_000);
    let subscription = net.subscribe(subscriber, publisher.track);
    net.write_subgroup(&publisher, 0, 0, 0..4, 1_000);
    net.run_until_quiet();
    for subgroup in [3, 1, 2] {
        net.write_subgroup(
            &publisher,
            1,
            subgroup,
            subgroup * 10..subgroup * 10 + 5,
            1_000,
        );
        net.run_until_quiet();
    }
    net.peer(subscriber).reads = true;
    net.run_until_quiet();
    let received = net.received(&subscription);
    let order = completed(received.iter().filter_map(|it| it.subgroup));
    assert_eq!(order, [0, 1, 2, 3]);
}

/// B9: partly: requests of equal priority share what room there is.
#[test]
fn equal_requests_share() {
    let (mut net, publisher, subscriber) = narrow(8_000);
    let second = net.track();
    let tracks = [publisher.track, second];
    let publishers = [publisher, net.publish(publisher.peer, second)];
    let subscriptions: Vec<Subscription> = tracks
        .into_iter()
        .map(|track| net.subscribe(subscriber, track))
        .collect();
    // The first has much more to send, and sent it first.
    for group in 0..12 {
        net.write_subgroup(&publishers[0], group, 0, 0..10, 1_000);
        net.run_until_quiet();
    }
    for group in 0..3 {
        net.write_subgroup(&publishers[1], group, 0, 0..10, 1_000);
        net.run_until_quiet();
    }
    net.peer(subscriber).reads = true;
    net.run_until_quiet();
    let order = net.order_of(subscriber, &subscriptions);
    assert_eq!(order.len(), 150);
    let last = order.iter().rposition(|it| *it == 1);
    assert!(last < Some(100), "{last:?} {order:?}");
}

/// S7: control overtakes data that waits: a reply comes while data has no room at all.
#[test]
fn control_overtakes_data_that_waits() {
    for transport in BOTH {
        let mut net = Net::new();
        let track = net.track();
        let publisher = net.join(16);
        let publisher = net.publish(publisher, track);
        let subscriber = net.join_on(16, transport, 0);
        net.peer(subscriber).reads = false;
        net.subscribe(subscriber, track);
        net.run_until_quiet();
        // More than a send window of data that is not acknowledged.
        net.peer(subscriber).cut = true;
        for group in 0..3 {
            net.write_subgroup(&publisher, group, 0, 0..100, 1_000);
        }
        net.run(Duration::from_millis(100));
        let (session, stream) = (net.session(subscriber), net.control(subscriber));
        let data = Bytes::from_static(b"REPLY");
        net.command(Command::Send {
            session,
            stream,
            data,
            fin: false,
        });
        net.peer(subscriber).cut = false;
        net.until("the reply comes", |net| {
            let said = &net.peer(subscriber).control_bytes;
            said.ends_with(b"REPLY").then_some(())
        });
        let read = net.peer(subscriber).carrier().is_some();
        assert!(read);
    }
}

/// O19: who does not read loses the oldest groups, and after a while the subscription.
#[test]
fn a_subscriber_that_never_reads_is_given_up() {
    let mut net = Net::new();
    let (publisher, other) = net.pair((16, 16));
    let stalled = net.join(16);
    let subscription = net.subscribe(stalled, publisher.track);
    net.peer(stalled).reads = false;
    let mut ended = None;
    for group in 0..100 {
        net.write_subgroup(&publisher, group, 0, 0..10, 10_000);
        net.run(Duration::from_millis(100));
        let queued: Vec<u64> = net.relays[0]
            .sessions
            .iter()
            .map(|(_, it)| it.queued)
            .collect();
        assert!(queued.iter().all(|it| *it <= 500_000), "{queued:?}");
        let drained = net.take(|event| match event {
            Event::SinkDrained { reason, .. } => Some(*reason),
            _ => None,
        });
        ended = ended.or(drained);
    }
    assert_eq!(ended, Some(DrainReason::TooFarBehind));
    assert!(net.counters[0].streams_dropped.get() > 10);
    assert_eq!(net.in_order(&other), all(0..100, 10));
    assert!(net.ends(&other).iter().all(|end| *end == Some(End::Fin)));
    // What it had room for is whole or reset, and what it lost are the older groups.
    net.peer(stalled).reads = true;
    net.run_until_quiet();
    for (_, _, objects, end) in net.streams(&subscription) {
        assert_eq!(end == Some(End::Fin), objects == 10);
        assert!(end.is_some());
    }
}

/// O19: partly: who was behind and reads again goes on with the newest groups.
#[test]
fn a_subscriber_that_catches_up_goes_on() {
    let mut net = Net::new();
    let (publisher, _) = net.pair((16, 16));
    let slow = net.join_narrow(16, 50_000);
    let subscription = net.subscribe(slow, publisher.track);
    net.peer(slow).reads = false;
    for group in 0..20 {
        net.write_subgroup(&publisher, group, 0, 0..10, 10_000);
        net.run(Duration::from_millis(100));
    }
    net.peer(slow).reads = true;
    for group in 20..30 {
        net.write_subgroup(&publisher, group, 0, 0..10, 10_000);
        net.run(Duration::from_millis(100));
    }
    net.run_until_quiet();
    let seen = net.in_order(&subscription);
    assert_eq!(seen[seen.len() - 100..], all(20..30, 10));
    let mut once = seen.clone();
    once.dedup();
    assert_eq!(seen, once);
    assert_eq!(net.counters[0].too_far_behind.get(), 0);
}

/// O19: partly: one subgroup without end: who stalls loses its middle, and goes on with what is new.
#[test]
fn a_stalled_subscriber_of_an_endless_subgroup_goes_on() {
    for drafts in [(16, 16), (14, 16)] {
        let mut net = Net::with(|scene| scene.limits.cache.bytes_per_scope = 4 << 20);
        let (publisher, other) = net.pair((drafts.0, drafts.0));
        let slow = net.join_on(drafts.1, Transport::Quic, 0);
        let slow = net.subscribe(slow, publisher.track);
        net.peer(slow.peer).reads = false;
        let writing = net.open_with(&publisher, 0, 0, |header| header.extensions = true);
        let mut object = 0;
        let mut say = |net: &mut Net, count: u64| {
            for _ in 0..count {
                let bytes = payload(0, object, 5_000);
                net.write_with(writing, object, Status::Normal, &[], 5_000, bytes);
                object += 1;
                net.run(Duration::from_millis(2));
            }
        };
        say(&mut net, 1_500);
        assert!(net.relays[0].store.bytes() < 5 << 20);
        net.peer(slow.peer).reads = true;
        say(&mut net, 100);
        net.finish(writing);
        net.run_until_quiet();
        assert_eq!(net.objects(&other), all(0..1, 1_600));
        let seen = net.in_order(&slow);
        assert_eq!(seen.last(), Some(&at(0, 1_599)), "{drafts:?}");
        let mut once = seen.clone();
        once.dedup();
        assert_eq!(seen, once);
        for object in net.received(&slow) {
            assert_eq!(object.payload, payload(0, object.at.object.0, 5_000));
        }
        assert_eq!(net.ends(&slow).last(), Some(&Some(End::Fin)));
    }
}

/// O21: partly: an object that is larger than the cache passes through in bounded memory.
#[test]
fn a_giant_object_passes_in_bounded_memory() {
    let size: usize = match std::env::var("TIDEGATE_TEST_GIANT") {
        Ok(size) => size.parse().expect("a number of bytes"),
        Err(_) => 24 << 20,
    };
    let mut net = Net::with(|scene| scene.limits.cache.bytes_per_scope = 4 << 20);
    let (publisher, reader) = net.pair((16, 16));
    let stalled = net.join(16);
    let stalled = net.subscribe(stalled, publisher.track);
    net.peer(stalled.peer).reads = false;
    net.peer(reader.peer).keeps = false;
    let writing = net.open(&publisher, 0, 0);
    net.write_with(writing, 0, Status::Normal, &[], size, Vec::new());
    for _ in 0..size / (64 << 10) {
        net.write_raw(writing, &[7; 64 << 10]);
        net.until("it is written", |net| {
            let out = &net.peer(publisher.peer).out[&writing.stream];
            out.queue.is_empty().then_some(())
        });
        assert!(net.relays[0].store.bytes() < 2 << 20);
    }
    net.finish(writing);
    net.run_until_quiet();
    let stream = net.peer(reader.peer).streams.values().next();
    let stream = stream.expect("one stream came");
    assert_eq!(stream.end, Some(End::Fin));
    assert!(stream.read as usize > size && (stream.read as usize) < size + 100);
    // Who stalled gets what comes next, where it did not stall for too long.
    net.peer(stalled.peer).reads = true;
    let stalled = match net.take(|event| matches!(event, Event::SinkDrained { .. }).then_some(())) {
        Some(()) => net.subscribe(stalled.peer, publisher.track),
        None => stalled,
    };
    net.write_group(&publisher, 1, 2);
    net.run_until_quiet();
    assert_eq!(net.objects(&stalled), all(1..2, 2));
    // And a subscriber of another draft may come in the middle of one.
    let writing = net.open_with(&publisher, 2, 0, |header| header.extensions = true);
    net.write_with(writing, 0, Status::Normal, &[], 3 << 20, vec![7; 3 << 20]);
    net.until("it is written", |net| {
        let out = &net.peer(publisher.peer).out[&writing.stream];
        out.queue.is_empty().then_some(())
    });
    net.run_until_quiet();
    let late = net.join(14);
    let late = net.subscribe_with(late, publisher.track, |options| {
        options.start = Start::Absolute(at(0, 0));
    });
    net.write(writing, 1, payload(2, 1, 10));
    net.finish(writing);
    net.run_until_quiet();
    assert_eq!(net.objects(&late), [at(2, 1)]);
}

/// S8: a session without stream credit keeps its order: streams open as others close.
#[test]
fn streams_wait_for_credit() {
    let mut net = Net::new();
    let track = net.track();
    let publisher = net.join(16);
    let publisher = net.publish(publisher, track);
    let few = Config {
        uni_streams: 3,
        ..Config::default()
    };
    let subscriber = net.dial(16, Transport::Quic, 0, few);
    net.greet(subscriber);
    let subscription = net.subscribe(subscriber, track);
    for group in 0..50 {
        net.write_group(&publisher, group, 2);
    }
    net.run_until_quiet();
    assert_eq!(net.in_order(&subscription), all(0..50, 2));
}

/// O11: partly: who stops many waiting streams still gets the next ones.
#[test]
fn stopping_what_waits_leaves_nothing_stuck() {
    let (mut net, publisher, subscriber) = narrow(2_000);
    let subscription = net.subscribe(subscriber, publisher.track);
    for group in 0..12 {
        net.write_subgroup(&publisher, group, 0, 0..2, 1_500);
        net.run_until_quiet();
    }
    let sink = subscription.sink;
    net.command(Command::DetachSink { sink });
    let again = net.subscribe(subscriber, publisher.track);
    for group in 12..24 {
        net.write_subgroup(&publisher, group, 0, 0..2, 1_500);
        net.run_until_quiet();
    }
    net.peer(subscriber).reads = true;
    net.run_until_quiet();
    assert_eq!(net.in_order(&again), all(12..24, 2));
    assert!(net.relays[0].sessions.iter().all(|(_, it)| it.queued == 0));
}

/// O11: partly: the same where the subscription goes on without those groups.
#[test]
fn narrowing_away_what_waits_leaves_nothing_stuck() {
    let (mut net, publisher, subscriber) = narrow(2_000);
    let subscription = net.subscribe(subscriber, publisher.track);
    for group in 0..24 {
        net.write_subgroup(&publisher, group, 0, 0..2, 1_500);
        net.run_until_quiet();
    }
    net.update(&subscription, |change| change.start = Some(at(20, 0)));
    net.run_until_quiet();
    for group in 24..30 {
        net.write_subgroup(&publisher, group, 0, 0..2, 1_500);
        net.run_until_quiet();
    }
    net.peer(subscriber).reads = true;
    net.run_until_quiet();
    let seen = net.in_order(&subscription);
    assert_eq!(seen[seen.len() - 20..], all(20..30, 2));
    assert!(net.relays[0].sessions.iter().all(|(_, it)| it.queued == 0));
}

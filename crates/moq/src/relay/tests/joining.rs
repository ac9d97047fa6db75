//! Where a subscription starts and ends.

use super::*;

/// A publisher that has sent two groups and begun a third.
fn running(net: &mut Net) -> (Publisher, Writing) {
    let track = net.track();
    let publisher = net.join(16);
    let publisher = net.publish(publisher, track);
    net.write_group(&publisher, 0, 4);
    net.write_group(&publisher, 1, 4);
    net.run_until_quiet();
    let writing = net.open(&publisher, 2, 0);
    for object in 0..2 {
        net.write(writing, object, payload(2, object, 10));
    }
    net.run_until_quiet();
    (publisher, writing)
}

fn go_on(net: &mut Net, publisher: &Publisher, writing: Writing) {
    for object in 2..4 {
        net.write(writing, object, payload(2, object, 10));
    }
    net.finish(writing);
    net.write_group(publisher, 3, 4);
    net.run_until_quiet();
    net.write_group(publisher, 4, 4);
    net.run_until_quiet();
}

/// B15: each filter gives what it says, and nothing outside of it.
#[test]
fn a_filter_says_where_a_subscription_starts() {
    let from = |group, object| {
        let objects = all(0..5, 4);
        let first = objects.iter().position(|it| *it == at(group, object));
        objects[first.expect("it is one of them")..].to_vec()
    };
    let cases = [
        (Start::Largest, None, from(2, 2)),
        (Start::NextGroup, None, from(3, 0)),
        (Start::Absolute(at(3, 2)), None, from(3, 2)),
        (Start::Absolute(at(2, 3)), None, from(2, 3)),
        (Start::Absolute(at(3, 1)), Some(3), from(3, 1)[..3].to_vec()),
        // Of the past, the group that is current.
        (Start::Absolute(at(0, 0)), None, from(2, 0)),
        (Start::Absolute(at(1, 3)), Some(2), from(2, 0)[..4].to_vec()),
    ];
    for (start, end_group, expected) in cases {
        let mut net = Net::new();
        let (publisher, writing) = running(&mut net);
        let subscriber = net.join(16);
        let subscription = net.subscribe_with(subscriber, publisher.track, |options| {
            options.start = start;
            options.end_group = end_group;
        });
        assert_eq!(subscription.largest, Some(at(2, 1)));
        go_on(&mut net, &publisher, writing);
        let seen = net.in_order(&subscription);
        assert_eq!(seen, expected, "{start:?} {end_group:?}");
    }
}

/// B15: the past's current group comes whole, subgroups that are finished too.
#[test]
fn joining_from_the_past_brings_all_of_the_current_group() {
    let mut net = Net::new();
    let (publisher, writing) = running(&mut net);
    net.write_subgroup(&publisher, 2, 1, 10..12, 10);
    net.run_until_quiet();
    let subscriber = net.join(14);
    let subscription = net.subscribe_with(subscriber, publisher.track, |options| {
        options.start = Start::Absolute(at(1, 50));
    });
    net.finish(writing);
    net.run_until_quiet();
    let seen = net.in_order(&subscription);
    assert_eq!(seen, [at(2, 0), at(2, 1), at(2, 10), at(2, 11)]);
}

/// B15: a range that is over is told at once.
#[test]
fn a_range_of_the_past_is_invalid() {
    let mut net = Net::new();
    let (publisher, _) = running(&mut net);
    let subscriber = net.join(16);
    let (subscription, valid) = net.attach(subscriber, publisher.track, |options| {
        options.start = Start::Absolute(at(0, 0));
        options.end_group = Some(1);
    });
    assert_eq!((subscription.largest, valid), (Some(at(2, 1)), false));
    // The sink is gone: nothing comes of starting it.
    net.start(&subscription);
    net.run_until_quiet();
    assert!(net.relays[0].sinks.is_empty());
}

/// O20: partly: a range that has passed ends with its count of streams, once they are closed.
#[test]
fn a_subscription_ends_with_its_range() {
    let mut net = Net::new();
    let (publisher, writing) = running(&mut net);
    let subscriber = net.join(16);
    let subscription = net.subscribe_with(subscriber, publisher.track, |options| {
        options.end_group = Some(3);
    });
    go_on(&mut net, &publisher, writing);
    assert_eq!(net.drained(&subscription), (2, DrainReason::Range));
    assert_eq!(net.ends(&subscription), [Some(End::Fin); 2]);
}

/// B15: nothing is sent before the reply, and then nothing of what came meanwhile is missing.
#[test]
fn what_comes_before_the_reply_waits_for_it() {
    let mut net = Net::new();
    let (publisher, writing) = running(&mut net);
    let subscriber = net.join(16);
    let (subscription, _) = net.attach(subscriber, publisher.track, |_| {});
    go_on(&mut net, &publisher, writing);
    assert_eq!(net.objects(&subscription), []);
    assert_eq!(net.peer(subscriber).control_bytes, b"");
    net.start(&subscription);
    net.run_until_quiet();
    assert_eq!(net.peer(subscriber).control_bytes, b"OK");
    let seen = net.in_order(&subscription);
    assert_eq!(seen, all(2..5, 4)[2..]);
}

/// B13: nothing published, nothing is told; what the publisher announces counts.
#[test]
fn the_largest_location_is_the_larger_of_told_and_received() {
    let mut net = Net::new();
    let track = net.track();
    let publisher = net.join(16);
    let publisher = net.publish(publisher, track);
    let subscriber = net.join(16);
    assert_eq!(net.subscribe(subscriber, track).largest, None);
    for (told, expected) in [(at(5, 3), at(5, 3)), (at(4, 9), at(5, 3))] {
        net.command(Command::UpdateTrack {
            track,
            priority: None,
            max_cache: None,
            largest: Some(told),
        });
        let subscriber = net.join(16);
        assert_eq!(net.subscribe(subscriber, track).largest, Some(expected));
    }
    net.write_group(&publisher, 6, 1);
    net.run_until_quiet();
    let subscriber = net.join(16);
    assert_eq!(net.subscribe(subscriber, track).largest, Some(at(6, 0)));
    net.command(Command::QueryTrack { track, query: 77 });
    net.settle();
    let told = net.take(|event| match event {
        Event::TrackState {
            query: 77, largest, ..
        } => Some(*largest),
        _ => None,
    });
    assert_eq!(told, Some(Some(at(6, 0))));
}

/// B17: partly: the engine says when a group is reached, at once where it is already.
#[test]
fn a_watched_group_is_told_once() {
    let mut net = Net::new();
    let (publisher, _) = running(&mut net);
    let track = publisher.track;
    let reached = |net: &mut Net| {
        net.take(|event| match event {
            Event::GroupReached { group, .. } => Some(*group),
            _ => None,
        })
    };
    net.command(Command::WatchGroup { track, group: 2 });
    net.settle();
    assert_eq!(reached(&mut net), Some(2));
    net.command(Command::WatchGroup { track, group: 4 });
    net.write_group(&publisher, 3, 1);
    net.run_until_quiet();
    assert_eq!(reached(&mut net), None);
    net.write_group(&publisher, 6, 1);
    net.write_group(&publisher, 7, 1);
    net.run_until_quiet();
    assert!(reached(&mut net) >= Some(6));
    assert_eq!(reached(&mut net), None);
}

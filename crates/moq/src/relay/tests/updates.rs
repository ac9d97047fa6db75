//! Subscriptions that change.

use super::*;

/// O9: Forward = 0 resets what runs; with 1 again, what is published from then on comes.
#[test]
fn a_subscription_pauses_and_goes_on() {
    let mut net = Net::new();
    let (publisher, subscription) = net.pair((16, 16));
    net.write_group(&publisher, 0, 2);
    let writing = net.open(&publisher, 1, 0);
    net.write(writing, 0, payload(1, 0, 10));
    net.run_until_quiet();
    net.update(&subscription, |change| change.forward = Some(false));
    net.write(writing, 1, payload(1, 1, 10));
    net.write_group(&publisher, 2, 2);
    net.run_until_quiet();
    let running = net.open(&publisher, 3, 0);
    net.write(running, 0, payload(3, 0, 10));
    net.run_until_quiet();
    net.update(&subscription, |change| change.forward = Some(true));
    net.write(running, 1, payload(3, 1, 10));
    net.finish(running);
    net.finish(writing);
    net.write_group(&publisher, 4, 2);
    net.run_until_quiet();
    let seen = net.in_order(&subscription);
    let expected = [at(0, 0), at(0, 1), at(1, 0), at(3, 1), at(4, 0), at(4, 1)];
    assert_eq!(seen, expected);
    let ends = net.ends(&subscription);
    let (fin, reset) = (Some(End::Fin), Some(End::Reset(0x1)));
    assert_eq!(ends, [fin, reset, fin, fin]);
}

/// B15: a subscription that begins without forwarding starts with what comes after Forward = 1.
#[test]
fn a_subscription_may_begin_paused() {
    let mut net = Net::new();
    let (publisher, _) = net.pair((16, 16));
    let subscriber = net.join(16);
    let subscription = net.subscribe_with(subscriber, publisher.track, |options| {
        options.forward = false;
    });
    net.write_group(&publisher, 0, 3);
    net.run_until_quiet();
    assert_eq!(net.objects(&subscription), []);
    net.update(&subscription, |change| change.forward = Some(true));
    net.write_group(&publisher, 1, 3);
    net.run_until_quiet();
    assert_eq!(net.objects(&subscription), all(1..2, 3));
}

/// O9: a narrower range resets the streams outside of it, and leaves those inside alone.
#[test]
fn a_narrower_range_resets_what_lies_outside() {
    let mut net = Net::new();
    let (publisher, subscription) = net.pair((16, 16));
    let inside = net.open(&publisher, 4, 0);
    let outside = net.open(&publisher, 6, 0);
    for (writing, group) in [(inside, 4), (outside, 6)] {
        net.write(writing, 0, payload(group, 0, 10));
    }
    net.run_until_quiet();
    net.update(&subscription, |change| change.end_group = Some(Some(5)));
    for (writing, group) in [(inside, 4), (outside, 6)] {
        net.write(writing, 1, payload(group, 1, 10));
        net.finish(writing);
    }
    net.run_until_quiet();
    let seen = net.in_order(&subscription);
    assert_eq!(seen, [at(4, 0), at(4, 1), at(6, 0)]);
    let mut streams = net.streams(&subscription);
    streams.sort_unstable_by_key(|stream| stream.0);
    assert_eq!(streams[0].3, Some(End::Fin));
    assert_eq!(streams[1].3, Some(End::Reset(0x1)));
    assert_eq!(net.drained(&subscription).1, DrainReason::Range);
}

/// B15: a later start skips what lies before it of a subgroup that has not begun.
#[test]
fn a_later_start_skips_what_lies_before_it() {
    let mut net = Net::new();
    let (publisher, _) = net.pair((16, 16));
    let subscriber = net.join(16);
    let (subscription, _) = net.attach(subscriber, publisher.track, |_| {});
    let writing = net.open(&publisher, 2, 0);
    for object in 0..4 {
        net.write(writing, object, payload(2, object, 10));
    }
    net.run_until_quiet();
    net.update(&subscription, |change| change.start = Some(at(2, 2)));
    net.start(&subscription);
    net.write(writing, 4, payload(2, 4, 10));
    net.finish(writing);
    net.run_until_quiet();
    assert_eq!(net.objects(&subscription), [at(2, 2), at(2, 3), at(2, 4)]);
}

/// B15: a wider range takes in the subgroups that already run, from their next object on.
#[test]
fn a_wider_range_joins_what_runs() {
    let mut net = Net::new();
    let (publisher, _) = net.pair((16, 16));
    let subscriber = net.join(16);
    let subscription = net.subscribe_with(subscriber, publisher.track, |options| {
        options.end_group = Some(1);
    });
    net.write_group(&publisher, 0, 2);
    let writing = net.open(&publisher, 2, 0);
    net.write(writing, 0, payload(2, 0, 10));
    net.run_until_quiet();
    net.update(&subscription, |change| change.end_group = Some(None));
    net.run_until_quiet();
    net.write(writing, 1, payload(2, 1, 10));
    net.finish(writing);
    net.write_group(&publisher, 3, 1);
    net.run_until_quiet();
    let seen = [at(0, 0), at(0, 1), at(2, 1), at(3, 0)];
    assert_eq!(net.in_order(&subscription), seen);
}

/// O20: partly: a subscription that has ended takes no new subgroup, and drains with its count.
#[test]
fn an_ended_subscription_drains() {
    let mut net = Net::new();
    let (publisher, subscription) = net.pair((16, 16));
    net.write_group(&publisher, 0, 2);
    let writing = net.open(&publisher, 1, 0);
    net.write(writing, 0, payload(1, 0, 10));
    net.run_until_quiet();
    let sink = subscription.sink;
    net.command(Command::EndSink { sink });
    net.write_group(&publisher, 2, 2);
    net.run_until_quiet();
    net.write(writing, 1, payload(1, 1, 10));
    net.finish(writing);
    assert_eq!(net.drained(&subscription), (2, DrainReason::Ended));
    net.run_until_quiet();
    let seen = [at(0, 0), at(0, 1), at(1, 0), at(1, 1)];
    assert_eq!(net.objects(&subscription), seen);
}

/// O20: partly: what an ended subscription cannot deliver in time is reset, and counted.
#[test]
fn an_ended_subscription_does_not_wait_for_ever() {
    let mut net = Net::new();
    let (publisher, subscription) = net.pair((16, 16));
    let writing = net.open(&publisher, 0, 0);
    net.write(writing, 0, payload(0, 0, 10));
    net.run_until_quiet();
    let sink = subscription.sink;
    net.command(Command::EndSink { sink });
    let before = net.now;
    assert_eq!(net.drained(&subscription), (1, DrainReason::Ended));
    assert!(net.now - before < Duration::from_secs(6));
    net.run_until_quiet();
    assert_eq!(net.ends(&subscription), [Some(End::Reset(0x1))]);
}

/// O9: a subscriber that leaves gets its streams reset, and nothing after that.
#[test]
fn a_subscriber_that_leaves_gets_no_more() {
    let mut net = Net::new();
    let (publisher, subscription) = net.pair((16, 16));
    let writing = net.open(&publisher, 0, 0);
    net.write(writing, 0, payload(0, 0, 10));
    net.run_until_quiet();
    let sink = subscription.sink;
    net.command(Command::DetachSink { sink });
    net.write(writing, 1, payload(0, 1, 10));
    net.write_group(&publisher, 1, 1);
    net.run_until_quiet();
    assert_eq!(net.objects(&subscription), [at(0, 0)]);
    assert_eq!(net.ends(&subscription), [Some(End::Reset(0x1))]);
}

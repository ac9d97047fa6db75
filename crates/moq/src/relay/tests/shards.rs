//! A relay of several shards.

use super::*;

fn two_shards() -> Net {
    Net::with(|scene| scene.shards = 2)
}

/// A publisher at one shard, a track at home at one, and subscribers at both.
fn everywhere(publisher: usize, home: u8) -> (Net, Publisher, [Subscription; 2]) {
    let mut net = two_shards();
    let track = net.track_on(home);
    let publisher = net.join_on(16, Transport::Quic, publisher);
    let publisher = net.publish(publisher, track);
    let subscriptions = [0, 1].map(|shard| {
        let subscriber = net.join_on(14, Transport::Quic, shard);
        net.subscribe(subscriber, track)
    });
    (net, publisher, subscriptions)
}

/// O7: subscribers on all shards see the same, wherever the publisher and the track are.
#[test]
fn every_shard_sees_the_same_objects() {
    for (publisher, home) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
        let (mut net, publisher, subscriptions) = everywhere(publisher, home);
        for group in 0..3 {
            let writing = net.open_with(&publisher, group, 1, |it| it.extensions = true);
            for object in 0..5 {
                let list = [0x20, 5, 0x02, 7];
                let bytes = payload(group, object, 2_000);
                net.write_with(writing, object, Status::Normal, &list, 2_000, bytes);
                net.run_until_quiet();
            }
            net.finish(writing);
        }
        net.datagram(&publisher, at(9, 9), 100);
        net.run_until_quiet();
        let [near, far] = subscriptions.map(|subscription| net.received(&subscription));
        assert_eq!(near.len(), 16, "{home}");
        assert_eq!(near, far);
        assert!(near[..15].iter().all(|object| object.properties.len() == 2));
        for subscription in subscriptions {
            assert_eq!(net.ends(&subscription), [Some(End::Fin); 3]);
        }
    }
}

/// B15: a filter counts from the home's largest location on every shard.
#[test]
fn a_subscriber_on_another_shard_joins_a_running_subgroup() {
    for start in [Start::Largest, Start::Absolute(at(0, 0))] {
        let mut net = two_shards();
        let track = net.track();
        let publisher = net.join(16);
        let publisher = net.publish(publisher, track);
        net.write_group(&publisher, 0, 3);
        let writing = net.open(&publisher, 1, 0);
        for object in 0..3 {
            net.write(writing, object, payload(1, object, 10));
        }
        net.run_until_quiet();
        let subscriptions = [0, 1].map(|shard| {
            let subscriber = net.join_on(16, Transport::Quic, shard);
            net.subscribe_with(subscriber, track, |options| options.start = start)
        });
        for object in 3..6 {
            net.write(writing, object, payload(1, object, 10));
        }
        net.finish(writing);
        net.run_until_quiet();
        let from = if start == Start::Largest { 3 } else { 0 };
        for subscription in subscriptions {
            assert_eq!(subscription.largest, Some(at(1, 2)));
            let seen = net.in_order(&subscription);
            assert_eq!(seen, all(1..2, 6)[from..], "{start:?}");
        }
    }
}

/// O2: ids stay right where a shard joins a subgroup whose beginning the cache has let go.
#[test]
fn a_subgroup_without_its_beginning_crosses_shards() {
    for drafts in PAIRS {
        let mut net = two_shards();
        let track = net.track();
        let publisher = net.join(drafts.0);
        let publisher = net.publish(publisher, track);
        let near = net.join(drafts.0);
        let near = net.subscribe(near, track);
        let writing = net.open_with(&publisher, 0, 0, |it| it.extensions = true);
        for object in 0..24 {
            net.write_with(
                writing,
                object,
                Status::Normal,
                &[],
                10,
                payload(0, object, 10),
            );
            net.keep_awake(near.peer, 1);
        }
        let far = net.join_on(drafts.1, Transport::Quic, 1);
        let far = net.subscribe_with(far, track, |options| {
            options.start = Start::Absolute(at(0, 0));
        });
        net.run_until_quiet();
        for object in 24..26 {
            net.write_with(
                writing,
                object,
                Status::Normal,
                &[],
                10,
                payload(0, object, 10),
            );
        }
        net.finish(writing);
        net.run_until_quiet();
        assert_eq!(net.objects(&near), all(0..1, 26), "{drafts:?}");
        let received = net.received(&far);
        let last = received.last().map(|object| object.at);
        assert_eq!(last, Some(at(0, 25)), "{drafts:?}");
        assert!(received.len() < 20, "the cache keeps ten seconds");
        for object in received {
            assert_eq!(object.payload, payload(0, object.at.object.0, 10));
        }
    }
}

/// O8: a ring that overflows costs subgroups, and no byte of another.
#[test]
fn a_feed_that_lost_letters_starts_again() {
    let mut net = two_shards();
    let track = net.track();
    let publisher = net.join(16);
    let publisher = net.publish(publisher, track);
    let far = net.join_on(16, Transport::Quic, 1);
    let far = net.subscribe(far, track);
    net.run_until_quiet();
    let running = net.open(&publisher, 0, 0);
    net.write(running, 0, payload(0, 0, 10));
    net.run_until_quiet();
    net.ring = 0;
    for object in 0..1_400 {
        net.datagram(&publisher, at(1, object), 10);
        if object % 50 == 0 {
            net.run_until_quiet();
        }
    }
    net.write(running, 1, payload(0, 1, 10));
    net.write_group(&publisher, 2, 2);
    net.run_until_quiet();
    net.ring = 8_192;
    net.run_until_quiet();
    assert!(net.counters[0].feed_lost.get() > 0, "nothing was lost");
    net.write(running, 2, payload(0, 2, 10));
    net.finish(running);
    for group in 40..44 {
        net.write_group(&publisher, group, 2);
        net.run_until_quiet();
    }
    let seen = net.in_order(&far);
    let mut once = seen.clone();
    once.dedup();
    assert_eq!(seen, once, "an object came twice");
    assert_eq!(seen[seen.len() - 8..], all(40..44, 2));
    for object in net.received(&far) {
        let (group, id) = (object.at.group.0, object.at.object.0);
        assert_eq!(object.payload, payload(group, id, object.payload.len()));
    }
    for (group, _, objects, end) in net.streams(&far) {
        let whole = if group == 0 { 3 } else { 2 };
        assert_eq!(end == Some(End::Fin), objects == whole, "group {group}");
        assert!(end.is_some(), "group {group}");
    }
}

/// P1: publishers on two shards are merged at the track's home.
#[test]
fn publishers_on_two_shards_are_one_track() {
    let (mut net, first, subscriptions) = everywhere(0, 1);
    let second = net.join_on(16, Transport::Quic, 1);
    let second = net.publish(second, first.track);
    for group in 0..3 {
        net.write_group(&first, group, 4);
        net.write_group(&second, group, 4);
    }
    net.run_until_quiet();
    let session = net.session(first.peer);
    net.command(Command::Close {
        session,
        code: 0,
        reason: String::new(),
    });
    net.write_group(&second, 3, 4);
    net.run_until_quiet();
    for subscription in subscriptions {
        assert_eq!(net.in_order(&subscription), all(0..4, 4));
    }
}

/// S1: a connection whose packets reach another shard is served by its own.
#[test]
fn packets_find_their_shard() {
    let (mut net, publisher, subscriptions) = everywhere(0, 0);
    for subscription in subscriptions {
        let peer = net.peer(subscription.peer);
        peer.shard = 1 - peer.shard;
    }
    net.write_group(&publisher, 0, 50);
    net.run_until_quiet();
    for subscription in subscriptions {
        assert_eq!(net.objects(&subscription), all(0..1, 50));
    }
}

/// O7: a shard that leaves a track and comes back misses nothing from where it is back.
#[test]
fn a_shard_may_leave_a_track_and_come_back() {
    for seed in 0..100 {
        let mut net = Net::with(|scene| {
            scene.shards = 2;
            scene.slow_letters = true;
            scene.seed = seed;
        });
        let track = net.track();
        let publisher = net.join(16);
        let publisher = net.publish(publisher, track);
        let far = net.join_on(16, Transport::Quic, 1);
        let mut writing = net.open(&publisher, 0, 0);
        let (mut next, mut last) = (at(0, 0), None);
        for turn in 0..40 {
            net.write(
                writing,
                next.object.0,
                payload(next.group.0, next.object.0, 500),
            );
            next = at(next.group.0, next.object.0 + 1);
            if turn % 9 == 8 {
                net.finish(writing);
                next = at(next.group.0 + 1, 0);
                writing = net.open(&publisher, next.group.0, 0);
            }
            if turn < 30 && net.dice.below(2) == 0 {
                let gone = last.replace(net.ask(far, track, |_| {}));
                if let Some(Subscription { sink, .. }) = gone {
                    net.command(Command::DetachSink { sink });
                }
            }
            let pause = net.dice.below(3_000);
            net.run(Duration::from_micros(pause));
            if turn == 30 {
                last.iter().for_each(|last| net.start(last));
            }
        }
        net.finish(writing);
        net.run_until_quiet();
        let last = last.expect("the dice let one be the last");
        let joined = net.take(|event| match event {
            Event::SinkAttached { sink, largest, .. } if *sink == last.sink => Some(*largest),
            _ => None,
        });
        let largest = joined.expect("it was attached");
        let mut due = [all(0..4, 9), all(4..5, 4)].concat();
        due.retain(|it| Some(*it) > largest);
        assert_eq!(net.in_order(&last), due, "seed {seed}: from {largest:?}");
        let ends = net.ends(&last);
        assert!(
            ends.iter().all(|end| *end == Some(End::Fin)),
            "seed {seed}: {ends:?}"
        );
    }
}

/// O20: partly: a track that closes takes its sinks along on every shard.
#[test]
fn a_track_that_closes_is_gone_everywhere() {
    let (mut net, publisher, subscriptions) = everywhere(0, 0);
    let writing = net.open(&publisher, 0, 0);
    net.write(writing, 0, payload(0, 0, 10));
    net.run_until_quiet();
    net.command(Command::CloseTrack {
        track: publisher.track,
    });
    net.write(writing, 1, payload(0, 1, 10));
    net.run_until_quiet();
    for subscription in subscriptions {
        assert_eq!(net.objects(&subscription), [at(0, 0)]);
        assert_eq!(net.ends(&subscription), [Some(End::Reset(0x1))]);
    }
    assert!(
        net.relays
            .iter()
            .all(|relay| relay.sinks.is_empty() && relay.tracks.is_empty())
    );
}

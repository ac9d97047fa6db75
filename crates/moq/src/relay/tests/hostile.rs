//! Peers that want the relay to stumble.

use super::*;

/// A subgroup that outgrows its share of the cache loses its oldest objects: who joins or fetches
/// then, in whatever draft, gets the rest and is told of what is gone.
#[test]
fn a_subgroup_too_large_for_the_cache_can_still_be_joined_and_fetched() {
    for drafts in PAIRS {
        let mut net = Net::with(|scene| scene.limits.cache.bytes_per_scope = 400_000);
        let track = net.track();
        let publisher = net.join(drafts.0);
        let publisher = net.publish(publisher, track);
        let writing = net.open(&publisher, 0, 0);
        for object in 0..600 {
            net.write(writing, object, payload(0, object, 1_000));
        }
        net.run_until_quiet();

        let subscriber = net.join(drafts.1);
        let whole = net.subscribe_with(subscriber, track, |options| {
            options.start = Start::Absolute(at(0, 0));
        });
        let live = net.subscribe(subscriber, track);
        let fetching = net.fetch(subscriber, track, at(0, 0), at(0, 0));
        net.run_until_quiet();
        let held = net.objects(&whole);
        assert!(held.len() > 50 && held.len() < 200, "{}", held.len());
        assert_eq!(
            held,
            all(0..1, 600).split_off(600 - held.len()),
            "{drafts:?}"
        );
        if drafts.1 == 16 {
            assert_eq!(net.fetched_at(&fetching), held);
            assert_eq!(net.fetch_done(&fetching), Some(true));
        } else {
            assert_eq!(
                fetching.status,
                FetchStatus::Unknown,
                "draft 14 cannot say it"
            );
        }
        net.write(writing, 600, payload(0, 600, 1_000));
        net.finish(writing);
        net.run_until_quiet();
        assert_eq!(net.objects(&live), [at(0, 600)]);
        assert_eq!(net.objects(&whole).last(), Some(&at(0, 600)));
        for object in net.received(&whole) {
            let (group, number) = (object.at.group.0, object.at.object.0);
            assert_eq!(object.payload, payload(group, number, 1_000));
        }
    }
}

/// A burst that was too much is forgiven to a subscriber that then has everything.
#[test]
fn a_subscriber_that_recovered_keeps_its_subscription() {
    let mut net = Net::with(|scene| scene.limits.queued_bytes = 100_000);
    let (publisher, subscription) = net.pair((16, 16));
    net.peer(subscription.peer).reads = false;
    let writing = net.open(&publisher, 0, 0);
    for object in 0..300 {
        net.write(writing, object, payload(0, object, 10_000));
    }
    net.run_until_quiet();
    net.peer(subscription.peer).reads = true;
    net.run_until_quiet();
    net.finish(writing);
    for group in 1..20 {
        net.write_group(&publisher, group, 3);
        net.seconds(1);
    }
    assert_eq!(net.objects(&subscription).last(), Some(&at(19, 2)));
    let over = net.take(|event| matches!(event, Event::SinkDrained { .. }).then_some(()));
    assert_eq!(over, None, "it was given up though it had everything");
}

/// Subscriptions that came and went leave nothing in the queue of a session that does not read.
#[test]
fn a_subscription_that_ends_while_it_waits_is_forgotten() {
    let mut net = Net::with(|scene| scene.limits.queued_bytes = 200_000);
    let tracks = [net.track(), net.track()];
    let publisher = net.join(16);
    let publishers = tracks.map(|track| net.publish(publisher, track));
    let subscriber = net.join_narrow(16, 20_000);
    let subscriptions = tracks.map(|track| net.subscribe(subscriber, track));
    net.peer(subscriber).reads = false;
    let first = net.open(&publishers[0], 0, 0);
    net.write(first, 0, payload(0, 0, 60_000));
    net.run_until_quiet();
    assert!(
        net.relays[0]
            .sessions
            .iter()
            .any(|(_, session)| !session.blocked.is_empty())
    );
    let sink = subscriptions[0].sink;
    net.command(Command::DetachSink { sink });
    net.finish(first);
    net.run_until_quiet();
    assert!(
        net.relays[0]
            .sessions
            .iter()
            .all(|(_, session)| session.blocked.is_empty())
    );
    for group in 0..10 {
        let writing = net.open(&publishers[1], group, 0);
        net.write(writing, 0, payload(group, 0, 60_000));
        net.finish(writing);
        net.run_until_quiet();
    }
    let queued: Vec<u64> = net.relays[0]
        .sessions
        .iter()
        .map(|(_, s)| s.queued)
        .collect();
    assert!(queued.iter().all(|queued| *queued <= 200_000), "{queued:?}");
}

/// Subscribers that come and go leave nothing behind in a subgroup that stays open.
#[test]
fn an_open_subgroup_has_as_many_outlets_as_subscribers_at_once() {
    let mut net = Net::new();
    let (publisher, subscription) = net.pair((16, 16));
    let writing = net.open(&publisher, 0, 0);
    net.write(writing, 0, payload(0, 0, 100));
    net.run_until_quiet();
    let other = net.join(14);
    for _ in 0..50 {
        let passing = net.subscribe(other, publisher.track);
        net.settle();
        let sink = passing.sink;
        net.command(Command::DetachSink { sink });
        net.settle();
    }
    let relay = &net.relays[0];
    let (_, track) = relay.tracks.iter().next().expect("the track");
    let outlets = track
        .index
        .values()
        .map(|&log| relay.store[log].outlets.len());
    assert_eq!(outlets.sum::<usize>(), 2);
    net.write(writing, 1, payload(0, 1, 100));
    net.run_until_quiet();
    assert_eq!(net.objects(&subscription), all(0..1, 2));
}

/// A flood of tiny subgroups is bounded by what it really takes.
#[test]
fn tiny_datagrams_do_not_outgrow_the_cache() {
    let mut net = Net::with(|scene| scene.limits.cache.bytes_per_scope = 300_000);
    let track = net.track();
    let publisher = net.join(16);
    let publisher = net.publish(publisher, track);
    for object in 0..1_000 {
        net.datagram(&publisher, at(0, object), 4);
        if object % 50 == 49 {
            net.run_until_quiet();
        }
    }
    let relay = &net.relays[0];
    let (_, track) = relay.tracks.iter().next().expect("the track");
    assert_eq!(track.largest, Some(at(0, 999)));
    assert!(
        (50..200).contains(&track.index.len()),
        "{}",
        track.index.len()
    );
}

/// However much of what a source sends is malformed, Python hears of it once.
#[test]
fn a_malformed_track_is_told_of_once() {
    let mut net = Net::new();
    let track = net.track();
    let publisher = net.join(16);
    let publisher = net.publish(publisher, track);
    let writing = net.open(&publisher, 3, 0);
    net.write_with(writing, 0, Status::EndOfTrack, &[], 0, Vec::new());
    net.finish(writing);
    net.run_until_quiet();
    for object in 0..20 {
        net.datagram(&publisher, at(4, object), 10);
    }
    net.write_group(&publisher, 5, 3);
    net.run_until_quiet();
    let malformed = |event: &Event| matches!(event, Event::Malformed { .. });
    assert_eq!(
        net.events.iter().filter(|event| malformed(event)).count(),
        1
    );
}

/// An object whose header comes byte by byte arrives.
#[test]
fn a_header_that_trickles_in_is_whole_in_the_end() {
    let mut net = Net::new();
    let (publisher, subscription) = net.pair((16, 14));
    let writing = net.open_with(&publisher, 0, 0, |header| header.extensions = true);
    let mut bytes = vec![0]; // the first object
    let list = [&[0x0d, 0x47, 0xd0][..], &[7; 2_000]].concat();
    bytes.extend((0x4000 | list.len() as u16).to_be_bytes());
    bytes.extend(&list);
    bytes.extend([3, 1, 2, 3]);
    for part in bytes.chunks(17) {
        net.write_raw(writing, part);
        net.settle();
        net.run(Duration::from_millis(1));
    }
    net.finish(writing);
    net.run_until_quiet();
    let received = net.received(&subscription);
    assert_eq!(received.len(), 1);
    assert_eq!(received[0].properties, [(0x0d, vec![7; 2_000])]);
    assert_eq!(received[0].payload, [1, 2, 3]);
}

/// Aliases of subscriptions that are over are forgotten, the oldest first.
#[test]
fn a_session_remembers_few_of_its_past_aliases() {
    let mut net = Net::new();
    let track = net.track();
    let peer = net.join(16);
    for _ in 0..400 {
        let publisher = net.publish(peer, track);
        let source = publisher.source;
        net.command(Command::DetachSource { source });
    }
    net.settle();
    let (_, session) = net.relays[0].sessions.iter().next().expect("it stands");
    assert!(session.aliases.len() < 300, "{}", session.aliases.len());
    let publisher = net.publish(peer, track);
    net.write_group(&publisher, 0, 2);
    net.run_until_quiet();
    let (_, track) = net.relays[0].tracks.iter().next().expect("the track");
    assert_eq!(track.largest, Some(at(0, 1)));
}

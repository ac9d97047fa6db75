//! Sessions and tracks on which nothing happens.

use super::*;

/// S10: who waits for a track that is silent stays: browsers ping less often than silence may last.
#[test]
fn a_session_on_which_nothing_happens_stays() {
    for transport in BOTH {
        let mut net = Net::new();
        let track = net.track();
        let publisher = net.join_on(16, transport, 0);
        let publisher = net.publish(publisher, track);
        let subscriber = net.join_on(16, transport, 0);
        let subscription = net.subscribe(subscriber, track);
        let waiting = net.join_on(16, transport, 0);
        net.seconds(60);
        assert_eq!(net.peer(waiting).closed, None);
        net.write_group(&publisher, 0, 1);
        net.run_until_quiet();
        assert_eq!(net.objects(&subscription), [at(0, 0)]);
    }
}

/// A subgroup that stays open with little in it does not keep the memory of what passed by.
#[test]
fn what_stays_lies_alone() {
    let mut net = Net::new();
    let (publisher, subscription) = net.pair((16, 14));
    let staying = net.open(&publisher, 0, 0);
    net.write(staying, 0, payload(0, 0, 100));
    net.run_until_quiet();
    for group in 1..10 {
        net.write_subgroup(&publisher, group, 0, 0..4, 50_000);
        net.run_until_quiet();
    }
    net.seconds(2);
    let late = net.subscribe_with(subscription.peer, publisher.track, |options| {
        options.start = Start::Absolute(at(0, 0));
    });
    net.write(staying, 1, payload(0, 1, 100));
    net.run_until_quiet();
    let mut objects = net.objects(&late);
    objects.retain(|object| object.group.0 == 0);
    assert_eq!(objects, all(0..1, 2));
    net.seconds(2);
    let relay = &mut net.relays[0];
    assert!(relay.unsettled.is_empty());
    let (_, track) = relay.tracks.iter().next().expect("the track");
    let log = track.group(0).expect("it is open").logs[0];
    let (.., mut held) = relay.store[log].object(0).expect("it is whole");
    let held = held.remove(0);
    assert_eq!(held, payload(0, 0, 100));
    relay.store[log].clear();
    assert!(held.try_into_mut().is_ok(), "others share its memory");
}

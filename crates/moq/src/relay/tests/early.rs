//! Data that comes before anybody knows what it is.

use super::*;

/// O13: streams and datagrams that overtake their PUBLISH wait for it, and arrive whole.
#[test]
fn early_data_waits_for_its_alias() {
    for transport in BOTH {
        let mut net = Net::new();
        let track = net.track();
        let publisher = net.join_on(16, transport, 0);
        let subscriber = net.join(16);
        let subscription = net.subscribe(subscriber, track);
        let early = net.promise(publisher, track, 99);
        let tiny = net.open(&early, 0, 0);
        net.write(tiny, 0, payload(0, 0, 5));
        net.finish(tiny);
        let long = net.open(&early, 0, 1);
        net.write(long, 1, payload(0, 1, 50_000));
        net.datagram(&early, at(0, 2), 100);
        net.run_until_quiet();
        net.publish_as(publisher, track, 99);
        net.run_until_quiet();
        net.write(long, 3, payload(0, 3, 5));
        net.finish(long);
        net.run_until_quiet();
        assert_eq!(net.in_order(&subscription), all(0..1, 4), "{transport:?}");
        assert_eq!(net.ends(&subscription), [Some(End::Fin); 2]);
    }
}

/// O13: only so many streams wait, and S8: the others are stopped.
#[test]
fn early_streams_are_limited() {
    let mut net = Net::new();
    let track = net.track();
    let publisher = net.join(16);
    let early = net.promise(publisher, track, 99);
    for group in 0..12 {
        net.write_group(&early, group, 1);
    }
    net.run_until_quiet();
    // The scene lets eight wait.
    assert_eq!(net.peer(publisher).stopped.len(), 0, "they had a FIN");
    let held = net.relays[0].sessions.iter().map(|(_, it)| it.parked.len());
    assert_eq!(held.sum::<usize>(), 8);
    let open = net.open(&early, 50, 0);
    net.write(open, 0, payload(50, 0, 10));
    net.run_until_quiet();
    assert_eq!(net.peer(publisher).stopped.len(), 1);
    net.publish_as(publisher, track, 99);
    net.run_until_quiet();
    assert!(
        net.relays[0]
            .sessions
            .iter()
            .all(|(_, it)| it.parked.is_empty())
    );
    let subscriber = net.join(16);
    let fetching = net.fetch(subscriber, track, at(0, 0), at(49, 0));
    net.run_until_quiet();
    assert_eq!(net.fetched(&fetching).len(), 8);
}

/// O13: datagrams that wait are bounded in bytes, the oldest go first.
#[test]
fn early_datagrams_are_limited() {
    let mut net = Net::new();
    let track = net.track();
    let publisher = net.join(16);
    let subscriber = net.join(16);
    let subscription = net.subscribe(subscriber, track);
    let early = net.promise(publisher, track, 99);
    for object in 0..20 {
        net.datagram(&early, at(0, object), 990);
        net.run_until_quiet();
    }
    net.publish_as(publisher, track, 99);
    net.run_until_quiet();
    assert_eq!(net.in_order(&subscription), all(0..1, 20)[10..]);
}

/// O13: nobody waits for ever: after the limit the stream is stopped.
#[test]
fn early_streams_wait_for_a_limited_time() {
    let mut net = Net::new();
    let track = net.track();
    let publisher = net.join(16);
    let early = net.promise(publisher, track, 99);
    let writing = net.open(&early, 0, 0);
    net.write(writing, 0, payload(0, 0, 10));
    net.keep_awake(publisher, 14);
    assert_eq!(net.peer(publisher).stopped.len(), 0);
    net.keep_awake(publisher, 2);
    assert_eq!(net.peer(publisher).stopped.len(), 1);
}

/// S9: a data stream whose header does not come is stopped.
#[test]
fn a_stream_without_a_header_is_stopped() {
    let mut net = Net::new();
    let (publisher, _) = net.pair((16, 16));
    let peer = net.peer(publisher.peer);
    let mut carrier = peer.carrier().expect("it stands");
    let stream = carrier.open_uni(0).expect("credit");
    carrier
        .write_chunks(stream, &mut [Bytes::from_static(&[0x14])])
        .expect("room");
    net.seconds(9);
    assert_eq!(net.peer(publisher.peer).stopped.len(), 0);
    net.seconds(2);
    assert_eq!(net.peer(publisher.peer).stopped, [(stream, 0x2)]);
}

/// O13: nothing is read before the draft is known, and nothing of it is lost.
#[test]
fn data_waits_until_the_draft_is_known() {
    let mut net = Net::new();
    let track = net.track();
    let publisher = net.dial(14, Transport::Quic, 0, Config::default());
    net.peer(publisher).names_its_draft = false;
    net.greet(publisher);
    let subscriber = net.join(16);
    let subscription = net.subscribe(subscriber, track);
    let publisher = net.publish(publisher, track);
    net.write_group(&publisher, 0, 3);
    net.datagram(&publisher, at(1, 0), 20);
    net.run_until_quiet();
    assert_eq!(net.objects(&subscription), []);
    let session = net.session(publisher.peer);
    net.command(Command::SetDraft { session, draft: 14 });
    net.run_until_quiet();
    assert_eq!(
        net.in_order(&subscription),
        [at(0, 0), at(0, 1), at(0, 2), at(1, 0)]
    );
}

/// S5: a stream of an unknown type closes the session.
#[test]
fn an_unknown_stream_type_closes_the_session() {
    let mut net = Net::new();
    let (publisher, subscription) = net.pair((16, 16));
    let mut carrier = net.peer(publisher.peer).carrier().expect("it stands");
    let stream = carrier.open_uni(0).expect("credit");
    carrier
        .write_chunks(stream, &mut [Bytes::from_static(&[0x3f])])
        .expect("room");
    net.run_until_quiet();
    let closed = net.peer(publisher.peer).closed.clone();
    assert_eq!(closed.map(|it| it.0), Some(Some(0x3)));
    assert_eq!(net.peer(subscription.peer).closed, None);
}

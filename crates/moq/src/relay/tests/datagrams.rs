//! Objects in datagrams.

use super::*;

/// O3: datagrams leave as datagrams; S2: with the properties and ids that they came with.
#[test]
fn datagrams_stay_datagrams() {
    for drafts in PAIRS {
        for transport in BOTH {
            let mut net = Net::new();
            let track = net.track();
            let publisher = net.join_on(drafts.0, transport, 0);
            let publisher = net.publish(publisher, track);
            let subscriber = net.join_on(drafts.1, transport, 0);
            let subscription = net.subscribe(subscriber, track);
            let list: &[u8] = match drafts.0 {
                14 => &[0x20, 5, 0x21, 1, 7],
                _ => &[0x20, 5, 0x01, 1, 7],
            };
            for object in [0, 1, 70] {
                net.datagram_with(&publisher, at(3, object), 900, list, object == 70);
            }
            net.run_until_quiet();
            let received = net.received(&subscription);
            assert_eq!(received.len(), 3, "{drafts:?} {transport:?}");
            for (object, got) in [0, 1, 70].into_iter().zip(&received) {
                assert_eq!((got.at, got.subgroup), (at(3, object), None));
                assert_eq!(got.payload, payload(3, object, 900));
                assert_eq!(got.priority, Some(128));
                let number = 5_u64.to_be_bytes().to_vec();
                assert_eq!(got.properties, [(0x20, number), (0x21, vec![7])]);
            }
            assert!(net.peer(subscriber).streams.is_empty());
        }
    }
}

/// O3: one that is too large for the subscriber's path is dropped, and nothing else with it.
#[test]
fn a_datagram_that_is_too_large_is_dropped_silently() {
    let mut net = Net::new();
    let track = net.track();
    let publisher = net.join(16);
    let publisher = net.publish(publisher, track);
    let subscriber = net.dial(16, Transport::Quic, 0, Config::default());
    net.peer(subscriber).path_mtu = 1_250;
    net.greet(subscriber);
    let subscription = net.subscribe(subscriber, track);
    net.run_until_quiet();
    let most = net
        .peer(publisher.peer)
        .carrier()
        .and_then(|mut it| it.max_datagram_size());
    assert!(most > Some(1_300), "{most:?}");
    net.datagram(&publisher, at(0, 0), 100);
    net.datagram(&publisher, at(0, 1), 1_300);
    net.datagram(&publisher, at(0, 2), 100);
    net.run_until_quiet();
    assert_eq!(net.objects(&subscription), [at(0, 0), at(0, 2)]);
    // The cache has it: a fetch brings it on a stream.
    let fetching = net.fetch(subscriber, track, at(0, 0), at(0, 0));
    net.run_until_quiet();
    assert_eq!(net.fetched_at(&fetching), all(0..1, 3));
}

/// O2: a status in a datagram arrives as one.
#[test]
fn a_status_in_a_datagram_arrives() {
    for drafts in PAIRS {
        let mut net = Net::new();
        let (publisher, subscription) = net.pair(drafts);
        let status = net.peer(publisher.peer).profile;
        let object = ObjectDatagram {
            alias: TrackAlias(publisher.alias),
            location: at(2, 5),
            priority: Some(9),
            properties: Properties::none(status),
            end_of_group: false,
            body: Body::Status(Status::EndOfGroup),
        };
        let mut bytes = Vec::new();
        datagram::encode(status, &object, 128, &mut bytes).expect("a valid object");
        let mut carrier = net.peer(publisher.peer).carrier().expect("it stands");
        carrier.send_datagram(bytes.into()).expect("it fits");
        net.run_until_quiet();
        let received = net.received(&subscription);
        assert_eq!(received[0].status, Status::EndOfGroup);
        assert_eq!((received[0].at, received[0].priority), (at(2, 5), Some(9)));
    }
}

/// P1: a datagram that two publishers send arrives once.
#[test]
fn a_datagram_of_two_publishers_arrives_once() {
    let mut net = Net::new();
    let (publisher, subscription) = net.pair((16, 16));
    let second = net.join(14);
    let second = net.publish(second, publisher.track);
    for object in 0..5 {
        net.datagram(&publisher, at(0, object), 50);
        net.datagram(&second, at(0, object), 50);
    }
    net.run_until_quiet();
    assert_eq!(net.in_order(&subscription), all(0..1, 5));
}

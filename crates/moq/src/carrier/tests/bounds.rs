//! What peers cannot make us do.

use super::*;

/// Writes until nothing more is taken; returns how much was.
fn fill(pair: &mut Pair, key: SessionKey, stream: StreamId) -> usize {
    let mut taken = 0;
    loop {
        match pair
            .session(Who::Server, key)
            .write_chunks(stream, &mut [Bytes::from(vec![0; 4096])])
        {
            Ok(written) => taken += written.bytes,
            Err(error) => {
                assert_eq!(error, WriteError::Blocked);
                return taken;
            }
        }
    }
}

/// S8: a peer that never reads costs one send window.
#[test]
fn a_peer_that_acknowledges_nothing_holds_one_send_window() {
    for transport in BOTH {
        let mut pair = Pair::new();
        let (_, server) = pair.connected(transport);
        pair.run(Duration::from_millis(100));
        pair.client.cut = true;
        let stream = pair.write(Who::Server, server, Dir::Uni, b"", false);
        let taken = fill(&mut pair, server, stream);
        assert!((240_000..=250_000).contains(&taken), "{taken}");
        pair.run(Duration::from_secs(5));
        assert_eq!(fill(&mut pair, server, stream), 0);
    }
}

/// S7: partly: control has a part of the send window that data cannot take, and goes first; credit of the
/// peer's connection window that data has spent is spent.
#[test]
fn control_has_room_where_data_has_none() {
    for transport in BOTH {
        let mut pair = Pair::new();
        let (client, server) = pair.connected(transport);
        let control = pair.write(Who::Client, client, Dir::Bi, b"SETUP", false);
        pair.opened(Who::Server);
        let data = pair.write(Who::Server, server, Dir::Uni, b"", false);
        fill(&mut pair, server, data);
        let mut message = [Bytes::from(vec![1; 16_000])];
        let written = pair
            .session(Who::Server, server)
            .write_control(control, &mut message)
            .unwrap();
        assert_eq!(written.bytes, 16_000);
        assert_eq!(fill(&mut pair, server, data), 0);
    }
}

#[test]
fn a_blocked_stream_is_told_when_there_is_room() {
    for transport in BOTH {
        let mut pair = Pair::new();
        let (client, server) = pair.connected(transport);
        let stream = pair.write(Who::Server, server, Dir::Uni, b"", false);
        fill(&mut pair, server, stream);
        assert_eq!(pair.opened(Who::Client), stream);
        pair.until("room", |pair| {
            let mut chunks = Vec::new();
            pair.session(Who::Client, client)
                .read(stream, usize::MAX, &mut chunks);
            pair.server
                .take(|event| (*event == CarrierEvent::Writable(stream)).then_some(()))
        });
        assert!(fill(&mut pair, server, stream) > 0);
    }
}

#[test]
fn a_peer_that_opens_many_streams_is_allowed_more_up_to_the_bound() {
    for transport in BOTH {
        let config = Config {
            uni_streams: 200,
            bidi_streams: 40,
            ..Config::default()
        };
        let mut pair = Pair::with(Config::default(), config);
        let (client, _) = pair.connected(transport);
        for (dir, most) in [(Dir::Uni, 200), (Dir::Bi, 40)] {
            let mut opened = 0;
            for _ in 0..20 {
                let mut session = pair.session(Who::Client, client);
                let mut streams = Vec::new();
                while let Some(stream) = if dir == Dir::Uni {
                    session.open_uni(0)
                } else {
                    session.open_bi(0)
                } {
                    session
                        .write_chunks(stream, &mut [Bytes::from_static(b"x")])
                        .unwrap();
                    streams.push(stream);
                }
                opened += streams.len();
                pair.run(Duration::from_millis(100));
            }
            // HTTP/3's own streams count as well.
            assert!((most - 1..=most).contains(&opened), "{opened} of {most}");
        }
        let opened = pair
            .server
            .events
            .iter()
            .filter(|(_, event)| matches!(event, CarrierEvent::Opened(_)));
        assert!(opened.count() >= 238);
    }
}

/// S9: half-open handshakes end.
#[test]
fn a_handshake_that_stands_still_is_given_up() {
    let mut pair = Pair::new();
    pair.dial(Transport::Quic);
    pair.settle();
    pair.client.cut = true;
    pair.run(Duration::from_millis(10));
    assert_eq!(pair.server.carriers.len(), 1);
    pair.run(Duration::from_secs(12));
    assert_eq!(pair.server.carriers.len(), 0);
    assert!(pair.server.events.is_empty(), "nobody heard of it");
}

#[test]
fn past_half_the_rate_clients_prove_their_address_and_get_in() {
    let config = Config {
        handshakes_per_second: 4,
        ..Config::default()
    };
    let mut pair = Pair::with(Config::default(), config);
    let clients: Vec<_> = (0..4).map(|_| pair.dial(Transport::Quic)).collect();
    pair.run(Duration::from_secs(2));
    let counters = pair.server.carriers.counters();
    assert_eq!((counters.accepted, counters.refused), (4, 0));
    assert!(counters.retried >= 1);
    for client in clients {
        assert!(pair.client.carriers.session(client).is_some());
    }
}

/// S8: sessions of one address are bounded.
#[test]
fn clients_beyond_the_bound_are_refused_and_the_others_stay() {
    let config = Config {
        sessions_per_address: 3,
        ..Config::default()
    };
    let mut pair = Pair::with(Config::default(), config);
    let clients: Vec<_> = (0..5).map(|_| pair.dial(Transport::Quic)).collect();
    pair.run(Duration::from_secs(2));
    let standing = clients
        .iter()
        .filter(|key| pair.client.carriers.session(**key).is_some())
        .count();
    assert_eq!(standing, 3);
    assert_eq!(pair.server.carriers.counters().refused, 2);
}

#[test]
fn any_datagram_at_all_is_survived() {
    let mut pair = Pair::new();
    let (_, server) = pair.connected(Transport::WebTransport);
    for length in 0..200usize {
        for first in [0x00, 0x40, 0x5f, 0x7f, 0xc0, 0xd0, 0xe0, 0xf0, 0xff] {
            let mut data = BytesMut::zeroed(length * 8);
            for byte in data.iter_mut() {
                *byte = pair.roll() as u8;
            }
            if let Some(byte) = data.first_mut() {
                *byte = first;
            }
            let _ = pair.server.carriers.shard_of(&data);
            let remote = "203.0.113.9:99".parse().unwrap();
            let datagram = Datagram {
                socket: SocketId::MAIN,
                remote,
                local_ip: None,
                ecn: None,
                data,
            };
            let now = pair.now;
            pair.server.carriers.handle_datagram(now, datagram);
        }
        let mut buf = Vec::new();
        let now = pair.now;
        while pair
            .server
            .carriers
            .poll_transmit(now, |_| true, &mut buf)
            .is_some()
        {}
    }
    assert!(pair.server.carriers.session(server).is_some());
}

#[test]
fn datagrams_carry_the_shard_of_their_session() {
    let mut pair = Pair::new();
    let (client, _) = pair.connected(Transport::Quic);
    pair.session(Who::Client, client)
        .send_datagram(Bytes::from_static(b"x"))
        .unwrap();
    let (now, mut buf) = (pair.now, Vec::new());
    let transmit = pair.client.carriers.poll_transmit(now, |_| true, &mut buf);
    assert!(transmit.is_some());
    assert_eq!(pair.server.carriers.shard_of(&buf), Some(7));
}

#[test]
fn a_socket_that_is_full_holds_back_its_sessions_only() {
    let mut pair = Pair::new();
    let (client, _) = pair.connected(Transport::Quic);
    pair.session(Who::Client, client)
        .send_datagram(Bytes::from_static(b"x"))
        .unwrap();
    let (now, mut buf) = (pair.now, Vec::new());
    assert_eq!(
        pair.client.carriers.poll_transmit(now, |_| false, &mut buf),
        None
    );
    assert!(
        pair.client
            .carriers
            .poll_transmit(now, |_| true, &mut buf)
            .is_some()
    );
}

#[test]
fn a_publisher_of_short_streams_is_not_held_to_a_few_a_round_trip() {
    let mut pair = Pair::new();
    let (client, server) = pair.connected(Transport::Quic);
    let before = pair.elapsed();
    let (mut sent, mut read) = (0, 0);
    while read < 5_000 {
        let mut session = pair.session(Who::Client, client);
        while sent < 5_000
            && let Some(stream) = session.open_uni(0)
        {
            session
                .write_chunks(stream, &mut [Bytes::from_static(b"object")])
                .unwrap();
            session.finish(stream);
            sent += 1;
        }
        pair.run(Duration::from_millis(5));
        while let Some((_, event)) = pair.server.events.pop_front() {
            if let CarrierEvent::Opened(stream) = event {
                pair.session(Who::Server, server)
                    .read(stream, 100, &mut Vec::new());
                let state = pair
                    .session(Who::Server, server)
                    .read(stream, 100, &mut Vec::new());
                assert!(matches!(state, ReadState::Finished | ReadState::Closed));
                read += 1;
            }
        }
        assert!(
            pair.elapsed() - before < Duration::from_secs(1),
            "{read} in a second"
        );
    }
}

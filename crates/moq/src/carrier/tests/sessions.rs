//! What every session can do, on both carriers.

use super::*;

#[test]
fn a_client_is_offered_and_learns_what_was_agreed_on() {
    let mut pair = Pair::new();
    for transport in BOTH {
        let client = pair.dial(transport);
        let incoming = pair.until("an offer", |pair| {
            pair.server.take(|event| match event {
                CarrierEvent::Incoming(incoming) => Some(incoming.clone()),
                _ => None,
            })
        });
        let (alpn, authority, path, protocols): (_, _, _, &[&str]) = match transport {
            Transport::Quic => ("moqt-16", "localhost", "", &[]),
            Transport::WebTransport => (
                "h3",
                "localhost:4443",
                "/tide/live?jwt=a.b.c",
                &["moqt-18", "moqt-16"],
            ),
        };
        assert_eq!(incoming.transport, transport);
        assert_eq!(
            (&*incoming.alpn, &*incoming.authority, &*incoming.path),
            (alpn, authority, path)
        );
        assert_eq!(incoming.protocols, protocols);
        assert_eq!(incoming.peer, "192.0.2.1:5000".parse().unwrap());
        assert!(
            !format!("{incoming:?}").contains("a.b.c"),
            "a token is on its way to a log"
        );

        let server = pair.until("the session", |pair| {
            let key = SessionKey::from_u64(7 << 56 | 1 << 24);
            let next = SessionKey::from_u64(7 << 56 | 2 << 24 | 1);
            [key, next]
                .into_iter()
                .rev()
                .find(|key| pair.server.carriers.session(*key).is_some())
        });
        assert_eq!(server.shard(), 7);
        pair.server.carriers.accept(server, Some("moqt-16"));
        let protocol = pair.until("the answer", |pair| {
            pair.client.take(|event| match event {
                CarrierEvent::Connected { protocol } => Some(protocol.clone()),
                _ => None,
            })
        });
        assert_eq!(protocol, "moqt-16");
        assert_eq!(pair.session(Who::Client, client).transport(), transport);
    }
}

#[test]
fn bytes_arrive_whole_and_in_order_whoever_opened_the_stream() {
    for transport in BOTH {
        let mut pair = Pair::new();
        let (client, server) = pair.connected(transport);
        let payload: Vec<u8> = (0..100_000u32).map(|n| (n * 7) as u8).collect();
        for (from, key, to, peer) in [
            (Who::Client, client, Who::Server, server),
            (Who::Server, server, Who::Client, client),
        ] {
            for dir in [Dir::Uni, Dir::Bi] {
                let stream = pair.write(from, key, dir, &payload, true);
                let arrived = pair.opened(to);
                assert_eq!(arrived, stream);
                assert_eq!(
                    pair.read(to, peer, arrived),
                    (payload.clone(), ReadState::Finished)
                );
                pair.until("the acknowledgement", |pair| {
                    pair.end(from)
                        .take(|event| (*event == CarrierEvent::Finished(stream)).then_some(()))
                });
            }
        }
    }
}

#[test]
fn an_answer_comes_back_on_the_stream_that_asked() {
    for transport in BOTH {
        let mut pair = Pair::new();
        let (client, server) = pair.connected(transport);
        let stream = pair.write(Who::Client, client, Dir::Bi, b"SUBSCRIBE", false);
        assert_eq!(pair.opened(Who::Server), stream);
        let mut question = Vec::new();
        assert_eq!(
            pair.session(Who::Server, server)
                .read(stream, 100, &mut question),
            ReadState::Blocked
        );
        assert_eq!(question.concat(), b"SUBSCRIBE");
        let mut session = pair.session(Who::Server, server);
        session
            .write_control(stream, &mut [Bytes::from_static(b"OK")])
            .unwrap();
        session.finish(stream);
        pair.until("the answer", |pair| {
            pair.client
                .take(|event| (*event == CarrierEvent::Readable(stream)).then_some(()))
        });
        assert_eq!(
            pair.read(Who::Client, client, stream),
            (b"OK".to_vec(), ReadState::Finished)
        );
    }
}

#[test]
fn a_read_that_stops_early_goes_on_where_it_stopped() {
    for transport in BOTH {
        let mut pair = Pair::new();
        let (client, server) = pair.connected(transport);
        pair.write(Who::Client, client, Dir::Uni, b"abcdefghij", true);
        let stream = pair.opened(Who::Server);
        let mut session = pair.session(Who::Server, server);
        let mut chunks = Vec::new();
        assert_eq!(session.read(stream, 4, &mut chunks), ReadState::More);
        assert_eq!(session.read(stream, 6, &mut chunks), ReadState::More);
        assert_eq!(chunks.concat(), b"abcdefghij");
        assert_eq!(session.read(stream, 1, &mut chunks), ReadState::Finished);
        assert_eq!(session.read(stream, 1, &mut chunks), ReadState::Closed);
    }
}

#[test]
fn codes_of_resets_and_stops_arrive_as_they_were_given() {
    for transport in BOTH {
        for code in [0, 1, 29, 30, 31, 1000, u64::from(u32::MAX)] {
            let mut pair = Pair::new();
            let (client, server) = pair.connected(transport);
            let stream = pair.write(Who::Client, client, Dir::Bi, b"x", false);
            pair.opened(Who::Server);
            pair.session(Who::Client, client).reset(stream, code);
            pair.session(Who::Server, server).stop_sending(stream, code);
            let stopped = pair.write(Who::Server, server, Dir::Uni, b"y", false);
            pair.opened(Who::Client);
            pair.session(Who::Client, client)
                .stop_sending(stopped, code);
            let told = pair.until("the stop", |pair| {
                pair.server.take(|event| match event {
                    CarrierEvent::Stopped { stream, code } => Some((*stream, *code)),
                    _ => None,
                })
            });
            assert_eq!(told, (stopped, code));
            let again = pair
                .session(Who::Server, server)
                .write_chunks(stopped, &mut [Bytes::from_static(b"z")]);
            assert_eq!(again, Err(WriteError::Stopped(code)));

            let other = pair.write(Who::Server, server, Dir::Uni, b"z", false);
            assert_eq!(pair.opened(Who::Client), other);
            pair.session(Who::Server, server).reset(other, code);
            let (_, state) = pair.read(Who::Client, client, other);
            assert_eq!(state, ReadState::Reset(code));
        }
    }
}

/// S2: datagrams are negotiated on both carriers.
#[test]
fn datagrams_pass_up_to_the_size_that_is_told() {
    for transport in BOTH {
        let mut pair = Pair::new();
        let (client, server) = pair.connected(transport);
        let mut session = pair.session(Who::Client, client);
        let largest = session.max_datagram_size().unwrap();
        assert!(largest >= 1100, "{largest}");
        assert_eq!(
            session.send_datagram(vec![0; largest + 1].into()),
            Err(DatagramError::TooLarge)
        );
        session.send_datagram(vec![7; largest].into()).unwrap();
        session
            .send_datagram(Bytes::from_static(b"second"))
            .unwrap();
        pair.until("datagrams", |pair| {
            pair.server
                .take(|event| (*event == CarrierEvent::DatagramReadable).then_some(()))
        });
        pair.run(Duration::from_millis(20));
        let mut session = pair.session(Who::Server, server);
        assert_eq!(session.recv_datagram().unwrap(), vec![7; largest]);
        assert_eq!(session.recv_datagram().unwrap(), "second");
        assert_eq!(session.recv_datagram(), None);
    }
}

#[test]
fn a_goodbye_comes_after_everything_that_was_written() {
    for transport in BOTH {
        for seed in 0..20 {
            let mut pair = Pair::lossy(if seed == 0 { 0 } else { 100 }, seed);
            let (client, server) = pair.connected(transport);
            let control = pair.write(Who::Client, client, Dir::Bi, b"SETUP", false);
            assert_eq!(pair.opened(Who::Server), control);
            let mut done = [Bytes::from(vec![9; 20_000])];
            pair.session(Who::Server, server)
                .write_control(control, &mut done)
                .unwrap();
            let now = pair.now;
            pair.server
                .carriers
                .close(now, server, 0x10, "goaway timed out");
            assert!(pair.server.carriers.session(server).is_none());

            let mut bytes = Vec::new();
            pair.until("all bytes", |pair| {
                let mut chunks = Vec::new();
                if let Some(mut session) = pair.client.carriers.session(client) {
                    session.read(control, usize::MAX, &mut chunks);
                }
                bytes.extend(chunks.concat());
                (bytes.len() == 20_000).then_some(())
            });
            let there = pair.closed(Who::Client, client);
            assert_eq!(
                there,
                (Some(0x10), "goaway timed out".to_owned(), true),
                "seed {seed}"
            );
            let here = pair.closed(Who::Server, server);
            assert_eq!(here, (Some(0x10), "goaway timed out".to_owned(), false));
            pair.loss = 0;
            pair.run(Duration::from_secs(30));
            assert!(pair.client.carriers.is_empty() && pair.server.carriers.is_empty());
            assert_eq!(
                pair.server.events.iter().find(|(key, _)| *key == server),
                None
            );
        }
    }
}

#[test]
fn a_goodbye_to_a_peer_that_is_gone_takes_a_second() {
    for transport in BOTH {
        let mut pair = Pair::new();
        let (client, _) = pair.connected(transport);
        pair.write(Who::Client, client, Dir::Uni, b"never arrives", false);
        pair.server.cut = true;
        let (now, before) = (pair.now, pair.elapsed());
        pair.client.carriers.close(now, client, 0, "");
        assert_eq!(
            pair.closed(Who::Client, client),
            (Some(0), String::new(), false)
        );
        assert_eq!(pair.elapsed() - before, Duration::from_secs(1));
    }
}

#[test]
fn a_refused_client_learns_it_and_is_forgotten() {
    for transport in BOTH {
        let mut pair = Pair::new();
        let client = pair.dial(transport);
        let server = pair.until("an offer", |pair| Some(pair.server.events.pop_front()?.0));
        let now = pair.now;
        pair.server.carriers.refuse(now, server, 403);
        let (code, reason, _) = pair.closed(Who::Client, client);
        match transport {
            Transport::Quic => assert_eq!((code, &*reason), (Some(2), "refused")),
            Transport::WebTransport => {
                assert!(code.is_none() && reason.contains("403"), "{reason}")
            }
        }
        assert_eq!(pair.closed(Who::Server, server).0, None);
        pair.run(Duration::from_secs(30));
        assert!(pair.client.carriers.is_empty() && pair.server.carriers.is_empty());
    }
}

#[test]
fn everything_arrives_over_a_network_that_loses_a_tenth() {
    for transport in BOTH {
        for seed in 0..20 {
            let mut pair = Pair::lossy(100, seed);
            let (client, server) = pair.connected(transport);
            let payloads: Vec<Vec<u8>> = (0..20u8).map(|n| vec![n; 5000]).collect();
            for payload in &payloads {
                pair.write(Who::Server, server, Dir::Uni, payload, true);
            }
            let mut seen = Vec::new();
            for _ in 0..20 {
                let stream = pair.opened(Who::Client);
                let (bytes, state) = pair.read(Who::Client, client, stream);
                assert_eq!(state, ReadState::Finished);
                seen.push(bytes);
            }
            seen.sort();
            assert_eq!(seen, payloads, "seed {seed}");
        }
    }
}

/// S9: the transport itself times out.
#[test]
fn a_silent_peer_is_given_up_after_ten_seconds() {
    for transport in BOTH {
        let mut pair = Pair::new();
        let (client, server) = pair.connected(transport);
        pair.run(Duration::from_secs(1));
        pair.client.cut = true;
        let before = pair.elapsed();
        let (code, reason, remote) = pair.closed(Who::Server, server);
        assert_eq!((code, &*reason, remote), (None, "timed out", true));
        let waited = pair.elapsed() - before;
        assert!((8..=10).contains(&waited.as_secs()), "{waited:?}");
        pair.closed(Who::Client, client);
    }
}

/// S9: a publisher that vanished is not pinged back to life: the PINGs that nobody answers do not
/// start its ten seconds again.
#[test]
fn a_silent_peer_that_is_kept_alive_is_given_up_as_soon() {
    for transport in BOTH {
        let mut pair = Pair::new();
        let (client, server) = pair.connected(transport);
        pair.session(Who::Server, server)
            .keep_alive(Some(Duration::from_secs(4)));
        pair.run(Duration::from_secs(30));
        pair.client.cut = true;
        let before = pair.elapsed();
        let (code, reason, remote) = pair.closed(Who::Server, server);
        assert_eq!((code, &*reason, remote), (None, "timed out", true));
        let waited = pair.elapsed() - before;
        assert!((6..=10).contains(&waited.as_secs()), "{waited:?}");
        pair.closed(Who::Client, client);
    }
}

/// S10: QUIC PINGs hold an idle publisher past the idle timeout.
#[test]
fn an_idle_session_that_is_kept_alive_lives_on() {
    for transport in BOTH {
        let mut pair = Pair::new();
        let (client, server) = pair.connected(transport);
        pair.session(Who::Server, server)
            .keep_alive(Some(Duration::from_secs(4)));
        pair.run(Duration::from_secs(120));
        assert!(pair.client.carriers.session(client).is_some());
        pair.session(Who::Server, server).keep_alive(None);
        pair.run(Duration::from_secs(15));
        assert!(pair.client.carriers.session(client).is_none());
    }
}

#[test]
fn a_handle_of_a_session_that_is_gone_finds_nothing() {
    let mut pair = Pair::new();
    let (client, server) = pair.connected(Transport::Quic);
    let now = pair.now;
    pair.server.carriers.close(now, server, 0, "");
    pair.closed(Who::Client, client);
    pair.run(Duration::from_secs(30));
    let (_, next) = pair.connected(Transport::Quic);
    assert_ne!(next, server, "the slot is used again, the handle is not");
    let now = pair.now;
    assert!(pair.server.carriers.session(server).is_none());
    pair.server.carriers.close(now, server, 1, "late");
    pair.server.carriers.accept(server, None);
    pair.server.carriers.refuse(now, server, 500);
    pair.run(Duration::from_secs(1));
    assert!(pair.server.carriers.session(next).is_some());
}

#[test]
fn streams_of_the_other_direction_are_refused_without_a_panic() {
    for transport in BOTH {
        let mut pair = Pair::new();
        let (client, server) = pair.connected(transport);
        let theirs = pair.write(Who::Client, client, Dir::Uni, b"x", false);
        pair.opened(Who::Server);
        let mut session = pair.session(Who::Server, server);
        assert_eq!(
            session.write_chunks(theirs, &mut [Bytes::from_static(b"x")]),
            Err(WriteError::Closed)
        );
        session.finish(theirs);
        session.reset(theirs, 0);
        for id in [0, 1, 2, 3, 400, 401, 402, 403, (1 << 62) - 1] {
            let id = StreamId::from(id);
            let mut chunks = Vec::new();
            if id != theirs {
                session.read(id, 10, &mut chunks);
            }
            session.stop_sending(id, 7);
            session.set_priority(id, 7);
            session.reset(id, 7);
        }
    }
}

#[test]
fn a_certificate_that_is_not_the_pinned_one_or_of_no_authority_ends_the_dial() {
    for verify in [Verify::Pinned([0; 32]), Verify::WebPki] {
        let mut pair = Pair::new();
        let alpn = ["moqt-16".to_owned()];
        let tls = ClientTls::new(Transport::Quic, &alpn, verify).unwrap();
        let client = pair.dial_with(Transport::Quic, tls, "/", Vec::new());
        let (code, reason, _) = pair.closed(Who::Client, client);
        assert_eq!(code, None);
        assert!(reason.contains("certificate"), "{reason}");
        assert!(pair.server.events.is_empty());
    }
}

#[test]
fn a_new_certificate_is_for_new_sessions_and_the_old_ones_stay() {
    let mut pair = Pair::new();
    let (old, _) = pair.connected(Transport::Quic);
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let (chain, key) = (made.cert.pem(), made.signing_key.serialize_pem());
    let certificate = Certificate::from_pem(chain.as_bytes(), key.as_bytes()).unwrap();
    let alpn = ["moqt-16".to_owned()];
    pair.server
        .carriers
        .set_server_tls(ServerTls::new(&certificate, &alpn).unwrap());

    let sha256 = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, made.cert.der());
    let pinned = Verify::Pinned(sha256.as_ref().try_into().unwrap());
    let tls = ClientTls::new(Transport::Quic, &alpn, pinned).unwrap();
    let new = pair.dial_with(Transport::Quic, tls, "/", Vec::new());
    pair.run(Duration::from_secs(1));
    assert!(
        pair.client.carriers.session(new).is_some(),
        "the new certificate is the pinned one"
    );
    assert!(pair.client.carriers.session(old).is_some());
}

#[test]
fn a_key_that_is_not_the_certificates_is_an_error() {
    let [one, other] = [0, 1].map(|_| {
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        (made.cert.pem(), made.signing_key.serialize_pem())
    });
    let mixed = Certificate::from_pem(one.0.as_bytes(), other.1.as_bytes()).unwrap();
    assert!(matches!(
        ServerTls::new(&mixed, &[]),
        Err(TlsError::Rustls(_))
    ));
    let none = Certificate::from_pem(b"", one.1.as_bytes());
    assert!(matches!(none, Err(TlsError::Certificate)));
    let keyless = Certificate::from_pem(one.0.as_bytes(), b"-----BEGIN");
    assert!(matches!(keyless, Err(TlsError::PrivateKey)));
}

#[test]
fn a_client_whose_address_changes_keeps_its_session() {
    for transport in BOTH {
        let mut pair = Pair::new();
        let (client, server) = pair.connected(transport);
        pair.run(Duration::from_millis(100));
        pair.client.address = "203.0.113.5:6000".parse().unwrap();
        let stream = pair.write(Who::Client, client, Dir::Uni, b"from elsewhere", true);
        assert_eq!(pair.opened(Who::Server), stream);
        assert_eq!(pair.read(Who::Server, server, stream).0, b"from elsewhere");
        pair.run(Duration::from_secs(1));
        assert_eq!(
            pair.session(Who::Server, server).peer(),
            pair.client.address
        );
        let back = pair.write(Who::Server, server, Dir::Uni, b"there you are", true);
        assert_eq!(pair.opened(Who::Client), back);
    }
}

//! Control streams, and the ends of sessions, as the engine carries them.

use super::*;

/// What came on control streams, in order: the stream, its bytes, and whether that was all.
fn heard(net: &mut Net) -> Vec<(u64, Vec<u8>, bool)> {
    let mut heard: Vec<(u64, Vec<u8>, bool)> = Vec::new();
    let mut last = None;
    while let Some((at, data, fin)) = net.take(|event| match event {
        Event::StreamBytes {
            session,
            stream,
            data,
            fin,
        } => Some(((*session, *stream), data.to_vec(), *fin)),
        _ => None,
    }) {
        match heard.last_mut().filter(|_| last == Some(at)) {
            Some(last) => {
                last.1.extend(data);
                last.2 = fin;
            }
            None => heard.push((at.1.0, data, fin)),
        }
        last = Some(at);
    }
    heard
}

fn listening() -> (Net, PeerId) {
    let mut net = Net::new();
    let peer = net.join(16);
    net.run_until_quiet();
    net.hears_control = true;
    (net, peer)
}

/// S7: partly: control goes both ways on a stream that either side opened, in order and to its end.
#[test]
fn control_goes_both_ways() {
    let (mut net, peer) = listening();
    let session = net.session(peer);
    let mut carrier = net.peer(peer).carrier().expect("it stands");
    let theirs = carrier.open_bi(0).expect("credit");
    carrier
        .write_chunks(theirs, &mut [Bytes::from_static(b"one two")])
        .expect("room");
    net.run_until_quiet();
    let number = u64::from(theirs);
    assert_eq!(heard(&mut net), [(number, b"one two".to_vec(), false)]);
    net.peer(peer).carrier().expect("it stands").finish(theirs);
    net.run_until_quiet();
    assert_eq!(heard(&mut net), [(number, Vec::new(), true)]);

    let ours = ControlStream(net.handle(0));
    net.command(Command::OpenStream {
        session,
        stream: ours,
        bidirectional: true,
    });
    for word in ["PUBLISH", " ", "track"] {
        let data = Bytes::from_static(word.as_bytes());
        net.command(Command::Send {
            session,
            stream: ours,
            data,
            fin: word == "track",
        });
    }
    let stream = net.until("the stream is opened", |net| {
        net.peer(peer).unread_control()
    });
    net.run_until_quiet();
    let mut carrier = net.peer(peer).carrier().expect("it stands");
    let mut chunks = Vec::new();
    assert_eq!(
        carrier.read(stream, usize::MAX, &mut chunks),
        ReadState::Finished
    );
    assert_eq!(chunks.concat(), b"PUBLISH track");
    carrier
        .write_chunks(stream, &mut [Bytes::from_static(b"OK")])
        .expect("room");
    carrier.finish(stream);
    net.run_until_quiet();
    assert_eq!(heard(&mut net), [(ours.0, b"OK".to_vec(), true)]);
}

/// C11: partly: the ends of a control stream that is given up are told with their codes.
#[test]
fn a_control_stream_is_given_up() {
    let (mut net, peer) = listening();
    let session = net.session(peer);
    let open = |net: &mut Net| {
        let mut carrier = net.peer(peer).carrier().expect("it stands");
        let stream = carrier.open_bi(0).expect("credit");
        carrier
            .write_chunks(stream, &mut [Bytes::from_static(b"?")])
            .expect("room");
        net.run_until_quiet();
        stream
    };
    let theirs = open(&mut net);
    let mut carrier = net.peer(peer).carrier().expect("it stands");
    carrier.reset(theirs, 7);
    carrier.stop_sending(theirs, 8);
    let stream = ControlStream(theirs.into());
    let data = Bytes::from_static(b"too late");
    net.command(Command::Send {
        session,
        stream,
        data,
        fin: false,
    });
    net.run_until_quiet();
    let told: Vec<(char, u64)> = std::iter::from_fn(|| {
        net.take(|event| match event {
            Event::StreamReset {
                stream: at, code, ..
            } if *at == stream => Some(('r', *code)),
            Event::StreamStopped {
                stream: at, code, ..
            } if *at == stream => Some(('s', *code)),
            _ => None,
        })
    })
    .collect();
    assert!(
        told.contains(&('r', 7)) && told.contains(&('s', 8)),
        "{told:?}"
    );

    let theirs = open(&mut net);
    let stream = ControlStream(theirs.into());
    net.command(Command::ResetStream {
        session,
        stream,
        code: 5,
    });
    net.command(Command::StopStream {
        session,
        stream,
        code: 6,
    });
    net.run_until_quiet();
    assert_eq!(net.peer(peer).stopped, [(theirs, 6)]);
    let mut carrier = net.peer(peer).carrier().expect("it stands");
    assert_eq!(
        carrier.read(theirs, 10, &mut Vec::new()),
        ReadState::Reset(5)
    );
}

/// S8: control that its peer does not take is bounded: then the session ends, and no other does.
#[test]
fn a_peer_that_takes_no_control_is_closed() {
    let (mut net, peer) = listening();
    let other = net.join(16);
    let (session, stream) = (net.session(peer), net.control(peer));
    net.peer(peer).cut = true;
    for _ in 0..2_000 {
        let data = Bytes::from(vec![0; 1_000]);
        net.command(Command::Send {
            session,
            stream,
            data,
            fin: false,
        });
    }
    let closed = net.until("the session ends", |net| {
        net.take(|event| match event {
            Event::Closed {
                session: id, code, ..
            } if *id == session => Some(*code),
            _ => None,
        })
    });
    assert_eq!(closed, Some(0x11));
    assert_eq!(net.peer(other).closed, None);
}

/// S8: partly: who floods control waits for the governing thread, and others do not wait for it.
#[test]
fn a_flood_of_control_does_not_hold_up_others() {
    let (mut net, loud) = listening();
    let quiet = net.join(16);
    net.run_until_quiet();
    heard(&mut net);
    net.visits = false;
    let stream = net.peer(loud).control.expect("it stands");
    let mut carrier = net.peer(loud).carrier().expect("it stands");
    let written = carrier.write_chunks(stream, &mut [Bytes::from(vec![1; 200_000])]);
    assert!(written.is_ok_and(|it| it.bytes > 100_000));
    net.run_until_quiet();
    let stream = net.peer(quiet).control.expect("it stands");
    let mut carrier = net.peer(quiet).carrier().expect("it stands");
    carrier
        .write_chunks(stream, &mut [Bytes::from_static(b"SUBSCRIBE")])
        .expect("room");
    net.run_until_quiet();
    let said = heard(&mut net);
    let (most, last) = (said[0].1.len(), said.last().expect("something was heard"));
    assert!(most <= 20_000, "{most}");
    assert_eq!(last.1, b"SUBSCRIBE");
    net.visits = true;
    net.run_until_quiet();
    let rest: usize = heard(&mut net).iter().map(|it| it.1.len()).sum();
    assert!(most + rest > 100_000);
}

/// S1: a shutdown closes every session with its code, and tells when all are gone.
#[test]
fn a_shutdown_says_goodbye_to_everybody() {
    let mut net = Net::with(|scene| scene.shards = 2);
    let peers: Vec<PeerId> = [(0, 14), (1, 16), (1, 14)]
        .into_iter()
        .zip([BOTH[0], BOTH[1], BOTH[0]])
        .map(|((shard, draft), transport)| net.join_on(draft, transport, shard))
        .collect();
    let now = net.now;
    for relay in &mut net.relays {
        let deadline = Duration::from_secs(5);
        let reason = "going away".to_owned();
        relay.carry_out(
            now,
            Command::Shutdown {
                code: 0x10,
                reason,
                deadline,
            },
        );
    }
    net.seconds(4);
    let stopped = |event: &Event| matches!(event, Event::Stopped).then_some(());
    assert_eq!((net.take(stopped), net.take(stopped)), (Some(()), Some(())));
    for peer in peers {
        let closed = net.peer(peer).closed.clone();
        assert_eq!(
            closed.map(|it| (it.0, it.1)),
            Some((Some(0x10), "going away".to_owned()))
        );
    }
    assert!(net.relays.iter().all(|relay| relay.sessions.is_empty()));
}

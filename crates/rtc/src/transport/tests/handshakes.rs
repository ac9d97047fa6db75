//! A session's first association.

use super::*;

#[test]
fn both_ends_have_the_same_keys() {
    let mut call = Call::new();
    call.client.call();
    call.run(seconds(1.0));
    let keys = call.keys();
    assert_eq!(keys.send.profile(), rtp::srtp::Profile::AeadAes256Gcm);
    assert!(agree(&keys, call.client.keys.as_ref().unwrap()));
    assert_eq!(call.context.handshakes(), 0);
}

#[test]
fn the_server_may_be_the_one_that_begins() {
    let mut call = Call::undescribed();
    call.client.listens = true;
    let remote = Remote {
        dtls_client: true,
        ..remote(&call.client.certificate)
    };
    call.server.set_remote(call.now, remote);
    call.run(seconds(1.0));
    let keys = call.keys();
    assert!(agree(&keys, call.client.keys.as_ref().unwrap()));
}

#[test]
fn a_handshake_survives_loss_reordering_and_duplicates() {
    for seed in 1..=40 {
        let mut call = Call::new();
        call.dice = seed * 0x9e37_79b9;
        call.weather = Weather {
            lost: 15,
            late: 20,
            twice: 10,
        };
        call.client.call();
        call.run(seconds(14.0));
        let keys = call.keys();
        let theirs = call.client.keys.as_ref();
        assert!(
            theirs.is_some_and(|theirs| agree(&keys, theirs)),
            "seed {seed}"
        );
    }
}

#[test]
fn the_description_may_come_after_the_handshake() {
    let mut call = Call::undescribed();
    call.client.call();
    call.run(seconds(1.0));
    assert!(call.client.keys.is_some(), "the client is done");
    assert!(call.take_events().is_empty(), "but who is it?");
    assert_eq!(call.context.handshakes(), 0);
    call.describe();
    call.run(seconds(0.0));
    let keys = call.keys();
    assert!(agree(&keys, call.client.keys.as_ref().unwrap()));
}

#[test]
fn another_certificate_than_described_ends_it() {
    for (algorithm, right) in [("sha-256", false), ("md5", true)] {
        let mut call = Call::undescribed();
        let mut remote = remote(&call.client.certificate);
        remote.algorithm = algorithm.to_owned();
        remote.fingerprint[0] ^= u8::from(!right);
        call.server.set_remote(call.now, remote);
        call.client.call();
        call.run(seconds(1.0));
        assert_eq!(call.lost(), [Lost::Fingerprint]);
        assert!(call.client.closed, "it was told");
        call.describe();
        call.client.call_again(call.now);
        call.run(seconds(2.0));
        call.keys();
    }
}

#[test]
fn a_handshake_that_the_peer_gave_up_is_given_up() {
    let mut call = Call::new();
    call.client.call();
    call.run(seconds(0.025));
    assert_eq!(call.context.handshakes(), 0);
    call.run(seconds(0.01));
    assert_eq!(call.context.handshakes(), 1);
    call.client.dtls = None;
    call.run(seconds(14.0));
    assert!(call.take_events().is_empty());
    call.run(seconds(2.0));
    assert_eq!(call.lost(), [Lost::Handshake]);
    assert_eq!(call.context.handshakes(), 0);
    call.client.call_again(call.now);
    call.run(seconds(1.0));
    call.keys();
}

#[test]
fn handshakes_beyond_the_limit_wait_for_their_turn() {
    let context = context(1);
    let mut first = Call::within(Rc::clone(&context));
    let mut second = Call::within(context);
    for call in [&mut first, &mut second] {
        call.describe();
        call.client.call();
    }
    first.run(seconds(0.035));
    assert_eq!(first.context.handshakes(), 1);
    second.run(seconds(0.2));
    assert!(second.take_events().is_empty());
    first.run(seconds(0.2));
    first.keys();
    second.run(seconds(1.0));
    second.keys();
}

#[test]
fn silence_disconnects_and_a_packet_connects_again() {
    let mut call = Call::connected();
    call.client.checks = None;
    call.run(seconds(9.0));
    assert!(call.take_events().is_empty());
    call.run(seconds(1.5));
    assert_eq!(call.lost(), [Lost::Silent]);
    assert!(call.server.is_silent());
    assert_eq!(call.server.next_timeout(), None, "nothing to wait for");
    call.server.heard(call.now, call.client.address);
    call.run(seconds(0.0));
    assert!(matches!(call.take_events()[..], [Event::Resumed]));
    call.run(seconds(10.5));
    assert_eq!(call.lost(), [Lost::Silent]);
}

#[test]
fn an_idle_session_wakes_once_in_the_time_of_silence() {
    let mut call = Call::connected();
    let mut wakes = 0;
    let end = call.now + seconds(100.0);
    while let Some(next) = call.server.next_timeout().filter(|next| *next < end) {
        call.server.handle_timeout(next);
        call.server.heard(next, address(5_000));
        call.now = next;
        call.settle();
        wakes += 1;
    }
    assert!(wakes <= 10, "{wakes} times in 100 s");
}

#[test]
fn a_closed_session_says_goodbye() {
    let mut call = Call::connected();
    call.server.close();
    call.run(seconds(0.1));
    assert!(call.client.closed);
}

#[test]
fn nobody_shakes_hands_before_a_check() {
    let mut call = Call::new();
    let mut hello = Client::new(call.now, credentials("server"), address(9));
    hello.call();
    hello.answers.push(super::super::stun::Answer::Error(0));
    for bytes in hello.outgoing(call.now) {
        call.receive(address(9), &bytes);
    }
    assert!(call.wire.is_empty());
    assert_eq!(call.context.handshakes(), 0);
}

//! Associations that take another's place on the same ICE credentials.

use super::*;

#[test]
fn a_new_association_within_two_seconds_of_a_close_notify_is_no_loss() {
    for port in [5_000, 5_001] {
        let mut call = Call::connected();
        call.client.dtls.as_mut().unwrap().close();
        call.run(seconds(1.0));
        assert!(call.take_events().is_empty());
        call.client.address = address(port);
        call.client.call_again(call.now);
        call.run(seconds(1.0));
        assert!(matches!(call.events[..], [Event::Rekeyed { .. }]));
        let keys = call.keys();
        assert!(agree(&keys, call.client.keys.as_ref().unwrap()));
        call.run(seconds(5.0));
        assert!(call.take_events().is_empty());
    }
}

#[test]
fn two_seconds_after_a_close_notify_the_session_is_lost_until_a_new_one() {
    let mut call = Call::connected();
    call.client.dtls.as_mut().unwrap().close();
    call.run(seconds(1.9));
    assert!(call.take_events().is_empty());
    call.run(seconds(0.2));
    assert_eq!(call.lost(), [Lost::CloseNotify]);
    call.client.call_again(call.now);
    call.run(seconds(1.0));
    assert!(matches!(call.events[..], [Event::Connected { .. }]));
}

#[test]
fn a_client_of_ours_calls_again_after_a_close_notify() {
    let mut call = Call::undescribed();
    call.client.listens = true;
    let remote = Remote {
        dtls_client: true,
        ..remote(&call.client.certificate)
    };
    call.server.set_remote(call.now, remote);
    call.run(seconds(1.0));
    call.keys();
    call.client.dtls.as_mut().unwrap().close();
    call.run(seconds(0.001));
    call.client.dtls = None;
    call.run(seconds(1.5));
    assert!(matches!(call.events[..], [Event::Rekeyed { .. }]));
    let keys = call.keys();
    assert!(agree(&keys, call.client.keys.as_ref().unwrap()));
}

#[test]
fn a_peer_may_begin_anew_without_closing() {
    let mut call = Call::connected();
    call.client.call_again(call.now);
    call.run(seconds(1.0));
    assert!(matches!(call.events[..], [Event::Rekeyed { .. }]));
    let keys = call.keys();
    assert!(agree(&keys, call.client.keys.as_ref().unwrap()));
}

/// The network or somebody on it sends again what it has seen.
#[test]
fn a_replayed_handshake_changes_nothing() {
    let mut call = Call::connected();
    call.run(seconds(3.0));
    for bytes in call.overheard_dtls() {
        call.receive(address(5_000), &bytes);
        call.run(seconds(0.1));
    }
    call.run(seconds(20.0));
    assert!(call.take_events().is_empty());
    assert_eq!(call.context.handshakes(), 0);
    call.client.dtls.as_mut().unwrap().close();
    call.run(seconds(3.0));
    assert_eq!(
        call.lost(),
        [Lost::CloseNotify],
        "the old association stood"
    );
}

#[test]
fn a_hello_from_an_address_that_checked_but_is_not_in_use_resets_nothing() {
    let mut call = Call::connected();
    let check = call.client.check(false);
    call.receive(address(6_000), &check);
    let mut other = Client::new(call.now, credentials("server"), address(6_000));
    other.call();
    other.answers.push(super::super::stun::Answer::Error(0));
    let hello = other.outgoing(call.now).remove(0);
    call.wire.clear();
    call.receive(address(6_000), &hello);
    assert!(call.wire.is_empty());
}

/// Somebody who knows the peer's address, but does not hear what we send there.
#[test]
fn a_forged_hello_from_the_address_in_use_resets_nothing() {
    let mut call = Call::connected();
    let mut forger = Client::new(call.now, credentials("server"), address(5_000));
    forger.answers.push(super::super::stun::Answer::Error(0));
    for _ in 0..20 {
        forger.call_again(call.now);
        let hello = forger.outgoing(call.now).remove(0);
        call.wire.clear();
        call.receive(address(5_000), &hello);
        let answers = call.wire.iter().filter(|packet| !packet.to_server);
        let answered: usize = answers.map(|packet| packet.bytes.len()).sum();
        assert!(
            answered <= hello.len(),
            "{answered} bytes for {}",
            hello.len()
        );
        call.wire.clear();
        call.run(seconds(0.1));
    }
    assert!(call.context.handshakes() <= 1);
    call.run(seconds(3.0));
    assert!(call.take_events().is_empty());
    call.client.dtls.as_mut().unwrap().close();
    call.run(seconds(3.0));
    assert_eq!(
        call.lost(),
        [Lost::CloseNotify],
        "the old association stood"
    );
}

#[test]
fn a_new_association_of_somebody_else_leaves_the_old_one() {
    let mut call = Call::connected();
    let mut other = Client::new(call.now, credentials("server"), address(5_000));
    other.call_again(call.now);
    std::mem::swap(&mut call.client, &mut other);
    call.run(seconds(2.0));
    assert!(call.client.closed, "it was sent away");
    std::mem::swap(&mut call.client, &mut other);
    call.run(seconds(1.0));
    assert!(call.take_events().is_empty());
    call.client.dtls.as_mut().unwrap().close();
    call.run(seconds(3.0));
    assert_eq!(call.lost(), [Lost::CloseNotify]);
}

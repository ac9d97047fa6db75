//! SCTP over the association.

use super::client::Channels;
use super::*;

fn described(call: &mut Call, sctp_port: Option<u16>) {
    let remote = Remote {
        sctp_port,
        ..remote(&call.client.certificate)
    };
    call.server.set_remote(call.now, remote);
}

fn is_up(call: &Call) -> bool {
    let ours = call.server.sctp.as_ref();
    let theirs = call.client.channels.as_ref();
    ours.is_some_and(|sctp| sctp.is_connected())
        && theirs.is_some_and(|channels| channels.is_connected())
}

#[test]
fn the_association_comes_up_and_stays_up() {
    let mut call = Call::undescribed();
    described(&mut call, Some(5_000));
    call.client.channels = Some(Channels::call());
    call.client.call();
    call.run(seconds(1.0));
    assert!(is_up(&call));
    call.run(seconds(120.0));
    assert!(is_up(&call));
}

#[test]
fn it_comes_up_when_a_section_is_negotiated_later() {
    let mut call = Call::connected();
    call.client.channels = Some(Channels::call());
    call.run(seconds(1.0));
    assert!(!is_up(&call));
    described(&mut call, Some(5_000));
    call.run(seconds(10.0));
    assert!(is_up(&call));
}

#[test]
fn it_comes_up_through_loss_and_reordering() {
    for seed in 1..=10 {
        let mut call = Call::undescribed();
        call.dice = seed * 0x9e37_79b9;
        described(&mut call, Some(5_000));
        call.weather = Weather {
            lost: 10,
            late: 20,
            twice: 10,
        };
        call.client.channels = Some(Channels::call());
        call.client.call();
        call.run(seconds(40.0));
        assert!(is_up(&call), "seed {seed}");
    }
}

#[test]
fn a_new_association_begins_with_new_channels() {
    let mut call = Call::undescribed();
    described(&mut call, Some(5_000));
    call.client.channels = Some(Channels::call());
    call.client.call();
    call.run(seconds(1.0));
    call.client.channels = Some(Channels::call());
    call.client.call_again(call.now);
    call.run(seconds(5.0));
    assert!(is_up(&call));
}

/// Nobody reads them yet; they must not pile up either.
#[test]
fn messages_are_taken_and_dropped() {
    let mut call = Call::undescribed();
    described(&mut call, Some(5_000));
    call.client.channels = Some(Channels::call());
    call.client.call();
    call.run(seconds(1.0));
    for n in 0..200 {
        let channels = call.client.channels.as_mut().unwrap();
        channels.write(n % 20, &[7; 16_000]);
        call.run(seconds(0.5));
    }
    assert!(is_up(&call));
    let channels = call.client.channels.as_mut().unwrap();
    let stream = channels.association.stream(3).unwrap();
    assert_eq!(stream.buffered_amount().unwrap(), 0, "all was taken");
}

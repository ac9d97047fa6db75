//! SCTP over the association.

use sctp_proto::PayloadProtocolIdentifier;

use super::super::sctp::Sctp;
use super::*;

fn described(call: &mut Call, sctp_port: Option<u16>) {
    let remote = Remote {
        sctp_port,
        ..remote(&call.client.certificate)
    };
    call.server.set_remote(call.now, remote);
}

fn is_up(call: &mut Call) -> bool {
    let ours = call.server.sctp.as_deref_mut();
    let theirs = call.client.channels.as_mut();
    [ours, theirs].into_iter().all(|end| {
        end.and_then(Sctp::association)
            .is_some_and(|end| !end.is_handshaking() && !end.is_closed())
    })
}

#[test]
fn the_association_comes_up_and_stays_up() {
    let mut call = Call::undescribed();
    described(&mut call, Some(5_000));
    call.client.channels = Some(Sctp::call(5_000));
    call.client.call();
    call.run(seconds(1.0));
    assert!(is_up(&mut call));
    call.run(seconds(120.0));
    assert!(is_up(&mut call));
}

#[test]
fn it_comes_up_when_a_section_is_negotiated_later() {
    let mut call = Call::connected();
    call.client.channels = Some(Sctp::call(5_000));
    call.run(seconds(1.0));
    assert!(!is_up(&mut call));
    described(&mut call, Some(5_000));
    call.run(seconds(10.0));
    assert!(is_up(&mut call));
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
        call.client.channels = Some(Sctp::call(5_000));
        call.client.call();
        call.run(seconds(40.0));
        assert!(is_up(&mut call), "seed {seed}");
    }
}

#[test]
fn a_new_association_begins_with_new_channels() {
    let mut call = Call::undescribed();
    described(&mut call, Some(5_000));
    call.client.channels = Some(Sctp::call(5_000));
    call.client.call();
    call.run(seconds(1.0));
    call.client.channels = Some(Sctp::call(5_000));
    call.client.call_again(call.now);
    call.run(seconds(5.0));
    assert!(is_up(&mut call));
}

/// Nobody reads them yet; they must not pile up either.
#[test]
fn messages_are_taken_and_dropped() {
    let mut call = Call::undescribed();
    described(&mut call, Some(5_000));
    call.client.channels = Some(Sctp::call(5_000));
    call.client.call();
    call.run(seconds(1.0));
    let kind = PayloadProtocolIdentifier::Binary;
    for n in 0..200 {
        let channels = call.client.channels.as_mut().and_then(Sctp::association);
        let association = channels.unwrap();
        if association.stream(n % 20).is_err() {
            association.open_stream(n % 20, kind).unwrap();
        }
        let mut stream = association.stream(n % 20).unwrap();
        stream.write_with_ppi(&[7; 16_000], kind).unwrap();
        call.run(seconds(0.5));
    }
    assert!(is_up(&mut call));
    let channels = call.client.channels.as_mut().and_then(Sctp::association);
    let stream = channels.unwrap().stream(3).unwrap();
    assert_eq!(stream.buffered_amount().unwrap(), 0, "all was taken");
}

/// aiortc as DTLS server waits to be called, Chromium calls all the same.
#[test]
fn as_client_of_dtls_we_call() {
    for channels in [Sctp::accept(), Sctp::call(5_000)] {
        let mut call = Call::undescribed();
        call.client.listens = true;
        call.client.channels = Some(channels);
        let remote = Remote {
            dtls_client: true,
            sctp_port: Some(5_000),
            ..remote(&call.client.certificate)
        };
        call.server.set_remote(call.now, remote);
        call.run(seconds(1.0));
        assert!(is_up(&mut call));
        call.run(seconds(60.0));
        assert!(is_up(&mut call));
    }
}

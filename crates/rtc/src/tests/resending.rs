//! Lost packets, on either leg.

use rtp::packet::Header;

use super::ms;
use super::net::Net;
use super::peer::Told;
use super::script::{Camera, RTX_OUT, VIDEO_RTX, Watch};

/// A camera, and a sink that gets its key frame.
fn scene() -> (Net, Camera, Watch) {
    let mut net = Net::new();
    let publisher = net.join();
    let mut camera = net.flowing(publisher);
    let subscriber = net.join();
    let watch = net.watch(subscriber, camera.track);
    net.run(ms(50));
    net.frame(&mut camera, 8, true);
    net.run(ms(50));
    (net, camera, watch)
}

fn nack(net: &mut Net, watch: Watch, sequences: &[u16]) {
    net.peer(watch.peer).tell(|writer| {
        writer.receiver_report(2, &[]).unwrap();
        let sequences = sequences.iter().copied();
        writer.nack(2, watch.ssrc, sequences).unwrap();
    });
    net.run(ms(25));
}

#[test]
fn a_lost_packet_is_sent_again_as_rfc_4588_has_it() {
    let (mut net, _, watch) = scene();
    let lost = net.got(watch)[3].clone();
    nack(&mut net, watch, &[lost.header.sequence]);
    let resent = net.resent(watch);
    assert_eq!(resent.len(), 1);
    assert_eq!(resent[0].header.payload_type, RTX_OUT);
    assert_eq!(resent[0].header.timestamp, lost.header.timestamp);
    assert_eq!(resent[0].payload[..2], lost.header.sequence.to_be_bytes());
    assert_eq!(resent[0].payload[2..], lost.payload[..]);
}

#[test]
fn without_rtx_a_packet_is_sent_again_as_it_was() {
    let mut net = Net::new();
    let publisher = net.join();
    let mut microphone = net.microphone(publisher);
    net.frame(&mut microphone, 1, false);
    net.run(ms(50));
    let subscriber = net.join();
    let watch = net.watch_with(subscriber, microphone.track, |options| {
        options.rtx_ssrc = None;
    });
    for loses in [false, true, false] {
        net.frame(&mut microphone, 1, false);
        net.run(ms(9));
        // Now it is between the plane and the subscriber.
        net.scene.lost = if loses { 1_000 } else { 0 };
        net.run(ms(2));
        net.scene.lost = 0;
        net.run(ms(20));
    }
    let got = net.got(watch);
    assert_eq!(got.len(), 2);
    let lost = got[0].header.sequence.wrapping_add(1);
    nack(&mut net, watch, &[lost]);
    let resent = &net.got(watch)[2];
    assert_eq!(resent.header.sequence, lost);
    assert_eq!(resent.number(), got[0].number() + 1);
}

#[test]
fn a_packet_is_sent_again_once_in_a_round_trip() {
    let (mut net, _, watch) = scene();
    let lost = net.got(watch)[3].header.sequence;
    for _ in 0..20 {
        net.peer(watch.peer).tell(|writer| {
            writer.receiver_report(2, &[]).unwrap();
            writer.nack(2, watch.ssrc, [lost; 1]).unwrap();
        });
    }
    net.run(ms(25));
    assert_eq!(net.resent(watch).len(), 1);
    assert_eq!(
        net.count(|counters| counters.rtp_dropped_retransmissions.get()),
        19
    );
}

/// A subscriber that asks for everything all the time does not multiply what it is sent.
#[test]
fn what_is_sent_again_is_a_share_of_what_is_sent() {
    let (mut net, mut camera, watch) = scene();
    for _ in 0..100 {
        net.frame(&mut camera, 8, false);
        net.run(ms(33));
        let all: Vec<u16> = net
            .got(watch)
            .iter()
            .map(|got| got.header.sequence)
            .collect();
        let recent = &all[all.len().saturating_sub(200)..];
        nack(&mut net, watch, recent);
    }
    let (sent, resent) = (net.got(watch).len(), net.resent(watch).len());
    assert!(sent > 700, "{sent}");
    assert!(resent < 2 * sent, "{resent} of {sent}");
}

#[test]
fn what_the_publisher_lost_is_asked_for_and_arrives_in_its_place() {
    let (mut net, mut camera, watch) = scene();
    let from = net.got(watch).len();
    let mut lost = None;
    for index in 0..6 {
        let bytes = net.packet(&mut camera, index == 5, &[], &[7; 300]);
        if index == 2 {
            lost = Some(camera.sequence.wrapping_sub(1));
        } else {
            net.peer(camera.peer).out.push(bytes);
        }
    }
    let lost = lost.expect("one is lost");
    net.run(ms(60));
    let asked =
        |told: &Told| matches!(told, Told::Nack(ssrc, of) if *ssrc == camera.ssrc && *of == [lost]);
    assert!(
        net.peer(camera.peer).told.iter().any(asked),
        "it is asked for"
    );
    assert_eq!(net.got(watch).len(), from + 5);

    let header = Header {
        marker: false,
        payload_type: VIDEO_RTX,
        sequence: 1,
        timestamp: camera.timestamp,
        ssrc: camera.rtx_ssrc,
    };
    let mut payload = lost.to_be_bytes().to_vec();
    payload.extend([9; 300]);
    let bytes = net.peer(camera.peer).seal(header, &[], &payload);
    net.peer(camera.peer).out.push(bytes);
    net.run(ms(30));

    let got = &net.got(watch)[from..];
    assert_eq!(got.len(), 6);
    let first = got[0].header.sequence;
    let recovered = got.last().expect("there are six");
    assert_eq!(recovered.header.sequence, first.wrapping_add(2));
    assert_eq!(recovered.payload, [9; 300]);
    assert_eq!(net.count(|counters| counters.rtp_recovered.get()), 1);
}

#[test]
fn padding_on_the_retransmission_ssrc_is_no_packet() {
    let (mut net, camera, watch) = scene();
    let got = net.got(watch).len();
    let header = Header {
        marker: false,
        payload_type: VIDEO_RTX,
        sequence: 1,
        timestamp: camera.timestamp,
        ssrc: camera.rtx_ssrc,
    };
    for payload in [&[][..], &[0]] {
        let bytes = net.peer(camera.peer).seal(header, &[], payload);
        net.peer(camera.peer).out.push(bytes);
        net.run(ms(30));
    }
    assert_eq!(net.got(watch).len(), got);
}

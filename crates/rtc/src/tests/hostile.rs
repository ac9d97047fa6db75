//! Peers that mean no good.

use std::net::SocketAddr;

use rtp::extensions::ExtensionNumber;
use rtp::packet::Header;

use super::ms;
use super::net::Net;
use super::peer::Told;
use super::script::{VIDEO, VIDEO_RTX, block, simulcast};

#[test]
fn forged_and_replayed_packets_are_dropped() {
    let mut net = Net::new();
    let publisher = net.join();
    let mut camera = net.flowing(publisher);
    let subscriber = net.join();
    let watch = net.watch(subscriber, camera.track);
    net.run(ms(50));
    net.frame(&mut camera, 1, true);
    net.run(ms(50));
    let packet = net.packet(&mut camera, false, &[], &[3; 200]);
    let from = net.peer(publisher).address;
    for index in 0..packet.len() {
        let mut forged = packet.clone();
        forged[index] ^= 1;
        net.inject(0, from, &forged);
    }
    net.run(ms(50));
    assert_eq!(net.got(watch).len(), 1);
    for _ in 0..5 {
        net.inject(0, from, &packet);
        net.run(ms(20));
    }
    assert_eq!(net.got(watch).len(), 2);
    assert!(net.count(|counters| counters.srtp_failures.get()) >= packet.len() as u64);
}

#[test]
fn packets_of_strangers_go_nowhere_and_are_not_answered() {
    let mut net = Net::new();
    let publisher = net.join();
    let mut camera = net.flowing(publisher);
    net.peer(publisher).alive = false;
    net.run(ms(200));
    let packet = net.packet(&mut camera, false, &[], &[3; 200]);
    net.runs.clear();
    let stranger = SocketAddr::from(([192, 0, 2, 66], 6_666));
    for bytes in [&packet[..], &[22, 254, 253, 0], &[0x80], &[0x80, 200, 0, 0]] {
        net.inject(0, stranger, bytes);
    }
    net.run(ms(1));
    assert_eq!(net.count(|counters| counters.rtc_unclaimed.get()), 4);
    assert!(net.runs.is_empty());
}

#[test]
fn a_hundred_ssrcs_of_nobody_cost_nothing() {
    let mut net = Net::new();
    let publisher = net.join();
    net.extensions(publisher, &[(4, ExtensionNumber::MID)]);
    let camera = net.flowing(publisher);
    for index in 0..100u32 {
        let header = Header {
            marker: false,
            payload_type: if index % 2 == 0 { VIDEO } else { VIDEO_RTX },
            sequence: 9,
            timestamp: 9,
            ssrc: 0xdead_0000 + index,
        };
        let mid = block(&[(4, if index % 3 == 0 { b"none" } else { b"9999" })]);
        let bytes = net.peer(publisher).seal(header, &mid, &[0; 50]);
        net.peer(publisher).out.push(bytes);
    }
    net.run(ms(50));
    let session = &net.planes[0].sessions[0];
    assert_eq!(session.streams.len(), 2, "those of the description");
    assert_eq!(net.count(|counters| counters.rtp_unknown.get()), 100);
    let _ = camera;
}

/// However many SSRCs claim an encoding, it has one at a time.
#[test]
fn ssrcs_that_claim_an_encoding_in_turn_are_not_remembered() {
    let mut net = Net::new();
    let publisher = net.join();
    let ids = [(4, ExtensionNumber::MID), (5, ExtensionNumber::RID)];
    net.extensions(publisher, &ids);
    net.open(publisher, simulcast("1", &["a", "b"]));
    for index in 0..50u32 {
        for (rid, base) in [(b"a", 0x1_0000), (b"b", 0x2_0000)] {
            let header = Header {
                marker: true,
                payload_type: VIDEO,
                sequence: 9,
                timestamp: 9,
                ssrc: base + index,
            };
            let block = block(&[(4, b"1"), (5, rid)]);
            let bytes = net.peer(publisher).seal(header, &block, &[0; 50]);
            net.peer(publisher).out.push(bytes);
        }
        net.run(ms(if index % 2 == 0 { 20 } else { 500 }));
    }
    let session = &net.planes[0].sessions[0];
    assert_eq!(session.streams.len(), 2);
}

#[test]
fn a_storm_of_key_frame_requests_reaches_the_publisher_as_a_few() {
    let mut net = Net::new();
    let publisher = net.join();
    let mut camera = net.flowing(publisher);
    let watches: Vec<_> = (0..10)
        .map(|_| {
            let subscriber = net.join();
            net.watch(subscriber, camera.track)
        })
        .collect();
    net.frame(&mut camera, 2, true);
    net.run(ms(1_000));
    net.peer(publisher).told.clear();
    for _ in 0..100 {
        for watch in &watches {
            let ssrc = watch.ssrc;
            net.peer(watch.peer).tell(|writer| {
                writer.receiver_report(2, &[]).unwrap();
                for number in 0..20 {
                    writer.picture_loss(2, ssrc).unwrap();
                    writer.full_intra_request(2, ssrc, number).unwrap();
                }
            });
        }
        net.run(ms(10));
    }
    let asked = |told: &&Told| matches!(told, Told::PictureLoss(_));
    let asked = net.peer(publisher).told.iter().filter(asked).count();
    assert!((1..=4).contains(&asked), "{asked} in a second");
}

#[test]
fn payloads_of_any_length_are_survived() {
    let mut net = Net::new();
    let publisher = net.join();
    let mut camera = net.flowing(publisher);
    let subscriber = net.join();
    let watch = net.watch(subscriber, camera.track);
    net.frame(&mut camera, 2, true);
    net.run(ms(50));
    for len in (0..40).chain([1_200, 1_400, 3_000, 9_000, 60_000]) {
        let bytes = net.packet(&mut camera, true, &[], &vec![0xff; len]);
        net.peer(publisher).out.push(bytes);
        net.run(ms(15));
    }
    net.run(ms(50));
    let got = net.got(watch);
    assert!(got.len() > 20);
    assert!(got.iter().all(|got| got.payload.len() <= 1_400));
    for pair in got.windows(2) {
        let step = pair[1]
            .header
            .sequence
            .wrapping_sub(pair[0].header.sequence);
        assert!(step < 8, "{step}");
    }
}

#[test]
fn reports_that_make_no_sense_are_survived() {
    let mut net = Net::new();
    let publisher = net.join();
    let camera = net.flowing(publisher);
    let subscriber = net.join();
    let watch = net.watch(subscriber, camera.track);
    net.run(ms(50));
    net.peer(subscriber).tell(|writer| {
        writer.receiver_report(2, &[]).unwrap();
        writer.nack(2, watch.ssrc, 0..2_000).unwrap();
    });
    net.peer(subscriber).tell(|writer| {
        writer.goodbye(&[watch.ssrc]).unwrap();
        writer.nack(2, 77, [1, 2, 3]).unwrap();
        writer.picture_loss(2, camera.ssrc).unwrap();
    });
    net.run(ms(50));
    assert_eq!(net.count(|counters| counters.rtp_retransmissions.get()), 0);
}

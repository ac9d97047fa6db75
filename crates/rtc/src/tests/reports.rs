//! Sender reports, receiver reports, and when packets came.

use rtp::extensions::ExtensionNumber;
use rtp::rtcp::{ReportBlock, SenderInfo};

use super::ms;
use super::net::{Net, PeerId};
use super::peer::Told;
use super::script::{Camera, Watch, block};

/// What a publisher's sender report says: at `ntp` (units of 2^-32 s) its timestamp is `rtp`.
fn sender_report(net: &mut Net, camera: &Camera, ntp: u64, rtp: u32) {
    let info = SenderInfo {
        ntp,
        rtp,
        packets: 1,
        octets: 1,
    };
    let ssrc = camera.ssrc;
    net.peer(camera.peer)
        .tell(|writer| writer.sender_report(ssrc, &info, &[]).unwrap());
}

fn last_report(net: &Net, watch: Watch) -> SenderInfo {
    let told = net.peers[watch.peer.0].told.iter().rev();
    let mut reports = told.filter_map(|told| match told {
        Told::Sender(ssrc, info) if *ssrc == watch.ssrc => Some(*info),
        _ => None,
    });
    reports.next().expect("there is a report")
}

/// RFC 3550 §6.4.1: receivers put audio and video together by their sender reports.
#[test]
fn audio_and_video_of_a_publisher_stay_together() {
    let mut net = Net::new();
    let publisher = net.join();
    let mut camera = net.flowing(publisher);
    let mut microphone = net.microphone(publisher);
    net.frame(&mut microphone, 1, false);
    net.run(ms(20));
    let subscriber = net.join();
    let watches = [camera.track, microphone.track].map(|track| net.watch(subscriber, track));
    net.run(ms(50));
    // The publisher's clock is years behind ours. Its reports leave and arrive at different times.
    let (at_camera, at_microphone) = (camera.timestamp, microphone.timestamp);
    sender_report(&mut net, &camera, 100 << 32, at_camera);
    net.run(ms(70));
    sender_report(&mut net, &microphone, 101 << 32, at_microphone);
    net.frame(&mut camera, 2, true);
    net.frame(&mut microphone, 1, false);
    net.run(ms(20));
    for _ in 0..100 {
        net.frame(&mut camera, 2, false);
        net.frame(&mut microphone, 1, false);
        net.run(ms(20));
    }
    // The first packets of both, by their publisher's clock: what a subscriber takes them for.
    let moments = [(watches[0], 90_000.0, 100.0), (watches[1], 48_000.0, 101.0)].map(
        |(watch, rate, theirs)| {
            let report = last_report(&net, watch);
            let first = net.got(watch)[0].header.timestamp;
            let behind = f64::from(report.rtp.wrapping_sub(first)) / rate;
            report.ntp as f64 / 2f64.powi(32) - behind - theirs
        },
    );
    let apart = (moments[0] - moments[1]).abs();
    assert!(apart < 0.001, "{apart} s");
}

#[test]
fn a_subscriber_hears_of_each_stream_once_a_second() {
    let mut net = Net::new();
    let publisher = net.join();
    let mut camera = net.flowing(publisher);
    let subscriber = net.join();
    let watch = net.watch(subscriber, camera.track);
    net.run(ms(50));
    net.frame(&mut camera, 3, true);
    let at = camera.timestamp;
    sender_report(&mut net, &camera, 100 << 32, at);
    net.film(&mut camera, 5.0);
    let told = &net.peer(subscriber).told;
    let reports = told.iter().filter(|told| matches!(told, Told::Sender(..)));
    assert!((4..=6).contains(&reports.count()));
    let cname = |told: &Told| matches!(told, Told::Cname(ssrc, of) if *ssrc == watch.ssrc && of == "publisher");
    assert!(told.iter().any(cname));
    let report = last_report(&net, watch);
    assert!(report.packets > 350 && report.octets == report.packets * 1_000);
    net.run(ms(2_000));
    net.peer(subscriber).told.clear();
    net.run(ms(5_000));
    assert!(
        net.peer(subscriber).told.is_empty(),
        "nothing was sent since"
    );
}

#[test]
fn a_publisher_hears_what_came_of_its_packets() {
    let mut net = Net::new();
    let publisher = net.join();
    let mut camera = net.flowing(publisher);
    net.film(&mut camera, 1.0);
    camera.sequence = camera.sequence.wrapping_add(10);
    net.film(&mut camera, 2.0);
    net.run(ms(1_100));
    let told = net.peer(publisher).told.iter().rev();
    let mut blocks = told.filter_map(|told| match told {
        Told::Block(block) if block.ssrc == camera.ssrc => Some(*block),
        _ => None,
    });
    let last = blocks.next().expect("there are reports");
    assert_eq!(last.lost, 10);
    assert_eq!(last.highest as u16, camera.sequence.wrapping_sub(1));
}

#[test]
fn a_publisher_hears_when_its_packets_came() {
    let mut net = Net::new();
    let publisher = net.join();
    net.extensions(publisher, &[(3, ExtensionNumber::TRANSPORT_CC)]);
    let mut camera = net.flowing(publisher);
    let mut number = 65_500u16;
    for _ in 0..30 {
        for last in [false, false, true] {
            let block = block(&[(3, &number.to_be_bytes())]);
            number = number.wrapping_add(1);
            let bytes = net.packet(&mut camera, last, &block, &[0; 200]);
            net.peer(publisher).out.push(bytes);
        }
        camera.next_frame();
        net.run(ms(33));
    }
    net.run(ms(200));
    let told = net.peer(publisher).told.iter();
    let reported: u32 = told
        .filter_map(|told| match told {
            Told::Arrivals(statuses) => Some(u32::from(*statuses)),
            _ => None,
        })
        .sum();
    assert_eq!(reported, 90);
}

fn report_on(net: &mut Net, peer: PeerId, ssrc: u32) {
    let block = ReportBlock {
        ssrc,
        highest: 1,
        ..ReportBlock::default()
    };
    net.peer(peer)
        .tell(|writer| writer.receiver_report(2, &[block]).unwrap());
}

#[test]
fn packets_go_without_a_mid_once_the_subscriber_knows_their_ssrc() {
    let mut net = Net::new();
    let publisher = net.join();
    let mut camera = net.flowing(publisher);
    let subscriber = net.join();
    net.extensions(subscriber, &[(4, ExtensionNumber::MID)]);
    let watch = net.watch(subscriber, camera.track);
    net.run(ms(50));
    net.frame(&mut camera, 1, true);
    net.run(ms(50));
    report_on(&mut net, subscriber, watch.ssrc);
    net.run(ms(50));
    net.frame(&mut camera, 1, false);
    net.run(ms(50));
    let mids: Vec<bool> = net
        .got(watch)
        .iter()
        .map(|got| got.extension(4).is_some())
        .collect();
    assert_eq!(mids, [true, false]);
}

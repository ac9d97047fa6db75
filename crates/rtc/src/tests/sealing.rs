//! No number of an SSRC seals two packets: a client takes such a second one for a replay, and who
//! overhears both could forge more (RFC 7714 §8.1).

use std::collections::BTreeSet;
use std::time::Duration;

use rtp::packet::Packet;

use super::ms;
use super::net::{Net, PeerId};
use super::script::{Camera, Watch};
use crate::command::{Command, Mapping, SinkOptions};

/// A stream so long that its numbers have wrapped once: sent in passes of 500 packets.
fn flood(net: &mut Net, camera: &mut Camera, packets: usize) {
    camera.payload_len = 20;
    for _ in 0..packets / 500 {
        net.frame(camera, 500, false);
        net.run(ms(20));
    }
}

fn scene() -> (Net, Camera, Watch) {
    let mut net = Net::new();
    let publisher = net.join();
    let mut camera = net.flowing(publisher);
    let subscriber = net.join();
    let watch = net.watch(subscriber, camera.track);
    net.run(ms(50));
    net.frame(&mut camera, 2, true);
    net.run(ms(50));
    assert_eq!(net.got(watch).len(), 2);
    (net, camera, watch)
}

/// Another key frame reaches the subscriber, and nothing has come that it could not open.
fn goes_on(net: &mut Net, camera: &mut Camera, watch: Watch) {
    let first = camera.number;
    net.frame(camera, 2, true);
    net.run(ms(100));
    let arrived = net.got(watch);
    let came = |number| arrived.iter().any(|got| got.number() == number);
    assert!(came(first) && came(first + 1), "the stream goes on");
    assert_eq!(net.peer(watch.peer).failures, 0);
}

fn attach_again(net: &mut Net, camera: &Camera, watch: Watch) -> Watch {
    let session = net.peer(watch.peer).session;
    let sink = watch.sink;
    net.command(Command::DetachSink { session, sink });
    net.watch_with(watch.peer, camera.track, |options: &mut SinkOptions| {
        options.ssrc = watch.ssrc;
        options.rtx_ssrc = watch.rtx_ssrc;
    })
}

fn vanish(net: &mut Net, peer: PeerId) {
    net.peer(peer).alive = false;
    net.run(Duration::from_secs(11));
}

#[test]
fn a_subscriber_that_was_away_for_long_goes_on() {
    let (mut net, mut camera, watch) = scene();
    flood(&mut net, &mut camera, 30_000);
    vanish(&mut net, watch.peer);
    flood(&mut net, &mut camera, 40_000);
    net.peer(watch.peer).alive = true;
    net.run(Duration::from_secs(1));
    goes_on(&mut net, &mut camera, watch);
}

/// A publisher may leap as it likes, and each leap alone is less than half of the numbers.
#[test]
fn leaps_of_a_publisher_while_nothing_can_be_sent_reuse_no_number() {
    let (mut net, mut camera, watch) = scene();
    flood(&mut net, &mut camera, 30_000);
    net.blocked = true;
    for _ in 0..2 {
        camera.sequence = camera.sequence.wrapping_add(20_000);
        net.frame(&mut camera, 1, false);
        net.run(ms(20));
    }
    net.blocked = false;
    goes_on(&mut net, &mut camera, watch);
}

/// Numbers of packets that were dropped at the last moment are used up all the same.
#[test]
fn leaps_of_a_publisher_while_little_can_be_sent_reuse_no_number() {
    let (mut net, mut camera, watch) = scene();
    flood(&mut net, &mut camera, 50_000);
    let before = net.got(watch).len();
    net.room = 3;
    for step in 0..10 {
        camera.sequence = camera.sequence.wrapping_add(6_000);
        // Of sizes that make a run each.
        camera.payload_len = 1_000 - 100 * step;
        net.frame(&mut camera, 1, false);
    }
    net.run(ms(20));
    assert!((before + 1..before + 6).contains(&net.got(watch).len()));
    net.room = usize::MAX;
    net.frame(&mut camera, 20, false);
    net.run(ms(20));
    assert!(!reuses_a_key_stream(&net.peer(watch.peer).sealed));
}

/// Where payloads are zeros, which they are behind the camera's count, the key stream shows.
fn reuses_a_key_stream(sealed: &[Vec<u8>]) -> bool {
    let mut shown = BTreeSet::new();
    sealed.iter().any(|bytes| {
        let packet = Packet::parse_header(bytes).unwrap();
        let (header, zeros) = (packet.header(), packet.header_len() + 15);
        !shown.insert((
            header.ssrc,
            header.sequence,
            bytes[zeros..zeros + 5].to_vec(),
        ))
    })
}

#[test]
fn a_sink_that_is_attached_again_under_its_ssrc_counts_on() {
    let (mut net, mut camera, mut watch) = scene();
    flood(&mut net, &mut camera, 20_000);
    for _ in 0..5 {
        watch = attach_again(&mut net, &camera, watch);
        net.run(ms(50));
        goes_on(&mut net, &mut camera, watch);
        flood(&mut net, &mut camera, 10_000);
    }
    assert_eq!(net.peer(watch.peer).failures, 0);
}

#[test]
fn retransmissions_of_a_sink_that_is_attached_again_count_on() {
    let (mut net, mut camera, mut watch) = scene();
    for _ in 0..5 {
        net.frame(&mut camera, 50, true);
        net.run(ms(50));
        let missed: Vec<u16> = net
            .got(watch)
            .iter()
            .map(|got| got.header.sequence)
            .collect();
        let missed = &missed[missed.len() - 40..];
        let ssrc = watch.ssrc;
        net.peer(watch.peer).tell(|writer| {
            writer.receiver_report(9, &[]).unwrap();
            writer.nack(9, ssrc, missed.iter().copied()).unwrap();
        });
        net.run(ms(50));
        assert_eq!(net.peer(watch.peer).failures, 0);
        watch = attach_again(&mut net, &camera, watch);
        net.run(ms(50));
        goes_on(&mut net, &mut camera, watch);
    }
}

/// The new association has other keys, under which every stream begins without rollovers.
#[test]
fn a_stream_that_has_wrapped_goes_on_under_new_keys() {
    let (mut net, mut camera, watch) = scene();
    flood(&mut net, &mut camera, 70_000);
    let now = net.now;
    net.peer(watch.peer).call_again(now);
    net.until("there are new keys", |net| {
        net.peer(watch.peer).media.is_some()
    });
    net.run(ms(100));
    net.peer(watch.peer).failures = 0;
    goes_on(&mut net, &mut camera, watch);
}

#[test]
fn media_and_retransmissions_never_share_an_ssrc() {
    let (mut net, mut camera, _) = scene();
    let subscriber = net.join();
    let watch = net.watch_with(subscriber, camera.track, |options| {
        options.rtx_ssrc = Some(options.ssrc);
    });
    net.run(ms(50));
    net.frame(&mut camera, 10, true);
    net.run(ms(50));
    assert_eq!(net.got(watch).len(), 0);
}

/// Without an SSRC of its own what is sent again has to be, byte for byte, what it was.
#[test]
fn what_is_sent_again_as_it_was_is_not_after_a_new_mapping() {
    let (mut net, mut camera, _) = scene();
    let subscriber = net.join();
    let watch = net.watch_with(subscriber, camera.track, |options| options.rtx_ssrc = None);
    net.run(ms(50));
    net.frame(&mut camera, 10, true);
    net.run(ms(50));
    let sent = net.got(watch);
    let session = net.peer(subscriber).session;
    let change = crate::command::SinkChange {
        mappings: Some(vec![Mapping {
            from: camera.pt,
            to: 99,
            rtx: None,
        }]),
        ..Default::default()
    };
    let (sink, change) = (watch.sink, Box::new(change));
    net.command(Command::UpdateSink {
        session,
        sink,
        change,
    });
    let missed: Vec<u16> = sent.iter().map(|got| got.header.sequence).collect();
    net.peer(subscriber).tell(|writer| {
        writer.receiver_report(9, &[]).unwrap();
        writer.nack(9, watch.ssrc, missed.iter().copied()).unwrap();
    });
    net.run(ms(50));
    assert_eq!(net.peer(subscriber).failures, 0);
    assert_eq!(net.got(watch).len(), sent.len());
}

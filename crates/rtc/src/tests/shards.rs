//! Publishers and subscribers on different shards.

use std::net::SocketAddr;

use super::ms;
use super::net::Net;
use super::peer::Told;
use super::script::Watch;
use crate::command::Command;
use crate::event::Event;

fn two() -> Net {
    Net::with(|scene| scene.shards = 2)
}

fn picture_loss(net: &mut Net, watch: Watch) {
    net.peer(watch.peer).tell(|writer| {
        writer.receiver_report(2, &[]).unwrap();
        writer.picture_loss(2, watch.ssrc).unwrap();
    });
}

#[test]
fn a_subscriber_on_another_shard_gets_the_track_too() {
    let mut net = two();
    let publisher = net.join_on(0);
    let mut camera = net.flowing(publisher);
    let near = net.join_on(0);
    let far = net.join_on(1);
    let watches = [near, far].map(|peer| net.watch(peer, camera.track));
    net.run(ms(50));
    net.frame(&mut camera, 8, true);
    net.film(&mut camera, 1.0);
    let numbers = watches.map(|watch| {
        let got = net.got(watch);
        got.iter().map(|got| got.number()).collect::<Vec<_>>()
    });
    assert_eq!(numbers[0].len(), 98);
    assert_eq!(numbers[0], numbers[1]);
}

#[test]
fn what_a_far_subscriber_loses_is_sent_again_by_its_own_shard() {
    let mut net = two();
    let publisher = net.join_on(0);
    let mut camera = net.flowing(publisher);
    let far = net.join_on(1);
    let watch = net.watch(far, camera.track);
    net.run(ms(50));
    net.frame(&mut camera, 8, true);
    net.run(ms(50));
    let lost = net.got(watch)[2].header.sequence;
    net.peer(far).tell(|writer| {
        writer.receiver_report(2, &[]).unwrap();
        writer.nack(2, watch.ssrc, [lost]).unwrap();
    });
    net.run(ms(25));
    assert_eq!(net.resent(watch).len(), 1);
    assert_eq!(net.counters[1].rtp_retransmissions.get(), 1);
}

#[test]
fn a_far_subscribers_key_frame_request_reaches_the_publisher() {
    let mut net = two();
    let publisher = net.join_on(0);
    let mut camera = net.flowing(publisher);
    let far = net.join_on(1);
    let watch = net.watch(far, camera.track);
    net.run(ms(50));
    assert!(net.peer(publisher).asked_for(camera.ssrc), "to begin with");
    net.frame(&mut camera, 8, true);
    net.run(ms(1_500));
    assert!(!net.peer(publisher).asked_for(camera.ssrc));
    picture_loss(&mut net, watch);
    net.run(ms(50));
    assert!(net.peer(publisher).asked_for(camera.ssrc));
}

#[test]
fn a_shard_without_sinks_is_fed_no_more() {
    let mut net = two();
    let publisher = net.join_on(0);
    let mut camera = net.flowing(publisher);
    let far = net.join_on(1);
    let watch = net.watch(far, camera.track);
    net.frame(&mut camera, 2, true);
    net.run(ms(50));
    assert_eq!(net.planes[1].tracks.len(), 1);
    let session = net.peer(far).session;
    let sink = watch.sink;
    net.command(Command::DetachSink { session, sink });
    net.run(ms(50));
    assert_eq!(net.planes[1].tracks.len(), 0);
    let slot = net.planes[0].track_index[&camera.track];
    assert!(net.planes[0].tracks[slot].feeds.is_empty());
}

#[test]
fn a_track_that_closes_ends_its_feeds() {
    let mut net = two();
    let publisher = net.join_on(0);
    let camera = net.flowing(publisher);
    let far = net.join_on(1);
    net.watch(far, camera.track);
    net.run(ms(50));
    let session = net.peer(publisher).session;
    let track = camera.track;
    net.command(Command::CloseTrack { session, track });
    net.run(ms(50));
    assert_eq!(net.planes[0].tracks.len(), 0);
    assert_eq!(net.planes[1].tracks.len(), 0);
    assert_eq!(net.planes[1].sinks.len(), 1, "the sink stays, silent");
}

#[test]
fn a_ring_that_is_full_loses_packets_and_asks_for_a_key_frame() {
    let mut net = Net::with(|scene| {
        scene.shards = 2;
        scene.ring = 0;
    });
    let publisher = net.join_on(0);
    let mut camera = net.flowing(publisher);
    let far = net.join_on(1);
    net.scene.ring = 8_192;
    net.watch(far, camera.track);
    net.run(ms(50));
    net.frame(&mut camera, 8, true);
    net.run(ms(50));
    net.scene.ring = 0;
    let plane = &mut net.planes[0];
    let track = camera.track;
    let layer = rtp::layers::Layer(0);
    for _ in 0..20_000 {
        plane.try_post(
            track::ShardId(1),
            crate::letter::Letter::KeyframeWanted { track, layer },
        );
    }
    let packet = net.packet(&mut camera, true, &[], &[1; 100]);
    let from = net.peer(publisher).address;
    let now = net.now;
    let datagram = shard::Datagram {
        socket: shard::SocketId::MAIN,
        remote: from,
        local_ip: None,
        ecn: None,
        data: bytes::BytesMut::from(&packet[..]),
    };
    net.planes[0].handle_datagram(now, shard::Kind::Rtp, datagram);
    assert_eq!(net.counters[0].rtp_feed_lost.get(), 1);
}

/// The kernel picks the shard by the sender's address: a peer that moves may reach another one.
#[test]
fn a_peer_that_moves_to_another_shard_keeps_its_session() {
    let mut net = two();
    let publisher = net.join_on(0);
    let mut camera = net.flowing(publisher);
    let mover = net.join_on(0);
    let watch = net.watch(mover, camera.track);
    net.run(ms(50));
    net.frame(&mut camera, 2, true);
    net.run(ms(50));
    let before = net.got(watch).len();
    net.peer(mover).address = SocketAddr::from(([192, 0, 2, 9], 7_000));
    net.peer(mover).shard = 1;
    net.run(ms(3_000));
    net.frame(&mut camera, 2, true);
    net.run(ms(50));
    assert_eq!(net.got(watch).len(), before + 2);
    picture_loss(&mut net, watch);
    net.run(ms(50));
    assert!(
        net.counters[0].keyframe_requests_in.get() > 0,
        "handed over"
    );
    let lost = |event: &Event| matches!(event, Event::Disconnected { .. });
    assert!(!net.events.iter().any(lost));
}

#[test]
fn both_shards_tell_the_same_time() {
    let mut net = two();
    let publisher = net.join_on(0);
    let mut camera = net.flowing(publisher);
    let far = net.join_on(1);
    let watch = net.watch(far, camera.track);
    net.run(ms(50));
    let ssrc = camera.ssrc;
    let timestamp = camera.timestamp;
    net.peer(publisher).tell(|writer| {
        let info = rtp::rtcp::SenderInfo {
            ntp: 77 << 32,
            rtp: timestamp,
            packets: 1,
            octets: 1,
        };
        writer.sender_report(ssrc, &info, &[]).unwrap();
    });
    net.frame(&mut camera, 2, true);
    net.film(&mut camera, 2.0);
    let told = &net.peer(far).told;
    let report = |told: &&Told| matches!(told, Told::Sender(ssrc, _) if *ssrc == watch.ssrc);
    assert!(told.iter().any(|told| report(&told)));
}

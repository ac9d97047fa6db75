//! What a copy costs without sockets: `cargo test --release -p rtc -- --ignored --nocapture speed`.

use std::time::{Duration, Instant};

use bytes::BytesMut;
use shard::{Datagram, Kind, SocketId, Transmit};

use super::net::{Net, PeerId};
use super::script::Camera;
use crate::plane::Outlet;

/// Takes everything, and looks at nothing.
#[derive(Default)]
struct Sink {
    runs: u64,
    bytes: u64,
}

impl Outlet for Sink {
    fn ready(&self, _socket: SocketId) -> bool {
        true
    }

    fn send(&mut self, _transmit: &Transmit, contents: &[u8]) {
        self.runs += 1;
        self.bytes += contents.len() as u64;
    }
}

/// Packet sizes of a frame.
type Sizes = [usize; 8];

const EQUAL: Sizes = [1_160; 8];
/// As libwebrtc cuts frames.
const MIXED: Sizes = [1_083, 1_083, 1_083, 1_083, 1_084, 1_084, 1_084, 1_084];
/// Opus.
const AUDIO: [usize; 1] = [100];

fn seal(net: &mut Net, camera: &mut Camera, sizes: &[usize]) -> Vec<Vec<u8>> {
    let mut packets = Vec::new();
    for (index, size) in (1..).zip(sizes) {
        let mut payload = vec![7; *size];
        payload[..6].copy_from_slice(&[0x90, 0x80, 0x80, 1, 1, 0]);
        packets.push(net.packet(camera, index == sizes.len(), &[], &payload));
    }
    camera.next_frame();
    packets
}

/// Forwards frames and prints what a copy costs; returns nanoseconds.
fn measure(
    what: &str,
    net: &mut Net,
    cameras: &mut [Camera],
    sizes: &[usize],
    copies: usize,
) -> f64 {
    let frames = 2_000_000 / (copies * cameras.len() * sizes.len()).max(1);
    let (mut took, mut sink) = (Duration::ZERO, Sink::default());
    let before = net.count(|counters| counters.rtp_packets_out.get());
    for _ in 0..frames.max(10) {
        let mut batch = Vec::new();
        for camera in &mut *cameras {
            let from = net.peer(camera.peer).address;
            for packet in seal(net, camera, sizes) {
                let mut data = BytesMut::with_capacity(2 * packet.len());
                data.extend_from_slice(&packet);
                batch.push(Datagram {
                    socket: SocketId::MAIN,
                    remote: from,
                    local_ip: None,
                    ecn: None,
                    data: data.split(),
                });
            }
        }
        net.now += Duration::from_millis(1);
        let (now, plane) = (net.now, &mut net.planes[0]);
        let start = Instant::now();
        for datagram in batch {
            plane.handle_datagram(now, Kind::Rtp, datagram);
        }
        plane.settle(now);
        plane.transmit(now, &mut sink);
        took += start.elapsed();
        while plane.poll_letter().is_some() {}
    }
    let sent = net.count(|counters| counters.rtp_packets_out.get()) - before;
    let cost = took.as_nanos() as f64 / sent as f64;
    let run = sent as f64 / sink.runs as f64;
    println!("{what:40} {cost:7.0} ns a copy, {run:4.1} packets a run, {sent} copies");
    cost
}

fn subscribers(net: &mut Net, cameras: &[Camera], count: usize) -> Vec<PeerId> {
    let peers: Vec<PeerId> = (0..count).map(|_| net.join()).collect();
    for peer in &peers {
        for camera in cameras {
            net.watch(*peer, camera.track);
        }
    }
    net.run(Duration::from_millis(50));
    peers
}

#[test]
#[ignore = "a measurement"]
fn speed() {
    for count in [50, 200] {
        let mut net = Net::new();
        let publisher = net.join();
        let mut cameras = [net.flowing(publisher)];
        subscribers(&mut net, &cameras, count);
        net.frame(&mut cameras[0], 2, true);
        net.run(Duration::from_millis(50));
        for (name, sizes) in [("equal", EQUAL), ("mixed", MIXED)] {
            let what = format!("{name} sizes, {count} subscribers");
            measure(&what, &mut net, &mut cameras, &sizes, count);
        }
    }
    let mut net = Net::new();
    let publisher = net.join();
    let mut microphones = [net.microphone(publisher)];
    net.frame(&mut microphones[0], 1, false);
    net.run(Duration::from_millis(50));
    subscribers(&mut net, &microphones, 200);
    measure(
        "audio, 200 subscribers",
        &mut net,
        &mut microphones,
        &AUDIO,
        200,
    );

    let mut net = Net::new();
    let publisher = net.join();
    let mut cameras: Vec<Camera> = (0..200).map(|_| net.flowing(publisher)).collect();
    subscribers(&mut net, &cameras, 1);
    for camera in &mut cameras {
        net.frame(camera, 2, true);
    }
    net.run(Duration::from_millis(50));
    measure(
        "one session with 200 videos",
        &mut net,
        &mut cameras,
        &EQUAL,
        1,
    );

    let mut net = Net::new();
    let publisher = net.join();
    let mut cameras: Vec<Camera> = (0..200).map(|_| net.flowing(publisher)).collect();
    for camera in &cameras {
        let peer = net.join();
        net.watch(peer, camera.track);
    }
    net.run(Duration::from_millis(50));
    for camera in &mut cameras {
        net.frame(camera, 2, true);
    }
    net.run(Duration::from_millis(50));
    measure(
        "200 sessions with one video",
        &mut net,
        &mut cameras,
        &EQUAL,
        1,
    );
}

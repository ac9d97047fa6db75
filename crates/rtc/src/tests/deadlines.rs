//! Nothing that a peer does keeps its shard awake: a deadline that has passed is dealt with.

use std::time::Duration;

use rtp::extensions::ExtensionNumber;
use rtp::packet::Header;

use super::ms;
use super::net::{Net, PeerId};
use super::script::{block, video};
use crate::command::Command;

/// Runs for a second; fails where passes go on without the time moving.
fn rests(net: &mut Net) {
    net.run(Duration::from_secs(1));
}

#[test]
fn numbered_packets_of_a_session_that_publishes_nothing() {
    let mut net = Net::new();
    let peer = net.join();
    net.extensions(peer, &[(5, ExtensionNumber::TRANSPORT_CC)]);
    for sequence in 0..20 {
        stray(&mut net, peer, sequence);
    }
    rests(&mut net);
}

fn stray(net: &mut Net, peer: PeerId, sequence: u16) {
    let header = Header {
        marker: false,
        payload_type: 96,
        sequence,
        timestamp: 0,
        ssrc: 4_711,
    };
    let numbered = block(&[(5, &sequence.to_be_bytes())]);
    let bytes = net.peer(peer).seal(header, &numbered, &[0; 20]);
    net.peer(peer).out.push(bytes);
}

/// Another section claims the SSRC of an encoding that misses packets.
#[test]
fn an_encoding_that_misses_packets_loses_its_ssrc() {
    let mut net = Net::new();
    let peer = net.join();
    let mut camera = net.flowing(peer);
    camera.sequence = camera.sequence.wrapping_add(5);
    net.frame(&mut camera, 1, false);
    net.run(ms(12));
    net.open(peer, video("other", camera.ssrc));
    rests(&mut net);
}

#[test]
fn a_track_is_closed_while_it_misses_packets_and_wants_a_key_frame() {
    let mut net = Net::new();
    let peer = net.join();
    let mut camera = net.flowing(peer);
    let subscriber = net.join();
    net.watch(subscriber, camera.track);
    camera.sequence = camera.sequence.wrapping_add(5);
    net.frame(&mut camera, 1, false);
    net.run(ms(12));
    let session = net.peer(peer).session;
    let track = camera.track;
    net.command(Command::CloseTrack { session, track });
    rests(&mut net);
}

#[test]
fn a_session_is_closed_in_its_handshake() {
    let mut net = Net::new();
    let peer = net.dial(0);
    net.run(ms(25));
    let session = net.peer(peer).session;
    net.command(Command::Close { session });
    net.peer(peer).alive = false;
    rests(&mut net);
    assert_eq!(net.count(|counters| counters.rtc_sessions.get()), 0);
}

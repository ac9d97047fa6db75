//! Sound behind a hole waits for what the publisher sends again.

use super::ms;
use super::net::Net;
use super::peer::Told;
use super::script::{Camera, Watch};

/// A microphone and who hears it.
fn scene() -> (Net, Camera, Watch) {
    let mut net = Net::new();
    let publisher = net.join();
    let mut microphone = net.microphone(publisher);
    net.frame(&mut microphone, 1, false);
    net.run(ms(50));
    let subscriber = net.join();
    let watch = net.watch(subscriber, microphone.track);
    net.run(ms(50));
    net.frame(&mut microphone, 1, false);
    net.run(ms(50));
    (net, microphone, watch)
}

/// Loses a packet, brings three more, and returns the lost one.
fn loses_one(net: &mut Net, microphone: &mut Camera) -> Vec<u8> {
    let lost = net.packet(microphone, true, &[], &[7; 100]);
    for _ in 0..3 {
        microphone.next_frame();
        let bytes = net.packet(microphone, true, &[], &[7; 100]);
        net.peer(microphone.peer).out.push(bytes);
    }
    net.run(ms(60));
    lost
}

#[test]
fn it_arrives_in_order_once_the_hole_is_filled() {
    let (mut net, mut microphone, watch) = scene();
    let from = net.got(watch).len();
    let lost = loses_one(&mut net, &mut microphone);
    let asked = |told: &Told| matches!(told, Told::Nack(ssrc, _) if *ssrc == microphone.ssrc);
    assert!(net.peer(microphone.peer).told.iter().any(asked));
    assert_eq!(net.got(watch).len(), from);

    net.peer(microphone.peer).out.push(lost);
    net.run(ms(30));
    let got = net.got(watch);
    let first = got[from].header.sequence;
    let sequences: Vec<u16> = got[from..].iter().map(|got| got.header.sequence).collect();
    let expected: Vec<u16> = (0..4).map(|ahead| first.wrapping_add(ahead)).collect();
    assert_eq!(sequences, expected);
}

#[test]
fn it_goes_on_without_a_packet_that_does_not_come() {
    let (mut net, mut microphone, watch) = scene();
    let from = net.got(watch).len();
    loses_one(&mut net, &mut microphone);
    assert_eq!(net.got(watch).len(), from);
    net.run(ms(200));
    let got = net.got(watch);
    assert_eq!(got.len(), from + 3);
    let before = got[from - 1].header.sequence;
    assert_eq!(got[from].header.sequence, before.wrapping_add(2));
}

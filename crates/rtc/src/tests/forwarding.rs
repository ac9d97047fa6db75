//! From publisher to subscriber.

use rtp::extensions::ExtensionNumber;

use super::ms;
use super::net::Net;
use super::script::{AUDIO_OUT, PASSING, VIDEO_OUT, block};

#[test]
fn a_packet_arrives_under_the_subscribers_numbers() {
    let mut net = Net::new();
    let publisher = net.join();
    let mut camera = net.flowing(publisher);
    let subscriber = net.join();
    let watch = net.watch(subscriber, camera.track);
    net.run(ms(50));
    let first = camera.number;
    net.frame(&mut camera, 8, true);
    net.run(ms(50));

    let got = net.got(watch);
    let numbers: Vec<u64> = got.iter().map(|got| got.number()).collect();
    assert_eq!(numbers, (first..first + 8).collect::<Vec<_>>());
    let sequence = got[0].header.sequence;
    assert!(sequence < 0x8000, "the rollover counter begins with 0");
    for (got, index) in got.iter().zip(0..) {
        assert_eq!(got.header.sequence, sequence + index);
        assert_eq!(got.header.payload_type, VIDEO_OUT);
        assert_eq!(got.header.marker, index == 7);
        assert_eq!(got.header.timestamp, net.got(watch)[0].header.timestamp);
        assert_eq!(got.payload.len(), camera.payload_len);
    }
}

#[test]
fn one_frame_is_one_run_for_each_subscriber() {
    let mut net = Net::new();
    let publisher = net.join();
    let mut camera = net.flowing(publisher);
    for _ in 0..5 {
        let subscriber = net.join();
        net.watch(subscriber, camera.track);
    }
    net.run(ms(50));
    net.runs.clear();
    net.frame(&mut camera, 8, true);
    net.run(ms(50));
    let media = net.runs.iter().filter(|datagrams| **datagrams > 1);
    assert_eq!(media.collect::<Vec<_>>(), [&8; 5]);
}

#[test]
fn audio_begins_at_once() {
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
    let got = net.got(watch);
    assert_eq!(got.len(), 1);
    assert_eq!(got[0].header.payload_type, AUDIO_OUT);
}

#[test]
fn extensions_pass_under_the_subscribers_ids() {
    let mut net = Net::new();
    let publisher = net.join();
    net.extensions(
        publisher,
        &[
            (3, PASSING),
            (4, ExtensionNumber::MID),
            (6, ExtensionNumber(12)),
        ],
    );
    let mut camera = net.flowing(publisher);
    let subscriber = net.join();
    net.extensions(
        subscriber,
        &[
            (7, PASSING),
            (2, ExtensionNumber::MID),
            (5, ExtensionNumber::TRANSPORT_CC),
        ],
    );
    let watch = net.watch_with(subscriber, camera.track, |options| {
        options.mid = "12".to_owned();
    });
    net.run(ms(50));
    let mid = format!("v{}", camera.ssrc);
    let sent = block(&[(3, b"kept"), (4, mid.as_bytes()), (6, b"dropped")]);
    net.frame_with(&mut camera, 3, true, &sent);
    net.run(ms(50));

    let got = net.got(watch);
    for (got, index) in got.iter().zip(0u16..) {
        assert_eq!(got.extension(7), Some(&b"kept"[..]));
        assert_eq!(
            got.extension(2),
            Some(&b"12"[..]),
            "until it is acknowledged"
        );
        assert_eq!(got.extension(5), Some(&index.to_be_bytes()[..]));
        assert_eq!(got.extensions.len(), 3);
    }
    assert_eq!(got.len(), 3);
}

#[test]
fn a_session_may_have_its_own_track() {
    let mut net = Net::new();
    let peer = net.join();
    let mut camera = net.flowing(peer);
    let watch = net.watch(peer, camera.track);
    net.run(ms(50));
    net.frame(&mut camera, 2, true);
    net.run(ms(50));
    assert_eq!(net.got(watch).len(), 2);
}

/// libwebrtc cuts a frame into packets that differ by a byte.
#[test]
fn packets_that_differ_by_a_byte_leave_as_one_run() {
    let mut net = Net::new();
    let publisher = net.join();
    let mut camera = net.flowing(publisher);
    let subscriber = net.join();
    let watch = net.watch(subscriber, camera.track);
    net.run(ms(50));
    net.frame(&mut camera, 1, true);
    net.run(ms(50));
    net.runs.clear();
    let lengths = [1_000, 1_001, 1_000, 1_001, 990, 1_001, 700];
    for (len, index) in lengths.into_iter().zip(1..) {
        let last = index == lengths.len();
        let bytes = net.packet(&mut camera, last, &[], &vec![5; len]);
        net.peer(publisher).out.push(bytes);
    }
    net.run(ms(50));
    assert!(net.runs.contains(&lengths.len()), "{:?}", net.runs);
    let got = &net.got(watch)[1..];
    let payloads: Vec<usize> = got.iter().map(|got| got.payload.len()).collect();
    assert_eq!(payloads, lengths);
    let padding: Vec<usize> = got.iter().map(|got| got.padding).collect();
    assert_eq!(padding, [1, 0, 1, 0, 11, 0, 0]);
    assert_eq!(net.count(|counters| counters.rtp_padding_bytes.get()), 13);
}

//! Encodings told apart by their RIDs, and switched without a trace.

use rtp::extensions::ExtensionNumber;

use super::ms;
use super::net::{Net, PeerId};
use super::script::{Camera, Watch, block, simulcast};
use crate::command::{Command, SinkChange};

const MID: u8 = 4;
const RID: u8 = 10;

/// A publisher's encodings, none of whose SSRCs was described.
struct Studio {
    peer: PeerId,
    cameras: Vec<(Camera, &'static str)>,
}

impl Studio {
    fn new(net: &mut Net) -> Self {
        let peer = net.join();
        let ids = [(MID, ExtensionNumber::MID), (RID, ExtensionNumber::RID)];
        net.extensions(peer, &ids);
        let track = net.open(peer, simulcast("1", &["h", "q"]));
        let cameras = [("h", 70_000), ("q", 80_000)].map(|(rid, ssrc)| {
            let mut camera = net.encoding(peer, track, ssrc);
            camera.payload_len = if rid == "h" { 1_000 } else { 300 };
            (camera, rid)
        });
        Self {
            peer,
            cameras: cameras.into(),
        }
    }

    /// A frame of each encoding; key frames where they were asked for.
    fn frame(&mut self, net: &mut Net) {
        for (camera, rid) in &mut self.cameras {
            let asked = net.peer(self.peer).asked_for(camera.ssrc);
            let block = block(&[(MID, b"1"), (RID, rid.as_bytes())]);
            net.frame_with(camera, 3, asked, &block);
        }
        net.run(ms(33));
    }

    fn prefer(&self, net: &mut Net, watch: Watch, layers: &[&str]) {
        let change = SinkChange {
            layers: Some(layers.iter().map(|rid| (*rid).to_owned()).collect()),
            ..SinkChange::default()
        };
        let session = net.peer(watch.peer).session;
        net.command(Command::UpdateSink {
            session,
            sink: watch.sink,
            change: Box::new(change),
        });
    }
}

#[test]
fn a_decoder_does_not_notice_a_switch() {
    let mut net = Net::new();
    let mut studio = Studio::new(&mut net);
    for _ in 0..5 {
        studio.frame(&mut net);
    }
    let subscriber = net.join();
    let track = studio.cameras[0].0.track;
    let watch = net.watch_with(subscriber, track, |options| {
        options.layers = vec!["h".to_owned()];
    });
    let mut lengths = Vec::new();
    for layers in [&["h"], &["q"], &["h"]] {
        studio.prefer(&mut net, watch, layers);
        for _ in 0..30 {
            studio.frame(&mut net);
        }
        let got = net.got(watch);
        lengths.push(got.last().expect("it flows").payload.len());
    }
    assert_eq!(lengths, [1_000, 300, 1_000]);
    let got = net.got(watch);
    assert!(got.len() > 200, "{}", got.len());
    for pair in got.windows(2) {
        let [before, after] = pair else { continue };
        assert_eq!(
            after.header.sequence,
            before.header.sequence.wrapping_add(1)
        );
        let frames = after.picture().wrapping_sub(before.picture()) & 0x7fff;
        let time = after.header.timestamp.wrapping_sub(before.header.timestamp);
        assert_eq!(frames > 0, time > 0, "a picture has one time");
        assert!(frames <= 1, "{frames} pictures");
        assert!(time <= 9_000, "{time}");
    }
}

#[test]
fn an_encoding_that_ceases_gives_way_to_the_next_wish() {
    let mut net = Net::new();
    let mut studio = Studio::new(&mut net);
    studio.frame(&mut net);
    let subscriber = net.join();
    let track = studio.cameras[0].0.track;
    let watch = net.watch_with(subscriber, track, |options| {
        options.layers = vec!["h".to_owned(), "q".to_owned()];
    });
    for _ in 0..20 {
        studio.frame(&mut net);
    }
    assert_eq!(
        net.got(watch).last().expect("it flows").payload.len(),
        1_000
    );
    studio.cameras.remove(0);
    for _ in 0..60 {
        studio.frame(&mut net);
    }
    assert_eq!(net.got(watch).last().expect("it flows").payload.len(), 300);
}

//! Sessions that come, go, and begin again.

use super::ms;
use super::net::Net;
use crate::command::{Command, SinkChange};
use crate::event::Event;

#[test]
fn a_sink_attached_before_the_session_is_connected_begins_when_it_is() {
    let mut net = Net::new();
    let publisher = net.join();
    let mut camera = net.flowing(publisher);
    let subscriber = net.dial(0);
    let watch = net.watch(subscriber, camera.track);
    net.until("it is connected", |net| net.is_connected(subscriber));
    net.run(ms(50));
    assert!(net.peer(publisher).asked_for(camera.ssrc));
    net.frame(&mut camera, 4, true);
    net.run(ms(50));
    assert_eq!(net.got(watch).len(), 4);
}

#[test]
fn the_end_of_a_session_is_its_last_event() {
    let mut net = Net::new();
    let publisher = net.join();
    let camera = net.flowing(publisher);
    let session = net.peer(publisher).session;
    net.command(Command::Close { session });
    net.run(ms(50));
    let of = |event: &Event| match *event {
        Event::Connected { session }
        | Event::Disconnected { session, .. }
        | Event::Closed { session }
        | Event::TrackFlowing { session, .. }
        | Event::TrackSilent { session, .. } => Some(session),
        Event::Stopped => None,
    };
    let events = net.events.iter().filter(|event| of(event) == Some(session));
    let track = camera.track;
    assert_eq!(
        events.collect::<Vec<_>>(),
        [
            &Event::Connected { session },
            &Event::TrackFlowing { session, track },
            &Event::Closed { session },
        ]
    );
    assert!(net.peer(publisher).closed, "with a close_notify");
    assert!(net.registry.is_empty());
    assert!(net.planes[0].sessions.is_empty() && net.planes[0].tracks.is_empty());
    assert_eq!(net.planes[0].budget.used(), 0);
}

#[test]
fn a_session_that_nobody_has_reached_is_closed_too() {
    let mut net = Net::new();
    let peer = net.dial(0);
    let session = net.peer(peer).session;
    net.command(Command::Close { session });
    net.peer(peer).alive = false;
    net.settle();
    assert_eq!(net.events, [Event::Closed { session }]);
}

#[test]
fn commands_about_what_is_gone_do_nothing() {
    let mut net = Net::new();
    let publisher = net.join();
    let camera = net.flowing(publisher);
    let subscriber = net.join();
    let watch = net.watch(subscriber, camera.track);
    let (session, sink, track) = (net.peer(subscriber).session, watch.sink, camera.track);
    net.command(Command::DetachSink { session, sink });
    net.command(Command::DetachSink { session, sink });
    let change = Box::new(SinkChange::default());
    net.command(Command::UpdateSink {
        session,
        sink,
        change,
    });
    // Of another session.
    net.command(Command::CloseTrack { session, track });
    net.command(Command::Close { session });
    net.command(Command::DetachSink { session, sink });
    net.settle();
    assert_eq!(net.planes[0].tracks.len(), 1);
    assert!(net.planes[0].sinks.is_empty());
}

#[test]
fn a_track_is_silent_after_its_time_and_may_flow_again() {
    let mut net = Net::new();
    let publisher = net.join();
    let mut camera = net.flowing(publisher);
    let (session, track) = (net.peer(publisher).session, camera.track);
    net.events.clear();
    net.run(ms(2_900));
    assert!(net.events.is_empty());
    net.run(ms(200));
    assert_eq!(net.events, [Event::TrackSilent { session, track }]);
    assert_eq!(net.planes[0].budget.used(), 0, "nothing is kept for nobody");
    net.frame(&mut camera, 1, true);
    net.run(ms(20));
    assert_eq!(
        net.events.back(),
        Some(&Event::TrackFlowing { session, track })
    );
}

/// Chromium makes a new DTLS association on the same ICE credentials when a page stops its first section.
#[test]
fn tracks_flow_again_after_a_new_dtls_association() {
    let mut net = Net::new();
    let publisher = net.join();
    let mut camera = net.flowing(publisher);
    let subscriber = net.join();
    let watch = net.watch(subscriber, camera.track);
    net.run(ms(50));
    for again in [subscriber, publisher] {
        net.frame(&mut camera, 2, true);
        net.film(&mut camera, 0.5);
        let events = net.events.len();
        let now = net.now;
        net.peer(again).call_again(now);
        net.until("it has keys again", |net| net.peer(again).media.is_some());
        net.run(ms(50));
        let before = net.got(watch).len();
        net.frame(&mut camera, 2, true);
        net.film(&mut camera, 0.5);
        assert_eq!(net.got(watch).len(), before + 2 + 45);
        assert_eq!(net.events.len(), events, "Python hears nothing of it");
    }
    assert_eq!(net.count(|counters| counters.srtp_failures.get()), 0);
}

#[test]
fn a_sink_goes_on_with_another_track_under_the_numbers_that_follow() {
    let mut net = Net::new();
    let publisher = net.join();
    let mut first = net.flowing(publisher);
    let mut second = net.flowing(publisher);
    second.payload_len = 500;
    let subscriber = net.join();
    let watch = net.watch(subscriber, first.track);
    net.run(ms(50));
    net.frame(&mut first, 3, true);
    net.run(ms(50));
    let session = net.peer(subscriber).session;
    let change = SinkChange {
        track: Some((second.track, net.home(second.track))),
        ..SinkChange::default()
    };
    net.command(Command::UpdateSink {
        session,
        sink: watch.sink,
        change: Box::new(change),
    });
    net.run(ms(50));
    assert!(net.peer(publisher).asked_for(second.ssrc));
    net.frame(&mut first, 3, true);
    net.frame(&mut second, 3, true);
    net.run(ms(50));
    let got = net.got(watch);
    let lengths: Vec<usize> = got.iter().map(|got| got.payload.len()).collect();
    assert_eq!(lengths, [1_000, 1_000, 1_000, 500, 500, 500]);
    for pair in got.windows(2) {
        let next = pair[0].header.sequence.wrapping_add(1);
        assert_eq!(pair[1].header.sequence, next);
    }
}

#[test]
fn a_shard_that_shuts_down_ends_its_sessions_and_says_so() {
    let mut net = Net::new();
    let peers = [net.join(), net.join()];
    let now = net.now;
    net.planes[0].carry_out(now, Command::Shutdown);
    net.run(ms(50));
    assert_eq!(net.events.back(), Some(&Event::Stopped));
    for peer in peers {
        let session = net.peer(peer).session;
        assert!(net.events.contains(&Event::Closed { session }));
        assert!(net.peer(peer).closed);
    }
}

#[test]
fn a_session_that_was_busy_is_idle_again() {
    let mut net = Net::new();
    let publisher = net.join();
    let mut camera = net.flowing(publisher);
    let subscriber = net.join();
    net.watch(subscriber, camera.track);
    net.frame(&mut camera, 2, true);
    net.film(&mut camera, 2.0);
    net.run(ms(10_000));
    for peer in [publisher, subscriber] {
        net.peer(peer).alive = false;
    }
    net.run(ms(600));
    let next = net.planes[0]
        .next_timeout()
        .expect("the silence is noticed");
    assert!(next > net.now + ms(1_000));
}

#[test]
fn an_idle_session_wakes_its_shard_for_nothing_but_its_transport() {
    let mut net = Net::new();
    let peer = net.join();
    net.run(ms(3_000));
    net.peer(peer).alive = false;
    net.run(ms(100));
    let next = net.planes[0]
        .next_timeout()
        .expect("the silence is noticed");
    assert!(next > net.now + ms(1_000));
}

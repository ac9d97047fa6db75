//! What forwarding allocates once everything is warm.

use std::alloc::{GlobalAlloc, Layout, System};
use std::backtrace::Backtrace;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use super::ms;
use super::net::Net;

#[global_allocator]
static ALLOCATOR: Noting = Noting;

thread_local! {
    /// Whether allocations of this thread are noted: not while one is.
    static WATCHED: Cell<bool> = const { Cell::new(false) };
    static NOTED: RefCell<Vec<Backtrace>> = const { RefCell::new(Vec::new()) };
}

/// The system's allocator; notes who asks while somebody watches.
struct Noting;

fn note() {
    if WATCHED.try_with(|watched| watched.replace(false)) == Ok(true) {
        NOTED.with_borrow_mut(|noted| noted.push(Backtrace::force_capture()));
        WATCHED.set(true);
    }
}

// SAFETY: everything is the system allocator's; noting does not touch what is allocated.
unsafe impl GlobalAlloc for Noting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        note();
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(at, layout) }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        note();
        // SAFETY: as the caller promises.
        unsafe { System.realloc(at, layout, size) }
    }
}

/// Notes what is allocated in `body`, or stops doing so there.
pub(super) fn watched<T>(watch: bool, body: impl FnOnce() -> T) -> T {
    let before = WATCHED.replace(watch);
    let result = body();
    WATCHED.set(before);
    result
}

/// Allocations of a run of packets, by the line of ours that asked.
fn noted() -> BTreeMap<String, usize> {
    let mut by_line = BTreeMap::new();
    for trace in NOTED.take() {
        let text = trace.to_string();
        let places = text
            .lines()
            .filter_map(|line| line.trim().strip_prefix("at "));
        let ours = ["./src/", "crates/rtc/", "crates/rtp/", "crates/shard/"];
        let asked = places
            .map(|place| place.rsplit_once(':').map_or(place, |(line, _)| line))
            .find(|place| {
                let ours = ours.iter().any(|name| place.contains(name));
                ours && !place.contains("/tests/")
            });
        let asked = asked.unwrap_or("nobody of ours").to_owned();
        *by_line.entry(asked).or_default() += 1;
    }
    by_line
}

/// Forwards ten seconds of video and audio to subscribers on both shards, one of whom loses packets,
/// and says what was allocated in the last one.
fn forward(warm: usize) -> BTreeMap<String, usize> {
    let mut net = Net::with(|scene| scene.shards = 2);
    let publisher = net.join();
    let mut camera = net.flowing(publisher);
    let mut microphone = net.microphone(publisher);
    net.frame(&mut microphone, 1, false);
    net.run(ms(50));
    let watches: Vec<_> = [0, 0, 1, 1]
        .into_iter()
        .map(|shard| {
            let subscriber = net.join_on(shard);
            net.watch(subscriber, microphone.track);
            net.watch(subscriber, camera.track)
        })
        .collect();
    net.run(ms(50));
    net.frame(&mut camera, 8, true);
    net.run(ms(50));
    for frame in 0..warm + 30 {
        net.watches = frame >= warm;
        net.frame(&mut camera, 8, false);
        net.frame(&mut microphone, 1, false);
        net.run(ms(20));
        let lost = watches[0];
        if let Some(got) = net.got(lost).last() {
            let sequence = got.header.sequence;
            net.peer(lost.peer).tell(|writer| {
                writer.receiver_report(2, &[]).unwrap();
                writer.nack(2, lost.ssrc, [sequence]).unwrap();
            });
        }
        net.run(ms(13));
    }
    net.watches = false;
    noted()
}

#[test]
fn forwarding_allocates_nothing_of_ours() {
    let cost = forward(300);
    assert!(cost.is_empty(), "{cost:#?}");
}

/// The instrument itself: what is cold allocates.
#[test]
fn what_is_cold_is_seen_to_allocate() {
    assert!(!forward(0).is_empty());
}

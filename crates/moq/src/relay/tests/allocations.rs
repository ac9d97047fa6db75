//! What forwarding allocates once everything is warm, told apart by who asked for it.

use std::alloc::{GlobalAlloc, Layout, System};
use std::backtrace::Backtrace;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use super::*;

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

/// Notes what is allocated in `body`.
pub(super) fn watched<T>(watch: bool, body: impl FnOnce() -> T) -> T {
    WATCHED.set(watch);
    let result = body();
    WATCHED.set(false);
    result
}

/// Allocations a copy by the line that asked, ours and the QUIC library's.
#[derive(Debug, Default)]
struct Tally {
    ours: BTreeMap<String, f64>,
    library: BTreeMap<String, f64>,
}

impl Tally {
    fn take(copies: f64) -> Self {
        let mut tally = Self::default();
        for trace in NOTED.take() {
            let text = trace.to_string();
            let places = text
                .lines()
                .filter_map(|line| line.trim().strip_prefix("at "));
            let asked = places
                .map(|place| place.rsplit_once(':').map_or(place, |(line, _)| line))
                .find(|it| is_ours(it) || LIBRARY.iter().any(|name| it.contains(name)))
                .expect("somebody asked");
            let side = match is_ours(asked) {
                true => &mut tally.ours,
                false => &mut tally.library,
            };
            *side.entry(asked.to_owned()).or_default() += 1.0 / copies;
        }
        tally
    }

    fn ours(&self) -> f64 {
        self.ours.values().sum()
    }

    fn library(&self) -> f64 {
        self.library.values().sum()
    }
}

const LIBRARY: [&str; 3] = ["/quinn-proto-", "/rustls-", "/web-transport-proto-"];

/// Whether a source file is the engine's.
fn is_ours(place: &str) -> bool {
    let crates = ["./src/", "crates/moq/", "crates/track/", "crates/shard/"];
    crates.iter().any(|name| place.contains(name)) && !place.contains("/relay/tests/")
}

/// Forwards 300 objects to five subscribers, after `warm` seconds of the same, and counts.
fn forward(warm: u64, objects: u64, len: usize, drafts: (u8, u8), transport: Transport) -> Tally {
    let mut net = Net::with(|scene| scene.limits.cache.keep = Duration::from_secs(1));
    let track = net.track();
    let publisher = net.join_on(drafts.0, transport, 0);
    let publisher = net.publish(publisher, track);
    let subscriptions: Vec<Subscription> = (0..5)
        .map(|_| {
            let subscriber = net.join_on(drafts.1, transport, 0);
            net.peer(subscriber).keeps = false;
            net.subscribe(subscriber, track)
        })
        .collect();
    let (warm, measured) = (warm * 30 / objects, 300 / objects);
    for group in 0..warm + measured {
        net.watches = group >= warm;
        let writing = net.open(&publisher, group, 0);
        for object in 0..objects {
            net.write(writing, object, payload(group, object, len));
            if object + 1 == objects {
                net.finish(writing);
            }
            net.run(Duration::from_millis(20));
        }
    }
    net.watches = false;
    Tally::take((measured * objects * subscriptions.len() as u64) as f64)
}

#[test]
fn forwarding_allocates_nothing_of_ours() {
    for (objects, len) in [(30, 10_000), (1, 200)] {
        for drafts in [(16, 16), (14, 16)] {
            for transport in BOTH {
                let cost = forward(40, objects, len, drafts, transport);
                let story = format!("{objects} x {len}, {drafts:?} {transport:?}: {cost:#?}");
                assert!(cost.ours() < 0.01, "{story}");
                // docs/reference/performance.md tells of these.
                assert!(cost.library() < 5.0, "{story}");
            }
        }
    }
}

/// The instrument itself: what is cold allocates, and it is we who ask.
#[test]
fn what_is_cold_is_seen_to_allocate() {
    let cost = forward(0, 30, 10_000, (16, 16), Transport::Quic);
    assert!(cost.ours() > 0.01, "{cost:#?}");
}

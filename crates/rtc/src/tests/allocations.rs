//! What forwarding allocates once everything is warm.

use std::alloc::{GlobalAlloc, Layout, System};
use std::backtrace::Backtrace;
use std::cell::{Cell, RefCell};

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

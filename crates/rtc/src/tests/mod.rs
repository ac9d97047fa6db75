//! Planes and scripted clients in memory, with the clock in hand.

mod allocations;
mod forwarding;
mod net;
mod peer;
mod script;

use std::time::Duration;

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

//! Planes and scripted clients in memory, with the clock in hand.

mod allocations;
mod deadlines;
mod forwarding;
mod hostile;
mod layers;
mod net;
mod overload;
mod peer;
mod reports;
mod resending;
mod script;
mod sealing;
mod sessions;
mod shards;
mod speed;
mod waiting;

use std::time::Duration;

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

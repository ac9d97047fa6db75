//! The engine: shards on one UDP port, commanded from one thread that never waits for them.
//!
//! [`Engine`] gives out handles, sends each command to the shard that owns the thing, and collects
//! what the shards tell. `router` is what a shard runs: the only place that knows both halves, MoQ
//! and WebRTC.

mod engine;
mod halves;
mod router;
mod rtc;
mod settings;

pub use engine::{Engine, StartError, Stats};
pub use halves::Event;
pub use settings::{Limits, Settings};

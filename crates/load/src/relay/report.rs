//! What one run showed, for Python to compare and print.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::delay::Delays;
use crate::process::Cpu;

/// What one run showed. Times are seconds unless the name says otherwise.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Report {
    /// How long each phase took, and who got through it.
    pub connect: Phase,
    /// Subscribing, or connecting and subscribing in one when the plan joins at once.
    pub join: Phase,
    /// From the start of a subscriber's dialling (or subscribing) to its first object.
    pub first_object: Delays,

    /// Length of the counted time.
    pub seconds: f64,
    /// Objects that the publisher sent in the counted time, all tracks.
    pub published: u64,
    /// Objects of the counted time that it dropped because its stream was blocked.
    pub dropped: u64,
    /// Copies that reading subscribers should have got of what was published.
    pub expected: u64,
    /// Copies that they got, late ones included.
    pub delivered: u64,
    /// Payload bits that arrived within the counted time, per second, over all reading subscribers.
    pub goodput: f64,
    /// From the publisher's time stamp to the subscriber's parser.
    pub delay: Delays,

    /// The relay's side; absent when the plan names no process.
    pub relay: Option<Relay>,
    /// CPU seconds of this generator in the counted time.
    pub generator_cpu: f64,
    /// A row for each subscriber, where the plan asks for them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub subscribers: Vec<Subscriber>,
    /// Sessions that ended before they should.
    pub lost_sessions: usize,
    /// Why, each reason once with its count.
    pub errors: BTreeMap<String, usize>,
}

/// One phase of a run.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Phase {
    /// How long it took.
    pub seconds: f64,
    /// Sessions or subscriptions that got through.
    pub done: usize,
    /// Those that did not.
    pub failed: usize,
    /// CPU seconds of the relay meanwhile.
    pub relay_cpu: f64,
}

/// The relay in the counted time.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Relay {
    /// CPU seconds.
    pub cpu: f64,
    /// CPU microseconds per copy delivered in the counted time.
    pub cpu_per_copy: f64,
    /// CPU seconds of its threads by name.
    pub threads: BTreeMap<String, f64>,
    /// Resident memory.
    pub memory: Memory,
}

/// One subscriber in the counted time.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Subscriber {
    /// Copies it should have got.
    pub expected: u64,
    /// Copies it did not get.
    pub missed: u64,
    /// Longest time between two objects, in milliseconds.
    pub longest_gap: f64,
}

/// How far a run is; [`super::run`] tells it about ten times a second.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Progress {
    /// What is going on.
    pub phase: PhaseName,
    /// Sessions, subscriptions or seconds done so far.
    pub done: f64,
    /// Of how many.
    pub of: f64,
}

/// The phases in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PhaseName {
    /// Sessions are set up.
    Connect,
    /// Subscriptions are made.
    Join,
    /// Objects flow and are not counted yet.
    WarmUp,
    /// Objects flow and count.
    Run,
    /// What is under way may still arrive; then sessions close.
    Leave,
}

/// Resident memory in bytes, of one moment each.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Memory {
    /// Before the first connection.
    pub start: u64,
    /// With all connected and none subscribed.
    pub connected: u64,
    /// When the counted time starts.
    pub running: u64,
    /// The most seen in the counted time.
    pub peak: u64,
    /// When the counted time ends.
    pub end: u64,
}

impl Relay {
    /// What the relay used between two readings, over `copies` deliveries.
    pub(crate) fn new(used: &Cpu, copies: u64, memory: Memory) -> Self {
        Self {
            cpu: used.total.as_secs_f64(),
            cpu_per_copy: used.per_copy(copies),
            threads: used.threads_in_seconds(),
            memory,
        }
    }
}

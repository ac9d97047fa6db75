//! What one run showed, for Python to compare and print.

use std::collections::BTreeMap;
use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Serialize;

use crate::process::{Cpu, Memory};

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

/// Quantiles in milliseconds; all zero when nothing was measured.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Delays {
    /// How many values.
    pub count: u64,
    /// The median.
    pub p50: f64,
    /// Nine of ten are below.
    pub p90: f64,
    /// 99 of 100 are below.
    pub p99: f64,
    /// The largest.
    pub max: f64,
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

/// How far a run is; [`crate::run`] tells it about ten times a second.
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

/// Collects durations; constant memory, three digits, up to a minute.
#[derive(Clone, Debug)]
pub struct Delay(Histogram<u32>);

impl Delay {
    const MOST: u64 = 60_000_000_000;

    /// Empty.
    pub fn new() -> Self {
        Self(Histogram::new_with_bounds(1_000, Self::MOST, 3).expect("the bounds are in order"))
    }

    /// Adds one value; longer than a minute counts as a minute.
    pub fn record(&mut self, value: Duration) {
        self.0
            .saturating_record((value.as_nanos() as u64).min(Self::MOST));
    }

    /// The quantiles so far.
    pub fn quantiles(&self) -> Delays {
        if self.0.is_empty() {
            return Delays::default();
        }
        let at = |quantile| self.0.value_at_quantile(quantile) as f64 / 1e6;
        Delays {
            count: self.0.len(),
            p50: at(0.5),
            p90: at(0.9),
            p99: at(0.99),
            max: self.0.max() as f64 / 1e6,
        }
    }
}

impl Default for Delay {
    fn default() -> Self {
        Self::new()
    }
}

impl Relay {
    /// What the relay used between two readings, over `copies` deliveries.
    pub(crate) fn between(before: &Cpu, after: &Cpu, copies: u64, memory: Memory) -> Self {
        let cpu = after.total.saturating_sub(before.total).as_secs_f64();
        let used = |(name, end): (&String, &Duration)| {
            let start = before.threads.get(name).copied().unwrap_or_default();
            (name.clone(), end.saturating_sub(start).as_secs_f64())
        };
        Self {
            cpu,
            cpu_per_copy: if copies == 0 {
                0.0
            } else {
                cpu * 1e6 / copies as f64
            },
            threads: after
                .threads
                .iter()
                .map(used)
                .filter(|(_, cpu)| *cpu > 0.0)
                .collect(),
            memory,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_milliseconds() {
        let mut delay = Delay::new();
        for value in 1..=100 {
            delay.record(Duration::from_millis(value));
        }
        let delays = delay.quantiles();
        assert_eq!(delays.count, 100);
        assert!((delays.p50 - 50.0).abs() < 0.1 && (delays.p99 - 99.0).abs() < 0.1);
        assert!((delays.max - 100.0).abs() < 0.2);
    }

    #[test]
    fn an_empty_histogram_reports_nothing() {
        assert_eq!(Delay::new().quantiles().count, 0);
    }
}

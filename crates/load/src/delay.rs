//! Durations as quantiles: what both kinds of run report.

use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Serialize;

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

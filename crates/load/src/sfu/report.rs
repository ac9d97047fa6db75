//! What the generator tells, a line each.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::delay::Delays;
use crate::process::{Cpu, Process};

/// One line.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Told {
    /// How far the counted span is, about ten times a second.
    Progress(Progress),
    /// The session has its keys.
    Connected(Reached),
    /// The session has had a packet of each track that it is to get.
    Flowing(Reached),
    /// The session does not get any further.
    Failed(Failure),
    /// The server, as it was asked for.
    Reading(Reading),
    /// What a run showed.
    Report(Box<Report>),
}

/// How far a run is.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Progress {
    /// What is going on.
    pub phase: Phase,
    /// Seconds of it so far.
    pub done: f64,
    /// Of how many.
    pub of: f64,
}

/// The parts of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Packets flow and are not counted yet.
    WarmUp,
    /// Packets flow and count.
    Run,
    /// What is under way may still arrive.
    Drain,
}

/// A session got somewhere.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Reached {
    /// Which one.
    pub id: usize,
    /// Seconds since it was told to connect.
    pub seconds: f64,
}

/// A session failed.
#[derive(Clone, Debug, Serialize)]
pub struct Failure {
    /// Which one.
    pub id: usize,
    /// In the words of whoever gave up.
    pub why: String,
}

/// The server at one moment; everything is 0 where its process is not known.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Reading {
    /// CPU seconds so far.
    pub cpu: f64,
    /// Resident bytes.
    pub resident: u64,
}

/// What one run showed.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Report {
    /// Length of the counted time.
    pub seconds: f64,
    /// Packets sent in the counted time, all tracks.
    pub published: u64,
    /// Packets of the counted time that the pace asked for and that the generator did not get to.
    pub dropped: u64,
    /// Copies that connected subscribers should have got of what was published.
    pub expected: u64,
    /// Copies that they got, late ones included.
    pub delivered: u64,
    /// Copies that arrived within the counted time, whenever they were sent.
    pub arrived: u64,
    /// Bits of UDP payload that arrived within the counted time, per second.
    pub goodput: f64,
    /// From the packet's time stamp to the subscriber, of packets that were opened, in milliseconds.
    pub delay: Delays,
    /// The server's side; absent when the plan names no process.
    pub server: Option<Server>,
    /// CPU seconds of this generator in the counted time.
    pub generator_cpu: f64,
    /// What was received and could not be used, each kind with its count since the start.
    pub odd: BTreeMap<&'static str, u64>,
}

/// The server in the counted time.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Server {
    /// CPU seconds.
    pub cpu: f64,
    /// CPU microseconds per copy that arrived.
    pub cpu_per_copy: f64,
    /// CPU seconds of its threads by name.
    pub threads: BTreeMap<String, f64>,
    /// Resident bytes when the counted time starts.
    pub running: u64,
    /// The most seen in it.
    pub peak: u64,
}

impl Reading {
    /// Looks at a process.
    pub fn of(process: Option<Process>) -> Self {
        process.map_or_else(Self::default, |process| Self {
            cpu: process.cpu().total.as_secs_f64(),
            resident: process.resident(),
        })
    }
}

impl Server {
    /// What it used, over `copies` that arrived meanwhile.
    pub(super) fn new(used: &Cpu, copies: u64, running: u64, peak: u64) -> Self {
        Self {
            cpu: used.total.as_secs_f64(),
            cpu_per_copy: used.per_copy(copies),
            threads: used.threads_in_seconds(),
            running,
            peak,
        }
    }
}

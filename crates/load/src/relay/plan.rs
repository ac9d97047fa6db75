//! What one run does: read from JSON, so that Python composes runs and this crate carries them out.

use std::net::SocketAddr;

use moq::framing::profile::{self, Draft};
use serde::de::Error;
use serde::{Deserialize, Deserializer};

/// One run against one relay: connect, join, run, leave.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// Where the relay listens.
    pub relay: SocketAddr,
    /// TLS server name, and the authority of the URL.
    #[serde(default = "localhost")]
    pub server_name: String,
    /// Raw QUIC or WebTransport.
    #[serde(default)]
    pub transport: Transport,
    /// What the sessions speak.
    #[serde(default = "draft_16", deserialize_with = "draft")]
    pub draft: Draft,
    /// Path and query of the publisher's URL: where a relay token travels.
    #[serde(default = "root")]
    pub publish_path: String,
    /// Path and query of the subscribers' URL.
    #[serde(default = "root")]
    pub subscribe_path: String,
    /// Fields of the namespace that the publisher announces.
    pub namespace: Vec<String>,

    /// Tracks that the publisher offers, named `t0`, `t1`, ….
    #[serde(default = "one")]
    pub tracks: usize,
    /// Connections that subscribe.
    pub subscribers: usize,
    /// Subscriptions of each subscriber; subscriber `n` starts at track `n × tracks_each`, modulo `tracks`.
    #[serde(default = "one")]
    pub tracks_each: usize,
    /// Payload of an object; at least [`crate::payload::HEAD`] bytes.
    #[serde(default = "ten_kilobytes")]
    pub object_bytes: usize,
    /// Objects on one subgroup stream; every group has one subgroup.
    #[serde(default = "thirty")]
    pub objects_per_stream: u64,
    /// How fast each track goes.
    #[serde(default)]
    pub pace: Pace,
    /// Bytes of a track that the publisher holds for a blocked stream before it drops its oldest
    /// unsent subgroup.
    #[serde(default = "megabyte")]
    pub publisher_queue: usize,

    /// Whether subscribers subscribe at all, after all connected, or each as soon as it is connected.
    #[serde(default)]
    pub join: Join,
    /// Handshakes, or whole joins, under way at once; 0: no limit.
    #[serde(default = "thirty_two")]
    pub at_once: usize,
    /// The first this many subscribers stop reading their streams when the run starts.
    #[serde(default)]
    pub stalled: usize,
    /// Seconds of publishing before anything is counted.
    #[serde(default = "second")]
    pub warm_up: f64,
    /// Seconds that count.
    #[serde(default = "five_seconds")]
    pub seconds: f64,
    /// Seconds to wait for what is still under way when the counted time ends.
    #[serde(default = "two_seconds")]
    pub drain: f64,
    /// Seconds that connecting or joining may take in all before the run is given up.
    #[serde(default = "sixty_seconds")]
    pub patience: f64,

    /// The relay's process, for its CPU and memory; without it the report has neither.
    #[serde(default)]
    pub relay_pid: Option<u32>,
    /// Whether the report has a row for each subscriber.
    #[serde(default)]
    pub each_subscriber: bool,
}

/// What carries a session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    /// Raw QUIC.
    #[default]
    Quic,
    /// WebTransport over HTTP/3.
    WebTransport,
}

impl From<Transport> for moq::carrier::Transport {
    fn from(transport: Transport) -> Self {
        match transport {
            Transport::Quic => Self::Quic,
            Transport::WebTransport => Self::WebTransport,
        }
    }
}

/// How fast a track goes.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Pace {
    /// Objects per second, evenly spread, whatever becomes of them.
    PerSecond(f64),
    /// As fast as they are received: at most this many bytes of a track ahead of its slowest subscriber.
    Ahead(u64),
}

impl Default for Pace {
    fn default() -> Self {
        Self::PerSecond(30.0)
    }
}

/// When subscribers subscribe.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Join {
    /// Never: they stay connected and idle.
    Never,
    /// When all are connected; publishing starts when all have joined.
    #[default]
    AfterConnecting,
    /// Each as soon as its session stands, while the publisher publishes.
    AtOnce,
}

/// Why a plan cannot be carried out.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// Two settings contradict each other, or one is out of range.
    #[error("{0}")]
    Setting(&'static str),
}

impl Plan {
    /// The plan, if it can be carried out.
    pub fn checked(self) -> Result<Self, PlanError> {
        let plan = self;
        let refused = if plan.namespace.is_empty() {
            "namespace needs at least one field"
        } else if plan.tracks == 0 || plan.tracks_each == 0 || plan.tracks_each > plan.tracks {
            "tracks_each is from 1 to tracks"
        } else if plan.object_bytes < crate::payload::HEAD {
            "object_bytes is too small for the time stamp in front"
        } else if plan.objects_per_stream == 0 {
            "objects_per_stream is at least 1"
        } else if matches!(plan.pace, Pace::PerSecond(rate) if !(rate > 0.0 && rate < 1e6)) {
            "per_second is over 0 and under a million"
        } else if plan.stalled > plan.subscribers {
            "more are stalled than there are subscribers"
        } else {
            return Ok(plan);
        };
        Err(PlanError::Setting(refused))
    }

    /// Tracks that a subscriber asks for.
    pub(crate) fn tracks_of(&self, subscriber: usize) -> impl Iterator<Item = usize> + use<> {
        let tracks = self.tracks;
        let first = subscriber * self.tracks_each;
        (first..first + self.tracks_each).map(move |track| track % tracks)
    }
}

fn draft<'de, D: Deserializer<'de>>(number: D) -> Result<Draft, D::Error> {
    let number = u8::deserialize(number)?;
    let row = profile::profile(number);
    Ok(row
        .ok_or_else(|| D::Error::custom(format!("draft {number} is not spoken")))?
        .draft)
}
const fn draft_16() -> Draft {
    Draft::D16
}
fn localhost() -> String {
    "localhost".into()
}
fn root() -> String {
    "/".into()
}
const fn one() -> usize {
    1
}
const fn thirty() -> u64 {
    30
}
const fn thirty_two() -> usize {
    32
}
const fn ten_kilobytes() -> usize {
    10_000
}
const fn megabyte() -> usize {
    1 << 20
}
const fn second() -> f64 {
    1.0
}
const fn two_seconds() -> f64 {
    2.0
}
const fn five_seconds() -> f64 {
    5.0
}
const fn sixty_seconds() -> f64 {
    60.0
}

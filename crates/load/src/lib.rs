//! A load generator for both halves: it plays the publishers and the subscribers of a MoQT relay or of an
//! SFU, each on a socket of its own.
//!
//! [`serve`] carries out one [`Plan`], as a process of its own; Python composes plans and compares.

pub mod delay;
pub mod payload;
pub mod process;
pub mod relay;
pub mod sfu;

use std::io::{self, BufRead, Write};

use moq::carrier::TlsError;
use serde::{Deserialize, Serialize};

/// What a process is started for: the first line of its input.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Plan {
    /// One run against a relay.
    Relay(Box<relay::Plan>),
    /// Runs against an SFU: requests follow, a line each.
    Sfu(Box<sfu::Plan>),
}

/// Why a run did not take place.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The plan of a run against a relay is at fault.
    #[error(transparent)]
    Relay(#[from] relay::PlanError),
    /// The plan of runs against an SFU is at fault, or a request.
    #[error(transparent)]
    Sfu(#[from] sfu::PlanError),
    /// The DTLS library will not.
    #[error(transparent)]
    Dtls(#[from] dimpl::Error),
    /// A line is not what is understood here.
    #[error("not understood: {0}")]
    Json(#[from] serde_json::Error),
    /// Sockets, the thread, input or output could not be had.
    #[error("cannot run: {0}")]
    Io(#[from] io::Error),
    /// The TLS library will not.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// A bug of ours ended the run.
    #[error(transparent)]
    Panic(#[from] shard::Panic),
    /// The run ended, and left no report.
    #[error("the run ended before its report")]
    Ended,
}

/// Carries out what `input` says: a plan in its first line, then what the plan lets ask for. Progress and report are JSON, a line each.
pub fn serve(
    mut input: impl BufRead + Send + 'static,
    mut output: impl Write,
) -> Result<(), RunError> {
    let mut line = String::new();
    input.read_line(&mut line)?;
    match serde_json::from_str(&line)? {
        Plan::Relay(plan) => {
            let report = relay::run(plan.checked()?, |progress| {
                // Whoever does not listen any more ends the process.
                let _ = tell(&mut output, &progress);
            })?;
            tell(&mut output, &report)
        }
        Plan::Sfu(plan) => sfu::run(plan.checked()?, input, |told| tell(&mut output, told)),
    }
}

/// Writes one line.
fn tell(output: &mut impl Write, told: &impl Serialize) -> Result<(), RunError> {
    let mut line = serde_json::to_vec(told)?;
    line.push(b'\n');
    output.write_all(&line)?;
    Ok(output.flush()?)
}

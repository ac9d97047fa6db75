//! A load generator for MoQT relays: one publisher, many subscribers, each on a socket of its own.
//!
//! [`run`] carries out one [`Plan`] and gives its [`Report`]; Python composes plans and compares.

mod generator;
mod incoming;
mod messages;
pub mod payload;
mod peer;
pub mod plan;
pub mod process;
mod publisher;
pub mod report;
mod session;
mod subscriber;

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::mpsc;

use moq::carrier::TlsError;

use generator::{Generator, Told};
pub use plan::{Plan, PlanError};
pub use report::{Progress, Report};

/// Why a run did not take place.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The plan is at fault.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// Sockets or the thread could not be had.
    #[error("cannot start: {0}")]
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

/// Carries out a plan on a thread of its own and waits for its report. Tells `progress` about ten
/// times a second.
pub fn run(plan: Plan, mut progress: impl FnMut(Progress)) -> Result<Report, RunError> {
    let any: IpAddr = match plan.relay {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let sockets = (0..=plan.subscribers)
        .map(|_| shard::Socket::bind(SocketAddr::new(any, 0)))
        .collect::<io::Result<Vec<_>>>()?;
    let (told, tell) = mpsc::channel();
    let generator = Generator::new(plan, told)?;
    let waker = shard::Waker::new()?;
    let (_commands, commands) = shard::commands(1, &waker);
    let letters = shard::letters(std::slice::from_ref(&waker), 1).pop();
    let letters = letters.expect("one shard was asked for");
    let shard = shard::Plan {
        id: 0,
        waker,
        sockets,
        commands,
        letters,
    };
    let handle = shard::spawn(shard, move || generator, |_, _| {})?;
    let mut report = None;
    for told in tell {
        match told {
            Told::Progress(now) => progress(now),
            Told::Report(it) => report = Some(*it),
        }
    }
    handle.join()?;
    report.ok_or(RunError::Ended)
}

/// [`run`], with a plan and a report in JSON.
pub fn run_json(plan: &str, progress: impl FnMut(Progress)) -> Result<String, RunError> {
    let report = run(Plan::from_json(plan)?, progress)?;
    Ok(serde_json::to_string(&report).map_err(PlanError::from)?)
}

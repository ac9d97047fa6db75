//! Runs against MoQT relays: one publisher, many subscribers, each on a socket of its own.

mod generator;
mod incoming;
mod messages;
mod peer;
pub mod plan;
mod publisher;
pub mod report;
mod session;
mod subscriber;

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::mpsc;

use generator::{Generator, Told};
pub use plan::{Plan, PlanError};
pub use report::{Progress, Report};

use crate::RunError;

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

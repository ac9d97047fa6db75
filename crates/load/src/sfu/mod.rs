//! Runs against SFUs: publishers and subscribers, each a WebRTC session on a socket of its own.
//!
//! Signalling is another's: whoever feeds the process agrees with the server on everything, and tells
//! the outcome, one [`Session`](plan::Session) after the other.

mod dtls;
mod generator;
mod ice;
mod incoming;
mod outgoing;
mod pacer;
mod payload;
pub mod plan;
mod profile;
pub mod report;
mod session;

use std::io::{self, BufRead};
use std::net::Ipv4Addr;
use std::sync::mpsc;
use std::time::Duration;

pub use plan::{Plan, PlanError, Request};
pub use report::Told;

use crate::RunError;
use dtls::Identity;
use generator::{Command, Generator};

/// Requests that wait for the generator.
const QUEUE: usize = 1024;
/// How long the reader waits when the generator has not kept up.
const PAUSE: Duration = Duration::from_millis(1);

/// Carries out one request a line until `input` ends; then closes all sessions.
pub fn run(
    plan: Plan,
    input: impl BufRead + Send + 'static,
    mut tell: impl FnMut(&Told) -> Result<(), RunError>,
) -> Result<(), RunError> {
    let sockets = (0..plan.sessions)
        .map(|_| shard::Socket::bind((Ipv4Addr::UNSPECIFIED, 0).into()))
        .collect::<io::Result<Vec<_>>>()?;
    let identity = Identity::new(&plan)?;
    let (told, heard) = mpsc::channel();
    let waker = shard::Waker::new()?;
    let (commands, receiver) = shard::commands(QUEUE, &waker);
    let letters = shard::letters(std::slice::from_ref(&waker), 1).pop();
    let letters = letters.expect("one shard was asked for");
    let shard = shard::Plan {
        id: 0,
        waker,
        sockets,
        commands: receiver,
        letters,
    };
    let handle = shard::spawn(
        shard,
        move || Generator::new(plan, identity, told),
        |_, _| {},
    )?;
    let reader = std::thread::spawn(move || {
        let read = read(input, &commands);
        push(&commands, Command::Leave);
        read
    });
    for told in heard {
        tell(&told)?;
    }
    handle.join()?;
    reader.join().map_err(|_| RunError::Ended)?
}

fn read(input: impl BufRead, commands: &shard::Commands<Command>) -> Result<(), RunError> {
    for line in input.lines() {
        let request = match serde_json::from_str(&line?)? {
            Request::Pace(pace) => Request::Pace(pace.checked()?),
            request => request,
        };
        push(commands, Command::Request(request));
    }
    Ok(())
}

fn push(commands: &shard::Commands<Command>, mut command: Command) {
    while let Err(shard::Full(refused)) = commands.try_push(command) {
        command = refused;
        std::thread::sleep(PAUSE);
    }
}

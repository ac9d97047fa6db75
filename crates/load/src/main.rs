//! Carries out what standard input says; what it tells are JSON lines.

use std::io;
use std::process::ExitCode;

fn main() -> ExitCode {
    match load::serve(io::BufReader::new(io::stdin()), io::stdout()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

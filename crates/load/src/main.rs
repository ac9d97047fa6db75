//! Carries out the plan on standard input; progress and report are JSON, a line each.

use std::io::{self, Read};
use std::process::ExitCode;

fn main() -> ExitCode {
    let mut plan = String::new();
    if let Err(error) = io::stdin().read_to_string(&mut plan) {
        eprintln!("cannot read the plan: {error}");
        return ExitCode::FAILURE;
    }
    let progress = |progress| {
        println!(
            "{}",
            serde_json::to_string(&progress).expect("plain fields")
        );
    };
    match load::run_json(&plan, progress) {
        Ok(report) => {
            println!("{report}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

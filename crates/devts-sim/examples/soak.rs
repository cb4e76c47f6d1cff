//! Random runs for as many seeds as there is time for, with progress: the smoke test's scenario, at any length.
//!
//! ```text
//! cargo run --release -p devts-sim --example soak                 10 000 seeds of 5 to 20 nodes
//! cargo run --release -p devts-sim --example soak -- 300          so many
//! cargo run --release -p devts-sim --example soak -- 20 large     of 64 nodes
//! cargo run --release -p devts-sim --example soak -- 300 quick    each once, and a failure as it was found
//! ```
//!
//! `DEVTS_SEED=77` runs that seed alone. Exits with 1 and the report when a seed fails.

#![allow(clippy::print_stdout, reason = "it talks to whoever started it")]

#[path = "../tests/soak/mod.rs"]
mod soak;

use soak::Size;
use std::process::ExitCode;

/// How many seeds are run twice.
const TWICE: u64 = 20;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let count = match arguments.next().map(|count| count.parse::<u64>()) {
        None => 10_000,
        Some(Ok(count)) if count > 1 => count,
        Some(_) => return usage(),
    };
    let mut size = Size::SMOKE;
    let mut seeds = devts::sim::seeds(count / 2).twice(TWICE);
    for word in arguments {
        match word.as_str() {
            "large" => size = Size::LARGE,
            "quick" => seeds = seeds.twice(0).unshrunk(),
            _ => return usage(),
        }
    }
    for (with_state, name) in [(true, "with a state"), (false, "without a state")] {
        match soak::run(seeds.clone(), size, with_state) {
            Ok(summary) => println!("{name}: {summary}"),
            Err(failure) => {
                println!("{name}: {failure}");
                return ExitCode::FAILURE;
            }
        }
    }
    ExitCode::SUCCESS
}

fn usage() -> ExitCode {
    eprintln!(
        "soak [SEEDS] [large] [quick]: a number of seeds from 2 on; `large` for 64 nodes; `quick` to ask only which fails"
    );
    ExitCode::from(2)
}

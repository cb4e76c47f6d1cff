//! What devts costs: one-way events and request echo against length-prefixed postcard over plain TCP, on each host, as
//! separate processes on loopback, in one interleaved run. Prints a table; `docs/benchmarks.md` holds one.
//!
//! ```sh
//! cargo run --release -p devts-bench             # five pairs a size and host, some minutes
//! cargo run --release -p devts-bench -- --quick  # two short pairs
//! ```
#![expect(clippy::print_stdout, reason = "its result is a table on stdout")]

mod bars;
mod child;
mod cluster;
mod core;
mod host;
mod idle;
mod meter;
mod options;
mod others;
mod pair;
mod payload;
mod plot;
mod process;
mod raw;
mod rounds;
mod table;

use options::Options;
use std::alloc::System;
use std::error::Error;
use std::process::ExitCode;
use std::time::Instant;

#[global_allocator]
static ALLOCATOR: &stats_alloc::StatsAlloc<System> = &stats_alloc::INSTRUMENTED_SYSTEM;

/// Anything that goes wrong ends the run: a benchmark has nobody to recover for.
type Result<T = (), E = Box<dyn Error + Send + Sync>> = std::result::Result<T, E>;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let result = match arguments.split_first() {
        Some((first, rest)) if first == child::WORD => child::run(rest),
        _ => measure(&arguments),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("devts-bench: {error}");
            ExitCode::FAILURE
        }
    }
}

fn measure(arguments: &[String]) -> Result {
    let Some(options) = Options::parse(arguments)? else {
        println!("{}", options::HELP);
        return Ok(());
    };
    let start = Instant::now();
    let cells = rounds::run(&options)?;
    let idle = idle::run(&options)?;
    print!("{}", table::markdown(&cells, &idle));
    if let Some(path) = &options.svg {
        std::fs::write(path, plot::svg(&cells))?;
    }
    eprintln!("measured in {:.0} s", start.elapsed().as_secs_f64());
    Ok(())
}

//! The smoke test: three hundred seeds of random runs, each of them twice. `--example soak` runs more.

#![allow(clippy::print_stdout, reason = "how fast the seeds ran")]

mod soak;

use soak::Size;

/// So many seeds with a state that is handed over, and as many without one.
const SEEDS: u64 = 150;

fn smoke(with_state: bool) {
    let seeds = devts::sim::seeds(SEEDS).twice(SEEDS);
    match soak::run(seeds, Size::SMOKE, with_state) {
        Ok(summary) => println!("{summary}"),
        Err(failure) => panic!("{failure}"),
    }
}

#[test]
fn smoke_with_a_state() {
    smoke(true);
}

#[test]
fn smoke_without_a_state() {
    smoke(false);
}

//! `lost_update`: a test of somebody's own node, live. A replicated store acknowledges writes too early. Simulated clusters
//! of it show a write that is lost by that, the fewest faults that do it, and the line that does it again. Then the mended
//! store goes through the same seeds. Ends with 0 if the mistake is found and the mended store has none.
//!
//! ```sh
//! cargo run --example lost_update
//! ```

#[path = "lost_update/store.rs"]
mod store;

use devts::sim::{Failure, Summary, seeds};
use devts_examples::say;
use std::process::ExitCode;
use store::{Hasty, Patient, SEEDS, writes_are_kept};

fn main() -> ExitCode {
    say(
        "A store of three nodes acknowledges a write when one of them has it. From each seed a cluster lives through a",
    );
    say(format_args!(
        "minute of partitions and a crash, until a write is lost or {SEEDS} seeds are through:\n"
    ));
    let hasty = show(seeds(SEEDS).run(writes_are_kept::<Hasty>));
    say("\nThe same store, which acknowledges a write when two of three have it, from the same seeds:\n");
    let patient = show(seeds(SEEDS).run(writes_are_kept::<Patient>));
    if patient && !hasty { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Whether no write was lost.
fn show(result: Result<Summary, Box<Failure>>) -> bool {
    match &result {
        Ok(summary) => say(format_args!("no write was lost in {summary}")),
        Err(failure) => say(failure),
    }
    result.is_ok()
}

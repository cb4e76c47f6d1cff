//! What all examples share: how they log, which host they run on, how they read their arguments and print. No example's
//! node is here: a node is complete in its own file.

mod host;
pub mod web;

use devts::{Error, Result, Runtime};
use std::fmt::Display;
use std::future::Future;
use std::io::{self, Write};
use std::process::ExitCode;
use std::str::FromStr;
use std::sync::Arc;

/// Runs an example to its end on its host: the one that is built in, or what `DEVTS_HOST` says where both are. It logs to
/// stderr, a line each, from INFO up unless `RUST_LOG` says otherwise.
pub fn run<F: Future<Output = Result>>(example: impl FnOnce(Arc<dyn Runtime>) -> F) -> ExitCode {
    env_logger::Builder::from_env(env_logger::Env::default().default_filter_or("info")).init();
    match host::block_on(example) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let causes: Vec<String> = error.chain().map(ToString::to_string).collect();
            log::error!("{}", causes.join(": "));
            ExitCode::FAILURE
        }
    }
}

/// The argument at this place, from 1, or a sentence that says what it must be.
pub fn argument<T: FromStr>(place: usize, name: &str) -> Result<T> {
    let given = std::env::args()
        .nth(place)
        .ok_or_else(|| Error::msg(format!("argument {place}, {name}, is missing")))?;
    given.parse().map_err(|_| Error::msg(format!("argument {place}, {name}, cannot be {given:?}")))
}

/// A line on stdout. Who has closed it does not end the node.
pub fn say(line: impl Display) {
    let _ = writeln!(io::stdout(), "{line}");
}

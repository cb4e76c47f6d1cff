//! The conformance suite: what every [`Runtime`] promises, as named checks that any host runs on itself.
//!
//! ```
//! # use devts_rt::{BoxFuture, Runtime};
//! # use std::sync::Arc;
//! # fn my_host() -> Arc<dyn Runtime> { unimplemented!() }
//! # fn my_block_on(future: BoxFuture<()>) { devts_rt::conformance::park_on(future) }
//! mod my_host_conforms {
//!     # use super::*;
//!     devts_rt::conformance_tests!(super::my_host(), super::my_block_on);
//! }
//! # fn main() {}
//! ```
//!
//! writes one `#[test]` per check. [`check`] runs one by its name and [`check_all`] all of them in turn.
//! Every check is bounded: what does not end fails after a minute instead of hanging. No check asserts a speed.
//! It knows the seam only, and no host.

mod connecting;
mod random;
mod streams;
mod tasks;
mod time;
mod tools;

use crate::{BoxFuture, Runtime};
use std::fmt;
use std::sync::Arc;

pub use tools::park_on;

/// One promise of the seam, with the code that tests it.
#[derive(Clone, Copy)]
pub struct Check {
    /// Its name, which is the name of its `#[test]`.
    pub name: &'static str,
    /// It uses threads, or sockets of the system, beside the host.
    pub threads: bool,
    run: fn(Arc<dyn Runtime>) -> BoxFuture<()>,
}

impl Check {
    /// The check as a future that panics when the host breaks the promise, or has not ended after a minute.
    pub fn run(&self, host: Arc<dyn Runtime>) -> BoxFuture<()> {
        Box::pin(tools::bounded(self.name, (self.run)(host)))
    }
}

impl fmt::Debug for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Check").field(&self.name).finish()
    }
}

/// Runs the check of this name.
///
/// # Panics
///
/// When the host breaks the promise, or there is no such check.
pub fn check(name: &str, host: Arc<dyn Runtime>, block_on: impl FnOnce(BoxFuture<()>)) {
    let check = CHECKS.iter().find(|check| check.name == name);
    block_on(check.unwrap_or_else(|| panic!("no check is called {name}")).run(host));
}

/// Runs all checks, one after another.
///
/// # Panics
///
/// When the host breaks a promise; the message names the check.
pub fn check_all(host: Arc<dyn Runtime>, block_on: impl Fn(BoxFuture<()>)) {
    for check in CHECKS {
        block_on(check.run(Arc::clone(&host)));
    }
}

/// Writes one `#[test]` per check, in the module where it stands.
///
/// The first argument is an expression that makes the host (`Arc<dyn Runtime>`), the second one that gives a
/// `block_on`: a function of one `BoxFuture<()>`. Both are evaluated anew in each test. A host that has one thread, and
/// refuses all others by design, says `one thread,` first, and is spared the checks that need more.
#[macro_export]
macro_rules! conformance_tests {
    (one thread, $host:expr, $block_on:expr $(,)?) => {
        $crate::__each_check! { [$crate::__conformance_tests_of_one_thread] { $host, $block_on } }
    };
    ($host:expr, $block_on:expr $(,)?) => {
        $crate::__each_check! { [$crate::__conformance_tests] { $host, $block_on } }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __conformance_tests {
    ({ $host:expr, $block_on:expr } { $($module:ident :: $name:ident)* } { $($other:ident :: $more:ident)* }) => {
        $(
            #[test]
            fn $name() {
                $crate::conformance::check(stringify!($name), $host, $block_on);
            }
        )*
        $(
            #[test]
            fn $more() {
                $crate::conformance::check(stringify!($more), $host, $block_on);
            }
        )*
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __conformance_tests_of_one_thread {
    ({ $host:expr, $block_on:expr } $checks:tt { $($other:ident :: $more:ident)* }) => {
        $crate::__conformance_tests! { { $host, $block_on } $checks { } }
    };
}

/// The one list of checks, those first that one thread can do: hands it to the macro named first.
#[doc(hidden)]
#[macro_export]
macro_rules! __each_check {
    ([$($then:tt)*] $given:tt) => {
        $($then)*! { $given
            {
                tasks::spawn_runs_detached
                tasks::spawn_from_inside_a_task
                tasks::spawn_many
                tasks::spawn_panic_stays_in_its_task
                tasks::blocking_ends_after_its_work
                tasks::blocking_panic_arrives
                tasks::blocking_dropped_still_runs
                time::sleep_is_never_early
                time::sleep_of_zero_ends
                time::sleep_shorter_ends_first
                time::sleep_without_end_waits
                time::sleep_dropped_is_cancelled
                time::sleep_many
                time::now_is_monotonic
                time::wall_is_sane
                random::random_differs
                connecting::listen_gives_its_address
                connecting::listen_in_use_is_refused
                connecting::listen_dropped_frees_the_port
                connecting::connect_refused_is_told
                connecting::accept_dropped_loses_none
                connecting::connections_many
                connecting::resolve_gives_addresses
                connecting::resolve_nonsense_fails
                streams::stream_both_ways_at_once
                streams::stream_half_closes
                streams::stream_dropped_is_eof
                streams::stream_reset_is_told
                streams::stream_vectored_keeps_order
                streams::stream_pushes_back
            }
            {
                tasks::spawn_from_a_plain_thread
                tasks::blocking_runs_off_the_executor
                tasks::blocking_from_a_plain_thread
                time::sleep_from_a_plain_thread
                time::sleep_crosses_threads
                time::now_is_one_for_all_threads
                streams::stream_lets_others_run
                streams::stream_from_a_plain_thread
            }
        }
    };
}

macro_rules! __checks {
    ({} { $($module:ident :: $name:ident)* } { $($other:ident :: $more:ident)* }) => {
        /// All checks, in the order of [`check_all`].
        pub const CHECKS: &[Check] = &[
            $(Check { name: stringify!($name), threads: false, run: |host| Box::pin($module::$name(host)) },)*
            $(Check { name: stringify!($more), threads: true, run: |host| Box::pin($other::$more(host)) },)*
        ];
    };
}

__each_check! { [__checks] {} }

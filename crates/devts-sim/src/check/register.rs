//! Linearizability of registers, one a key: whether what clients saw of a store can be explained by a single copy of each
//! value on which every operation took place at once, at some moment between its call and its return. Knows no store.

mod history;
mod search;
#[cfg(test)]
mod tests;
mod verdict;
mod window;

pub use history::{Comparing, History, Reading, Writing};
pub use verdict::{Action, Operation, Outcome, Verdict, Violation};

//! The examples as real processes of both hosts in one cluster, used as their users would use them, and worse.
#![cfg(all(unix, feature = "smol", feature = "tokio"))]
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod chat;
mod hostile;
mod http;
#[cfg(feature = "sim")]
mod lost_update;
mod process;
mod register;

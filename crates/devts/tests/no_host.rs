//! Built without a host, everything compiles, and what cannot run says which features there are. Run it with
//! `cargo test -p devts --no-default-features --test no_host`.

#![cfg(not(any(feature = "tokio", feature = "smol")))]

use futures_util::FutureExt;
use std::pin::pin;

struct Empty;

#[devts::node("empty")]
impl devts::Node for Empty {}

/// The error and its causes name both features.
fn names_the_features(error: impl Into<devts::Error>) {
    let error = error.into();
    let text: Vec<String> = error.chain().map(ToString::to_string).collect();
    let text = text.join(": ");
    assert!(text.contains("`tokio`") && text.contains("`smol`"), "{text}");
}

#[test]
fn block_on_names_the_features() {
    names_the_features(devts::block_on(async { Ok(()) }).expect_err("there is no host"));
}

#[test]
fn join_names_the_features_and_does_not_wait() {
    let joining = devts::join("127.0.0.1:9", Empty).into_future();
    let result = pin!(joining).now_or_never().expect("an answer at the first poll");
    names_the_features(result.expect_err("there is no host"));
}

//! Which host an example runs on: the one that is built in; where both are, tokio, or what `DEVTS_HOST` (`smol`, `tokio`)
//! says, so that a test can mix both without building twice.

use devts::{Error, Result, Runtime};
use std::future::Future;
use std::sync::Arc;

/// Runs the example on its host, and gives it that host.
pub(crate) fn block_on<F: Future<Output = Result>>(example: impl FnOnce(Arc<dyn Runtime>) -> F) -> Result {
    match std::env::var("DEVTS_HOST").as_deref() {
        Ok("smol") => smol(example),
        Ok("tokio") => tokio(example),
        Ok(other) => Err(Error::msg(format!("DEVTS_HOST is {other:?}, not `smol` or `tokio`"))),
        Err(_) if cfg!(feature = "tokio") => tokio(example),
        Err(_) => smol(example),
    }
}

#[cfg(feature = "smol")]
fn smol<F: Future<Output = Result>>(example: impl FnOnce(Arc<dyn Runtime>) -> F) -> Result {
    let host = Arc::new(devts::Smol::global()?);
    host.clone().block_on(example(host))
}

#[cfg(not(feature = "smol"))]
fn smol<F: Future<Output = Result>>(_: impl FnOnce(Arc<dyn Runtime>) -> F) -> Result {
    Err(Error::msg("this example was built without the feature `smol`"))
}

#[cfg(feature = "tokio")]
fn tokio<F: Future<Output = Result>>(example: impl FnOnce(Arc<dyn Runtime>) -> F) -> Result {
    devts::block_on(async { example(Arc::new(devts::Tokio::current()?)).await })
}

#[cfg(not(feature = "tokio"))]
fn tokio<F: Future<Output = Result>>(_: impl FnOnce(Arc<dyn Runtime>) -> F) -> Result {
    Err(Error::msg("this example was built without the feature `tokio`"))
}

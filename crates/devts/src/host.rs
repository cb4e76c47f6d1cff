//! Which host a node runs on, and the two functions of a `main`: by what is built in, and by where it is called.

use crate::Result;
use devts_rt::Runtime;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

/// No host to run on.
#[derive(Debug)]
#[non_exhaustive]
pub struct NoRuntime {
    text: &'static str,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

#[cfg(not(any(feature = "tokio", feature = "smol", feature = "sim")))]
const NO_FEATURE: &str = "devts was built without a host: enable its feature `tokio` or `smol` (or both), or give a \
     runtime of your own with `.runtime(..)`";
#[cfg(all(feature = "sim", not(any(feature = "tokio", feature = "smol"))))]
const NO_FEATURE: &str = "devts was built with the simulator as its only host: nodes run in a world of `devts::sim`; to \
     run them on this machine enable its feature `tokio` or `smol`, or give a runtime of your own with `.runtime(..)`";

impl NoRuntime {
    #[cfg(not(any(feature = "tokio", feature = "smol")))]
    fn no_feature() -> NoRuntime {
        NoRuntime { text: NO_FEATURE, source: None }
    }

    #[cfg(any(feature = "tokio", feature = "smol"))]
    fn failed(text: &'static str, source: impl std::error::Error + Send + Sync + 'static) -> NoRuntime {
        NoRuntime { text, source: Some(Box::new(source)) }
    }
}

impl fmt::Display for NoRuntime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text)
    }
}

impl std::error::Error for NoRuntime {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().map(|source| source as &(dyn std::error::Error + 'static))
    }
}

/// The host for a node that was given none: tokio inside a tokio context, else smol, of what is built in.
pub(crate) fn choose() -> std::result::Result<Arc<dyn Runtime>, NoRuntime> {
    #[cfg(all(feature = "tokio", feature = "smol"))]
    return tokio().or_else(|_| smol());
    #[cfg(all(feature = "tokio", not(feature = "smol")))]
    return tokio();
    #[cfg(all(feature = "smol", not(feature = "tokio")))]
    return smol();
    #[cfg(not(any(feature = "tokio", feature = "smol")))]
    return Err(NoRuntime::no_feature());
}

#[cfg(feature = "tokio")]
fn tokio() -> std::result::Result<Arc<dyn Runtime>, NoRuntime> {
    let text = "`join` found no tokio runtime: await it inside `#[tokio::main]` or `devts::block_on`, or give one with \
                `.runtime(Tokio::from_handle(handle)?)`; or enable the feature `smol`, which needs none";
    match devts_tokio::Tokio::current() {
        Ok(host) => Ok(Arc::new(host)),
        Err(error) => Err(NoRuntime::failed(text, error)),
    }
}

#[cfg(feature = "smol")]
fn smol() -> std::result::Result<Arc<dyn Runtime>, NoRuntime> {
    let text = "smol's executor cannot be started: the system has no thread or descriptor left";
    match devts_smol::Smol::global() {
        Ok(host) => Ok(Arc::new(host)),
        Err(error) => Err(NoRuntime::failed(text, error)),
    }
}

/// Runs the future of a `main` on a host of its own: tokio with all its drivers, or smol where only that is built in.
/// Not for use inside a runtime: `.await` there.
///
/// # Errors
///
/// The future's; or when no host is built in, or it cannot be started.
pub fn block_on<T>(future: impl Future<Output = Result<T>>) -> Result<T> {
    #[cfg(feature = "tokio")]
    {
        let text = "tokio's runtime cannot be started: the system has no thread or descriptor left";
        devts_tokio::block_on(future).map_err(|error| NoRuntime::failed(text, error))?
    }
    #[cfg(all(feature = "smol", not(feature = "tokio")))]
    {
        let text = "async-io cannot be started: the system has no thread or descriptor left";
        devts_smol::block_on(future).map_err(|error| NoRuntime::failed(text, error))?
    }
    #[cfg(not(any(feature = "tokio", feature = "smol")))]
    {
        drop(future);
        Err(NoRuntime::no_feature().into())
    }
}

/// Completes on ctrl-c, or on `SIGTERM` where there is one; for [`crate::NodeHandle::run_until`]. It listens from the
/// call on. Where signals cannot be listened for, that is logged, the future never completes, and they end the process.
pub fn ctrl_c() -> impl Future<Output = ()> + Send + 'static {
    let signal = listen();
    async move {
        if let Err(error) = signal.await {
            log::error!(target: "devts", "signals cannot be listened for: {error}");
            std::future::pending::<()>().await;
        }
    }
}

type Signal = Pin<Box<dyn Future<Output = std::io::Result<()>> + Send>>;

fn listen() -> Signal {
    #[cfg(all(feature = "tokio", feature = "smol"))]
    if devts_tokio::Tokio::current().is_ok() {
        return Box::pin(devts_tokio::ctrl_c());
    }
    #[cfg(feature = "smol")]
    return Box::pin(devts_smol::ctrl_c());
    #[cfg(all(feature = "tokio", not(feature = "smol")))]
    return Box::pin(devts_tokio::ctrl_c());
    #[cfg(not(any(feature = "tokio", feature = "smol")))]
    return Box::pin(async { Err(std::io::Error::other(NO_FEATURE)) });
}

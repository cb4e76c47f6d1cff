//! The hosts, by name, and how a process runs on one. Knows nothing of what runs.

use crate::Result;
use devts_rt::Runtime;
use devts_smol::Smol;
use devts_tokio::Tokio;
use std::fmt;
use std::future::Future;
use std::str::FromStr;
use std::sync::Arc;

/// What a process runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Host {
    TokioMulti,
    TokioCurrent,
    Smol,
}

impl Host {
    pub(crate) const ALL: [Host; 3] = [Host::TokioMulti, Host::TokioCurrent, Host::Smol];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Host::TokioMulti => "tokio-multi",
            Host::TokioCurrent => "tokio-current",
            Host::Smol => "smol",
        }
    }

    /// Runs this to its end, as a task of the host: on a multi-thread runtime what runs in `block_on` itself would pay
    /// a change of threads for every byte that arrives.
    pub(crate) fn run<F: Future<Output = Result> + Send + 'static>(
        self,
        main: impl FnOnce(Arc<dyn Runtime>) -> F + Send + 'static,
    ) -> Result {
        match self {
            Host::TokioMulti => {
                devts_tokio::block_on(async { as_task(Arc::new(Tokio::current()?), main).await })?
            }
            Host::TokioCurrent => {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
                runtime.block_on(async { as_task(Arc::new(Tokio::current()?), main).await })
            }
            Host::Smol => devts_smol::block_on(async { as_task(Arc::new(Smol::global()?), main).await })?,
        }
    }
}

async fn as_task<F: Future<Output = Result> + Send + 'static>(
    host: Arc<dyn Runtime>,
    main: impl FnOnce(Arc<dyn Runtime>) -> F,
) -> Result {
    let (done, end) = async_channel::bounded(1);
    let task = main(host.clone());
    host.spawn(Box::pin(async move {
        // Nobody waits any more only when this process ends.
        let _ = done.send(task.await).await;
    }));
    end.recv().await.map_err(|_| "the task panicked")?
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Host {
    type Err = String;

    fn from_str(name: &str) -> Result<Host, String> {
        let found = Host::ALL.into_iter().find(|host| host.name() == name);
        found.ok_or_else(|| format!("no host {name}: tokio-multi, tokio-current or smol"))
    }
}

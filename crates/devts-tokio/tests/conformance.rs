//! The suite of devts-rt on this host, once for each flavour of runtime and for who drives it.

use devts_rt::conformance::park_on;
use devts_rt::{BoxFuture, Runtime};
use devts_tokio::Tokio;
use std::future::pending;
use std::sync::{Arc, LazyLock};
use std::thread;
use tokio::runtime::{Builder, Runtime as TokioRuntime};

fn host(runtime: &TokioRuntime) -> Arc<dyn Runtime> {
    Arc::new(Tokio::from_handle(runtime.handle().clone()).expect("all drivers are there"))
}

fn multi_thread() -> TokioRuntime {
    Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("threads can be had")
}

fn current_thread() -> TokioRuntime {
    Builder::new_current_thread().enable_all().build().expect("descriptors can be had")
}

mod multi_thread_inside {
    use super::*;

    static RUNTIME: LazyLock<TokioRuntime> = LazyLock::new(multi_thread);

    devts_rt::conformance_tests!(host(&RUNTIME), |future: BoxFuture<()>| RUNTIME.block_on(future));
}

/// The caller is on a thread of no runtime.
mod multi_thread_outside {
    use super::*;

    static RUNTIME: LazyLock<TokioRuntime> = LazyLock::new(multi_thread);

    devts_rt::conformance_tests!(host(&RUNTIME), park_on);
}

/// The test's own thread drives the runtime, as `block_on` of an application does.
mod current_thread_inside {
    use super::*;

    #[test]
    fn all_checks_on_one_runtime_driven_by_nobody_else() {
        let runtime = current_thread();
        devts_rt::conformance::check_all(host(&runtime), |future| runtime.block_on(future));
    }

    static RUNTIME: LazyLock<TokioRuntime> = LazyLock::new(current_thread);

    devts_rt::conformance_tests!(host(&RUNTIME), |future: BoxFuture<()>| RUNTIME.block_on(future));
}

/// Another thread drives the runtime.
mod current_thread_outside {
    use super::*;

    static HOST: LazyLock<Tokio> = LazyLock::new(|| {
        let runtime = current_thread();
        let host = Tokio::from_handle(runtime.handle().clone()).expect("all drivers are there");
        thread::spawn(move || runtime.block_on(pending::<()>()));
        host
    });

    devts_rt::conformance_tests!(Arc::new(HOST.clone()), park_on);
}

//! What is true while a turn runs: which node's it is, as a mark on the thread, and that panics end here. A turn's
//! future is marked and guarded at each poll. Knows no handler.

use crate::shared::Core;
use devts_proto::{NodeId, RequestId};
use std::any::Any;
use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

/// A turn on this thread.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mark {
    /// The node's core, by address: unique while it lives.
    core: usize,
    /// The request that the turn serves.
    pub(crate) serving: Option<(NodeId, RequestId)>,
}

thread_local! {
    static TURN: Cell<Option<Mark>> = const { Cell::new(None) };
}

impl Mark {
    pub(crate) fn new(core: &Core, serving: Option<(NodeId, RequestId)>) -> Mark {
        Mark { core: std::ptr::from_ref(core).addr(), serving }
    }
}

/// The turn of this node that runs on this thread now.
#[inline]
pub(crate) fn current(core: &Core) -> Option<Mark> {
    TURN.get().filter(|mark| mark.core == std::ptr::from_ref(core).addr())
}

/// Restores what the thread had before, also on a panic: a turn may be polled inside another node's.
struct Enter(Option<Mark>);

impl Drop for Enter {
    fn drop(&mut self) {
        TURN.set(self.0);
    }
}

/// Runs a part of a turn: marked, and a panic becomes its text.
pub(crate) fn guard<T>(mark: Mark, part: impl FnOnce() -> T) -> Result<T, String> {
    let _before = Enter(TURN.replace(Some(mark)));
    catch_unwind(AssertUnwindSafe(part)).map_err(|panic| text(&*panic))
}

pub(crate) fn text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(ToString::to_string);
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a panic without a text".into())
}

/// Lets other tasks run once. On a host with one thread nothing else runs while turns follow each other.
pub(crate) async fn pause() {
    let mut paused = false;
    poll_fn(|cx| {
        if std::mem::replace(&mut paused, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// A turn's future.
pub(crate) struct Guarded<'a, T> {
    pub(crate) mark: Mark,
    pub(crate) future: Pin<Box<dyn Future<Output = T> + Send + 'a>>,
}

impl<T> Future for Guarded<'_, T> {
    type Output = Result<T, String>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<T, String>> {
        let mark = self.mark;
        match guard(mark, || self.future.as_mut().poll(cx)) {
            Ok(Poll::Ready(value)) => Poll::Ready(Ok(value)),
            Ok(Poll::Pending) => Poll::Pending,
            Err(text) => Poll::Ready(Err(text)),
        }
    }
}

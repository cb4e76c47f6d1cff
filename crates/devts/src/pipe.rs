//! One end of a two-way channel, as the user's end and the driver share it: what arrived and was not read, what was sent
//! and not accepted yet. Knows no types.

use crate::shared::lock;
use crate::waiters::{Waiters, Woken};
use bytes::Bytes;
use devts_proto::engine::ChannelEnd;
use devts_proto::{ChannelId, NodeId};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

/// See the module.
#[derive(Debug)]
pub(crate) struct Pipe {
    pub(crate) peer: NodeId,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    id: Option<ChannelId>,
    arrived: VecDeque<Bytes>,
    /// Nothing more will arrive.
    ended: Option<ChannelEnd>,
    /// Nothing more can be sent: this end closed, or the whole channel is over.
    shut: Option<ChannelEnd>,
    reader: Option<Waker>,
    /// Bytes sent and not accepted by the engine.
    queued: usize,
    writers: Waiters,
}

/// A channel on its way to being open: if it does not get there, it is over.
#[derive(Debug)]
pub(crate) struct Opening(Option<Arc<Pipe>>);

impl Opening {
    pub(crate) fn new(pipe: Arc<Pipe>) -> Opening {
        Opening(Some(pipe))
    }

    /// It is open.
    pub(crate) fn opened(mut self, id: ChannelId) -> Arc<Pipe> {
        let pipe = self.0.take().expect("it is opened once");
        lock(&pipe.state).id = Some(id);
        pipe
    }
}

impl Drop for Opening {
    fn drop(&mut self) {
        if let Some(pipe) = &self.0 {
            pipe.end(ChannelEnd::PeerGone);
        }
    }
}

impl Pipe {
    pub(crate) fn new(peer: NodeId, id: Option<ChannelId>) -> Pipe {
        Pipe { peer, state: Mutex::new(State { id, ..State::default() }) }
    }

    pub(crate) fn id(&self) -> Option<ChannelId> {
        lock(&self.state).id
    }

    // ---- the driver's side -----------------------------------------------------------------------------------

    pub(crate) fn arrived(&self, body: Bytes) {
        let mut state = lock(&self.state);
        state.arrived.push_back(body);
        let reader = state.reader.take();
        drop(state);
        wake_reader(reader);
    }

    /// The engine has accepted this much.
    pub(crate) fn accepted(&self, bytes: usize) {
        let mut state = lock(&self.state);
        state.queued = state.queued.saturating_sub(bytes);
        let woken = state.writers.take();
        drop(state);
        woken.wake();
    }

    /// The other end sends nothing more, or, unless it merely closed its side, the whole channel is over.
    pub(crate) fn end(&self, why: ChannelEnd) {
        let mut state = lock(&self.state);
        state.ended.get_or_insert(why);
        let mut woken = Woken::default();
        if why != ChannelEnd::Closed {
            state.shut.get_or_insert(why);
            woken = state.writers.take();
        }
        let reader = state.reader.take();
        drop(state);
        wake_reader(reader);
        woken.wake();
    }

    // ---- the user's side -------------------------------------------------------------------------------------

    /// This end sends nothing more. `true`, the first time.
    pub(crate) fn shut(&self) -> bool {
        let mut state = lock(&self.state);
        let first = state.shut.is_none();
        state.shut.get_or_insert(ChannelEnd::Closed);
        first
    }

    /// Whether both directions are over.
    pub(crate) fn is_over(&self) -> bool {
        let state = lock(&self.state);
        state.ended.is_some() && state.shut.is_some()
    }

    /// Takes room for a message: `Ok` when the caller may queue one, else why not, or `None` to wait.
    pub(crate) fn poll_room(
        &self,
        bound: usize,
        wait: Option<(&mut Option<u64>, &Waker)>,
    ) -> Result<(), Option<ChannelEnd>> {
        let mut state = lock(&self.state);
        match state.shut {
            Some(why) => Err(Some(why)),
            None if state.queued < bound => Ok(()),
            None => {
                wait.into_iter().for_each(|(key, waker)| state.writers.register(key, waker));
                Err(None)
            }
        }
    }

    /// A message of this length is queued.
    pub(crate) fn queued(&self, bytes: usize) {
        lock(&self.state).queued += bytes;
    }

    pub(crate) fn forget(&self, key: u64) {
        lock(&self.state).writers.remove(key);
    }

    /// The next message, or why there is none.
    pub(crate) fn poll_next(&self, cx: &mut Context<'_>) -> Poll<Result<Bytes, ChannelEnd>> {
        let mut state = lock(&self.state);
        match (state.arrived.pop_front(), state.ended) {
            (Some(body), _) => Poll::Ready(Ok(body)),
            (None, Some(why)) => Poll::Ready(Err(why)),
            (None, None) => {
                state.reader = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }
}

fn wake_reader(reader: Option<Waker>) {
    if let Some(reader) = reader {
        reader.wake();
    }
}

#[cfg(test)]
mod tests {
    use super::Pipe;
    use bytes::Bytes;
    use devts_proto::NodeId;
    use devts_proto::engine::ChannelEnd;
    use std::task::{Context, Poll, Waker};

    #[test]
    fn what_arrived_is_read_before_the_end_is_told() {
        let pipe = Pipe::new(NodeId::new(1).unwrap(), None);
        let mut cx = Context::from_waker(Waker::noop());
        assert!(pipe.poll_next(&mut cx).is_pending());
        pipe.arrived(Bytes::from_static(b"x"));
        pipe.end(ChannelEnd::Closed);
        assert_eq!(pipe.poll_next(&mut cx), Poll::Ready(Ok(Bytes::from_static(b"x"))));
        assert_eq!(pipe.poll_next(&mut cx), Poll::Ready(Err(ChannelEnd::Closed)));
        assert_eq!(pipe.poll_room(1, None), Ok(()), "the other side is closed, not this one");
        pipe.end(ChannelEnd::PeerGone);
        assert_eq!(pipe.poll_room(1, None), Err(Some(ChannelEnd::PeerGone)));
        assert!(pipe.is_over());
    }

    #[test]
    fn writers_wait_for_what_the_engine_accepts() {
        let pipe = Pipe::new(NodeId::new(1).unwrap(), None);
        pipe.queued(10);
        assert_eq!(pipe.poll_room(10, None), Err(None));
        pipe.accepted(1);
        assert_eq!(pipe.poll_room(10, None), Ok(()));
        assert!(pipe.shut() && !pipe.shut());
    }
}

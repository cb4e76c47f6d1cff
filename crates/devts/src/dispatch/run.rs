//! Events and calls become turns: one boxed future per run of events of one type. Knows no hook but `rejected`.

use super::Dispatch;
use crate::OnPanic;
use crate::command::{Command, Replied};
use crate::context::Turn;
use crate::cursor::Cursor;
use crate::node::Node;
use crate::notice::Rejected;
use crate::pipe::Pipe;
use crate::promise::Promise;
use crate::reply::Replier;
use crate::stats::Tally;
use crate::turn::{Guarded, Mark};
use bytes::Bytes;
use devts_proto::claim::{EVENT_HEADER, event_at};
use devts_proto::engine::{Call, Outcome};
use devts_proto::{Instant, Life};
use std::sync::Arc;

impl<N: Node> Dispatch<N> {
    /// Events `first..` of an origin, less those that the state reflects already.
    pub(super) async fn events(&mut self, (origin, first, count): (Life, u64, u32), bytes: Bytes) {
        let last = first + u64::from(count) - 1;
        let known = self.vector.get(&origin).copied().unwrap_or(0);
        if last <= known {
            return;
        }
        let new = first.max(known + 1);
        let at = skip(&bytes, new - first);
        self.runs(Some(origin), bytes, at).await;
        self.vector.insert(origin, last);
        if self.ended.is_none() {
            self.core.tap.handled(origin, new, last);
        }
    }

    pub(super) async fn own_events(&mut self, bytes: Vec<u8>) {
        let len = bytes.len();
        self.runs(None, Bytes::from(bytes), 0).await;
        self.used_own(len);
    }

    async fn runs(&mut self, origin: Option<Life>, bytes: Bytes, mut at: usize) {
        while let Some((_, ty)) = bytes.get(at..).and_then(event_at) {
            let from = self.life_of(origin);
            self.cx.turn = Turn::new(from);
            self.cx.turn.cursor = Cursor::run(bytes.clone(), at, ty);
            self.turn(origin, ty).await;
            at = self.cx.turn.cursor.at();
            if self.ended.is_some() {
                return;
            }
        }
    }

    fn life_of(&self, origin: Option<Life>) -> Life {
        origin.or(self.life).unwrap_or(Life { node: self.core.node, boot: 0 })
    }

    pub(super) async fn call(&mut self, from: Life, call: Call) {
        self.cx.turn = Turn::new(from);
        let (ty, body) = match call {
            Call::Send { ty, body } => (ty, body),
            Call::Request { request, ty, body, deadline } => {
                let replier = Replier::to_peer(self.core.clone(), from, request);
                if Instant::from_origin(self.core.runtime.now()) >= deadline {
                    Tally::count(&self.core.tally.expired);
                    return replier.refuse(Outcome::Remote, "its deadline passed before its turn came");
                }
                self.cx.turn.replier = Some(replier);
                (ty, body)
            }
            // Opens come as items of their own, with their pipe.
            _ => return,
        };
        self.cx.turn.cursor = Cursor::single(body);
        self.turn(Some(from), ty).await;
    }

    pub(super) async fn open(&mut self, (from, ty): (Life, u16), body: Bytes, pipe: Arc<Pipe>) {
        self.cx.turn = Turn::new(from);
        self.cx.turn.opened = Some(pipe);
        self.cx.turn.cursor = Cursor::single(body);
        self.turn(Some(from), ty).await;
        if let Some(pipe) = self.cx.turn.opened.take() {
            self.core.command(Command::ChannelRefuse { pipe });
        }
    }

    pub(super) async fn own_call(&mut self, ty: u16, body: Bytes, reply: Option<Promise<Replied>>) {
        let len = body.len();
        if !reply.as_ref().is_some_and(Promise::is_moot) {
            self.cx.turn = Turn::new(self.life_of(None));
            self.cx.turn.replier = reply.map(|promise| Replier::to_own(self.core.clone(), promise));
            self.cx.turn.cursor = Cursor::single(body);
            self.turn(None, ty).await;
        }
        self.used_own(len);
    }

    /// Runs what the cursor stands at, by the handler that takes it.
    async fn turn(&mut self, origin: Option<Life>, ty: u16) {
        let entry = self.targets.get(origin, ty).and_then(|target| target.entry);
        let Some(entry) = entry.map(|index| &self.events.entries[index]) else {
            return self.unknown(origin, ty).await;
        };
        let name = entry.name.clone();
        let request = self.cx.turn.replier.as_ref().and_then(Replier::request);
        let mark = Mark::new(&self.core, request.map(|(peer, request)| (peer.node, request)));
        self.core.pulse.set(Some(name.clone()));
        let result = Guarded { mark, future: entry.runner.run(&mut self.node, &mut self.cx) }.await;
        self.core.pulse.set(None);
        if let Err(text) = result {
            self.turn_panicked(name.into_owned(), text).await;
        }
        if let Some((to, request)) = self.cx.turn.deferred.take() {
            self.core.command(Command::Deferred { to, request });
        }
    }

    #[cold]
    async fn turn_panicked(&mut self, name: String, text: String) {
        self.panicked(&text);
        match self.cx.turn.replier.take() {
            Some(replier) => replier.refuse(Outcome::Remote, &format!("panicked: {text}")),
            None if self.core.on_panic == OnPanic::Continue => {
                let from = self.cx.origin();
                self.reject_here(Rejected::Panicked { from, name, text }).await;
            }
            None => {}
        }
    }

    /// Nobody here takes it: who waits is told, the hook only once for each origin and type.
    #[cold]
    async fn unknown(&mut self, origin: Option<Life>, ty: u16) {
        while self.cx.turn.cursor.body().is_some() {
            Tally::count(&self.core.tally.unknown);
        }
        if let Some(replier) = self.cx.turn.replier.take() {
            return replier.refuse(Outcome::NoHandler, "");
        }
        let from = self.cx.origin();
        let Some(target) = self.targets.get(origin, ty).filter(|target| !target.told) else { return };
        target.told = true;
        let (name, version) = (target.name.clone(), target.version);
        self.reject_here(Rejected::Unknown { from, name, version }).await;
    }

    /// The `rejected` hook in the middle of a run, which goes on where it was.
    async fn reject_here(&mut self, rejected: Rejected) {
        let from = self.cx.origin();
        let turn = std::mem::replace(&mut self.cx.turn, Turn::new(from));
        self.rejected(rejected).await;
        self.cx.turn = turn;
    }
}

/// Where the event stands that comes after `count` others.
fn skip(bytes: &[u8], count: u64) -> usize {
    let mut at = 0;
    for _ in 0..count {
        match bytes.get(at..).and_then(event_at) {
            Some((len, _)) => at += EVENT_HEADER + len,
            None => break,
        }
    }
    at
}

//! What callers and dispatch have queued goes into the engine. Knows no stream.

use super::{Driver, Stopping};
use crate::command::{Command, Queue};
use devts_proto::Instant;
use devts_proto::engine::ChannelEnd;
use std::sync::Arc;

impl Driver {
    /// Swaps out what was queued, and performs it: types first, then events, then commands.
    pub(super) fn take_commands(&mut self, now: Instant) -> bool {
        let may_emit = self.joined && self.engine.may_emit();
        let events = may_emit.then_some(&mut self.taken);
        let woken = self.core.outbox().swap(&mut self.queue, events);
        woken.wake();
        if !self.queue.types.is_empty() {
            self.engine.add_types(std::mem::take(&mut self.queue.types));
        }
        let emitted = !self.taken.bytes.is_empty();
        if emitted {
            self.engine.emit(now, &self.taken.marks, &self.taken.bytes);
            self.taken.reset();
        }
        let asked = !self.queue.list.is_empty();
        if asked {
            let mut queue = std::mem::take(&mut self.queue);
            self.perform_all(now, &mut queue);
            queue.reset();
            self.queue = queue;
        }
        self.calls.expire(now);
        self.release();
        emitted || asked
    }

    fn perform_all(&mut self, now: Instant, queue: &mut Queue) {
        let bodies = std::mem::take(&mut queue.bodies);
        for command in queue.list.drain(..) {
            self.perform(now, command, &bodies);
        }
        queue.bodies = bodies;
    }

    fn perform(&mut self, now: Instant, command: Command, bodies: &[u8]) {
        let (engine, calls) = (&mut self.engine, &mut self.calls);
        match command {
            Command::Call { to, ty, body, errand } => {
                calls.call(engine, now, (to, ty), &bodies[body], errand)
            }
            Command::Cancel { call } => calls.cancel(engine, call),
            Command::Reply { to, request, outcome, body } => {
                engine.reply(to, request, outcome, &bodies[body])
            }
            Command::Deferred { to, request } => engine.deferred(to, request),
            Command::ChannelSend { pipe, body } => calls.channel_send(engine, &pipe, &bodies[body]),
            Command::ChannelClose { pipe, abort } => calls.channel_close(engine, pipe, abort),
            Command::ChannelRefuse { pipe } => {
                if let Some(id) = pipe.id() {
                    engine.channel_close(pipe.peer, id, ChannelEnd::NoHandler, true);
                    calls.forget_channel(pipe.peer, id);
                }
            }
            Command::ChannelUsed { pipe, bytes } => {
                if let Some(id) = pipe.id() {
                    engine.channel_consumed(pipe.peer, id, bytes);
                }
            }
            Command::Consumed { via, events, calls } => engine.consumed(via, events, calls),
            Command::SetInfo(info) => {
                engine.set_info(info);
                self.changed_itself();
            }
            Command::SetReady => {
                engine.set_ready();
                self.changed_itself();
            }
            Command::AskState { donor, ask, vector, merge } => engine.ask_state(donor, ask, &vector, merge),
            Command::GiveState { to, ask, vector, state } => engine.give_state(to, ask, vector, state),
            Command::RefuseState { to, ask, why } => engine.refuse_state(to, ask, why),
            Command::Restored(vector) => engine.restored(now, &vector),
            Command::Stop => {
                let deadline = now + self.core.config.stop_timeout;
                self.stopping.get_or_insert(Stopping { deadline, drained: false, left: false });
            }
            Command::Drained => {
                let deadline = now + self.core.config.stop_timeout;
                let stopping = Stopping { deadline, drained: false, left: false };
                self.stopping.get_or_insert(stopping).drained = true;
            }
        }
    }

    /// Tells waiting callers what the engine has accepted.
    pub(super) fn release(&mut self) {
        if self.calls.accepted.is_empty() {
            return;
        }
        let accepted = std::mem::take(&mut self.calls.accepted);
        let core = Arc::clone(&self.core);
        let woken = core.outbox().release(accepted.into_iter());
        woken.wake();
    }
}

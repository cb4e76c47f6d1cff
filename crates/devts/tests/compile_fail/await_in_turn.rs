//! A stray `.await` on `Context::emit`, which only enqueues.

use devts::{Context, Event, Node, Result};
use serde::{Deserialize, Serialize};

#[derive(Clone, Serialize, Deserialize, Event)]
#[event("register.replicate")]
struct Replicate {
    value: i64,
}

struct Register;

#[devts::node("register")]
impl Node for Register {
    #[on]
    async fn replicate(&mut self, event: Replicate, cx: &mut Context<Self>) -> Result {
        cx.emit(event).await?;
        Ok(())
    }
}

fn main() {}

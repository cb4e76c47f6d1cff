//! A std guard is held over `.await` in a handler: a turn may move between threads.

use devts::{Context, Event, Node, Result};
use serde::{Deserialize, Serialize};
use std::sync::{Arc, Mutex};

#[derive(Serialize, Deserialize, Event)]
#[event("register.replicate")]
struct Replicate {
    value: i64,
}

struct Register {
    value: Arc<Mutex<i64>>,
}

async fn write(value: i64) {
    drop(value);
}

#[devts::node("register")]
impl Node for Register {
    #[on]
    async fn replicate(&mut self, event: Replicate, cx: &mut Context<Self>) -> Result {
        let _ = cx;
        let value = self.value.lock();
        write(event.value).await;
        drop(value);
        Ok(())
    }
}

fn main() {}

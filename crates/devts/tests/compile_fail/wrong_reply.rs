//! A handler returns what the event's `reply` does not say: by `fn`, by `async fn`, in a `Result`, or not at all.

use devts::{Context, Event, Node, Result};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, Event)]
#[event("get", reply = i64)]
struct Get;

#[derive(Serialize, Deserialize, Event)]
#[event("count", reply = u32)]
struct Count;

#[derive(Serialize, Deserialize, Event)]
#[event("list", reply = Vec<String>)]
struct List;

#[derive(Serialize, Deserialize, Event)]
#[event("set")]
struct Set(i64);

#[derive(Serialize, Deserialize, Event)]
#[event("swap", reply = i64)]
struct Swap(i64);

struct Register {
    value: i64,
}

#[devts::node("register")]
impl Node for Register {
    #[on]
    fn get(&mut self, _: Get) -> String {
        self.value.to_string()
    }

    #[on]
    async fn count(&mut self, _: Count, cx: &mut Context<Self>) -> i64 {
        let _ = cx;
        self.value
    }

    #[on]
    fn list(&mut self, _: List) -> Result<String> {
        Ok(self.value.to_string())
    }

    #[on]
    fn set(&mut self, event: Set) -> i64 {
        std::mem::replace(&mut self.value, event.0)
    }

    #[on]
    fn swap(&mut self, event: Swap) {
        self.value = event.0;
    }
}

fn main() {}

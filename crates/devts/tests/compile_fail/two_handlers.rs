//! Two handlers for one event: refused at the second, which names the first.

use devts::{Event, Node};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, Event)]
#[event("register.replicate")]
struct Replicate {
    value: i64,
}

struct Register {
    value: i64,
}

#[devts::node("register")]
impl Node for Register {
    #[on]
    fn replicate(&mut self, event: Replicate) {
        self.value = event.value;
    }

    #[on]
    fn replicate_again(&mut self, event: Replicate) {
        self.value = event.value;
    }
}

fn main() {}

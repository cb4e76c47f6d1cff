//! `#[on]` where no `#[devts::node]` stands: the impl of the trait, and one of the type's own.

use devts::{Event, Node, on};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, Event)]
#[event("register.replicate")]
struct Replicate {
    value: i64,
}

struct Register {
    value: i64,
}

impl Node for Register {
    #[on]
    fn replicate(&mut self, event: Replicate) {
        self.value = event.value;
    }
}

struct Other;

impl Other {
    #[on]
    fn replicate(&mut self, event: Replicate) {
        drop(event);
    }
}

fn main() {}

//! The event's type lacks the derive: the text says the line to write.

use devts::{Node, Result};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Replicate {
    value: i64,
}

struct Register {
    value: i64,
}

#[devts::node("register")]
impl Node for Register {
    #[on]
    fn replicate(&mut self, event: Replicate) -> Result {
        self.value = event.value;
        Ok(())
    }
}

fn main() {}

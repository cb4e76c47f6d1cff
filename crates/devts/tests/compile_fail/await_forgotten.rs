//! `.await` is forgotten on what does nothing without it.

#![deny(unused_must_use)]

use devts::{Event, Node};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, Event)]
#[event("register.replicate")]
struct Replicate {
    value: i64,
}

struct Register;

#[devts::node("register")]
impl Node for Register {}

async fn run() -> devts::Result {
    devts::join("127.0.0.1:2233", Register);
    let node = devts::join("127.0.0.1:2233", Register).await?;
    node.emit(Replicate { value: 1 });
    Ok(())
}

fn main() {}

//! No `#[event("..")]`: the text says the whole line.

use devts::Event;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, Event)]
struct ValueChanged {
    value: i64,
}

fn main() {}

//! An event that borrows.

use devts::Event;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, Event)]
#[event("some.name")]
struct Borrowed<'a> {
    text: &'a str,
}

fn main() {}

//! Names and options of `#[event(..)]` that are wrong, each told at its token, several in one call.

use devts::Event;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, Event)]
#[event("Register.Replicate", version = 0, codec = "cbor", name = "x")]
struct Several;

#[derive(Serialize, Deserialize, Event)]
#[event("devts.join")]
struct Reserved;

#[derive(Serialize, Deserialize, Event)]
#[event("")]
struct Empty;

#[derive(Serialize, Deserialize, Event)]
#[event(version = 2)]
struct NameMissing;

#[derive(Serialize, Deserialize, Event)]
#[event = "some.name"]
struct NotAList;

#[derive(Serialize, Deserialize, Event)]
#[event("some.name", version = 2, from(1 = Old))]
struct Upgraded;

#[derive(Serialize, Deserialize, Event)]
#[event("some.name", reply = i64 version = 2)]
struct CommaForgotten;

#[derive(Serialize, Deserialize, Event)]
#[event("some.name")]
#[event("other.name")]
struct Twice;

fn main() {}

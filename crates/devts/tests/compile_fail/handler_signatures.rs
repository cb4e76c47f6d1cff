//! Marked methods whose signatures are wrong: each text says what to write.

use devts::{Context, Event, Node};
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
    fn by_reference(&mut self, event: &Replicate) {
        self.value = event.value;
    }

    #[on]
    fn order(&mut self, _: &mut Context<Self>, event: Replicate) {
        self.value = event.value;
    }

    #[on]
    fn no_event(&mut self) {}

    #[on]
    fn no_self(_: Replicate) {}

    #[on]
    fn too_many(&mut self, _: Replicate, _: &mut Context<Self>, _: i64) {}

    #[on]
    fn no_context(&mut self, _: Replicate, _: i64) {}

    #[on]
    fn generic<E: Event>(&mut self, _: E) {}

    #[on("register.replicate")]
    fn arguments(&mut self, _: Replicate) {}

    #[on]
    fn joined(&mut self, _: Replicate) {}

    fn kind() -> &'static str {
        "register"
    }

    #[snapshot]
    async fn snapshot(&self) -> i64 {
        self.value
    }

    #[restore]
    fn restore(&self, _: i64) {}

    #[merge]
    fn merge(&mut self) {}
}

fn main() {}

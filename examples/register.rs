//! `register CLUSTER_PORT [w]`: nodes that hold one value together. Each prints it once a second; with `w` it also adds
//! one to it and tells the others. The value survives its writer, and a new writer carries on from it.
//!
//! ```sh
//! cargo run --example register 2233      # the first of a cluster: nobody answers there. It logs its cluster port
//! cargo run --example register PORT w    # in another terminal, with that port
//! ```

use devts::{Context, Event, Node, Result, ctrl_c};
use devts_examples::{argument, run, say};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::process::ExitCode;
use std::time::Duration;

/// What a register can hold: anything that can be sent.
trait Value: Clone + Serialize + DeserializeOwned + Send + 'static {}
impl<T: Clone + Serialize + DeserializeOwned + Send + 'static> Value for T {}

/// Told to all when the value changes.
#[derive(Serialize, Deserialize, Event)]
#[event("register.replicate")]
#[serde(bound = "")]
struct Replicate<T: Value> {
    value: T,
}

/// A node that holds one value.
#[derive(Default)]
struct Register<T> {
    value: T,
}

#[devts::node("register")]
impl<T: Value> Node for Register<T> {
    #[on]
    fn replicate(&mut self, event: Replicate<T>) {
        self.value = event.value;
    }

    #[snapshot]
    fn snapshot(&self) -> T {
        self.value.clone()
    }

    #[restore]
    fn restore(&mut self, value: T) {
        self.value = value;
    }
}

impl<T: Value> Register<T> {
    fn set(&mut self, value: T, cx: &mut Context<Self>) -> Result {
        cx.emit(Replicate { value: value.clone() })?;
        self.value = value;
        Ok(())
    }
}

fn main() -> ExitCode {
    run(async |host| {
        let port: u16 = argument(1, "CLUSTER_PORT")?;
        let writes = std::env::args().nth(2).is_some_and(|mode| mode == "w");
        let stop = ctrl_c();
        let node = devts::join(port, Register::<i64>::default()).runtime(host).await?;
        node.with(move |register, cx| {
            say(register.value);
            cx.every(Duration::from_secs(1), move |register, cx| {
                if writes && let Err(error) = register.set(register.value + 1, cx) {
                    log::warn!("{error}");
                }
                say(register.value);
            });
        })
        .await?;
        node.run_until(stop).await
    })
}

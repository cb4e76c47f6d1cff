//! A hook's name is misspelt: rustc names the similar one.

use devts::{Context, Node, Result};

struct Register;

#[devts::node("register")]
impl Node for Register {
    async fn joind(&mut self, cx: &mut Context<Self>) -> Result {
        let _ = cx;
        Ok(())
    }
}

fn main() {}

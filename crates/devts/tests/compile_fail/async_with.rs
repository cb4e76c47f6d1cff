//! An async closure is given to `with`, which takes a plain one; futures go to `call`.

use devts::{Node, NodeHandle};

struct Register {
    value: i64,
}

#[devts::node("register")]
impl Node for Register {}

async fn run(node: NodeHandle<Register>) -> devts::Result {
    node.with(async |node, _cx| node.value += 1).await?;
    Ok(())
}

fn main() {}

//! `#[devts::node]` on a struct, on an inherent impl, on another trait, without a kind.

use devts::Node;

#[devts::node("register")]
struct Register;

#[devts::node("register")]
impl Register {}

#[devts::node("register")]
impl Clone for Register {
    fn clone(&self) -> Register {
        Register
    }
}

struct Other;

#[devts::node]
impl Node for Other {}

fn main() {}

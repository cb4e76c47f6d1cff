//! What `#[snapshot]` gives is what `#[restore]` and `#[merge]` take; one without the other is no state transfer.

use devts::{Node, Result};

struct Register {
    value: i64,
}

#[devts::node("register")]
impl Node for Register {
    #[snapshot]
    fn snapshot(&self) -> i64 {
        self.value
    }

    #[restore]
    fn restore(&mut self, value: u64) {
        self.value = value as i64;
    }
}

struct Fallible;

#[devts::node("fallible")]
impl Node for Fallible {
    #[snapshot]
    fn snapshot(&self) -> Result<i64> {
        Ok(0)
    }

    #[restore]
    fn restore(&mut self, value: i64) {
        drop(value);
    }

    #[merge]
    fn merge(&mut self, value: String) {
        drop(value);
    }
}

struct Other;

#[devts::node("other")]
impl Node for Other {
    #[snapshot]
    fn snapshot(&self) -> i64 {
        0
    }
}

fn main() {}

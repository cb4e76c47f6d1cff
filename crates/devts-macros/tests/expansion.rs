//! What the macros accept, beyond the examples in their docs: each case compiles, and its methods can be called.

use devts::{Context, Deferred, Event, Handler, Node, PeerEvent, Result};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// A crate that re-exports `devts` for its users.
mod framework {
    pub(super) use ::devts;
}

trait Value: Serialize + DeserializeOwned + Clone + Send + 'static {}
impl Value for i64 {}
impl Value for String {}

#[derive(Serialize, Deserialize, Event)]
#[event("set", reply = T)]
#[serde(bound = "")]
struct Set<T: Value> {
    value: T,
}

/// Bounds of a parameter that only serde asks for.
#[derive(Serialize, Deserialize, Event)]
#[event("pair")]
struct Pair<T, const N: usize>(T, [T; 2])
where
    T: Clone;

#[derive(Serialize, Deserialize, Event)]
#[event("get", version = 3, reply = Vec<Option<i64>>, crate = "framework::devts")]
enum Get {
    All,
    One(u8),
}

struct Register<T> {
    value: T,
}

#[devts::node("register", crate = "framework::devts")]
impl<T> Node for Register<T>
where
    T: Value,
{
    /// A pattern, and a `Result` of another error.
    #[on]
    pub(crate) fn set(&mut self, Set { value }: Set<T>) -> std::result::Result<T, std::fmt::Error> {
        Ok(std::mem::replace(&mut self.value, value))
    }

    #[devts::on]
    async fn get(&mut self, event: Get, cx: &mut Context<Self>) -> Result<Deferred<Vec<Option<i64>>>> {
        let _ = (event, cx);
        std::future::ready(()).await;
        Err(std::fmt::Error.into())
    }

    #[on]
    fn pair(&self, _: Pair<T, 2>) {}

    /// Not there in any build: neither is what would be written for it.
    #[cfg(any())]
    #[on]
    fn never(&mut self, event: NoSuchType) {}

    #[snapshot]
    fn give(&self) -> Result<T> {
        Ok(self.value.clone())
    }

    #[restore]
    fn take(&mut self, value: T) -> Result {
        self.value = value;
        Ok(())
    }

    #[merge]
    fn merge(&mut self, value: T) {
        self.value = value;
    }

    async fn peer(&mut self, event: PeerEvent, cx: &mut Context<Self>) {
        let _ = (event, cx);
    }
}

struct Empty;

#[devts::node("empty")]
impl Node for Empty {}

/// In a macro of the user's, where types come as one token.
macro_rules! counter {
    ($node:ident $event:ty) => {
        struct $node(usize);

        #[devts::node("counter")]
        impl Node for $node {
            #[on]
            fn count(&mut self, _: $event) {
                self.0 += 1;
            }
        }
    };
}

counter!(Counter Pair<i64, 2>);

fn handles<N: Handler<E>, E: Event>() -> (&'static str, &'static str, u16) {
    (N::kind(), E::NAME, E::VERSION)
}

#[test]
fn impls_are_written_for_each_event() {
    assert_eq!(handles::<Register<i64>, Set<i64>>(), ("register", "set", 1));
    assert_eq!(handles::<Register<String>, Get>(), ("register", "get", 3));
    assert_eq!(handles::<Register<String>, Pair<String, 2>>(), ("register", "pair", 1));
    assert_eq!(handles::<Counter, Pair<i64, 2>>(), ("counter", "pair", 1));
    assert_eq!(Empty::kind(), "empty");
}

#[test]
fn marked_methods_can_be_called() {
    let mut register = Register { value: 1 };
    assert_eq!(register.set(Set { value: 2 }), Ok(1));
    register.take(register.give().expect("a value") + 1).expect("taken");
    register.pair(Pair(1, [2, 3]));
    assert_eq!(register.value, 3);
    register.merge(4);
    assert_eq!(register.value, 4);
    let mut counter = Counter(0);
    counter.count(Pair(1, [2, 3]));
    assert_eq!(counter.0, 1);
    let _ = (Get::All, Get::One(1));
}

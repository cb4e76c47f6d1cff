//! The macros of devts: `#[derive(Event)]`, `#[devts::node("kind")]` and the `#[on]` that explains itself.
//! They are used through the crate `devts`, which re-exports them; everything they write can be written by hand.
//!
//! A macro here never panics: what it does not like is a compile error at the token in question that says what
//! to write instead, and a call with three mistakes gets three errors.

mod args;
mod errors;
mod event;
mod node;

#[cfg(test)]
mod tests;

use proc_macro::TokenStream;

/// Makes a serde type an event, under a wire name.
///
/// ```
/// use devts::Event;
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Clone, Debug, Serialize, Deserialize, Event)]
/// #[event("register.replicate")]
/// struct Replicate {
///     value: i64,
/// }
///
/// #[derive(Serialize, Deserialize, Event)]
/// #[event("register.get", version = 2, reply = Option<i64>)]
/// enum Get {
///     Newest,
///     At { time: u64 },
/// }
///
/// assert_eq!((Replicate::NAME, Replicate::VERSION), ("register.replicate", 1));
/// assert_eq!((Get::NAME, Get::VERSION), ("register.get", 2));
/// ```
///
/// # What `#[event(..)]` takes
///
/// * The **wire name**, first and in quotes: 1 to 64 of `a-z 0-9 _ . -`, not starting with `devts.`, which is
///   reserved. It is what other programs see, and never follows from the Rust type's name.
/// * `version = 2`: raise it when fields change; 1 where nothing is said.
/// * `reply = Type`: what a request with this event is answered with; `()` where nothing is said.
/// * `crate = "path"`: where the crate `devts` is to be found, for macros and for crates that re-export it.
///
/// `from(..)` and `codec = ".."` are reserved.
///
/// # Generic events
///
/// serde's derives bound every type parameter themselves. Where the parameter has a bound that says the same,
/// the two are ambiguous to rustc, and `#[serde(bound = "")]` keeps yours only:
///
/// ```
/// use devts::Event;
/// use serde::{Deserialize, Serialize, de::DeserializeOwned};
///
/// trait Value: Serialize + DeserializeOwned + Send + 'static {}
/// impl Value for i64 {}
///
/// #[derive(Serialize, Deserialize, Event)]
/// #[event("register.set", reply = T)]
/// #[serde(bound = "")]
/// struct Set<T: Value> {
///     value: T,
/// }
///
/// assert_eq!(Set::<i64>::NAME, "register.set");
/// ```
///
/// `Set<i64>` and `Set<String>` have one name and two shapes: nodes that use both in one cluster are told so, as
/// of any two definitions. Without a bound on `T` nothing needs to be said.
///
/// # Bytes
///
/// `Vec<u8>` is a sequence to serde, and costs about 60 µs per 64 KiB; `devts::Bytes`, or a field under
/// `#[serde(with = "serde_bytes")]`, costs about 2 µs.
#[proc_macro_derive(Event, attributes(event))]
pub fn derive_event(input: TokenStream) -> TokenStream {
    event::derive(input.into()).into()
}

/// Makes a type a node, from an `impl Node` with marked methods.
///
/// ```
/// use devts::{Context, Event, Node, Result};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Clone, Debug, Serialize, Deserialize, Event)]
/// #[event("register.replicate")]
/// struct Replicate {
///     value: i64,
/// }
///
/// #[derive(Serialize, Deserialize, Event)]
/// #[event("register.get", reply = i64)]
/// struct Get;
///
/// #[derive(Default)]
/// struct Register {
///     value: i64,
/// }
///
/// #[devts::node("register")]
/// impl Node for Register {
///     /// Takes the event by value; `cx` only where it is used.
///     #[on]
///     fn replicate(&mut self, event: Replicate) {
///         self.value = event.value;
///     }
///
///     /// Answers a request: returns the event's reply, or a `Result` of it. May be `async`.
///     #[on]
///     async fn get(&mut self, _: Get, cx: &mut Context<Self>) -> Result<i64> {
///         let _ = cx;
///         Ok(self.value)
///     }
///
///     /// What a node that joins, or fell behind, is given.
///     #[snapshot]
///     fn snapshot(&self) -> i64 {
///         self.value
///     }
///
///     #[restore]
///     fn restore(&mut self, value: i64) {
///         self.value = value;
///     }
///
///     // Hooks are methods of the trait, and carry no mark.
///     async fn joined(&mut self, cx: &mut Context<Self>) -> Result {
///         let _ = cx;
///         Ok(())
///     }
/// }
///
/// // Marked methods become methods of the type: a test calls them without a cluster.
/// let mut register = Register::default();
/// register.replicate(Replicate { value: 7 });
/// assert_eq!(register.snapshot(), 7);
/// ```
///
/// # The marks
///
/// | mark | method | |
/// |---|---|---|
/// | `#[on]` | `fn` or `async fn (&mut self, E [, cx: &mut Context<Self>])` | one event type, one method. Returns `()`, the event's reply, `Deferred`, or a `Result` of these |
/// | `#[snapshot]` | `fn (&self) -> S`, or `Result<S>` | the node's state, for another node of its kind |
/// | `#[restore]` | `fn (&mut self, S)`, or `-> Result` | takes it in place of its own |
/// | `#[merge]` | `fn (&mut self, S)`, or `-> Result` | takes it beside its own: two sides that diverged |
///
/// All other methods stay on the trait, so that a misspelt hook does not compile. Attributes, docs and visibility
/// stay as they are written; impls may be generic. `#[devts::node("kind", crate = "path")]` says where `devts` is.
///
/// # What it writes
///
/// ```
/// # use devts::{Answer, Context, Event, Events, Handler, IntoReply, Node, Result};
/// # use serde::{Deserialize, Serialize};
/// # #[derive(Serialize, Deserialize, Event)]
/// # #[event("register.replicate")]
/// # struct Replicate { value: i64 }
/// # struct Register { value: i64 }
/// impl Register {
///     fn replicate(&mut self, event: Replicate) {
///         self.value = event.value;
///     }
/// }
///
/// impl Node for Register {
///     fn kind() -> &'static str {
///         "register"
///     }
///     fn events(on: &mut Events<Self>) {
///         on.event::<Replicate>();
///     }
/// }
///
/// impl Handler<Replicate> for Register {
///     async fn handle(&mut self, event: Replicate, _: &mut Context<Self>) -> Result<Answer<()>> {
///         IntoReply::<()>::into_reply(self.replicate(event))
///     }
/// }
/// ```
#[proc_macro_attribute]
pub fn node(arguments: TokenStream, input: TokenStream) -> TokenStream {
    node::node(arguments.into(), input.into()).into()
}

/// Marks a method that takes an event, inside [`#[devts::node("kind")] impl Node for ..`](macro@node). Anywhere
/// else it is an error that says so: this macro is there to say it.
#[proc_macro_attribute]
pub fn on(_: TokenStream, input: TokenStream) -> TokenStream {
    node::stray(input.into()).into()
}

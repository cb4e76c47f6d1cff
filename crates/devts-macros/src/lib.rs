//! The macros of devts: `#[derive(Event)]`, `#[devts::node("kind")]` and the `#[on]` that explains itself.
//! They are used through the crate `devts`, which re-exports them; everything they write can be written by hand.
//!
//! A macro here never panics: what it does not like is a compile error at the token in question that says what
//! to write instead, and a call with three mistakes gets three errors.

mod args;
mod errors;
mod event;
mod node;

use proc_macro::TokenStream;

/// Makes a serde type an event.
///
/// ```
/// # mod devts { pub use devts_macros::Event; }
/// ```
#[proc_macro_derive(Event, attributes(event))]
pub fn derive_event(input: TokenStream) -> TokenStream {
    event::derive(input.into()).into()
}

/// Makes an `impl Node` with marked methods a node.
#[proc_macro_attribute]
pub fn node(arguments: TokenStream, input: TokenStream) -> TokenStream {
    node::node(arguments.into(), input.into()).into()
}

/// Marks a method that takes an event, inside `#[devts::node("kind")] impl Node for ..`. Anywhere else it is an
/// error that says so: this macro is there to say it.
#[proc_macro_attribute]
pub fn on(_: TokenStream, input: TokenStream) -> TokenStream {
    node::stray(input.into()).into()
}

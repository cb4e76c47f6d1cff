//! What an event is: a serde value with a wire name, a version and a reply type. Knows nothing of who sends it.

use serde::{Serialize, de::DeserializeOwned};

/// A typed event. Derive it:
///
/// ```
/// # use serde::{Serialize, Deserialize};
/// #[derive(Clone, Debug, Serialize, Deserialize, devts::Event)]
/// #[event("register.replicate")]
/// struct Replicate { value: i64 }
/// ```
///
/// The wire name is explicit and never follows from the Rust type: a type may be renamed, moved or written again
/// in another program and still be the same event. `postcard`, the encoding, is positional: swapped fields would
/// decode without an error into wrong values, so two definitions of one name and version are refused when nodes
/// meet (their *shapes* differ), as a [`crate::PeerEvent::Incompatible`] notice that names both.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an event",
    label = "not an event",
    note = "derive it: `#[derive(Serialize, Deserialize, devts::Event)] #[event(\"some.name\")]`"
)]
pub trait Event: Serialize + DeserializeOwned + Send + 'static {
    /// The wire name: 1 to 64 of `[a-z0-9_.-]`, not starting with `devts.`, which is reserved.
    const NAME: &'static str;
    /// The version of its definition; raise it when fields change. Default 1.
    const VERSION: u16 = 1;
    /// What a `request` with this event is answered with. `()` unless `#[event(.., reply = Type)]` says otherwise.
    type Reply: Serialize + DeserializeOwned + Send + 'static;
}

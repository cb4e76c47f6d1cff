//! Sessions over links that are cut anywhere, between peers that end, refuse, lag or lie.

mod calls;
mod channels;
mod delivery;
mod malformed;
mod pair;
mod resume;
mod states;
mod wire;

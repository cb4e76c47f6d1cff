//! Checkers over plain data: they know lives, numbers and times, but no node, no event and no network. Whoever observes a
//! run feeds them; what they find is data that explains itself.
//!
//! - [`delivery`]: what was emitted reaches everybody once, in order, and what is missing is told.
//! - [`calls`]: what was sent arrives at most once and in order, and what was asked ends once, in time.
//! - [`register`]: what a store answered can be explained by one copy of each key.

pub mod calls;
pub mod delivery;
mod life;
pub mod register;

pub use life::LifeId;

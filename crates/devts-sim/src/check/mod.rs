//! Checkers over plain data: they know numbers and names, no node.

pub mod calls;
pub mod delivery;
pub mod register;

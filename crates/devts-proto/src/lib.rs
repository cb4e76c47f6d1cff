//! The sans-IO engine of devts: who is in the cluster, what was said, what is still to be said.
//!
//! No clock, socket, thread, executor, serde type or handler exists here: a host hands in facts and commands
//! with the time, and performs what [`engine::Engine::poll_output`] asks for. The crate is `no_std` + alloc, so
//! the compiler keeps that promise.
//!
//! [`engine`] is the only junction. [`wire`], [`member`], [`history`] and [`session`] never import one another;
//! what two of them share is plain data in a leaf module.

#![cfg_attr(not(test), no_std)]

extern crate alloc;

pub mod call;
pub mod checksum;
pub mod claim;
pub mod codec;
pub mod config;
pub mod engine;
pub mod history;
pub mod id;
pub mod member;
pub mod rng;
pub mod session;
pub mod time;
pub mod wire;

pub use config::{Config, ConfigError};
pub use engine::{Engine, Output};
pub use id::{ChannelId, Life, LinkId, NodeId, RequestId};
pub use time::Instant;

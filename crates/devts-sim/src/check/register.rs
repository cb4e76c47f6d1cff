//! Linearizable registers, per key.

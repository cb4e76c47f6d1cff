//! A cluster of nodes in a simulated world.

//! Plans from a seed.

//! The shortest plan that still fails.

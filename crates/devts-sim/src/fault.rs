//! Faults as values.

//! devts

//! The examples share this: logging and arguments.

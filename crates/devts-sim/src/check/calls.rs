//! Sends and requests: once, in order, ended.

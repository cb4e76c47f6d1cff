//! Events: once, in order, gaps told.

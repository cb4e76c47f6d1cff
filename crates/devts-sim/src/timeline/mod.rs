//! A run as a picture.

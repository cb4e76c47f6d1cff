//! Timed faults, and their text form.

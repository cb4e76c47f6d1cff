//! Stories: their grammar.

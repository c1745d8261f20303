//! The `uzel` binary; a person or a script runs it.

fn main() {}

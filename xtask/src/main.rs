//! Repository rules and tasks.
fn main() {}

//! What `kind: code` runs: sandboxed JavaScript and the functions that ship with uzel.

pub mod builtin;
pub mod calendar;
pub mod js;

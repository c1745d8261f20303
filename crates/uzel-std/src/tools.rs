//! Tools that ship with uzel: what `tools` and `connections` in an app file build.

pub mod http;
pub mod sqlite;

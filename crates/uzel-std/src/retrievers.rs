//! Retrievers that ship with uzel: what `knowledge` in an app file builds.

pub mod files;

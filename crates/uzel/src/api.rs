//! What stands behind the facade: apps, their making, runs and errors. Named by `lib.rs` only.

pub(crate) mod app;
pub(crate) mod durations;
pub(crate) mod error;
pub(crate) mod excerpt;
pub(crate) mod handle;
pub(crate) mod result;
pub(crate) mod setup;

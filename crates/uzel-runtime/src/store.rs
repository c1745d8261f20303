//! The stores that ship with uzel; the driver and the commands reach them through [`uzel_core::store::Store`].

mod admit;
pub mod memory;
mod record;
pub mod sqlite;

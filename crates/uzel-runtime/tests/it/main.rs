//! Tests of the runtime from the outside, in one binary.

mod store;
mod store_crash;
mod store_sqlite;

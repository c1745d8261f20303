//! Tests of the runtime from the outside, in one binary.

#![expect(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

mod agent;
mod back;
mod battery;
mod clocks;
mod crash;
mod doubt;
mod driver;
mod growth;
mod limits;
mod model;
mod nested;
mod promises;
mod runner;
mod semantics;
mod store;
mod store_crash;
mod store_flips;
mod store_formats;
mod store_operate;
mod store_power;
mod store_sqlite;
mod wait;

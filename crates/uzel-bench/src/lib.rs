//! What the benchmarks share: apps of any size, and what a process has used. Run them with `make bench`.

pub mod apps;
pub mod g1;
pub mod mock;
pub mod process;

//! Tests of uzel-std against real servers on loopback.
#![allow(
    clippy::unwrap_used,
    clippy::too_many_lines,
    reason = "a test stops at the first thing that is not as it says"
)]

mod anthropic;
mod ask;
mod broken;
mod faults;
mod openai;
mod pages;

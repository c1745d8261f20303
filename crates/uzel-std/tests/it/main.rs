//! Tests of uzel-std against real servers on loopback.
#![allow(
    clippy::unwrap_used,
    clippy::too_many_lines,
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::format_collect,
    reason = "a test stops at the first thing that is not as it says, and says what it saw"
)]

mod anthropic;
mod ask;
mod broken;
mod calls;
mod cost;
mod faults;
mod kinds;
mod layout;
mod lints;
mod names;
mod openai;
mod overlays;
mod pages;
mod round_trip;

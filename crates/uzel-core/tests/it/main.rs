//! Tests of the core from the outside, in one binary.

#![expect(
    clippy::unwrap_used,
    clippy::too_many_lines,
    reason = "a test stops at what it did not expect, and may show much"
)]

mod back;
mod index;
mod start;
mod triage;
mod walk;

//! Tests of the core from the outside, in one binary.

#![expect(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

mod index;
mod start;
mod triage;
mod walk;

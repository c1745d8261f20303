//! Tests of the binary from the outside, in one binary.

#![expect(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

mod kill;
mod provider;

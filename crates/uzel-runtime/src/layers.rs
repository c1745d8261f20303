//! What stands around every external call. The algorithms are pure: time and randomness are arguments, so that tests
//! can play hours in milliseconds and the same inputs always give the same decisions.
//!
//! Times are durations since any fixed moment of a monotonic clock; random numbers are uniform in `0.0..1.0`.

pub mod breaker;
pub mod retry;
pub mod retry_budget;
mod window;

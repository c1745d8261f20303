//! Tests of uzel-std against real servers on loopback.

mod anthropic;
mod ask;
mod faults;
mod openai;

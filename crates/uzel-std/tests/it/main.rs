//! Tests of uzel-std against real servers on loopback.

mod anthropic;
mod ask;
mod broken;
mod faults;
mod openai;

//! Simulation, fault injection and conformance suites for uzel's own tests.

pub mod http;
pub mod conformance;

//! Simulation, fault injection and conformance suites for uzel's own tests.

pub mod conformance;
pub mod http;

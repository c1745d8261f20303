//! Simulation, fault injection and conformance suites for uzel's own tests, and for whoever writes a store.

pub mod conformance;

//! Simulation, fault injection and conformance suites for uzel's own tests.

pub mod between;
pub mod book;
pub mod conformance;
pub mod crash;
pub mod dice;
pub mod disk;
pub mod fail_points;
pub mod http;
pub mod lab;
pub mod model;
pub mod played;
pub mod probe;
pub mod sim;
pub mod stage;

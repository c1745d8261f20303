//! Makes runs happen: driver, layers, stores.

pub mod store;

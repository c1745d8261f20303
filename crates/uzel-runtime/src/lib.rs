//! Makes runs happen: driver, layers, stores.

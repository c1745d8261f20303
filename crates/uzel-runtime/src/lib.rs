//! Makes runs happen: the driver, the layers around effects, the stores. Names no kind of node. In reading order:

pub mod driver;
pub mod engine;
pub mod layers;
pub mod release;
pub mod replay;
pub mod store;
pub mod world;

//! The kinds, models, tools and retrievers that ship with uzel.

pub mod http;
pub mod models;

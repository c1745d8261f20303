//! The kinds, models, tools and retrievers that ship with uzel.

pub mod code;
pub mod guard;
pub mod http;
pub mod retrievers;
pub mod tools;

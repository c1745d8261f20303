//! The kinds, models, tools and retrievers that ship with uzel.

use uzel_core::kind::Catalog;

pub mod guard;
pub mod http;
pub mod models;

/// Everything that ships, in the order of the reference.
pub fn catalog() -> Catalog {
    Catalog::default()
}

//! Types of values: what inputs, outputs and parameters may be. Read from YAML, checked at the edges of nodes.

mod explain;
mod json;
mod plain;
mod read;
mod relate;
mod shorthand;
mod show;
#[cfg(test)]
mod tests;
mod ty;
mod validate;

pub use json::type_of_value;
pub(crate) use read::is_word;
pub(crate) use relate::same;
pub use ty::{Field, FieldLookup, ObjectType, Type};
pub use validate::{Schema, Violation};

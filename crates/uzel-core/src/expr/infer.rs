//! Types of expressions, and what certainly or probably goes wrong in them.

use super::{TypeScope, program::Program};
use crate::{diagnostic::Diagnostics, schema::Type};

/// What becomes of the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Use {
    /// It is taken as it is.
    Value,
    /// It is only asked whether it is true.
    Condition,
    /// It becomes part of a text.
    Print,
}

/// The type of an expression.
pub(super) fn expression(program: &Program, types: &TypeScope, how: Use, out: &mut Diagnostics) -> Type {
    let _ = (program, types, how, out);
    Type::Any
}

/// Checks a template.
pub(super) fn template(program: &Program, types: &TypeScope, out: &mut Diagnostics) {
    let _ = (program, types, out);
}

//! Which values may be or hold texts, by their types.

use crate::schema::{FieldLookup, Type};

/// The type of what a path leads to; of what is not known nothing is known.
pub(in crate::check) fn at_path(ty: &Type, path: &[String]) -> Type {
    let mut ty = ty.clone();
    for name in path {
        ty = match &ty {
            Type::Any => return Type::Any,
            Type::List(item) if name.bytes().all(|b| b.is_ascii_digit()) => (**item).clone(),
            // The keys of a list's items lead to the items.
            Type::List(item) => at_path(item, std::slice::from_ref(name)),
            _ => match ty.field(name) {
                FieldLookup::Found(found, _) => found,
                FieldLookup::Unknown | FieldLookup::Missing { .. } => Type::Any,
            },
        };
    }
    ty
}

/// Whether a value of this type may be or hold a text that somebody has written.
pub(in crate::check) fn may_hold_text(ty: &Type) -> bool {
    match ty {
        Type::Any | Type::String => true,
        Type::Null | Type::Boolean | Type::Integer | Type::Number | Type::Enum(_) => false,
        Type::List(item) => may_hold_text(item),
        Type::Object(object) => object.open || object.fields.values().any(|field| may_hold_text(&field.ty)),
        Type::Union(members) => members.iter().any(may_hold_text),
    }
}

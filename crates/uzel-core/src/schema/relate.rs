//! How two types relate: whether one takes the other, and whether their values can ever be equal.

use serde_json::Value;

use super::{ObjectType, Type};

impl Type {
    /// Whether every value of `other` certainly or possibly fits here; false only when some value does not fit.
    pub fn accepts(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Any, _) | (_, Self::Any) => true,
            (_, Self::Union(members)) => members.iter().all(|m| self.accepts(m)),
            (_, Self::Enum(values)) => values.iter().all(|v| self.accepts_value(v)),
            (Self::Union(members), _) => members.iter().any(|m| m.accepts(other)),
            (Self::Number, Self::Integer) => true,
            (Self::List(a), Self::List(b)) => a.accepts(b),
            (Self::Object(a), Self::Object(b)) => accepts_object(a, b),
            (Self::Enum(values), Self::Boolean) => {
                values.contains(&Value::Bool(true)) && values.contains(&Value::Bool(false))
            }
            _ => self == other,
        }
    }

    /// Whether a value fits.
    pub fn accepts_value(&self, value: &Value) -> bool {
        match self {
            Self::Any => true,
            Self::Enum(values) => values.iter().any(|v| same(v, value)),
            Self::Union(members) => members.iter().any(|m| m.accepts_value(value)),
            Self::Number => value.is_number(),
            Self::List(item) => value.as_array().is_some_and(|items| items.iter().all(|v| item.accepts_value(v))),
            Self::Object(object) => value.as_object().is_some_and(|map| {
                let declared = object.fields.iter().all(|(name, field)| match map.get(name) {
                    Some(value) => field.ty.accepts_value(value),
                    None => !field.required || field.ty.may_be_null(),
                });
                declared && (object.open || map.keys().all(|key| object.fields.contains_key(key)))
            }),
            _ => *self == base_of(value),
        }
    }

    /// Whether a value of one can equal a value of the other, as `==` compares.
    pub fn overlaps(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Any, _) | (_, Self::Any) => true,
            (Self::Union(members), _) => members.iter().any(|m| m.overlaps(other)),
            (_, Self::Union(members)) => members.iter().any(|m| self.overlaps(m)),
            (Self::Enum(a), Self::Enum(b)) => a.iter().any(|x| b.iter().any(|y| same(x, y) || bool_number(x, y))),
            (Self::Enum(values), base) | (base, Self::Enum(values)) => values.iter().any(|v| base_of(v).overlaps(base)),
            // `true == 1` holds in Jinja, so numbers and truth values are one family.
            (Self::Boolean | Self::Integer | Self::Number, Self::Boolean | Self::Integer | Self::Number) => true,
            (Self::List(_), Self::List(_)) | (Self::Object(_), Self::Object(_)) => true,
            _ => self == other,
        }
    }
}

fn accepts_object(to: &ObjectType, from: &ObjectType) -> bool {
    let declared = to.fields.iter().all(|(name, field)| match from.fields.get(name) {
        Some(given) => {
            let seen = if field.required { given.seen_type() } else { given.ty.clone() };
            field.ty.accepts(&seen)
        }
        None => from.open || !field.required || field.ty.may_be_null(),
    });
    declared && (to.open || from.open || from.fields.keys().all(|name| to.fields.contains_key(name)))
}

fn bool_number(a: &Value, b: &Value) -> bool {
    (a.is_boolean() && b.is_number()) || (a.is_number() && b.is_boolean())
}

/// Whether two values are equal as JSON: `1` and `1.0` are.
pub(crate) fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(x), Value::Number(y)) => x == y || x.as_f64() == y.as_f64(),
        _ => a == b,
    }
}

/// The widest simple type of one value; lists and maps are opaque.
pub(crate) fn base_of(value: &Value) -> Type {
    match value {
        Value::Null => Type::Null,
        Value::Bool(_) => Type::Boolean,
        Value::Number(n) if n.is_f64() && n.as_f64().is_none_or(|x| x.fract() != 0.0) => Type::Number,
        Value::Number(_) => Type::Integer,
        Value::String(_) => Type::String,
        Value::Array(_) => Type::list(Type::Any),
        Value::Object(_) => Type::open_map(),
    }
}

//! The types that expressions are checked with, and what can be asked of them.

use std::sync::Arc;

use indexmap::IndexMap;
use serde_json::Value;

use super::relate::{base_of, same};
use crate::{diagnostic::near, source::Span};

/// What a value may be. Coarser than JSON Schema: what it cannot say is `Any`, which nothing is reported about.
#[derive(Clone, Debug, PartialEq)]
pub enum Type {
    /// Nothing is known.
    Any,
    /// Only null.
    Null,
    /// True or false.
    Boolean,
    /// A whole number.
    Integer,
    /// Any number.
    Number,
    /// A text.
    String,
    /// One of these values; never empty, holds no null.
    Enum(Vec<Value>),
    /// A list of one type.
    List(Box<Type>),
    /// A map of named fields. Shared: types are passed on from node to node, and seldom changed.
    Object(Arc<ObjectType>),
    /// One of these; flat, at least two, no `Any`.
    Union(Vec<Type>),
}

/// A map of named fields.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ObjectType {
    /// The fields that are declared, in order.
    pub fields: IndexMap<String, Field>,
    /// Whether others may exist.
    pub open: bool,
}

/// One field of a map.
#[derive(Clone, Debug)]
pub struct Field {
    /// Its type.
    pub ty: Type,
    /// Whether it must be there. A field with a default need not be.
    pub required: bool,
    /// What it is when it is absent.
    pub default: Option<Value>,
    /// For people and models.
    pub description: Option<String>,
    /// Where it is declared.
    pub at: Option<Span>,
}

impl PartialEq for Field {
    fn eq(&self, other: &Self) -> bool {
        self.ty == other.ty && self.required == other.required && self.default == other.default
    }
}

impl Field {
    /// A required field of a type.
    pub fn required(ty: Type) -> Self {
        Self { ty, required: true, default: None, description: None, at: None }
    }

    /// The type that expressions see: a field that may be absent may be null.
    pub fn seen_type(&self) -> Type {
        if self.required || self.default.is_some() { self.ty.clone() } else { self.ty.clone().or_null() }
    }
}

/// What looking for a field gives.
#[derive(Clone, Debug, PartialEq)]
pub enum FieldLookup {
    /// It exists: its type and where it is declared.
    Found(Type, Option<Span>),
    /// It certainly does not exist.
    Missing {
        /// Names that look alike, nearest first.
        near: Vec<String>,
        /// All fields that exist.
        known: Vec<String>,
    },
    /// It may exist.
    Unknown,
}

impl Type {
    /// A closed map of required fields.
    pub fn object<'a>(fields: impl IntoIterator<Item = (&'a str, Self)>) -> Self {
        let fields = fields.into_iter().map(|(name, ty)| (name.to_owned(), Field::required(ty))).collect();
        Self::Object(Arc::new(ObjectType { fields, open: false }))
    }

    /// A map of which no field is known.
    pub fn open_map() -> Self {
        Self::Object(Arc::new(ObjectType { open: true, ..ObjectType::default() }))
    }

    /// One of these texts.
    pub fn texts<'a>(texts: impl IntoIterator<Item = &'a str>) -> Self {
        Self::Enum(texts.into_iter().map(Value::from).collect())
    }

    /// A list of a type.
    pub fn list(item: Self) -> Self {
        Self::List(Box::new(item))
    }

    /// Whether nothing is known.
    pub fn is_any(&self) -> bool {
        matches!(self, Self::Any)
    }

    /// Whether it is known that null is possible. `Any` is not: nothing is reported about it.
    pub fn may_be_null(&self) -> bool {
        match self {
            Self::Null => true,
            Self::Union(members) => members.contains(&Self::Null),
            _ => false,
        }
    }

    /// The type when it is known not to be null; `Null` alone becomes `Any`, since the place is never reached.
    pub fn without_null(&self) -> Self {
        match self {
            Self::Null => Self::Any,
            Self::Union(members) => {
                members.iter().filter(|m| **m != Self::Null).cloned().reduce(Self::union).unwrap_or(Self::Any)
            }
            other => other.clone(),
        }
    }

    /// The type or null.
    pub fn or_null(self) -> Self {
        Self::union(self, Self::Null)
    }

    /// The members of a union, or the type itself.
    pub fn members(&self) -> &[Self] {
        match self {
            Self::Union(members) => members,
            other => std::slice::from_ref(other),
        }
    }

    /// What is one or the other, in the simplest form: `Any` takes all, enums merge, wider types take narrower.
    pub fn union(a: Self, b: Self) -> Self {
        // Beyond this a union tells nobody anything.
        const MOST: usize = 32;
        if a.is_any() || b.is_any() {
            return Self::Any;
        }
        let mut members: Vec<Self> = a.members().to_vec();
        for next in b.members() {
            join(&mut members, next.clone());
        }
        match members.len() {
            0 => Self::Any,
            1 => members.swap_remove(0),
            n if n > MOST => Self::Any,
            _ => Self::Union(members),
        }
    }

    /// The one of several types.
    pub fn union_of(types: impl IntoIterator<Item = Self>) -> Option<Self> {
        types.into_iter().reduce(Self::union)
    }

    /// What a field of a value of this type is. A field of null is null.
    pub fn field(&self, name: &str) -> FieldLookup {
        match self {
            Self::Any => FieldLookup::Unknown,
            Self::Null => FieldLookup::Found(Self::Null, None),
            Self::Object(object) => match object.fields.get(name) {
                Some(field) => FieldLookup::Found(field.seen_type(), field.at),
                None if object.open => FieldLookup::Unknown,
                None => {
                    let known = object.fields.keys().map(String::as_str);
                    let near = near(name, known.clone()).into_iter().map(str::to_owned).collect();
                    FieldLookup::Missing { near, known: known.map(str::to_owned).collect() }
                }
            },
            Self::Union(members) => union_field(members, name),
            _ => FieldLookup::Missing { near: vec![], known: vec![] },
        }
    }

    /// Values of this type as they print in JSON: an enum's values.
    pub fn enum_values(&self) -> Option<&[Value]> {
        match self {
            Self::Enum(values) => Some(values),
            _ => None,
        }
    }
}

/// A field of one of several types: found if any has it, then null where the others lack it.
fn union_field(members: &[Type], name: &str) -> FieldLookup {
    let (mut found, mut place, mut lacking) = (None::<Type>, None, false);
    let (mut all_near, mut all_known) = (vec![], vec![]);
    let mut real = false;
    for member in members {
        match member.field(name) {
            FieldLookup::Unknown => return FieldLookup::Unknown,
            FieldLookup::Found(ty, at) => {
                real |= *member != Type::Null;
                place = place.or(at);
                found = Some(match found {
                    Some(before) => Type::union(before, ty),
                    None => ty,
                });
            }
            FieldLookup::Missing { near, known } => {
                lacking = true;
                all_near.extend(near);
                all_known.extend(known);
            }
        }
    }
    match found {
        Some(ty) if real => FieldLookup::Found(if lacking { ty.or_null() } else { ty }, place),
        _ => FieldLookup::Missing { near: all_near, known: all_known },
    }
}

/// Adds a type to the members of a union.
fn join(members: &mut Vec<Type>, next: Type) {
    if members.contains(&next) {
        return;
    }
    match &next {
        Type::Enum(new) => {
            let rest: Vec<Value> = new.iter().filter(|v| !members.contains(&base_of(v))).cloned().collect();
            let rest: Vec<Value> = if members.contains(&Type::Number) {
                rest.into_iter().filter(|v| !v.is_number()).collect()
            } else {
                rest
            };
            if rest.is_empty() {
                return;
            }
            for member in members.iter_mut() {
                if let Type::Enum(values) = member {
                    for value in rest {
                        if !values.iter().any(|v| same(v, &value)) {
                            values.push(value);
                        }
                    }
                    return;
                }
            }
            members.push(Type::Enum(rest));
        }
        Type::Boolean | Type::Integer | Type::Number | Type::String => {
            if next == Type::Integer && members.contains(&Type::Number) {
                return;
            }
            if next == Type::Number {
                members.retain(|m| *m != Type::Integer);
            }
            for member in members.iter_mut() {
                if let Type::Enum(values) = member {
                    values.retain(|v| base_of(v) != next && !(next == Type::Number && v.is_number()));
                }
            }
            members.retain(|m| !matches!(m, Type::Enum(values) if values.is_empty()));
            members.push(next);
        }
        Type::List(item) => {
            for member in members.iter_mut() {
                if let Type::List(before) = member {
                    **before = Type::union((**before).clone(), (**item).clone());
                    return;
                }
            }
            members.push(next);
        }
        _ => members.push(next),
    }
}

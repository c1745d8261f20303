//! Types and values for whatever a text refers to. Used by the target `expressions`.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::{Map, Value, json};
use uzel_core::{
    expr::{Reference, Scope, TypeScope},
    schema::{Field, ObjectType, Type},
};

/// How often a text is tried, each time with other types.
const TRIES: u64 = 3;

/// What an expression sees, when it is checked and when it runs.
pub(crate) struct Roots {
    pub(crate) types: TypeScope,
    pub(crate) values: Scope,
}

/// Fields of fields, as a text refers to them.
#[derive(Default)]
struct Tree<'a>(BTreeMap<&'a str, Tree<'a>>);

impl Roots {
    /// Some, from what a text refers to. The same text always gives the same.
    pub(crate) fn of(text: &str, references: &[Reference]) -> Vec<Self> {
        let mut wanted = Tree::default();
        for reference in references {
            let mut at = wanted.0.entry(&reference.root).or_default();
            for name in reference.path.iter().take(8) {
                at = at.0.entry(name).or_default();
            }
        }
        (0..TRIES).map(|number| Self::one(&mut Dice(hash(text) ^ number), &wanted)).collect()
    }

    fn one(dice: &mut Dice, wanted: &Tree<'_>) -> Self {
        let mut roots = Self { types: TypeScope::new(), values: Scope::new() };
        for (name, fields) in &wanted.0 {
            let ty = some_type(dice, fields);
            let value = some_value(dice, &ty);
            assert!(ty.accepts_value(&value), "{value} is not {ty}");
            roots.types.insert(*name, ty, None);
            roots.values = roots.values.with(*name, Arc::new(value));
        }
        roots
    }
}

fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// A small generator: the same seed gives the same.
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % most as u64).unwrap_or(0)
    }
}

fn some_type(dice: &mut Dice, wanted: &Tree<'_>) -> Type {
    let ty = if wanted.0.is_empty() { leaf(dice) } else { branch(dice, wanted) };
    match dice.below(12) {
        0 | 1 => ty.or_null(),
        2 => Type::union(ty, leaf(dice)),
        3 => Type::Any,
        _ => ty,
    }
}

/// A map with the fields that are wanted, or a list where they are numbers.
fn branch(dice: &mut Dice, wanted: &Tree<'_>) -> Type {
    if let Some(item) = wanted.0.iter().find(|(name, _)| name.parse::<i64>().is_ok()).map(|(_, item)| item) {
        return Type::list(some_type(dice, item));
    }
    let mut object = ObjectType { open: dice.below(8) == 0, ..ObjectType::default() };
    for (name, fields) in &wanted.0 {
        let field = Field { required: dice.below(6) > 0, ..Field::required(some_type(dice, fields)) };
        object.fields.insert((*name).to_owned(), field);
    }
    Type::Object(Arc::new(object))
}

fn leaf(dice: &mut Dice) -> Type {
    match dice.below(10) {
        0 | 1 => Type::String,
        2 => Type::Integer,
        3 => Type::Number,
        4 => Type::Boolean,
        5 => Type::texts(["red", "green"]),
        6 => Type::list(Type::String),
        7 => Type::list(Type::object([("id", Type::String), ("n", Type::Integer.or_null())])),
        8 => Type::object([("id", Type::String), ("text", Type::String), ("n", Type::Number)]),
        _ => Type::list(Type::Number),
    }
}

fn some_value(dice: &mut Dice, ty: &Type) -> Value {
    match ty {
        Type::Any => [json!(1), json!("a"), Value::Null, json!({ "id": 1 }), json!([1.5, "b"])][dice.below(5)].clone(),
        Type::Null => Value::Null,
        Type::Boolean => json!(dice.below(2) == 0),
        Type::Integer => json!([0, 1, -3, 7, i64::MAX, i64::MIN][dice.below(6)]),
        Type::Number => [json!(0.5), json!(-2.0), json!(3), json!(1e300), json!(u64::MAX)][dice.below(5)].clone(),
        Type::String => json!(["", "a", "Łx y", "12", "red", "{\"id\": 1}", "a\u{301}\u{1f469}"][dice.below(7)]),
        Type::Enum(values) => values[dice.below(values.len())].clone(),
        Type::List(item) => (0..dice.below(4)).map(|_| some_value(dice, item)).collect(),
        Type::Union(members) => {
            let index = dice.below(members.len());
            some_value(dice, &members[index])
        }
        Type::Object(object) => {
            let mut map = Map::new();
            for (name, field) in &object.fields {
                if field.required || dice.below(2) == 0 {
                    map.insert(name.clone(), some_value(dice, &field.ty));
                }
            }
            if object.open && dice.below(2) == 0 {
                map.insert("more".to_owned(), json!("x"));
            }
            Value::Object(map)
        }
    }
}

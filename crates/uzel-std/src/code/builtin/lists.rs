//! Functions over lists and objects. Listed in the table of built-in functions.

use std::{cmp::Ordering, collections::HashSet};

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

/// Parameters of `concat`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Concat {
    /// Lists, or texts; null is left out.
    values: Vec<Value>,
    /// Between texts.
    #[serde(default)]
    separator: String,
}

pub(super) fn concat(params: Concat) -> Result<Value, String> {
    let mut items = vec![];
    let mut texts = vec![];
    for (at, value) in params.values.into_iter().enumerate() {
        match value {
            Value::Null => {}
            Value::Array(list) if texts.is_empty() => items.extend(list),
            Value::String(text) if items.is_empty() => texts.push(text),
            _ => return Err(format!("`values[{at}]` does not go with the others: give only lists or only texts")),
        }
    }
    Ok(if texts.is_empty() { Value::Array(items) } else { Value::String(texts.join(&params.separator)) })
}

/// Parameters of `merge`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Merge {
    /// Objects; null is left out.
    values: Vec<Option<Map<String, Value>>>,
    /// Whether objects in fields are merged too.
    #[serde(default)]
    deep: bool,
}

pub(super) fn merge(params: Merge) -> Result<Value, String> {
    let mut all = Map::new();
    for object in params.values.into_iter().flatten() {
        merge_into(&mut all, object, params.deep);
    }
    Ok(Value::Object(all))
}

fn merge_into(target: &mut Map<String, Value>, source: Map<String, Value>, deep: bool) {
    for (name, value) in source {
        match (target.get_mut(&name), value) {
            (Some(Value::Object(old)), Value::Object(new)) if deep => merge_into(old, new, deep),
            (_, value) => {
                target.insert(name, value);
            }
        }
    }
}

/// Parameters of `pick`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Pick {
    /// An object, or a list of objects.
    from: Value,
    /// The names of the fields to keep; those that are not there are left out.
    fields: Vec<String>,
}

pub(super) fn pick(params: Pick) -> Result<Value, String> {
    let one = |value: Value| match value {
        Value::Object(mut object) => {
            let kept = params.fields.iter().filter_map(|name| object.remove_entry(name));
            Ok(Value::Object(kept.collect()))
        }
        _ => Err("`from` must be an object or a list of objects".to_owned()),
    };
    match params.from {
        Value::Array(items) => items.into_iter().map(one).collect(),
        value => one(value),
    }
}

/// Parameters of `sort_by`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SortBy {
    /// The list.
    values: Vec<Value>,
    /// The field to sort by, or a path as `customer.name`; without it the values themselves are compared.
    by: Option<String>,
    /// Biggest first.
    #[serde(default)]
    descending: bool,
}

/// Null and missing come last either way; numbers before texts before the rest.
pub(super) fn sort_by(params: SortBy) -> Result<Vec<Value>, String> {
    let mut values = params.values;
    let by = params.by.as_deref();
    values.sort_by(|a, b| {
        let (a, b) = (field(a, by), field(b, by));
        let missing = a.is_null().cmp(&b.is_null());
        let order = compare(a, b);
        missing.then(if params.descending { order.reverse() } else { order })
    });
    Ok(values)
}

fn compare(a: &Value, b: &Value) -> Ordering {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => {
            let exact = a.as_i64().zip(b.as_i64()).map(|(a, b)| a.cmp(&b));
            let float = || a.as_f64().unwrap_or(f64::NAN).total_cmp(&b.as_f64().unwrap_or(f64::NAN));
            exact.unwrap_or_else(float)
        }
        (Value::String(a), Value::String(b)) => a.cmp(b),
        (Value::Bool(a), Value::Bool(b)) => a.cmp(b),
        _ => rank(a).cmp(&rank(b)),
    }
}

const fn rank(value: &Value) -> u8 {
    match value {
        Value::Number(_) => 0,
        Value::String(_) => 1,
        Value::Bool(_) => 2,
        Value::Array(_) => 3,
        Value::Object(_) => 4,
        Value::Null => 5,
    }
}

fn field<'a>(value: &'a Value, path: Option<&str>) -> &'a Value {
    path.map_or(value, |path| path.split('.').fold(value, |value, name| value.get(name).unwrap_or(&Value::Null)))
}

/// Parameters of `unique`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Unique {
    /// The list.
    values: Vec<Value>,
    /// The field to compare by, or a path as `customer.id`; without it the values themselves are compared.
    by: Option<String>,
}

pub(super) fn unique(params: Unique) -> Result<Vec<Value>, String> {
    let mut seen = HashSet::new();
    let by = params.by.as_deref();
    Ok(params.values.into_iter().filter(|value| seen.insert(super::texts::canonical(field(value, by)))).collect())
}

//! How long the values are that a JSON Schema allows.

use serde_json::Value;

use super::{Size, json};
use crate::graph::cost::USUAL_ITEMS;

/// Schemas deeper than this are of unknown length.
const DEEPEST: usize = 32;

/// The schema of a part of a value; `None` if it says nothing about that part.
pub(super) fn at<'s>(schema: &'s Value, path: &[String]) -> Option<&'s Value> {
    let mut here = schema;
    for name in path {
        let mut ways = std::iter::once(here).chain(choices(here));
        here = ways.find_map(|way| {
            let item = || way.get("items").filter(|_| name.bytes().all(|b| b.is_ascii_digit()));
            way.get("properties").and_then(|fields| fields.get(name)).or_else(item)
        })?;
    }
    Some(here)
}

fn choices(schema: &Value) -> impl Iterator<Item = &Value> {
    ["anyOf", "oneOf"].into_iter().filter_map(|key| schema.get(key)?.as_array()).flatten()
}

/// Tokens of a value.
pub(super) fn size(schema: &Value) -> Size {
    below(schema, 0)
}

fn below(schema: &Value, depth: usize) -> Size {
    if depth > DEEPEST {
        return Size::TEXT;
    }
    if let Some(value) = schema.get("const") {
        return json(value);
    }
    if let Some(values) = schema.get("enum").and_then(Value::as_array) {
        return values.iter().map(json).reduce(Size::or).unwrap_or(Size::NONE);
    }
    let ways = choices(schema).map(|way| below(way, depth + 1));
    if let Some(size) = ways.reduce(Size::or) {
        return size;
    }
    match schema.get("type") {
        Some(Value::String(name)) => named(name, schema, depth),
        Some(Value::Array(names)) => {
            let each = names.iter().filter_map(Value::as_str).map(|name| named(name, schema, depth));
            each.reduce(Size::or).unwrap_or(Size::TEXT)
        }
        _ => Size::TEXT,
    }
}

fn named(name: &str, schema: &Value, depth: usize) -> Size {
    match name {
        "null" => Size::exactly(1),
        "boolean" | "integer" | "number" => Size::SMALL,
        "string" => match schema.get("maxLength").and_then(Value::as_u64) {
            None => Size::TEXT,
            Some(most) => {
                let most = most.div_ceil(4);
                Size { most: Some(most), usual: (most as f64).min(Size::TEXT.usual) }
            }
        },
        "array" => {
            let item = schema.get("items").map_or(Size::TEXT, |item| below(item, depth + 1));
            item.times(items(schema))
        }
        "object" => {
            let fields = schema.get("properties").and_then(Value::as_object);
            let each = fields.into_iter().flatten();
            let known = each
                .map(|(name, field)| Size::of_bytes(name.len() + 4).plus(below(field, depth + 1)))
                .fold(Size::NONE, Size::plus);
            let closed = schema.get("additionalProperties") == Some(&Value::Bool(false));
            if closed { known } else { known.plus(Size::TEXT) }
        }
        _ => Size::TEXT,
    }
}

/// Items of a list.
pub(super) fn items(schema: &Value) -> Size {
    let is_list = |way: &&Value| way.get("items").is_some() || way.get("type").is_some_and(|name| name == "array");
    let lists = std::iter::once(schema).chain(choices(schema)).filter(is_list);
    let most =
        lists.map(|list| list.get("maxItems")?.as_u64()).reduce(|a, b| a.zip(b).map(|(a, b)| a.max(b))).flatten();
    Size { most, usual: most.map_or(USUAL_ITEMS, |most| most.min(USUAL_ITEMS)) as f64 }
}

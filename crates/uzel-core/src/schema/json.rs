//! Types as JSON Schema 2020-12 and back.

use std::sync::Arc;

use indexmap::IndexMap;
use serde_json::{Map, Value, json};

use super::{Field, ObjectType, Type, relate::base_of};

/// Nesting of schemas that is looked into; deeper is `Any`.
const DEPTH: usize = 32;

/// Schemas that are looked into for one type; the rest is `Any`. A `$ref` that refers to itself twice would double
/// with each level.
const MOST: usize = 2_000;

impl Type {
    /// The JSON Schema of this type. Closed objects say `additionalProperties: false`.
    pub fn to_json_schema(&self) -> Value {
        match self {
            Self::Any => json!({}),
            Self::Null => json!({ "type": "null" }),
            Self::Boolean => json!({ "type": "boolean" }),
            Self::Integer => json!({ "type": "integer" }),
            Self::Number => json!({ "type": "number" }),
            Self::String => json!({ "type": "string" }),
            Self::Enum(values) => json!({ "enum": values }),
            Self::List(item) => json!({ "type": "array", "items": item.to_json_schema() }),
            Self::Object(object) => object_schema(object),
            Self::Union(members) => union_schema(members),
        }
    }

    /// The type of a JSON Schema; what types cannot say becomes `Any` or the wider type.
    pub fn from_json_schema(schema: &Value) -> Self {
        Walk { root: schema, left: MOST, open: vec![] }.type_of(schema, 0)
    }
}

fn object_schema(object: &ObjectType) -> Value {
    let mut properties = Map::new();
    let mut required = vec![];
    for (name, field) in &object.fields {
        let mut schema = field.ty.to_json_schema();
        if let Value::Object(map) = &mut schema {
            if let Some(text) = &field.description {
                map.insert("description".into(), text.clone().into());
            }
            if let Some(value) = &field.default {
                map.insert("default".into(), value.clone());
            }
        }
        properties.insert(name.clone(), schema);
        if field.required {
            required.push(Value::from(name.as_str()));
        }
    }
    let mut map = Map::new();
    map.insert("type".into(), "object".into());
    map.insert("properties".into(), properties.into());
    if !required.is_empty() {
        map.insert("required".into(), required.into());
    }
    if !object.open {
        map.insert("additionalProperties".into(), false.into());
    }
    map.into()
}

/// `type: [string, null]` and `enum: [a, null]` where that is possible: models and people read them more easily.
fn union_schema(members: &[Type]) -> Value {
    let simple: Option<Vec<Value>> = members
        .iter()
        .map(|member| match member.to_json_schema() {
            Value::Object(map) if map.len() == 1 => map.get("type").cloned(),
            _ => None,
        })
        .collect();
    if let Some(names) = simple {
        return json!({ "type": names });
    }
    if let [Type::Enum(values), Type::Null] | [Type::Null, Type::Enum(values)] = members {
        let mut values = values.clone();
        values.push(Value::Null);
        return json!({ "enum": values });
    }
    json!({ "anyOf": members.iter().map(Type::to_json_schema).collect::<Vec<_>>() })
}

struct Walk<'a> {
    root: &'a Value,
    left: usize,
    /// References that are being followed.
    open: Vec<&'a str>,
}

impl<'a> Walk<'a> {
    fn type_of(&mut self, schema: &'a Value, depth: usize) -> Type {
        let Value::Object(map) = schema else { return Type::Any };
        if depth > DEPTH || self.left == 0 {
            return Type::Any;
        }
        self.left -= 1;
        if let Some(Value::String(target)) = map.get("$ref") {
            return self.referred(target, depth);
        }
        if let Some(value) = map.get("const") {
            return of_values(std::slice::from_ref(value));
        }
        if let Some(Value::Array(values)) = map.get("enum") {
            return of_values(values);
        }
        for key in ["anyOf", "oneOf"] {
            if let Some(Value::Array(options)) = map.get(key) {
                let types: Vec<Type> = options.iter().map(|option| self.type_of(option, depth + 1)).collect();
                return Type::union_of(types).unwrap_or(Type::Any);
            }
        }
        if let Some(Value::Array(parts)) = map.get("allOf") {
            return match parts.as_slice() {
                [one] if !map.contains_key("properties") => self.type_of(one, depth + 1),
                _ => Type::Any,
            };
        }
        match map.get("type") {
            Some(Value::String(name)) => self.named(name, map, depth),
            Some(Value::Array(names)) => {
                let names = names.iter().filter_map(Value::as_str);
                let types: Vec<Type> = names.map(|name| self.named(name, map, depth)).collect();
                Type::union_of(types).unwrap_or(Type::Any)
            }
            _ if map.contains_key("properties") => self.named("object", map, depth),
            _ => Type::Any,
        }
    }

    fn referred(&mut self, target: &'a str, depth: usize) -> Type {
        let found = target.strip_prefix('#').and_then(|pointer| self.root.pointer(pointer));
        let Some(schema) = found.filter(|_| !self.open.contains(&target)) else { return Type::Any };
        self.open.push(target);
        let ty = self.type_of(schema, depth + 1);
        self.open.pop();
        ty
    }

    fn named(&mut self, name: &str, map: &'a Map<String, Value>, depth: usize) -> Type {
        match name {
            "null" => Type::Null,
            "boolean" => Type::Boolean,
            "integer" => Type::Integer,
            "number" => Type::Number,
            "string" => Type::String,
            // `items` says nothing of the first ones then.
            "array" if map.contains_key("prefixItems") => Type::list(Type::Any),
            "array" => Type::list(map.get("items").map_or(Type::Any, |items| self.type_of(items, depth + 1))),
            "object" => self.object(map, depth),
            _ => Type::Any,
        }
    }

    fn object(&mut self, map: &'a Map<String, Value>, depth: usize) -> Type {
        let required: Vec<&str> =
            map.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
        let mut fields = IndexMap::new();
        for (name, schema) in map.get("properties").and_then(Value::as_object).into_iter().flatten() {
            let field = Field {
                ty: self.type_of(schema, depth + 1),
                required: required.contains(&name.as_str()),
                default: schema.get("default").cloned(),
                description: schema.get("description").and_then(Value::as_str).map(str::to_owned),
                at: None,
            };
            fields.insert(name.clone(), field);
        }
        let closed = map.get("additionalProperties") == Some(&Value::Bool(false));
        Type::Object(Arc::new(ObjectType { fields, open: !closed || map.contains_key("patternProperties") }))
    }
}

/// An enum of plain values; null beside it is a union, lists and maps among them are `Any`.
fn of_values(values: &[Value]) -> Type {
    if values.is_empty() || values.iter().any(|v| v.is_array() || v.is_object()) {
        return Type::Any;
    }
    let plain: Vec<Value> = values.iter().filter(|v| !v.is_null()).cloned().collect();
    let ty = if plain.is_empty() { return Type::Null } else { Type::Enum(plain) };
    if values.iter().any(Value::is_null) { ty.or_null() } else { ty }
}

/// The type of one value: texts stay exact, lists and maps are looked into.
pub fn type_of_value(value: &Value) -> Type {
    match value {
        Value::Array(items) => Type::list(Type::union_of(items.iter().map(type_of_value)).unwrap_or(Type::Any)),
        Value::Object(map) => {
            let fields = map.iter().map(|(k, v)| (k.clone(), Field::required(type_of_value(v)))).collect();
            Type::Object(Arc::new(ObjectType { fields, open: false }))
        }
        Value::Null => Type::Null,
        other if base_of(other) == Type::Number => Type::Number,
        other => Type::Enum(vec![other.clone()]),
    }
}

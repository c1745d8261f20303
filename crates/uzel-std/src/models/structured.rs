//! Schemas as providers take them, and answers as the app wants them. Used by all protocols that structure answers.

use serde_json::{Map, Value, json};
use uzel_core::capability::model::ChatRequest;

/// Keywords that strict modes refuse; what they demand is checked when the answer is here.
const DROPPED: [&str; 9] =
    ["$schema", "$id", "default", "examples", "title", "minLength", "maxLength", "uniqueItems", "$comment"];

/// Keywords that no strict schema can express.
const NOT_STRICT: [&str; 12] = [
    "allOf",
    "oneOf",
    "not",
    "if",
    "then",
    "else",
    "patternProperties",
    "propertyNames",
    "prefixItems",
    "contains",
    "dependentRequired",
    "dependentSchemas",
];

/// Formats that strict modes know.
const FORMATS: [&str; 9] = ["date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid"];

/// Deeper schemas are sent without strictness.
const DEEPEST: usize = 10;

/// The wanted answer of a request, as an object (providers structure objects only).
pub struct Shape {
    /// Name for providers that want one: letters, digits, `_` and `-`, at most 64.
    pub name: String,
    /// The schema of an object.
    pub schema: Value,
    /// Whether the answer is the field `value` of that object, because what is wanted is not an object.
    is_wrapped: bool,
}

impl Shape {
    /// The shape that a request asks for, if it asks for one.
    pub fn of(request: &ChatRequest) -> Option<Self> {
        let mut schema = request.schema.as_deref()?.clone();
        say_labels(&mut schema);
        let is_object = schema.get("type").and_then(Value::as_str) == Some("object");
        let keep = |c: char| if c.is_ascii_alphanumeric() || c == '_' || c == '-' { c } else { '_' };
        let mut name: String = request.schema_name.chars().map(keep).take(64).collect();
        if name.is_empty() {
            name.push_str("answer");
        }
        if is_object {
            return Some(Self { name, schema, is_wrapped: false });
        }
        // References count from the root, so definitions must stay there.
        let mut wrapped = json!({ "type": "object", "required": ["value"], "additionalProperties": false });
        let mut inner = schema;
        for place in ["$defs", "definitions"] {
            if let Some(definitions) = inner.as_object_mut().and_then(|inner| inner.remove(place)) {
                wrapped[place] = definitions;
            }
        }
        wrapped["properties"] = json!({ "value": inner });
        Some(Self { name, schema: wrapped, is_wrapped: true })
    }

    /// The schema in strict form, or `None` if it cannot be put so: every field is required, fields that were
    /// optional may be null, and nothing else is allowed.
    pub fn strict(&self) -> Option<Value> {
        let mut schema = self.schema.clone();
        make_strict(&mut schema, 0).then_some(schema)
    }

    /// An example's answer in the form that the model is to give.
    pub fn wrap(&self, value: &Value) -> String {
        if self.is_wrapped { json!({ "value": value }).to_string() } else { value.to_string() }
    }

    /// The answer's text in the form that the app wants: without fences and reasoning, unwrapped, and without nulls for
    /// optional fields. Text that is not JSON stays as it is: the node reports it against its schema.
    pub fn unwrap(&self, text: &str) -> String {
        let Ok(mut value) = serde_json::from_str::<Value>(bare(text)) else { return text.to_owned() };
        drop_nulls(&self.schema, &mut value);
        match (self.is_wrapped, value.as_object_mut().and_then(|object| object.remove("value"))) {
            (true, Some(inner)) => inner.to_string(),
            (false, Some(inner)) => {
                value["value"] = inner;
                value.to_string()
            }
            (_, None) => value.to_string(),
        }
    }

    /// For servers that do not structure answers: says in words what is wanted.
    pub fn instruction(&self, has_tools: bool) -> String {
        let before =
            if has_tools { "Call tools as you need them. When you have what you need, answer" } else { "Answer" };
        format!("{before} with one JSON object that fits this JSON Schema, and with nothing else:\n{}", self.schema)
    }
}

/// A schema without words of our own, for the parameters of tools.
pub fn plain(schema: &Value) -> Value {
    let mut schema = schema.clone();
    say_labels(&mut schema);
    schema
}

/// The arguments of a call. Text that is no JSON stays text: whoever asked tells the model.
pub fn arguments(text: &str) -> Value {
    if text.trim().is_empty() {
        return json!({});
    }
    serde_json::from_str(text).unwrap_or_else(|_| text.into())
}

/// Says in an enum's description what its labels mean: `x-labels` is our word, which strict modes refuse.
fn say_labels(schema: &mut Value) {
    match schema {
        Value::Array(items) => items.iter_mut().for_each(say_labels),
        Value::Object(object) => {
            if let Some(Value::Object(labels)) = object.shift_remove("x-labels") {
                let meaning = |(label, meaning): (&String, &Value)| {
                    meaning.as_str().map_or_else(|| label.clone(), |meaning| format!("{label}: {meaning}"))
                };
                let said = object.get("description").and_then(Value::as_str).map(str::to_owned);
                let parts: Vec<String> = said.into_iter().chain(labels.iter().map(meaning)).collect();
                object.insert("description".to_owned(), Value::from(parts.join("; ")));
            }
            object.values_mut().for_each(say_labels);
        }
        _ => {}
    }
}

/// Without a leading `<think>` part and without a code fence, as small open models put around JSON.
fn bare(text: &str) -> &str {
    let text = text.trim();
    let text = text.strip_prefix("<think>").and_then(|rest| rest.split_once("</think>")).map_or(text, |(_, rest)| rest);
    let text = text.trim();
    let fenced = text.strip_prefix("```").and_then(|rest| rest.strip_suffix("```"));
    fenced.map_or(text, |inner| inner.strip_prefix("json").unwrap_or(inner).trim())
}

fn make_strict(schema: &mut Value, depth: usize) -> bool {
    let Some(object) = schema.as_object_mut() else {
        // `true` allows anything, which strict modes do not.
        return false;
    };
    if depth > DEEPEST || NOT_STRICT.iter().any(|keyword| object.contains_key(*keyword)) {
        return false;
    }
    for keyword in DROPPED {
        object.shift_remove(keyword);
    }
    if object.get("format").and_then(Value::as_str).is_some_and(|format| !FORMATS.contains(&format)) {
        object.shift_remove("format");
    }
    let says_what = ["type", "enum", "const", "anyOf", "$ref"].iter().any(|keyword| object.contains_key(*keyword));
    let is_object = is_type(object, "object");
    if !says_what || (is_object && !make_object_strict(object, depth)) {
        return false;
    }
    if is_type(object, "array") && !object.contains_key("items") {
        return false;
    }
    object.get_mut("items").is_none_or(|items| make_strict(items, depth + 1))
        && object
            .get_mut("anyOf")
            .and_then(Value::as_array_mut)
            .is_none_or(|all| all.iter_mut().all(|one| make_strict(one, depth + 1)))
        && ["$defs", "definitions"].iter().all(|place| {
            let all = object.get_mut(*place).and_then(Value::as_object_mut);
            all.is_none_or(|all| all.values_mut().all(|one| make_strict(one, depth + 1)))
        })
}

fn make_object_strict(object: &mut Map<String, Value>, depth: usize) -> bool {
    // A map with free keys has no strict form; an object that does not speak of other keys loses nothing.
    if object.get("additionalProperties").is_some_and(|rest| rest.is_object() || *rest == true) {
        return false;
    }
    let required = required(object);
    let Some(properties) = object.get_mut("properties").and_then(Value::as_object_mut) else { return false };
    for (name, property) in properties.iter_mut() {
        if !make_strict(property, depth + 1) {
            return false;
        }
        if !required.contains(name) && !allows_null(property) {
            *property = json!({ "anyOf": [property.take(), { "type": "null" }] });
        }
    }
    let names: Vec<String> = properties.keys().cloned().collect();
    object.insert("required".into(), names.into());
    object.insert("additionalProperties".into(), false.into());
    true
}

fn required(object: &Map<String, Value>) -> Vec<String> {
    let names = object.get("required").and_then(Value::as_array);
    names.into_iter().flatten().filter_map(|name| name.as_str().map(str::to_owned)).collect()
}

fn is_type(object: &Map<String, Value>, wanted: &str) -> bool {
    match object.get("type") {
        Some(Value::String(name)) => name == wanted,
        Some(Value::Array(names)) => names.iter().any(|name| name == wanted),
        _ => false,
    }
}

fn allows_null(schema: &Value) -> bool {
    let Some(object) = schema.as_object() else { return true };
    is_type(object, "null")
        || object.get("enum").and_then(Value::as_array).is_some_and(|values| values.contains(&Value::Null))
        || object.get("anyOf").and_then(Value::as_array).is_some_and(|all| all.iter().any(allows_null))
        || (["type", "enum", "const", "anyOf", "$ref"].iter().all(|keyword| !object.contains_key(*keyword)))
}

/// Takes away nulls that only the strict form asked for.
fn drop_nulls(schema: &Value, value: &mut Value) {
    match value {
        Value::Object(fields) => {
            let Some(properties) = schema.get("properties").and_then(Value::as_object) else { return };
            let required = schema.as_object().map(required).unwrap_or_default();
            for (name, property) in properties {
                let is_extra = fields.get(name) == Some(&Value::Null) && !required.contains(name);
                if is_extra && !allows_null(property) {
                    fields.shift_remove(name);
                } else if let Some(field) = fields.get_mut(name) {
                    drop_nulls(property, field);
                }
            }
        }
        Value::Array(items) => {
            if let Some(schema) = schema.get("items") {
                for item in items {
                    drop_nulls(schema, item);
                }
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests;

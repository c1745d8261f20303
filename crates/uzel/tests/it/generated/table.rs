//! Tables of keys from JSON Schemas, as the pages of the reference show them.

use serde_json::{Map, Value};

/// Longer enums are only listed under the table.
const MOST_WORDS: usize = 4;

/// The table of a part's keys, then a table for each key that is a map with keys of its own.
pub(super) fn keys(schema: &Value) -> String {
    let mut page = rows(schema, schema) + &vocabulary(schema, schema);
    for (path, inner) in nested(schema, schema, "") {
        let about = text(&inner["description"]);
        let about = if about.is_empty() { String::new() } else { format!(" {about}") };
        page.push_str(&format!("\nIn `{path}`:{about}\n\n{}", rows(&inner, schema) + &vocabulary(&inner, schema)));
    }
    page
}

fn properties(schema: &Value) -> impl Iterator<Item = (&String, &Value)> {
    schema["properties"].as_object().into_iter().flatten()
}

fn rows(schema: &Value, root: &Value) -> String {
    let required: Vec<&str> = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let mut table = "| key | type | required | default | meaning |\n| --- | --- | --- | --- | --- |\n".to_owned();
    for (key, property) in properties(schema) {
        let required = if required.contains(&key.as_str()) { "yes" } else { "" };
        let cells = [
            format!("`{key}`"),
            type_of(property, root),
            required.to_owned(),
            default(property),
            text(&property["description"]),
        ];
        let cells = cells.map(|cell| cell.replace('|', "\\|"));
        table.push_str(&format!("| {} |\n", cells.join(" | ")));
    }
    table
}

fn default(property: &Value) -> String {
    let empty = |value: &Value| {
        value.is_null()
            || *value == ""
            || value.as_array().is_some_and(Vec::is_empty)
            || value.as_object().is_some_and(Map::is_empty)
    };
    property.get("default").filter(|value| !empty(value)).map_or_else(String::new, |value| match value {
        Value::String(text) => format!("`{text}`"),
        Value::Array(items) => {
            let items = items.iter().map(|item| item.as_str().map_or_else(|| item.to_string(), str::to_owned));
            format!("`[{}]`", items.collect::<Vec<_>>().join(", "))
        }
        other => format!("`{other}`"),
    })
}

/// What the words of enums mean, once for all keys that take the same ones.
fn vocabulary(schema: &Value, root: &Value) -> String {
    let mut lists: Vec<(Vec<Value>, Vec<&str>)> = vec![];
    for (key, property) in properties(schema) {
        let resolved = item_of(&resolve(property, root), root);
        let choices = resolved["oneOf"].as_array().cloned().unwrap_or_default();
        if choices.is_empty() || !choices.iter().all(|choice| choice["const"].is_string()) {
            continue;
        }
        match lists.iter_mut().find(|(known, _)| *known == choices) {
            Some((_, keys)) => keys.push(key),
            None => lists.push((choices, vec![key])),
        }
    }
    let mut page = String::new();
    for (choices, keys) in lists {
        let keys: Vec<String> = keys.iter().map(|key| format!("`{key}`")).collect();
        page.push_str(&format!("\nWords of {}:\n\n", keys.join(" and ")));
        for choice in choices {
            page.push_str(&format!("- `{}`: {}\n", text(&choice["const"]), text(&choice["description"])));
        }
    }
    page
}

pub(super) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A property without references and without "or nothing".
fn resolve(property: &Value, root: &Value) -> Value {
    if let Some(choices) = property["anyOf"].as_array() {
        let some: Vec<&Value> = choices.iter().filter(|choice| choice["type"] != "null").collect();
        if let [one] = some.as_slice() {
            return resolve(one, root);
        }
    }
    match property["$ref"].as_str().and_then(|target| target.strip_prefix('#')) {
        Some(target) => resolve(root.pointer(target).unwrap_or(&Value::Null), root),
        None => property.clone(),
    }
}

/// What a list is of, or the thing itself.
fn item_of(schema: &Value, root: &Value) -> Value {
    if schema["type"] == "array" { resolve(&schema["items"], root) } else { schema.clone() }
}

fn names_of(schema: &Value) -> Vec<&str> {
    let types = schema["type"].as_array().map_or_else(|| vec![&schema["type"]], |types| types.iter().collect());
    types.into_iter().filter_map(Value::as_str).filter(|name| *name != "null").collect()
}

fn type_of(property: &Value, root: &Value) -> String {
    let schema = resolve(property, root);
    if let Some(choices) = schema["oneOf"].as_array().filter(|choices| choices.iter().all(|c| c["const"].is_string())) {
        return words(choices.iter().map(|choice| &choice["const"]));
    }
    if let Some(value) = schema.get("const") {
        return format!("`{value}`");
    }
    if let Some(values) = schema["enum"].as_array() {
        return words(values.iter());
    }
    if let Some(choices) = schema["anyOf"].as_array() {
        let some = choices.iter().filter(|choice| choice["type"] != "null").map(|choice| type_of(choice, root));
        let mut kinds: Vec<String> = some.collect();
        kinds.dedup();
        return kinds.join(" or ");
    }
    let named = |name: &str| match name {
        "string" if schema["pattern"].as_str().is_some_and(|p| p.contains("(ms|s|m|h|d)")) => "duration".to_owned(),
        "string" => "text".to_owned(),
        "integer" => "integer".to_owned(),
        "number" => "number".to_owned(),
        "boolean" => "true or false".to_owned(),
        "array" => format!("list of {}", plural(&type_of(&schema["items"], root))),
        "object" if schema["additionalProperties"].is_object() => "map of names".to_owned(),
        "object" => "map".to_owned(),
        other => other.to_owned(),
    };
    let names: Vec<String> = names_of(&schema).into_iter().map(named).collect();
    if names.is_empty() { "any value".to_owned() } else { names.join(" or ") }
}

fn words<'a>(values: impl ExactSizeIterator<Item = &'a Value>) -> String {
    if values.len() > MOST_WORDS {
        return "one of these words".to_owned();
    }
    let words: Vec<String> =
        values.map(|value| format!("`{}`", value.as_str().map_or_else(|| value.to_string(), str::to_owned))).collect();
    words.join(", ")
}

fn plural(name: &str) -> String {
    match name {
        "text" | "number" | "integer" | "map" | "duration" => format!("{name}s"),
        "any value" => "values".to_owned(),
        "map of names" => "maps".to_owned(),
        "one of these words" => "these words".to_owned(),
        other => other.to_owned(),
    }
}

/// Keys whose values are maps with keys of their own, at any depth, each with its path.
fn nested(schema: &Value, root: &Value, path: &str) -> Vec<(String, Value)> {
    let mut found = vec![];
    for (key, property) in properties(schema) {
        let resolved = resolve(property, root);
        let path = match (path, resolved["type"] == "array") {
            ("", false) => key.clone(),
            ("", true) => format!("{key}[]"),
            (path, false) => format!("{path}.{key}"),
            (path, true) => format!("{path}.{key}[]"),
        };
        let inner = item_of(&resolved, root);
        if properties(&inner).next().is_some() {
            found.push((path.clone(), inner.clone()));
            found.extend(nested(&inner, root, &path));
        }
    }
    found
}

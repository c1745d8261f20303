//! Reads one place of a JSON Schema (2020-12) into what `fill` needs: its alternatives, whether null is allowed, its default.
//!
//! `$ref` within the schema, `allOf`, `anyOf`, `oneOf` and lists of types are followed; `not`, `if` and dependencies are not.

use serde_json::{Map, Value};

/// Following `$ref` and `allOf` stops here.
const MAX_STEPS: usize = 16;
const MAX_BRANCHES: usize = 8;

/// One alternative of a place.
#[derive(Debug, Clone)]
pub(super) struct Branch {
    pub kind: Kind,
    pub schema: Value,
}

/// What sort of value a branch wants.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Kind {
    Const(Value),
    /// Values with what the schema says about each (`oneOf` of constants), perhaps nothing.
    Enum(Vec<(Value, String)>),
    Object,
    Array,
    String,
    Integer,
    Number,
    Boolean,
    Any,
}

/// A place of the output.
#[derive(Debug, Clone)]
pub(super) struct Shape {
    /// At least one, unless only null is allowed.
    pub branches: Vec<Branch>,
    pub nullable: bool,
    pub default: Option<Value>,
}

impl Shape {
    /// Reads `schema`, a part of `root`. The error says what is wrong with it, without its place.
    pub(super) fn of(root: &Value, schema: &Value) -> Result<Self, String> {
        let mut shape = Self {
            branches: Vec::new(),
            nullable: false,
            default: None,
        };
        shape.read(root, schema, 0)?;
        Ok(shape)
    }

    fn read(&mut self, root: &Value, schema: &Value, steps: usize) -> Result<(), String> {
        let mut schema = resolve(root, schema, steps)?;
        self.default = self
            .default
            .take()
            .or_else(|| schema.get("default").cloned());
        for key in ["anyOf", "oneOf"] {
            let Some(Value::Array(options)) = schema.remove(key) else {
                continue;
            };
            if let Some(choices) = constants(&options) {
                let all = choices
                    .into_iter()
                    .filter(|(value, _)| allows(schema.get("type"), value))
                    .collect();
                schema.insert("type".to_owned(), Value::Null);
                self.push_choices(all, Value::Object(schema));
                return Ok(());
            }
            for option in options.iter().take(MAX_BRANCHES) {
                let merged = merge(schema.clone(), &resolve(root, option, steps + 1)?);
                self.read(root, &Value::Object(merged), steps + 1)?;
            }
            return Ok(());
        }
        if let Some(value) = schema.get("const") {
            let value = value.clone();
            if value.is_null() {
                self.nullable = true;
            } else {
                self.push(Kind::Const(value), Value::Object(schema));
            }
            return Ok(());
        }
        if let Some(Value::Array(values)) = schema.get("enum") {
            let kept = values
                .iter()
                .filter(|value| allows(schema.get("type"), value));
            let choices = kept.map(|value| (value.clone(), String::new())).collect();
            self.push_choices(choices, Value::Object(schema));
            return Ok(());
        }
        let types: Vec<String> = match schema.get("type") {
            Some(Value::String(name)) => vec![name.clone()],
            Some(Value::Array(names)) => names
                .iter()
                .filter_map(Value::as_str)
                .map(str::to_owned)
                .collect(),
            _ => vec![guess(&schema).to_owned()],
        };
        for name in types {
            let kind = match name.as_str() {
                "null" => {
                    self.nullable = true;
                    continue;
                }
                "object" => Kind::Object,
                "array" => Kind::Array,
                "string" => Kind::String,
                "integer" => Kind::Integer,
                "number" => Kind::Number,
                "boolean" => Kind::Boolean,
                "" => Kind::Any,
                other => return Err(format!("the schema has the unknown type `{other}`")),
            };
            self.push(kind, Value::Object(schema.clone()));
        }
        Ok(())
    }

    fn push(&mut self, kind: Kind, schema: Value) {
        if self.branches.len() < MAX_BRANCHES {
            self.branches.push(Branch { kind, schema });
        }
    }

    fn push_choices(&mut self, mut choices: Vec<(Value, String)>, schema: Value) {
        let before = choices.len();
        choices.retain(|(value, _)| !value.is_null());
        self.nullable |= choices.len() < before;
        if !choices.is_empty() {
            self.push(Kind::Enum(choices), schema);
        }
    }
}

/// `schema` with its references followed and its `allOf` merged in.
fn resolve(root: &Value, schema: &Value, steps: usize) -> Result<Map<String, Value>, String> {
    if steps > MAX_STEPS {
        return Err("the schema refers to itself without end".to_owned());
    }
    let mut map = match schema {
        Value::Object(map) => map.clone(),
        Value::Bool(true) => return Ok(Map::new()),
        Value::Bool(false) => return Err("the schema `false` allows no value".to_owned()),
        _ => return Err("a schema is an object or a boolean".to_owned()),
    };
    if let Some(Value::String(reference)) = map.remove("$ref") {
        let target = reference
            .strip_prefix('#')
            .and_then(|pointer| root.pointer(pointer));
        let target =
            target.ok_or_else(|| format!("`$ref: {reference}` leads to nothing in this schema"))?;
        map = merge(resolve(root, target, steps + 1)?, &map);
    }
    if let Some(Value::Array(parts)) = map.remove("allOf") {
        for part in parts.iter().take(MAX_BRANCHES) {
            let part = resolve(root, part, steps + 1)?;
            map = merge(map, &part);
        }
    }
    Ok(map)
}

/// `base` with the keywords of `over`: properties and required names are joined, anything else is replaced.
fn merge(mut base: Map<String, Value>, over: &Map<String, Value>) -> Map<String, Value> {
    for (key, value) in over {
        match (base.get_mut(key), value) {
            (Some(Value::Object(mine)), Value::Object(theirs)) if key == "properties" => {
                mine.extend(
                    theirs
                        .iter()
                        .map(|(name, schema)| (name.clone(), schema.clone())),
                );
            }
            (Some(Value::Array(mine)), Value::Array(theirs)) if key == "required" => {
                mine.extend(theirs.iter().cloned());
            }
            _ => {
                base.insert(key.clone(), value.clone());
            }
        }
    }
    base
}

/// The values of a list of `{const, description}`, if it is one.
fn constants(options: &[Value]) -> Option<Vec<(Value, String)>> {
    let read = |option: &Value| {
        let text = option
            .get("description")
            .or_else(|| option.get("title"))
            .and_then(Value::as_str);
        let null = option
            .get("type")
            .is_some_and(|name| name == "null")
            .then_some(Value::Null);
        let value = option.get("const").cloned().or(null)?;
        Some((value, text.unwrap_or("").to_owned()))
    };
    let all: Option<Vec<_>> = options.iter().map(read).collect();
    all.filter(|all| all.iter().any(|(value, _)| !value.is_null()))
}

fn allows(types: Option<&Value>, value: &Value) -> bool {
    let fits = |name: &str| match value {
        Value::Null => name == "null",
        Value::Bool(_) => name == "boolean",
        Value::Number(number) => {
            name == "number"
                || name == "integer" && number.as_f64().is_some_and(|n| n.fract() == 0.0)
        }
        Value::String(_) => name == "string",
        Value::Array(_) => name == "array",
        Value::Object(_) => name == "object",
    };
    match types {
        Some(Value::String(name)) => fits(name),
        Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).any(fits),
        _ => true,
    }
}

/// The type that a schema without `type` speaks about.
fn guess(schema: &Map<String, Value>) -> &'static str {
    let has = |keys: &[&str]| keys.iter().any(|key| schema.contains_key(*key));
    if has(&["properties", "required", "additionalProperties"]) {
        "object"
    } else if has(&["items", "minItems", "maxItems"]) {
        "array"
    } else if has(&["pattern", "format", "minLength", "maxLength"]) {
        "string"
    } else if has(&[
        "minimum",
        "maximum",
        "multipleOf",
        "exclusiveMinimum",
        "exclusiveMaximum",
    ]) {
        "number"
    } else {
        ""
    }
}

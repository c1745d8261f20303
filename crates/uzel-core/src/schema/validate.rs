//! A schema that values are checked against at the edges of nodes, with messages for people.

use std::{
    fmt,
    sync::{Arc, OnceLock},
};

use jsonschema::Validator;
use serde_json::{Map, Value};

use super::{ObjectType, Type, explain, plain, read};
use crate::{diagnostic::Diagnostics, yaml::Tree};

/// A type with its JSON Schema. Cheap to clone; the validator is made once, when it is first needed.
#[derive(Clone)]
pub struct Schema {
    /// What expressions are checked with.
    pub ty: Type,
    json: Arc<Value>,
    validator: Arc<OnceLock<Result<Validator, String>>>,
}

/// One way in which a value does not fit.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Violation {
    /// Where in the value, such as `items[2].id`; empty for the whole value.
    pub path: String,
    /// One sentence that names the place.
    pub message: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl fmt::Debug for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Schema({})", self.json)
    }
}

impl PartialEq for Schema {
    fn eq(&self, other: &Self) -> bool {
        self.json == other.json
    }
}

impl Default for Schema {
    fn default() -> Self {
        Self::any()
    }
}

impl Schema {
    /// The most violations that are reported for one value.
    pub const MOST_VIOLATIONS: usize = 20;

    /// Reads a type: shorthand or full JSON Schema. What is wrong is pushed as `BAD_TYPE`.
    pub fn read(tree: &Tree, out: &mut Diagnostics) -> Option<Self> {
        read::schema(tree, out)
    }

    /// Whether a map is JSON Schema, and not a map of fields.
    pub(crate) fn is_json_schema(tree: &Tree) -> bool {
        read::is_json_schema(tree)
    }

    /// Reads a map of fields, as `inputs:` and `output:` have it; never taken for JSON Schema.
    pub fn read_fields(tree: &Tree, out: &mut Diagnostics) -> Option<Self> {
        read::fields_schema(tree, out)
    }

    /// Anything fits.
    pub fn any() -> Self {
        Self::of(Type::Any)
    }

    /// The schema of a type.
    pub fn of(ty: Type) -> Self {
        let json = ty.to_json_schema();
        Self { ty, json: Arc::new(json), validator: Arc::default() }
    }

    /// A schema from JSON Schema; the error says why it cannot be used. References to other documents cannot.
    pub fn from_json_schema(json: Value) -> Result<Self, String> {
        Self::compiled(Type::from_json_schema(&json), json)
    }

    pub(super) fn compiled(ty: Type, json: Value) -> Result<Self, String> {
        let schema = Self { ty, json: Arc::new(json), validator: Arc::default() };
        if !plain::is_plain(&schema.json) {
            schema.validator().map(|_| ()).map_err(str::to_owned)?;
        }
        Ok(schema)
    }

    /// As JSON Schema 2020-12.
    pub fn json(&self) -> &Arc<Value> {
        &self.json
    }

    fn validator(&self) -> Result<&Validator, &str> {
        let made = self.validator.get_or_init(|| {
            let options = jsonschema::options();
            let options = if self.json.get("$schema").is_none() {
                options.with_draft(jsonschema::Draft::Draft202012)
            } else {
                options
            };
            options.build(&self.json).map_err(|error| error.to_string())
        });
        made.as_ref().map_err(String::as_str)
    }

    /// Checks a value; all that does not fit, at most [`Self::MOST_VIOLATIONS`].
    pub fn check(&self, value: &Value) -> Result<(), Vec<Violation>> {
        if self.ty.is_any() && self.json.as_object().is_some_and(Map::is_empty) {
            return Ok(());
        }
        let validator = match self.validator() {
            Ok(validator) => validator,
            Err(why) => {
                let message = format!("the JSON Schema cannot be used: {why}");
                return Err(vec![Violation { path: String::new(), message }]);
            }
        };
        let mut violations = vec![];
        for error in validator.iter_errors(value).take(Self::MOST_VIOLATIONS) {
            explain::add(&error, &mut violations);
        }
        violations.truncate(Self::MOST_VIOLATIONS);
        if violations.is_empty() { Ok(()) } else { Err(violations) }
    }

    /// Adds what is absent: defaults, and null for fields that may be null. Fields of fields too.
    pub fn fill_defaults(&self, value: &mut Value) {
        fill(&self.ty, value);
    }
}

fn fill(ty: &Type, value: &mut Value) {
    match (ty, value) {
        (Type::Object(object), Value::Object(map)) => fill_object(object, map),
        (Type::List(item), Value::Array(items)) => items.iter_mut().for_each(|v| fill(item, v)),
        (Type::Union(members), value) => {
            // Only where the member is plain from the value's shape; two kinds of maps are left alone.
            let mut fitting = members.iter().filter(|m| {
                matches!((m, &*value), (Type::Object(_), Value::Object(_)) | (Type::List(_), Value::Array(_)))
            });
            if let (Some(one), None) = (fitting.next(), fitting.next()) {
                fill(one, value);
            }
        }
        _ => {}
    }
}

fn fill_object(object: &ObjectType, map: &mut Map<String, Value>) {
    for (name, field) in &object.fields {
        match map.get_mut(name) {
            Some(value) => fill(&field.ty, value),
            None => {
                let filled = field.default.clone().or_else(|| field.ty.may_be_null().then_some(Value::Null));
                if let Some(mut value) = filled {
                    fill(&field.ty, &mut value);
                    map.insert(name.clone(), value);
                }
            }
        }
    }
}

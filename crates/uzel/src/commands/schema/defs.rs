//! The parts of the app file's schema and their definitions, in one place each. Used by the `schema` command.

use schemars::{JsonSchema, Schema, SchemaGenerator, generate::SchemaSettings};
use serde_json::{Map, Value, json};

/// What an app file can name: one model provider, one sort of tool.
pub(super) struct Part {
    name: &'static str,
    summary: &'static str,
    schema: Value,
}

impl Part {
    pub(super) fn new(name: &'static str, summary: &'static str, schema: fn() -> Schema) -> Self {
        Self { name, summary, schema: schema().to_value() }
    }
}

/// How a declaration says which part it is of.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Named {
    /// `use: http`.
    Use,
    /// `use: openai/gpt-5-mini`: what stands before the `/`.
    Provider,
    /// By having this key.
    Key,
}

/// Definitions of all parts.
#[derive(Default)]
pub(super) struct Defs {
    defs: Map<String, Value>,
    /// As the parts gave them: definitions of one name that are equal are one.
    given: Map<String, Value>,
}

impl Defs {
    pub(super) fn take<T: JsonSchema>(&mut self) -> Value {
        let generator = SchemaGenerator::new(SchemaSettings::draft2020_12());
        self.hoist("", generator.into_root_schema_for::<T>().to_value())
    }

    pub(super) fn insert(&mut self, name: String, def: Value) {
        self.defs.insert(name, def);
    }

    pub(super) fn into_map(self) -> Map<String, Value> {
        self.defs
    }

    /// Moves a part's own definitions to the others. If one of them clashes, all get the part's prefix.
    pub(super) fn hoist(&mut self, prefix: &str, mut schema: Value) -> Value {
        let own = schema.as_object_mut().and_then(|fields| {
            fields.remove("$schema");
            fields.remove("title");
            fields.remove("$defs")
        });
        let Some(Value::Object(own)) = own else { return schema };
        let clash = own.iter().any(|(name, def)| self.given.get(name).is_some_and(|known| known != def));
        let prefix = if clash { prefix } else { "" };
        for (name, mut def) in own {
            if !clash {
                self.given.insert(name.clone(), def.clone());
            }
            rename(&mut def, prefix);
            self.defs.insert(format!("{prefix}{name}"), def);
        }
        rename(&mut schema, prefix);
        schema
    }

    /// The schema of a section's items. Parts with the same keys share a definition.
    pub(super) fn section(&mut self, section: &str, named: Named, parts: Vec<Part>) -> Value {
        let names: Vec<&str> = parts.iter().map(|part| part.name).collect();
        let summaries: Vec<&str> = parts.iter().map(|part| part.summary).collect();
        let list: Vec<String> = parts.iter().map(|part| format!("`{}`: {}", part.name, part.summary)).collect();
        let mut groups: Vec<(Value, Vec<&str>)> = vec![];
        for part in parts {
            match groups.iter_mut().find(|(schema, _)| *schema == part.schema) {
                Some((_, group)) => group.push(part.name),
                None => groups.push((part.schema, vec![part.name])),
            }
        }
        let alone = groups.len() == 1;
        let mut choices = vec![];
        for (schema, group) in groups {
            let def = if alone { section.to_owned() } else { format!("{section}.{}", group[0]) };
            let own = self.hoist(&format!("{def}."), schema);
            self.defs.insert(def.clone(), own);
            let condition = match named {
                Named::Key => json!({ "required": [group[0]] }),
                Named::Use => json!({ "properties": { "use": { "enum": group } }, "required": ["use"] }),
                Named::Provider => {
                    json!({ "properties": { "use": { "pattern": providers(&group) } }, "required": ["use"] })
                }
            };
            choices.push(json!({ "if": condition, "then": { "$ref": format!("#/$defs/{def}") } }));
        }
        let list = list.join("\n\n");
        match named {
            Named::Key => {
                let keys: Vec<Value> = names.iter().map(|name| json!({ "required": [name] })).collect();
                json!({ "type": "object", "description": list, "anyOf": keys, "allOf": choices })
            }
            Named::Use => {
                let uses = json!({ "enum": names, "enumDescriptions": summaries, "description": list });
                json!({ "type": "object", "required": ["use"], "properties": { "use": uses }, "allOf": choices })
            }
            Named::Provider => {
                let uses = json!({ "type": "string", "pattern": providers(&names), "description": list });
                json!({ "type": "object", "required": ["use"], "properties": { "use": uses }, "allOf": choices })
            }
        }
    }
}

fn providers(names: &[&str]) -> String {
    format!("^({})(/|$)", names.join("|").replace('.', "\\."))
}

/// References follow their definitions.
fn rename(schema: &mut Value, prefix: &str) {
    if let Some(Value::String(target)) = schema.get_mut("$ref")
        && let Some(name) = target.strip_prefix("#/$defs/")
    {
        *target = format!("#/$defs/{prefix}{name}");
    }
    each(schema, &mut |inner| rename(inner, prefix));
}

/// What editors need and generators do not do: `x-` keys where the reader takes them, sentences on one line, no
/// defaults that mean "none".
pub(super) fn polish(schema: &mut Value) {
    if let Value::Object(fields) = schema {
        fields.retain(|name, value| !(name == "default" && value.is_null()) && name != "format");
        if let Some(Value::String(text)) = fields.get_mut("description") {
            let paragraphs = text.split("\n\n").map(|paragraph| paragraph.replace('\n', " "));
            *text = paragraphs.collect::<Vec<_>>().join("\n\n");
        }
        if fields.get("additionalProperties") == Some(&json!(false)) && fields.contains_key("properties") {
            fields.insert("patternProperties".to_owned(), json!({ "^x-": true }));
        }
    }
    each(schema, &mut polish);
}

/// The schemas directly inside a schema.
fn each(schema: &mut Value, visit: &mut dyn FnMut(&mut Value)) {
    for (keyword, value) in schema.as_object_mut().into_iter().flatten() {
        match (keyword.as_str(), value) {
            ("properties" | "patternProperties" | "$defs", Value::Object(schemas)) => {
                schemas.values_mut().for_each(&mut *visit);
            }
            ("allOf" | "anyOf" | "oneOf" | "prefixItems", Value::Array(schemas)) => {
                schemas.iter_mut().for_each(&mut *visit);
            }
            ("items" | "additionalProperties" | "if" | "then" | "else" | "not", value) => visit(value),
            _ => {}
        }
    }
}

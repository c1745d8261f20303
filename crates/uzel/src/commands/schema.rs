//! `uzel schema`: JSON Schema of the app file, made from the same types that read it.

use std::path::PathBuf;

use clap::Args;
use schemars::{JsonSchema, SchemaGenerator, generate::SchemaSettings};
use serde_json::{Map, Value, json};
use uzel_core::{
    document::{Common, Document},
    kind::Catalog,
};

use crate::{
    exit::{Error, Exit},
    render::Terminal,
};

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Write to this file
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

pub(crate) fn run(terminal: &Terminal, arguments: &Arguments) -> Result<Exit, Error> {
    let text = serde_json::to_string_pretty(&schema(&uzel_std::catalog())).unwrap_or_default() + "\n";
    match &arguments.output {
        None => terminal.data(&text)?,
        Some(path) => {
            let failed =
                |error: std::io::Error| Error::environment(format!("`{}` cannot be written: {error}", path.display()));
            if let Some(parent) = path.parent() {
                std::fs::create_dir_all(parent).map_err(failed)?;
            }
            std::fs::write(path, text).map_err(failed)?;
        }
    }
    Ok(Exit::Fine)
}

/// The whole schema.
fn schema(catalog: &Catalog) -> Value {
    let mut schema = Defs::default();
    let mut root = schema.take::<Document>("");
    let common = schema.take::<Common>("");
    let mut kinds = vec![];
    for kind in &catalog.kinds {
        let own = schema.hoist(&format!("{}.", kind.name), (kind.schema)().to_value());
        let name = format!("node.{}", kind.name);
        schema.defs.insert(name.clone(), node(kind.name, kind.summary, &common, own));
        kinds.push(json!({
            "if": { "properties": { "kind": { "const": kind.name } } },
            "then": { "$ref": format!("#/$defs/{name}") },
        }));
    }
    let names: Vec<&str> = catalog.kinds.iter().map(|kind| kind.name).collect();
    let any_node = json!({
        "type": "object",
        "required": ["kind"],
        "properties": { "kind": { "enum": names, "description": "What the node is." } },
        "allOf": kinds,
    });
    schema.defs.insert("node".to_owned(), any_node);
    let models = catalog.models.iter().map(|def| (def.name, def.summary, (def.schema)().to_value()));
    let models: Vec<Value> = models.map(|part| schema.declaration("model", true, part)).collect();
    let tools = catalog.tools.iter().map(|def| (def.name, def.summary, (def.schema)().to_value()));
    let tools: Vec<Value> = tools.map(|part| schema.declaration("tool", true, part)).collect();
    let connections = catalog.connections.iter().map(|def| (def.name, def.summary, (def.schema)().to_value()));
    let connections: Vec<Value> = connections.map(|part| schema.declaration("connection", true, part)).collect();
    let retrievers = catalog.retrievers.iter().map(|def| (def.name, def.summary, (def.schema)().to_value()));
    let retrievers: Vec<Value> = retrievers.map(|part| schema.declaration("knowledge", false, part)).collect();
    let sections = [
        ("nodes", json!({ "$ref": "#/$defs/node" })),
        ("models", json!({ "type": "object", "required": ["use"], "allOf": models })),
        ("tools", json!({ "type": "object", "required": ["use"], "allOf": tools })),
        ("connections", json!({ "type": "object", "required": ["use"], "allOf": connections })),
        ("knowledge", json!({ "type": "object", "allOf": retrievers })),
    ];
    for (section, item) in sections {
        if let Some(Value::Object(property)) = root.pointer_mut(&format!("/properties/{section}")) {
            property.insert("type".to_owned(), json!("object"));
            property.insert("additionalProperties".to_owned(), item);
        } else if let Some(property) = root.pointer_mut(&format!("/properties/{section}")) {
            *property = json!({ "type": "object", "additionalProperties": item });
        }
    }
    finish(root, schema.defs)
}

fn finish(mut root: Value, defs: Map<String, Value>) -> Value {
    if let Value::Object(fields) = &mut root {
        fields.insert("$schema".to_owned(), json!("https://json-schema.org/draft/2020-12/schema"));
        fields.insert("title".to_owned(), json!("An app of uzel"));
        fields.insert("required".to_owned(), json!(["version", "nodes"]));
        fields.insert("patternProperties".to_owned(), json!({ "^x-": true }));
        fields.insert("$defs".to_owned(), Value::Object(defs));
        if let Some(version) = fields.get_mut("properties").and_then(|properties| properties.get_mut("version")) {
            *version = json!({ "const": 1, "description": "Version of the language." });
        }
    }
    root
}

/// A kind's own keys and those that every node has.
fn node(kind: &str, summary: &str, common: &Value, own: Value) -> Value {
    let mut properties = Map::new();
    properties.insert("kind".to_owned(), json!({ "const": kind, "description": summary }));
    for source in [&own, common] {
        for (name, property) in source.get("properties").and_then(Value::as_object).into_iter().flatten() {
            properties.entry(name.clone()).or_insert_with(|| property.clone());
        }
    }
    let mut required = vec![json!("kind")];
    required.extend(own.get("required").and_then(Value::as_array).cloned().unwrap_or_default());
    json!({
        "type": "object",
        "description": summary,
        "properties": properties,
        "patternProperties": { "^x-": true },
        "required": required,
        "additionalProperties": false,
    })
}

/// Definitions of all parts in one place: each part's own names get its prefix.
#[derive(Default)]
struct Defs {
    defs: Map<String, Value>,
}

impl Defs {
    fn take<T: JsonSchema>(&mut self, prefix: &str) -> Value {
        let generator = SchemaGenerator::new(SchemaSettings::draft2020_12());
        self.hoist(prefix, generator.into_root_schema_for::<T>().to_value())
    }

    fn hoist(&mut self, prefix: &str, mut schema: Value) -> Value {
        rename(&mut schema, prefix);
        let Some(fields) = schema.as_object_mut() else { return schema };
        fields.remove("$schema");
        fields.remove("title");
        if let Some(Value::Object(defs)) = fields.remove("$defs") {
            for (name, def) in defs {
                self.defs.insert(format!("{prefix}{name}"), def);
            }
        }
        schema
    }

    /// A declaration that names its sort by `use`, or by a key of its own.
    fn declaration(&mut self, section: &str, by_use: bool, (name, summary, schema): (&str, &str, Value)) -> Value {
        let mut own = self.hoist(&format!("{section}.{name}."), schema);
        if let Some(fields) = own.as_object_mut() {
            fields.insert("description".to_owned(), json!(summary));
        }
        let def = format!("{section}.{name}");
        self.defs.insert(def.clone(), own);
        let condition = if by_use {
            let pattern = format!("^{}(/|$)", name.replace('.', "\\."));
            json!({ "properties": { "use": { "type": "string", "pattern": pattern } }, "required": ["use"] })
        } else {
            json!({ "required": [name] })
        };
        json!({ "if": condition, "then": { "$ref": format!("#/$defs/{def}") } })
    }
}

/// References follow their definitions.
fn rename(schema: &mut Value, prefix: &str) {
    match schema {
        Value::Object(fields) => {
            for (key, value) in fields {
                match value {
                    Value::String(target) if key == "$ref" => {
                        if let Some(name) = target.strip_prefix("#/$defs/") {
                            *target = format!("#/$defs/{prefix}{name}");
                        }
                    }
                    other => rename(other, prefix),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| rename(item, prefix)),
        _ => {}
    }
}

//! `uzel schema`: JSON Schema of the app file, made from the same types that read it.

use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};
use uzel_core::{
    document::{Common, Document},
    kind::Catalog,
};

use crate::{
    exit::{Error, Exit},
    render::Terminal,
};

mod defs;

use defs::{Defs, Named, Part, polish};

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
pub(crate) fn schema(catalog: &Catalog) -> Value {
    let mut defs = Defs::default();
    let mut root = defs.take::<Document>();
    nodes(catalog, &mut defs);
    let models = catalog.models.iter().map(|def| Part::new(def.name, def.summary, def.schema));
    let models = defs.section("model", Named::Provider, models.collect());
    let tools = catalog.tools.iter().map(|def| Part::new(def.name, def.summary, def.schema));
    let tools = defs.section("tool", Named::Use, tools.collect());
    let connections = catalog.connections.iter().map(|def| Part::new(def.name, def.summary, def.schema));
    let connections = defs.section("connection", Named::Use, connections.collect());
    let knowledge = catalog.retrievers.iter().map(|def| Part::new(def.name, def.summary, def.schema));
    let knowledge = defs.section("knowledge", Named::Key, knowledge.collect());
    let node = json!({ "$ref": "#/$defs/node" });
    let sections =
        [("models", models), ("tools", tools), ("connections", connections), ("knowledge", knowledge), ("nodes", node)];
    for (section, item) in sections {
        if let Some(Value::Object(property)) = root.pointer_mut(&format!("/properties/{section}")) {
            property.insert("additionalProperties".to_owned(), item);
        }
    }
    if let Value::Object(fields) = &mut root {
        fields.insert("$schema".to_owned(), json!("https://json-schema.org/draft/2020-12/schema"));
        fields.insert("title".to_owned(), json!("An app of uzel"));
        fields.insert("required".to_owned(), json!(["version", "nodes"]));
        fields.insert("$defs".to_owned(), Value::Object(defs.into_map()));
    }
    polish(&mut root);
    root
}

/// Nodes: `kind` selects the schema of the kind, which holds the keys of every node too.
fn nodes(catalog: &Catalog, defs: &mut Defs) {
    let common = defs.take::<Common>();
    let mut choices = vec![];
    for kind in &catalog.kinds {
        let own = defs.hoist(&format!("{}.", kind.name), (kind.schema)().to_value());
        let name = format!("node.{}", kind.name);
        defs.insert(name.clone(), node(kind.name, kind.summary, &common, own));
        choices.push(json!({
            // Without `required` a node that has no kind yet would have to fit all of them.
            "if": { "properties": { "kind": { "const": kind.name } }, "required": ["kind"] },
            "then": { "$ref": format!("#/$defs/{name}") },
        }));
    }
    let names: Vec<&str> = catalog.kinds.iter().map(|kind| kind.name).collect();
    let summaries: Vec<&str> = catalog.kinds.iter().map(|kind| kind.summary).collect();
    let any = json!({
        "type": "object",
        "description": "A node: its `kind` says which keys it has.",
        "required": ["kind"],
        "properties": {
            "kind": { "enum": names, "enumDescriptions": summaries, "description": "What the node is." },
        },
        "allOf": choices,
    });
    defs.insert("node".to_owned(), any);
}

/// A kind's own keys and those that every node has.
fn node(kind: &str, summary: &str, common: &Value, mut own: Value) -> Value {
    let described = json!({ "const": kind, "description": format!("`{kind}` {summary}.") });
    let mut required = vec![json!("kind")];
    required.extend(own.get("required").and_then(Value::as_array).cloned().unwrap_or_default());
    let Value::Object(fields) = &mut own else { return own };
    let mut properties = serde_json::Map::from_iter([("kind".to_owned(), described)]);
    if let Some(Value::Object(known)) = fields.remove("properties") {
        properties.extend(known);
    }
    if let Some(Value::Object(body)) = properties.get_mut("do") {
        // One node or a map of named nodes: whichever it is, an editor then says what is wrong with that.
        body.insert("if".to_owned(), json!({ "properties": { "kind": { "type": "string" } }, "required": ["kind"] }));
        body.insert("then".to_owned(), json!({ "$ref": "#/$defs/node" }));
        body.insert("else".to_owned(), json!({ "additionalProperties": { "$ref": "#/$defs/node" } }));
    }
    for (name, property) in common.get("properties").and_then(Value::as_object).into_iter().flatten() {
        properties.entry(name.clone()).or_insert_with(|| property.clone());
    }
    fields.insert("properties".to_owned(), Value::Object(properties));
    fields.insert("required".to_owned(), Value::Array(required));
    fields.insert("additionalProperties".to_owned(), json!(false));
    own
}

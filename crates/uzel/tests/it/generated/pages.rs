//! The pages of the reference, one function each. Called by the test of generated files.

use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema};
use serde_json::Value;
use uzel_core::{
    check::{Choices, read},
    document::{Common, Document},
    kind::{KindDef, KindExample},
};
use uzel_std::{code::builtin::BUILTINS, models::PROVIDERS};

use super::table::{keys, text};

/// Under each heading: nobody should edit these pages.
pub(super) const NOTE: &str = "Made from the code by `make generate`: change the doc comments, not this page.";

fn schema_of<T: JsonSchema>() -> Value {
    schemars::schema_for!(T).to_value()
}

pub(super) fn contents() -> String {
    format!(
        "# Reference\n\n{NOTE}\n\n\
         - [The app file](app.md): its sections, and the keys that every node has\n\
         - [Kinds of nodes](kinds.md): {}\n\
         - [Models](models.md): providers and settings\n\
         - [Tools, connections and knowledge](tools.md)\n\
         - [Functions](functions.md): what `run: builtin:NAME` can name\n\
         - [Filters, tests and functions](expressions.md) of expressions\n\
         - [Diagnostics](diagnostics.md): every code\n\
         - [The command line](cli.md)\n\n\
         Editors complete and check app files by [schema/app.schema.json](../../schema/app.schema.json), which is also \
         what `uzel schema` prints. With the YAML extension of VS Code, or another that uses `yaml-language-server`, \
         this first line is enough:\n\n\
         ```yaml\n# yaml-language-server: $schema=./.uzel/schema.json\n```\n\n\
         after `uzel schema --output .uzel/schema.json`.\n",
        names(uzel_std::catalog().kinds.iter().map(|kind| (kind.name, "kinds.md"))),
    )
}

fn names<'a>(of: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    of.map(|(name, page)| format!("[`{name}`]({page}#{})", anchor(name))).collect::<Vec<_>>().join(", ")
}

/// The anchor of a heading that is this name.
fn anchor(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric() || "-_".contains(*c)).collect::<String>().to_lowercase()
}

pub(super) fn app() -> String {
    let (document, common) = (schema_of::<Document>(), schema_of::<Common>());
    let example = &uzel_std::catalog().kind("llm").unwrap().examples[0];
    format!(
        "# The app file\n\n{NOTE}\n\n\
         A YAML file. `uzel check` reports everything that is wrong with it. Unknown keys are mistakes, except those \
         that begin with `x-`, which are for other programs and for anchors.\n\n\
         {}\n## Top level\n\n{}\n\
         `version: 1` and `nodes` are required. [Models](models.md) and [tools, connections and knowledge](tools.md) \
         have pages of their own.\n\n\
         ## Every node\n\n\
         These keys stand beside those of the node's [kind](kinds.md).\n\n{}\n\
         ## Types\n\n{}\n{}",
        fenced(example),
        keys(&document),
        keys(&common),
        TYPES,
        FILES,
    )
}

const FILES: &str = "\
## Overlays

`--overlay app.prod.yaml` puts a file over the app file, and can be repeated; later ones win. It may change `models`,
`connections`, `limits`, `flags` and `defaults`, never the graph. Maps are merged key by key, anything else is replaced,
and `null` removes a key. A name that the app file lacks is a mistake, except a model that another names in its `fallback`.
Overlays are part of the release that a run is pinned to. `--model` is put over them. Apps that are nodes keep their own.

## Included files

A prompt can hold `{% include \"parts/tone.md\" %}`. The path is written out, from the folder of the app file and below it.
The file sees the names around it, and what it sets ends with it. Macros of other files cannot be called.

## Notes and anchors

Keys that begin with `x-` are left alone: at the top level, in nodes and declarations, and as names of models, nodes and the
like. In `inputs`, `with` and other data they are fields. Anchors, aliases and merge keys (`<<: *name`) work.
";

const TYPES: &str = "\
`inputs`, `params`, `form` and `output` of nodes are maps of names to types:

| written | means |
| --- | --- |
| `string`, `integer`, `number`, `boolean`, `null`, `any`, `object` | that type |
| `[string]` | a list |
| `string \\| null` | one or the other; a field that may be null may be left out |
| `{ enum: [a, b] }` | one of these values |
| `{ enum: { a: what it means, b: what it means } }` | the same, and models are told what each means |
| `{ name: string, age: integer }` | a map with these fields |
| `{ type: string, default: \"x\", description: … }` | JSON Schema, 2020-12 |
";

pub(super) fn kinds() -> String {
    let catalog = uzel_std::catalog();
    let mut page = format!(
        "# Kinds of nodes\n\n{NOTE}\n\n\
         What `kind:` can be. Every node also has the [keys of every node](app.md#every-node).\n\n"
    );
    for kind in &catalog.kinds {
        page.push_str(&format!("- [`{}`](#{}) {}\n", kind.name, anchor(kind.name), kind.summary));
    }
    for kind in &catalog.kinds {
        page.push_str(&one_kind(kind));
    }
    page
}

fn one_kind(kind: &KindDef) -> String {
    let schema = (kind.schema)().to_value();
    let mut section = format!("\n## {}\n\n{}\n\n{}", kind.name, text(&schema["description"]), keys(&schema));
    for example in kind.examples {
        section.push_str(&format!("\n### {}\n\n{}", example.title, fenced(example)));
        for (path, file) in kind.files {
            section.push_str(&format!("\n`{path}`:\n\n```yaml\n{}\n```\n", file.trim()));
        }
        section.push_str(&gives(kind, example));
    }
    section
}

/// The types of what the example's nodes of this kind give, as the checker infers them.
fn gives(kind: &KindDef, example: &KindExample) -> String {
    let named = kind.files.iter().map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec()));
    let mut files: BTreeMap<String, Vec<u8>> = named.collect();
    files.insert("app.yaml".to_owned(), example.app.as_bytes().to_vec());
    let reading = read("app.yaml", &files, &uzel_std::catalog(), &Choices::default());
    let graph = reading.graph.unwrap_or_else(|| panic!("{}: {:?}", example.title, reading.diagnostics));
    let nodes = graph.all_nodes().into_iter().filter(|node| node.kind.name == kind.name);
    let lines: Vec<String> = nodes.map(|node| format!("- `{}` gives `{:#}`\n", node.id, node.output)).collect();
    format!("\nThe types of what it gives:\n\n{}", lines.concat())
}

fn fenced(example: &KindExample) -> String {
    format!("```yaml\n{}\n```\n", example.app.trim())
}

/// Parts with the same keys, in order.
fn groups(
    parts: impl Iterator<Item = (&'static str, &'static str, fn() -> Schema)>,
) -> Vec<(Vec<(&'static str, &'static str)>, Value)> {
    let mut groups: Vec<(Vec<(&str, &str)>, Value)> = vec![];
    for (name, summary, schema) in parts {
        let schema = schema().to_value();
        match groups.iter_mut().find(|(_, known)| *known == schema) {
            Some((group, _)) => group.push((name, summary)),
            None => groups.push((vec![(name, summary)], schema)),
        }
    }
    groups
}

pub(super) fn models() -> String {
    let mut page = format!(
        "# Models\n\n{NOTE}\n\n\
         Each entry of `models:` names a provider and a model by `use: PROVIDER/MODEL`. `--model NAME=PROVIDER/MODEL` \
         on the command line takes another without editing the file.\n\n\
         ```yaml\nmodels:\n  fast: {{ use: openai/gpt-5-mini, timeout: 30s, fallback: [local] }}\n  \
         local: {{ use: openai-compatible/qwen3-8b, base_url: http://127.0.0.1:11434/v1 }}\n```\n\n\
         | provider | key | what it is |\n| --- | --- | --- |\n"
    );
    for provider in PROVIDERS {
        let key = provider.key_variable.map_or_else(String::new, |key| format!("`{key}`"));
        page.push_str(&format!("| `{}` | {key} | {} |\n", provider.name, provider.about));
    }
    let catalog = uzel_std::catalog();
    for (group, schema) in groups(catalog.models.iter().map(|def| (def.name, def.summary, def.schema))) {
        let names: Vec<String> = group.iter().map(|(name, _)| format!("`{name}`")).collect();
        let whose =
            if group.len() == catalog.models.len() { String::new() } else { format!(" of {}", names.join(", ")) };
        page.push_str(&format!("\n## Settings{whose}\n\n{}", keys(&schema)));
    }
    page
}

pub(super) fn tools() -> String {
    let catalog = uzel_std::catalog();
    let mut page = format!("# Tools, connections and knowledge\n\n{NOTE}\n");
    let tools = catalog.tools.iter().map(|def| (def.name, def.summary, def.schema));
    page.push_str(&section(
        "Tools",
        "An entry of `tools:` says what it is by `use:`; nodes of kind `tool` call it.",
        tools,
    ));
    let connections = catalog.connections.iter().map(|def| (def.name, def.summary, def.schema));
    let about = "An entry of `connections:` says what it is by `use:`; tools name it.";
    page.push_str(&section("Connections", about, connections));
    for def in catalog.connections.iter().filter(|def| !def.operations.is_empty()) {
        let operations: Vec<String> = def.operations.iter().map(|operation| format!("`NAME.{operation}`")).collect();
        page.push_str(&format!(
            "\nNodes can call {} of a `{}` connection without declaring a tool.\n",
            operations.join(" and "),
            def.name
        ));
    }
    let knowledge = catalog.retrievers.iter().map(|def| (def.name, def.summary, def.schema));
    let about = "An entry of `knowledge:` says what it is by the key that it has; nodes of kind `retrieve` search it.";
    page.push_str(&section("Knowledge", about, knowledge));
    page
}

fn section(
    title: &str,
    about: &str,
    parts: impl Iterator<Item = (&'static str, &'static str, fn() -> Schema)>,
) -> String {
    let mut page = format!("\n## {title}\n\n{about}\n");
    for (group, schema) in groups(parts) {
        let names: Vec<&str> = group.iter().map(|(name, _)| *name).collect();
        page.push_str(&format!("\n### {}\n\n", names.join(", ")));
        for (name, summary) in &group {
            page.push_str(&format!("- `{name}`: {summary}\n"));
        }
        page.push_str(&format!("\n{}", keys(&schema)));
    }
    page
}

pub(super) fn functions() -> String {
    let mut page = format!(
        "# Functions\n\n{NOTE}\n\n\
         A node of kind [`code`](kinds.md#code) runs one by `run: builtin:NAME`; `with` holds its parameters. They are \
         pure and exact.\n"
    );
    for function in BUILTINS {
        let params = (function.params)();
        page.push_str(&format!("\n## {}\n\n{}\n\n{}", function.name, function.doc, keys(&params)));
    }
    page
}

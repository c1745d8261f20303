//! Kinds, models and tools that look at a document as those that ship do, and can do nothing. Used by the target `check`.
//!
//! The real ones would bring HTTP, SQLite and a JavaScript engine into a build with instrumentation.

use std::sync::Arc;

use schemars::{JsonSchema, schema_for};
use serde::Deserialize;
use uzel_core::{
    build::Build,
    capability::tool::EffectClass,
    check::Check,
    diagnostic::Diagnostic,
    duration::DurationText,
    graph::Ports,
    kind::{
        Catalog, ConnectionDef, Kind, KindDef, KindExample, ModelDef, ModelPorts, RetrieverDef, ToolDef, ToolPorts,
    },
    node,
    schema::{Schema, Type},
    yaml::{self, Data, Spanned, Text, Tree},
};

/// Every sort of setting that a kind can have.
struct Node;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[derive(Default)]
struct Config {
    model: Option<Text>,
    prompt: Option<Text>,
    system: Option<Text>,
    title: Option<Text>,
    text: Option<Text>,
    query: Option<Text>,
    run: Option<Text>,
    tool: Option<Text>,
    from: Option<Text>,
    by: Option<Text>,
    examples: Option<Text>,
    with: Option<Tree>,
    show: Option<Tree>,
    value: Option<Tree>,
    messages: Option<Tree>,
    documents: Option<Tree>,
    form: Option<Tree>,
    output: Option<Tree>,
    cases: Option<Tree>,
    checks: Vec<Tree>,
    actions: Vec<Text>,
    assign: Option<Tree>,
    timeout: Option<DurationText>,
    on_timeout: Option<Text>,
    top_k: Option<Spanned<usize>>,
    temperature: Option<Spanned<f64>>,
    effect: Option<EffectClass>,
    stream: bool,
}

impl Kind for Node {
    const NAME: &'static str = "llm";
    const SUMMARY: &'static str = "looks at everything";
    const EXAMPLES: &'static [KindExample] = &[];
    const TAKES: &'static [&'static str] = &["timeout"];
    type Config = Config;

    fn check(config: &Config, cx: &mut Check<'_>) -> Ports {
        if let Some(name) = &config.model {
            cx.known("models", name, |declared| &declared.models);
        }
        if let Some(name) = &config.from {
            cx.known("knowledge", name, |declared| &declared.knowledge);
        }
        for (name, text) in [("prompt", &config.prompt), ("system", &config.system)] {
            text.iter().for_each(|text| cx.prompt(name, text));
        }
        for (name, text) in [("title", &config.title), ("text", &config.text), ("query", &config.query)] {
            text.iter().for_each(|text| cx.text(name, text));
        }
        for (name, value) in [("show", &config.show), ("value", &config.value), ("messages", &config.messages)] {
            value.iter().for_each(|value| cx.binding(name, value, None));
        }
        for (index, check) in config.checks.iter().enumerate() {
            cx.binding(&format!("check_{index}"), check, None);
        }
        if let Some(documents) = &config.documents {
            let wanted = Type::list(Type::object([("id", Type::String), ("text", Type::String)]));
            cx.binding("documents", documents, Some((wanted, "a list of documents")));
        }
        let mut ports = Ports { gate: config.title.is_some(), ..Ports::default() };
        tool(config, cx, &mut ports);
        let form = config.form.as_ref().and_then(|form| Schema::read_fields(form, cx.out));
        let output = config.output.as_ref().and_then(|output| Schema::read(output, cx.out));
        ports.output = output.or(form).map(|schema| schema.ty).or(ports.output);
        if let Some(by) = &config.by {
            cx.expression("by", by);
            ports.ways = ways(config.cases.as_ref());
            ports.later = Some(Box::new(|inputs, _| inputs.get("by").cloned()));
        }
        ports
    }

    fn build(_config: Config, _cx: &mut Build<'_>) -> Result<Arc<dyn node::Node>, Diagnostic> {
        Err(nothing())
    }
}

fn tool(config: &Config, cx: &mut Check<'_>, ports: &mut Ports) {
    let mut expected = None;
    if let Some(name) = &config.tool
        && cx.known("tools", name, |declared| &declared.tools)
        && let Some(tool) = cx.declared.tools.get(name.as_str()).map(|tool| tool.ports.clone())
    {
        ports.effect = Some(tool.class);
        ports.output = Some(tool.output);
        expected = Some((tool.params.ty, "the tool"));
    }
    if let Some(with) = &config.with {
        cx.binding("with", with, expected);
    }
}

fn ways(cases: Option<&Tree>) -> Vec<(String, Vec<Text>)> {
    let names = |tree: &Tree| match &tree.data {
        Data::Text(text) => vec![text.clone()],
        _ => tree.as_list().unwrap_or_default().iter().filter_map(Tree::as_text).cloned().collect(),
    };
    let entries = cases.and_then(Tree::as_map).unwrap_or_default();
    entries.iter().map(|entry| (entry.key.as_str().to_owned(), names(&entry.value))).collect()
}

fn nothing() -> Diagnostic {
    Diagnostic::new(uzel_core::diagnostic::Code::BUILD_FAILED, None, "nothing is built here")
}

/// What a declaration may hold.
#[derive(Deserialize, JsonSchema, Default)]
#[serde(default)]
struct Declared {
    connection: Option<Text>,
    params: Option<Tree>,
    output: Option<Tree>,
    effect: Option<Spanned<EffectClass>>,
    timeout: Option<DurationText>,
    fallback: Vec<Text>,
    responses: Option<Text>,
}

fn model(name: &'static str) -> ModelDef {
    ModelDef {
        name,
        summary: "",
        remote: name != "offline",
        schema: || schema_for!(Declared),
        check: |tree, cx| {
            let config: Declared = yaml::from_tree(tree, cx.out)?;
            config.responses.iter().for_each(|file| drop(cx.file(file)));
            Some(ModelPorts { fallback: config.fallback, ..ModelPorts::default() })
        },
        build: |_, _| Err(nothing()),
    }
}

fn tool_def(name: &'static str) -> ToolDef {
    ToolDef {
        name,
        summary: "",
        remote: name == "http",
        statements: &["sql"],
        schema: || schema_for!(Declared),
        check: |tree, cx| {
            let config: Declared = yaml::from_tree(tree, cx.out)?;
            if let Some(connection) = &config.connection {
                cx.known("connections", connection, |declared| &declared.connections);
            }
            let params = config.params.as_ref().and_then(|params| Schema::read_fields(params, cx.out));
            let output = config.output.as_ref().and_then(|output| Schema::read(output, cx.out));
            Some(ToolPorts {
                params: params.unwrap_or_else(Schema::any),
                output: output.map_or(Type::Any, |schema| schema.ty),
                class: config.effect.map_or(EffectClass::Once, |effect| effect.value),
                timeout: config.timeout.map(|timeout| timeout.0),
                description: String::new(),
                reconcile: None,
            })
        },
        build: |_, _| Err(nothing()),
    }
}

/// Under the names that ship, so that the seeds mean something.
pub(crate) fn catalog() -> Catalog {
    let kinds = ["llm", "code", "guard", "human", "retrieve", "route", "tool"];
    let takes = |name: &str| if name == "human" { Node::TAKES } else { &[] };
    let read = |tree: &Tree, cx: &mut Check<'_>| drop(yaml::from_tree::<Declared>(tree, cx.out));
    Catalog {
        kinds: kinds.iter().map(|name| KindDef { name, takes: takes(name), ..KindDef::of::<Node>() }).collect(),
        models: ["offline", "openai", "openai-compatible", "scripted"].map(model).to_vec(),
        tools: ["http", "sqlite.query", "sqlite.execute"].map(tool_def).to_vec(),
        connections: vec![ConnectionDef {
            name: "sqlite",
            summary: "",
            schema: || schema_for!(Declared),
            operations: &["query", "execute"],
            check: read,
        }],
        retrievers: vec![RetrieverDef {
            name: "files",
            summary: "",
            schema: || schema_for!(Declared),
            check: read,
            build: |_, _, _| Err(nothing()),
        }],
        ..Catalog::default()
    }
}

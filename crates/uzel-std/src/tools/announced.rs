//! Connections that an app can name and `check` knows, whose protocol this version does not speak yet: apps can be
//! written and checked against them; preparing one to run says plainly that it cannot be run here.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;
use uzel_core::{
    build::Build,
    capability::tool::{EffectClass, Tool},
    check::Check,
    diagnostic::{Code, Diagnostic},
    duration::DurationText,
    kind::ToolPorts,
    schema::{Schema, Type},
    yaml::{self, Text, Tree},
};

/// A server behind an address.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Server {
    /// `postgres` or `redis`.
    #[serde(rename = "use")]
    _use: Text,
    /// The address, with its secrets: `postgres://app:${{ secrets.DB_PASSWORD }}@db.example.com/app`.
    url: Text,
}

/// A tool that is one command of Redis.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RedisTool {
    /// The operation: `get`, `set` or `delete`.
    #[serde(rename = "use")]
    _use: Text,
    /// What it does, for people and for models that may call it.
    description: Option<Text>,
    /// Which of `connections`.
    #[schemars(extend("x-names" = "connections"))]
    connection: Text,
    /// How long one try may take. Default: 30s.
    timeout: Option<DurationText>,
}

/// An MCP server.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct McpServer {
    /// Where it answers over HTTP: `https://search.example.com/mcp`.
    url: Option<Text>,
    /// Or the program that is started, with its arguments: `[npx, search-server]`.
    #[serde(default)]
    command: Vec<Text>,
    /// Headers of requests to `url`; values may hold secrets.
    #[serde(default)]
    #[expect(dead_code, reason = "read by editors and by what will speak the protocol")]
    headers: std::collections::BTreeMap<String, Text>,
    /// The tools of it that may be used. What the server offers beyond them is not seen by models.
    tools: Tree,
}

/// A tool of an MCP server, as the app relies on it.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct McpTool {
    /// What it does, for people and for models that may call it.
    description: Option<Text>,
    /// Its parameters: a map of names to types.
    params: Option<Tree>,
    /// What it gives: a type. Without it nothing is known of the answer.
    output: Option<Tree>,
    /// What repeating it does: `read`, `idempotent`, `keyed` or `once`. Default: `once`, the one that is never wrong.
    effect: Option<EffectClass>,
    /// How long one try may take. Default: 30s.
    timeout: Option<DurationText>,
}

/// Checks a declaration of an MCP server.
pub(super) fn check_mcp_server(tree: &Tree, cx: &mut Check<'_>) {
    let Some(server) = yaml::from_tree::<McpServer>(tree, cx.out) else { return };
    if server.url.is_some() != server.command.is_empty() {
        let message = "an MCP server has either a `url` or a `command`";
        cx.report(Diagnostic::new(Code::BAD_KIND_CONFIG, tree.span.head(), message));
    }
    if server.tools.as_map().is_none_or(<[_]>::is_empty) {
        let message = "`tools` must name the tools that may be used";
        let help = "write `tools: { search: { params: { query: string }, effect: read } }`";
        cx.report(Diagnostic::new(Code::WRONG_SHAPE, server.tools.span, message).help(help));
    }
}

/// Checks a declaration of a tool of an MCP server.
pub(super) fn check_mcp_tool(tree: &Tree, cx: &mut Check<'_>) -> Option<ToolPorts> {
    let tool: McpTool = yaml::from_tree(tree, cx.out)?;
    if tool.effect == Some(EffectClass::Keyed) {
        let message = "the protocol of MCP has no place for an idempotency key";
        let help = "write `effect: once`, or `idempotent` if doing it twice is the same as once";
        cx.report(Diagnostic::new(Code::KEY_NOT_SENT, tree.get("effect").map(|tree| tree.span), message).help(help));
    }
    let params = tool.params.as_ref().and_then(|tree| Schema::read_fields(tree, cx.out));
    let output = tool.output.as_ref().and_then(|tree| Schema::read(tree, cx.out));
    Some(ToolPorts {
        params: params.unwrap_or_else(|| Schema::of(Type::object(std::iter::empty()))),
        output: output.map_or(Type::Any, |schema| schema.ty),
        class: tool.effect.unwrap_or(EffectClass::Once),
        timeout: tool.timeout.map(|timeout| timeout.0),
        description: tool.description.map(|text| text.as_str().to_owned()).unwrap_or_default(),
        reconcile: None,
    })
}

/// The commands.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Command {
    Get,
    Set,
    Delete,
}

/// Checks a declaration of a server.
pub(super) fn check_server(tree: &Tree, cx: &mut Check<'_>) {
    let Some(server) = yaml::from_tree::<Server>(tree, cx.out) else { return };
    if !server.url.as_str().contains("://") && !server.url.as_str().contains("${{") {
        let message = "`url` must be an address such as `postgres://user@host/database`";
        cx.report(Diagnostic::new(Code::BAD_KIND_CONFIG, server.url.span, message));
    }
}

/// Checks a tool on Redis: its parameters follow from the command.
pub(super) fn check_redis(command: Command, tree: &Tree, cx: &mut Check<'_>) -> Option<ToolPorts> {
    let tool: RedisTool = yaml::from_tree(tree, cx.out)?;
    cx.known("connections", &tool.connection, |declared| &declared.connections);
    let (params, output, class) = match command {
        Command::Get => (
            json!({ "key": { "type": "string" } }),
            Type::object([("value", Type::String.or_null())]),
            EffectClass::Read,
        ),
        Command::Set => (
            json!({ "key": { "type": "string" }, "value": { "type": "string" },
                    "ttl_seconds": { "type": ["integer", "null"], "minimum": 1 } }),
            Type::object([("ok", Type::Boolean)]),
            EffectClass::Idempotent,
        ),
        Command::Delete => (
            json!({ "key": { "type": "string" } }),
            Type::object([("deleted", Type::Integer)]),
            EffectClass::Idempotent,
        ),
    };
    let required = if command == Command::Set { json!(["key", "value"]) } else { json!(["key"]) };
    let params = Schema::from_json_schema(json!({
        "type": "object", "required": required, "additionalProperties": false, "properties": params,
    }));
    Some(ToolPorts {
        params: params.unwrap_or_else(|_| Schema::any()),
        output,
        class,
        timeout: tool.timeout.map(|timeout| timeout.0),
        description: tool.description.map(|text| text.as_str().to_owned()).unwrap_or_default(),
        reconcile: None,
    })
}

/// Says that such a tool cannot be run here.
pub(super) fn build(tree: &Tree, _cx: &mut Build<'_>) -> Result<Arc<dyn Tool>, Diagnostic> {
    let name = tree.get("use").and_then(Tree::as_str).unwrap_or("a tool of an MCP server").to_owned();
    let message = format!("this version checks apps that use `{name}` and cannot run them");
    let help = "until it can: `sqlite`, a tool over HTTP, or a function of the host program (`run: rust:NAME`)";
    Err(Diagnostic::new(Code::NOT_IN_THIS_VERSION, tree.span.head(), message).help(help))
}

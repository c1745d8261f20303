//! What a user may write at the top of an app file and on every node, as lenient structs; `check` makes a graph of it.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;

use crate::{
    duration::DurationText,
    policy::RetryPolicy,
    yaml::{Text, Tree},
};

/// An app file.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Document {
    /// Version of the language.
    #[schemars(schema_with = "version")]
    pub version: Option<Tree>,
    /// Name of the app, as lists and traces show it.
    pub name: Option<Text>,
    /// What the app is for.
    pub description: Option<Text>,
    /// What a run is given: a map of names to types.
    #[schemars(schema_with = "types")]
    pub inputs: Option<Tree>,
    /// What a run gives: a map of names to values with `${{ }}`. Without it: the values of the last nodes, by name.
    pub output: Option<Tree>,
    /// Names of secrets, resolved from the environment when the app starts.
    pub secrets: Vec<Text>,
    /// Models by name.
    #[schemars(schema_with = "named")]
    pub models: Option<Tree>,
    /// Databases and other servers by name.
    #[schemars(schema_with = "named")]
    pub connections: Option<Tree>,
    /// Knowledge bases by name.
    #[schemars(schema_with = "named")]
    pub knowledge: Option<Tree>,
    /// Tools by name.
    #[schemars(schema_with = "named")]
    pub tools: Option<Tree>,
    /// MCP servers by name: where each is, and which of its tools may be used, as `mcp.SERVER.TOOL`.
    #[schemars(schema_with = "named")]
    pub mcp: Option<Tree>,
    /// Flags by name: `{ type, default, description, owner, expires }`. A run sets them with `--flag NAME=VALUE`.
    #[schemars(schema_with = "flags")]
    pub flags: Option<Tree>,
    /// Hard limits of a run.
    pub limits: Option<Limits>,
    /// What every node starts from.
    pub defaults: Option<Defaults>,
    /// The graph: nodes by name.
    #[schemars(schema_with = "named")]
    pub nodes: Option<Tree>,
    /// Findings of `check` that are accepted in the whole app, each with a reason and a day.
    pub waive: Vec<Waiver>,
}

/// A finding of `check` that is accepted until a day.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Waiver {
    /// The finding's code, such as `UZ3006`. Warnings about reliability (UZ3…) can be accepted, errors cannot.
    pub code: Text,
    /// Why, for whoever reads it next.
    pub reason: Text,
    /// The last day on which it holds: `2027-01-31`. After it, `check` reports the finding and the waiver.
    pub until: Text,
}

/// Hard limits of a run.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Money for models, in USD.
    pub cost_usd: Option<f64>,
    /// Tokens read and written.
    pub tokens: Option<u64>,
    /// Calls of models, tools and other servers; each try is one.
    pub calls: Option<u64>,
    /// From start to end, waits included.
    pub duration: Option<DurationText>,
    /// Time in which something is worked on: waits for people, timers and callbacks are not counted.
    pub active: Option<DurationText>,
}

/// What every node starts from.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Defaults {
    /// How effects are tried again.
    pub retry: Option<RetryPolicy>,
    /// How long one try of an effect may take.
    pub timeout: Option<DurationText>,
}

/// The keys that every node has beside those of its kind.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Common {
    /// What the node is: one of the kinds.
    pub kind: Option<Text>,
    /// What it is for.
    pub description: Option<Text>,
    /// Nodes that must have settled before, beside those it refers to.
    #[schemars(extend("x-names" = "nodes"))]
    pub needs: Vec<Text>,
    /// The node is stepped over unless this expression is true.
    #[schemars(schema_with = "condition")]
    pub when: Option<Tree>,
    /// How effects are tried again.
    pub retry: Option<RetryPolicy>,
    /// How long one try of an effect may take.
    pub timeout: Option<DurationText>,
    /// Hard limits of the node and all that it runs below itself. They hold beside those of the app.
    pub limits: Option<Limits>,
    /// Which parents it waits for: `all` (until all have settled), `any` (the first), `settle` (all, however they ended),
    /// `{ quorum: N }` or `{ deadline: 5s }`. Default: `all`.
    #[schemars(schema_with = "join")]
    pub join: Option<Tree>,
    /// What a failure does: `fail`, `skip`, `{ use: VALUE }` or `{ run: NODE }`. Default: `fail`.
    #[schemars(schema_with = "on_error")]
    pub on_error: Option<Tree>,
    /// What a guard's block does: as `on_error`, or `{ stop: TEXT }`. Default: `fail`.
    #[schemars(schema_with = "on_block")]
    pub on_block: Option<Tree>,
    /// Findings of `check` about this node that are accepted, each with a reason and a day.
    pub waive: Vec<Waiver>,
    /// Words for people and programs that look at runs: `{ team: billing }`. They change nothing. At most 32, each a name
    /// and a text.
    #[schemars(schema_with = "labels")]
    pub labels: Option<Tree>,
}

impl Common {
    /// Names of the keys, which are taken out of a node before its kind reads the rest.
    pub const KEYS: [&'static str; 12] = [
        "kind",
        "description",
        "needs",
        "when",
        "retry",
        "timeout",
        "limits",
        "on_error",
        "on_block",
        "join",
        "waive",
        "labels",
    ];
}

// What `check` takes where the structs say only "a tree", for editors. `x-names` says that a text here or below is a name,
// and of which section.

fn version(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "const": 1 })
}

fn labels(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "object", "maxProperties": 32, "additionalProperties": { "type": "string", "maxLength": 256 } })
}

/// What the items are depends on the catalog.
fn named(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": ["object", "null"], "additionalProperties": {} })
}

fn types(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": ["object", "null"],
        "additionalProperties": {
            "type": ["string", "array", "object"],
            "description": "A type: `string`, `integer`, `number`, `boolean`, `any`, `[string]`, `string | null`, \
                            `{ enum: [a, b] }`, a map of fields, or JSON Schema.",
        },
    })
}

fn flags(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": ["object", "null"],
        "additionalProperties": {
            "type": "object",
            "description": "A type, and the value that the flag has when nobody sets it.",
            "properties": {
                "description": { "type": "string", "description": "What it chooses." },
                "owner": { "type": "string", "description": "Who decides about it." },
                "expires": {
                    "type": "string",
                    "description": "The last day on which it is needed: `2027-01-31`. After it, `check` says that it should go.",
                },
            },
            "required": ["default"],
        },
    })
}

fn condition(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": ["string", "boolean", "null"] })
}

fn join(_: &mut SchemaGenerator) -> Schema {
    let map = |key: &str, value: serde_json::Value| {
        json_schema!({
            "type": "object", "properties": { key: value }, "required": [key], "additionalProperties": false,
        })
    };
    json_schema!({ "anyOf": [
        { "enum": ["all", "any", "settle"] },
        { "type": "null" },
        map("quorum", serde_json::json!({ "type": "integer", "minimum": 1, "description": "How many parents must say go." })),
        map("deadline", serde_json::json!({
            "type": "string", "description": "How long to wait at most, from the first call of a parent.",
        })),
    ] })
}

fn on_error(_: &mut SchemaGenerator) -> Schema {
    reaction(&[("use", "A value that stands for the node's."), ("run", "A node that runs instead.")])
}

fn on_block(_: &mut SchemaGenerator) -> Schema {
    reaction(&[
        ("stop", "A text for the user; the run ends with it."),
        ("use", "A value that stands for the node's."),
        ("run", "A node that runs instead."),
    ])
}

fn reaction(ways: &[(&str, &str)]) -> Schema {
    let map = |(way, description): &(&str, &str)| {
        let value = match *way {
            "use" => json_schema!({ "description": description }),
            "run" => json_schema!({ "type": "string", "description": description, "x-names": "nodes" }),
            _ => json_schema!({ "type": "string", "description": description }),
        };
        json_schema!({
            "type": "object", "properties": { *way: value }, "required": [way], "additionalProperties": false,
        })
    };
    let mut choices = vec![json_schema!({ "enum": ["fail", "skip"] }), json_schema!({ "type": "null" })];
    choices.extend(ways.iter().map(map));
    json_schema!({ "anyOf": choices })
}

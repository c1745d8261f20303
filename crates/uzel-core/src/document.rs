//! What a user may write at the top of an app file and on every node, as lenient structs; `check` makes a graph of it.

use schemars::JsonSchema;
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
    /// Version of the language; 1.
    pub version: Option<Tree>,
    /// Name of the app, as lists and traces show it.
    pub name: Option<Text>,
    /// What the app is for.
    pub description: Option<Text>,
    /// What a run is given: a map of names to types.
    pub inputs: Option<Tree>,
    /// What a run gives: a map of names to values with `${{ }}`.
    pub output: Option<Tree>,
    /// Names of secrets, resolved from the environment when the app starts.
    pub secrets: Vec<Text>,
    /// Models by name.
    pub models: Option<Tree>,
    /// Databases and other servers by name.
    pub connections: Option<Tree>,
    /// Knowledge bases by name.
    pub knowledge: Option<Tree>,
    /// Tools by name.
    pub tools: Option<Tree>,
    /// Flags by name: `{ type, default }`.
    pub flags: Option<Tree>,
    /// Hard limits of a run.
    pub limits: Option<Limits>,
    /// What every node starts from.
    pub defaults: Option<Defaults>,
    /// The graph: nodes by name.
    pub nodes: Option<Tree>,
}

/// Hard limits of a run.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Money for models, in USD.
    pub cost_usd: Option<f64>,
    /// Tokens read and written.
    pub tokens: Option<u64>,
    /// From start to end, waits included.
    pub duration: Option<DurationText>,
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
    pub needs: Vec<Text>,
    /// The node is stepped over unless this is true.
    pub when: Option<Tree>,
    /// How effects are tried again.
    pub retry: Option<RetryPolicy>,
    /// How long one try of an effect may take.
    pub timeout: Option<DurationText>,
    /// What a failure does: `fail`, `skip`, `{ use: VALUE }` or `{ run: NODE }`.
    pub on_error: Option<Tree>,
    /// What a guard's block does: as `on_error`, or `{ stop: TEXT }`.
    pub on_block: Option<Tree>,
}

impl Common {
    /// Names of the keys, which are taken out of a node before its kind reads the rest.
    pub const KEYS: [&'static str; 9] =
        ["kind", "description", "needs", "when", "retry", "timeout", "on_error", "on_block", "join"];
}

//! Nodes as Rust programs write them: one type for all kinds, with a constructor for each that ships.

use std::{future::Future, panic::Location, time::Duration};

use schemars::JsonSchema;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

use super::{
    block::{Block, Part},
    registered::Registered,
    rust_type::{Contract, fields},
};
use crate::{duration, failure::Failure};

/// A node in the making. A key that its kind does not know is found by the check, as in an app file.
#[derive(Clone, Debug)]
pub struct Node {
    pub(super) block: Block,
    pub(super) functions: Vec<Registered>,
}

/// A node of any kind: `node("llm").set("model", "fast")`.
#[track_caller]
pub fn node(kind: &str) -> Node {
    let at = Location::caller();
    let mut block = Block::new(at);
    block.set("kind", kind.into(), at);
    Node { block, functions: vec![] }
}

/// Asks a model: `llm("fast").prompt("…")`.
#[track_caller]
pub fn llm(model: &str) -> Node {
    node("llm").set("model", model)
}

/// Chooses what runs next by an expression: `route("classify.category").case("billing", ["invoices"])`.
#[track_caller]
pub fn route(by: &str) -> Node {
    node("route").set("by", by)
}

/// Runs logic that is not of this program: `code("js:logic/orders.js#load")`, `code("builtin:date_diff")`.
#[track_caller]
pub fn code(run: &str) -> Node {
    node("code").set("run", run)
}

/// Runs an async function of this program, under its own name. It takes one argument, a struct whose fields
/// [`Node::with`] fills; the types of argument and result are known to the check.
#[track_caller]
pub fn code_fn<I, O, F, R>(function: F) -> Node
where
    I: DeserializeOwned + JsonSchema + Send + 'static,
    O: Serialize + JsonSchema + 'static,
    F: Fn(I) -> R + Send + Sync + 'static,
    R: Future<Output = Result<O, Failure>> + Send + 'static,
{
    registered(Registered::new(function))
}

/// As [`code_fn`], under a name: for closures, and for functions that share theirs with another.
#[track_caller]
pub fn code_fn_as<I, O, F, R>(name: &str, function: F) -> Node
where
    I: DeserializeOwned + JsonSchema + Send + 'static,
    O: Serialize + JsonSchema + 'static,
    F: Fn(I) -> R + Send + Sync + 'static,
    R: Future<Output = Result<O, Failure>> + Send + 'static,
{
    registered(Registered::named(name, function))
}

#[track_caller]
fn registered(function: Registered) -> Node {
    let mut node = code(&format!("rust:{}", function.name)).set("output", function.output.clone());
    node.functions.push(function);
    node
}

/// Asks a person: `human("Send this reply?").actions(["approve", "reject"])`.
#[track_caller]
pub fn human(title: &str) -> Node {
    node("human").set("title", title)
}

/// Checks a text: `guard("${{ input.message }}").check("pii", json!({ "redact": ["card"] }))`.
#[track_caller]
pub fn guard(text: &str) -> Node {
    node("guard").set("text", text)
}

/// Finds documents: `retrieve("policies", "${{ input.message }}")`.
#[track_caller]
pub fn retrieve(from: &str, query: &str) -> Node {
    node("retrieve").set("from", from).set("query", query)
}

/// Calls a tool: `tool("refund").with("amount", "${{ decide.amount }}")`.
#[track_caller]
pub fn tool(name: &str) -> Node {
    node("tool").set("tool", name)
}

/// Keys that every node has.
impl Node {
    /// Any key, as in an app file.
    #[track_caller]
    pub fn set(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.block.set(key, value.into(), Location::caller());
        self
    }

    #[track_caller]
    fn inside(mut self, section: &str, key: &str, value: Value) -> Self {
        self.block.put_in(section, key, Part::Value(value), Location::caller());
        self
    }

    /// What it is for.
    #[track_caller]
    pub fn description(self, text: &str) -> Self {
        self.set("description", text)
    }

    /// The node is stepped over unless this expression is true.
    #[track_caller]
    pub fn when(self, expression: &str) -> Self {
        self.set("when", expression)
    }

    /// Nodes that must have settled before, beside those it refers to.
    #[track_caller]
    pub fn needs<const N: usize>(self, nodes: [&str; N]) -> Self {
        self.set("needs", nodes.to_vec())
    }

    /// Tries of each effect in all, the first included; `set("retry", json!({ … }))` says more.
    #[track_caller]
    pub fn retry(self, max: u32) -> Self {
        self.set("retry", json!({ "max": max }))
    }

    /// How long one try of an effect may take; of a `human` node, how long an answer is waited for.
    #[track_caller]
    pub fn timeout(self, duration: Duration) -> Self {
        self.set("timeout", duration::print(duration))
    }

    /// What a failure does: `"skip"`, `json!({ "use": VALUE })`, `json!({ "run": NODE })`.
    #[track_caller]
    pub fn on_error(self, reaction: impl Into<Value>) -> Self {
        self.set("on_error", reaction)
    }

    /// What a guard's block does: as `on_error`, or `json!({ "stop": TEXT })`.
    #[track_caller]
    pub fn on_block(self, reaction: impl Into<Value>) -> Self {
        self.set("on_block", reaction)
    }

    /// A field of the argument of `code` and `tool`, with `${{ }}`.
    #[track_caller]
    pub fn with(self, name: &str, value: impl Into<Value>) -> Self {
        self.inside("with", name, value.into())
    }
}

/// Keys of single kinds.
impl Node {
    /// The question to a model: a template with `{{ }}`, or the name of a file that holds one.
    #[track_caller]
    pub fn prompt(self, template: &str) -> Self {
        self.set("prompt", template)
    }

    /// What stands before everything that a model reads.
    #[track_caller]
    pub fn system(self, template: &str) -> Self {
        self.set("system", template)
    }

    /// What the node gives: the fields of a Rust struct. Doc comments of an enum's values tell a model what they mean.
    #[track_caller]
    pub fn output<T: JsonSchema>(self) -> Self {
        self.set("output", fields::<T>(Contract::Given))
    }

    /// One field of what the node gives, with its type as in an app file.
    #[track_caller]
    pub fn output_type(self, name: &str, ty: impl Into<Value>) -> Self {
        self.inside("output", name, ty.into())
    }

    /// Passes text on as it comes.
    #[track_caller]
    pub fn stream(self) -> Self {
        self.set("stream", true)
    }

    /// Nodes to run for a value of `route`.
    #[track_caller]
    pub fn case<const N: usize>(self, value: &str, nodes: [&str; N]) -> Self {
        self.inside("cases", value, nodes.to_vec().into())
    }

    /// Nodes to run for all other values of `route`.
    #[track_caller]
    pub fn default<const N: usize>(self, nodes: [&str; N]) -> Self {
        self.case("default", nodes)
    }

    /// The buttons of a question.
    #[track_caller]
    pub fn actions<const N: usize>(self, actions: [&str; N]) -> Self {
        self.set("actions", actions.to_vec())
    }

    /// The action that is taken when nobody answers in time.
    #[track_caller]
    pub fn on_timeout(self, action: &str) -> Self {
        self.set("on_timeout", action)
    }

    /// Something that a person needs to see, with `${{ }}`.
    #[track_caller]
    pub fn show(self, name: &str, value: impl Into<Value>) -> Self {
        self.inside("show", name, value.into())
    }

    /// Fields that a person fills: those of a Rust struct.
    #[track_caller]
    pub fn form<T: JsonSchema>(self) -> Self {
        self.set("form", fields::<T>(Contract::Given))
    }

    /// One field that a person fills, with its type as in an app file.
    #[track_caller]
    pub fn form_type(self, name: &str, ty: impl Into<Value>) -> Self {
        self.inside("form", name, ty.into())
    }

    /// A check of a guard. When the check itself breaks, the text does not pass; `set("checks", …)` says otherwise.
    #[track_caller]
    pub fn check(mut self, name: &str, settings: impl Into<Value>) -> Self {
        let check = json!({ name: settings.into(), "on_failure": "closed" });
        self.block.push_to("checks", check, Location::caller());
        self
    }
}

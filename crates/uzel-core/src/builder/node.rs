//! Nodes as Rust programs write them: one type for all kinds, with a constructor for each that ships.

use std::{future::Future, panic::Location, time::Duration};

use schemars::JsonSchema;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::{
    block::{Block, Part},
    declaration::Declaration,
    registered::Registered,
    setting::{self, Setting, names},
};
use crate::{duration, failure::Failure};

mod body;
mod kinds;

pub use body::Body;

/// A node in the making. A key that its kind does not know is found by the check, as in an app file.
#[derive(Clone, Debug)]
pub struct Node {
    pub(super) block: Block,
}

/// A node of any kind: `node("llm").set("model", "fast")`.
#[track_caller]
pub fn node(kind: &str) -> Node {
    let at = Location::caller();
    let mut block = Block::new(at);
    block.set("kind", kind, at);
    Node { block }
}

/// Asks a model: `llm("fast").prompt("…")`.
#[track_caller]
pub fn llm(model: &str) -> Node {
    node("llm").set("model", model)
}

/// Asks a model that may call tools: `agent("fast").prompt("…").tools(["search"]).limits(limits().steps(8))`.
#[track_caller]
pub fn agent(model: &str) -> Node {
    node("agent").set("model", model)
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
    Registered::new(function).node()
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
    Registered::named(name, function).node()
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

/// Checks a value: `guard_value("${{ decide }}").check("json_schema", json!({ … }))`.
#[track_caller]
pub fn guard_value(value: impl Into<Setting>) -> Node {
    node("guard").set("value", value)
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

/// Waits for a time: `wait(days(3))`.
#[track_caller]
pub fn wait(time: Duration) -> Node {
    node("wait").set("for", duration::print(time))
}

/// Waits until a moment: `wait_until("order.ships_at")`, `wait_until("2027-03-01T09:00:00Z")`.
#[track_caller]
pub fn wait_until(moment: &str) -> Node {
    node("wait").set("until", moment)
}

/// Waits until somebody outside calls back: `callback().payload_type("status", "string").timeout(hours(2))`.
#[track_caller]
pub fn callback() -> Node {
    node("wait").set("for", "callback")
}

/// Runs its body once for each item of a list: `map_over("split.parts").as_("part").do_(llm("fast").prompt("…"))`.
#[track_caller]
pub fn map_over(list: &str) -> Node {
    node("map").set("for_each", list)
}

/// Makes one value of a list, batch by batch: `reduce("notes.items").batch(8).do_(llm("fast").prompt("…"))`.
#[track_caller]
pub fn reduce(list: &str) -> Node {
    node("reduce").set("over", list)
}

/// Runs its body until an expression is true: `loop_until("check.passed").max_rounds(3).body(|body| …)`.
#[track_caller]
pub fn loop_until(expression: &str) -> Node {
    node("loop").set("until", expression)
}

/// Runs another app file as a node: `graph("triage.yaml").with("message", "${{ input.message }}")`.
#[track_caller]
pub fn graph(file: &str) -> Node {
    node("graph").set("use", file)
}

/// Keys that every node has.
impl Node {
    /// Any key, as in an app file.
    #[track_caller]
    pub fn set(mut self, key: &str, value: impl Into<Setting>) -> Self {
        self.block.put(key, value.into().0, Location::caller());
        self
    }

    #[track_caller]
    fn inside(mut self, section: &str, key: &str, value: impl Into<Value>) -> Self {
        self.block.put_in(section, key, Part::Value(value.into()), Location::caller());
        self
    }

    /// What it is for.
    #[track_caller]
    pub fn description(self, text: &str) -> Self {
        self.set("description", text)
    }

    /// The node is stepped over unless this expression is true.
    #[track_caller]
    pub fn when(self, expression: impl Into<Value>) -> Self {
        self.set("when", expression.into())
    }

    /// Nodes that must have settled before, beside those it refers to.
    #[track_caller]
    pub fn needs(self, nodes: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.set("needs", names(nodes))
    }

    /// Which of those before it the node waits for: [`Join::Any`](crate::graph::Join), or as in an app file.
    #[track_caller]
    pub fn join(self, join: impl Into<Value>) -> Self {
        self.set("join", join.into())
    }

    /// Tries of each effect in all, the first included, or more: `retry(3).backoff("fixed")`.
    #[track_caller]
    pub fn retry(mut self, policy: impl Into<Setting>) -> Self {
        setting::retry(policy.into(), &mut self.block, Location::caller());
        self
    }

    /// How long one try of an effect may take; of `human` and `callback`, how long an answer is waited for.
    #[track_caller]
    pub fn timeout(self, time: Duration) -> Self {
        self.set("timeout", duration::print(time))
    }

    /// What a failure does: [`On::Skip`](super::On), `On::run("ask")`, or as in an app file.
    #[track_caller]
    pub fn on_error(self, reaction: impl Into<Value>) -> Self {
        self.set("on_error", reaction.into())
    }

    /// What a guard's block does: as `on_error`, or `On::stop("…")`.
    #[track_caller]
    pub fn on_block(self, reaction: impl Into<Value>) -> Self {
        self.set("on_block", reaction.into())
    }

    /// Hard limits of the node and all below it: `limits().cost_usd(0.1)`. Those of an agent: `limits().steps(8)`.
    #[track_caller]
    pub fn limits(self, limits: Declaration) -> Self {
        self.set("limits", limits)
    }

    /// A label for those who look at runs: `label("team", "billing")`.
    #[track_caller]
    pub fn label(self, name: &str, text: &str) -> Self {
        self.inside("labels", name, text)
    }

    /// Accepts a finding of the check about this node, for a reason and until a day: `waive("UZ3006", "…", "2027-01-31")`.
    #[track_caller]
    pub fn waive(mut self, code: &str, reason: &str, until: &str) -> Self {
        self.block.push_to("waive", setting::waiver(code, reason, until), Location::caller());
        self
    }

    /// A field of what `code`, `tool` and `graph` are given, with `${{ }}`.
    #[track_caller]
    pub fn with(self, name: &str, value: impl Into<Value>) -> Self {
        self.inside("with", name, value)
    }
}

//! What a node does when something goes another way, in words of Rust: reactions, joins, items that fail. Values of
//! settings.

use serde_json::{Value, json};

use crate::{
    duration,
    graph::{ItemError, Join},
};

/// What a failure or a guard's block does: `.on_error(On::run("ask"))`.
#[derive(Clone, Debug, PartialEq)]
pub enum On {
    /// The run fails.
    Fail,
    /// The node's output is null, and the rest goes on.
    Skip,
    /// This is the node's output, with `${{ }}`.
    Use(Value),
    /// This node runs instead of those behind it.
    Run(String),
    /// The run ends with this text for the user; for `on_block` only.
    Stop(String),
}

impl On {
    /// This is the node's output, with `${{ }}`.
    pub fn use_value(value: impl Into<Value>) -> Self {
        Self::Use(value.into())
    }

    /// This node runs instead of those behind it.
    pub fn run(node: impl Into<String>) -> Self {
        Self::Run(node.into())
    }

    /// The run ends with this text for the user; for `on_block` only.
    pub fn stop(text: impl Into<String>) -> Self {
        Self::Stop(text.into())
    }
}

impl From<On> for Value {
    fn from(on: On) -> Self {
        match on {
            On::Fail => "fail".into(),
            On::Skip => "skip".into(),
            On::Use(value) => json!({ "use": value }),
            On::Run(node) => json!({ "run": node }),
            On::Stop(text) => json!({ "stop": text }),
        }
    }
}

impl From<Join> for Value {
    fn from(join: Join) -> Self {
        match join {
            Join::All => "all".into(),
            Join::Any => "any".into(),
            Join::Settle => "settle".into(),
            Join::Quorum(n) => json!({ "quorum": n }),
            Join::Deadline(time) => json!({ "deadline": duration::print(time) }),
        }
    }
}

impl From<ItemError> for Value {
    fn from(on: ItemError) -> Self {
        // What multiplying by 100 adds far behind the point is not meant.
        let percent = |part: f64| (part * 100.0 * 1e6).round() / 1e6;
        match on {
            ItemError::Fail => "fail".into(),
            ItemError::Skip => "skip".into(),
            ItemError::SkipUpTo(part) => json!({ "skip_up_to": format!("{}%", percent(part)) }),
        }
    }
}

//! What a setting is set to: JSON, or something that this module builds, with the places of its own calls.

use serde_json::{Value, json};

use super::{
    block::{Block, Part},
    declaration::Declaration,
    node::Node,
};

/// A value of a setting. Whatever is JSON is one, and so are [`Declaration`] and [`Node`].
#[derive(Clone, Debug)]
pub struct Setting(pub(super) Part);

impl<T: Into<Value>> From<T> for Setting {
    fn from(value: T) -> Self {
        Self(Part::Value(value.into()))
    }
}

impl From<Declaration> for Setting {
    fn from(declaration: Declaration) -> Self {
        Self(Part::Block(declaration.block))
    }
}

impl From<Node> for Setting {
    fn from(node: Node) -> Self {
        Self(Part::Block(node.block))
    }
}

/// Names as a list.
pub(super) fn names(names: impl IntoIterator<Item = impl Into<String>>) -> Value {
    names.into_iter().map(|name| Value::String(name.into())).collect()
}

/// A number that JSON has, or its name as a text, so that the check sees that something is there: JSON would make
/// `null` of it, which is no limit at all.
pub(super) fn number(number: f64) -> Value {
    serde_json::Number::from_f64(number).map_or_else(|| Value::String(number.to_string()), Value::Number)
}

/// A finding of the check that is accepted.
pub(super) fn waiver(code: &str, reason: &str, until: &str) -> Part {
    Part::Value(json!({ "code": code, "reason": reason, "until": until }))
}

/// `retry` of a node or of the defaults: a number is how many tries there are in all.
pub(super) fn retry(policy: Setting, block: &mut Block, at: super::block::Place) {
    match policy.0 {
        Part::Value(max @ Value::Number(_)) => block.put_in("retry", "max", Part::Value(max), at),
        part => block.put("retry", part, at),
    }
}

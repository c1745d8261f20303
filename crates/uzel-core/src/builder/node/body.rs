//! Nodes inside nodes: what `map`, `reduce` and `loop` run, as a builder of its own, and the keys of these kinds.

use std::panic::Location;

use serde_json::Value;

use super::Node;
use crate::builder::{
    block::{Block, Part},
    setting::Setting,
};

/// The nodes that a `map`, `reduce` or `loop` runs, and what each of its runs gives.
#[derive(Clone, Debug)]
pub struct Body {
    /// The keys `do` and `output` of the node that it is the body of.
    block: Block,
}

impl Body {
    /// A node.
    #[track_caller]
    pub fn node(mut self, id: &str, node: impl Into<Node>) -> Self {
        self.block.put_in("do", id, Part::Block(node.into().block), Location::caller());
        self
    }

    /// A field of what the body gives, with `${{ }}`. Without any, it gives the outputs of nodes nothing depends on.
    #[track_caller]
    pub fn output(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.block.put_in("output", name, Part::Value(value.into()), Location::caller());
        self
    }

    /// What the body gives where that is no map of fields: `output_value("${{ write.text }}")`.
    #[track_caller]
    pub fn output_value(mut self, value: impl Into<Value>) -> Self {
        self.block.set("output", value, Location::caller());
        self
    }
}

/// Keys of `map`, `reduce` and `loop`.
impl Node {
    /// The nodes that are run each time: `.body(|body| body.node("write", …).node("check", …))`.
    #[track_caller]
    pub fn body(mut self, build: impl FnOnce(Body) -> Body) -> Self {
        self.block.extend(build(Body { block: Block::new(Location::caller()) }).block);
        self
    }

    /// The one node that is run each time.
    #[track_caller]
    pub fn do_(self, node: impl Into<Self>) -> Self {
        self.set("do", node.into())
    }

    /// What each run of the body gives, with `${{ }}`; its one node is called `do` here.
    #[track_caller]
    pub fn output_value(self, value: impl Into<Value>) -> Self {
        self.set("output", value.into())
    }

    /// The name that expressions in the body have for the item of a `map` or the batch of a `reduce`.
    #[track_caller]
    pub fn as_(self, name: &str) -> Self {
        self.set("as", name)
    }

    /// How many runs of the body are at work at the same time.
    #[track_caller]
    pub fn max_parallel(self, most: u32) -> Self {
        self.set("max_parallel", most)
    }

    /// What the failure of one item does: [`ItemError::SkipUpTo(0.05)`](crate::graph::ItemError), or as in an app file.
    #[track_caller]
    pub fn on_item_error(self, reaction: impl Into<Value>) -> Self {
        self.set("on_item_error", reaction.into())
    }

    /// How many values a `reduce` makes one of at a time.
    #[track_caller]
    pub fn batch(self, size: u32) -> Self {
        self.set("batch", size)
    }

    /// What the `reduce` of an empty list gives, with `${{ }}`.
    #[track_caller]
    pub fn empty(self, value: impl Into<Setting>) -> Self {
        self.set("empty", value)
    }

    /// What it means that the rounds of a `loop` are used up: `"last"` or `"fail"`.
    #[track_caller]
    pub fn on_max_rounds(self, meaning: &str) -> Self {
        self.set("on_max_rounds", meaning)
    }

    /// How many rounds a `loop` has at most.
    #[track_caller]
    pub fn max_rounds(self, most: u32) -> Self {
        self.set("max_rounds", most)
    }
}

//! What the rules say, a second time: apps as plain data, and a slow interpreter of them written from `docs/decisions`
//! and not from the engine. Random apps are run by both, and must come to the same. Called by the tests of the runtime.

use serde_json::{Value, json};

mod fate;
mod generate;
mod interpret;
mod nearest;
mod print;
mod shrink;
mod versus;

pub use versus::{Found, Seen, compare};

/// An app, or another that one runs.
#[derive(Clone, Debug, Default)]
pub struct App {
    /// In the order of the file.
    pub nodes: Vec<Node>,
    /// Names whose values are its output; those of the last nodes if it does not say.
    pub output: Option<Vec<String>>,
}

/// A node.
#[derive(Clone, Debug)]
pub struct Node {
    /// Its name.
    pub id: String,
    /// What it does.
    pub what: What,
    /// Names whose values it is given.
    pub reads: Vec<String>,
    /// Names whose states it is given.
    pub asks: Vec<String>,
    /// Names that it only waits for.
    pub needs: Vec<String>,
    /// Its condition.
    pub when: Option<Test>,
    /// Which parents it waits for.
    pub join: Join,
    /// What its failure does; nothing is written if `None`.
    pub on_error: Option<Reaction>,
    /// What its block does.
    pub on_block: Option<Reaction>,
}

/// `(NAME.k if NAME else 0) >= LEAST`
#[derive(Clone, Debug)]
pub struct Test {
    /// A node that is called.
    pub name: String,
    /// The bound.
    pub least: u64,
}

/// Which parents a node waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Join {
    /// All of them.
    All,
    /// The first that says go.
    Any,
    /// All, however they ended.
    Settle,
    /// So many that say go.
    Quorum(usize),
    /// All, for so many milliseconds.
    Deadline(u64),
}

impl Join {
    /// Whether it may start a node before all parents have settled.
    pub fn is_early(self) -> bool {
        !matches!(self, Self::All | Self::Settle)
    }
}

/// What a failure or a block does.
#[derive(Clone, Debug)]
pub enum Reaction {
    /// The body fails.
    Fail,
    /// It is as if the node had been stepped over.
    Skip,
    /// This stands for its value.
    Use(Value),
    /// Another node runs.
    Run(String),
    /// The run ends.
    Stop(String),
}

/// What a node does.
#[derive(Clone, Debug)]
pub enum What {
    /// It is called.
    Probe,
    /// It chooses by `NAME.way`: a case, and the nodes that it names.
    Route(String, Vec<(String, Vec<String>)>),
    /// Its body runs for each item.
    Map {
        /// The items.
        list: List,
        /// What the body calls one.
        item: String,
        /// How many at a time.
        parallel: usize,
        /// How many of a hundred may fail; `None` if none may and the failure is that of the map.
        skip_percent: Option<u64>,
        /// The body.
        body: Body,
    },
    /// Its body runs on batches.
    Reduce {
        /// The items.
        list: List,
        /// What the body calls a batch.
        item: String,
        /// How many are one.
        batch: usize,
        /// How many batches at a time.
        parallel: usize,
        /// The body.
        body: Body,
    },
    /// Its body runs again and again.
    Loop {
        /// Until this holds.
        until: Test,
        /// How often at most.
        rounds: usize,
        /// Whether it is a failure that this was not enough.
        strict: bool,
        /// The body.
        body: Body,
    },
    /// Another app, with the file that it is in.
    Graph(String, App),
}

/// A list of items.
#[derive(Clone, Debug)]
pub enum List {
    /// `[0, 1, 2]`
    Count(usize),
    /// `NAME.list if NAME else []`
    Of(String),
    /// `NAME`, which is no list.
    Bad(String),
}

/// Nodes below a node.
#[derive(Clone, Debug)]
pub struct Body {
    /// In the order of the file.
    pub nodes: Vec<Node>,
    /// Whether `do` is one node.
    pub single: bool,
    /// Names whose values are its value.
    pub output: Option<Vec<String>>,
}

impl What {
    /// Whether the node is called; the others have bodies.
    pub fn is_called(&self) -> bool {
        matches!(self, Self::Probe | Self::Route(..))
    }

    /// The nodes in its body that see what is outside.
    pub fn body(&self) -> Option<&Body> {
        match self {
            Self::Map { body, .. } | Self::Reduce { body, .. } | Self::Loop { body, .. } => Some(body),
            Self::Probe | Self::Route(..) | Self::Graph(..) => None,
        }
    }
}

impl App {
    /// How many nodes are written in it, at any depth.
    pub fn size(&self) -> usize {
        size(&self.nodes)
    }
}

fn size(nodes: &[Node]) -> usize {
    let below = |node: &Node| match &node.what {
        What::Graph(_, app) => app.size(),
        what => what.body().map_or(0, |body| size(&body.nodes)),
    };
    nodes.iter().map(|node| 1 + below(node)).sum()
}

impl Test {
    /// Whether it holds for this value of the name.
    pub fn holds(&self, value: &Value) -> bool {
        value["k"].as_u64().unwrap_or(0) >= self.least
    }
}

/// What an instance that is called gives for what it is given: a number, a list, a way, and a trace of all that it saw.
fn answer(path: &str, with: &Value) -> Value {
    let seen = fate::hash(&[path, &with.to_string()]);
    let ways = ["left", "right", "up"];
    let list: Vec<u64> = (0..seen % 4).collect();
    json!({ "k": seen % 10, "list": list, "way": ways[(seen / 16 % 3) as usize], "seen": seen % 1_000_000 })
}

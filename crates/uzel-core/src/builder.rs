//! Apps written in Rust: the same tree as an app file makes, checked by the same checks. Called by host programs.
//!
//! Every call remembers where it stands, so a mistake is reported at `src/main.rs:14:9` with the code that it has in a
//! file. [`Builder::to_yaml`] prints the file that means the same.

mod block;
mod declaration;
mod node;
mod reaction;
mod registered;
mod rust_type;
mod setting;
#[cfg(test)]
mod tests;
mod wanted;

use std::{collections::BTreeMap, panic::Location, sync::Arc};

use schemars::JsonSchema;
use serde_json::{Value, json};

use self::{
    block::{Block, Part, Place},
    rust_type::{Contract, fields},
};
pub use self::{
    declaration::{
        Declaration, connection, defaults, files, http, limits, mcp_command, mcp_tool, mcp_url, model, reconcile,
        retry, uses,
    },
    node::{
        Body, Node, agent, callback, code, code_fn, code_fn_as, graph, guard, guard_value, human, llm, loop_until,
        map_over, node, reduce, retrieve, route, tool, wait, wait_until,
    },
    reaction::On,
    registered::Registered,
    setting::Setting,
    wanted::Wanted,
};
use crate::{
    check::{Choices, Files, Reading, read_tree},
    diagnostic::{Code, Diagnostic, Diagnostics},
    kind::Catalog,
    source::{Source, Sources, Span},
    yaml::{self, Tree},
};

/// The name of the app file in the release of an app that was built in Rust, unless it uses a file of this name.
pub const MAIN: &str = "app.yaml";

/// The sections in the order in which people read them.
const ORDER: [&str; 16] = [
    "version",
    "name",
    "description",
    "inputs",
    "secrets",
    "models",
    "connections",
    "knowledge",
    "tools",
    "mcp",
    "flags",
    "limits",
    "defaults",
    "waive",
    "nodes",
    "output",
];

/// An app in the making.
#[derive(Clone, Debug)]
pub struct Builder {
    name: String,
    top: Block,
    functions: Vec<Registered>,
}

/// A built app: what the check says, and what running it needs beside the graph.
pub struct Built {
    /// The graph and the diagnostics; places are calls of the builder.
    pub reading: Reading,
    /// Functions that nodes run as `rust:NAME`, by that name.
    pub functions: BTreeMap<String, Registered>,
}

impl Builder {
    /// An app of this name.
    #[track_caller]
    pub fn new(name: impl Into<String>) -> Self {
        let (at, name) = (Location::caller(), name.into());
        let mut top = Block::new(at);
        top.set("version", 1, at);
        top.set("name", name.clone(), at);
        Self { name, top, functions: vec![] }
    }

    /// The app's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    #[track_caller]
    fn inside(mut self, section: &str, name: &str, value: impl Into<Setting>) -> Self {
        self.top.put_in(section, name, value.into().0, Location::caller());
        self
    }

    /// Any section by its name in app files.
    #[track_caller]
    pub fn set(mut self, section: &str, value: impl Into<Setting>) -> Self {
        self.top.put(section, value.into().0, Location::caller());
        self
    }

    /// What the app is for.
    #[track_caller]
    pub fn description(self, text: impl Into<String>) -> Self {
        self.set("description", text.into())
    }

    /// What a run is given: the fields of a Rust struct.
    #[track_caller]
    pub fn input<T: JsonSchema>(mut self) -> Self {
        let at = Location::caller();
        match fields::<T>(Contract::Given) {
            Value::Object(map) => {
                for (name, ty) in map {
                    self.top.put_in("inputs", &name, Part::Value(ty), at);
                }
            }
            other => self.top.set("inputs", other, at),
        }
        self
    }

    /// One field of what a run is given, with its type as in an app file: `"string"`, `"integer | null"`.
    #[track_caller]
    pub fn input_type(self, name: &str, ty: impl Into<Value>) -> Self {
        self.inside("inputs", name, ty.into())
    }

    /// The name of a secret, to be used as `${{ secrets.NAME }}` in declarations.
    #[track_caller]
    pub fn secret(mut self, name: &str) -> Self {
        self.top.push_to("secrets", Part::Value(name.into()), Location::caller());
        self
    }

    /// A model: `model("offline")`.
    #[track_caller]
    pub fn model(self, name: &str, declaration: Declaration) -> Self {
        self.inside("models", name, declaration)
    }

    /// A database or another server: `connection("sqlite").path("shop.db")`.
    #[track_caller]
    pub fn connection(self, name: &str, declaration: Declaration) -> Self {
        self.inside("connections", name, declaration)
    }

    /// A knowledge base: `files("docs/**/*.md")`.
    #[track_caller]
    pub fn knowledge(self, name: &str, declaration: Declaration) -> Self {
        self.inside("knowledge", name, declaration)
    }

    /// A tool: `http("POST https://example.com/refunds")`.
    #[track_caller]
    pub fn tool(self, name: &str, declaration: Declaration) -> Self {
        self.inside("tools", name, declaration)
    }

    /// An MCP server: `mcp_url("https://search.example.com/mcp").tool("find", mcp_tool())`.
    #[track_caller]
    pub fn mcp(self, name: &str, declaration: Declaration) -> Self {
        self.inside("mcp", name, declaration)
    }

    /// A flag with its type and its value when nothing sets it.
    #[track_caller]
    pub fn flag(self, name: &str, ty: &str, default: impl Into<Value>) -> Self {
        self.flag_type(name, json!({ "type": ty, "default": default.into() }))
    }

    /// A flag with its type as in an app file: `json!({ "enum": ["new", "old"], "default": "old" })`.
    #[track_caller]
    pub fn flag_type(self, name: &str, ty: impl Into<Value>) -> Self {
        self.inside("flags", name, ty.into())
    }

    /// Hard limits of a run: `limits().cost_usd(0.25)`.
    #[track_caller]
    pub fn limits(self, limits: Declaration) -> Self {
        self.set("limits", limits)
    }

    /// What every node starts from: `defaults().retry(2).timeout(seconds(20))`.
    #[track_caller]
    pub fn defaults(self, defaults: Declaration) -> Self {
        self.set("defaults", defaults)
    }

    /// Accepts a finding of the check, for a reason and until a day: `waive("UZ3006", "…", "2027-01-31")`.
    #[track_caller]
    pub fn waive(mut self, code: &str, reason: &str, until: &str) -> Self {
        self.top.push_to("waive", setting::waiver(code, reason, until), Location::caller());
        self
    }

    /// A node.
    #[track_caller]
    pub fn node(self, id: &str, node: impl Into<Node>) -> Self {
        self.inside("nodes", id, node.into())
    }

    /// A field of what a run gives, with `${{ }}`. Without any, a run gives the outputs of nodes nothing depends on.
    #[track_caller]
    pub fn output(self, name: &str, value: impl Into<Value>) -> Self {
        self.inside("output", name, value.into())
    }

    /// What a run gives where that is no map of fields: `output_value("${{ write.text }}")`.
    #[track_caller]
    pub fn output_value(self, value: impl Into<Value>) -> Self {
        self.set("output", value.into())
    }

    /// A function that nodes may name as `rust:NAME` beside those that nodes bring along.
    pub fn function(mut self, function: Registered) -> Self {
        self.functions.push(function);
        self
    }

    /// Checks the app; nothing is made yet. `files` has what the app names, such as prompts.
    pub fn read(mut self, files: &dyn Files, catalog: &Catalog, choices: &Choices) -> Built {
        let (mut sources, mut out) = (Sources::default(), Diagnostics::default());
        self.top.take_functions(&mut self.functions);
        let functions = register(self.functions, &mut sources, &mut out);
        let mut catalog = catalog.clone();
        catalog.functions.extend(functions.iter().map(|(name, f)| (name.clone(), f.def.clone())));
        let tree = in_order(self.top).tree(&mut sources, &mut out);
        let text = yaml::emit(&tree);
        yaml::readable(&tree, &text, &mut out);
        let mut reading = read_tree(tree, sources, files, &catalog, choices);
        let failed = out.has_errors();
        reading.diagnostics.extend(out);
        reading.diagnostics.sort();
        // A run is pinned to the files of its app; of this one that is the file it would be.
        if let Some(graph) = reading.graph.as_mut().and_then(Arc::get_mut) {
            graph.main = main(&graph.files);
            graph.files.insert(graph.main.clone(), text.into_bytes());
        }
        reading.graph = reading.graph.filter(|_| !failed);
        Built { reading, functions }
    }

    /// The app as a tree whose places are calls of the program. What was set twice is reported.
    pub fn tree(&self, sources: &mut Sources, out: &mut Diagnostics) -> Tree {
        in_order(self.top.clone()).tree(sources, out)
    }

    /// The app file that means the same. Functions of Rust are `rust:NAME` in it.
    pub fn to_yaml(&self) -> String {
        yaml::emit(&self.tree(&mut Sources::default(), &mut Diagnostics::default()))
    }
}

/// A name for the app file that no file of the app has.
fn main(files: &BTreeMap<String, Vec<u8>>) -> String {
    let numbered = (2..).map(|n| format!("app.{n}.yaml"));
    let mut names = std::iter::once(MAIN.to_owned()).chain(numbered);
    names.find(|name| !files.contains_key(name)).unwrap_or_default()
}

impl std::fmt::Debug for Built {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Built").field("reading", &self.reading).finish_non_exhaustive()
    }
}

fn in_order(mut top: Block) -> Block {
    top.sort(|key| ORDER.iter().position(|known| *known == key).unwrap_or(ORDER.len()));
    top
}

fn span(at: Place, sources: &mut Sources) -> Span {
    Span::new(sources.add(Source::Rust(at)), 0..0)
}

/// Functions by name. Two functions of one name are a mistake; the same one twice is not.
fn register(functions: Vec<Registered>, sources: &mut Sources, out: &mut Diagnostics) -> BTreeMap<String, Registered> {
    let mut known: BTreeMap<String, Registered> = BTreeMap::new();
    for function in functions {
        let name = function.name.clone();
        if name.is_empty() || name.contains(['{', '<']) {
            let message = "a closure has no name that an app could run it by";
            let help = "give it one: `code_fn_as(\"draft_reply\", …)`";
            out.push(Diagnostic::new(Code::BAD_RUN_TARGET, span(function.at, sources), message).help(help));
        }
        match known.get(&name) {
            Some(before) if before.id != function.id => {
                let (at, first) = (span(function.at, sources), span(before.at, sources));
                let message = format!("two functions are called `{name}`");
                let help = format!("give one of them another name: `code_fn_as(\"{name}_2\", …)`");
                out.push(
                    Diagnostic::new(Code::BAD_RUN_TARGET, at, message).label(first, "the other one is here").help(help),
                );
            }
            Some(_) => {}
            None => {
                known.insert(name, function);
            }
        }
    }
    known
}

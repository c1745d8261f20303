//! The checked, immutable program: nodes, what starts them, and what they use. Made by `check`, read by the engine.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::Arc,
    time::Duration,
};

use indexmap::IndexMap;
use serde_json::Value;

use crate::{
    capability::tool::EffectClass,
    date::Date,
    diagnostic::Diagnostics,
    document::Limits,
    expr::{Binding, Expression, Reference, Scope, Template, TypeScope},
    failure::Failure,
    kind::{ConnectionDef, FunctionDef, KindDef, ModelDef, ModelPorts, RetrieverDef, ToolDef, ToolPorts},
    policy::RetryPolicy,
    schema::{Schema, Type},
    source::{Sources, Span},
    yaml::{self, Text, Tree},
};

mod body;
pub mod cost;
pub mod diff;
pub mod draw;
pub mod facts;
mod shape;

pub use body::{Body, Inner, ItemError, Join, Plan, Shape, Sketch, Source};
use facts::{Facts, Noted};

/// Index of a node in [`Graph::nodes`].
pub type NodeIdx = usize;

/// A checked app.
#[derive(Debug)]
pub struct Graph {
    /// The app's name.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// The app file, as it was named.
    pub main: String,
    /// The folder of the app file below that of the app that runs it: empty, or a path that ends in `/`.
    pub folder: String,
    /// What a run is given.
    pub inputs: Schema,
    /// What a run gives; the outputs of nodes nothing depends on if the file does not say.
    pub output: Option<Binding>,
    /// The type of what a run gives.
    pub gives: Type,
    /// Nodes in the order of the file.
    pub nodes: IndexMap<String, Arc<NodeDef>>,
    /// Hard limits of a run.
    pub limits: Limits,
    /// Flags with their defaults.
    pub flags: BTreeMap<String, Flag>,
    /// Names of secrets.
    pub secrets: Vec<String>,
    /// Models, tools and the like.
    pub declared: Declared,
    /// The app as it was read, with what overlays change.
    pub tree: Tree,
    /// Files that were read, by the path in the app: the app file, prompts, logic, examples.
    pub files: BTreeMap<String, Vec<u8>>,
    /// For errors.
    pub sources: Sources,
}

/// A flag.
#[derive(Clone, Debug)]
pub struct Flag {
    /// Its type.
    pub schema: Schema,
    /// Its value when nothing sets it.
    pub default: Value,
    /// What it chooses.
    pub description: String,
    /// Who decides about it.
    pub owner: Option<String>,
    /// The last day on which it is needed.
    pub expires: Option<Date>,
    /// Where its name stands.
    pub at: Span,
}

/// Named things that nodes use.
#[derive(Clone, Debug, Default)]
pub struct Declared {
    /// Models.
    pub models: IndexMap<String, Declaration<ModelDef, ModelPorts>>,
    /// Tools.
    pub tools: IndexMap<String, Declaration<ToolDef, ToolPorts>>,
    /// Connections.
    pub connections: IndexMap<String, Declaration<ConnectionDef, ()>>,
    /// Knowledge bases.
    pub knowledge: IndexMap<String, Declaration<RetrieverDef, ()>>,
    /// Functions of the host program; none when a program without them reads the app.
    pub functions: BTreeMap<String, FunctionDef>,
    /// Section and name of what could not be read, and `*` for a section whose name may be misspelt: that such a name
    /// is not declared is no second mistake. Empty in a graph.
    pub(crate) unclear: BTreeSet<(&'static str, String)>,
}

impl Declared {
    /// The models that are asked for `model`, in order, those that are not declared left out: itself and then, breadth
    /// first, those that each names as its fallbacks. If `instead` names any, they take the place of all of those.
    pub fn chain<'d>(
        &'d self,
        model: &'d str,
        instead: &'d [Text],
    ) -> Vec<(&'d str, &'d Declaration<ModelDef, ModelPorts>)> {
        let mut names = vec![model];
        let add = |names: &mut Vec<&'d str>, more: &'d [Text]| {
            for name in more.iter().map(Text::as_str) {
                if !names.contains(&name) {
                    names.push(name);
                }
            }
        };
        add(&mut names, instead);
        let mut next = 0;
        while let Some(name) = names.get(next).copied() {
            next += 1;
            if let Some(declaration) = self.models.get(name).filter(|_| instead.is_empty()) {
                add(&mut names, &declaration.ports.fallback);
            }
        }
        names.into_iter().filter_map(|name| Some((name, self.models.get(name)?))).collect()
    }

    /// Whether a name was declared in a way that could not be read.
    pub(crate) fn is_unclear(&self, section: &str, name: &str) -> bool {
        let listed =
            |section: &str, name: &str| self.unclear.iter().any(|(s, n)| *s == section && (n == name || n == "*"));
        // A connection's operations are tools: `shop.query`.
        let connection = name.split_once('.').map(|(connection, _)| connection).filter(|_| section == "tools");
        listed(section, name) || connection.is_some_and(|connection| listed("connections", connection))
    }
}

/// One named thing.
#[derive(Clone)]
pub struct Declaration<D, P> {
    /// What sort of thing.
    pub def: D,
    /// Its settings as they are written.
    pub tree: Tree,
    /// What its check said.
    pub ports: P,
    /// Where its name stands.
    pub at: Span,
}

impl<D, P> fmt::Debug for Declaration<D, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Declaration").field("at", &self.at).finish_non_exhaustive()
    }
}

/// A node.
pub struct NodeDef {
    /// Its name.
    pub id: String,
    /// What it is.
    pub kind: KindDef,
    /// What it is for.
    pub description: String,
    /// Words for those who look at runs.
    pub labels: IndexMap<String, String>,
    /// The kind's own keys.
    pub config: Tree,
    /// Where its name stands.
    pub at: Span,
    /// What `needs` names.
    pub needs: Vec<Text>,
    /// It is stepped over unless this is true.
    pub when: Option<Expression>,
    /// What its call is given, by name.
    pub inputs: Vec<Input>,
    /// What it gives.
    pub output: Type,
    /// What starts it.
    pub parents: Vec<Edge>,
    /// Which of those it waits for.
    pub join: Join,
    /// Nodes that it may start, each with the index of the edge among that node's parents.
    pub children: Vec<(NodeIdx, usize)>,
    /// Whether it waits for a route, an error or a block to choose it.
    pub gated: bool,
    /// What its failure does.
    pub on_error: Reaction,
    /// What its block does.
    pub on_block: Reaction,
    /// How its effects are done.
    pub policy: Policy,
    /// Hard limits of it and all below it.
    pub limits: Limits,
    /// What its kind tells lints and estimates.
    pub facts: Facts,
    /// What the document tells them.
    pub noted: Noted,
    /// What it runs below itself; a node without it is called.
    pub plan: Option<Plan>,
    /// Its number among all nodes of the app, those in bodies and other apps included.
    pub slot: usize,
}

impl fmt::Debug for NodeDef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NodeDef").field("id", &self.id).field("kind", &self.kind.name).finish_non_exhaustive()
    }
}

/// How a node's effects are done.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    /// When and how often one is tried again.
    pub retry: RetryPolicy,
    /// Bound on one try, if the node sets one.
    pub timeout: Option<Duration>,
}

/// What a failure or a block does.
#[derive(Clone, Debug)]
pub enum Reaction {
    /// The run fails.
    Fail,
    /// The nodes behind it take the failure: nobody said what it does, and each of them has a join that can.
    HandOn,
    /// The node's output is null and the rest goes on as if it had been stepped over.
    Skip,
    /// This is the node's output.
    Use(Binding),
    /// That node is run instead of those that depend on this one.
    Run(NodeIdx),
    /// The run ends with this text for the user.
    Stop(Binding),
}

/// Something that starts a node once it has settled.
#[derive(Clone, Debug, PartialEq)]
pub struct Edge {
    /// The node that comes before.
    pub from: NodeIdx,
    /// On which way out of it.
    pub via: Via,
    /// The text that causes the edge.
    pub at: Span,
}

/// A way out of a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Via {
    /// Its value is used, or it is named in `needs`.
    Flow,
    /// It chose one of these ways.
    Ports(Vec<String>),
    /// It failed.
    Error,
    /// It blocked.
    Block,
}

impl Via {
    /// Whether this edge chooses rather than orders.
    pub fn is_control(&self) -> bool {
        *self != Self::Flow
    }
}

/// A named input of a node's call.
#[derive(Debug)]
pub struct Input {
    /// The name that the kind gave it.
    pub name: String,
    /// What computes it.
    pub program: Program,
    /// What it must fit, and in which words that is said.
    pub expect: Option<(Type, &'static str)>,
    /// Where it stands.
    pub at: Span,
    /// Where its fields stand, if it is written as a map.
    pub fields: Vec<(String, Span)>,
    /// Whether a value that may be null is fine here.
    pub nullable: bool,
    /// What its value was found to be.
    pub found: Type,
}

/// Something that computes a value from the scope.
#[derive(Debug)]
pub enum Program {
    /// `{{ }}` in a text.
    Template(Template),
    /// `${{ }}` in values.
    Binding(Binding),
    /// A bare expression.
    Expression(Expression),
}

impl Program {
    /// What it refers to.
    pub fn references(&self) -> &[Reference] {
        match self {
            Self::Template(template) => template.references(),
            Self::Binding(binding) => binding.references(),
            Self::Expression(expression) => expression.references(),
        }
    }

    /// Its value in a scope.
    pub fn evaluate(&self, scope: &Scope) -> Result<Value, Failure> {
        match self {
            Self::Template(template) => template.evaluate(scope),
            Self::Binding(binding) => binding.evaluate(scope),
            Self::Expression(expression) => expression.evaluate(scope),
        }
    }

    /// Where its value or one of its fields comes from, and in words what that place has to do with it.
    pub(crate) fn origin(&self, field: Option<&str>, types: &TypeScope) -> Option<(Span, String)> {
        match self {
            Self::Template(_) => None,
            Self::Binding(binding) => binding.origin(field, types),
            Self::Expression(expression) => expression.origin(types).filter(|_| field.is_none()),
        }
    }

    /// The type of its value.
    pub fn infer(&self, types: &TypeScope, out: &mut Diagnostics) -> Type {
        match self {
            Self::Template(template) => template.infer(types, out),
            Self::Binding(binding) => binding.infer(types, out),
            Self::Expression(expression) => expression.infer(types, out),
        }
    }
}

/// Looks at the types of a node's inputs once they are known, and may say more about its output.
pub type Later = Box<dyn FnOnce(&BTreeMap<String, Type>, &mut Diagnostics) -> Option<Type>>;

/// What a kind's check says about a node.
#[derive(Default)]
pub struct Ports {
    /// What it gives.
    pub output: Option<Type>,
    /// Ways on, in order, and the nodes each one starts.
    pub ways: Vec<(String, Vec<Text>)>,
    /// Called when the types of the inputs are known.
    pub later: Option<Later>,
    /// What repeating the tool it calls does, if it calls one.
    pub effect: Option<EffectClass>,
    /// Whether it keeps what comes after it from happening when somebody or something says no.
    pub gate: bool,
    /// What lints and estimates need to know.
    pub facts: Facts,
    /// What it runs below itself, for kinds that are not called.
    pub plan: Option<Sketch>,
}

impl Ports {
    /// A node that gives values of this type.
    pub fn of(output: Type) -> Self {
        Self { output: Some(output), ..Self::default() }
    }
}

impl Graph {
    /// A node and its index, by name.
    pub fn node(&self, id: &str) -> Option<(NodeIdx, &Arc<NodeDef>)> {
        self.nodes.get_full(id).map(|(idx, _, node)| (idx, node))
    }

    /// All nodes, those of bodies and of other apps after the node that runs them.
    pub fn all_nodes(&self) -> Vec<&Arc<NodeDef>> {
        let mut all = vec![];
        body::collect(&self.nodes, &mut all);
        all
    }

    /// The definition of the node at a place of a run: `notes[17].summarise` is `summarise` in the body of `notes`.
    pub fn at(&self, instance: &str) -> Option<&Arc<NodeDef>> {
        body::at(&self.nodes, instance)
    }

    /// The place in the file of the node at a place of a run: `notes.summarise` of `notes[17].summarise`.
    pub fn definition_of(&self, instance: &str) -> Option<String> {
        body::definition(&self.nodes, instance)
    }

    /// A file that was read with the app, as text.
    pub fn file(&self, path: &str) -> Option<Arc<str>> {
        self.files.get(path).and_then(|bytes| std::str::from_utf8(bytes).ok()).map(Arc::from)
    }

    /// The app as one file in one form: the same app gives the same text, whether it was a file of another form or built in
    /// Rust. Reading it gives a graph of the same [`shape`](Self::shape).
    pub fn to_yaml(&self) -> String {
        yaml::emit(&self.tree)
    }
}

//! What can be extended, as explicit ordered lists: kinds of nodes, model providers, tools, retrievers, connections.
//!
//! A kind is described by [`Kind`]: its config, a pure check and a build. Describing and doing are two traits because
//! they have different lifetimes: [`Kind`] is asked while a document is read, [`Node`] while a run runs.

use std::{collections::BTreeMap, sync::Arc};

use schemars::{JsonSchema, Schema as JsonSchemaValue};
use serde::de::DeserializeOwned;

use crate::{
    build::Build,
    capability::{
        model::{Model, Price},
        retriever::Retriever,
        tool::{EffectClass, Tool},
    },
    check::Check,
    diagnostic::Diagnostic,
    graph::Ports,
    node::Node,
    reconcile::Probe,
    schema::{Schema, Type},
    yaml::{self, Soundness, Text, Tree},
};

/// An example for the reference; tests read each one.
#[derive(Clone, Copy, Debug)]
pub struct KindExample {
    /// What it shows.
    pub title: &'static str,
    /// A complete app file.
    pub app: &'static str,
}

/// What `kind: NAME` names.
pub trait Kind: 'static {
    /// The name in app files.
    const NAME: &'static str;
    /// One sentence for lists.
    const SUMMARY: &'static str;
    /// Shown in the reference, run as tests.
    const EXAMPLES: &'static [KindExample];
    /// Files that the examples name: path and text.
    const FILES: &'static [(&'static str, &'static str)] = &[];
    /// Common keys that this kind reads itself, because they mean something of its own here.
    const TAKES: &'static [&'static str] = &[];
    /// The node's own keys; doc comments of its fields are the reference.
    type Config: DeserializeOwned + JsonSchema;
    /// Looks at the config: registers inputs, says what the node gives. Pure.
    fn check(config: &Self::Config, cx: &mut Check<'_>) -> Ports;
    /// Makes the node. A kind whose check gives a plan is never built: the engine runs its body.
    fn build(config: Self::Config, cx: &mut Build<'_>) -> Result<Arc<dyn Node>, Diagnostic> {
        let _ = (config, cx);
        Err(Diagnostic::new(crate::diagnostic::Code::BUILD_FAILED, None, format!("a `{}` is not called", Self::NAME)))
    }
}

/// Makes something of its settings.
pub type BuildFn<T> = fn(&Tree, &mut Build<'_>) -> Result<Arc<T>, Diagnostic>;
/// Makes the retriever of a knowledge base with this name.
pub type BuildRetriever = fn(&str, &Tree, &mut Build<'_>) -> Result<Arc<dyn Retriever>, Diagnostic>;

/// A kind without its type: what the lists hold.
#[derive(Clone, Copy)]
pub struct KindDef {
    /// The name in app files.
    pub name: &'static str,
    /// One sentence.
    pub summary: &'static str,
    /// For the reference and tests.
    pub examples: &'static [KindExample],
    /// Files that the examples name: path and text.
    pub files: &'static [(&'static str, &'static str)],
    /// Common keys that it reads itself.
    pub takes: &'static [&'static str],
    /// JSON Schema of the config.
    pub schema: fn() -> JsonSchemaValue,
    /// Reads the config and checks it; `None` when it cannot be read.
    pub check: fn(&Tree, &mut Check<'_>) -> Option<Ports>,
    /// Reads the config and builds the node.
    pub build: BuildFn<dyn Node>,
}

impl KindDef {
    /// The definition of a kind.
    pub const fn of<K: Kind>() -> Self {
        Self {
            name: K::NAME,
            summary: K::SUMMARY,
            examples: K::EXAMPLES,
            files: K::FILES,
            takes: K::TAKES,
            schema: || schemars::schema_for!(K::Config),
            check: |tree, cx| {
                cx.place = Some(tree.span.head());
                let (config, soundness) = yaml::partly_from_tree::<K::Config>(tree, cx.out);
                match soundness {
                    Soundness::Whole => Some(K::check(&config?, cx)),
                    Soundness::UnknownKeys => Some(cx.on_unknown_keys(&K::check, &config?)),
                    Soundness::StandIns => None,
                }
            },
            build: |tree, cx| K::build(config_again(tree)?, cx),
        }
    }
}

/// Reads a config that a check has read before.
///
/// # Errors
/// The first diagnostic, for trees that no check has seen.
pub fn config_again<T: DeserializeOwned>(tree: &Tree) -> Result<T, Diagnostic> {
    let mut out = crate::diagnostic::Diagnostics::default();
    yaml::from_tree(tree, &mut out).ok_or_else(|| {
        out.iter().next().cloned().unwrap_or_else(|| {
            Diagnostic::new(crate::diagnostic::Code::BUILD_FAILED, tree.span, "the settings cannot be read")
        })
    })
}

/// What a model declaration says that others need to know.
#[derive(Clone, Debug, Default)]
pub struct ModelPorts {
    /// Models to ask when this one cannot answer, in order.
    pub fallback: Vec<Text>,
    /// Whether an answer from here is a lesser one.
    pub brown_out: bool,
    /// How long one try may take.
    pub timeout: Option<std::time::Duration>,
    /// What it costs, if that is known.
    pub price: Option<Price>,
    /// Bound on an answer, in tokens, for nodes that set none.
    pub max_tokens: Option<u32>,
}

/// A model provider: what stands before the `/` in `use: openai/gpt-5-mini`.
#[derive(Clone, Copy)]
pub struct ModelDef {
    /// The provider's name.
    pub name: &'static str,
    /// One sentence.
    pub summary: &'static str,
    /// Whether it is asked over a network.
    pub remote: bool,
    /// JSON Schema of the declaration.
    pub schema: fn() -> JsonSchemaValue,
    /// Checks a declaration.
    pub check: fn(&Tree, &mut Check<'_>) -> Option<ModelPorts>,
    /// Makes the model; the tree has its secrets filled in.
    pub build: BuildFn<dyn Model>,
}

/// What a tool takes and gives.
#[derive(Clone, Debug)]
pub struct ToolPorts {
    /// Its parameters, an object.
    pub params: Schema,
    /// What it returns.
    pub output: Type,
    /// What repeating it does.
    pub class: EffectClass,
    /// How long one try may take.
    pub timeout: Option<std::time::Duration>,
    /// What it does, for models that may call it.
    pub description: String,
    /// How to find out whether a call was made.
    pub reconcile: Option<Probe>,
}

/// A sort of tool: what `use: http` names in a tool's declaration.
#[derive(Clone, Copy)]
pub struct ToolDef {
    /// The name, such as `http` or `sqlite.query`.
    pub name: &'static str,
    /// One sentence.
    pub summary: &'static str,
    /// Whether it is called over a network.
    pub remote: bool,
    /// Parameters that are statements of another language, unless the declaration has a key of that name: `sql`.
    pub statements: &'static [&'static str],
    /// JSON Schema of the declaration.
    pub schema: fn() -> JsonSchemaValue,
    /// Checks a declaration.
    pub check: fn(&Tree, &mut Check<'_>) -> Option<ToolPorts>,
    /// Makes the tool; the tree has its secrets filled in.
    pub build: BuildFn<dyn Tool>,
}

/// A sort of connection: what `use: sqlite` names in a connection's declaration.
#[derive(Clone, Copy)]
pub struct ConnectionDef {
    /// The name.
    pub name: &'static str,
    /// One sentence.
    pub summary: &'static str,
    /// JSON Schema of the declaration.
    pub schema: fn() -> JsonSchemaValue,
    /// Operations that nodes can call as `CONNECTION.OPERATION`; each is the tool `NAME.OPERATION`.
    pub operations: &'static [&'static str],
    /// Checks a declaration.
    pub check: fn(&Tree, &mut Check<'_>),
}

/// A sort of knowledge base: the key that a declaration must have, such as `files`.
#[derive(Clone, Copy)]
pub struct RetrieverDef {
    /// The key.
    pub name: &'static str,
    /// One sentence.
    pub summary: &'static str,
    /// JSON Schema of the declaration.
    pub schema: fn() -> JsonSchemaValue,
    /// Checks a declaration.
    pub check: fn(&Tree, &mut Check<'_>),
    /// Makes the retriever of a knowledge base with this name.
    pub build: BuildRetriever,
}

/// What a function of the host program takes and gives.
#[derive(Clone, Debug, PartialEq)]
pub struct FunctionDef {
    /// Its argument.
    pub params: Type,
    /// Its result.
    pub result: Type,
}

/// Everything an app file can name, in order. A program may add to the standard lists.
#[derive(Clone, Default)]
pub struct Catalog {
    /// Kinds of nodes.
    pub kinds: Vec<KindDef>,
    /// Model providers.
    pub models: Vec<ModelDef>,
    /// Sorts of tools.
    pub tools: Vec<ToolDef>,
    /// Sorts of connections.
    pub connections: Vec<ConnectionDef>,
    /// Sorts of knowledge bases.
    pub retrievers: Vec<RetrieverDef>,
    /// Functions of the host program, by the name in `rust:NAME`.
    pub functions: BTreeMap<String, FunctionDef>,
}

impl Catalog {
    /// Adds a kind; one of the same name is replaced.
    pub fn with<K: Kind>(mut self) -> Self {
        self.kinds.retain(|kind| kind.name != K::NAME);
        self.kinds.push(KindDef::of::<K>());
        self
    }

    /// The kind of this name.
    pub fn kind(&self, name: &str) -> Option<KindDef> {
        self.kinds.iter().find(|kind| kind.name == name).copied()
    }

    /// The provider of this model name (`openai/gpt-5-mini`, `offline`).
    pub fn model(&self, model: &str) -> Option<ModelDef> {
        let provider = model.split('/').next().unwrap_or(model);
        self.models.iter().find(|def| def.name == provider).copied()
    }

    /// The sort of tool of this name.
    pub fn tool(&self, name: &str) -> Option<ToolDef> {
        self.tools.iter().find(|def| def.name == name).copied()
    }

    /// The sort of connection of this name.
    pub fn connection(&self, name: &str) -> Option<ConnectionDef> {
        self.connections.iter().find(|def| def.name == name).copied()
    }
}

//! Graph to app: makes nodes and what they use, with secrets filled in. May touch the world (open a database), spawns nothing.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::Arc,
    time::Duration,
};

use indexmap::IndexMap;
use serde_json::Value;

use crate::{
    capability::{BoxFuture, model::Model, retriever::Retriever, tool::Tool},
    diagnostic::{Code, Diagnostic, did_you_mean},
    failure::{Failure, FailureClass},
    graph::{Declaration, Graph, Inner, NodeDef},
    interpolate::fill_secrets,
    kind::{ModelDef, ModelPorts, ToolPorts},
    node::{Call, Endpoint, Function, Node, Outcome},
    source::Span,
    yaml::Text,
};

/// What stands around an app: folders, secrets, functions of the host program.
pub struct Surroundings<'a> {
    /// The app file's folder; relative paths of data are relative to it.
    pub folder: &'a Path,
    /// Where indexes and the like are kept.
    pub cache: &'a Path,
    /// A secret's value.
    pub secret: &'a dyn Fn(&str) -> Option<String>,
    /// Functions that `rust:NAME` refers to.
    pub functions: &'a BTreeMap<String, Arc<Function>>,
}

/// An app that can run.
pub struct App {
    /// The checked program.
    pub graph: Arc<Graph>,
    /// Its nodes, by slot.
    pub nodes: Vec<Arc<dyn Node>>,
    /// What a model's answers come from if they do not come from an LLM, in one line for people.
    pub notices: Vec<String>,
}

/// A model and its fallbacks, best first.
pub struct ModelChain {
    /// Name in the app.
    pub name: String,
    /// Models; never empty.
    pub links: Vec<Arc<dyn Model>>,
    /// Their endpoints, by the same index.
    pub endpoints: Vec<Endpoint>,
}

/// A tool with what the checker knows of it.
pub struct BoundTool {
    /// Name in the app.
    pub name: String,
    /// What calls it.
    pub tool: Arc<dyn Tool>,
    /// Parameters, class, timeout.
    pub ports: ToolPorts,
    /// Its endpoint.
    pub endpoint: Endpoint,
    /// The tool that can tell whether a call of this one was made.
    pub probe: Option<Arc<BoundTool>>,
}

/// How long one try of a model may take, if nobody says.
pub const MODEL_TIMEOUT: Duration = Duration::from_mins(1);
/// How long one try of a tool may take, if nobody says.
pub const TOOL_TIMEOUT: Duration = Duration::from_secs(30);

/// What a kind sees while it builds a node. Things that several nodes use are made once.
pub struct Build<'a> {
    /// The checked program.
    pub graph: &'a Graph,
    /// Folders, secrets, functions.
    pub surroundings: &'a Surroundings<'a>,
    /// Name of the model that is being made.
    making: String,
    models: BTreeMap<String, Arc<dyn Model>>,
    /// Models that nodes ask first.
    asked: BTreeSet<String>,
    tools: BTreeMap<String, Arc<BoundTool>>,
    retrievers: BTreeMap<String, Arc<dyn Retriever>>,
}

/// Makes all nodes of a graph.
///
/// # Errors
/// Everything that could not be made, such as a model whose key is missing.
pub fn build(graph: &Arc<Graph>, surroundings: &Surroundings<'_>) -> Result<App, Vec<Diagnostic>> {
    let (mut built, mut problems, mut notices) = (BTreeMap::new(), Vec::new(), Vec::new());
    make(graph, surroundings, &mut Made { built: &mut built, problems: &mut problems, notices: &mut notices });
    notices.dedup();
    let nodes = built.into_values().collect();
    if problems.is_empty() { Ok(App { graph: Arc::clone(graph), nodes, notices }) } else { Err(problems) }
}

/// Makes all nodes of a graph for a place where nothing is called. Nodes that cannot be made there are never called: their
/// slots and the reasons come back, too.
pub fn build_offline(graph: &Arc<Graph>, surroundings: &Surroundings<'_>) -> (App, BTreeMap<usize, String>) {
    let (mut built, mut problems, mut notices) = (BTreeMap::new(), Vec::new(), Vec::new());
    let mut unmade = BTreeMap::new();
    make(graph, surroundings, &mut Made { built: &mut built, problems: &mut problems, notices: &mut notices });
    let why = problems.first().map_or_else(String::new, |problem| problem.message.clone());
    for node in graph.all_nodes() {
        built.entry(node.slot).or_insert_with(|| {
            unmade.insert(node.slot, why.clone());
            Arc::new(NeverCalled)
        });
    }
    (App { graph: Arc::clone(graph), nodes: built.into_values().collect(), notices }, unmade)
}

/// What has been made so far.
struct Made<'m> {
    /// By slot.
    built: &'m mut BTreeMap<usize, Arc<dyn Node>>,
    problems: &'m mut Vec<Diagnostic>,
    notices: &'m mut Vec<String>,
}

/// Makes the nodes of an app; those of the apps that it runs have models and tools of their own.
fn make(graph: &Graph, surroundings: &Surroundings<'_>, made: &mut Made<'_>) {
    let mut cx = Build {
        graph,
        surroundings,
        making: String::new(),
        models: BTreeMap::new(),
        asked: BTreeSet::new(),
        tools: BTreeMap::new(),
        retrievers: BTreeMap::new(),
    };
    make_nodes(&graph.nodes, &mut cx, made);
    made.notices.extend(cx.notices());
}

fn make_nodes(nodes: &IndexMap<String, Arc<NodeDef>>, cx: &mut Build<'_>, made: &mut Made<'_>) {
    for node in nodes.values() {
        let built: Result<Arc<dyn Node>, Diagnostic> = match &node.plan {
            None => (node.kind.build)(&node.config, cx),
            Some(plan) => {
                match &plan.inner {
                    Inner::Nodes(body) => make_nodes(&body.nodes, cx, made),
                    Inner::App(app) => {
                        let folder = cx.surroundings.folder.join(&app.folder);
                        make(app, &Surroundings { folder: &folder, ..*cx.surroundings }, made);
                    }
                }
                Ok(Arc::new(NeverCalled))
            }
        };
        match built {
            Ok(node_built) => drop(made.built.insert(node.slot, node_built)),
            Err(problem) if made.problems.iter().any(|p| p.at == problem.at && p.message == problem.message) => {}
            Err(problem) => made.problems.push(problem),
        }
    }
}

/// Stands where a node has a body: the engine runs that, and calls nothing.
struct NeverCalled;

impl Node for NeverCalled {
    fn call<'a>(&'a self, _: Arc<Value>, _: &'a Call) -> BoxFuture<'a, Result<Outcome, Failure>> {
        Box::pin(std::future::ready(Err(Failure::new(FailureClass::Bug, "a node with a body was called"))))
    }
}

impl Build<'_> {
    /// Name of the model that is being made.
    pub fn making(&self) -> &str {
        &self.making
    }

    /// The model of this name and those that stand in for it: its own fallbacks, or if `instead` names any, those.
    pub fn model(&mut self, name: &Text, instead: &[Text]) -> Result<Arc<ModelChain>, Diagnostic> {
        let graph = self.graph;
        let mut chain = ModelChain { name: name.as_str().to_owned(), links: vec![], endpoints: vec![] };
        for (link, declaration) in graph.declared.chain(name.as_str(), instead) {
            let model = self.link(link, declaration)?;
            chain.endpoints.push(Endpoint {
                id: model.endpoint(),
                timeout: declaration.ports.timeout.unwrap_or(MODEL_TIMEOUT),
                brown_out: !chain.links.is_empty() || declaration.ports.brown_out,
            });
            chain.links.push(model);
        }
        if chain.links.is_empty() {
            let message = format!("there is no model `{}`", name.as_str());
            return Err(Diagnostic::new(Code::UNKNOWN_NAME, name.span, message));
        }
        self.asked.insert(chain.name.clone());
        Ok(Arc::new(chain))
    }

    /// One model by itself.
    fn link(
        &mut self,
        name: &str,
        declaration: &Declaration<ModelDef, ModelPorts>,
    ) -> Result<Arc<dyn Model>, Diagnostic> {
        if let Some(model) = self.models.get(name) {
            return Ok(Arc::clone(model));
        }
        let tree = fill_secrets(&declaration.tree, self.surroundings.secret).map_err(|problem| {
            let help = problem.help.clone().unwrap_or_default();
            problem.help(format!("{help}; `--model {name}=offline` needs no key"))
        })?;
        name.clone_into(&mut self.making);
        let model = (declaration.def.build)(&tree, self)?;
        self.models.insert(name.to_owned(), Arc::clone(&model));
        Ok(model)
    }

    /// The tool of this name.
    pub fn tool(&mut self, name: &Text) -> Result<Arc<BoundTool>, Diagnostic> {
        if let Some(tool) = self.tools.get(name.as_str()) {
            return Ok(Arc::clone(tool));
        }
        let graph = self.graph;
        let declaration = graph.declared.tools.get(name.as_str()).ok_or_else(|| {
            Diagnostic::new(Code::UNKNOWN_NAME, name.span, format!("there is no tool `{}`", name.as_str()))
        })?;
        let tree = fill_secrets(&declaration.tree, self.surroundings.secret)?;
        let tool = (declaration.def.build)(&tree, self)?;
        // A probe only reads, and so has none itself.
        let probe = declaration.ports.reconcile.as_ref().map(|probe| self.tool(&probe.tool)).transpose()?;
        let endpoint = Endpoint {
            id: tool.endpoint(),
            timeout: declaration.ports.timeout.unwrap_or(TOOL_TIMEOUT),
            brown_out: false,
        };
        let (name_of, ports) = (name.as_str().to_owned(), declaration.ports.clone());
        let bound = Arc::new(BoundTool { name: name_of, tool, ports, endpoint, probe });
        self.tools.insert(name.as_str().to_owned(), Arc::clone(&bound));
        Ok(bound)
    }

    /// The knowledge base of this name.
    pub fn retriever(&mut self, name: &Text) -> Result<Arc<dyn Retriever>, Diagnostic> {
        if let Some(retriever) = self.retrievers.get(name.as_str()) {
            return Ok(Arc::clone(retriever));
        }
        let graph = self.graph;
        let declaration = graph.declared.knowledge.get(name.as_str()).ok_or_else(|| {
            Diagnostic::new(Code::UNKNOWN_NAME, name.span, format!("there is no knowledge base `{}`", name.as_str()))
        })?;
        let tree = fill_secrets(&declaration.tree, self.surroundings.secret)?;
        let retriever = (declaration.def.build)(name.as_str(), &tree, self)?;
        self.retrievers.insert(name.as_str().to_owned(), Arc::clone(&retriever));
        Ok(retriever)
    }

    /// The settings of a connection, with its secrets.
    pub fn connection(&self, name: &Text) -> Result<crate::yaml::Tree, Diagnostic> {
        let declaration = self.graph.declared.connections.get(name.as_str()).ok_or_else(|| {
            Diagnostic::new(Code::UNKNOWN_NAME, name.span, format!("there is no connection `{}`", name.as_str()))
        })?;
        fill_secrets(&declaration.tree, self.surroundings.secret)
    }

    /// A function of the host program.
    pub fn function(&self, name: &str, at: Span) -> Result<Arc<Function>, Diagnostic> {
        self.surroundings.functions.get(name).cloned().ok_or_else(|| {
            let names = self.surroundings.functions.keys().map(String::as_str);
            let help = did_you_mean(name, names)
                .unwrap_or_else(|| "functions of Rust are registered by the program that runs the app".to_owned());
            Diagnostic::new(Code::BAD_RUN_TARGET, at, format!("no function `{name}` is registered")).help(help)
        })
    }

    /// A problem with a node's or a declaration's making.
    pub fn problem(at: Span, message: impl Into<String>) -> Diagnostic {
        Diagnostic::new(Code::BUILD_FAILED, at, message)
    }

    fn notices(&self) -> Vec<String> {
        let is_offline = |name: &&str| self.models.get(*name).is_some_and(|model| model.name() == "offline");
        let offline: Vec<&str> = self.asked.iter().map(String::as_str).filter(is_offline).collect();
        if offline.is_empty() {
            return vec![];
        }
        vec![format!(
            "model `{}` is offline: built-in text functions, not an LLM; choose one with `--model {}=openai/gpt-5-mini`",
            offline.join("`, `"),
            offline.first().copied().unwrap_or("NAME"),
        )]
    }
}

impl std::fmt::Debug for App {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("App").field("name", &self.graph.name).finish_non_exhaustive()
    }
}

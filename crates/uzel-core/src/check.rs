//! Document to graph: reads everything, reports everything, never fails. Pure but for the file lookup it is given.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use crate::{
    date::Date,
    diagnostic::{Code, Diagnostic, Diagnostics, Severity},
    document::{Common, Document, Waiver},
    expr::{Binding, TypeScope, heard::Listener},
    graph::{Graph, Inner},
    kind::{Catalog, KindDef},
    schema::{Schema, Type},
    source::Sources,
    yaml::{self, Data, Soundness, Tree},
};

mod bodies;
mod declarations;
mod edges;
mod files;
mod flags;
mod joins;
mod labels;
mod limits;
mod lints;
mod nodes;
mod order;
mod overlays;
mod presence;
mod reconciles;
mod sections;
mod taint;
mod typing;
mod view;
mod waivers;

pub use files::Files;
use files::Reader;
pub use view::Check;
pub(crate) use view::is_file_name;
pub use waivers::{Level, Levels};

/// Choices made outside the file.
#[derive(Clone, Debug, Default)]
pub struct Choices {
    /// Model name in the app, or `*` for all, to `provider/model`. Put over the overlays.
    pub models: BTreeMap<String, String>,
    /// The day on which waivers are judged. Without one none has expired: what runs does not stop because a day passed.
    pub today: Option<Date>,
    /// The app that is in use, if this one is to follow it: its new branches are looked at too.
    pub against: Option<Arc<Graph>>,
    /// What is made of warnings.
    pub levels: Levels,
    /// Files that are put over the app file, in this order; paths from the app's folder.
    pub overlays: Vec<String>,
}

/// What reading a document gives: a graph if there are no errors, and everything there is to say.
#[derive(Debug)]
pub struct Reading {
    /// The program.
    pub graph: Option<Arc<Graph>>,
    /// In document order.
    pub diagnostics: Diagnostics,
    /// Findings that the file accepts.
    pub waived: Vec<Waived>,
    /// What the diagnostics' places refer to.
    pub sources: Sources,
}

/// A finding that the file accepts, and why.
#[derive(Clone, Debug)]
pub struct Waived {
    /// What was found.
    pub diagnostic: Diagnostic,
    /// Why that is right here.
    pub reason: String,
    /// The last day on which it is accepted.
    pub until: Date,
}

/// Roots of expressions that no node may be called.
pub const ROOTS: [&str; 9] = ["input", "run", "node", "flags", "nodes", "loop", "secrets", "env", "do"];

/// Reads the app file `main` and what it names.
pub fn read(main: &str, files: &dyn Files, catalog: &Catalog, choices: &Choices) -> Reading {
    let mut reader = Reader::new(files);
    let mut out = Diagnostics::default();
    let tree = reader.tree(main, &mut out);
    finish(main, tree, reader, catalog, choices, out)
}

/// As [`read`], for editors: gives the tree too, and tells a listener what expressions are.
pub(crate) fn read_heard(
    main: &str,
    files: &dyn Files,
    catalog: &Catalog,
    choices: &Choices,
    listener: Listener,
) -> (Reading, Option<Tree>) {
    let mut reader = Reader::new(files);
    reader.listener = Some(listener);
    let mut out = Diagnostics::default();
    let tree = reader.tree(main, &mut out);
    (finish(main, tree.clone(), reader, catalog, choices, out), tree)
}

/// Checks a tree that a program built; `sources` knows its places.
pub fn read_tree(tree: Tree, sources: Sources, files: &dyn Files, catalog: &Catalog, choices: &Choices) -> Reading {
    let mut reader = Reader::new(files);
    reader.sources = sources;
    finish("(built in Rust)", Some(tree), reader, catalog, choices, Diagnostics::default())
}

fn finish(
    main: &str,
    tree: Option<Tree>,
    mut reader: Reader<'_>,
    catalog: &Catalog,
    choices: &Choices,
    mut out: Diagnostics,
) -> Reading {
    let tree = tree.map(|tree| overlays::apply(tree, &choices.overlays, &mut reader, &mut out));
    reader.stack.push(main.to_owned());
    let mut waived = vec![];
    let graph = tree.and_then(|tree| {
        let (reader, out, waived) = (&mut reader, &mut out, &mut waived);
        let app = App { catalog, choices, reader, out, waived, slots: &mut 0, depth: 0 };
        app.graph(main, tree)
    });
    out.settle();
    choices.levels.apply(&mut out);
    let graph = graph.filter(|_| !out.has_errors()).map(|mut graph| {
        graph.sources = reader.sources.clone();
        graph.files = reader.take_read();
        Arc::new(graph)
    });
    Reading { graph, diagnostics: out, waived, sources: reader.sources }
}

/// One pass over one document.
struct App<'a, 'r> {
    catalog: &'a Catalog,
    choices: &'a Choices,
    reader: &'a mut Reader<'r>,
    out: &'a mut Diagnostics,
    waived: &'a mut Vec<Waived>,
    /// The number of the next node.
    slots: &'a mut usize,
    /// How deep the body that is being read stands in others.
    depth: usize,
}

impl App<'_, '_> {
    fn graph(mut self, main: &str, whole_tree: Tree) -> Option<Graph> {
        let tree = &sections::known(&whole_tree, self.out);
        let (document, soundness) = yaml::partly_from_tree::<Document>(tree, self.out);
        let document = document.unwrap_or_default();
        let whole = soundness == Soundness::Whole;
        self.version(&document, tree);
        self.limits(tree);
        let secrets = document.secrets.iter().map(|name| name.as_str().to_owned());
        // Of `secrets: KEY`, which has been reported, the name is still known.
        let alone = tree.get("secrets").and_then(Tree::as_str).map(str::to_owned);
        let secrets: Vec<String> = secrets.chain(alone).collect();
        let inputs = match &document.inputs {
            Some(tree) => Schema::read_fields(tree, self.out).unwrap_or_else(Schema::any),
            // The key may be there under a misspelt name.
            None if !whole => Schema::any(),
            None => Schema::of(Type::object(std::iter::empty())),
        };
        let flags = self.flags(document.flags.as_ref());
        let declared = self.declared(&document, &secrets, whole);
        let entries = self.entries_of(document.nodes.as_ref(), tree, whole);
        let (drafts, unclear) = self.drafts(entries, &declared, document.defaults.as_ref());
        let output = document.output.as_ref().and_then(|tree| Binding::parse(tree, self.out));
        // Without nodes, whatever the output refers to is missing for that reason.
        let output = output.filter(|_| !entries.is_empty());
        let after = output.as_ref().map(Binding::references).unwrap_or_default();
        let linked = edges::link(drafts, unclear, after, None, self.out);
        let (nodes, gives) =
            typing::infer(self.types(), linked, &inputs, &flags, output.as_ref(), self.slots, self.out)?;
        let limits = document.limits.clone().unwrap_or_default();
        let about = lints::About {
            declared: &declared,
            inputs: &inputs,
            flags: &flags,
            limits: &limits,
            retry: tree.get("defaults").and_then(|defaults| defaults.get("retry")).map(|retry| retry.span),
            against: self.choices.against.as_deref().and_then(|old| rolled_out(old, main, self.depth)),
            given: None,
        };
        if whole && !self.out.has_errors() {
            self.unused_flags(&flags, &nodes, output.as_ref());
        }
        self.reliability(&lints::Scene::new(&nodes, about), &document.waive, whole);
        let name = document.name.as_ref().map_or_else(|| stem(main), |name| name.as_str().to_owned());
        Some(Graph {
            name,
            description: document.description.as_ref().map(|text| text.as_str().to_owned()).unwrap_or_default(),
            main: main.to_owned(),
            folder: String::new(),
            inputs,
            output,
            gives,
            nodes,
            limits,
            flags,
            secrets,
            declared,
            tree: whole_tree,
            files: BTreeMap::new(),
            sources: Sources::default(),
        })
    }

    /// The nodes as they are written; that there are none is reported.
    fn entries_of<'t>(&mut self, nodes: Option<&'t Tree>, tree: &Tree, whole: bool) -> &'t [yaml::Entry] {
        match nodes.map(|tree| &tree.data) {
            Some(Data::Map(entries)) if !entries.is_empty() => entries,
            None if !whole => &[],
            Some(Data::Map(_)) | None => {
                let at = nodes.map_or(tree.span.head(), |nodes| nodes.span);
                self.out.push(
                    Diagnostic::new(Code::NO_NODES, at, "the app has no nodes")
                        .help("add at least one node: `nodes: { answer: { kind: llm, … } }`"),
                );
                &[]
            }
            Some(_) => {
                let nodes = nodes.map_or(tree.span, |nodes| nodes.span);
                self.out.push(
                    Diagnostic::new(Code::WRONG_SHAPE, nodes, "`nodes` must be a map of named nodes")
                        .help("write `NAME:` and under it the node's keys, instead of `-`"),
                );
                &[]
            }
        }
    }

    /// What is known to go wrong with such graphs, but for what the file accepts.
    fn reliability(&mut self, scene: &lints::Scene<'_>, waive: &[Waiver], whole: bool) {
        let is_whole = whole && !self.out.has_errors();
        let found = lints::find(scene);
        self.waived.extend(waivers::apply(found, scene, waive, self.choices, is_whole, self.out));
    }

    /// Types that are told to who listens. What is asked about is the app itself, not the apps that are nodes of it.
    fn types(&self) -> TypeScope {
        TypeScope::heard_by(self.reader.listener.clone().filter(|_| self.reader.stack.len() < 2))
    }

    fn version(&mut self, document: &Document, tree: &Tree) {
        match &document.version {
            Some(version) if version.to_json() == 1 => {}
            Some(version) => self.out.push(
                Diagnostic::new(
                    Code::BAD_VERSION,
                    version.span,
                    match &version.data {
                        Data::Number(number) => format!("this program knows version 1 of the app file, not {number}"),
                        _ => format!("`version` must be the number 1, found {}", version.describe()),
                    },
                )
                .help("write `version: 1`"),
            ),
            None => {
                let mut missing = Diagnostic::new(Code::MISSING_KEY, tree.span.head(), "`version` is missing")
                    .help("add `version: 1` as the first line");
                missing.severity = Severity::Warning;
                self.out.push(missing);
            }
        }
    }
}

/// The app of the old version that this one takes the place of: the app itself, or one that its nodes run.
fn rolled_out<'g>(old: &'g Graph, main: &str, depth: usize) -> Option<&'g Graph> {
    if depth == 0 {
        return Some(old);
    }
    old.all_nodes().into_iter().find_map(|node| match node.plan.as_ref().map(|plan| &plan.inner) {
        Some(Inner::App(graph)) if graph.main == main => Some(&**graph),
        _ => None,
    })
}

/// The app's name when the file does not say: the file's, or its folder's for `app.yaml`.
fn stem(main: &str) -> String {
    let path = Path::new(main);
    let stem = path.file_stem().and_then(|s| s.to_str()).unwrap_or("app");
    stem.to_owned()
}

/// Whether expressions could use this as a node's name.
pub(crate) fn is_name(id: &str) -> bool {
    let named = id.chars().enumerate().all(|(i, c)| c == '_' || c.is_ascii_alphabetic() || i > 0 && c.is_ascii_digit());
    !id.is_empty() && id.len() <= 64 && named
}

/// The common keys and the rest of a node, apart. A kind may read a common key itself.
fn split(tree: &Tree, kind: Option<KindDef>) -> (Tree, Tree) {
    let (mut common, mut own) = (Vec::new(), Vec::new());
    let takes = kind.map_or(&[][..], |kind| kind.takes);
    for entry in tree.as_map().unwrap_or_default() {
        let key = entry.key.as_str();
        if Common::KEYS.contains(&key) && !takes.contains(&key) {
            common.push(entry.clone());
        } else {
            own.push(entry.clone());
        }
    }
    (Tree { span: tree.span, data: Data::Map(common) }, Tree { span: tree.span, data: Data::Map(own) })
}

//! What nodes run below themselves: bodies and other apps are read, linked and typed where they stand.

use std::{collections::BTreeMap, sync::Arc};

use super::{
    App, edges,
    edges::{Linked, LinkedNode},
    typing,
};
use crate::{
    diagnostic::{Code, Diagnostic, Diagnostics},
    document::Defaults,
    expr::{Binding, Reference, TypeScope},
    graph::{Body, Declared, Graph, Inner, Input, Plan, Program, Shape, Sketch, Source},
    schema::Type,
    source::Span,
    yaml::{Data, Entry, Text, Tree},
};

/// How deep bodies and apps may stand in each other.
const DEEPEST: usize = 16;
/// The name of a body's only node in that body.
pub(super) const ONLY: &str = "do";

/// A plan whose nodes have edges but no types yet.
pub(super) struct DraftPlan {
    shape: Shape,
    inner: DraftInner,
    /// References to what is outside.
    outward: Vec<Reference>,
    /// Every name in the body and in those below, with its place.
    pub(super) names: Vec<(String, Span)>,
}

enum DraftInner {
    Nodes { linked: Linked, output: Option<Binding>, single: bool },
    App(Arc<Graph>),
}

impl DraftPlan {
    /// What the body refers to outside: the node depends on it.
    pub(super) fn outward(&self) -> &[Reference] {
        &self.outward
    }
}

/// What a body sees beside its own nodes, and what it was found to refer to outside.
#[derive(Default)]
pub(super) struct Outward {
    pub(super) locals: Vec<String>,
    pub(super) references: Vec<Reference>,
}

impl App<'_, '_> {
    /// Reads what a kind's check has sketched.
    pub(super) fn plan(
        &mut self,
        sketch: Sketch,
        inputs: &mut Vec<Input>,
        declared: &Declared,
        defaults: Option<&Defaults>,
    ) -> Option<DraftPlan> {
        let Sketch { shape, source, locals } = sketch;
        let at = match &source {
            Source::Do(tree, _) => tree.span.head(),
            Source::App(path) => path.span,
        };
        if self.depth >= DEEPEST {
            let message = format!("bodies and apps stand in each other more than {DEEPEST} deep here");
            self.out.push(Diagnostic::new(Code::GRAPH_TOO_DEEP, at, message).help("make the app flatter"));
            return None;
        }
        self.depth += 1;
        let plan = match source {
            Source::Do(tree, output) => self.body(shape, &tree, output.as_ref(), &locals, declared, defaults),
            Source::App(path) => self.other(&path).map(|graph| {
                expect(inputs, &graph, &path, self.out);
                DraftPlan { shape, inner: DraftInner::App(graph), outward: vec![], names: vec![] }
            }),
        };
        self.depth -= 1;
        plan
    }

    fn body(
        &mut self,
        shape: Shape,
        tree: &Tree,
        output: Option<&Tree>,
        locals: &[Text],
        declared: &Declared,
        defaults: Option<&Defaults>,
    ) -> Option<DraftPlan> {
        let single = tree.get("kind").is_some_and(|kind| kind.as_str().is_some());
        for local in locals {
            self.check_id(local);
        }
        let (drafts, unclear) = match &tree.data {
            Data::Map(entries) if single => {
                let key = Text::synthetic(ONLY.to_owned(), tree.span.head());
                let entry = Entry { key, value: Tree { span: tree.span, data: Data::Map(entries.clone()) } };
                let draft = self.draft(&entry, declared, defaults)?;
                ([(ONLY.to_owned(), draft)].into_iter().collect(), std::collections::BTreeSet::new())
            }
            Data::Map(entries) if !entries.is_empty() => self.drafts(entries, declared, defaults),
            _ => {
                let help = "write one node (`do: { kind: llm, … }`) or a map of named nodes";
                self.out.push(Diagnostic::new(Code::WRONG_SHAPE, tree.span, "`do` has no nodes").help(help));
                return None;
            }
        };
        let mut names: Vec<(String, Span)> = locals.iter().map(|text| (text.as_str().to_owned(), text.span)).collect();
        for draft in drafts.values() {
            if !single {
                if let Some((name, _)) = names.iter().find(|(name, _)| *name == draft.id) {
                    let message = format!("`{name}` is also what the body calls its item");
                    let help = "give the node another name, or the item with `as`";
                    self.out.push(Diagnostic::new(Code::SHADOWS_OUTER, draft.at, message).help(help));
                }
                names.push((draft.id.clone(), draft.at));
            }
            names.extend(draft.plan.iter().flat_map(|plan| plan.names.iter().cloned()));
        }
        let output = output.and_then(|tree| Binding::parse(tree, self.out));
        let mut after = output.as_ref().map(Binding::references).unwrap_or_default().to_vec();
        if let Shape::Loop { until, .. } = &shape {
            after.extend(until.references().iter().cloned());
        }
        let seen = shape.locals().into_iter().map(str::to_owned).collect();
        let mut outward = Outward { locals: seen, references: vec![] };
        let linked = edges::link(drafts, unclear, &after, Some(&mut outward), self.out)?;
        let inner = DraftInner::Nodes { linked, output, single };
        Some(DraftPlan { shape, inner, outward: outward.references, names })
    }

    /// Another app, as a node.
    fn other(&mut self, path: &Text) -> Option<Arc<Graph>> {
        let whole = self.reader.path(path.as_str());
        if let Some(start) = self.reader.stack.iter().position(|open| *open == whole) {
            let mut way: Vec<&str> = self.reader.stack[start..].iter().map(String::as_str).collect();
            way.push(&whole);
            let message = format!("an app that runs itself never ends: {}", way.join(" → "));
            let help = "use `loop` for repetition; what both need can be an app of its own";
            self.out.push(Diagnostic::new(Code::GRAPH_RECURSION, path.span, message).help(help));
            return None;
        }
        let text = self.reader.text(path.as_str(), path.span, self.out)?;
        let tree = crate::yaml::parse(text.span.source, &Arc::from(text.as_str()), self.out)?;
        let folder = whole.rfind('/').map_or(String::new(), |slash| whole[..=slash].to_owned());
        let outside = std::mem::replace(&mut self.reader.folder, folder.clone());
        self.reader.stack.push(whole);
        let app = App {
            catalog: self.catalog,
            choices: self.choices,
            reader: self.reader,
            out: self.out,
            waived: self.waived,
            slots: self.slots,
            depth: self.depth,
        };
        let graph = app.graph(path.as_str(), tree);
        self.reader.stack.pop();
        self.reader.folder = outside;
        graph.map(|mut graph| {
            graph.files = self.reader.below(&folder);
            graph.folder = folder;
            Arc::new(graph)
        })
    }
}

/// What the other app wants is what `with` must fit.
fn expect(inputs: &mut Vec<Input>, graph: &Graph, path: &Text, out: &mut Diagnostics) {
    if !inputs.iter().any(|input| input.name == "with") {
        let nothing = Tree { span: path.span, data: Data::Map(vec![]) };
        let Some(binding) = Binding::parse(&nothing, out) else { return };
        let program = Program::Binding(binding);
        let input = Input {
            name: "with".into(),
            program,
            expect: None,
            at: path.span,
            fields: vec![],
            nullable: false,
            found: Type::Any,
        };
        inputs.push(input);
    }
    for input in inputs.iter_mut().filter(|input| input.name == "with") {
        input.expect = Some((graph.inputs.ty.clone(), "the app's input"));
    }
}

/// Types a body where its node stands; gives the finished plan and the type of the node's output.
pub(super) fn infer(
    plan: DraftPlan,
    inputs: &[Input],
    found: &BTreeMap<String, Type>,
    types: &mut TypeScope,
    slots: &mut usize,
    out: &mut Diagnostics,
) -> (Plan, Type) {
    let DraftPlan { shape, inner, .. } = plan;
    let (linked, output, single) = match inner {
        DraftInner::App(graph) => {
            let gives = graph.gives.clone();
            return (Plan { shape, inner: Inner::App(graph) }, gives);
        }
        DraftInner::Nodes { linked, output, single } => (linked, output, single),
    };
    let guess = guess(&linked.nodes, output.as_ref(), single);
    let locals = locals(&shape, inputs, found, &guess, out);
    let outside: Vec<_> = locals.iter().map(|(name, _)| (name.clone(), types.get(name).cloned())).collect();
    for (name, ty) in locals.iter().cloned() {
        types.insert(name, ty, None);
    }
    let until = match &shape {
        Shape::Loop { until, .. } => Some(until),
        _ => None,
    };
    let (nodes, value) = typing::body(linked, output.as_ref(), single, until, types, slots, out);
    for (name, known) in outside {
        types.restore(&name, known);
    }
    if let (Shape::Reduce { .. }, Some((_, Type::List(item)))) = (&shape, locals.first())
        && !item.accepts(&value)
        && let Some(at) = inputs.iter().find(|input| input.name == "over").map(|input| input.at)
    {
        let message = format!("what `do` gives ({value}) is given to it again, and does not fit the items ({item})");
        let help = "give the items and the body's value one shape: write the body's `output`, or a `map` before it";
        out.push(Diagnostic::new(Code::TYPE_MISMATCH, at, message).help(help));
    }
    let empty = found.get("empty").cloned();
    let ty = shape.output(value, empty);
    (Plan { shape, inner: Inner::Nodes(Arc::new(Body { nodes, output, single })) }, ty)
}

/// What the body's value is likely to be, before it has been typed: what its kinds said by themselves.
fn guess(nodes: &[LinkedNode], output: Option<&Binding>, single: bool) -> Type {
    let of = |node: &LinkedNode| match (&node.draft.later, &node.draft.output) {
        (None, Some(ty)) => ty.clone(),
        _ => Type::Any,
    };
    match (output, nodes) {
        (None, [only]) if single => of(only),
        _ => Type::Any,
    }
}

fn locals(
    shape: &Shape,
    inputs: &[Input],
    found: &BTreeMap<String, Type>,
    guess: &Type,
    out: &mut Diagnostics,
) -> Vec<(String, Type)> {
    let counted = |more: Vec<(&'static str, Type)>| {
        let mut fields = vec![("index", Type::Integer), ("index0", Type::Integer), ("first", Type::Boolean)];
        fields.extend(more);
        ("loop".to_owned(), Type::object(fields))
    };
    let item = shape.list_key().map(|key| {
        let ty = found.get(key).unwrap_or(&Type::Any);
        match ty.without_null() {
            Type::List(item) => *item,
            Type::Any => Type::Any,
            other => {
                let at = inputs.iter().find(|input| input.name == key).map(|input| input.at);
                let message = format!("`{key}` must be a list, and is {other}");
                out.push(Diagnostic::new(Code::TYPE_MISMATCH, at, message));
                Type::Any
            }
        }
    });
    let item = item.unwrap_or(Type::Any);
    match shape {
        Shape::Map { item: name, .. } => {
            vec![(name.clone(), item), counted(vec![("last", Type::Boolean), ("length", Type::Integer)])]
        }
        Shape::Reduce { item: name, .. } => {
            let level = vec![("last", Type::Boolean), ("length", Type::Integer), ("level", Type::Integer)];
            vec![(name.clone(), Type::list(item)), counted(level)]
        }
        Shape::Loop { .. } => vec![counted(vec![("previous", guess.clone().or_null())])],
        Shape::Graph => vec![],
    }
}

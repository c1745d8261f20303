//! How long values are, in tokens, and lists, in items: from schemas, from prompts, from what models may write.

mod list;
mod schema;

use std::sync::Arc;

use indexmap::IndexMap;
use serde_json::Value;

use super::{Amount, USUAL_ANSWER, USUAL_ITEMS, input, product};
use list::{List, for_list};

use crate::{
    diagnostic::Diagnostics,
    expr::{Piece, Reference, Template},
    graph::{Graph, Inner, Input, NodeDef, Program, Shape, facts::Texts},
    schema::Schema,
    source::Span,
    yaml::Tree,
};

/// Values that depend on each other deeper than this are of unknown length.
const DEEPEST: usize = 16;
/// How long something is: tokens of a value, items of a list.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Size {
    pub(super) most: Option<u64>,
    pub(super) usual: f64,
}

impl Size {
    pub(super) const UNKNOWN_LIST: Self = Self { most: None, usual: USUAL_ITEMS as f64 };
    /// A text that nothing is known about.
    const TEXT: Self = Self { most: None, usual: 500.0 };
    const NONE: Self = Self::exactly(0);
    /// A number, a truth, a time.
    const SMALL: Self = Self::exactly(6);

    const fn exactly(size: u64) -> Self {
        Self { most: Some(size), usual: size as f64 }
    }

    /// Text that stands in the app.
    fn of_bytes(bytes: usize) -> Self {
        Self::exactly((bytes as u64).div_ceil(4))
    }

    pub(super) const fn amount(self) -> Amount {
        Amount { worst: self.most, expected: self.usual }
    }

    fn plus(self, other: Self) -> Self {
        let most = self.most.zip(other.most).map(|(a, b)| a.saturating_add(b));
        Self { most, usual: self.usual + other.usual }
    }

    fn times(self, other: Self) -> Self {
        Self { most: product(self.most, other.most), usual: self.usual * other.usual }
    }

    /// One or the other.
    fn or(self, other: Self) -> Self {
        let most = self.most.zip(other.most).map(|(a, b)| a.max(b));
        Self { most, usual: self.usual.max(other.usual) }
    }

    /// Both are known of it.
    fn and(self, other: Self) -> Self {
        Self { most: super::least(self.most, other.most), usual: self.usual.min(other.usual) }
    }
}

/// A name that only a body sees.
#[derive(Clone, Debug)]
pub(super) struct Local {
    name: String,
    /// JSON Schema of its value.
    schema: Value,
    /// The whole value.
    size: Size,
}

impl Local {
    /// `loop`.
    pub(super) fn counter() -> Self {
        Self { name: "loop".to_owned(), schema: Value::Null, size: Size::SMALL }
    }
}

/// What expressions of a node see.
#[derive(Clone)]
pub(super) struct Around<'g> {
    pub(super) graph: &'g Graph,
    lists: Vec<&'g IndexMap<String, Arc<NodeDef>>>,
    locals: Vec<Local>,
}

impl<'g> Around<'g> {
    /// Nodes that see an app's input and each other.
    pub(super) fn app(graph: &'g Graph) -> Self {
        Self { graph, lists: vec![&graph.nodes], locals: vec![] }
    }

    /// Nodes of a body, which see what is around them too.
    pub(super) fn inside(
        &self,
        nodes: &'g IndexMap<String, Arc<NodeDef>>,
        locals: impl IntoIterator<Item = Local>,
    ) -> Self {
        let mut inside = self.clone();
        inside.lists.push(nodes);
        inside.locals.extend(locals);
        inside
    }

    /// An item of the list that a `map` goes over.
    pub(super) fn item(&self, name: &str, list: &Input) -> Local {
        let (schema, size) = self.element(&list.program);
        Local { name: name.to_owned(), schema, size }
    }

    /// A batch of the list that a `reduce` goes over: its items, or what the body gave.
    pub(super) fn batch(&self, name: &str, list: &Input, inner: &Inner, batch: usize) -> Local {
        let (_, item) = self.element(&list.program);
        let given = self.given(inner, 0);
        let size = item.or(given).times(Size::exactly(batch as u64));
        Local { name: name.to_owned(), schema: serde_json::json!({ "type": "array", "maxItems": batch }), size }
    }

    /// What is sent to the model that a node asks, but what an agent's tools give. Why its length has no bound is
    /// added to `reasons`.
    pub(super) fn prompt(&self, node: &NodeDef, reasons: &mut Vec<(Span, String)>) -> Size {
        let inputs = node.inputs.iter().map(|input| self.program(&input.program, 0, reasons));
        let inputs = inputs.fold(Size::NONE, Size::plus);
        let shape = node.config.get("output").map_or(Size::NONE, |shape| json(&shape.to_json()));
        let examples = node.config.get("examples").and_then(Tree::as_str);
        let examples = examples.and_then(|path| self.graph.files.get(path)).map_or(0, Vec::len);
        let agent = node.facts.agent.iter().flat_map(|agent| agent.tools.iter().chain(&agent.asks_first));
        let tools = agent.filter_map(|tool| self.graph.declared.tools.get(tool.as_str()));
        let tools = tools.map(|tool| Size::of_bytes(tool.ports.description.len()).plus(json(tool.ports.params.json())));
        inputs.plus(shape).plus(Size::of_bytes(examples)).plus(tools.fold(Size::NONE, Size::plus))
    }

    fn program(&self, program: &Program, depth: usize, reasons: &mut Vec<(Span, String)>) -> Size {
        let mut filled = |reference: &Reference, often: usize| {
            let size = self.reference(&reference.root, &reference.path, depth);
            if size.most.is_none() {
                reasons.push((reference.span, self.why_unknown(reference)));
            }
            size.times(Size::exactly(often as u64))
        };
        match program {
            Program::Template(template) => {
                let (mut words, mut lists, mut rounds) = (0, vec![], Size::exactly(1));
                for (bytes, piece) in template.pieces() {
                    let text = template.source().get(bytes).unwrap_or_default();
                    match piece {
                        Piece::Words => words += text.len(),
                        Piece::Value => {}
                        Piece::Statement => lists.extend(for_list(text)),
                    }
                }
                for list in &lists {
                    rounds = rounds.times(self.place_count(list, depth + 1));
                }
                // What is filled in may stand in the part that is repeated; a list itself is gone through once.
                let filled = template.references().iter().map(|found| {
                    let listed = lists.iter().any(|list| *list == dotted(&found.root, &found.path));
                    let size = filled(found, often(template, found));
                    if listed { size } else { size.times(rounds) }
                });
                let size = filled.fold(Size::of_bytes(words).times(rounds), Size::plus);
                if rounds.most.is_none() {
                    let at = template.at(0..0);
                    reasons.push((at, "a prompt that repeats a text for each item of a list of any length".to_owned()));
                }
                size
            }
            Program::Binding(binding) => {
                let written = binding.as_constant().map_or(Size::NONE, json);
                binding.references().iter().map(|found| filled(found, 1)).fold(written, Size::plus)
            }
            Program::Expression(expression) => {
                expression.references().iter().map(|found| filled(found, 1)).fold(Size::NONE, Size::plus)
            }
        }
    }

    /// What a name and the fields after it hold.
    fn reference(&self, root: &str, path: &[String], depth: usize) -> Size {
        if depth > DEEPEST {
            return Size::TEXT;
        }
        if let Some(local) = self.local(root) {
            if path.is_empty() {
                return local.size;
            }
            // A part is not longer than the whole.
            return schema::at(&local.schema, path).map_or(Size::TEXT, schema::size).and(local.size);
        }
        if let Some((at, node)) = self.node(root) {
            return self.seen_from(at).output(node, path, depth);
        }
        match root {
            "input" => schema::at(self.graph.inputs.json(), path).map_or(Size::TEXT, schema::size),
            "flags" => {
                let flag = path.first().and_then(|name| self.graph.flags.get(name));
                flag.map_or(Size::SMALL, |flag| schema::size(flag.schema.json()))
            }
            "nodes" => match path {
                [name, what, path @ ..] if what == "output" => self.reference(name, path, depth + 1),
                [_, what, ..] if what == "status" => Size::SMALL,
                _ => Size::TEXT,
            },
            "run" | "now" | "loop" => Size::SMALL,
            _ => Size::TEXT,
        }
    }

    fn local(&self, name: &str) -> Option<&Local> {
        self.locals.iter().rev().find(|local| local.name == name)
    }

    /// A node, and the index of the list that it is in.
    fn node(&self, name: &str) -> Option<(usize, &'g NodeDef)> {
        let found = |(at, nodes): (usize, &&'g IndexMap<String, Arc<NodeDef>>)| Some((at, &**nodes.get(name)?));
        self.lists.iter().enumerate().rev().find_map(found)
    }

    /// What nodes of an outer list see; locals further in are not used by them.
    fn seen_from(&self, at: usize) -> Self {
        Self { lists: self.lists.iter().take(at + 1).copied().collect(), ..self.clone() }
    }

    /// What a node gives.
    fn output(&self, node: &NodeDef, path: &[String], depth: usize) -> Size {
        if depth > DEEPEST {
            return Size::TEXT;
        }
        let declared = declared(node);
        let known = schema::at(&declared, path).map_or(Size::TEXT, schema::size);
        if known.most.is_some() {
            return known;
        }
        if let Some(plan) = &node.plan {
            let given = self.given(&plan.inner, depth + 1);
            return match &plan.shape {
                Shape::Map { .. } => {
                    let list = input(node, "for_each");
                    let count = list.map_or(Size::UNKNOWN_LIST, |list| self.count(&list.program, depth + 1));
                    given.times(count)
                }
                _ => given,
            };
        }
        // An agent's steps hold what its tools gave.
        let is_answer = node.facts.agent.is_none() || path.first().is_some_and(|field| field != "steps");
        if let (Some(asks), true) = (&node.facts.asks, is_answer) {
            let own = |model: &super::Model| asks.max_tokens.or(model.ports.max_tokens).map(u64::from);
            let caps =
                self.graph.declared.chain(asks.model.as_str(), &asks.fallback).into_iter().map(|(_, model)| own(model));
            let most = caps.reduce(|a, b| a.zip(b).map(|(a, b)| a.max(b))).flatten();
            let usual = most.map_or(USUAL_ANSWER, |cap| cap.min(USUAL_ANSWER)) as f64;
            return Size { most, usual: known.usual.min(usual) };
        }
        if let Texts::Judged { input: name, .. } = node.facts.texts
            && let Some(judged) = input(node, name)
        {
            return self.program(&judged.program, depth + 1, &mut vec![]);
        }
        known
    }

    /// What a body gives.
    fn given(&self, inner: &Inner, depth: usize) -> Size {
        match inner {
            Inner::Nodes(body) if body.output.is_none() && body.nodes.len() == 1 => {
                // Locals of the body are not known here: what depends on them is of unknown length.
                body.nodes.values().next().map_or(Size::TEXT, |node| self.output(node, &[], depth + 1))
            }
            Inner::Nodes(body) => match &body.output {
                Some(output) => {
                    let inside = Body { around: self, nodes: &body.nodes };
                    let parts = output.references().iter().map(|found| inside.reference(found, depth + 1));
                    parts.fold(json(&output.written()), Size::plus)
                }
                None => Size::TEXT,
            },
            Inner::App(graph) => schema::size(&graph.gives.to_json_schema()),
        }
    }

    /// How many items the list has that an expression gives.
    pub(super) fn count(&self, program: &Program, depth: usize) -> Size {
        match List::of(program) {
            None => Size::UNKNOWN_LIST,
            Some(List::Literal(items)) => Size::exactly(items.len() as u64),
            Some(List::Place { root, path }) => self.items(root, &path, depth),
        }
    }

    /// How many items the list has that a template goes over.
    fn place_count(&self, list: &str, depth: usize) -> Size {
        match List::read(list) {
            None => Size::UNKNOWN_LIST,
            Some(List::Literal(items)) => Size::exactly(items.len() as u64),
            Some(List::Place { root, path }) => self.items(root, &path, depth),
        }
    }

    fn items(&self, root: &str, path: &[String], depth: usize) -> Size {
        if depth > DEEPEST {
            return Size::UNKNOWN_LIST;
        }
        let of = |schema: &Value| schema::at(schema, path).map_or(Size::UNKNOWN_LIST, schema::items);
        if let Some(local) = self.local(root) {
            return of(&local.schema);
        }
        if let Some((at, node)) = self.node(root) {
            if let Some(list) = input(node, "for_each").filter(|_| path.len() == 1 && node.plan.is_some()) {
                return self.seen_from(at).count(&list.program, depth + 1);
            }
            return of(&declared(node));
        }
        if root == "input" { of(self.graph.inputs.json()) } else { Size::UNKNOWN_LIST }
    }

    /// The schema of an item of a list, and its length.
    fn element(&self, program: &Program) -> (Value, Size) {
        match List::of(program) {
            Some(List::Literal(items)) => {
                let size = items.iter().map(json).reduce(Size::or).unwrap_or(Size::NONE);
                (Value::Null, size)
            }
            Some(List::Place { root, path }) => {
                let of = |schema: &Value| schema::at(schema, &path).and_then(|list| list.get("items")).cloned();
                let schema = match (self.local(root), self.node(root)) {
                    (Some(local), _) => of(&local.schema),
                    (None, Some((_, node))) => of(&declared(node)),
                    (None, None) if root == "input" => of(self.graph.inputs.json()),
                    (None, None) => None,
                };
                let schema = schema.unwrap_or_default();
                let known = schema::size(&schema);
                // One item is not longer than what all of a body's value may be.
                let given = self.node(root).and_then(|(at, node)| {
                    let plan = node.plan.as_ref().filter(|plan| matches!(plan.shape, Shape::Map { .. }))?;
                    Some(self.seen_from(at).given(&plan.inner, 0))
                });
                (schema, given.map_or(known, |given| known.and(given)))
            }
            None => (Value::Null, Size::TEXT),
        }
    }

    fn why_unknown(&self, reference: &Reference) -> String {
        let name = dotted(&reference.root, &reference.path);
        if reference.root == "input" && self.local("input").is_none() {
            return format!("`{name}`, a text without `maxLength` or a list without `maxItems`");
        }
        format!("`{name}`, whose length nothing bounds")
    }
}

/// The nodes of a body as its `output` sees them.
struct Body<'a, 'g> {
    around: &'a Around<'g>,
    nodes: &'a IndexMap<String, Arc<NodeDef>>,
}

impl Body<'_, '_> {
    fn reference(&self, found: &Reference, depth: usize) -> Size {
        match self.nodes.get(&found.root) {
            Some(node) => self.around.output(node, &found.path, depth),
            None => self.around.reference(&found.root, &found.path, depth),
        }
    }
}

/// Why the length of a list is not known, after its name.
pub(super) fn why_long(program: &Program) -> String {
    match List::of(program) {
        Some(List::Place { root: "input", path }) => {
            format!("goes over `{}`, which has no `maxItems`", dotted("input", &path))
        }
        Some(List::Place { root, path }) => {
            format!("goes over `{}`, whose length nothing bounds", dotted(root, &path))
        }
        _ => "goes over a list whose length is only known when it runs".to_owned(),
    }
}

/// JSON Schema of what a node gives; the one in the file knows more than the type.
fn declared(node: &NodeDef) -> Value {
    let written = node.config.get("output").filter(|_| node.plan.is_none());
    let schema = written.and_then(|output| Schema::read_fields(output, &mut Diagnostics::default()));
    schema.map_or_else(|| node.output.to_json_schema(), |schema| Value::clone(schema.json()))
}

fn json(value: &Value) -> Size {
    Size::of_bytes(value.to_string().len())
}

fn dotted(root: &str, path: &[String]) -> String {
    std::iter::once(root).chain(path.iter().map(String::as_str)).collect::<Vec<_>>().join(".")
}

/// How often a template fills a value in.
fn often(template: &Template, found: &Reference) -> usize {
    let name = dotted(&found.root, &found.path);
    let values = template.pieces().into_iter().filter(|(_, piece)| *piece == Piece::Value);
    let texts = values.filter_map(|(bytes, _)| template.source().get(bytes));
    let names =
        |text: &str| text.split(|c: char| !c.is_alphanumeric() && c != '_' && c != '.').any(|word| word == name);
    texts.filter(|text| names(text)).count().max(1)
}

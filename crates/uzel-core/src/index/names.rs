//! What a document declares, and where it names what is declared: by the keys that the schema marks with `x-names`, and
//! by the paths of the files that were read. Made once for each tree.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
};

use super::{
    Mention, Target,
    lexical::{self, Chain},
    shape::{Shape, Shapes},
};
use crate::{
    source::Span,
    yaml::{Data, Entry, Text, Tree},
};

/// Sections whose entries are named elsewhere.
pub(super) const SECTIONS: [&str; 8] =
    ["models", "connections", "knowledge", "tools", "mcp", "flags", "secrets", "inputs"];
/// Keys of nodes that hold an expression without braces.
const BARE: [&str; 6] = ["when", "by", "until", "stop_when", "for_each", "over"];

/// Whether a key of a node holds an expression without braces.
pub(super) fn is_bare(key: &str) -> bool {
    BARE.contains(&key)
}

/// A node, wherever it stands.
#[derive(Debug)]
pub(super) struct NodeEntry {
    pub(super) id: String,
    /// Its name.
    pub(super) at: Span,
    /// From its name to its last byte.
    pub(super) whole: Span,
    pub(super) kind: Option<String>,
    pub(super) description: Option<String>,
    /// Which of the bodies it is in.
    pub(super) body: usize,
}

/// A map of nodes: that of the app, or the one inside of a node.
#[derive(Debug)]
struct Body {
    parent: Option<usize>,
    span: Span,
    nodes: BTreeMap<String, usize>,
}

/// A text in which expressions may stand.
#[derive(Debug)]
pub(super) struct Written {
    text: Text,
    bare: bool,
}

/// All that is declared.
#[derive(Debug, Default)]
pub(super) struct Names {
    pub(super) nodes: Vec<NodeEntry>,
    by_place: BTreeMap<Span, usize>,
    bodies: Vec<Body>,
    sections: BTreeMap<(&'static str, String), Span>,
    heads: BTreeMap<String, Span>,
    texts: Vec<Written>,
}

/// The part of a text's source without its quotes.
pub(super) fn inside(text: &Text) -> Span {
    text.at(0..text.as_str().len())
}

impl Names {
    pub(super) fn of(tree: &Tree) -> Self {
        let mut names = Self::default();
        for entry in tree.as_map().unwrap_or_default() {
            names.heads.insert(entry.key.as_str().to_owned(), inside(&entry.key));
            if !["nodes", "output"].contains(&entry.key.as_str()) {
                // Declarations name secrets.
                names.texts(&entry.value, false);
            }
            let Some(section) = SECTIONS.iter().find(|section| **section == entry.key.as_str()) else { continue };
            for item in entry.value.as_map().unwrap_or_default() {
                // Types note the whole key as the place of a field.
                let at = if *section == "inputs" { item.key.span } else { inside(&item.key) };
                names.sections.insert((section, item.key.as_str().to_owned()), at);
            }
            for name in entry.value.as_list().unwrap_or_default().iter().filter_map(Tree::as_text) {
                names.sections.insert((section, name.as_str().to_owned()), inside(name));
            }
        }
        if let Some(nodes) = tree.get("nodes") {
            names.body(nodes, nodes.span, None);
        }
        tree.get("output").into_iter().for_each(|output| names.texts(output, false));
        names
    }

    fn body(&mut self, tree: &Tree, span: Span, parent: Option<usize>) {
        let body = self.bodies.len();
        self.bodies.push(Body { parent, span, nodes: BTreeMap::new() });
        for entry in tree.as_map().unwrap_or_default() {
            self.node(entry, body);
        }
    }

    fn node(&mut self, entry: &Entry, body: usize) {
        let (at, index) = (entry.key.span, self.nodes.len());
        let text = |key: &str| entry.value.get(key).and_then(Tree::as_str).map(str::to_owned);
        let whole = Span { end: entry.value.span.end.max(at.end), ..at };
        let id = entry.key.as_str().to_owned();
        self.nodes.push(NodeEntry {
            id: id.clone(),
            at,
            whole,
            kind: text("kind"),
            description: text("description"),
            body,
        });
        self.by_place.insert(at, index);
        self.bodies[body].nodes.insert(id, index);
        self.keys(&entry.value, body);
    }

    /// The keys of a node: texts, and the nodes inside of it.
    fn keys(&mut self, node: &Tree, body: usize) {
        for entry in node.as_map().unwrap_or_default() {
            let (key, value) = (entry.key.as_str(), &entry.value);
            match key {
                // One node without a name, or a map of nodes.
                "do" if value.get("kind").is_some_and(|kind| kind.as_text().is_some()) => self.keys(value, body),
                // Its names are known in the whole node: `output` and `until` stand beside it.
                "do" => self.body(value, node.span, Some(body)),
                _ => self.texts(value, is_bare(key)),
            }
        }
    }

    fn texts(&mut self, tree: &Tree, bare: bool) {
        match &tree.data {
            Data::Text(text) => self.texts.push(Written { text: text.clone(), bare }),
            Data::List(items) => items.iter().for_each(|item| self.texts(item, false)),
            Data::Map(entries) => entries.iter().for_each(|entry| self.texts(&entry.value, false)),
            _ => {}
        }
    }

    pub(super) fn node_at(&self, at: Span) -> Option<&NodeEntry> {
        self.by_place.get(&at).and_then(|index| self.nodes.get(*index))
    }

    /// The innermost node that a place is in.
    pub(super) fn around(&self, offset: u32) -> Option<&NodeEntry> {
        let holding = |node: &&NodeEntry| node.whole.start <= offset && offset <= node.whole.end;
        self.nodes.iter().filter(holding).min_by_key(|node| node.whole.end - node.whole.start)
    }

    /// The body that a place is in.
    fn body_at(&self, offset: u32) -> Option<usize> {
        let holding = |(_, body): &(usize, &Body)| body.span.start <= offset && offset <= body.span.end;
        let inner =
            self.bodies.iter().enumerate().filter(holding).min_by_key(|(_, body)| body.span.end - body.span.start);
        inner.map(|(index, _)| index).or_else(|| (!self.bodies.is_empty()).then_some(0))
    }

    /// The node that a name means at a place of the app file.
    pub(super) fn resolve(&self, name: &str, offset: u32) -> Option<&NodeEntry> {
        let mut body = self.body_at(offset);
        while let Some(here) = body.and_then(|body| self.bodies.get(body)) {
            if let Some(index) = here.nodes.get(name) {
                return self.nodes.get(*index);
            }
            body = here.parent;
        }
        None
    }

    /// The nodes whose names can be used at a place, in the order of the document.
    pub(super) fn visible(&self, offset: u32) -> Vec<&NodeEntry> {
        let mut bodies = BTreeSet::new();
        let mut body = self.body_at(offset);
        while let Some(here) = body {
            bodies.insert(here);
            body = self.bodies.get(here).and_then(|body| body.parent);
        }
        self.nodes.iter().filter(|node| bodies.contains(&node.body)).collect()
    }

    /// The names of a section.
    pub(super) fn section<'n>(&'n self, section: &'n str) -> impl Iterator<Item = (&'n str, Span)> {
        let entries = self.sections.iter().filter(move |((of, _), _)| *of == section);
        entries.map(|((_, name), at)| (name.as_str(), *at))
    }

    /// Where a thing is declared.
    pub(super) fn declared(&self, target: &Target) -> Option<Span> {
        match target {
            Target::Node(at) => Some(*at),
            Target::Named(section, name) => self.sections.get(&(*section, name.clone())).copied(),
            Target::Field(at) => Some(*at),
            Target::Root(name) => self.heads.get(if name == "input" { "inputs" } else { name.as_str() }).copied(),
            Target::File(_) => None,
        }
    }

    /// What is declared at a place.
    pub(super) fn declaration(&self, offset: u32) -> Option<(Span, Target)> {
        let holds = |at: Span| at.start <= offset && offset <= at.end;
        let node = self.nodes.iter().find(|node| holds(node.at)).map(|node| (node.at, Target::Node(node.at)));
        node.or_else(|| {
            let found = self.sections.iter().find(|(_, at)| holds(**at));
            // A field of `inputs` is a field like those of nodes.
            found.map(|((section, name), at)| match *section {
                "inputs" => (*at, Target::Field(*at)),
                _ => (*at, Target::Named(section, name.clone())),
            })
        })
    }

    /// Everything that is named outside of expressions.
    pub(super) fn mentions(&self, tree: &Tree, shapes: &Shapes, files: &BTreeSet<&str>) -> Vec<Mention> {
        let mut walk = Walk { names: self, shapes, files, found: vec![] };
        walk.value(tree, &shapes.root(tree));
        walk.found
    }

    /// Names in the texts of nodes and of the output that no check has looked into.
    pub(super) fn unheard(&self, heard: &dyn Fn(Span) -> bool) -> Vec<(Chain, Text)> {
        let mut found = vec![];
        for Written { text, bare } in self.texts.iter().filter(|written| !heard(written.text.span)) {
            let value = text.as_str();
            let braces = lexical::regions(value);
            let mut ranges: Vec<Range<usize>> = braces.iter().map(|region| region.start..region.end).collect();
            if *bare && ranges.is_empty() {
                ranges.push(0..value.len());
            }
            for range in ranges {
                found.extend(lexical::chains(value, range).into_iter().map(|chain| (chain, text.clone())));
            }
        }
        found
    }
}

/// Where a text names a file: `prompts/reply.md`, `js:logic/orders.js#load`.
fn file_in(text: &str, file: &str) -> Option<Range<usize>> {
    let start = if text.starts_with(file) { 0 } else { text.find(file).filter(|at| text[..*at].ends_with(':'))? };
    let end = start + file.len();
    (end == text.len() || text[end..].starts_with('#')).then_some(start..end)
}

/// Follows tree and schema side by side.
struct Walk<'w> {
    names: &'w Names,
    shapes: &'w Shapes,
    files: &'w BTreeSet<&'w str>,
    found: Vec<Mention>,
}

impl Walk<'_> {
    fn value(&mut self, tree: &Tree, shape: &Shape<'_>) {
        match &tree.data {
            Data::Text(text) => self.text(text, shape),
            Data::List(items) => {
                for item in items {
                    self.value(item, &self.shapes.item(shape, Some(item)));
                }
            }
            Data::Map(entries) => {
                let every = (shape.keys() == ["kind"]).then(|| self.shapes.every(shape));
                let shape = every.as_ref().unwrap_or(shape);
                for entry in entries {
                    self.value(&entry.value, &self.shapes.key(shape, entry.key.as_str(), Some(&entry.value)));
                }
            }
            _ => {}
        }
    }

    fn text(&mut self, text: &Text, shape: &Shape<'_>) {
        if let Some(section) = shape.names {
            self.name(section, text);
        } else if !text.as_str().contains(char::is_whitespace) {
            let found = self.files.iter().find_map(|file| Some((*file, file_in(text.as_str(), file)?)));
            if let Some((file, at)) = found {
                self.found.push(Mention { at: text.at(at), target: Target::File(file.to_owned()) });
            }
        }
    }

    fn name(&mut self, section: &str, text: &Text) {
        let name = text.as_str();
        if section == "nodes" {
            if let Some(node) = self.names.resolve(name, text.span.start) {
                self.found.push(Mention { at: inside(text), target: Target::Node(node.at) });
            }
            return;
        }
        let Some(section) = SECTIONS.iter().find(|known| **known == section) else { return };
        let known = |section: &'static str, name: &str| self.names.sections.contains_key(&(section, name.to_owned()));
        if known(section, name) {
            self.found.push(Mention { at: inside(text), target: Target::Named(section, name.to_owned()) });
        } else if let Some((connection, _)) = name.split_once('.').filter(|(c, _)| known("connections", c)) {
            // An operation of a connection: `shop.query`.
            let target = Target::Named("connections", connection.to_owned());
            self.found.push(Mention { at: text.at(0..connection.len()), target });
        }
    }
}

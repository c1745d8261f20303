//! What an editor asks about an app: what a place means, where it is declared and used, what could stand there. Pure: it
//! works on the texts that it is given. Called by the language server.
//!
//! An [`Index`] is made by the same check that reports mistakes. It exists whenever the app file can be parsed, however
//! many mistakes are in it.

use std::{collections::BTreeSet, ops::Range};

use crate::{
    check::{self, Choices, Files, Reading},
    expr::heard::{Heard, Listener, Step},
    kind::Catalog,
    source::{Source, SourceId, Sources, Span},
    yaml::Tree,
};

mod complete;
mod context;
mod hover;
mod lexical;
mod moved;
mod names;
mod rename;
mod shape;
mod symbols;

pub use self::{
    complete::{Completion, Item, ItemSort, complete},
    moved::moved,
    rename::{Edit, rename},
    shape::Shapes,
    symbols::{Symbol, SymbolSort},
};
use names::Names;

/// What apps are read with.
#[derive(Clone, Copy)]
pub struct Language<'a> {
    /// Everything an app can name.
    pub catalog: &'a Catalog,
    /// Choices made outside the file.
    pub choices: &'a Choices,
    /// The JSON Schema of the app file.
    pub shapes: &'a Shapes,
}

/// A place in a file of an app.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The path as the app names it.
    pub file: String,
    /// Start in bytes.
    pub start: usize,
    /// End in bytes.
    pub end: usize,
}

/// What there is to say about a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hover {
    /// All of what is spoken of.
    pub at: Place,
    /// Markdown.
    pub text: String,
}

/// Something that can be named.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Target {
    /// A node, by where its name stands.
    Node(Span),
    /// An entry of a section.
    Named(&'static str, String),
    /// A field of an input or of a node's output, by where it is declared.
    Field(Span),
    /// A root that is no node.
    Root(String),
    /// A file of the app.
    File(String),
}

/// A place that names something.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Mention {
    at: Span,
    target: Target,
}

/// What is known about an app whose file could be parsed.
#[derive(Debug)]
pub struct Index {
    main: String,
    /// What places are in.
    pub sources: Sources,
    tree: Tree,
    heard: Heard,
    names: Names,
    mentions: Vec<Mention>,
}

/// Checks an app and makes its index.
pub fn analyse(main: &str, files: &dyn Files, language: &Language<'_>) -> (Reading, Option<Index>) {
    listen(main, files, language, None)
}

/// As [`analyse`]; with a marker it is also heard what could stand there.
fn listen(main: &str, files: &dyn Files, language: &Language<'_>, marker: Option<&str>) -> (Reading, Option<Index>) {
    let listener = Listener::new(Heard { marker: marker.map(str::to_owned), ..Heard::default() }.into());
    let (reading, tree) = check::read_heard(main, files, language.catalog, language.choices, listener.clone());
    let heard = listener.lock().map(|mut heard| std::mem::take(&mut *heard)).unwrap_or_default();
    let sources = reading.sources.clone();
    let index = tree.map(|tree| Index::new(main, sources, tree, heard, language.shapes));
    (reading, index)
}

impl Index {
    fn new(main: &str, sources: Sources, tree: Tree, mut heard: Heard, shapes: &Shapes) -> Self {
        heard.steps.sort_by_key(|step| (step.at, step.path.len()));
        heard.steps.dedup_by_key(|step| step.at);
        heard.programs.sort_unstable();
        let names = Names::of(&tree);
        let mut index = Self { main: main.to_owned(), sources, tree, heard, names, mentions: vec![] };
        let files = index.files();
        // Which names a prompt sees depends on the node that names its file, so those come first.
        index.mentions = index.names.mentions(&index.tree, shapes, &files);
        let steps = index.heard.steps.iter().filter_map(|step| index.step(step));
        let more: Vec<Mention> = steps.chain(index.unheard()).collect();
        index.mentions.extend(more);
        index.mentions.sort();
        index.mentions.dedup_by(|a, b| a.at == b.at);
        index
    }

    /// Whether types are known: they are not while nodes wait for each other.
    pub fn is_whole(&self) -> bool {
        !self.heard.builtin.is_empty()
    }

    /// The app file's path.
    pub fn main(&self) -> &str {
        &self.main
    }

    /// Paths of the files that the app is made of, as far as they are text, beside the app file.
    pub fn files(&self) -> BTreeSet<&str> {
        let paths = self.sources.iter().filter_map(|(_, source)| match source {
            Source::Text { path, .. } => Some(path.as_str()),
            Source::Rust(_) => None,
        });
        paths.filter(|path| *path != self.main).collect()
    }

    /// The text of a file as it was read.
    pub fn text(&self, file: &str) -> Option<&str> {
        self.sources.iter().find_map(|(_, source)| match source {
            Source::Text { path, text } if path == file => Some(&**text),
            _ => None,
        })
    }

    /// A file is a source for each time it is named.
    fn sources_of<'i>(&'i self, file: &'i str) -> impl Iterator<Item = SourceId> + 'i {
        let of = move |source: &Source| matches!(source, Source::Text { path, .. } if path == file);
        self.sources.iter().filter(move |(_, source)| of(source)).map(|(id, _)| id)
    }

    fn place(&self, at: Span) -> Option<Place> {
        match self.sources.get(at.source)? {
            Source::Text { path, .. } => {
                Some(Place { file: path.clone(), start: at.start as usize, end: at.end as usize })
            }
            Source::Rust(_) => None,
        }
    }

    /// What a name or a field in an expression means.
    fn step(&self, step: &Step) -> Option<Mention> {
        let target = match (step.path.as_slice(), step.declared) {
            _ if step.local => return None,
            ([root], Some(at)) if self.names.node_at(at).is_some_and(|node| node.id == *root) => Target::Node(at),
            ([root], None) => Target::Root(root.clone()),
            ([root, id], _) if root == "nodes" => Target::Node(self.resolve(id, step.at)?),
            ([root, name], _) if root == "flags" => Target::Named("flags", name.clone()),
            (_, Some(at)) => Target::Field(at),
            _ => return None,
        };
        Some(Mention { at: step.at, target })
    }

    /// The node that a name means at a place; a file sees what the node that names it sees.
    fn resolve(&self, name: &str, at: Span) -> Option<Span> {
        self.names.resolve(name, self.seen_from(at)).map(|node| node.at)
    }

    /// The place in the app file that decides which names are visible.
    fn seen_from(&self, at: Span) -> u32 {
        if at.source == self.tree.span.source {
            return at.start;
        }
        let path = self.place(at).map(|place| place.file);
        let naming = self
            .mentions
            .iter()
            .find(|mention| matches!(&mention.target, Target::File(file) if Some(file) == path.as_ref()));
        naming.map_or(self.tree.span.end, |mention| mention.at.start)
    }

    /// Names in expressions that could not be read, or that no check came to.
    fn unheard(&self) -> Vec<Mention> {
        let heard = |at: Span| {
            let from =
                self.heard.programs.partition_point(|program| (program.source, program.start) < (at.source, at.start));
            self.heard.programs.get(from).is_some_and(|program| program.source == at.source && program.end <= at.end)
        };
        let mut found = vec![];
        for (chain, text) in self.names.unheard(&heard) {
            let parts = chain.parts.iter().map(|(name, range)| (name.as_str(), text.at(range.clone())));
            found.extend(self.chain(&parts.collect::<Vec<_>>()));
        }
        for (id, source) in self.sources.iter() {
            let Source::Text { path, text } = source else { continue };
            let whole = Span::new(id, 0..text.len());
            let named = |mention: &Mention| matches!(&mention.target, Target::File(file) if file == path);
            if !check::is_file_name(path) || heard(whole) || !self.mentions.iter().any(named) {
                continue;
            }
            for region in lexical::regions(text) {
                for chain in lexical::chains(text, region.start..region.end) {
                    let parts = chain.parts.iter().map(|(name, range)| (name.as_str(), Span::new(id, range.clone())));
                    found.extend(self.chain(&parts.collect::<Vec<_>>()));
                }
            }
        }
        found
    }

    /// What the first name of a path means, and the second where that is a name too.
    fn chain(&self, parts: &[(&str, Span)]) -> Vec<Mention> {
        let mention = |at: Span, target: Target| Mention { at, target };
        match parts {
            [("nodes", at), (id, id_at), ..] => {
                let node = self.resolve(id, *id_at).map(|node| mention(*id_at, Target::Node(node)));
                node.into_iter().chain([mention(*at, Target::Root("nodes".to_owned()))]).collect()
            }
            [("flags", at), (name, name_at), ..] => vec![
                mention(*at, Target::Root("flags".to_owned())),
                mention(*name_at, Target::Named("flags", (*name).to_owned())),
            ],
            [("secrets", _), (name, name_at), ..] => {
                vec![mention(*name_at, Target::Named("secrets", (*name).to_owned()))]
            }
            [(root, at), ..] if check::ROOTS.contains(root) => vec![mention(*at, Target::Root((*root).to_owned()))],
            [(root, at), ..] => {
                self.resolve(root, *at).map(|node| mention(*at, Target::Node(node))).into_iter().collect()
            }
            [] => vec![],
        }
    }

    /// The mention at a place, or the declaration there.
    fn target_at(&self, file: &str, offset: usize) -> Option<(Span, Target)> {
        let cut = u32::try_from(offset).ok()?;
        for source in self.sources_of(file) {
            let holds = |at: Span| at.source == source && at.start <= cut && cut <= at.end;
            let from = self.mentions.partition_point(|mention| mention.at.source < source);
            let here = self.mentions.get(from..).unwrap_or_default().iter();
            let near = here.take_while(|mention| mention.at.source == source && mention.at.start <= cut);
            // Where two touch, as in `a.b`, the one that begins here is meant.
            if let Some(mention) = near.filter(|mention| holds(mention.at)).last() {
                return Some((mention.at, mention.target.clone()));
            }
            if source == self.tree.span.source
                && let Some(declared) = self.names.declaration(cut)
            {
                return Some(declared);
            }
            // Fields of a node's output are declared where something that is mentioned says so.
            let field = self.mentions.iter().find_map(|mention| match mention.target {
                Target::Field(at) if holds(at) => Some((at, Target::Field(at))),
                _ => None,
            });
            if field.is_some() {
                return field;
            }
        }
        None
    }

    /// Where what is named at a place is declared.
    pub fn definition(&self, file: &str, offset: usize) -> Option<Place> {
        let (_, target) = self.target_at(file, offset)?;
        match target {
            Target::File(file) => Some(Place { file, start: 0, end: 0 }),
            Target::Root(name) => {
                let at = self.target_at(file, offset).map(|(at, _)| self.seen_from(at));
                let local = at.and_then(|at| self.names_item(&name, at as usize));
                self.place(local.or_else(|| self.names.declared(&Target::Root(name)))?)
            }
            target => self.place(self.names.declared(&target)?),
        }
    }

    /// Where the name of a body's item is written, or what the items are taken from.
    fn names_item(&self, name: &str, offset: usize) -> Option<Span> {
        let around = self.path_at(offset);
        let mut bodies =
            around.iter().rev().map(|segment| segment.part.value()).filter(|node| node.get("do").is_some());
        bodies.find_map(|node| {
            let named = node.get("as").and_then(Tree::as_text);
            let over = node.entry("for_each").or_else(|| node.entry("over")).map(|entry| entry.key.span);
            match named {
                Some(text) => (text.as_str() == name).then(|| names::inside(text)),
                None => over.filter(|_| name == "item" || name == "batch"),
            }
        })
    }

    /// All places that name what is named at a place.
    pub fn references(&self, file: &str, offset: usize, with_declaration: bool) -> Vec<Place> {
        let Some((_, target)) = self.target_at(file, offset) else { return vec![] };
        self.places(&target, with_declaration)
    }

    fn places(&self, target: &Target, with_declaration: bool) -> Vec<Place> {
        let declared = self.names.declared(target).filter(|_| with_declaration);
        let mentions = self.mentions.iter().filter(|mention| mention.target == *target).map(|mention| mention.at);
        let mut places: Vec<Place> = declared.into_iter().chain(mentions).filter_map(|at| self.place(at)).collect();
        places.sort();
        places.dedup();
        places
    }

    /// The innermost key, item or value of the app file at a place.
    fn path_at(&self, offset: usize) -> Vec<context::Segment<'_>> {
        context::path(&self.tree, offset)
    }
}

/// Bytes of a text, cut to what is there and to whole characters.
fn clip(text: &str, range: Range<usize>) -> Range<usize> {
    let fit = |at: usize| {
        let mut at = at.min(text.len());
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        at
    };
    let start = fit(range.start);
    start..fit(range.end).max(start)
}

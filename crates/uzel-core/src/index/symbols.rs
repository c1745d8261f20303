//! The outline of an app: its sections, what they declare, and nodes inside of nodes.

use super::{Index, Place, names::SECTIONS};
use crate::{
    source::Span,
    yaml::{Entry, Tree},
};

/// What an entry of the outline is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SymbolSort {
    /// A key of the document, such as `models`.
    Section,
    /// A node.
    Node,
    /// A model, a tool, an input.
    Declaration,
}

/// An entry of the outline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Symbol {
    /// Its name.
    pub name: String,
    /// What it is, in a word: a node's kind, a model's provider.
    pub detail: String,
    /// Its sort.
    pub sort: SymbolSort,
    /// All of it.
    pub whole: Place,
    /// Its name.
    pub at: Place,
    /// What is in it.
    pub children: Vec<Symbol>,
}

impl Index {
    /// The outline of the app file.
    pub fn symbols(&self) -> Vec<Symbol> {
        let sections = self.tree.as_map().unwrap_or_default().iter().filter_map(|entry| {
            let key = entry.key.as_str();
            let children = match key {
                "nodes" => self.nodes(&entry.value),
                key if SECTIONS.contains(&key) || key == "output" => {
                    let entries = entry.value.as_map().unwrap_or_default().iter();
                    entries.filter_map(|entry| self.symbol(entry, SymbolSort::Declaration, vec![])).collect()
                }
                _ => vec![],
            };
            self.symbol(entry, SymbolSort::Section, children)
        });
        sections.collect()
    }

    /// Nodes with the nodes inside of them.
    fn nodes(&self, tree: &Tree) -> Vec<Symbol> {
        let entries = tree.as_map().unwrap_or_default().iter();
        entries.filter_map(|entry| self.symbol(entry, SymbolSort::Node, self.inner(&entry.value))).collect()
    }

    fn inner(&self, node: &Tree) -> Vec<Symbol> {
        match node.get("do") {
            Some(one) if one.get("kind").is_some_and(|kind| kind.as_text().is_some()) => self.inner(one),
            Some(body) => self.nodes(body),
            None => vec![],
        }
    }

    fn symbol(&self, entry: &Entry, sort: SymbolSort, children: Vec<Symbol>) -> Option<Symbol> {
        let (key, value) = (entry.key.span, &entry.value);
        // A value that an alias repeats stands elsewhere.
        let beside = value.span.source == key.source && value.span.start >= key.end;
        let whole = Span { end: if beside { value.span.end.max(key.end) } else { key.end }, ..key };
        let word = match sort {
            SymbolSort::Node => value.get("kind").and_then(Tree::as_str),
            SymbolSort::Declaration => value.get("use").unwrap_or(value).as_str(),
            SymbolSort::Section => value.as_str(),
        };
        let detail = word.unwrap_or_default().lines().next().unwrap_or_default().chars().take(60).collect();
        let name = entry.key.as_str();
        // Editors refuse an outline with an empty name.
        let name = if name.is_empty() { "\"\"" } else { name }.to_owned();
        let children = children
            .into_iter()
            .filter(|child| child.whole.start >= whole.start as usize && child.whole.end <= whole.end as usize);
        let children = children.collect();
        Some(Symbol { name, detail, sort, whole: self.place(whole)?, at: self.place(key)?, children })
    }
}

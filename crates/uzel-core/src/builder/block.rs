//! Settings in the order of the calls that made them, each with its place; becomes a tree. Used by everything here.

use std::panic::Location;

use serde_json::Value;

use super::span;
use crate::{
    diagnostic::{Code, Diagnostic, Diagnostics},
    source::Sources,
    yaml::{Data, Entry, Text, Tree},
};

/// A call in a Rust program.
pub(super) type Place = &'static Location<'static>;

/// A map in the making.
#[derive(Clone, Debug)]
pub(super) struct Block {
    at: Place,
    settings: Vec<Setting>,
}

#[derive(Clone, Debug)]
struct Setting {
    key: String,
    at: Place,
    part: Part,
}

/// A value in the making.
#[derive(Clone, Debug)]
pub(super) enum Part {
    Value(Value),
    Block(Block),
    List(Vec<(Place, Value)>),
}

impl From<Value> for Part {
    fn from(value: Value) -> Self {
        Self::Value(value)
    }
}

impl From<Block> for Part {
    fn from(block: Block) -> Self {
        Self::Block(block)
    }
}

impl Block {
    pub(super) fn new(at: Place) -> Self {
        Self { at, settings: vec![] }
    }

    /// Sets a key; set twice, it is reported when the tree is made.
    pub(super) fn put(&mut self, key: &str, part: Part, at: Place) {
        self.settings.push(Setting { key: key.to_owned(), at, part });
    }

    pub(super) fn set(&mut self, key: &str, value: Value, at: Place) {
        self.put(key, Part::Value(value), at);
    }

    /// Sets a key of the map under `section`, which is made if it is not there.
    pub(super) fn put_in(&mut self, section: &str, key: &str, part: Part, at: Place) {
        let existing = self.settings.iter_mut().find(|setting| setting.key == section);
        let Some(setting) = existing else {
            let mut block = Self::new(at);
            block.put(key, part, at);
            self.put(section, Part::Block(block), at);
            return;
        };
        if let Part::Value(Value::Object(map)) = &mut setting.part {
            let mut block = Self::new(setting.at);
            for (key, value) in std::mem::take(map) {
                block.set(&key, value, setting.at);
            }
            setting.part = Part::Block(block);
        }
        match &mut setting.part {
            Part::Block(block) => block.put(key, part, at),
            _ => self.put(section, part, at),
        }
    }

    /// Adds to the list under `section`, which is made if it is not there.
    pub(super) fn push_to(&mut self, section: &str, value: Value, at: Place) {
        match self.settings.iter_mut().find(|setting| setting.key == section) {
            None => self.put(section, Part::List(vec![(at, value)]), at),
            Some(Setting { part: Part::List(items), .. }) => items.push((at, value)),
            Some(Setting { part: Part::Value(Value::Array(items)), .. }) => items.push(value),
            Some(_) => self.set(section, value, at),
        }
    }

    /// Orders keys by a rank; keys of one rank stay in order.
    pub(super) fn sort(&mut self, rank: impl Fn(&str) -> usize) {
        self.settings.sort_by_key(|setting| rank(&setting.key));
    }

    /// The map with its places. What was set twice is reported, and the first one counts.
    pub(super) fn tree(self, sources: &mut Sources, out: &mut Diagnostics) -> Tree {
        let whole = span(self.at, sources);
        let mut entries: Vec<Entry> = vec![];
        for setting in self.settings {
            let at = span(setting.at, sources);
            if let Some(first) = entries.iter().find(|entry| entry.key.as_str() == setting.key) {
                let diagnostic = Diagnostic::new(Code::DUPLICATE_KEY, at, format!("`{}` is set twice", setting.key))
                    .label(first.key.span, "the first time is here")
                    .help("remove one of the two, or give it another name");
                out.push(diagnostic);
                continue;
            }
            let value = match setting.part {
                Part::Value(value) => Tree::from_json(&value, at),
                Part::Block(block) => block.tree(sources, out),
                Part::List(items) => {
                    let items = items.iter().map(|(at, value)| Tree::from_json(value, span(at, sources))).collect();
                    Tree { span: at, data: Data::List(items) }
                }
            };
            entries.push(Entry { key: Text::synthetic(setting.key, at), value });
        }
        Tree { span: whole, data: Data::Map(entries) }
    }
}

//! Settings in the order of the calls that made them, each with its place; becomes a tree. Used by everything here.

use std::panic::Location;

use serde_json::Value;

use super::{registered::Registered, span};
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
    settings: Vec<Keyed>,
    /// Functions that it runs itself; those of blocks inside are there.
    pub(super) functions: Vec<Registered>,
}

#[derive(Clone, Debug)]
struct Keyed {
    key: String,
    at: Place,
    part: Part,
}

/// A value in the making.
#[derive(Clone, Debug)]
pub(super) enum Part {
    Value(Value),
    Block(Block),
    List(Vec<(Place, Part)>),
}

impl Part {
    fn tree(self, at: Place, sources: &mut Sources, out: &mut Diagnostics) -> Tree {
        match self {
            Self::Value(value) => Tree::from_json(&value, span(at, sources)),
            Self::Block(block) => block.tree(sources, out),
            Self::List(items) => {
                let whole = span(at, sources);
                let items = items.into_iter().map(|(at, part)| part.tree(at, sources, out)).collect();
                Tree { span: whole, data: Data::List(items) }
            }
        }
    }

    fn take_functions(&mut self, into: &mut Vec<Registered>) {
        match self {
            Self::Value(_) => {}
            Self::Block(block) => block.take_functions(into),
            Self::List(items) => items.iter_mut().for_each(|(_, part)| part.take_functions(into)),
        }
    }
}

impl Block {
    pub(super) fn new(at: Place) -> Self {
        Self { at, settings: vec![], functions: vec![] }
    }

    /// Sets a key; set twice, it is reported when the tree is made.
    pub(super) fn put(&mut self, key: &str, part: Part, at: Place) {
        self.settings.push(Keyed { key: key.to_owned(), at, part });
    }

    pub(super) fn set(&mut self, key: &str, value: impl Into<Value>, at: Place) {
        self.put(key, Part::Value(value.into()), at);
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
    pub(super) fn push_to(&mut self, section: &str, part: Part, at: Place) {
        let existing = self.settings.iter_mut().find(|setting| setting.key == section);
        let Some(setting) = existing else {
            self.put(section, Part::List(vec![(at, part)]), at);
            return;
        };
        if let Part::Value(Value::Array(items)) = &mut setting.part {
            let items = std::mem::take(items).into_iter().map(|item| (setting.at, Part::Value(item)));
            setting.part = Part::List(items.collect());
        }
        match &mut setting.part {
            Part::List(items) => items.push((at, part)),
            _ => self.put(section, part, at),
        }
    }

    /// Adds what another block has set.
    pub(super) fn extend(&mut self, other: Self) {
        self.settings.extend(other.settings);
        self.functions.extend(other.functions);
    }

    /// Orders keys by a rank; keys of one rank stay in order.
    pub(super) fn sort(&mut self, rank: impl Fn(&str) -> usize) {
        self.settings.sort_by_key(|setting| rank(&setting.key));
    }

    /// Takes out the functions that it and everything inside it runs.
    pub(super) fn take_functions(&mut self, into: &mut Vec<Registered>) {
        into.append(&mut self.functions);
        self.settings.iter_mut().for_each(|setting| setting.part.take_functions(into));
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
            let value = setting.part.tree(setting.at, sources, out);
            entries.push(Entry { key: Text::synthetic(setting.key, at), value });
        }
        Tree { span: whole, data: Data::Map(entries) }
    }
}

//! Every filter, test and function that exists, with its types, a sentence and an example. What is not here is removed
//! from the engine. Read by the checks, by "did you mean", by inference and by the reference.

use std::fmt::Write as _;

mod filters;
mod named;

pub use filters::FILTERS;
pub use named::{FUNCTIONS, TESTS};

/// What something takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Takes {
    /// Anything.
    Any,
    /// A text; numbers are printed first.
    Text,
    /// A whole number.
    Integer,
    /// A number.
    Number,
    /// True or false.
    Boolean,
    /// A list, a map or a text.
    Several,
    /// A list.
    List,
    /// A map.
    Map,
}

/// What something gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gives {
    /// Nothing is known.
    Any,
    /// A text.
    Text,
    /// A whole number.
    Integer,
    /// A number.
    Number,
    /// True or false.
    Boolean,
    /// What it took.
    Same,
    /// What it took the other way round; of a map the names of its fields.
    Reversed,
    /// A list of what it took.
    SameList,
    /// Lists of what it took.
    SameLists,
    /// An item of what it took, or nothing.
    Item,
    /// A list of texts.
    Texts,
    /// A list of whole numbers.
    Integers,
    /// A list of pairs: name and value.
    Pairs,
    /// A list of anything.
    Anys,
    /// A map.
    Map,
    /// What it took without null, or the first argument.
    Default,
    /// The sum of the items.
    Sum,
}

/// How an argument is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// In its place.
    Place,
    /// By its name.
    Name,
    /// Either way.
    Both,
}

/// An argument.
#[derive(Clone, Copy, Debug)]
pub struct Param {
    /// Its name.
    pub name: &'static str,
    /// What it can be.
    pub takes: Takes,
    /// How it is written.
    pub by: By,
    /// Whether it must be there.
    pub required: bool,
}

/// A filter, a test or a function.
#[derive(Clone, Copy, Debug)]
pub struct Operation {
    /// Its name.
    pub name: &'static str,
    /// What stands before `|` or `is`; a function takes nothing.
    pub takes: Takes,
    /// Its arguments.
    pub params: &'static [Param],
    /// Whether more may follow: arguments of a filter or test that it names, or fields.
    pub more: bool,
    /// What it gives.
    pub gives: Gives,
    /// Another name of this one.
    pub alias: Option<&'static str>,
    /// What it does, in a sentence.
    pub about: &'static str,
    /// An expression and its value as JSON.
    pub example: (&'static str, &'static str),
}

impl Takes {
    /// As the reference calls it.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Any => "any",
            Self::Text => "string",
            Self::Integer => "integer",
            Self::Number => "number",
            Self::Boolean => "boolean",
            Self::Several => "list, map or string",
            Self::List => "list",
            Self::Map => "map",
        }
    }
}

impl Gives {
    /// As the reference calls it.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Any => "any",
            Self::Text => "string",
            Self::Integer => "integer",
            Self::Number => "number",
            Self::Boolean => "boolean",
            Self::Same => "the type it takes",
            Self::Reversed => "the type it takes; of a map its names",
            Self::SameList => "a list of the same items",
            Self::SameLists => "lists of the same items",
            Self::Item => "an item",
            Self::Texts => "[string]",
            Self::Integers => "[integer]",
            Self::Pairs => "[[name, value]]",
            Self::Anys => "a list",
            Self::Map => "a map",
            Self::Default => "the type it takes, or that of the argument",
            Self::Sum => "the type of the items",
        }
    }
}

impl Operation {
    /// Name and arguments: `replace(from: string, to: string, count?: integer)`.
    pub fn signature(&self) -> String {
        let mut out = self.name.to_owned();
        let mut params = vec![];
        for param in self.params {
            let mut text = format!("{}{}: {}", param.name, if param.required { "" } else { "?" }, param.takes.words());
            if param.by == By::Name {
                let _ = write!(text, " (named)");
            }
            params.push(text);
        }
        if self.more {
            params.push("…".to_owned());
        }
        if !params.is_empty() {
            let _ = write!(out, "({})", params.join(", "));
        }
        out
    }
}

/// An argument that must be there.
const fn must(name: &'static str, takes: Takes) -> Param {
    Param { name, takes, by: By::Place, required: true }
}

/// One that may be left out.
const fn may(name: &'static str, takes: Takes, by: By) -> Param {
    Param { name, takes, by, required: false }
}

/// The engine's filters that mean nothing here: HTML escapes, debugging, and a second way to do one thing.
pub(super) const REMOVED_FILTERS: &[&str] = &["safe", "escape", "e", "attr", "chain", "zip", "pprint", "format"];

/// The engine's tests that mean nothing here.
pub(super) const REMOVED_TESTS: &[&str] = &["safe", "escaped", "filter", "test", "sameas"];

/// The engine's functions that are not offered. With `namespace` a loop could nest a value without bound.
pub(super) const REMOVED_FUNCTIONS: &[&str] = &["debug", "namespace"];

/// The filter of a name.
pub(super) fn find_filter(name: &str) -> Option<&'static Operation> {
    FILTERS.iter().find(|filter| filter.name == name)
}

/// The test of a name.
pub(super) fn find_test(name: &str) -> Option<&'static Operation> {
    TESTS.iter().find(|test| test.name == name)
}

/// The function of a name.
pub(super) fn find_function(name: &str) -> Option<&'static Operation> {
    FUNCTIONS.iter().find(|function| function.name == name)
}

/// Methods that people know from Python, and the filter that does it.
pub(super) fn filter_for_method(method: &str) -> Option<&'static str> {
    Some(match method {
        "upper" => "upper",
        "lower" => "lower",
        "title" => "title",
        "capitalize" => "capitalize",
        "strip" | "trim" => "trim",
        "replace" => "replace",
        "split" => "split",
        "splitlines" => "lines",
        "join" => "join",
        "items" => "items",
        "get" => "default",
        "keys" => "list",
        "length" | "len" | "count" => "length",
        _ => return None,
    })
}

//! What a check hears while it gives types to expressions, for editors: names with their types, and what could stand at
//! a marker. Nothing is heard unless a [`TypeScope`](super::TypeScope) was given a [`Listener`].

use std::{
    collections::BTreeMap,
    ops::Range,
    sync::{Arc, Mutex},
};

use serde_json::Value;

use crate::{schema::Type, source::Span};

/// Shared by a check and who asked for it.
pub type Listener = Arc<Mutex<Heard>>;

/// Everything that was heard in one check.
#[derive(Debug, Default)]
pub struct Heard {
    /// Names and fields, each where it is written.
    pub steps: Vec<Step>,
    /// Roots with the place where they are declared, and what they are. Nodes are among them.
    pub roots: BTreeMap<Span, (String, Type)>,
    /// Roots that are declared nowhere: `input`, `run`.
    pub builtin: BTreeMap<String, Type>,
    /// Expressions and templates that were looked at.
    pub programs: Vec<Span>,
    /// A word that stands where something is to be completed. It is no name of anything.
    pub marker: Option<String>,
    /// What could stand at the marker.
    pub expected: Option<Expected>,
    /// Places where a value of a certain type is wanted: all of an input.
    pub wanted: Vec<(Span, Type)>,
}

/// A name or a field in an expression.
#[derive(Clone, Debug)]
pub struct Step {
    /// The name alone, where it is written.
    pub at: Span,
    /// The root and the plain fields up to here; empty when it begins with something else.
    pub path: Vec<String>,
    /// What it is here.
    pub ty: Type,
    /// What the field is taken from; `None` for a root.
    pub of: Option<Type>,
    /// Where it is declared.
    pub declared: Option<Span>,
    /// Whether a template made the name itself: `{% for NAME in … %}`.
    pub local: bool,
}

/// What could stand at a marker.
#[derive(Clone, Debug)]
pub enum Expected {
    /// A name: what is visible there, with types.
    Name(Vec<(String, Type, Option<Span>)>),
    /// A field of a value of this type.
    Field(Type),
    /// A text that is compared with a value of this type.
    Text(Type),
}

impl Heard {
    /// Notes a root. What is known first holds: later it may be narrowed or widened for a while.
    pub(super) fn root(&mut self, name: &str, ty: &Type, declared: Option<Span>) {
        let known = match declared {
            Some(at) => &mut self.roots.entry(at).or_insert_with(|| (name.to_owned(), Type::Any)).1,
            None => self.builtin.entry(name.to_owned()).or_insert(Type::Any),
        };
        if known.is_any() {
            known.clone_from(ty);
        }
    }

    /// Whether the marker stands in a word.
    pub(super) fn marks(&self, word: &str) -> bool {
        self.marker.as_ref().is_some_and(|marker| word.contains(marker.as_str()))
    }
}

/// The text between quotes that a constant has in its source.
pub(super) fn without_quotes(at: Range<usize>, source: &str) -> Range<usize> {
    let quoted = source.get(at.clone()).is_some_and(|text| text.len() >= 2 && text.starts_with(['"', '\'']));
    if quoted { at.start + 1..at.end - 1 } else { at }
}

/// The texts among the values of a type.
pub fn texts_of(ty: &Type) -> Vec<&str> {
    ty.members().iter().filter_map(Type::enum_values).flatten().filter_map(Value::as_str).collect()
}

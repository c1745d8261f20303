//! A tree to any serde type, with every error at its place and as many errors as can be found. Used by whoever has a
//! configuration struct.
//!
//! serde gives up at the first error. So a value of the wrong shape is reported and replaced by a stand-in of the
//! right one ([`dummy`]), and reading goes on. What cannot be replaced on the spot (a missing key, a value that a
//! visitor refuses) is noted, and the whole is read again with a stand-in in that place.

mod access;
mod dummy;
mod failed;
mod key;
mod values;
mod words;

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
};

use serde::de::DeserializeOwned;

use self::{
    failed::{Failed, Why},
    values::De,
    words::Name,
};
use super::Tree;
use crate::{
    diagnostic::{Code, Diagnostic, Diagnostics},
    source::Span,
};

/// How often a tree is read again at most. A document with more missing keys than this has enough to mend.
const ATTEMPTS: usize = 100;

/// How many values are read at most, in all attempts.
const WORK: usize = 2_000_000;

/// Reads a typed value. `None` when anything was wrong; `out` tells what.
pub fn from_tree<T: DeserializeOwned>(tree: &Tree, out: &mut Diagnostics) -> Option<T> {
    whole(read(tree, None, out))
}

fn whole<T>((value, soundness): (Option<T>, Soundness)) -> Option<T> {
    value.filter(|_| soundness == Soundness::Whole)
}

/// As [`from_tree`]; messages call the value `name`, such as the key that it was taken from.
pub fn from_named_tree<T: DeserializeOwned>(name: &str, tree: &Tree, out: &mut Diagnostics) -> Option<T> {
    whole(read(tree, Some(name), out))
}

/// How much of a tree could be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Soundness {
    /// All of it.
    Whole,
    /// All but keys that do not exist.
    UnknownKeys,
    /// Some values are stand-ins.
    StandIns,
}

/// As [`from_tree`], but what could not be read is replaced by the least value of its type. For what must be looked at
/// further to find other mistakes, and is thrown away then.
pub fn partly_from_tree<T: DeserializeOwned>(tree: &Tree, out: &mut Diagnostics) -> (Option<T>, Soundness) {
    read(tree, None, out)
}

fn read<T: DeserializeOwned>(tree: &Tree, name: Option<&str>, out: &mut Diagnostics) -> (Option<T>, Soundness) {
    let notes = Notes::default();
    let mut value = None;
    // Each attempt reads the whole tree, so a large tree gets fewer.
    for _ in 0..(WORK / tree.size()).clamp(4, ATTEMPTS) {
        let known = notes.stand_ins();
        match T::deserialize(De::root(tree, name, &notes)) {
            Ok(done) => {
                value = Some(done);
                break;
            }
            Err(failed) if notes.stand_ins() == known => {
                // Nothing new to replace: the stand-ins themselves are refused. Say so if nothing else was said.
                if notes.found.borrow().is_empty() {
                    notes.report(Diagnostic::new(Code::WRONG_SHAPE, tree.span, failed.to_string()));
                }
                break;
            }
            Err(_) => {}
        }
    }
    let found = notes.found.into_inner();
    let soundness = if found.is_empty() {
        Soundness::Whole
    } else if found.iter().all(|diagnostic| diagnostic.code == Code::UNKNOWN_KEY) {
        Soundness::UnknownKeys
    } else {
        Soundness::StandIns
    };
    for diagnostic in found {
        out.push(diagnostic);
    }
    (value, soundness)
}

/// What attempts leave for the next one. Values are known by their address, which stays: the tree is borrowed.
#[derive(Default)]
struct Notes {
    found: RefCell<Vec<Diagnostic>>,
    reported: RefCell<BTreeSet<(Code, Option<Span>, String)>>,
    /// Values that were refused.
    refused: RefCell<BTreeSet<*const Tree>>,
    /// Values that were reported and replaced on the spot.
    replaced: RefCell<BTreeSet<*const Tree>>,
    /// Refused values whose stand-in was refused too: left out.
    dropped: RefCell<BTreeSet<*const Tree>>,
    /// Keys that were missing.
    missing: RefCell<BTreeMap<*const Tree, Vec<&'static str>>>,
}

impl Notes {
    fn report(&self, diagnostic: Diagnostic) {
        let same = (diagnostic.code, diagnostic.at, diagnostic.message.clone());
        // One more than is kept, so that there is something to count as left out.
        let room = self.found.borrow().len() <= Diagnostics::LIMIT;
        if room && self.reported.borrow_mut().insert(same) {
            self.found.borrow_mut().push(diagnostic);
        }
    }

    /// How many stand-ins the next attempt has.
    fn stand_ins(&self) -> usize {
        self.refused.borrow().len()
            + self.dropped.borrow().len()
            + self.missing.borrow().values().map(Vec::len).sum::<usize>()
    }

    fn is_refused(&self, tree: &Tree) -> bool {
        let refused = self.refused.borrow();
        !refused.is_empty() && refused.contains(&std::ptr::from_ref(tree))
    }

    fn is_replaced(&self, tree: &Tree) -> bool {
        self.replaced.borrow().contains(&std::ptr::from_ref(tree))
    }

    /// Reports what is wrong with a value, for which a stand-in is given at once.
    fn replace(&self, tree: &Tree, diagnostic: Diagnostic) {
        self.replaced.borrow_mut().insert(tree);
        self.report(diagnostic);
    }

    fn is_dropped(&self, tree: &Tree) -> bool {
        let dropped = self.dropped.borrow();
        !dropped.is_empty() && dropped.contains(&std::ptr::from_ref(tree))
    }

    /// Whether a value of this map was left out, so that its key may seem to be missing.
    fn drops_in(&self, tree: &Tree) -> bool {
        tree.as_map().is_some_and(|entries| entries.iter().any(|entry| self.is_dropped(&entry.value)))
    }

    fn missing_in(&self, tree: &Tree) -> Vec<&'static str> {
        self.missing.borrow().get(&std::ptr::from_ref(tree)).cloned().unwrap_or_default()
    }

    /// Notes a failure that a visitor raised for this value, and says so.
    fn note(&self, de: &De<'_>, failed: Failed) -> Failed {
        let tree = de.tree();
        let name = de.name();
        // Whatever is said about a stand-in is no news.
        let failed = match failed.why {
            Why::Noted => return failed,
            _ if self.is_refused(tree) || self.is_replaced(tree) => Failed::dummy(),
            _ => failed,
        };
        let diagnostic = match failed.why {
            Why::Noted => return failed,
            Why::Dummy => {
                if !self.refused.borrow_mut().insert(tree) && !self.dropped.borrow_mut().insert(tree) {
                    return failed;
                }
                return Failed::noted();
            }
            Why::Missing(_) if self.drops_in(tree) => {
                self.refused.borrow_mut().insert(tree);
                return Failed::noted();
            }
            Why::Missing(key) => {
                let mut missing = self.missing.borrow_mut();
                let keys = missing.entry(tree).or_default();
                if keys.contains(&key) {
                    drop(missing);
                    self.refused.borrow_mut().insert(tree);
                    return Failed::noted();
                }
                keys.push(key);
                let message = match name {
                    Name::Root => format!("the key `{key}` is missing"),
                    name => format!("the key `{key}` is missing in {name}"),
                };
                Diagnostic::new(Code::MISSING_KEY, tree.span.head(), message).help(format!("add `{key}:`"))
            }
            Why::Shape(expected) => {
                self.refused.borrow_mut().insert(tree);
                let message = format!("{name} must be {expected}, found {}", tree.describe());
                Diagnostic::new(Code::WRONG_SHAPE, tree.span, message)
            }
            Why::Other(message) => {
                self.refused.borrow_mut().insert(tree);
                Diagnostic::new(Code::WRONG_SHAPE, tree.span, format!("{name}: {message}"))
            }
        };
        self.report(diagnostic);
        Failed::noted()
    }
}

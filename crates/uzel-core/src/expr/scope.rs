//! What expressions see: values when they run, types when they are checked.

use std::sync::Arc;

use indexmap::IndexMap;
use minijinja::{
    Value as Seen,
    value::{Enumerator, Object},
};
use serde_json::Value;

use super::{
    heard::{Heard, Listener},
    lazy::expose,
};
use crate::{schema::Type, source::Span};

/// Root name to value. Cloning shares; adding copies only the table of names.
#[derive(Clone, Debug, Default)]
pub struct Scope(Arc<IndexMap<String, Arc<Value>>>);

impl Scope {
    /// Sees nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds or replaces a root.
    pub fn with(mut self, name: impl Into<String>, value: Arc<Value>) -> Self {
        Arc::make_mut(&mut self.0).insert(name.into(), value);
        self
    }

    /// The value of a root.
    pub fn get(&self, name: &str) -> Option<&Arc<Value>> {
        self.0.get(name)
    }

    /// All roots, in the order they were added.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Arc<Value>)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// As the engine's context.
    pub(super) fn context(&self) -> Seen {
        Seen::from_object(Context(self.clone()))
    }
}

impl<N: Into<String>> FromIterator<(N, Arc<Value>)> for Scope {
    fn from_iter<I: IntoIterator<Item = (N, Arc<Value>)>>(roots: I) -> Self {
        Self(Arc::new(roots.into_iter().map(|(name, value)| (name.into(), value)).collect()))
    }
}

#[derive(Debug)]
struct Context(Scope);

impl Object for Context {
    fn get_value(self: &Arc<Self>, key: &Seen) -> Option<Seen> {
        self.0.get(key.as_str()?).map(expose)
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Seen> {
        self.0.get(key).map(expose)
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values(self.0.0.keys().map(|key| Seen::from(key.as_str())).collect())
    }
}

/// Root name to type and the place where it is declared.
#[derive(Clone, Debug, Default)]
pub struct TypeScope {
    roots: IndexMap<String, (Type, Option<Span>)>,
    /// Paths that are known not to be null.
    pub(crate) present: Vec<Vec<String>>,
    /// Who wants to know, for editors.
    listener: Option<Listener>,
}

impl TypeScope {
    /// Sees nothing: every reference is unknown.
    pub fn new() -> Self {
        Self::default()
    }

    /// As [`Self::new`]; what expressions are is told to a listener.
    pub fn heard_by(listener: Option<Listener>) -> Self {
        Self { listener, ..Self::default() }
    }

    /// Tells the listener, if there is one.
    pub(crate) fn hear(&self, tell: impl FnOnce(&mut Heard)) {
        if let Some(mut heard) = self.listener.as_ref().and_then(|listener| listener.try_lock().ok()) {
            tell(&mut heard);
        }
    }

    /// Adds or replaces a root.
    pub fn with(mut self, name: impl Into<String>, ty: Type, declared: Option<Span>) -> Self {
        self.insert(name, ty, declared);
        self
    }

    /// Adds or replaces a root.
    pub fn insert(&mut self, name: impl Into<String>, ty: Type, declared: Option<Span>) {
        let name = name.into();
        self.hear(|heard| heard.root(&name, &ty, declared));
        self.roots.insert(name, (ty, declared));
    }

    /// The type of a root and the place where it is declared.
    pub fn get(&self, name: &str) -> Option<&(Type, Option<Span>)> {
        self.roots.get(name)
    }

    /// All roots.
    pub(super) fn roots(&self) -> impl Iterator<Item = (String, Type, Option<Span>)> {
        self.roots.iter().map(|(name, (ty, declared))| (name.clone(), ty.clone(), *declared))
    }

    /// Puts a root back as it was: `None` if it was not there.
    pub(crate) fn restore(&mut self, name: &str, known: Option<(Type, Option<Span>)>) {
        match known {
            Some(known) => drop(self.roots.insert(name.to_owned(), known)),
            None => drop(self.roots.swap_remove(name)),
        }
    }

    /// All names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.roots.keys().map(String::as_str)
    }
}

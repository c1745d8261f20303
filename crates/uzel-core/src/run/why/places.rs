//! Where the app says something about a node: the places that reasons name.

use std::sync::Arc;

use super::super::{Run, level::Program};
use crate::{
    graph::{Graph, NodeDef},
    source::{Position, Span},
    yaml::{Data, Entry, Tree},
};

impl Run {
    /// The app that a level belongs to.
    pub(super) fn app(&self, mut level: usize) -> Arc<Graph> {
        loop {
            let here = &self.levels[level];
            match (&here.program, here.within) {
                (Program::App(graph), _) => return Arc::clone(graph),
                (_, Some((place, _))) => level = place.level,
                (_, None) => return Arc::clone(&self.graph),
            }
        }
    }

    /// File, line and column of a place in the app of a level.
    pub(super) fn position(&self, level: usize, span: Span) -> Position {
        let app = self.app(level);
        // An app that another runs is read with it; the outermost knows all of its files.
        let known = if app.sources.get(span.source).is_some() { &app.sources } else { &self.graph.sources };
        known.position(span)
    }

    /// Where a key of a node is written.
    pub(super) fn key(&self, level: usize, node: &NodeDef, key: &str) -> Option<Position> {
        let app = self.app(level);
        let entry = settings(&app.tree, node.at)?.entry(key)?.key.span;
        Some(self.position(level, entry))
    }

    /// Where the limit is written that a node may have met: its own, or the app's.
    pub(super) fn limit(&self, level: usize, node: &NodeDef) -> Option<Position> {
        let own = self.key(level, node, "limits");
        own.or_else(|| Some(self.position(0, self.graph.tree.entry("limits")?.key.span)))
    }
}

/// The settings of the node whose name stands at a place.
fn settings(tree: &Tree, at: Span) -> Option<&Tree> {
    match &tree.data {
        Data::Map(entries) => {
            let named = |entry: &&Entry| entry.key.span == at || entry.value.span == at;
            let here = entries.iter().find(named).map(|entry| &entry.value).filter(|value| value.as_map().is_some());
            here.or_else(|| entries.iter().find_map(|entry| settings(&entry.value, at)))
        }
        Data::List(items) => items.iter().find_map(|item| settings(item, at)),
        _ => None,
    }
}

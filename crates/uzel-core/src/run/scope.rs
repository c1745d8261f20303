//! What expressions see at a place of a run.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::{
    Run,
    level::{Place, Program},
};
use crate::{
    expr::{Reference, Scope},
    graph::NodeIdx,
};

impl Run {
    /// Values for these references at a level, for one of its nodes or for the level's own output.
    pub(super) fn scope(&self, references: &[Reference], level: usize, node: Option<NodeIdx>) -> Scope {
        let mut scope = Scope::new();
        for reference in references {
            let root = reference.root.as_str();
            if scope.get(root).is_none()
                && let Some(value) = self.root(root, references, level, node)
            {
                scope = scope.with(root, value);
            }
        }
        scope
    }

    fn root(&self, root: &str, references: &[Reference], level: usize, node: Option<NodeIdx>) -> Option<Arc<Value>> {
        match root {
            "node" => {
                let path = node.map(|node| self.levels[level].path_of(node));
                let id = node.and_then(|node| self.levels[level].program.nodes().get_index(node));
                return Some(Arc::new(json!({ "id": id.map(|(id, _)| id), "path": path })));
            }
            "nodes" => return Some(Arc::new(Value::Object(self.metadata(references, level, node)))),
            _ => {}
        }
        let (mut at, mut asker) = (level, node);
        loop {
            let here = &self.levels[at];
            if let Some((_, value)) = here.locals.iter().find(|(name, _)| name == root) {
                return Some(Arc::clone(value));
            }
            if let Some(idx) = here.program.nodes().get_index_of(root) {
                let hidden = asker.is_some_and(|asker| here.instances[asker].blind.contains(&idx));
                return Some(if hidden { Arc::new(Value::Null) } else { here.instances[idx].value() });
            }
            if let Program::App(graph) = &here.program {
                return self.root_of_app(root, graph, here.input.as_ref());
            }
            let (place, _) = here.within?;
            (at, asker) = (place.level, Some(place.node));
        }
    }

    fn root_of_app(&self, root: &str, app: &crate::graph::Graph, input: Option<&Arc<Value>>) -> Option<Arc<Value>> {
        let begin = self.begin.as_ref()?;
        match root {
            "input" => Some(Arc::clone(input.unwrap_or(&begin.input))),
            "run" => Some(Arc::new(json!({
                "id": self.id, "app": self.graph.name, "started_by": begin.by, "started_at": begin.at,
                "dry_run": begin.dry_run,
            }))),
            "flags" => {
                let value = |(name, flag): (&String, &crate::graph::Flag)| {
                    (name.clone(), begin.flags.get(name).cloned().unwrap_or_else(|| flag.default.clone()))
                };
                Some(Arc::new(Value::Object(app.flags.iter().map(value).collect())))
            }
            _ => None,
        }
    }

    /// `nodes.<id>`, for the nodes that are asked for: what can be said about each beside its value.
    fn metadata(&self, references: &[Reference], level: usize, node: Option<NodeIdx>) -> Map<String, Value> {
        let asked = references.iter().filter(|reference| reference.root == "nodes");
        let names: Option<Vec<&str>> = asked.map(|reference| reference.path.first().map(String::as_str)).collect();
        let mut found = Map::new();
        let (mut at, mut asker) = (level, node);
        loop {
            let here = &self.levels[at];
            for (idx, id) in here.program.nodes().keys().enumerate() {
                let wanted = names.as_ref().is_none_or(|names| names.contains(&id.as_str()));
                if wanted && !found.contains_key(id) {
                    let hidden = asker.is_some_and(|asker| here.instances[asker].blind.contains(&idx));
                    found.insert(id.clone(), self.about(Place { level: at, node: idx }, hidden));
                }
            }
            let (Program::Body(_), Some((place, _))) = (&here.program, here.within) else { return found };
            (at, asker) = (place.level, Some(place.node));
        }
    }

    fn about(&self, place: Place, hidden: bool) -> Value {
        if hidden {
            // It went on without being waited for: what it does is not known here, now and when this is computed again.
            return json!({ "status": "running", "attempts": 0, "cost_usd": 0.0 });
        }
        let level = &self.levels[place.level];
        let path = level.path_of(place.node);
        let attempts: u32 = self.own_effects(path.as_str()).map(|(_, effect)| effect.meta.attempts).sum();
        let cost = self.totals_of(&path).cost_usd;
        let state = &level.instances[place.node].state;
        json!({ "status": state.as_str(), "attempts": attempts, "cost_usd": cost })
    }
}

//! In what two runs came out otherwise: node by node, and as a whole. Pure. Used by `uzel replay`.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Value, json};

use super::{NodeView, Run};
use crate::event::{End, InstancePath};

/// One thing that is otherwise.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Differs {
    /// The node; the run as a whole if `None`.
    pub instance: Option<InstancePath>,
    /// What is otherwise.
    pub what: Aspect,
    /// What it was.
    pub old: Value,
    /// What it is.
    pub new: Value,
}

/// What of a node or a run is otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Aspect {
    /// The state, or how the run ended.
    State,
    /// The way that it chose.
    Way,
    /// What it was given.
    Input,
    /// What it gave.
    Output,
}

impl Aspect {
    /// In a word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::State => "state",
            Self::Way => "way",
            Self::Input => "input",
            Self::Output => "output",
        }
    }
}

/// Everything that is otherwise, in the order of the new run's nodes; then nodes that only the old one has; then the run.
pub fn differences(old: &Run, new: &Run) -> Vec<Differs> {
    let mut found = vec![];
    let mut before: BTreeMap<InstancePath, NodeView> =
        old.view().into_iter().map(|view| (view.instance.clone(), view)).collect();
    for view in new.view() {
        let was = before.remove(&view.instance);
        node(was.as_ref(), &view, &mut found);
    }
    for (instance, view) in before {
        let (old, new) = (json!(view.state), json!("not there"));
        found.push(Differs { instance: Some(instance), what: Aspect::State, old, new });
    }
    let mut whole = |what, old: Value, new: Value| {
        if old != new {
            found.push(Differs { instance: None, what, old, new });
        }
    };
    whole(Aspect::State, ending(old), ending(new));
    whole(Aspect::Output, old.output().unwrap_or_default(), new.output().unwrap_or_default());
    found
}

fn node(old: Option<&NodeView>, new: &NodeView, found: &mut Vec<Differs>) {
    let mut look = |what, old: Value, new_value: Value| {
        if old != new_value {
            found.push(Differs { instance: Some(new.instance.clone()), what, old, new: new_value });
        }
    };
    let Some(old) = old else {
        look(Aspect::State, json!("not there"), json!(new.state));
        return;
    };
    look(Aspect::State, json!(old.state), json!(new.state));
    look(Aspect::Way, json!(old.port), json!(new.port));
    // What a node that was not called would have been given is nobody's business.
    if let (Some(old), Some(new)) = (&old.input, &new.input) {
        look(Aspect::Input, old.clone(), new.clone());
    }
    look(Aspect::Output, json!(old.output), json!(new.output));
}

fn ending(run: &Run) -> Value {
    match run.end() {
        None => json!("not ended"),
        Some(End::Succeeded(_)) => json!("succeeded"),
        Some(End::Failed { instance, failure }) => json!(format!(
            "failed{}: {}",
            instance.as_ref().map(|instance| format!(" at `{instance}`")).unwrap_or_default(),
            failure.message
        )),
        Some(End::Stopped { instance, text, .. }) => json!(format!("stopped by `{instance}`: {text}")),
        Some(End::Cancelled { .. }) => json!("cancelled"),
    }
}

//! Whether a run can go on with another release of its app: its settled part must be what that would have recorded.
//! Pure, over both graphs and the log. Used by `uzel release`.

use std::{collections::BTreeSet, sync::Arc};

use serde::Serialize;

use super::{Run, State};
use crate::{
    event::{Event, InstancePath},
    graph::{Graph, NodeDef, diff::compare},
    schema::Schema,
};

/// What another release means to a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// What it still has to do is the same in both.
    Continues,
    /// What it has done fits the other release; what it still has to do is otherwise there.
    CanMigrate,
    /// What it has done does not fit: it goes on with its own release.
    StaysPinned,
    /// Its own release cannot be read any more.
    Breaks,
}

impl Verdict {
    /// In words.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Continues => "continues",
            Self::CanMigrate => "can migrate",
            Self::StaysPinned => "stays pinned",
            Self::Breaks => "breaks",
        }
    }
}

/// A verdict with its reasons.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Judged {
    /// What follows from the reasons.
    pub verdict: Verdict,
    /// Why, those that decide first.
    pub reasons: Vec<String>,
}

/// At most so many reasons are given.
const MOST: usize = 10;

/// What the release `new` means to a run that has not ended.
pub fn judge(run: &Run, log: &[Event], new: &Arc<Graph>) -> Judged {
    let old = run.graph();
    let difference = compare(old, new);
    let mut against: Vec<String> = vec![];
    let mut otherwise: Vec<String> = vec![];
    input(run, new, &mut against);
    let after = Run::fold(run.id().clone(), Arc::clone(new), log);
    let mut seen = BTreeSet::new();
    for instance in log.iter().filter_map(Event::instance) {
        if !seen.insert(instance.clone()) {
            continue;
        }
        settled(run, &after, &instance, &mut against);
    }
    let changed: BTreeSet<&str> = difference
        .parts
        .iter()
        .filter(|part| part.section == "nodes")
        .map(|part| part.from.as_deref().unwrap_or(&part.name))
        .collect();
    for (instance, state) in run.unsettled() {
        let Some(definition) = old.definition_of(instance.as_str()) else { continue };
        let at_work = seen.contains(&instance);
        if changed.contains(definition.as_str()) && at_work {
            against.push(format!("`{instance}` is {state} and is otherwise in the new release"));
        }
    }
    // Parts that only concern what has settled change nothing any more.
    for part in &difference.parts {
        let done = part.section == "nodes" && run.is_done_with(part.from.as_deref().unwrap_or(&part.name));
        if !done {
            let name = if part.name.is_empty() { String::new() } else { format!(" `{}`", part.name) };
            otherwise.push(format!("{}{name} {}", part.section, way(part.change)));
        }
    }
    let verdict = match (against.is_empty(), otherwise.is_empty()) {
        (false, _) => Verdict::StaysPinned,
        (true, true) => Verdict::Continues,
        (true, false) => Verdict::CanMigrate,
    };
    let mut reasons = if against.is_empty() { otherwise } else { against };
    if reasons.len() > MOST {
        let more = reasons.len() - MOST;
        reasons.truncate(MOST);
        reasons.push(format!("and {more} more"));
    }
    Judged { verdict, reasons }
}

const fn way(way: crate::graph::diff::Way) -> &'static str {
    use crate::graph::diff::Way;
    match way {
        Way::Added => "came",
        Way::Removed => "went",
        Way::Renamed => "has another name",
        Way::Changed => "is different",
    }
}

fn input(run: &Run, new: &Graph, against: &mut Vec<String>) {
    let Some(begin) = run.begin() else { return };
    let mut input = (*begin.input).clone();
    new.inputs.fill_defaults(&mut input);
    if let Err(violations) = new.inputs.check(&input) {
        against
            .extend(violations.into_iter().map(|violation| format!("its input does not fit: {}", violation.message)));
    } else if input != *begin.input {
        against.push("its input lacks what the new release has a default for".to_owned());
    }
    for (name, value) in &begin.flags {
        let fits = new.flags.get(name).is_none_or(|flag| flag.schema.check(value).is_ok());
        if !fits {
            against.push(format!("its flag `{name}` has another type"));
        }
    }
}

/// Whether what is on record about an instance means the same in the new release.
fn settled(run: &Run, after: &Run, instance: &InstancePath, against: &mut Vec<String>) {
    let (old, new) = (run.graph().at(instance.as_str()), after.graph().at(instance.as_str()));
    let Some(state) = run.state(instance) else { return };
    let Some(new) = new else {
        against.push(format!("`{instance}` is {} and is not in the new release", state.as_str()));
        return;
    };
    if old.is_some_and(|old| old.kind.name != new.kind.name) {
        against.push(format!("`{instance}` is {} and of another kind in the new release", state.as_str()));
        return;
    }
    if let State::Ok { value, port } = state {
        if let Err(violations) = Schema::of(new.output.clone()).check(value) {
            let why = violations.into_iter().next().map(|violation| violation.message).unwrap_or_default();
            against.push(format!("what `{instance}` gave does not fit its type in the new release: {why}"));
            return;
        }
        if let Some(port) = port.as_ref().filter(|port| !has_way(new, after, instance, port)) {
            against.push(format!("`{instance}` chose `{port}`, which the new release does not have"));
            return;
        }
    }
    let same = after
        .state(instance)
        .is_some_and(|after| after.as_str() == state.as_str() || !state.is_settled() && !after.is_settled());
    if !same {
        let there = after.state(instance).map_or("not reached", State::as_str);
        against.push(format!("`{instance}` is {}, and would be {there} in the new release", state.as_str()));
    }
}

/// Whether a way out of a node leads anywhere, or could.
fn has_way(node: &NodeDef, after: &Run, instance: &InstancePath, port: &str) -> bool {
    let listed = node.output.enum_values().is_none_or(|values| values.iter().any(|value| value.as_str() == Some(port)));
    listed && after.graph().at(instance.as_str()).is_some()
}

impl Run {
    /// Instances that have not settled, with their state's word.
    fn unsettled(&self) -> Vec<(InstancePath, &'static str)> {
        let mut open = vec![];
        for level in self.levels.iter().filter(|level| !level.closed) {
            for (node, instance) in level.instances.iter().enumerate() {
                if !instance.state.is_settled() {
                    open.push((level.path_of(node), instance.state.as_str()));
                }
            }
        }
        open
    }

    /// Whether nothing of a node, named as in the file, will run any more.
    fn is_done_with(&self, definition: &str) -> bool {
        let top = definition.split('.').next().unwrap_or(definition);
        let Some((node, _)) = self.graph.node(top) else { return false };
        self.levels.first().is_some_and(|level| level.instances.get(node).is_some_and(|i| i.state.is_settled()))
    }
}

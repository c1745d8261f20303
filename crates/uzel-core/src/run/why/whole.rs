//! Why a run is as it is: what it waits for, what its failure came from, what its time went to.

use serde::Serialize;

use super::{Because, Rule, Step, brief};
use crate::{
    event::{End, InstancePath, RunId},
    failure::FailureClass,
    graph::Reaction,
    run::{Run, State, level::Place},
    store::Status,
};

/// Why a run is as it is.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct WhyRun {
    /// Which run.
    pub run: RunId,
    /// Where it stands.
    pub status: Status,
    /// What decided.
    pub because: Vec<Because>,
    /// The node that its failure began at, or the first that it waits for.
    pub node: Option<InstancePath>,
    /// The nodes that its length is made of.
    pub path: Vec<Step>,
}

/// So many waits, failures and nodes at work are told.
const MOST: usize = 10;

impl Run {
    /// Why the run is as it is; `working` says whether a process has it in hand.
    pub fn why(&self, working: bool) -> WhyRun {
        let (mut because, mut node) = (vec![], None);
        match &self.end {
            Some(End::Succeeded(_)) => because.push(Because::new(Rule::Run, "all nodes settled", None)),
            Some(End::Failed { instance, failure }) => node = self.why_failed(instance.as_ref(), failure, &mut because),
            Some(End::Stopped { instance, text, .. }) => {
                let text = format!("`{instance}` stopped it with the text \"{text}\"");
                because.push(Because::new(Rule::Reaction, text, self.at(instance)));
                node = Some(instance.clone());
            }
            Some(End::Cancelled { why }) => {
                because.push(Because::new(Rule::Run, format!("it was cancelled {why}"), None));
            }
            None => node = self.why_open(working, &mut because),
        }
        self.handled(&mut because);
        WhyRun { run: self.id.clone(), status: self.status(working), because, node, path: self.slowest_path() }
    }

    fn why_failed(
        &self,
        instance: Option<&InstancePath>,
        failure: &crate::failure::Failure,
        because: &mut Vec<Because>,
    ) -> Option<InstancePath> {
        let Some(first) = instance.and_then(|instance| self.find(instance)).map(|place| self.first_cause(place)) else {
            let at = (failure.class == FailureClass::Limit)
                .then(|| self.graph.tree.entry("limits").map(|entry| self.position(0, entry.key.span)))
                .flatten();
            let rule = if at.is_some() { Rule::Limit } else { Rule::Failure };
            because.push(Because::new(rule, format!("the run failed: {}", brief(failure)), at));
            return None;
        };
        let path = self.path(first);
        let cause = match &self.instance(first).state {
            State::Failed(failure) => brief(failure),
            _ => brief(failure),
        };
        because.push(Because::new(Rule::Failure, format!("`{path}` failed: {cause}"), self.at(&path)));
        if let Some(outer) = instance.filter(|outer| **outer != path) {
            let text = format!("`{outer}`, which ran it, failed for that reason");
            because.push(Because::new(Rule::Failure, text, self.at(outer)));
        }
        Some(path)
    }

    /// The innermost failure below a node that failed, the earliest if there are several.
    fn first_cause(&self, mut place: Place) -> Place {
        loop {
            let below = self.instance(place).work.iter().flat_map(|work| &work.levels);
            let failed = below
                .flat_map(|level| (0..self.levels[*level].instances.len()).map(|node| Place { level: *level, node }));
            let failed = failed.filter(|at| {
                let ends = self.node(*at).is_some_and(|node| matches!(node.on_error, Reaction::Fail));
                ends && matches!(self.instance(*at).state, State::Failed(_))
            });
            match failed.min_by_key(|at| self.instance(*at).ended) {
                Some(inner) => place = inner,
                None => return place,
            }
        }
    }

    fn why_open(&self, working: bool, because: &mut Vec<Because>) -> Option<InstancePath> {
        let mut first = None;
        let waits: Vec<InstancePath> = self.waits().map(|(instance, ..)| instance).collect();
        for instance in waits.iter().take(MOST) {
            first.get_or_insert_with(|| instance.clone());
            let told = self.why_node(instance).into_iter().flat_map(|why| why.because);
            let told: Vec<Because> = told.filter(|because| because.rule == Rule::Wait).collect();
            if told.is_empty() {
                let text = format!("`{instance}` gives the nodes before it some more time");
                because.push(Because::new(Rule::Wait, text, self.at(instance)));
            }
            because.extend(told.into_iter().map(|b| Because { text: format!("`{instance}` {}", b.text), ..b }));
        }
        if waits.len() > MOST {
            because.push(Because::new(Rule::Wait, format!("and {} others wait", waits.len() - MOST), None));
        }
        let mut at_work = vec![];
        for (number, level) in self.levels.iter().enumerate().filter(|(_, level)| !level.closed) {
            for node in 0..level.instances.len() {
                let place = Place { level: number, node };
                let called = self.node(place).is_some_and(|node| node.plan.is_none());
                if called && matches!(self.instance(place).state, State::Running) {
                    at_work.push(self.path(place));
                }
            }
        }
        let doing = if working { "is being worked on" } else { "was called, and no result of it is on record" };
        for instance in at_work.iter().take(MOST) {
            first.get_or_insert_with(|| instance.clone());
            because.push(Because::new(Rule::Run, format!("`{instance}` {doing}"), self.at(instance)));
        }
        if at_work.len() > MOST {
            because.push(Because::new(Rule::Run, format!("and {} others", at_work.len() - MOST), None));
        }
        first
    }

    /// Failures and blocks that the app handles: they are not why a run fails, but explain what it gives.
    fn handled(&self, because: &mut Vec<Because>) {
        let mut count = 0;
        for (number, level) in self.levels.iter().enumerate() {
            for (node, instance) in level.instances.iter().enumerate() {
                let place = Place { level: number, node };
                let Some(def) = self.node(place) else { continue };
                let (word, reaction) = match &instance.state {
                    State::Failed(_) => ("failed", &def.on_error),
                    State::Blocked(_) => ("blocked", &def.on_block),
                    _ => continue,
                };
                if matches!(reaction, Reaction::Fail | Reaction::Stop(_)) {
                    continue;
                }
                count += 1;
                if count <= MOST {
                    let what = if word == "failed" { "failure" } else { "block" };
                    let path = self.path(place);
                    let text = format!("`{path}` {word}, and {}", self.reaction(place, reaction, what));
                    because.push(Because::new(Rule::Reaction, text, self.at(&path)));
                }
            }
        }
        if count > MOST {
            because.push(Because::new(Rule::Reaction, format!("and {} more failed or blocked", count - MOST), None));
        }
    }

    /// Where an instance's node is written.
    fn at(&self, instance: &InstancePath) -> Option<crate::source::Position> {
        let place = self.find(instance)?;
        Some(self.position(place.level, self.node(place)?.at))
    }
}

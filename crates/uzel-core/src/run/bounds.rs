//! What bounds a run and its parts: money, tokens and calls of what is below a node, and the times at which nodes and
//! the run itself must be over.
//!
//! A limit of time that is reached is a fact (`Event::Failed` of that node, or the run's end): only the driver has a clock.

use std::{collections::BTreeMap, time::Duration};

use super::{Effect, Run, Totals, level::Place};
use crate::{
    document::Limits,
    event::{EffectName, InstancePath, Time},
    failure::{Failure, FailureClass},
    graph::Inner,
};

/// Limits, and what they hold for.
#[derive(Clone, Debug)]
pub struct Bound<'r> {
    /// Empty for the run; else the instance that has them.
    pub path: InstancePath,
    /// Whether they are those of the app that the instance runs, and not the node's own.
    pub is_app: bool,
    /// The limits.
    pub limits: &'r Limits,
}

impl Bound<'_> {
    /// A limit as the file has it, and whose it is: `` `limits.tokens: 9000` of `notes[2]` ``.
    pub fn text(&self, limit: &str, value: impl std::fmt::Display) -> String {
        let path = &self.path;
        match (path.as_str().is_empty(), self.is_app) {
            (true, _) => format!("`limits.{limit}: {value}`"),
            (_, true) => format!("`limits.{limit}: {value}` of the app that `{path}` runs"),
            (_, false) => format!("`limits.{limit}: {value}` of `{path}`"),
        }
    }
}

impl Bound<'_> {
    /// Whether a failure names one of these limits.
    pub fn is_named_by(&self, failure: &Failure) -> bool {
        let Limits { cost_usd, tokens, calls, duration, active } = self.limits;
        let texts = [
            cost_usd.map(|limit| self.text("cost_usd", limit)),
            tokens.map(|limit| self.text("tokens", limit)),
            calls.map(|limit| self.text("calls", limit)),
            duration.map(|limit| self.text("duration", limit)),
            active.map(|limit| self.text("active", limit)),
        ];
        failure.class == FailureClass::Limit
            && texts.iter().flatten().any(|text| failure.message.contains(text.as_str()))
    }
}

/// A time at which something must be over.
#[derive(Clone, Debug)]
pub struct Cutoff {
    /// The time. A limit of active time goes on while something is at work.
    pub at: Time,
    /// What must be over; the run if `None`.
    pub instance: Option<InstancePath>,
    /// Why it ends then.
    pub failure: Failure,
}

/// Time for which a place with a limit of active time has been at work.
pub(super) type Worked = BTreeMap<Place, u64>;

impl Run {
    /// The limits of everything that this instance is part of, the run's first, then inwards.
    pub fn bounds_of(&self, instance: &InstancePath) -> Vec<Bound<'_>> {
        let mut bounds = vec![];
        let mut at = self.find(instance);
        while let Some(place) = at {
            bounds.extend(self.bounds_at(place).into_iter().rev());
            at = self.levels[place.level].within.map(|(place, _)| place);
        }
        bounds.push(self.outermost());
        bounds.reverse();
        bounds
    }

    fn outermost(&self) -> Bound<'_> {
        Bound { path: InstancePath::from(""), is_app: true, limits: &self.graph.limits }
    }

    /// The limits that a node has itself, and those of the app that it runs.
    fn bounds_at(&self, place: Place) -> Vec<Bound<'_>> {
        let program = &self.levels[place.level].program;
        let Some((_, node)) = program.nodes().get_index(place.node) else { return vec![] };
        let own = (node.limits != Limits::default()).then_some((false, &node.limits));
        let app = node.plan.as_ref().and_then(|plan| match &plan.inner {
            Inner::App(app) if app.limits != Limits::default() => Some((true, &app.limits)),
            _ => None,
        });
        let all = own.into_iter().chain(app);
        all.map(|(is_app, limits)| Bound { path: self.path(place), is_app, limits }).collect()
    }

    /// What the effects of an instance and of all below it have used up; of the run for an empty path.
    pub fn totals_of(&self, path: &InstancePath) -> Totals {
        let path = path.as_str();
        if path.is_empty() {
            return self.totals;
        }
        let place = self.find(&InstancePath::from(path));
        let mut totals = place.map(|place| self.instance(place).below).unwrap_or_default();
        let first = EffectName::from(path.to_owned());
        let near = self.effects.range(first..).take_while(|(name, _)| name.as_str().starts_with(path));
        for (_, Effect { meta, .. }) in near.filter(|(name, effect)| !effect.reused && is_below(name.as_str(), path)) {
            totals.add(meta);
        }
        totals
    }

    /// A place begins to count its time, if something limits it.
    pub(super) fn begin_time(&mut self, place: Place) {
        let limits: Vec<(bool, bool)> = self
            .bounds_at(place)
            .iter()
            .map(|bound| (bound.limits.duration.is_some(), bound.limits.active.is_some()))
            .collect();
        if limits.iter().any(|(duration, active)| *duration || *active) {
            self.timed.insert(place);
        }
        if limits.iter().any(|(_, active)| *active) {
            self.worked.insert(place, 0);
        }
    }

    /// Something stops counting its time.
    pub(super) fn end_time(&mut self, place: Place) {
        self.working.remove(&place);
        self.called.remove(&place);
        self.timed.remove(&place);
        self.worked.remove(&place);
    }

    /// Counts the time since the last fact for all that something was at work in.
    pub(super) fn count_time(&mut self, until: Time) {
        // The records that a forked run begins with are older than it: their time was another run's.
        let since = self.begin.as_ref().map_or(self.now, |begin| begin.at.max(self.now));
        let gone = until.since(since);
        if gone == 0 || self.working.is_empty() {
            return;
        }
        self.active += gone;
        let places: Vec<Place> = self.worked.keys().copied().collect();
        for place in places {
            if self.works_below(place)
                && let Some(worked) = self.worked.get_mut(&place)
            {
                *worked += gone;
            }
        }
    }

    fn works_below(&self, place: Place) -> bool {
        self.working.iter().any(|worker| {
            let mut at = Some(*worker);
            while let Some(found) = at {
                if found == place {
                    return true;
                }
                at = self.levels[found.level].within.map(|(place, _)| place);
            }
            false
        })
    }

    /// When what is open must be over: the run first, then nodes from the outside inwards.
    pub fn cutoffs(&self) -> Vec<Cutoff> {
        let mut cutoffs = vec![];
        if let Some(begin) = &self.begin {
            let active = (!self.working.is_empty()).then_some(self.active);
            self.cutoffs_of(&self.outermost(), Some(begin.at), active, &mut cutoffs);
        }
        for place in &self.timed {
            let began = self.instance(*place).began.zip(self.begin.as_ref()).map(|(began, run)| began.max(run.at));
            let worked = self.worked.get(place).copied().filter(|_| self.works_below(*place));
            for bound in self.bounds_at(*place) {
                self.cutoffs_of(&bound, began, worked, &mut cutoffs);
            }
        }
        cutoffs
    }

    fn cutoffs_of(&self, bound: &Bound<'_>, began: Option<Time>, worked: Option<u64>, cutoffs: &mut Vec<Cutoff>) {
        let instance = (!bound.path.as_str().is_empty()).then(|| bound.path.clone());
        let what = instance.as_ref().map_or_else(|| "the run".to_owned(), |path| format!("`{path}`"));
        let mut cut = |at: Time, did: &str, limit: String| {
            let failure = Failure::new(FailureClass::Limit, format!("{what} {did} longer than {limit}"));
            cutoffs.push(Cutoff { at, instance: instance.clone(), failure });
        };
        if let (Some(duration), Some(began)) = (bound.limits.duration, began) {
            cut(began.plus(duration.0), "took", bound.text("duration", duration));
        }
        if let (Some(active), Some(worked)) = (bound.limits.active, worked) {
            let left = active.0.saturating_sub(Duration::from_millis(worked));
            cut(self.now.plus(left), "worked", bound.text("active", active));
        }
    }

    /// The earliest time at which the run, or something that this instance is part of, must be over.
    pub fn cutoff_of(&self, instance: &InstancePath) -> Option<Cutoff> {
        let holds = |cutoff: &Cutoff| {
            cutoff.instance.as_ref().is_none_or(|path| path == instance || is_below(instance.as_str(), path.as_str()))
        };
        self.cutoffs().into_iter().filter(holds).min_by_key(|cutoff| cutoff.at)
    }
}

/// Whether a name is that of something in or below a path: an effect, a node of a body, an item.
fn is_below(name: &str, path: &str) -> bool {
    name.strip_prefix(path).is_some_and(|rest| rest.starts_with(['/', '.', '[']))
}

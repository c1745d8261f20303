//! Why a node ran, waits, did not run, failed or is slow: the rules that decided, with the values that they saw and the
//! place in the app that says so. Pure, over graph and log. Used by `uzel why`.

mod path;
mod places;
mod rules;
mod whole;

use serde::Serialize;
use serde_json::Value;

pub use path::Step;
pub use whole::WhyRun;

use super::{Run, State, level::Place, timeline::word_of};
use crate::{
    event::{EffectMeta, InstancePath, Question, Time, Wait},
    failure::{Failure, FailureClass},
    graph::{NodeDef, Reaction},
    policy::Backoff,
    source::Position,
};

/// Values are shown up to so many characters.
const MOST: usize = 80;

/// Why a node instance is as it is.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Why {
    /// Its place.
    pub instance: InstancePath,
    /// What it is.
    pub kind: &'static str,
    /// The state's word.
    pub state: &'static str,
    /// Where it is written.
    pub at: Position,
    /// What decided, in the order in which it did.
    pub because: Vec<Because>,
}

/// One thing that decided.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Because {
    /// What sort of thing.
    pub rule: Rule,
    /// In words.
    pub text: String,
    /// Where the app says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<Position>,
}

/// What sort of thing decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// A node before it settled, or has not.
    Parent,
    /// Which of those it waits for.
    Join,
    /// Its condition.
    When,
    /// A value chose the way.
    Route,
    /// What it waits for.
    Wait,
    /// What a person, a clock or a call said.
    Answer,
    /// It failed, and why.
    Failure,
    /// What its failure or block does.
    Reaction,
    /// A try that failed.
    Retry,
    /// A limit was reached.
    Limit,
    /// What took its time.
    Time,
    /// What it runs below itself.
    Body,
    /// Its record came from another run.
    Reused,
    /// The run itself.
    Run,
}

impl Because {
    fn new(rule: Rule, text: impl Into<String>, at: Option<Position>) -> Self {
        Self { rule, text: text.into(), at }
    }
}

impl Run {
    /// Why a node instance is as it is; `None` for a place that has not come to be.
    pub fn why_node(&self, instance: &InstancePath) -> Option<Why> {
        let place = self.find(instance)?;
        let node = self.node(place)?;
        let mut because = vec![];
        if self.is_reused(place) {
            let from = self.begin.as_ref().and_then(|begin| begin.forked_from.as_ref());
            let text = from.map_or_else(String::new, |from| {
                if from.set.contains(instance) {
                    format!("what it gave was set when this run was forked from `{}`", from.run)
                } else {
                    format!("its record was taken from run `{}`", from.run)
                }
            });
            because.push(Because::new(Rule::Reused, text, None));
        }
        self.rules(place, &node, &mut because);
        self.body(place, &node, &mut because);
        self.waiting(place, &node, &mut because);
        self.answers(place, &mut because);
        self.tries(place, &node, &mut because);
        self.ending(place, &node, &mut because);
        self.times(place, &mut because);
        Some(Why {
            instance: self.path(place),
            kind: node.kind.name,
            state: self.instance(place).state.as_str(),
            at: self.position(place.level, node.at),
            because,
        })
    }

    /// How far the bodies of a node are.
    fn body(&self, place: Place, node: &NodeDef, because: &mut Vec<Because>) {
        let (Some(plan), Some(work)) = (&node.plan, &self.instance(place).work) else { return };
        let word = word_of(&plan.shape);
        let open: Vec<&str> = work
            .levels
            .iter()
            .filter(|level| !self.levels[**level].closed)
            .map(|level| self.levels[*level].path.as_str())
            .collect();
        let of = if work.items.is_empty() { String::new() } else { format!(" of {}", work.items.len()) };
        let mut text = format!("{}{of} {word}s were opened, {} ended", work.levels.len(), work.ended);
        if work.failures > 0 {
            text += &format!(", {} failed", work.failures);
        }
        if !open.is_empty() {
            let more = if open.len() > 3 { ", …" } else { "" };
            text += &format!("; still open: {}{more}", open.iter().take(3).copied().collect::<Vec<_>>().join(", "));
        }
        because.push(Because::new(Rule::Body, text, None));
    }

    fn waiting(&self, place: Place, node: &NodeDef, because: &mut Vec<Because>) {
        let instance = self.instance(place);
        let State::Waiting(wait) = &instance.state else { return };
        let since = instance.asked.map(|asked| format!(", since {}", self.after(asked))).unwrap_or_default();
        let key = |key| self.key(place.level, node, key).or(Some(self.position(place.level, node.at)));
        match &**wait {
            Wait::Answer(question) => {
                because.push(Because::new(Rule::Wait, format!("{}{since}", asks(question)), key("title")));
                if let Some(text) = question.due.map(|due| late(question, due, self)) {
                    because.push(Because::new(Rule::Limit, text, key("timeout")));
                }
            }
            Wait::Until(time) => {
                let text = format!("waits until {}{since}", self.after(*time));
                let at = self.key(place.level, node, "for").or_else(|| key("until"));
                because.push(Because::new(Rule::Wait, text, at));
            }
            Wait::Callback { token, due, .. } => {
                let due = due.map(|due| format!(", at most until {}", self.after(due))).unwrap_or_default();
                let text = format!("waits for a call from outside with `{token}`{since}{due}");
                because.push(Because::new(Rule::Wait, text, key("for")));
            }
        }
    }

    fn answers(&self, place: Place, because: &mut Vec<Because>) {
        use crate::event::Resolution;
        let instance = self.instance(place);
        if let Some(answer) = &instance.answer {
            let form = match &answer.form {
                Value::Object(fields) if !fields.is_empty() => format!(" with {}", shown(&answer.form)),
                _ => String::new(),
            };
            let waited = instance.asked.map(|asked| format!(", {} after it was asked", span(answer.at.since(asked))));
            let text = format!("`{}` answered `{}`{form}{}", answer.by, answer.action, waited.unwrap_or_default());
            because.push(Because::new(Rule::Answer, text, None));
        }
        match &instance.resolution {
            Some(Resolution::Due(at)) => {
                let text = format!("its time came {}", self.after(*at));
                because.push(Because::new(Rule::Answer, text, None));
            }
            Some(Resolution::Called { value, at }) => {
                let text = format!("somebody outside called {} with {}", self.after(*at), shown(value));
                because.push(Because::new(Rule::Answer, text, None));
            }
            _ => {}
        }
    }

    fn tries(&self, place: Place, node: &NodeDef, because: &mut Vec<Because>) {
        let path = self.path(place);
        for (name, effect) in self.own_effects(path.as_str()) {
            let meta = &effect.meta;
            let own = name.as_str().strip_prefix(path.as_str()).unwrap_or_default().trim_start_matches('/');
            if meta.attempts > 1 {
                let at = self.key(place.level, node, "retry");
                let text = format!("`{own}` took {} tries; {}", meta.attempts, backoff(node));
                because.push(Because::new(Rule::Retry, text, at));
                for (i, failure) in meta.tries.iter().enumerate() {
                    because.push(Because::new(Rule::Retry, format!("try {} failed: {}", i + 1, brief(failure)), None));
                }
            }
            if meta.brown_out {
                let who = meta.endpoint.as_deref().unwrap_or("a fallback");
                let text = format!("`{own}` was answered by `{who}`, which stands in for a better one");
                because.push(Because::new(Rule::Retry, text, self.key(place.level, node, "fallback")));
            }
        }
        for doubt in self.doubts_of(&path).keys() {
            let text = format!("`{doubt}` must not be repeated, and may have been done: a process died while doing it");
            because.push(Because::new(Rule::Failure, text, None));
        }
    }

    /// How it ended, and what that does.
    fn ending(&self, place: Place, node: &NodeDef, because: &mut Vec<Because>) {
        let at = Some(self.position(place.level, node.at));
        match &self.instance(place).state {
            State::Failed(failure) => {
                let rule = if failure.class == FailureClass::Limit { Rule::Limit } else { Rule::Failure };
                let limit = (rule == Rule::Limit).then(|| self.limit(place.level, node)).flatten();
                because.push(Because::new(rule, format!("it failed: {}", brief(failure)), limit.or(at)));
                because.extend(failure.causes.iter().map(|cause| Because::new(rule, cause.clone(), None)));
                let key = self.key(place.level, node, "on_error");
                because.push(Because::new(Rule::Reaction, self.reaction(place, &node.on_error, "failure"), key));
            }
            State::Blocked(reason) => {
                because.push(Because::new(Rule::Failure, format!("it blocked: {reason}"), at));
                let key = self.key(place.level, node, "on_block");
                because.push(Because::new(Rule::Reaction, self.reaction(place, &node.on_block, "block"), key));
            }
            State::LeftOut(why) => because.push(Because::new(Rule::Run, format!("it was left out: {why}"), at)),
            State::Cancelled => because.push(self.cancelled(place)),
            State::Running if node.plan.is_none() && self.end.is_none() => {
                let text = "it was called, and what came of it is not on record";
                because.push(Because::new(Rule::Run, text, None));
            }
            _ => {}
        }
    }

    fn reaction(&self, place: Place, reaction: &Reaction, what: &str) -> String {
        match reaction {
            Reaction::Fail if place.level > 0 => format!("nothing handles the {what}: what it is part of fails, too"),
            Reaction::Fail => format!("nothing handles the {what}: the run fails"),
            Reaction::HandOn => format!("nodes after it take the {what}"),
            Reaction::Skip => format!("the {what} is skipped: its value is null"),
            Reaction::Use(_) => format!("the {what} is replaced by the value {}", shown(&self.instance(place).value())),
            Reaction::Run(instead) => {
                let name = self.name(place.level, *instead).unwrap_or_default();
                format!("`{name}` runs instead of what depends on it")
            }
            Reaction::Stop(_) => format!("the {what} stops the run with a text for the user"),
        }
    }

    /// What made an instance unwanted: a join that went on without it, or the end of what it is part of.
    fn cancelled(&self, place: Place) -> Because {
        let level = &self.levels[place.level];
        let went_on = level.instances.iter().enumerate().find(|(_, other)| other.blind.contains(&place.node));
        if let Some((winner, _)) = went_on
            && let (Some(name), Some(def)) =
                (self.name(place.level, winner), self.node(Place { node: winner, ..place }))
        {
            let text = format!("nobody waits for it any more: `{name}` went on without it (join: {})", def.join);
            let key = self.key(place.level, &def, "join");
            return Because::new(Rule::Join, text, key.or(Some(self.position(place.level, def.at))));
        }
        match level.within {
            Some((outer, _)) => {
                let (name, state) = (self.path(outer), self.instance(outer).state.as_str());
                Because::new(Rule::Run, format!("nobody waits for it any more: `{name}` is {state}"), None)
            }
            None => Because::new(Rule::Run, "nobody waits for it any more", None),
        }
    }

    /// What its time went to.
    fn times(&self, place: Place, because: &mut Vec<Because>) {
        let instance = self.instance(place);
        let Some(started) = instance.started else { return };
        let begun = format!("it began {}", self.after(started));
        let Some(ended) = instance.ended else {
            because.push(Because::new(Rule::Time, format!("{begun} and has not settled"), None));
            return;
        };
        let mut text = format!("{begun} and took {}", span(ended.since(started)));
        let path = self.path(place);
        let effects: Vec<(&str, &EffectMeta)> = self
            .own_effects(path.as_str())
            .map(|(name, effect)| (name.as_str().rsplit('/').next().unwrap_or_default(), &effect.meta))
            .collect();
        let length = |meta: &EffectMeta| meta.ended.since(meta.started);
        if let Some((name, slowest)) = effects.iter().max_by_key(|(_, meta)| length(meta)) {
            let total: u64 = effects.iter().map(|(_, meta)| length(meta)).sum();
            let plural = if effects.len() == 1 { "" } else { "s" };
            text += &format!(": {} effect{plural} in {}", effects.len(), span(total));
            if effects.len() > 1 {
                text += &format!(", the slowest `{name}` with {}", span(length(slowest)));
            }
        }
        if let (Some(asked), Some(answer)) = (instance.asked, &instance.answer) {
            text += &format!(", {} of it waiting for `{}`", span(answer.at.since(asked)), answer.by);
        }
        because.push(Because::new(Rule::Time, text, None));
    }

    /// A time, as it is from the run's beginning.
    fn after(&self, time: Time) -> String {
        let begun = self.begin.as_ref().map_or(time, |begin| begin.at);
        if time < begun {
            return format!("{} before the run", span(begun.since(time)));
        }
        format!("{} into the run", span(time.since(begun)))
    }
}

fn asks(question: &Question) -> String {
    let who = if question.assign.is_null() { String::new() } else { format!(" ({})", shown(&question.assign)) };
    format!("waits for a person{who}: \"{}\", {}", question.title, question.actions.join(" or "))
}

fn late(question: &Question, due: Time, run: &Run) -> String {
    match &question.on_timeout {
        Some(action) => format!("if nobody answers until {}, `{action}` is taken", run.after(due)),
        None => format!("if nobody answers until {}, it fails", run.after(due)),
    }
}

fn backoff(node: &NodeDef) -> String {
    let retry = &node.policy.retry;
    let grow = match retry.backoff {
        Backoff::Exponential => "doubling",
        Backoff::Fixed => "the same each time",
    };
    format!("at most {} are made, after random waits up to {}, {grow}, at most {}", retry.max, retry.base, retry.cap)
}

fn brief(failure: &Failure) -> String {
    format!("{}: {}", failure.class.as_str(), failure.message)
}

/// A value in a few characters.
fn shown(value: &Value) -> String {
    let text = value.to_string();
    if text.chars().count() <= MOST {
        return text;
    }
    let cut: String = text.chars().take(MOST - 1).collect();
    format!("{cut}…")
}

/// A length of time for people.
fn span(millis: u64) -> String {
    match millis {
        0..1_000 => format!("{millis} ms"),
        1_000..60_000 => format!("{:.1} s", millis as f64 / 1_000.0),
        60_000..3_600_000 => format!("{} min", millis / 60_000),
        3_600_000..172_800_000 => format!("{} h", millis / 3_600_000),
        _ => format!("{} d", millis / 86_400_000),
    }
}

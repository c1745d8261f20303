//! What `map`, `reduce`, `loop` and `graph` do: they open bodies, take what comes of them, and settle.
//!
//! Nothing here is recorded: it follows from what the nodes in the bodies did, in the order of the log.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::{
    Run, State,
    level::{Level, Place, Program, Work},
};
use crate::{
    event::InstancePath,
    failure::{Failure, FailureClass},
    graph::{ItemError, Plan, Shape},
};

/// How many items a list may have.
const ITEMS: usize = 100_000;

/// What comes next for a node with bodies.
enum Step {
    /// Bodies are at work.
    Wait,
    /// It has a value.
    Done(Arc<Value>),
    /// It failed.
    Fail(Failure),
}

impl Run {
    /// Begins the bodies of a node.
    pub(super) fn enter(&mut self, place: Place, plan: &Plan) {
        let step = match self.input(place) {
            Err(failure) => Step::Fail(failure),
            Ok(Value::Object(input)) => self.begin_work(place, plan, input),
            Ok(_) => Step::Wait,
        };
        self.step(place, plan, step);
    }

    fn begin_work(&mut self, place: Place, plan: &Plan, mut input: Map<String, Value>) -> Step {
        let mut work = Work::default();
        match &plan.shape {
            Shape::Map { .. } | Shape::Reduce { .. } => {
                let key = plan.shape.list_key().unwrap_or_default();
                let items = match input.remove(key) {
                    Some(Value::Array(items)) => items,
                    other => {
                        let found = other.as_ref().map_or("nothing", describe);
                        let message = format!("`{key}` must be a list, and is {found}");
                        return Step::Fail(Failure::new(FailureClass::Invalid, message));
                    }
                };
                if items.len() > ITEMS {
                    let message = format!("`{key}` has {} items; at most {ITEMS} are allowed", items.len());
                    return Step::Fail(Failure::new(FailureClass::Limit, message));
                }
                if items.is_empty() {
                    return Step::Done(Arc::new(match &plan.shape {
                        Shape::Map { .. } => json!({ "items": [] }),
                        _ => input.remove("empty").unwrap_or(Value::Null),
                    }));
                }
                work.items = items.into_iter().map(Arc::new).collect();
            }
            Shape::Graph => {
                let mut given = input.remove("with").unwrap_or_else(|| Value::Object(Map::new()));
                if let Program::App(app) = Program::of(&plan.inner) {
                    app.inputs.fill_defaults(&mut given);
                    if let Err(violations) = app.inputs.check(&given) {
                        let why = violations.first().map(|v| v.message.clone()).unwrap_or_default();
                        let message = format!("what the app `{}` is given does not fit: {why}", app.name);
                        return Step::Fail(Failure::new(FailureClass::Invalid, message));
                    }
                }
                work.items = vec![Arc::new(given)];
            }
            Shape::Loop { .. } => {}
        }
        if let Some(instance) = self.instance_mut(place) {
            instance.work = Some(Box::new(work));
        }
        Step::Wait
    }

    /// Does what comes next; opens bodies as far as they may be open at once.
    fn step(&mut self, place: Place, plan: &Plan, step: Step) {
        match step {
            Step::Done(value) => self.derive(place, State::Ok { value, port: None }),
            Step::Fail(failure) => {
                self.cancel_below(place);
                self.derive(place, State::Failed(failure));
            }
            Step::Wait => {
                while let Some((index, path, locals, input)) = self.opening(place, plan) {
                    let mut level = Level::new(Program::of(&plan.inner), path, Some((place, index)));
                    (level.locals, level.input) = (locals, input);
                    self.open(place, level);
                }
            }
        }
    }

    /// The next opening of the body, if one may be opened now.
    #[expect(clippy::type_complexity, reason = "it is taken apart where it is called")]
    fn opening(
        &mut self,
        place: Place,
        plan: &Plan,
    ) -> Option<(usize, String, Vec<(String, Arc<Value>)>, Option<Arc<Value>>)> {
        let path = self.path(place);
        let work = self.instance_mut(place)?.work.as_mut()?;
        let busy = work.opened - work.ended;
        let index = work.opened;
        let counted = |length: usize| {
            json!({ "index": index + 1, "index0": index, "first": index == 0, "last": index + 1 == length,
                    "length": length })
        };
        let opening = match &plan.shape {
            Shape::Map { item, max_parallel, .. } => {
                let value = Arc::clone(work.items.get(index).filter(|_| busy < *max_parallel)?);
                let counted = Arc::new(counted(work.items.len()));
                (index, format!("{path}[{index}]"), vec![(item.clone(), value), ("loop".to_owned(), counted)], None)
            }
            Shape::Reduce { item, batch, max_parallel } => {
                let batches = work.items.len().div_ceil(*batch);
                if index >= batches || busy >= *max_parallel {
                    return None;
                }
                let values = work.items.iter().skip(index * batch).take(*batch);
                let values = Arc::new(Value::Array(values.map(|value| Value::clone(value)).collect()));
                let mut counted = counted(batches);
                counted["level"] = json!(work.round);
                let path = format!("{path}[{}:{index}]", work.round);
                (index, path, vec![(item.clone(), values), ("loop".to_owned(), Arc::new(counted))], None)
            }
            Shape::Loop { .. } => {
                if busy > 0 || index > work.round {
                    return None;
                }
                let previous = work.values.last().and_then(Option::as_ref).map_or(Value::Null, |v| Value::clone(v));
                let counted = json!({ "index": index + 1, "index0": index, "first": index == 0, "previous": previous });
                (index, format!("{path}[{index}]"), vec![("loop".to_owned(), Arc::new(counted))], None)
            }
            Shape::Graph => (0, path.to_string(), vec![], Some(Arc::clone(work.items.get(index)?))),
        };
        work.opened += 1;
        work.values.push(None);
        Some(opening)
    }

    fn open(&mut self, place: Place, level: Level) {
        let paths: Vec<InstancePath> = (0..level.instances.len()).map(|node| level.path_of(node)).collect();
        let number = self.place(level);
        for (node, path) in paths.into_iter().enumerate() {
            self.paths.insert(path, Place { level: number, node });
        }
        if let Some(work) = self.instance_mut(place).and_then(|instance| instance.work.as_mut()) {
            work.levels.push(number);
        }
        self.begin_level(number);
    }

    /// Takes the value of a level whose nodes have all settled.
    pub(super) fn close(&mut self, level: usize) {
        let Some((place, index)) = self.levels[level].within else { return };
        self.shut(level);
        let value = self.value_of(level).map(Arc::new);
        self.ended(place, index, level, value);
    }

    /// Ends a level because one of its nodes failed and nothing handles it.
    pub(super) fn fail_level(&mut self, level: usize, failure: Failure) {
        let Some((place, index)) = self.levels[level].within else { return };
        if self.levels[level].closed {
            return;
        }
        self.cancel_level(level);
        self.ended(place, index, level, Err(failure));
    }

    fn ended(&mut self, place: Place, index: usize, level: usize, value: Result<Arc<Value>, Failure>) {
        let Some(node) = self.levels[place.level].program.node(place.node) else { return };
        let Some(plan) = &node.plan else { return };
        let until = match (&plan.shape, &value) {
            (Shape::Loop { until, .. }, Ok(_)) => until
                .holds(&self.scope(until.references(), level, None))
                .map_err(|failure| failure.because(format!("`until` of node `{}` was looked at", node.id))),
            _ => Ok(true),
        };
        let Some(instance) = self.instance_mut(place).filter(|instance| !instance.state.is_settled()) else { return };
        let Some(work) = instance.work.as_mut() else { return };
        work.ended += 1;
        let step = match (&plan.shape, value) {
            (Shape::Map { on_item_error, .. }, value) => item_ended(work, index, *on_item_error, value),
            (_, Err(failure)) => Step::Fail(failure),
            (Shape::Reduce { batch, .. }, Ok(value)) => batch_ended(work, index, *batch, value),
            (Shape::Loop { max_rounds, strict, .. }, Ok(value)) => {
                let last = work.round + 1 >= *max_rounds;
                match until {
                    Err(failure) => Step::Fail(failure),
                    Ok(false) if last && *strict => {
                        let message = format!("{max_rounds} rounds did not make `until` true");
                        Step::Fail(Failure::new(FailureClass::Limit, message))
                    }
                    Ok(false) if !last => {
                        work.values[index] = Some(value);
                        work.round += 1;
                        Step::Wait
                    }
                    Ok(_) => Step::Done(value),
                }
            }
            (Shape::Graph, Ok(value)) => Step::Done(value),
        };
        self.step(place, plan, step);
    }

    /// Cancels everything below a node.
    pub(super) fn cancel_below(&mut self, place: Place) {
        let work = self.instance_mut(place).and_then(|instance| instance.work.as_mut());
        for level in work.map(|work| work.levels.clone()).unwrap_or_default() {
            if !self.levels[level].closed {
                self.cancel_level(level);
            }
        }
    }

    fn cancel_level(&mut self, level: usize) {
        self.shut(level);
        for node in 0..self.levels[level].instances.len() {
            self.cancel(Place { level, node });
        }
    }

    /// The path of a place.
    pub(super) fn path(&self, place: Place) -> InstancePath {
        self.levels[place.level].path_of(place.node)
    }
}

fn item_ended(work: &mut Work, index: usize, on_error: ItemError, value: Result<Arc<Value>, Failure>) -> Step {
    let value = match value {
        Ok(value) => value,
        Err(failure) => {
            work.failures += 1;
            if work.failures > on_error.allows(work.items.len()) {
                let failure = match on_error {
                    ItemError::Fail => failure.because(format!("item {index} was worked on")),
                    _ => failure.because(format!("{} of {} items failed", work.failures, work.items.len())),
                };
                return Step::Fail(failure);
            }
            Arc::new(Value::Null)
        }
    };
    work.values[index] = Some(value);
    if work.ended < work.items.len() {
        return Step::Wait;
    }
    let values = work.values.iter().map(|value| value.as_ref().map_or(Value::Null, |value| Value::clone(value)));
    Step::Done(Arc::new(json!({ "items": values.collect::<Vec<_>>() })))
}

fn batch_ended(work: &mut Work, index: usize, batch: usize, value: Arc<Value>) -> Step {
    let batches = work.items.len().div_ceil(batch);
    if batches == 1 {
        return Step::Done(value);
    }
    work.values[index] = Some(value);
    if work.ended == batches {
        // The next level goes over what this one gave.
        work.items = std::mem::take(&mut work.values).into_iter().flatten().collect();
        (work.opened, work.ended) = (0, 0);
        work.round += 1;
    }
    Step::Wait
}

/// What a value is, in a word.
fn describe(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a map",
    }
}

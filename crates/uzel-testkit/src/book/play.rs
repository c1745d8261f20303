//! Plays a case on a stage and says what is otherwise than the page says.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    sync::Arc,
};

use serde_json::{Value, json};
use uzel_core::{
    event::{Answer, End, InstancePath, Question, Resolution, Stored, Wait},
    failure::{Failure, FailureClass},
    graph::Graph,
    node::Outcome,
};

use super::{
    lines::{Expect, Step},
    page::Case,
};
use crate::stage::{Place, Stage, graph};

/// Calls after which a case is taken for endless.
const MOST: usize = 10_000;

/// Apps that have been checked, by their files: many cases have the same.
pub(super) type Graphs = BTreeMap<BTreeMap<String, String>, Result<Arc<Graph>, Vec<String>>>;

/// Everything that is otherwise than the page says.
pub(super) fn play(case: &Case, graphs: &mut Graphs) -> Vec<String> {
    let version = |(name, text): (&String, &String)| (name.clone(), format!("version: 1\n{text}").into_bytes());
    let checked = graphs.entry(case.files.clone()).or_insert_with(|| graph(&case.files.iter().map(version).collect()));
    let refused: Vec<&String> = case.expect.iter().filter_map(|(_, one)| refusal(one)).collect();
    let problems = match checked.clone() {
        Ok(_) if !refused.is_empty() => vec![format!("check takes it, and the page says {refused:?}")],
        Ok(graph) => perform(case, &graph),
        Err(problems) => {
            let known = |code: &&&String| problems.iter().any(|problem| problem.starts_with(code.as_str()));
            let missing: Vec<_> = refused.iter().filter(|code| !known(code)).collect();
            if refused.is_empty() || !missing.is_empty() { problems } else { vec![] }
        }
    };
    let place = format!("{} {}", case.place, case.title);
    problems.into_iter().map(|problem| format!("{place}: {problem}")).collect()
}

fn refusal(one: &Expect) -> Option<&String> {
    if let Expect::Refused(code) = one { Some(code) } else { None }
}

fn perform(case: &Case, graph: &Arc<Graph>) -> Vec<String> {
    let directed = case.script.iter().filter_map(|(_, step)| step.directs().map(str::to_owned)).collect();
    let mut player = Player { stage: Stage::open(graph, json!({})), directed, problems: vec![] };
    player.others();
    for (at, step) in &case.script {
        if let Err(problem) = player.step(step) {
            if case.partial {
                continue;
            }
            player.problems.push(format!("line {at}: {problem}"));
        }
        player.others();
    }
    let found = player.compare(case);
    let mut problems = player.problems;
    problems.extend_from_slice(player.stage.problems());
    problems.extend(found);
    if let Some(last) = problems.last_mut() {
        // Once for a case is enough to see what happened.
        for (path, (state, value)) in player.stage.places() {
            let _ = write!(last, "\n    {path:<12} {state:<12} {}", value.unwrap_or_default());
        }
        let _ = write!(last, "\n    end {:?}", player.stage.end());
        for (name, text) in &case.files {
            let _ = write!(last, "\n--- {name}\n{text}");
        }
    }
    problems
}

struct Player {
    stage: Stage,
    /// Instances of which the script says what they do; all others answer at once.
    directed: BTreeSet<String>,
    problems: Vec<String>,
}

impl Player {
    /// Everything that the script does not name answers, in the order in which it was called.
    fn others(&mut self) {
        self.look();
        for _ in 0..MOST {
            let ready = |flight: &&crate::stage::Flight| {
                flight.resolution.is_some() || !self.directed.contains(flight.instance.as_str())
            };
            let flight = self.stage.flights().iter().filter(|flight| !flight.plays_itself()).find(ready).cloned();
            let asked = self.stage.asked().into_iter().find(|effect| !self.directed.contains(effect));
            match (flight, asked) {
                (Some(flight), _) => self.stage.land(&flight.instance, Ok(flight.echo())),
                (None, Some(effect)) => self.stage.answer(&effect, None),
                (None, None) => return,
            }
            self.look();
        }
        self.problems.push("the case does not end".to_owned());
    }

    /// Every prefix of every log is one that another process may take up.
    fn look(&mut self) {
        self.stage.compare();
    }

    fn step(&mut self, step: &Step) -> Result<(), String> {
        if let Some(path) = step.directs()
            && !matches!(step, Step::Hangs(_) | Step::Answered(..) | Step::Called(..))
            && self.stage.flight(path).is_none()
            && !self.stage.asked().iter().any(|effect| effect == path)
        {
            return Err(format!("`{path}` is not being called: it is {}", self.state(path)));
        }
        if step.directs().is_some_and(|path| path.contains('/')) {
            return self.effect(step);
        }
        let at = |path: &str| InstancePath::from(path);
        let stage = &mut self.stage;
        match step {
            Step::Ok(path, value) => {
                let outcome = match value {
                    None => stage.flight(path).map(crate::stage::Flight::echo),
                    Some(value) => Some(Outcome::value(value.clone())),
                };
                if let Some(outcome) = outcome {
                    stage.land(&at(path), Ok(outcome));
                }
            }
            Step::Fails(path, text) => {
                let text = if text.is_empty() { "the script says so" } else { text };
                stage.land(&at(path), Err(Failure::new(FailureClass::Invalid, text)));
            }
            Step::Blocks(path, value) => {
                let outcome = Outcome::Block { reason: "the script says so".to_owned(), value: value.clone() };
                stage.land(&at(path), Ok(outcome));
            }
            Step::LeftOut(path) => stage.land(&at(path), Ok(Outcome::LeaveOut("a dry run".to_owned()))),
            Step::Asks(path) => stage.land(&at(path), Ok(Outcome::Wait(Wait::Answer(Box::new(question()))))),
            Step::Sleeps(path, time) => {
                let until = stage.now().plus(*time);
                stage.land(&at(path), Ok(Outcome::Wait(Wait::Until(until))));
            }
            Step::Answered(path, action) => {
                self.waits(path)?;
                let (action, by, at_time) = (action.clone(), "ann".to_owned(), self.stage.now());
                // Whoever answers leaves the form as it is.
                let form = self.stage.question(path).map(|question| question.defaults.clone()).unwrap_or_default();
                let answer = Answer { action, form, by, at: at_time, digest: String::new() };
                self.stage.resolve(&at(path), Resolution::Answered(answer));
            }
            Step::Called(path, value) => {
                self.waits(path)?;
                let called = Resolution::Called { value: value.clone(), at: self.stage.now() };
                self.stage.resolve(&at(path), called);
            }
            Step::Hangs(_) => {}
            Step::Is(path, wanted) => {
                let state = self.state(path);
                if state != wanted {
                    return Err(format!("`{path}` is {state}, and the page says {wanted}"));
                }
            }
            Step::Pass(time) => stage.pass(*time),
            Step::Crash => stage.crash(usize::MAX),
            Step::Cancel => stage.cancel(),
        }
        Ok(())
    }

    /// The state of an instance, or of what it asks of the world.
    fn state(&self, path: &str) -> &'static str {
        if self.stage.asked().iter().any(|effect| effect == path) {
            return "running";
        }
        self.stage.places().get(path).map_or("not there", |(state, _)| *state)
    }

    fn waits(&self, path: &str) -> Result<(), String> {
        let state = self.state(path);
        if state == "waiting" { Ok(()) } else { Err(format!("`{path}` does not wait: it is {state}")) }
    }

    /// What the world says to a node that plays itself.
    fn effect(&mut self, step: &Step) -> Result<(), String> {
        match step {
            Step::Ok(path, value) => self.stage.answer(path, value.clone().map(Ok)),
            Step::Fails(path, text) => {
                let text = if text.is_empty() { "the script says so" } else { text };
                self.stage.answer(path, Some(Err(Failure::new(FailureClass::Invalid, text))));
            }
            Step::Hangs(_) => {}
            other => return Err(format!("{other:?} says nothing of an effect")),
        }
        Ok(())
    }

    /// Everything that the page says, against how it is.
    fn compare(&self, case: &Case) -> Vec<String> {
        let places = self.stage.places();
        let mut found = vec![];
        let mut named = BTreeSet::new();
        let mut ending = false;
        for (at, one) in &case.expect {
            if let Expect::State(path, ..) = one {
                named.insert(path.clone());
            }
            ending |= !matches!(one, Expect::State(..) | Expect::Calls(_));
            if let Some(problem) = self.differs(one, &places) {
                found.push(format!("line {at}: {problem}"));
            }
        }
        if !ending && !matches!(self.stage.end(), Some(End::Succeeded(_))) {
            found.push("the run did not end well, and the page does not say so".to_owned());
        }
        if !case.partial {
            let silent = places.iter().filter(|(path, _)| !named.contains(*path));
            found.extend(silent.map(|(path, (state, _))| format!("`{path}` is {state}, and the page does not say so")));
        }
        found
    }

    fn differs(&self, one: &Expect, places: &BTreeMap<String, Place>) -> Option<String> {
        let end = self.stage.end();
        let matches = match (one, end) {
            (Expect::State(path, state, value), _) => {
                let Some((found, seen)) = places.get(path) else { return Some(format!("`{path}` is not there")) };
                let seen = seen.clone().unwrap_or_default();
                if found == state && value.as_ref().is_none_or(|value| *value == seen) {
                    return None;
                }
                let value = value.as_ref().map(ToString::to_string).unwrap_or_default();
                return Some(format!("`{path}` is {found} {seen}, and the page says {state} {value}"));
            }
            (Expect::Calls(wanted), _) => {
                let called: Vec<String> = self.stage.called().iter().map(|(_, path)| path.to_string()).collect();
                if called == *wanted {
                    return None;
                }
                return Some(format!("called were {called:?}, and the page says {wanted:?}"));
            }
            (Expect::Gives(wanted), Some(End::Succeeded(Stored::Here(value)))) => **value == *wanted,
            (Expect::Fails(place, text), Some(End::Failed { instance, failure })) => {
                let at = instance.as_ref().map(InstancePath::as_str);
                let right = place.as_deref().is_none_or(|place| at == Some(place));
                right && failure.to_string().contains(text.as_str())
            }
            // The cell of a table says only that the run has ended before.
            (Expect::Fails(None, text), Some(End::Stopped { .. })) => text.is_empty(),
            (Expect::Stops(place, text), Some(End::Stopped { instance, text: said, .. })) => {
                instance.as_str() == place && said == text
            }
            (Expect::Cancelled, Some(End::Cancelled { .. })) => true,
            (Expect::GoesOn, None) => !self.stage.flights().is_empty(),
            (Expect::Waits, None) => self.stage.flights().is_empty() && self.stage.waits(),
            _ => false,
        };
        (!matches).then(|| format!("the run ends with {end:?}, and the page says {one:?}"))
    }
}

fn question() -> Question {
    Question {
        title: "May it?".to_owned(),
        show: Value::Null,
        form: Value::Null,
        defaults: Value::Null,
        actions: vec!["approve".to_owned(), "reject".to_owned()],
        assign: Value::Null,
        due: None,
        on_timeout: None,
        about: None,
    }
}

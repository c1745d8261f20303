//! The engine against the rules: the same app, the same luck, and everything that can be seen must be the same.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    ops::Range,
    sync::Arc,
    time::Duration,
};

use serde_json::{Value, json};
use uzel_core::{
    event::{End, Event, InstancePath, Stored, Time, Wait},
    failure::{Failure, FailureClass},
    graph::Graph,
    node::Outcome as Landing,
};

use super::{
    App, answer,
    fate::{Fate, Luck, fate},
    generate::generate,
    interpret::{Ending, Outcome, Stand, interpret},
    print, shrink,
};
use crate::{
    dice::Dice,
    stage::{self, Flight, Stage},
};

/// What was found where engine and rules are not of one mind.
#[derive(Debug)]
pub struct Found {
    /// The seed.
    pub seed: u64,
    /// Everything that a person needs: what differs, and the smallest app where it does.
    pub report: String,
}

/// What happened in a run, so that tests can see that everything happens somewhere.
#[derive(Debug, Default)]
pub struct Seen {
    /// How many instances ended in each state.
    pub states: BTreeMap<&'static str, usize>,
    /// How many nodes there were of each sort, and with each join.
    pub constructs: BTreeMap<String, usize>,
    /// How many facts were recorded.
    pub facts: usize,
}

/// Runs random apps by both, and each once more cut off at random facts: so many seeds. The first that comes to something
/// else is told with the smallest app in which it does.
pub fn compare(seeds: Range<u64>, most: usize) -> Result<Seen, Found> {
    let mut seen = Seen::default();
    // Seeds behind one another often have the same app.
    let mut last: Option<(String, Arc<Graph>)> = None;
    for seed in seeds {
        let (app, luck) = generate(seed, most);
        let text = format!("{app:?}");
        let graph = match last.take().filter(|(known, _)| *known == text) {
            Some((_, graph)) => graph,
            None => read(&app).map_err(|problem| found(seed, most, &app, &problem))?,
        };
        if let Some(problem) = differs(&graph, &app, seed, luck, Some(&mut seen)) {
            let still = |app: &App| read(app).ok().and_then(|graph| differs(&graph, app, seed, luck, None));
            let small = shrink::smallest(&app, |app| still(app).is_some());
            return Err(found(seed, most, &small, &still(&small).unwrap_or(problem)));
        }
        last = Some((text, graph));
    }
    Ok(seen)
}

fn found(seed: u64, most: usize, small: &App, problem: &str) -> Found {
    let mut report = format!("seed {seed} with at most {most} nodes ({} left): {problem}\n", small.size());
    for (name, text) in print::files(small) {
        let _ = writeln!(report, "--- {name}\n{}", String::from_utf8_lossy(&text));
    }
    Found { seed, report }
}

fn read(app: &App) -> Result<Arc<Graph>, String> {
    stage::graph(&print::files(app)).map_err(|problems| format!("check refuses it: {problems:#?}"))
}

/// What differs, if anything does.
fn differs(graph: &Arc<Graph>, app: &App, seed: u64, luck: Luck, seen: Option<&mut Seen>) -> Option<String> {
    let by_rules = interpret(app, seed, luck);
    let mut world = World { seed, luck, landings: BTreeMap::new() };
    let mut stage = Stage::open(graph, json!({}));
    world.play(&mut stage);
    stage.compare();
    if let Some(seen) = seen {
        seen.add(app, &by_rules, stage.log().len());
    }
    let problem = unlike(&stage, &by_rules).or_else(|| stage.problems().first().cloned());
    let log = || stage.log().iter().map(|event| format!("  {event:?}")).collect::<Vec<_>>().join("\n");
    problem.map(|problem| format!("{problem}\nthe log:\n{}", log())).or_else(|| cut(graph, &mut world, &stage))
}

/// The same run again, in which the process dies after some facts, up to three times: the rest must be the same, fact by
/// fact.
fn cut(graph: &Arc<Graph>, world: &mut World, whole: &Stage) -> Option<String> {
    let mut dice = Dice::new(world.seed ^ 1);
    let deaths = 1 + dice.below(3);
    let kept: BTreeSet<usize> = (0..deaths).map(|_| 1 + dice.below(whole.log().len() as u64 - 1) as usize).collect();
    let mut stage = Stage::open(graph, json!({}));
    world.landings.clear();
    for kept in &kept {
        world.play_until(&mut stage, *kept);
        stage.crash(*kept);
        stage.compare();
    }
    world.play(&mut stage);
    stage.compare();
    if let Some(problem) = stage.problems().first() {
        return Some(format!("cut after {kept:?} facts: {problem}"));
    }
    let facts = |stage: &Stage| stage.log().iter().map(without_start).collect::<Vec<_>>();
    let (whole, parts) = (facts(whole), facts(&stage));
    let place = (0..whole.len().max(parts.len())).find(|at| whole.get(*at) != parts.get(*at))?;
    Some(format!("cut after {kept:?} facts: fact {place} is {:?}, and was {:?}", parts.get(place), whole.get(place)))
}

/// A call that is made again begins later than it did.
fn without_start(event: &Event) -> Event {
    let mut event = event.clone();
    if let Event::Returned { started, .. } | Event::Failed { started, .. } | Event::Blocked { started, .. } = &mut event
    {
        *started = Time(0);
    }
    event
}

/// What is otherwise than by the rules.
fn unlike(stage: &Stage, rules: &Outcome) -> Option<String> {
    let mut found: Vec<String> = vec![];
    let mut places: BTreeMap<String, Stand> = BTreeMap::new();
    for view in stage.view() {
        let value = view.output.map(|value| Value::clone(&value)).unwrap_or_default();
        let ended = view.ended.map(|time| time.0 as u64);
        places.insert(view.instance.to_string(), Stand { state: view.state, value, ended });
    }
    let missing = rules.instances.keys().filter(|path| !places.contains_key(*path));
    for path in places.keys().chain(missing) {
        let (here, there) = (places.get(path), rules.instances.get(path));
        let same = here.zip(there).is_some_and(|(here, there)| {
            // The engine keeps no time for what was never called.
            here.state == there.state
                && here.value == there.value
                && (here.ended.is_none() || here.ended == there.ended)
        });
        if !same {
            found.push(format!("`{path}` is {here:?},\n    and by the rules {there:?}"));
        }
    }
    let called: Vec<(u64, String)> =
        stage.called().iter().map(|(time, path)| (time.0 as u64, path.to_string())).collect();
    let should: Vec<(u64, String)> = rules.calls.iter().map(|(time, path)| (*time, path.clone())).collect();
    if called != should {
        found.push(format!("called were {called:?},\n    and by the rules {should:?}"));
    }
    let ending = match stage.end() {
        Some(End::Succeeded(Stored::Here(value))) => Some(Ending::Succeeded(Value::clone(value))),
        Some(End::Failed { instance: Some(path), .. }) => Some(Ending::Failed(path.to_string())),
        Some(End::Stopped { instance, text, .. }) => Some(Ending::Stopped(instance.to_string(), text.clone())),
        _ => None,
    };
    if ending.as_ref() != Some(&rules.ending) {
        found.push(format!("the run ends with {:?},\n    and by the rules {:?}", stage.end(), rules.ending));
    }
    (!found.is_empty()).then(|| found.join("\n"))
}

/// What happens to calls.
struct World {
    seed: u64,
    luck: Luck,
    /// When each call ends, whether the process that made it lives or not.
    landings: BTreeMap<(String, bool), Time>,
}

impl World {
    fn play(&mut self, stage: &mut Stage) {
        self.play_until(stage, usize::MAX);
    }

    /// Lets things happen, in the order of their times, until there are so many facts or the run has ended.
    fn play_until(&mut self, stage: &mut Stage, facts: usize) {
        while stage.end().is_none() && stage.log().len() < facts {
            let landing = stage.flights().iter().map(|flight| self.landing(flight)).min();
            let wait = stage.due();
            match (landing, wait) {
                (None, None) => return,
                (Some((time, path)), wait) if wait.as_ref().is_none_or(|wait| (time, &path) < (wait.0, &wait.1)) => {
                    stage.go_to(time);
                    self.land(stage, &path);
                }
                (_, Some((time, path))) => {
                    stage.go_to(time);
                    stage.ring(&path);
                }
                (Some(_), None) => {}
            }
        }
    }

    fn landing(&mut self, flight: &Flight) -> (Time, InstancePath) {
        let (path, again) = (flight.instance.to_string(), flight.resolution.is_some());
        let (after, _) = fate(self.seed, self.luck, &path, again);
        let time =
            *self.landings.entry((path, again)).or_insert_with(|| flight.since.plus(Duration::from_millis(after)));
        (time, flight.instance.clone())
    }

    fn land(&self, stage: &mut Stage, path: &InstancePath) {
        let Some(flight) = stage.flight(path.as_str()) else { return };
        // A route is given nothing but what it chooses by.
        let value = answer(path.as_str(), flight.input.get("with").unwrap_or(&json!({})));
        let outcome = match fate(self.seed, self.luck, path.as_str(), flight.resolution.is_some()).1 {
            Fate::Fails => Err(Failure::new(FailureClass::Invalid, "bad luck")),
            Fate::Blocks => Ok(Landing::Block { reason: "bad luck".to_owned(), value }),
            Fate::LeftOut => Ok(Landing::LeaveOut("a dry run".to_owned())),
            Fate::Sleeps(time) => Ok(Landing::Wait(Wait::Until(stage.now().plus(Duration::from_millis(time))))),
            Fate::Answers if flight.kind == "route" => Ok(flight.echo()),
            Fate::Answers => Ok(Landing::value(value)),
        };
        stage.land(path, outcome);
    }
}

impl Seen {
    /// What was seen elsewhere, too.
    pub fn join(&mut self, other: Self) {
        self.facts += other.facts;
        for (state, count) in other.states {
            *self.states.entry(state).or_default() += count;
        }
        for (construct, count) in other.constructs {
            *self.constructs.entry(construct).or_default() += count;
        }
    }

    fn add(&mut self, app: &App, outcome: &Outcome, facts: usize) {
        self.facts += facts;
        for stand in outcome.instances.values() {
            *self.states.entry(stand.state).or_default() += 1;
        }
        self.constructs(&app.nodes);
    }

    fn constructs(&mut self, nodes: &[super::Node]) {
        for node in nodes {
            let name = |text: String| text.split([' ', '(', '{']).next().unwrap_or_default().to_owned();
            let mut count = |text: String| *self.constructs.entry(name(text)).or_default() += 1;
            count(format!("{:?}", node.what));
            count(format!("{:?}", node.join));
            for reaction in [&node.on_error, &node.on_block].into_iter().flatten() {
                count(format!("{reaction:?}"));
            }
            match &node.what {
                super::What::Graph(_, app) => self.constructs(&app.nodes),
                what => what.body().into_iter().for_each(|body| self.constructs(&body.nodes)),
            }
        }
    }
}

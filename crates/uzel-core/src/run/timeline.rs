//! When each node of a run was at work, and what it took: the rows of a timeline, long lists folded. Used by `uzel show`.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Run, State, level::Place};
use crate::{
    event::{InstancePath, Time},
    graph::Shape,
};

/// Of more openings of a body than this only the telling ones are shown.
const MANY: usize = 6;
/// Openings of a folded body that failed or are not done: so many are shown.
const TELLING: usize = 3;

/// A row of a timeline.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Row {
    /// A node instance.
    Node(Lane),
    /// Openings of a body that are not shown one by one.
    Folded(Folded),
}

/// One node instance.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Lane {
    /// Its place.
    pub instance: InstancePath,
    /// What it is.
    pub kind: &'static str,
    /// How many nodes are around it.
    pub depth: usize,
    /// The state's word.
    pub state: &'static str,
    /// When it began.
    pub started: Option<Time>,
    /// When it settled.
    pub ended: Option<Time>,
    /// What it took, with what it ran below itself.
    pub took: Took,
    /// Whether its record came from the run that this one was forked from.
    pub reused: bool,
}

/// Openings of a body that are not shown one by one.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Folded {
    /// The node that opened them.
    pub of: InstancePath,
    /// How many nodes are around them.
    pub depth: usize,
    /// What an opening is called: `item`, `batch`, `round`.
    pub word: &'static str,
    /// How many.
    pub count: usize,
    /// How many of them are in each state.
    pub states: BTreeMap<&'static str, usize>,
    /// When the first began.
    pub started: Option<Time>,
    /// When the last settled, if all have.
    pub ended: Option<Time>,
    /// What they took.
    pub took: Took,
}

/// What something took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Took {
    /// Effects that have a result.
    pub effects: u32,
    /// Tries of them.
    pub attempts: u32,
    /// Tokens read and written.
    pub tokens: u64,
    /// Money.
    pub cost_usd: f64,
}

impl Took {
    fn add(&mut self, other: Self) {
        self.effects += other.effects;
        self.attempts += other.attempts;
        self.tokens += other.tokens;
        self.cost_usd += other.cost_usd;
    }
}

/// An opening in short.
struct Opening {
    level: usize,
    state: &'static str,
    started: Option<Time>,
    ended: Option<Time>,
    took: Took,
}

impl Opening {
    fn length(&self) -> u64 {
        match (self.started, self.ended) {
            (Some(started), Some(ended)) => ended.since(started),
            _ => 0,
        }
    }
}

impl Run {
    /// The rows: nodes in the order of the file, each followed by what it ran below itself. Of long lists the openings
    /// that failed, that are not done and that took longest are shown, and the rest is folded, unless `all` is asked for.
    pub fn timeline(&self, all: bool) -> Vec<Row> {
        let mut rows = vec![];
        self.lanes(0, 0, all, &mut rows);
        rows
    }

    fn lanes(&self, level: usize, depth: usize, all: bool, rows: &mut Vec<Row>) {
        for node in 0..self.levels[level].instances.len() {
            let place = Place { level, node };
            if let Some(lane) = self.lane(place, depth) {
                rows.push(Row::Node(lane));
            }
            let below = self.instance(place).work.as_ref().map(|work| work.levels.as_slice()).unwrap_or_default();
            if all || below.len() <= MANY {
                for level in below {
                    self.lanes(*level, depth + 1, all, rows);
                }
            } else {
                self.fold_lanes(place, below, depth + 1, rows);
            }
        }
    }

    fn fold_lanes(&self, place: Place, below: &[usize], depth: usize, rows: &mut Vec<Row>) {
        let openings: Vec<Opening> = below.iter().map(|level| self.opening_in_short(*level)).collect();
        let mut shown = vec![];
        for telling in ["failed", "waiting", "running"] {
            let of_state = openings.iter().filter(|opening| opening.state == telling).take(TELLING);
            shown.extend(of_state.map(|opening| opening.level));
        }
        let slowest = openings.iter().filter(|opening| opening.length() > 0).max_by_key(|opening| opening.length());
        shown.extend(slowest.map(|opening| opening.level));
        let word = self.node(place).and_then(|node| node.plan.as_ref().map(|plan| word_of(&plan.shape)));
        let mut folded = Folded {
            of: self.path(place),
            depth,
            word: word.unwrap_or("item"),
            count: 0,
            states: BTreeMap::new(),
            started: None,
            ended: Some(Time(i64::MIN)),
            took: Took::default(),
        };
        for opening in &openings {
            if shown.contains(&opening.level) {
                self.lanes(opening.level, depth, false, rows);
                continue;
            }
            folded.count += 1;
            *folded.states.entry(opening.state).or_default() += 1;
            folded.started = folded.started.into_iter().chain(opening.started).min();
            folded.ended = folded.ended.zip(opening.ended).map(|(a, b)| a.max(b));
            folded.took.add(opening.took);
        }
        rows.push(Row::Folded(folded));
    }

    fn opening_in_short(&self, level: usize) -> Opening {
        let here = &self.levels[level];
        let has = |word: &str| here.instances.iter().any(|instance| instance.state.as_str() == word);
        let settled = here.instances.iter().all(|instance| instance.state.is_settled());
        // A failure that was handled does not end an opening: then its last nodes have settled otherwise.
        let broke = || here.instances.iter().any(|i| matches!(i.state, State::Cancelled)) || here.instances.len() == 1;
        let state = match settled {
            true if has("failed") && broke() => "failed",
            true if here.instances.iter().all(|i| matches!(i.state, State::Cancelled)) => "cancelled",
            true => "ok",
            false if has("waiting") => "waiting",
            false => "running",
        };
        let started = here.instances.iter().filter_map(|instance| instance.started).min();
        let ended = here.instances.iter().filter_map(|instance| instance.ended).max().filter(|_| settled);
        Opening { level, state, started, ended, took: self.took_of(level) }
    }

    fn lane(&self, at: Place, depth: usize) -> Option<Lane> {
        let node = self.node(at)?;
        let place = self.instance(at);
        Some(Lane {
            instance: self.path(at),
            kind: node.kind.name,
            depth,
            state: place.state.as_str(),
            started: place.started,
            ended: place.ended,
            took: self.took_by(at),
            reused: self.is_reused(at),
        })
    }

    /// Whether what came of a node was recorded before this run began: it was forked from another.
    pub(super) fn is_reused(&self, at: Place) -> bool {
        let place = self.instance(at);
        let forked = self.begin.as_ref().filter(|begin| begin.forked_from.is_some());
        forked.is_some_and(|begin| place.state.is_settled() && place.ended.is_some_and(|ended| ended < begin.at))
    }

    fn took_of(&self, level: usize) -> Took {
        let mut took = Took::default();
        for node in 0..self.levels[level].instances.len() {
            took.add(self.took_by(Place { level, node }));
        }
        took
    }

    fn took_by(&self, at: Place) -> Took {
        let mut took = Took::default();
        for (_, effect) in self.own_effects(self.path(at).as_str()) {
            let meta = &effect.meta;
            took.add(Took {
                effects: 1,
                attempts: meta.attempts,
                tokens: meta.input_tokens + meta.output_tokens,
                cost_usd: meta.cost_usd,
            });
        }
        for below in self.instance(at).work.iter().flat_map(|work| &work.levels) {
            took.add(self.took_of(*below));
        }
        took
    }
}

/// What an opening of a body is called.
pub(super) const fn word_of(shape: &Shape) -> &'static str {
    match shape {
        Shape::Map { .. } => "item",
        Shape::Reduce { .. } => "batch",
        Shape::Loop { .. } => "round",
        Shape::Graph => "app",
    }
}

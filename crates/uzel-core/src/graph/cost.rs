//! What one run of an app costs: calls of models, tokens and money, at worst and as expected. Pure; called by the
//! command line.
//!
//! At worst every node runs, every call is tried as often as its policy allows at every model of its chain, and each
//! try is paid. What nothing in the app bounds has no worst; a note says which construct that is.

mod chances;
mod json;
mod size;

use std::{collections::BTreeSet, sync::Arc};

use indexmap::IndexMap;

use super::{Declaration, Graph, Inner, Input, NodeDef, Plan, Shape, facts::Asks};
use crate::{
    capability::model::Price,
    document::Limits,
    kind::{ModelDef, ModelPorts},
    source::{Sources, Span},
};
use size::{Around, Local, Size};

/// What the estimates take for granted, in sentences.
pub const ASSUMPTIONS: [&str; 3] = [
    "worst: every node runs, every try at every model of its chain is paid, a value is as long in a prompt as where it comes from, 4 bytes are a token",
    "expected: each way of a route as likely as the others, each `when` as likely as not, one try, half the rounds of a loop, half the steps of an agent",
    "expected, where the app does not say: lists of 10 items, texts of 500 tokens, answers of 300",
];

/// Items of a list whose length nothing tells.
const USUAL_ITEMS: u64 = 10;
/// Tokens of an answer of a model that nothing tells.
const USUAL_ANSWER: u64 = 300;
/// Tokens of what a tool gives an agent.
const USUAL_RESULT: f64 = 500.0;
/// Tokens of what is said about an answer that did not fit, beside the answer.
const CORRECTION: u64 = 256;

/// A number at worst and as expected.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Amount {
    /// At worst; `None` when nothing bounds it.
    pub worst: Option<u64>,
    /// As expected.
    pub expected: f64,
}

/// USD at worst and as expected.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Money {
    /// At worst; `None` when nothing bounds it.
    pub worst: Option<f64>,
    /// As expected.
    pub expected: f64,
}

/// What one node costs in all its runs.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Its path; `[*]` stands for items, batches and rounds.
    pub path: String,
    /// The model that it asks first.
    pub model: String,
    /// Models that are asked when that one fails.
    pub fallback: Vec<String>,
    /// Calls of models.
    pub calls: Amount,
    /// Tokens read and written.
    pub tokens: Amount,
    /// Money; `None` when the price of a model is not known.
    pub usd: Option<Money>,
}

/// Why there is no worst of something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// File, line and column.
    pub at: String,
    /// Which construct, and what it lacks.
    pub message: String,
}

/// What one run costs.
#[derive(Clone, Debug)]
pub struct Cost {
    /// Nodes that ask models, in the order of the file.
    pub rows: Vec<Row>,
    /// All calls.
    pub calls: Amount,
    /// All tokens.
    pub tokens: Amount,
    /// All money; `None` when the price of a model is not known.
    pub usd: Option<Money>,
    /// The app's own limits, which end a run whatever it would cost.
    pub limits: Limits,
    /// What makes it unbounded.
    pub unbounded: Vec<Note>,
    /// Models whose price nobody knows.
    pub unpriced: Vec<String>,
}

impl Cost {
    /// Whether something of it has no worst.
    pub fn is_unbounded(&self) -> bool {
        self.calls.worst.is_none() || self.tokens.worst.is_none() || self.usd.is_some_and(|usd| usd.worst.is_none())
    }
}

impl Amount {
    const NONE: Self = Self { worst: Some(0), expected: 0.0 };
    const ONCE: Self = Self { worst: Some(1), expected: 1.0 };

    fn plus(self, other: Self) -> Self {
        let worst = self.worst.zip(other.worst).map(|(a, b)| a.saturating_add(b));
        Self { worst, expected: self.expected + other.expected }
    }

    fn times(self, other: Self) -> Self {
        Self { worst: product(self.worst, other.worst), expected: self.expected * other.expected }
    }
}

/// Nothing times anything is nothing.
fn product(a: Option<u64>, b: Option<u64>) -> Option<u64> {
    match (a, b) {
        (Some(0), _) | (_, Some(0)) => Some(0),
        _ => a.zip(b).map(|(a, b)| a.saturating_mul(b)),
    }
}

/// What one run of an app costs.
pub fn cost(graph: &Graph) -> Cost {
    let mut tally = Tally { sources: &graph.sources, rows: vec![], notes: vec![], unpriced: BTreeSet::new() };
    tally.nodes(&graph.nodes, &Around::app(graph), Amount::ONCE, "");
    let rows = tally.rows;
    let sum = |of: fn(&Row) -> Amount| rows.iter().map(of).fold(Amount::NONE, Amount::plus);
    let usd = rows.iter().try_fold(Money { worst: Some(0.0), expected: 0.0 }, |sum, row| {
        let usd = row.usd?;
        let worst = sum.worst.zip(usd.worst).map(|(a, b)| a + b);
        Some(Money { worst, expected: sum.expected + usd.expected })
    });
    Cost {
        calls: sum(|row| row.calls),
        tokens: sum(|row| row.tokens),
        usd,
        limits: graph.limits.clone(),
        unbounded: tally.notes,
        unpriced: tally.unpriced.into_iter().collect(),
        rows,
    }
}

type Model = Declaration<ModelDef, ModelPorts>;

struct Tally<'g> {
    /// Of the outermost app; those that it runs are read with it.
    sources: &'g Sources,
    rows: Vec<Row>,
    notes: Vec<Note>,
    unpriced: BTreeSet<String>,
}

impl Tally<'_> {
    fn note(&mut self, at: Span, message: String) {
        let note = Note { at: self.sources.position(at).to_string(), message };
        if !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }

    /// Nodes that stand beside each other, and what is below them.
    fn nodes(&mut self, nodes: &IndexMap<String, Arc<NodeDef>>, around: &Around<'_>, times: Amount, below: &str) {
        let chances = chances::of(nodes);
        for (node, chance) in nodes.values().zip(chances) {
            let times = Amount { expected: times.expected * chance, ..times };
            let path = if below.is_empty() { node.id.clone() } else { format!("{below}.{}", node.id) };
            self.node(node, around, times, path);
        }
    }

    fn node(&mut self, node: &NodeDef, around: &Around<'_>, times: Amount, path: String) {
        let before = (self.rows.len(), self.notes.len());
        if let Some(plan) = &node.plan {
            self.plan(node, plan, around, times, &path);
            if let Inner::App(app) = &plan.inner {
                self.keep_to(&app.limits, times, before);
            }
        }
        if let Some(asks) = &node.facts.asks {
            self.asks(node, asks, around, times, path);
        }
        self.keep_to(&node.limits, times, before);
    }

    /// What came since is at most what these limits allow each time.
    fn keep_to(&mut self, limits: &Limits, times: Amount, (rows, notes): (usize, usize)) {
        for row in self.rows.iter_mut().skip(rows) {
            let all = |limit: Option<u64>| limit.and_then(|limit| product(times.worst, Some(limit)));
            row.tokens.worst = least(row.tokens.worst, all(limits.tokens));
            // No call takes less than a token.
            row.calls.worst = least(row.calls.worst, least(all(limits.calls), all(limits.tokens)));
            if let Some(usd) = &mut row.usd {
                let most = limits.cost_usd.zip(times.worst).map(|(limit, times)| limit * times as f64);
                usd.worst = least(usd.worst, most);
            }
        }
        let is_bounded = |row: &Row| {
            row.calls.worst.is_some() && row.tokens.worst.is_some() && row.usd.is_none_or(|usd| usd.worst.is_some())
        };
        if self.rows.iter().skip(rows).all(is_bounded) {
            self.notes.truncate(notes);
        }
    }

    fn plan(&mut self, node: &NodeDef, plan: &Plan, around: &Around<'_>, times: Amount, path: &str) {
        let before = self.rows.len();
        let over = plan.shape.list_key().and_then(|key| node.inputs.iter().find(|input| input.name == key));
        let count = over.map_or(Size::UNKNOWN_LIST, |input| around.count(&input.program, 0));
        let (rounds, local) = match &plan.shape {
            Shape::Map { item, .. } => (count.amount(), over.map(|list| around.item(item, list))),
            Shape::Reduce { item, batch, .. } => {
                let batches = Amount {
                    worst: count.most.map(|most| batches(most, *batch)),
                    expected: batches(count.usual.ceil() as u64, *batch) as f64,
                };
                (batches, over.map(|list| around.batch(item, list, &plan.inner, *batch)))
            }
            Shape::Loop { max_rounds, .. } => {
                let rounds = Amount { worst: Some(*max_rounds as u64), expected: max_rounds.div_ceil(2) as f64 };
                (rounds, None)
            }
            Shape::Graph => (Amount::ONCE, None),
        };
        let inside = match &plan.inner {
            Inner::Nodes(body) => around.inside(&body.nodes, local.into_iter().chain([Local::counter()])),
            Inner::App(graph) => Around::app(graph),
        };
        let below = if matches!(plan.shape, Shape::Graph) { path.to_owned() } else { format!("{path}[*]") };
        if let Inner::Nodes(body) = &plan.inner
            && body.single
        {
            // A single node has the path of its body.
            for (inner, chance) in body.nodes.values().zip(chances::of(&body.nodes)) {
                let all = times.times(rounds);
                self.node(inner, &inside, Amount { expected: all.expected * chance, ..all }, below.clone());
            }
        } else {
            self.nodes(plan.inner.nodes(), &inside, times.times(rounds), &below);
        }
        // A list of any length costs nothing by itself.
        if let (true, None, Some(list)) = (self.rows.len() > before, rounds.worst, over) {
            let key = &list.name;
            let why = size::why_long(&list.program);
            let message = format!("`{key}` of `{path}` {why}; only the engine's own 100,000 items bound it");
            self.note(list.at, message);
        }
    }

    fn asks(&mut self, node: &NodeDef, asks: &Asks, around: &Around<'_>, times: Amount, path: String) {
        let links = around.graph.declared.chain(asks.model.as_str(), &asks.fallback);
        let tries = u64::from(node.policy.retry.max.max(1));
        let steps = node.facts.agent.as_ref().map(|agent| agent.steps.unwrap_or(agent.usual_steps));
        // The last question of an agent that answers at its limits is one more.
        let last = node.config.get("on_limit").and_then(crate::yaml::Tree::as_str) == Some("answer");
        let steps_worst = steps.map_or(1, |steps| steps.saturating_add(u64::from(last)));
        let steps_usual = steps.map_or(1, |steps| steps.div_ceil(2));
        let one = times.times(Amount { worst: Some(steps_worst), expected: steps_usual as f64 });
        let calls = Amount { worst: product(one.worst, Some(tries.saturating_mul(links.len() as u64))), ..one };

        let mut reasons = vec![];
        let prompt = around.prompt(node, &mut reasons);
        let caps: Vec<Option<u64>> =
            links.iter().map(|(_, model)| asks.max_tokens.or(model.ports.max_tokens).map(u64::from)).collect();
        let longest = caps.iter().copied().reduce(|a, b| a.zip(b).map(|(a, b)| a.max(b))).flatten();
        let answer = longest.map_or(USUAL_ANSWER, |cap| cap.min(USUAL_ANSWER)) as f64;
        let (mut read, mut read_usual) = (prompt.most, prompt.usual * steps_usual as f64);
        if tries > 1 && !asks.free {
            // An answer that did not fit is read again by the next try, with what was wrong.
            read = read.zip(longest).map(|(read, answer)| read.saturating_add(answer).saturating_add(CORRECTION));
        }
        if steps.is_some() {
            read = None;
            let again = (steps_usual * steps_usual.saturating_sub(1) / 2) as f64;
            read_usual += again * (answer + USUAL_RESULT);
        }
        let agent = node.facts.agent.as_ref();
        // Each run of an agent keeps to its own limits.
        let cap_tokens = agent.and_then(|agent| agent.tokens).filter(|_| !last);
        let cap_usd = agent.and_then(|agent| agent.cost_usd).filter(|_| !last);
        let each = product(one.worst, Some(tries));
        let mut tokens = Some(0u64);
        let mut usd = Some(0.0);
        let mut priced = true;
        let mut dearest = 0.0f64;
        for ((name, model), cap) in links.iter().zip(&caps) {
            let both = read.zip(*cap).map(|(read, cap)| read.saturating_add(cap));
            tokens = tokens.zip(product(each, both)).map(|(sum, more)| sum.saturating_add(more));
            let Some(price) = model.ports.price else {
                priced = false;
                self.unpriced.insert((*name).to_owned());
                continue;
            };
            dearest = dearest.max(price.input_usd).max(price.output_usd);
            let paid = |tokens: Option<u64>, usd: f64| match product(each, tokens) {
                _ if usd == 0.0 => Some(0.0),
                tokens => tokens.map(|tokens| tokens as f64 * usd / 1e6),
            };
            let more = paid(read, price.input_usd).zip(paid(*cap, price.output_usd)).map(|(read, wrote)| read + wrote);
            usd = usd.zip(more).map(|(sum, more)| sum + more);
        }
        if let Some(cap) = cap_tokens {
            let capped = product(times.worst, Some(cap));
            tokens = least(tokens, capped);
            usd = least(usd, capped.map(|tokens| tokens as f64 * dearest / 1e6));
        }
        usd = least(usd, cap_usd.zip(times.worst).map(|(cap, times)| cap * times as f64));
        if cap_tokens.is_none() {
            self.explain(node, &path, (&links, &caps), reasons);
        }
        let first = links.first().map(|(_, model)| model.ports.price.unwrap_or_default()).unwrap_or_default();
        let wrote_usual = answer * steps_usual as f64;
        let expected_usd = times.expected * paid_usual(first, read_usual, wrote_usual);
        self.rows.push(Row {
            path,
            model: asks.model.as_str().to_owned(),
            fallback: links.iter().skip(1).map(|(name, _)| (*name).to_owned()).collect(),
            calls,
            tokens: Amount { worst: tokens, expected: times.expected * (read_usual + wrote_usual) },
            usd: priced.then_some(Money { worst: usd, expected: expected_usd }),
        });
    }

    /// Says why one call has no most tokens.
    fn explain(
        &mut self,
        node: &NodeDef,
        path: &str,
        (links, caps): (&[(&str, &Model)], &[Option<u64>]),
        reasons: Vec<(Span, String)>,
    ) {
        let open = links.iter().zip(caps).find(|(_, cap)| cap.is_none());
        if let Some(((name, _), _)) = open {
            let message = format!("`{path}` sets no `max_tokens`, and neither does the model `{name}`");
            self.note(node.at, message);
        }
        if let Some(agent) = &node.facts.agent {
            let at = agent.at.unwrap_or(node.at);
            let last = node.config.get("on_limit").and_then(crate::yaml::Tree::as_str) == Some("answer");
            let message = if last && agent.tokens.is_some() {
                format!("`{path}` asks once more at its limits (`on_limit: answer`), whatever its tools have given")
            } else {
                format!("`{path}` sets no `limits.tokens`, and reads what its tools give again at each step")
            };
            self.note(at, message);
        }
        for (at, message) in reasons {
            self.note(at, format!("`{path}` reads {message}"));
        }
    }
}

fn least<T: PartialOrd>(a: Option<T>, b: Option<T>) -> Option<T> {
    match (a, b) {
        (Some(a), Some(b)) => Some(if b < a { b } else { a }),
        (a, b) => a.or(b),
    }
}

fn paid_usual(price: Price, read: f64, wrote: f64) -> f64 {
    (read * price.input_usd + wrote * price.output_usd) / 1e6
}

/// Batches of all levels until one value is left.
fn batches(items: u64, batch: usize) -> u64 {
    let batch = (batch as u64).max(2);
    let (mut left, mut all) = (items, 0u64);
    while left > 0 {
        left = left.div_ceil(batch);
        all = all.saturating_add(left);
        if left == 1 {
            break;
        }
    }
    all
}

/// The input of a node with this name.
fn input<'g>(node: &'g NodeDef, name: &str) -> Option<&'g Input> {
    node.inputs.iter().find(|input| input.name == name)
}

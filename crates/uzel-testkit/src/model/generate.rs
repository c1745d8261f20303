//! Random apps: every construct, in each other, and nothing that `check` would refuse.

use serde_json::json;

use super::{
    App, Body, Join, List, Node, Reaction, Test, What,
    fate::Luck,
    nearest::{Via, edges, nearest},
};
use crate::dice::Dice;

/// Bodies in each other.
const DEEPEST: usize = 3;

/// How many seeds behind one another have the same app, and different luck: to check an app takes longer than to run it.
const LUCKS: u64 = 8;

/// An app with at most so many nodes, and how lucky it is.
pub(super) fn generate(seed: u64, most: usize) -> (App, Luck) {
    let mut dice = Dice::new(seed / LUCKS);
    // Small apps are run faster, and there is less that hides what is wrong.
    let size = 1 + dice.below(1 + dice.clone().below(most as u64)) as usize;
    // Some runs go well, so that late nodes run; in others much goes wrong.
    let harm = [0, 2, 6, 20][(seed % LUCKS / 2) as usize];
    let luck = Luck { fails: harm, blocks: harm / 2, left_out: harm / 3, sleeps: 5 };
    let early = dice.below(60);
    let handled = 20 + dice.below(80);
    let mut maker = Maker { dice, left: size, count: 0, early, handled };
    let (nodes, output) = maker.nodes(size, 0, &[], true);
    (App { nodes, output }, luck)
}

/// A name that expressions may use, and whether it is that of a node that is called.
type Name = (String, bool);

struct Maker {
    dice: Dice,
    /// How many nodes may still be made.
    left: usize,
    /// How many names have been given.
    count: usize,
    /// How many nodes of a hundred have a join of their own.
    early: u64,
    /// How many of a hundred say what their failure does.
    handled: u64,
}

impl Maker {
    fn below(&mut self, most: usize) -> usize {
        self.dice.below(most as u64) as usize
    }

    fn percent(&mut self, part: u64) -> bool {
        self.dice.below(100) < part
    }

    fn name(&mut self, letter: char) -> String {
        self.count += 1;
        format!("{letter}{}", self.count)
    }

    fn some(&mut self, from: &[Name], part: u64) -> Vec<String> {
        let mut picked: Vec<String> =
            from.iter().filter(|_| self.dice.below(100) < part).map(|(name, _)| name.clone()).collect();
        picked.truncate(5);
        picked
    }

    fn called(&mut self, from: &[Name]) -> Option<String> {
        let called: Vec<&String> = from.iter().filter(|(_, called)| *called).map(|(name, _)| name).collect();
        if called.is_empty() { None } else { Some(called[self.below(called.len())].clone()) }
    }

    fn test(&mut self, from: &[Name]) -> Option<Test> {
        self.called(from).map(|name| Test { name, least: 1 + self.dice.below(9) })
    }

    /// The nodes of a body or an app, and its output. `around` can be seen from outside.
    fn nodes(&mut self, most: usize, depth: usize, around: &[Name], app: bool) -> (Vec<Node>, Option<Vec<String>>) {
        let count = 1 + self.below(most.max(1)).max(if depth == 0 { most / 2 } else { 0 });
        let (mut nodes, mut seen): (Vec<Node>, Vec<Name>) = (vec![], vec![]);
        while nodes.len() < count && (self.left > 0 || nodes.is_empty()) {
            let all: Vec<Name> = seen.iter().chain(around).cloned().collect();
            // What a body may test is there: the first node of each is called.
            let node = self.node(depth, &all, &seen, nodes.is_empty());
            seen.push((node.id.clone(), matches!(node.what, What::Probe)));
            nodes.push(node);
        }
        self.control(&mut nodes);
        self.joins(&mut nodes);
        let output = if app && self.percent(60) {
            None
        } else {
            let seen: Vec<Name> = seen.iter().chain(around).cloned().collect();
            self.percent(50).then(|| self.some(&seen, 40)).filter(|names| !names.is_empty())
        };
        // The order of the file means nothing for what waits for what.
        for i in (1..nodes.len()).rev() {
            let other = self.below(i + 1);
            nodes.swap(i, other);
        }
        (nodes, output)
    }

    fn node(&mut self, depth: usize, all: &[Name], siblings: &[Name], simple: bool) -> Node {
        self.left = self.left.saturating_sub(1);
        let roll = self.below(100);
        let (letter, what) = match roll {
            0..=9 if !simple => ('r', self.called(siblings).map(|by| What::Route(by, vec![]))),
            10..=29 if !simple && depth < DEEPEST && self.left > 0 => ('c', Some(self.composite(depth, all))),
            _ => ('n', None),
        };
        let what = what.unwrap_or(What::Probe);
        let reads = match what {
            What::Probe | What::Graph(..) => self.some(all, 25),
            _ => vec![],
        };
        let asks = if matches!(what, What::Probe) { self.some(siblings, 5) } else { vec![] };
        let needs = self.some(siblings, 10);
        let when = if self.percent(15) { self.test(all) } else { None };
        let name = self.name(letter);
        Node { id: name, what, reads, asks, needs, when, join: Join::All, on_error: None, on_block: None }
    }

    fn list(&mut self, all: &[Name]) -> List {
        match (self.below(20), self.called(all)) {
            (0, Some(name)) => List::Bad(name),
            (1..=8, Some(name)) => List::Of(name),
            _ => List::Count(self.below(6)),
        }
    }

    fn composite(&mut self, depth: usize, all: &[Name]) -> What {
        let parallel = 1 + self.below(4);
        match self.below(4) {
            0 => {
                let (list, item) = (self.list(all), self.name('i'));
                let skip_percent = [None, Some(100), Some(50), Some(20)][self.below(4)];
                let body = self.body(depth, all, &[&item, "loop.index"]);
                What::Map { list, item, parallel, skip_percent, body }
            }
            1 => {
                let (list, item) = (self.list(all), self.name('b'));
                let body = self.body(depth, all, &[&item, "loop.level"]);
                What::Reduce { list, item, batch: 2 + self.below(2), parallel, body }
            }
            2 => {
                let body = self.body(depth, all, &["loop.previous", "loop.index"]);
                let probe = |node: &&Node| matches!(node.what, What::Probe);
                // A single node is a probe here, and of several the first that was made is.
                let name = body.nodes.iter().find(probe).map_or_else(String::new, |node| node.id.clone());
                let until = Test { name, least: 3 + self.dice.below(7) };
                What::Loop { until, rounds: 1 + self.below(4), strict: self.percent(25), body }
            }
            _ => {
                let file = format!("{}.yaml", self.name('f'));
                let most = self.share();
                let (nodes, output) = self.nodes(most, depth + 1, &[("input.given".to_owned(), false)], true);
                What::Graph(file, App { nodes, output })
            }
        }
    }

    /// How many nodes a body may have.
    fn share(&mut self) -> usize {
        1 + self.below(self.left.clamp(1, 12))
    }

    fn body(&mut self, depth: usize, all: &[Name], locals: &[&str]) -> Body {
        let mut around = all.to_vec();
        // `loop` is that of the innermost body.
        around.retain(|(name, _)| !name.starts_with("loop."));
        around.extend(locals.iter().map(|name| ((*name).to_owned(), false)));
        if self.percent(35) {
            let mut node = self.node(depth + 1, &around, &[], true);
            "do".clone_into(&mut node.id);
            let output = self.percent(30).then(|| vec!["do".to_owned()]);
            return Body { nodes: vec![node], single: true, output };
        }
        let most = self.share();
        let (nodes, output) = self.nodes(most, depth + 1, &around, false);
        Body { nodes, single: false, output }
    }

    /// Ways of routes, and reactions: they lead to nodes that come later.
    fn control(&mut self, nodes: &mut [Node]) {
        for i in 0..nodes.len() {
            let later: Vec<Name> = nodes[i + 1..].iter().map(|node| (node.id.clone(), false)).collect();
            let cases: Vec<(String, Vec<String>)> =
                ["left", "right", "default"].iter().map(|case| ((*case).to_owned(), self.some(&later, 12))).collect();
            let reactions = [self.reaction(&later, false), self.reaction(&later, true)];
            let node = &mut nodes[i];
            if let What::Route(_, found) = &mut node.what {
                *found = cases;
            }
            [node.on_error, node.on_block] = reactions;
        }
    }

    fn reaction(&mut self, later: &[Name], block: bool) -> Option<Reaction> {
        if !self.percent(self.handled) {
            return None;
        }
        Some(match self.below(16) {
            0 => Reaction::Fail,
            1 if !later.is_empty() => Reaction::Run(later[self.below(later.len())].0.clone()),
            2 if block => Reaction::Stop(format!("stop {}", self.count)),
            3..=9 => Reaction::Use(json!({ "k": self.below(10), "list": [1, 2], "way": "left" })),
            _ => Reaction::Skip,
        })
    }

    /// Joins that can be satisfied. Nodes stand in an order in which what comes before has its join already.
    fn joins(&mut self, nodes: &mut [Node]) {
        let all = edges(nodes);
        for i in 0..nodes.len() {
            let joins: Vec<Join> = nodes.iter().map(|node| node.join).collect();
            let flow = nearest(&all, &joins, i).iter().filter(|(_, via)| *via == Via::Flow).count();
            if flow == 0 || !self.percent(self.early) {
                continue;
            }
            nodes[i].join = match self.below(4) {
                0 => Join::Any,
                1 => Join::Settle,
                2 => Join::Quorum(1 + self.below(flow)),
                _ => Join::Deadline(1 + self.dice.below(1_500_000)),
            };
        }
    }
}

//! Bodies: when they open, what comes of them, and what is cancelled with them.

use std::{collections::BTreeMap, rc::Rc};

use serde_json::{Value, json};

use super::{
    super::{List, Node, What, nearest::parents},
    Place, World,
    frame::{Clock, Closed, Frame, Slot, Work},
};

impl<'a> World<'a> {
    pub(super) fn frame(
        &mut self,
        nodes: &'a [Node],
        output: Option<&'a Vec<String>>,
        path: String,
        outer: Option<(Place, usize)>,
    ) -> Frame<'a> {
        let slot = Slot {
            state: "pending",
            value: Value::Null,
            case: None,
            told: false,
            ended: None,
            unseen: vec![],
            clock: Clock::Off,
            work: Work::default(),
        };
        let parents = self.known.entry(nodes.as_ptr()).or_insert_with(|| Rc::new(parents(nodes)));
        Frame {
            parents: Rc::clone(parents),
            slots: vec![slot; nodes.len()],
            nodes,
            output,
            path,
            single: false,
            app: false,
            names: BTreeMap::new(),
            outer,
            closed: false,
        }
    }

    pub(super) fn cancel(&mut self, place: Place) {
        let (number, node) = place;
        if self.frames[number].is_settled(node) {
            return;
        }
        for below in self.slot(place).work.frames.clone() {
            self.cancel_all(below);
        }
        self.settle(place, "cancelled", Value::Null);
    }

    pub(super) fn cancel_all(&mut self, number: usize) {
        if std::mem::replace(&mut self.frames[number].closed, true) {
            return;
        }
        for node in 0..self.frames[number].nodes.len() {
            self.cancel((number, node));
        }
    }

    /// A body fails: the rest of it is cancelled.
    pub(super) fn break_off(&mut self, number: usize) {
        self.cancel_all(number);
        self.close(number, Err(()));
    }

    /// A node with bodies starts.
    pub(super) fn enter(&mut self, place: Place) {
        let list = match &self.node(place).what {
            What::Map { list, .. } | What::Reduce { list, .. } => match list {
                List::Count(count) => Some(json!((0..*count).collect::<Vec<_>>())),
                List::Of(name) => {
                    let list = self.see(place.0, Some(place.1), name)["list"].clone();
                    Some(if list.is_null() { json!([]) } else { list })
                }
                List::Bad(name) => Some(self.see(place.0, Some(place.1), name)),
            },
            _ => None,
        };
        match list {
            Some(Value::Array(items)) if items.is_empty() => {
                let map = matches!(self.node(place).what, What::Map { .. });
                self.settle(place, "ok", if map { json!({ "items": [] }) } else { Value::Null });
            }
            Some(Value::Array(items)) => {
                self.slot(place).work.items = items;
                self.open(place);
            }
            Some(_) => self.settle(place, "failed", Value::Null),
            None => self.open(place),
        }
    }

    /// Opens bodies as far as they may be open at once.
    pub(super) fn open(&mut self, place: Place) {
        loop {
            let path = self.frames[place.0].path(place.1);
            let node = self.node(place);
            let work = &self.slot(place).work;
            let (index, busy) = (work.opened, work.opened - work.ended);
            let mut names = BTreeMap::new();
            let mut counted = json!({ "index": index + 1, "level": work.round });
            let path = match &node.what {
                What::Map { item, parallel, .. } => {
                    if index == work.items.len() || busy == *parallel {
                        return;
                    }
                    names.insert(item.clone(), work.items[index].clone());
                    format!("{path}[{index}]")
                }
                What::Reduce { item, batch, parallel, .. } => {
                    let Some(some) = work.items.chunks(*batch).nth(index).filter(|_| busy < *parallel) else { return };
                    names.insert(item.clone(), Value::from(some.to_vec()));
                    format!("{path}[{}:{index}]", work.round)
                }
                What::Loop { .. } => {
                    if busy > 0 || index > work.round {
                        return;
                    }
                    counted["previous"] = work.results.last().cloned().unwrap_or(Value::Null);
                    format!("{path}[{index}]")
                }
                _ if index > 0 => return,
                _ => {
                    names.insert("input".to_owned(), json!({ "given": self.given(place) }));
                    path
                }
            };
            names.insert("loop".to_owned(), counted);
            let outer = Some((place, index));
            let mut frame = match (&node.what, node.what.body()) {
                (What::Graph(_, app), _) => self.frame(&app.nodes, app.output.as_ref(), path, outer),
                (_, Some(body)) => self.frame(&body.nodes, body.output.as_ref(), path, outer),
                _ => return,
            };
            frame.app = matches!(node.what, What::Graph(..));
            frame.single = node.what.body().is_some_and(|body| body.single);
            frame.names = names;
            let number = self.frames.len();
            self.frames.push(frame);
            let work = &mut self.slot(place).work;
            work.opened += 1;
            work.results.push(Value::Null);
            work.frames.push(number);
            self.begin(number);
        }
    }

    pub(super) fn begin(&mut self, number: usize) {
        for node in 0..self.frames[number].nodes.len() {
            if self.frames[number].parents[node].is_empty() {
                self.start((number, node));
            }
        }
    }

    /// Something has come of a body.
    pub(super) fn close(&mut self, number: usize, closed: Closed) {
        let Some((place, index)) = self.frames[number].outer else { return };
        if self.frames[place.0].is_settled(place.1) {
            return;
        }
        let holds = match &self.node(place).what {
            What::Loop { until, .. } => until.holds(&self.see(number, None, &until.name)),
            _ => true,
        };
        let node = self.node(place);
        let work = &mut self.slot(place).work;
        work.ended += 1;
        let all = work.items.len();
        let done = match (&node.what, closed) {
            (What::Map { skip_percent, .. }, closed) => {
                work.failed += usize::from(closed.is_err());
                let most = skip_percent.map_or(0, |percent| all * percent as usize / 100);
                work.results[index] = closed.unwrap_or(Value::Null);
                let items = (work.ended == all).then(|| json!({ "items": work.results }));
                if work.failed > most { Some(Err(())) } else { items.map(Ok) }
            }
            (_, Err(())) => Some(Err(())),
            (What::Reduce { batch, .. }, Ok(value)) => {
                work.results[index] = value.clone();
                let batches = all.div_ceil(*batch);
                if batches > 1 && work.ended == batches {
                    work.items = std::mem::take(&mut work.results);
                    (work.opened, work.ended, work.round) = (0, 0, work.round + 1);
                }
                (batches == 1).then_some(Ok(value))
            }
            (What::Loop { rounds, strict, .. }, Ok(value)) => {
                let last = index + 1 == *rounds;
                work.results[index] = value.clone();
                work.round += 1;
                match (holds, last) {
                    (true, _) => Some(Ok(value)),
                    (false, true) => Some(if *strict { Err(()) } else { Ok(value) }),
                    (false, false) => None,
                }
            }
            (_, Ok(value)) => Some(Ok(value)),
        };
        match done {
            None => self.open(place),
            Some(Ok(value)) => self.settle(place, "ok", value),
            Some(Err(())) => {
                for below in self.slot(place).work.frames.clone() {
                    self.cancel_all(below);
                }
                self.settle(place, "failed", Value::Null);
            }
        }
    }
}

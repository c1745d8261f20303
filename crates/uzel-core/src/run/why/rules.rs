//! The start rules, told: what each node before another said, which of them it waits for, and what its condition saw.

use serde_json::Value;

use super::{Because, Rule, shown};
use crate::{
    event::Time,
    expr::Reference,
    graph::{Edge, Join, NodeDef, Via},
    run::{Run, State, level::Place},
};

impl Run {
    pub(super) fn rules(&self, place: Place, node: &NodeDef, because: &mut Vec<Because>) {
        let state = &self.instance(place).state;
        if node.parents.is_empty() && !matches!(state, State::Pending) {
            let text = match self.levels[place.level].within {
                Some((outer, _)) => {
                    format!("it waits for no other node: it starts when `{}` opens it", self.path(outer))
                }
                None => "it waits for no other node: it starts with the run".to_owned(),
            };
            because.push(Because::new(Rule::Parent, text, None));
        }
        for edge in &node.parents {
            because.push(self.edge(place, edge));
        }
        if node.join != Join::All {
            let text = format!("join: {}: {}", node.join, rule_of(node.join));
            because.push(Because::new(Rule::Join, text, self.key(place.level, node, "join")));
        } else if matches!(state, State::Inactive) {
            let text = if node.gated && !self.instance(place).chosen {
                "no route, error or block chose it".to_owned()
            } else if self.instance(place).barred {
                "another node runs instead of a node that it depends on".to_owned()
            } else {
                "no node before it said go".to_owned()
            };
            because.push(Because::new(Rule::Join, text, None));
        }
        self.condition(place, node, because);
        self.choice(place, node, because);
    }

    fn edge(&self, place: Place, edge: &Edge) -> Because {
        let at = Some(self.position(place.level, edge.at));
        let from = Place { node: edge.from, ..place };
        let (Some(name), Some(def)) = (self.name(place.level, edge.from), self.node(from)) else {
            return Because::new(Rule::Parent, "a node that is not in the graph", at);
        };
        let parent = self.instance(from);
        let blind = self.instance(place).blind.contains(&edge.from);
        let when = parent.ended.filter(|_| parent.state.is_settled() && !blind);
        let when = when.map(|ended: Time| format!(", {}", self.after(ended))).unwrap_or_default();
        let state = parent.state.as_str().replace('_', " ");
        let text = match (&edge.via, &parent.state) {
            _ if blind => format!("`{name}` had not settled; it went on without it"),
            (_, State::Pending | State::Running | State::Waiting(_)) => format!("`{name}` is {state}: it waits for it"),
            (Via::Ports(ports), State::Ok { port: Some(port), .. }) => {
                let for_ports = ports.iter().map(|port| format!("`{port}`")).collect::<Vec<_>>().join(" or ");
                let what = self.choosing(from, &def).map(|what| format!(" because {what}")).unwrap_or_default();
                if ports.contains(port) {
                    return Because::new(Rule::Route, format!("`{name}` chose `{port}`{what}: go{when}"), at);
                }
                let text = format!("`{name}` chose `{port}`{what}; this node is for {for_ports}: not this way{when}");
                return Because::new(Rule::Route, text, at);
            }
            (Via::Error, State::Failed(_)) => format!("`{name}` failed: go{when}"),
            (Via::Block, State::Blocked(_)) => format!("`{name}` blocked: go{when}"),
            (Via::Error, _) => format!("`{name}` is {state} and did not fail: not this way{when}"),
            (Via::Block, _) => format!("`{name}` is {state} and did not block: not this way{when}"),
            (Via::Ports(_), _) => format!("`{name}` is {state} and chose nothing: not this way{when}"),
            (Via::Flow, State::Ok { .. }) => format!("`{name}` is ok: go{when}"),
            (Via::Flow, State::SteppedOver | State::LeftOut(_)) => {
                format!("`{name}` is {state}, its value null: go{when}")
            }
            (Via::Flow, State::Failed(_)) => {
                format!("`{name}` failed; {}{when}", self.reaction(from, &def.on_error, "failure"))
            }
            (Via::Flow, State::Blocked(_)) => {
                format!("`{name}` blocked; {}{when}", self.reaction(from, &def.on_block, "block"))
            }
            (Via::Flow, State::Inactive | State::Cancelled) => format!("`{name}` is {state}: not this way{when}"),
        };
        Because::new(Rule::Parent, text, at)
    }

    /// The condition and what it saw.
    fn condition(&self, place: Place, node: &NodeDef, because: &mut Vec<Because>) {
        let Some(when) = &node.when else { return };
        let at = Some(self.position(place.level, when.span()));
        let source = when.source();
        let state = &self.instance(place).state;
        let text = match state {
            State::Pending | State::Inactive => return,
            State::SteppedOver => format!("when: `{source}` is false{}", self.seen(place, when.references())),
            State::Cancelled if self.instance(place).started.is_none() => return,
            _ => format!("when: `{source}` is true{}", self.seen(place, when.references())),
        };
        because.push(Because::new(Rule::When, text, at));
    }

    /// What chose the way of a node that has several.
    fn choice(&self, place: Place, node: &NodeDef, because: &mut Vec<Because>) {
        let State::Ok { port: Some(port), .. } = &self.instance(place).state else { return };
        let Some(what) = self.choosing(place, node) else { return };
        let input = node.facts.chooses.and_then(|name| node.inputs.iter().find(|input| input.name == name));
        let at = input.map(|input| self.position(place.level, input.at));
        because.push(Because::new(Rule::Route, format!("it chose `{port}` because {what}"), at));
    }

    /// The input that chooses, with its value: "`by` is \"billing\"".
    fn choosing(&self, place: Place, node: &NodeDef) -> Option<String> {
        let name = node.facts.chooses?;
        let input = node.inputs.iter().find(|input| input.name == name)?;
        let value = self.input(place).ok()?.get(name).cloned()?;
        let source = match &input.program {
            crate::graph::Program::Expression(expression) => format!(" (`{}`)", expression.source()),
            _ => String::new(),
        };
        Some(format!("`{name}`{source} is {}", shown(&value)))
    }

    /// The values of references: ", where `input.urgent` is false".
    fn seen(&self, place: Place, references: &[Reference]) -> String {
        let scope = self.scope(references, place.level, Some(place.node));
        let mut seen: Vec<String> = vec![];
        for reference in references.iter().take(6) {
            let Some(root) = scope.get(&reference.root) else { continue };
            let value = reference.path.iter().try_fold(&**root, |value: &Value, field| {
                value.get(field.as_str()).or_else(|| value.get(field.parse::<usize>().ok()?))
            });
            let name = std::iter::once(&reference.root).chain(&reference.path).map(String::as_str);
            let name = name.collect::<Vec<_>>().join(".");
            let text = format!("`{name}` is {}", value.map_or_else(|| "null".to_owned(), shown));
            if !seen.contains(&text) {
                seen.push(text);
            }
        }
        if seen.is_empty() { String::new() } else { format!(", where {}", seen.join(" and ")) }
    }
}

fn rule_of(join: Join) -> String {
    match join {
        Join::All => "all nodes before it must settle, and one must say go".to_owned(),
        Join::Any => "the first node before it that says go starts it".to_owned(),
        Join::Settle => "all nodes before it must have ended, however they did".to_owned(),
        Join::Quorum(n) => format!("{n} nodes before it must say go"),
        Join::Deadline(time) => format!("it waits for the nodes before it, but no longer than {time:?}"),
    }
}

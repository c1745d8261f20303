//! The start rules, as a table: what two parents came to, by which edges, and what becomes of the node behind them.

use serde_json::json;

use crate::walk::{Says, Script, graph, walk};

/// The states that a parent can settle in, and what its edge to a node that it only comes before says.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Parent {
    Ok,
    SteppedOver,
    Inactive,
    FailedSkip,
    FailedUse,
    FailedRun,
    BlockedSkip,
    BlockedRun,
}

const PARENTS: [Parent; 8] = [
    Parent::Ok,
    Parent::SteppedOver,
    Parent::Inactive,
    Parent::FailedSkip,
    Parent::FailedUse,
    Parent::FailedRun,
    Parent::BlockedSkip,
    Parent::BlockedRun,
];

impl Parent {
    fn keys(self) -> &'static str {
        match self {
            Self::SteppedOver => ", when: 'false'",
            Self::FailedSkip => ", on_error: skip",
            Self::FailedUse => ", on_error: { use: other }",
            Self::FailedRun => ", on_error: { run: instead }",
            Self::BlockedSkip => ", on_block: skip",
            Self::BlockedRun => ", on_block: { run: instead }",
            Self::Ok | Self::Inactive => "",
        }
    }

    fn says(self) -> Option<Says> {
        match self {
            Self::FailedSkip | Self::FailedUse | Self::FailedRun => Some(Says::Fails),
            Self::BlockedSkip | Self::BlockedRun => Some(Says::Blocks),
            Self::Ok | Self::SteppedOver | Self::Inactive => None,
        }
    }

    /// Whether it lets what comes after it go on.
    fn goes(self) -> bool {
        matches!(self, Self::Ok | Self::SteppedOver | Self::FailedSkip | Self::FailedUse | Self::BlockedSkip)
    }

    fn is_replaced(self) -> bool {
        matches!(self, Self::FailedRun | Self::BlockedRun)
    }
}

/// An app with two parents `p` and `q` in these states; `rest` stands behind them.
fn check(p: Parent, q: Parent, rest: &str, wanted: impl Fn(&str) -> &'static str) {
    let way = |parent: Parent, id: &str| if parent == Parent::Inactive { String::new() } else { format!("{id}, ") };
    let text = format!(
        "
version: 1
inputs: {{ way: string, turn: string }}
nodes:
  gate: {{ kind: route, by: input.way, cases: {{ main: [{}{}always], other: [p, q], default: [] }} }}
  always: {{ kind: probe }}
  p: {{ kind: probe{} }}
  q: {{ kind: probe{} }}
  instead: {{ kind: probe }}
{rest}
",
        way(p, "p"),
        way(q, "q"),
        p.keys(),
        q.keys(),
    );
    // A node that nothing chooses runs at once; `instead` is to wait for an edge in every row of the table.
    let text =
        if p.is_replaced() || q.is_replaced() { text } else { text.replace("other: [p, q]", "other: [p, q, instead]") };
    let mut script = Script::from([("gate", Says::Port("main"))]);
    script.extend(p.says().map(|says| ("p", says)));
    script.extend(q.says().map(|says| ("q", says)));
    let walked = walk(&graph(&text), json!({ "way": "main", "turn": "left" }), &script);
    for id in ["child", "merge", "follower"].into_iter().filter(|id| text.contains(&format!("{id}:"))) {
        let state = walked.run.state(&id.into()).unwrap().as_str();
        assert_eq!(state, wanted(id), "{id} behind {p:?} and {q:?}: {}", walked.states());
    }
    let replaced = p.is_replaced() || q.is_replaced();
    assert_eq!(walked.in_state("ok").contains("instead"), replaced, "{p:?} {q:?}: {}", walked.states());
    assert!(walked.run.end().is_some(), "{}", walked.states());
}

#[test]
fn two_parents() {
    for p in PARENTS {
        for q in PARENTS {
            check(p, q, "  child: { kind: probe, needs: [p, q] }\n  follower: { kind: probe, needs: [child] }", |_| {
                let barred = p.is_replaced() || q.is_replaced();
                if !barred && (p.goes() || q.goes()) { "ok" } else { "inactive" }
            });
        }
    }
}

#[test]
fn what_depends_on_both_goes_on_with_either() {
    for p in PARENTS {
        for q in PARENTS {
            let rest = "  merge: { kind: probe, with: \"${{ p or q or instead }}\", needs: [p, q, instead] }";
            check(p, q, rest, |_| {
                if p.goes() || q.goes() || p.is_replaced() || q.is_replaced() { "ok" } else { "inactive" }
            });
        }
    }
}

/// `child` is chosen by a way of a route, or not, and needs `p`.
#[test]
fn a_chosen_node_needs_its_data_too() {
    for p in PARENTS {
        for (way, chosen) in [("left", true), ("right", false)] {
            let rest = String::from(
                "  turn: { kind: route, by: input.turn, cases: { left: [child], right: [], default: [] } }
  child: { kind: probe, needs: [p] }",
            );
            let text_state = |_: &str| if chosen && !p.is_replaced() { "ok" } else { "inactive" };
            turn(p, &rest, way, text_state);
        }
    }
}

fn turn(p: Parent, rest: &str, way: &'static str, wanted: impl Fn(&str) -> &'static str) {
    let run = if p.is_replaced() { "" } else { ", instead" };
    let chosen = if p == Parent::Inactive { "" } else { "p, " };
    let text = format!(
        "
version: 1
inputs: {{ way: string, turn: string }}
nodes:
  gate: {{ kind: route, by: input.way, cases: {{ main: [{chosen}always], other: [p{run}], default: [] }} }}
  always: {{ kind: probe }}
  p: {{ kind: probe{} }}
  instead: {{ kind: probe }}
{rest}
",
        p.keys()
    );
    let mut script = Script::from([("gate", Says::Port("main")), ("turn", Says::Port(way))]);
    script.extend(p.says().map(|says| ("p", says)));
    let walked = walk(&graph(&text), json!({ "way": "main", "turn": "left" }), &script);
    let state = walked.run.state(&"child".into()).unwrap().as_str();
    assert_eq!(state, wanted("child"), "{p:?} {way}: {}", walked.states());
}

#[test]
fn an_unhandled_failure_ends_the_run_at_once() {
    let text = "
version: 1
nodes:
  a: { kind: probe }
  b: { kind: probe, needs: [a] }
  asks: { kind: human, title: Well? }
";
    let script = Script::from([("a", Says::Fails), ("asks", Says::Waits)]);
    let walked = walk(&graph(text), json!({}), &script);
    assert_eq!(walked.states(), "a failed, b pending, asks waiting");
    assert!(
        matches!(walked.run.end(), Some(uzel_core::event::End::Failed { instance: Some(at), .. }) if at.as_str() == "a")
    );
}

/// A condition that cannot be computed is a failure of its node.
#[test]
fn a_condition_that_breaks_is_a_failure() {
    let text = "
version: 1
nodes:
  a: { kind: probe }
  b: { kind: probe, when: a.x + 'text' == 3, on_error: skip }
  c: { kind: probe, needs: [b] }
";
    let walked = walk(&graph(text), json!({}), &Script::from([("a", Says::Value(json!({ "x": 1 })))]));
    assert_eq!(walked.states(), "a ok, b failed, c ok");
    assert!(!walked.called.contains_key("b"));
}

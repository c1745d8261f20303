//! Bodies inside nodes and joins, cut off after each event and at random moments: they come to the same end.

use std::time::Duration;

use serde_json::json;
use uzel_core::failure::FailureClass;
use uzel_testkit::{
    crash::Case,
    lab::Answers,
    probe::{Done, Reply},
};

use crate::{
    crash::{case, check, echo, fail},
    driver::once,
};

#[test]
fn a_map_over_items() {
    let app = "
version: 1
nodes:
  a: { kind: probe }
  notes:
    kind: map
    for_each: '[1, 2, 3, 4, 5]'
    max_parallel: 2
    do: { kind: probe, effects: 2, with: { item: '${{ item }}', of: '${{ a.from }}', last: '${{ loop.last }}' } }
  end: { kind: probe, with: '${{ notes.items }}' }
output: '${{ end.with }}'
";
    check(&case("map", app), 14);
}

#[test]
fn a_map_whose_items_fail() {
    let app = "
version: 1
nodes:
  notes:
    kind: map
    for_each: '[1, 2, 3, 4, 5]'
    on_item_error: { skip_up_to: 40% }
    do:
      first: { kind: probe, with: '${{ item }}' }
      second: { kind: probe, with: '${{ first.with }}' }
    output: '${{ second.with }}'
output: '${{ notes.items }}'
";
    let script = |done: &Done| match (done.with.as_i64(), done.node().ends_with("first")) {
        (Some(2 | 4), true) => fail(FailureClass::Invalid),
        _ => echo(done),
    };
    check(&Case { script, ..case("map that skips", app) }, 8);
    let script = |done: &Done| match (done.with.as_i64(), done.node().ends_with("first")) {
        (Some(2..=4), true) => fail(FailureClass::Invalid),
        _ => echo(done),
    };
    // One at a time: which failure is one too many does not depend on which call is faster.
    let app = app.replace("40% }", "40% }\n    max_parallel: 1").leak();
    check(&Case { script, ..case("map that fails", app) }, 4);
}

#[test]
fn a_reduce_of_three_levels() {
    let app = "
version: 1
nodes:
  a: { kind: probe }
  merge:
    kind: reduce
    over: '[1, 2, 3, 4, 5, 6, 7]'
    batch: 2
    max_parallel: 2
    do: { kind: probe, with: '${{ batch | sum }}', needs: [] }
    output: '${{ do.with }}'
output: { sum: '${{ merge }}', a: '${{ a.from }}' }
";
    check(&case("reduce", app), 8);
}

/// The values of a round are not those of the round before: what is forgotten of one must not be missing in the next.
#[test]
fn a_reduce_whose_batches_wait_for_each_other() {
    let app = "
version: 1
nodes:
  merge:
    kind: reduce
    over: '[1, 2, 3, 4, 5, 6, 7, 8, 9]'
    batch: 2
    max_parallel: 1
    do: { kind: probe, with: '${{ batch | sum }}' }
    output: '${{ do.with }}'
output: { sum: '${{ merge }}' }
";
    let (head, ..) = once(app, echo);
    assert_eq!(head.outcome["output"]["sum"], 45, "{}", head.outcome);
}

#[test]
fn a_loop_until_it_is_good() {
    let app = "
version: 1
nodes:
  a: { kind: probe }
  report:
    kind: loop
    until: judge.with > 2
    max_rounds: 5
    do:
      write: { kind: probe, with: { before: '${{ loop.previous }}', of: '${{ a.from }}' } }
      judge: { kind: probe, with: '${{ loop.index }}', needs: [write] }
    output: '${{ judge.with }}'
  end: { kind: probe, with: '${{ report }}' }
output: '${{ end.with }}'
";
    check(&case("loop", app), 8);
}

#[test]
fn people_and_timers_inside_bodies_inside_bodies() {
    let app = "
version: 1
nodes:
  groups:
    kind: map
    for_each: '[[1, 2], [3]]'
    as: group
    do:
      inner:
        kind: map
        for_each: group
        do:
          ask: { kind: human, title: 'Take ${{ item }}?', actions: ['yes', 'no'], timeout: 1h, on_timeout: 'no' }
          wait: { kind: timer, for: 1h, after: '${{ item }}' }
          take: { kind: probe, class: keyed, when: \"ask.action == 'yes'\", with: '${{ item }}', needs: [wait] }
      sum: { kind: probe, with: '${{ inner.items }}' }
    output: '${{ sum.with }}'
output: '${{ groups.items }}'
";
    let answers = Answers::from([
        ("groups[0].inner[1].ask".to_owned(), ("yes".to_owned(), json!({}))),
        ("groups[1].inner[0].ask".to_owned(), ("yes".to_owned(), json!({}))),
    ]);
    check(&Case { answers, ..case("people in bodies", app) }, 12);
}

#[test]
fn the_first_of_three_wins() {
    let app = "
version: 1
nodes:
  fast: { kind: probe }
  slow: { kind: probe }
  asked: { kind: human, title: Which?, actions: [go] }
  first: { kind: probe, needs: [fast, slow, asked], join: any, with: '${{ fast.from or slow.from }}' }
  two: { kind: probe, needs: [fast, other, late], join: { quorum: 2 }, with: '${{ other.from }}' }
  other: { kind: probe }
  late: { kind: probe }
output: { first: '${{ first.with }}', two: '${{ two.with }}' }
";
    let script = |done: &Done| match done.node() {
        "slow" | "late" => Reply::Value(json!({ "from": "too late" }), Duration::from_hours(1)),
        _ => echo(done),
    };
    check(&Case { script, ..case("any and quorum", app) }, 4);
}

#[test]
fn a_join_that_waits_no_longer() {
    let app = "
version: 1
nodes:
  fast: { kind: probe }
  slow: { kind: probe }
  broken: { kind: probe }
  end: { kind: probe, needs: [fast, slow, broken], join: { deadline: 5s }, with: '${{ [fast.from, slow.from, broken.from] }}' }
  all: { kind: probe, needs: [fast, broken], join: settle, with: '${{ nodes.broken.status }}' }
output: { end: '${{ end.with }}', all: '${{ all.with }}' }
";
    let script = |done: &Done| match done.node() {
        "slow" => Reply::Value(json!({ "from": "too late" }), Duration::from_hours(10)),
        "broken" => fail(FailureClass::Invalid),
        _ => echo(done),
    };
    check(&Case { script, ..case("deadline and settle", app) }, 4);
}

/// A flag is set by its name, in the app and in those that it runs: its value must fit everywhere.
#[test]
fn a_flag_must_fit_the_apps_below_too() {
    let app = "
version: 1
flags: { big: { type: boolean, default: false }, many: { type: integer, default: 1 } }
nodes:
  all: { kind: map, for_each: '[1]', do: { sub: { kind: graph, use: sub.yaml } } }
output: '${{ flags.big and flags.many > 1 }}'
";
    let sub = "
version: 1
flags: { big: { type: integer, default: 3 }, many: { type: integer, default: 2 }, own: { type: boolean, default: true } }
nodes: { a: { kind: probe, with: '${{ [flags.big + flags.many, flags.own] }}' } }
";
    let files = [("app.yaml", app), ("sub.yaml", sub)];
    let files = files.into_iter().map(|(name, text)| (name.to_owned(), text.as_bytes().to_vec())).collect();
    let graph = uzel_testkit::stage::graph(&files).unwrap();
    let check = |name: &str, value: serde_json::Value| {
        let flags = std::collections::BTreeMap::from([(name.to_owned(), value)]);
        uzel_runtime::engine::check_flags(&graph, &flags).map_err(|error| error.to_string())
    };
    assert_eq!(check("many", 5.into()), Ok(()));
    let wrong = check("big", true.into()).unwrap_err();
    assert!(wrong.contains("`big` of the app that `sub` runs: ") && wrong.contains("integer"), "{wrong}");
    assert!(check("own", false.into()).unwrap_err().contains("there is no flag `own`"));
}

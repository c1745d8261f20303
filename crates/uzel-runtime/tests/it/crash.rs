//! Runs of every shape are cut off after each event and at random moments; they come to the same end and repeat nothing.

use std::time::Duration;

use serde_json::json;
use uzel_core::failure::{Failure, FailureClass};
use uzel_testkit::{
    crash::{Case, after_every_event, at_every_store_error, at_random},
    lab::Answers,
    probe::{Done, Reply},
};

/// Says the node's name and what it was given, after a time that depends on the name.
pub(super) fn echo(done: &Done) -> Reply {
    let time = done.name().bytes().map(u64::from).sum::<u64>() % 60;
    Reply::Value(json!({ "from": done.name(), "with": done.with }), Duration::from_millis(20 + time))
}

pub(super) fn fail(class: FailureClass) -> Reply {
    Reply::Fail(Failure::new(class, "the script says so"), Duration::from_millis(25))
}

pub(super) fn case(name: &'static str, app: &'static str) -> Case {
    Case { name, app, input: json!({}), answers: Answers::new(), script: echo }
}

pub(super) fn check(case: &Case, least_cuts: usize) {
    let errors = at_every_store_error(case);
    assert!(errors > 2 * least_cuts, "{}: only {errors} errors of the store", case.name);
    let cuts = after_every_event(case);
    assert!(cuts >= least_cuts, "{}: only {cuts} cuts", case.name);
    let seeds = seeds();
    let crashes = at_random(case, seeds.clone());
    assert!(crashes as u64 >= (seeds.end - seeds.start) / 2, "{}: only {crashes} crashes", case.name);
}

/// 40 seeds, from the one that `make sim seed=N` names; a failure names its own.
#[expect(clippy::disallowed_methods, reason = "a failing seed is played again by naming it")]
fn seeds() -> std::ops::Range<u64> {
    let first = std::env::var("UZEL_SIM_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(0);
    first..first + 40
}

#[test]
fn a_sequence() {
    let app = "
version: 1
nodes:
  a: { kind: probe, effects: 3 }
  b: { kind: probe, with: '${{ a.from }}' }
  c: { kind: code, run: 'builtin:date_diff', with: { from: '2026-01-01', to: '2026-01-05', unit: days }, needs: [b] }
  d: { kind: probe, effects: 2, with: '${{ c }}' }
output: { d: '${{ d }}', c: '${{ c }}', b: '${{ b }}' }
";
    check(&case("sequence", app), 11);
}

#[test]
fn fan_out_and_fan_in() {
    let app = "
version: 1
nodes:
  a: { kind: probe }
  b1: { kind: probe, effects: 2, with: '${{ a.from }}' }
  b2: { kind: probe, with: '${{ a.from }}' }
  b3: { kind: probe, with: '${{ a.from }}' }
  b4: { kind: probe, effects: 3, needs: [a] }
  c: { kind: probe, with: { one: '${{ b1.from }}', two: '${{ b2.from }}', three: '${{ b3.from }}' }, needs: [b4] }
output: '${{ c }}'
";
    check(&case("fan-out", app), 14);
}

const ROUTED: &str = "
version: 1
inputs: { way: string }
nodes:
  sort: { kind: probe, with: '${{ input.way }}' }
  route: { kind: route, by: sort.with, cases: { left: [left], right: [right], default: [ask] } }
  left: { kind: probe }
  right: { kind: probe, effects: 2 }
  ask: { kind: human, title: Which?, form: { way: string }, actions: [go, stop] }
  end: { kind: probe, with: '${{ left or right or ask }}', needs: [left, right, ask] }
output: { way: '${{ route }}', end: '${{ end.with }}' }
";

#[test]
fn a_route_with_a_case_for_doubt() {
    for way in ["left", "right", "neither"] {
        let answers = Answers::from([("ask".to_owned(), ("go".to_owned(), json!({ "way": "up" })))]);
        check(&Case { input: json!({ "way": way }), answers, ..case("route", ROUTED) }, 6);
    }
}

#[test]
fn a_failure_that_another_node_handles() {
    let app = "
version: 1
nodes:
  a: { kind: probe }
  pay: { kind: probe, class: keyed, with: '${{ a.from }}', on_error: { run: sorry } }
  thanks: { kind: probe, needs: [pay] }
  sorry: { kind: probe, with: '${{ a.from }}' }
  skipped: { kind: probe, needs: [a], on_error: skip }
  used: { kind: probe, needs: [a], on_error: { use: instead } }
output: { thanks: '${{ thanks }}', sorry: '${{ sorry }}', used: '${{ used }}', skipped: '${{ skipped }}' }
";
    let script = |done: &Done| match done.node() {
        "pay" | "skipped" | "used" => fail(FailureClass::Invalid),
        _ => echo(done),
    };
    check(&Case { script, ..case("on_error", app) }, 8);
}

#[test]
fn a_failure_that_nobody_handles() {
    let app = "
version: 1
nodes:
  a: { kind: probe }
  b: { kind: probe, with: '${{ a.from }}' }
  c: { kind: probe, needs: [b] }
";
    let script = |done: &Done| if done.node() == "b" { fail(FailureClass::Invalid) } else { echo(done) };
    check(&Case { script, ..case("failure", app) }, 3);
}

#[test]
fn a_guard_that_stops_the_run() {
    let app = "
version: 1
nodes:
  a: { kind: probe }
  screen:
    kind: guard
    text: '${{ a.from }}'
    checks: [{ length: { max: 3 }, on_failure: closed }]
    on_block: { stop: 'too long: ${{ a.from }}' }
  b: { kind: probe, needs: [screen] }
output: { b: '${{ b }}', screened: '${{ screen.findings }}' }
";
    check(&case("guard", app), 3);
}

#[test]
fn a_question_that_is_answered_while_others_work() {
    let app = "
version: 1
nodes:
  a: { kind: probe }
  ask:
    kind: human
    title: 'Pay ${{ a.from }}?'
    form: { sum: { type: integer, default: '${{ 3 }}' } }
    actions: [approve, reject]
    timeout: 24h
    on_timeout: reject
  slow: { kind: probe, effects: 3, needs: [a] }
  pay: { kind: probe, class: keyed, when: ask.action == 'approve', with: '${{ ask.form.sum }}' }
  late: { kind: probe, with: { paid: '${{ pay.with }}', slow: '${{ slow.from }}' } }
output: { decision: '${{ ask.action }}', by: '${{ ask.by }}', late: '${{ late }}' }
";
    let answered = Answers::from([("ask".to_owned(), ("approve".to_owned(), json!({ "sum": 7 })))]);
    check(&Case { answers: answered, ..case("answered", app) }, 12);
    // The same when nobody answers in time.
    check(&case("not answered", app), 10);
}

#[test]
fn timers() {
    let app = "
version: 1
nodes:
  a: { kind: probe }
  wait: { kind: timer, for: 1h, after: '${{ a }}' }
  again: { kind: timer, for: 30m, after: '${{ wait }}' }
  b: { kind: probe, with: '${{ again }}' }
output: '${{ b.with }}'
";
    check(&case("timers", app), 8);
}

#[test]
fn tries_before_the_one_that_counts() {
    let app = "
version: 1
defaults: { retry: { max: 4, base: 20ms } }
nodes:
  a: { kind: probe, effects: 2 }
  b: { kind: probe, with: '${{ a.from }}' }
output: { b: '${{ b }}', a: '${{ a }}' }
";
    let script = |done: &Done| if done.attempt < 3 { fail(FailureClass::ServerError) } else { echo(done) };
    check(&Case { script, ..case("retries", app) }, 6);
}

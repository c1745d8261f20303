//! Limits of runs, nodes and apps that nodes run: money, tokens, calls and time.

use std::time::Duration;

use serde_json::{Value, json};
use uzel_core::{
    event::Event,
    failure::{Failure, FailureClass},
    run::State,
    store::Status,
};
use uzel_runtime::world::World;
use uzel_testkit::{
    probe::{Done, Reply},
    sim::{self, EPOCH},
};

use crate::{
    crash::{case, check},
    driver::{failures, lab, ledger, ok, once},
};

/// Answers after a second.
fn slow(done: &Done) -> Reply {
    Reply::Value(json!(done.name()), Duration::from_secs(1))
}

#[test]
fn a_run_ends_at_its_deadline() {
    let text = "
version: 1
limits: { duration: 2s }
nodes:
  a: { kind: probe }
  hangs: { kind: probe, needs: [a] }
";
    let (head, counts, log, now) = once(text, |done| if done.node() == "hangs" { Reply::Hang } else { ok(done) });
    assert_eq!(head.status, Status::Failed);
    assert_eq!(
        head.outcome["failure"]["message"], "the run took longer than `limits.duration: 2s`",
        "{}",
        head.outcome
    );
    assert_eq!(now, EPOCH.plus(Duration::from_secs(2)), "at the deadline, not later: {log:#?}");
    assert_eq!(counts.get("hangs/effect1"), Some(&1));
}

#[test]
fn a_parked_run_ends_at_its_deadline() {
    let text = "
version: 1
limits: { duration: 1h }
nodes: { ask: { kind: human, title: Well?, timeout: 24h } }
";
    sim::run(1, |world| async move {
        let ledger = ledger(&world, ok);
        let lab = lab(&world, text, &ledger);
        let head = lab.start("r1", json!({})).await.unwrap();
        assert_eq!((head.status, head.wake), (Status::Waiting, Some(EPOCH.plus(Duration::from_hours(1)))));
        world.skip_to(EPOCH.plus(Duration::from_mins(59)));
        assert_eq!(lab.engine.store.due(world.now(), 10).await.unwrap(), []);
        world.skip_to(EPOCH.plus(Duration::from_mins(61)));
        assert_eq!(lab.engine.store.due(world.now(), 10).await.unwrap(), ["r1".into()]);
        assert_eq!(lab.resume("r1").await.unwrap().status, Status::Failed);
        assert!(lab.engine.store.tasks(true, None).await.unwrap().is_empty());
    });
}

#[test]
fn no_retry_and_no_call_outlasts_the_deadline() {
    let text = "
version: 1
limits: { duration: 3s }
defaults: { retry: { max: 20, base: 1s, cap: 1s } }
nodes: { a: { kind: probe, on_error: skip } }
";
    let (head, _, log, now) =
        once(text, |_| Reply::Fail(Failure::new(FailureClass::ServerError, "down"), Duration::from_millis(300)));
    assert!(now <= EPOCH.plus(Duration::from_secs(3)), "{now:?} {log:#?}");
    assert_eq!(head.status, Status::Succeeded, "the node gave up in time: {}", head.outcome);
}

#[test]
fn money_is_refused_before_the_call() {
    let text = "
version: 1
limits: { cost_usd: 0.25 }
nodes:
  a: { kind: probe, effects: 2, reserve_usd: 0.1, cost_usd: 0.09 }
  b: { kind: probe, needs: [a], reserve_usd: 0.1, cost_usd: 0.09, on_error: skip }
  c: { kind: probe, needs: [b], reserve_usd: 0.05, cost_usd: 0.05 }
";
    let (head, counts, log, _) = once(text, ok);
    assert_eq!(head.status, Status::Succeeded, "{}", head.outcome);
    assert!((head.cost_usd - 0.23).abs() < 1e-9, "{}", head.cost_usd);
    assert_eq!(counts.get("b/effect1"), None, "it was not called");
    assert_eq!(
        failures(&log)["b"].message,
        "the call may cost $0.1000, and $0.1800 of `limits.cost_usd: 0.25` is spent"
    );
}

#[test]
fn calls_in_flight_have_reserved_what_they_may_cost() {
    let text = "
version: 1
limits: { cost_usd: 0.25 }
nodes:
  a: { kind: probe, reserve_usd: 0.1, cost_usd: 0.1, on_error: skip }
  b: { kind: probe, reserve_usd: 0.1, cost_usd: 0.1, on_error: skip }
  c: { kind: probe, reserve_usd: 0.1, cost_usd: 0.1, on_error: skip }
";
    let (head, counts, log, _) = once(text, ok);
    assert_eq!(counts.len(), 2, "{counts:?}");
    assert!(head.cost_usd <= 0.25);
    assert_eq!(failures(&log).len(), 1);
}

#[test]
fn a_retry_is_paid_from_the_budget_too() {
    let text = "
version: 1
limits: { cost_usd: 0.25 }
defaults: { retry: { max: 10, base: 10ms } }
nodes: { a: { kind: probe, reserve_usd: 0.1, cost_usd: 0.1 } }
";
    let (head, counts, ..) =
        once(text, |_| Reply::Fail(Failure::new(FailureClass::ServerError, "down"), Duration::ZERO));
    assert_eq!(counts["a/effect1"], 2, "a third try could cost more than there is");
    assert!(head.cost_usd <= 0.25, "{}", head.cost_usd);
    assert_eq!(head.outcome["failure"]["class"], "limit", "{}", head.outcome);
}

#[test]
fn tokens_are_counted() {
    let text = "
version: 1
limits: { tokens: 10 }
nodes: { a: { kind: probe, effects: 5, tokens: 4 } }
";
    let (head, counts, log, _) = once(text, ok);
    assert_eq!((head.status, counts.len()), (Status::Failed, 2));
    assert_eq!(failures(&log)["a"].message, "the call may take 4 tokens, and 8 of `limits.tokens: 10` are used");
}

#[test]
fn reservations_of_others_are_waited_for_and_only_what_is_spent_refuses() {
    // Each reserves 30 and uses 4: at once they do not fit, one after the other they do.
    let text = "
version: 1
limits: { tokens: 60 }
nodes:
  all:
    kind: map
    for_each: '[1, 2, 3, 4, 5, 6]'
    max_parallel: 6
    do: { kind: probe, tokens: 4, reserve_tokens: 30 }
";
    let (head, counts, log, now) = once(text, slow);
    assert_eq!(head.status, Status::Succeeded, "{}", head.outcome);
    assert_eq!(counts.len(), 6, "{log:#?}");
    assert!(now >= EPOCH.plus(Duration::from_secs(3)), "at most two at a time fit: {now:?}");
}

#[test]
fn a_nodes_limit_holds_for_all_below_it_and_for_nothing_else() {
    let text = "
version: 1
nodes:
  some:
    kind: map
    for_each: '[1, 2, 3, 4, 5]'
    max_parallel: 1
    limits: { tokens: 10 }
    on_error: skip
    do: { kind: probe, tokens: 4 }
  something: { kind: probe, effects: 5, tokens: 4, needs: [some] }
";
    let (head, counts, log, _) = once(text, ok);
    assert_eq!(head.status, Status::Succeeded, "{}", head.outcome);
    assert_eq!(counts.keys().filter(|name| name.starts_with("some[")).count(), 2, "{counts:?}");
    assert_eq!(counts.keys().filter(|name| name.starts_with("something/")).count(), 5, "{counts:?}");
    assert_eq!(
        failures(&log)["some[2]"].message,
        "the call may take 4 tokens, and 8 of `limits.tokens: 10` of `some` are used"
    );
}

#[test]
fn calls_are_counted_with_their_retries() {
    let text = "
version: 1
defaults: { retry: { max: 9, base: 10ms } }
nodes: { a: { kind: probe, limits: { calls: 3 } } }
";
    let (head, counts, log, _) =
        once(text, |_| Reply::Fail(Failure::new(FailureClass::ServerError, "down"), Duration::ZERO));
    assert_eq!((head.status, counts["a/effect1"]), (Status::Failed, 3));
    assert_eq!(failures(&log)["a"].message, "3 calls have been made, of `limits.calls: 3` of `a`");
}

#[test]
fn a_node_that_takes_too_long_ends_with_what_it_runs() {
    let text = "
version: 1
nodes:
  rounds:
    kind: loop
    until: 'false'
    max_rounds: 50
    limits: { duration: 3500ms }
    on_error: { use: gave up }
    do: { kind: probe }
  after: { kind: probe, with: '${{ rounds }}' }
";
    let (head, counts, log, now) = once(text, slow);
    assert_eq!(head.status, Status::Succeeded, "{}", head.outcome);
    assert_eq!(counts.len(), 5, "four rounds began: {counts:?}");
    assert_eq!(now, EPOCH.plus(Duration::from_millis(4_500)), "{log:#?}");
    // The call in flight fails for the limit's sake, or is cut off with the node.
    let failed = failures(&log);
    let failure = failed.get("rounds").or(failed.get("rounds[3]")).unwrap();
    assert_eq!(failure.class, FailureClass::Limit);
    assert!(failure.message.ends_with("longer than `limits.duration: 3500ms` of `rounds`"), "{failure:?}");
}

#[test]
fn a_question_is_closed_when_the_nodes_time_is_over() {
    let text = "
version: 1
nodes:
  ask: { kind: human, title: Well?, timeout: 24h, limits: { duration: 1h }, on_error: skip }
";
    sim::run(1, |world| async move {
        let ledger = ledger(&world, ok);
        let lab = lab(&world, text, &ledger);
        let head = lab.start("r1", json!({})).await.unwrap();
        assert_eq!((head.status, head.wake), (Status::Waiting, Some(EPOCH.plus(Duration::from_hours(1)))));
        world.skip_to(EPOCH.plus(Duration::from_mins(61)));
        let head = lab.resume("r1").await.unwrap();
        assert_eq!(head.status, Status::Succeeded, "{}", head.outcome);
        let tasks = lab.engine.store.tasks(false, None).await.unwrap();
        let closed: Vec<_> = tasks.iter().filter_map(|task| task.closed.as_deref()).collect();
        assert_eq!(closed, ["`ask` took longer than `limits.duration: 1h` of `ask`"]);
    });
}

#[test]
fn only_work_counts_as_active() {
    let text = "
version: 1
limits: { active: 3s }
nodes:
  first: { kind: probe }
  ask: { kind: human, title: Well?, needs: [first] }
  second: { kind: probe, effects: 3, needs: [ask] }
";
    sim::run(1, |world| async move {
        let ledger = ledger(&world, slow);
        let lab = lab(&world, text, &ledger);
        let head = lab.start("r1", json!({})).await.unwrap();
        assert_eq!((head.status, head.wake), (Status::Waiting, None), "waiting wears nothing out");
        world.skip_to(EPOCH.plus(Duration::from_hours(30)));
        lab.answer("r1", "ask", "submit", json!({})).await.unwrap();
        let head = lab.resume("r1").await.unwrap();
        assert_eq!(head.status, Status::Failed, "{}", head.outcome);
        let why = head.outcome["failure"]["message"].as_str().unwrap();
        assert_eq!(why, "the run worked longer than `limits.active: 3s`");
        assert_eq!(world.now(), EPOCH.plus(Duration::from_hours(30) + Duration::from_secs(2)));
        assert_eq!(ledger.counts().get("second/effect3"), None);
    });
}

#[test]
fn limits_hold_through_crashes() {
    let app = "
version: 1
nodes:
  parts:
    kind: map
    for_each: '[1, 2, 3]'
    limits: { tokens: 30, calls: 9, duration: 1h, active: 1h }
    do:
      one: { kind: probe, tokens: 4, limits: { tokens: 8 } }
      two: { kind: probe, effects: 2, tokens: 2, with: '${{ one }}' }
  end: { kind: probe, with: '${{ parts.items }}' }
";
    check(&case("limits", app), 10);
}

/// The limit is reached by time alone, whichever record was the last before the process died.
#[test]
fn a_limit_of_time_is_a_fact_of_the_log() {
    let text = "
version: 1
nodes:
  a:
    kind: loop
    until: 'false'
    max_rounds: 9
    limits: { duration: 2s }
    on_error: skip
    do: { kind: timer, for: 1h }
";
    sim::run(1, |world| async move {
        let ledger = ledger(&world, ok);
        let lab = lab(&world, text, &ledger);
        let head = lab.start("r1", json!({})).await.unwrap();
        assert_eq!((head.status, head.wake), (Status::Waiting, Some(EPOCH.plus(Duration::from_secs(2)))));
        world.skip_to(EPOCH.plus(Duration::from_mins(5)));
        let head = lab.resume("r1").await.unwrap();
        assert_eq!((head.status, &head.outcome["output"]["a"]), (Status::Succeeded, &Value::Null));
        let log = lab.log("r1").await;
        let ended = |event: &&Event| matches!(event, Event::Failed { instance, .. } if instance.as_str() == "a");
        assert_eq!(log.iter().filter(ended).count(), 1, "{log:#?}");
        let (run, ..) = lab.engine.load(&lab.app.graph, &"r1".into()).await.unwrap();
        assert!(matches!(run.state(&"a".into()), Some(State::Failed(_))));
        assert!(matches!(run.state(&"a[0]".into()), Some(State::Cancelled)));
    });
}

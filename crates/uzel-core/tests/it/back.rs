//! Looking back at runs: what comes after what, what a timeline folds, what another release means.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::{Value, json};
use uzel_core::{
    event::{Event, InstancePath, RunId, Time},
    failure::{Failure, FailureClass},
    graph::Graph,
    run::{
        Run,
        fork::{After, Outcome, Refused, Wish, fork, is_after},
        migrate::{Verdict, judge},
        timeline::Row,
    },
};
use uzel_testkit::stage::{Stage, graph};

fn read(text: &str) -> Arc<Graph> {
    graph(&BTreeMap::from([("app.yaml".to_owned(), format!("version: 1\n{text}").into_bytes())])).unwrap()
}

const NESTED: &str = r#"
inputs: { list: [string] }
nodes:
  first: { kind: probe, with: 1 }
  notes:
    kind: map
    needs: [first]
    for_each: ${{ input.list }}
    as: text
    do:
      sum: { kind: probe, with: "${{ text }}" }
      judge: { kind: probe, with: "${{ sum }}" }
  write:
    kind: loop
    needs: [notes]
    until: loop.index >= 2
    max_rounds: 3
    do:
      draft: { kind: probe, with: "${{ loop.index }}" }
      look: { kind: probe, with: "${{ draft }}" }
  all:
    kind: reduce
    needs: [first]
    over: ${{ input.list }}
    as: some
    batch: 2
    do: { kind: probe, with: "${{ some }}" }
"#;

#[test]
fn what_comes_after_a_node() {
    let graph = read(NESTED);
    let after = |point: &str, instance: &str| is_after(&graph, point, instance, After::With);
    for (point, instance, is) in [
        ("first", "first", true),
        ("first", "notes[0].sum", true),
        ("first", "write[1].look", true),
        ("notes", "first", false),
        ("notes", "notes[3].sum", true),
        ("notes[1]", "notes[1].sum", true),
        ("notes[1]", "notes[0].sum", false),
        ("notes[1].judge", "notes[1].sum", false),
        ("notes[1].judge", "notes[1].judge", true),
        ("notes[1].judge", "notes[2].judge", false),
        ("notes[1].judge", "write[0].draft", true),
        ("notes[1].judge", "all[0:0]", false),
        ("write[1].look", "write[1].draft", false),
        ("write[1].look", "write[0].look", false),
        ("write[1].look", "write[2].draft", true),
        ("all[0:1]", "all[0:0]", false),
        ("all[0:1]", "all[0:1]", true),
        ("all[0:1]", "all[1:0]", true),
    ] {
        assert_eq!(after(point, instance), is, "{instance} after {point}");
    }
    assert!(!is_after(&graph, "notes[1].sum", "notes[1].sum", After::Without));
    assert!(is_after(&graph, "notes[1].sum", "notes[1].judge", After::Without));
}

const CHAIN: &str = r#"
inputs: { list: [string] }
nodes:
  a: { kind: probe, with: 1 }
  b: { kind: probe, with: "${{ a }}" }
  c: { kind: probe, with: "${{ b }}", on_error: skip }
  d: { kind: probe, with: 2 }
output: { c: "${{ c }}", d: "${{ d }}" }
"#;

/// A run of an app whose nodes all say what they were given, up to the instance that does not end.
fn played(graph: &Arc<Graph>, list: Value, open: &str) -> (Run, Vec<Event>) {
    let mut stage = Stage::open(graph, json!({ "list": list }));
    while let Some(flight) = stage.flights().iter().find(|flight| flight.instance.as_str() != open).cloned() {
        let outcome = match flight.input.get("with") {
            Some(with) if with == "bad" => Err(Failure::new(FailureClass::Code, "bad")),
            _ => Ok(flight.echo()),
        };
        stage.land(&flight.instance, outcome);
    }
    let log = stage.log().to_vec();
    (Run::fold(RunId::from("r"), Arc::clone(graph), &log), log)
}

#[test]
fn a_fork_keeps_what_is_not_after_the_point() {
    let graph = read(CHAIN);
    let (run, log) = played(&graph, json!([]), "");
    let wish = Wish { at: Some("b".into()), set: BTreeMap::new() };
    let found = fork(&run, &log, &graph, &wish, Time(9)).unwrap();
    let names = |found: &[InstancePath]| found.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(names(&found.again), ["b", "c"]);
    let kept: Vec<InstancePath> = found.events.iter().filter_map(Event::instance).collect();
    assert_eq!(names(&kept), ["a", "d"]);
    assert!(found.repeated.iter().all(|known| known.result == Outcome::Acknowledged));
    // What is set is not done, and what comes after it is.
    let wish = Wish { at: None, set: BTreeMap::from([("b".into(), json!("other"))]) };
    let found = fork(&run, &log, &graph, &wish, Time(9)).unwrap();
    assert_eq!(names(&found.again), ["c"]);
    let mut events = vec![log[0].clone()];
    events.extend(found.events);
    let mut forked = Run::fold(RunId::from("f"), Arc::clone(&graph), &events);
    assert_eq!(*forked.output_of(&"b".into()).unwrap(), json!("other"));
    assert!(matches!(&forked.next()[..], [uzel_core::run::Command::Call { instance, .. }] if instance.as_str() == "c"));
}

#[test]
fn a_fork_that_means_nothing_is_refused() {
    let graph = read(CHAIN);
    let (run, log) = played(&graph, json!([]), "");
    let refused = |wish: &Wish, new: &Arc<Graph>| fork(&run, &log, new, wish, Time(9)).unwrap_err();
    let at = |name: &str| Wish { at: Some(name.into()), set: BTreeMap::new() };
    assert_eq!(refused(&Wish::default(), &graph), Refused::Nothing);
    assert_eq!(refused(&at("x"), &graph), Refused::Unknown("x".into()));
    // Whether something was done is asked with the key of the run that did it.
    let mut doubtful = log.clone();
    doubtful.insert(1, Event::EffectIntended { effect: "a/probe-x".into(), at: Time(1) });
    let kept = fork(&run, &doubtful, &graph, &at("b"), Time(9));
    assert_eq!(kept.unwrap_err(), Refused::InDoubt("a/probe-x".into()));
    let again = fork(&run, &doubtful, &graph, &at("a"), Time(9)).unwrap();
    assert!(again.repeated_writes().any(|known| known.result == Outcome::InDoubt));
    let other = read(&CHAIN.replace("  d: { kind: probe, with: 2 }\n", "").replace(", d: \"${{ d }}\"", ""));
    assert_eq!(refused(&at("d"), &other), Refused::Gone("d".into()));
}

#[test]
fn a_timeline_shows_what_tells_something_of_a_long_list() {
    let graph = read(
        r#"
inputs: { list: [string] }
nodes:
  notes: { kind: map, for_each: "${{ input.list }}", as: text, on_item_error: skip, do: { kind: probe, with: "${{ text }}" } }
"#,
    );
    let list: Vec<&str> = (0..50).map(|n| if n == 7 { "bad" } else { "good" }).collect();
    let (run, _) = played(&graph, json!(list), "notes[49]");
    let rows = run.timeline(false);
    let shown: Vec<&str> = rows
        .iter()
        .filter_map(|row| if let Row::Node(lane) = row { Some(lane.instance.as_str()) } else { None })
        .collect();
    assert_eq!(shown, ["notes", "notes[7]", "notes[49]"]);
    let Some(Row::Folded(folded)) = rows.last() else { panic!("{rows:?}") };
    assert_eq!((folded.count, &folded.states), (48, &BTreeMap::from([("ok", 48)])));
    assert_eq!(run.timeline(true).len(), 51);
}

#[test]
fn what_another_release_means_to_a_run() {
    let old = read(CHAIN);
    let (run, log) = played(&old, json!([]), "c");
    let verdict = |new: &str| judge(&run, &log, &read(new));
    assert_eq!(verdict(CHAIN).verdict, Verdict::Continues);
    // What has settled is kept as it was.
    assert_eq!(verdict(&CHAIN.replace("with: 1", "with: 5")).verdict, Verdict::Continues);
    let more = CHAIN.replace("output:", "  e: { kind: probe, with: \"${{ c }}\" }\noutput:");
    assert_eq!(verdict(&more).verdict, Verdict::CanMigrate);
    let gone = CHAIN.replace("  b: { kind: probe, with: \"${{ a }}\" }\n", "").replace("${{ b }}", "${{ a }}");
    let judged = verdict(&gone);
    assert_eq!(judged.verdict, Verdict::StaysPinned);
    assert!(judged.reasons[0].contains("`b` is ok and is not in the new release"), "{judged:?}");
    let narrow = CHAIN.replace("list: [string]", "list: [string], more: string");
    assert!(verdict(&narrow).reasons[0].contains("`more`"), "{:?}", verdict(&narrow));
}

//! How much a run writes: in proportion to what happens in it, and each large value once.

use std::{sync::Arc, time::Duration};

use serde_json::json;
use uzel_core::store::{Status, Store};
use uzel_runtime::{
    store::{memory::Memory, sqlite::Sqlite},
    world::{RealWorld, World},
};
use uzel_testkit::{
    between::Between,
    lab::{Lab, app},
    probe::{Done, Ledger, Reply},
    sim,
};

/// Bytes that an agent appends which asks for a tool `turns` times, and resends its whole conversation each time.
fn written_by_agent(turns: usize) -> usize {
    let text = format!(
        "
version: 1
models: {{ m: {{ use: played }} }}
tools: {{ find: {{ use: played, params: {{ id: string }}, description: Finds a thing. }} }}
nodes:
  agent:
    kind: agent
    model: m
    prompt: Do it.
    tools: [find]
    limits: {{ steps: {}, tool_calls: {turns}, duration: 24h }}
output: '${{{{ agent }}}}'
",
        turns + 2
    );
    let answer = move |done: &Done| {
        let number = done.effect.strip_prefix("chat#").and_then(|number| number.parse::<usize>().ok());
        let value = match number {
            Some(number) if number <= turns => json!({
                "text": "Let me see. ".repeat(20),
                "tool_calls": [{ "id": format!("c{number}"), "name": "find", "arguments": { "id": format!("{number}") } }],
            }),
            Some(_) => json!("That is all."),
            None => json!({ "found": "a thing of some length ".repeat(20) }),
        };
        Reply::Value(value, Duration::from_millis(1))
    };
    sim::run(1, |world| async move {
        let clock = Arc::clone(&world);
        let ledger = Ledger::new(move |time| clock.sleep(time), answer);
        let store = Between::counting(Arc::new(Memory::new()));
        let lab = Lab::new(app(&text, &ledger), Arc::clone(&store) as Arc<dyn Store>, world as Arc<dyn World>);
        let head = lab.start("r1", json!({})).await.unwrap();
        assert_eq!(head.status, Status::Succeeded, "{}", head.outcome);
        assert_eq!(ledger.done().len(), 2 * turns + 1, "each turn asks the model and calls the tool");
        store.bytes()
    })
}

#[test]
fn an_agent_writes_in_proportion_to_its_turns() {
    let (some, more) = (written_by_agent(100), written_by_agent(200));
    let ratio = more as f64 / some as f64;
    assert!(ratio < 2.2, "{some} bytes for 100 turns, {more} for 200");
    assert!(ratio > 1.5, "the test counts what it means to count: {some}, {more}");
}

/// Twenty items of 100 KB go through two nodes each, which give them on as they are: on disk is each once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_map_over_large_items_keeps_each_value_once() {
    let text = "
version: 1
nodes:
  pages: { kind: probe, with: '${{ [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19] }}' }
  notes:
    kind: map
    for_each: '${{ pages }}'
    max_parallel: 4
    do:
      load: { kind: probe, with: '${{ item }}' }
      again: { kind: probe, with: '${{ load }}' }
    output: '${{ again | length }}'
output: '${{ notes.items | sum }}'
";
    let page = |number: u64| format!("{number:02} {}", "x".repeat(100_000));
    let script = move |done: &Done| match (done.node(), done.with.as_u64()) {
        (_, Some(number)) => Reply::Value(json!(page(number)), Duration::ZERO),
        _ => Reply::Value(done.with.clone(), Duration::ZERO),
    };
    let dir = tempfile::tempdir().unwrap();
    let store: Arc<dyn Store> = Arc::new(Sqlite::open(dir.path()).unwrap());
    let ledger = Ledger::new(|_| Box::pin(std::future::ready(())), script);
    let lab = Lab::new(app(text, &ledger), store, Arc::new(RealWorld::default()));
    let head = lab.start("r1", json!({})).await.unwrap();
    assert_eq!(head.outcome["output"], 20 * 100_003, "{}", head.outcome);
    let stats = uzel_runtime::store::sqlite::stats::stats(dir.path()).unwrap();
    assert_eq!(stats.blobs.count, 20, "what was given on is the same value");
    assert!(stats.blobs.bytes < 20 * 101_000 && stats.groups[0].bytes < 60_000, "{stats:?}");
}

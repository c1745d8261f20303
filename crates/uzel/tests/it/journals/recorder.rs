//! Records journals that have an app and a start but no log yet. Called by the tests of journals when they are asked to.

use std::{collections::BTreeMap, fs};

use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio::sync::mpsc;
use uzel_core::{
    check::Choices,
    duration::DurationText,
    event::{EffectName, Event, InstancePath, Resolution, Stored},
    hash,
    run::Run,
    store::{Append, Head, Status},
};
use uzel_runtime::{
    engine::{Given, Start},
    release,
    world::World as _,
};

use super::journal::{BEGIN, Journal, Stage, frames};

/// `start.json`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Script {
    input: Value,
    by: Option<String>,
    #[serde(default)]
    flags: BTreeMap<String, Value>,
    #[serde(default)]
    dry_run: bool,
    /// What happens each time the run waits.
    #[serde(default)]
    outside: Vec<Step>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Step {
    Answer {
        node: String,
        action: String,
        form: Value,
        by: String,
    },
    Pass(DurationText),
    Call {
        node: String,
        value: Value,
    },
    Cancel(String),
    /// What an engine notes by itself about who has the run in hand, and what it is pinned to.
    Note(Event),
}

pub(super) async fn record(journal: &Journal) {
    let script: Script = serde_json::from_value(journal.json("start.json")).unwrap();
    let graph = journal.graph();
    let stage = Stage::of(journal, &graph, BEGIN);
    let release = release::of_graph(&graph, "app.yaml", &Choices::default(), BEGIN);
    let start = Start {
        id: Some(stage.id.clone()),
        input: script.input,
        by: script.by,
        flags: script.flags,
        dry_run: script.dry_run,
        batch: None,
    };
    let driver = stage.engine.start(&stage.app, &release.id, start).await.unwrap();
    let (_, asks) = mpsc::channel(1);
    let mut head = driver.drive(asks).await.unwrap();
    for step in script.outside {
        assert_eq!(head.status, Status::Waiting, "{}: nothing can happen to it from outside", journal.name);
        head = happen(&stage, step).await;
    }
    assert!(head.status.is_final(), "{}: it still waits", journal.name);
    let (events, _) = stage.engine.store.load(stage.id.clone()).await.unwrap();
    let (run, ..) = stage.engine.load(&graph, &stage.id).await.unwrap();
    for hash in events.iter().filter_map(blob_of) {
        let bytes = stage.engine.store.blob(hash.clone()).await.unwrap().unwrap();
        fs::create_dir_all(journal.folder.join("blobs")).unwrap();
        fs::write(journal.folder.join(format!("blobs/{hash}.json")), bytes).unwrap();
    }
    let expected = serde_json::to_string_pretty(&expected(&run, &head, &events)).unwrap() + "\n";
    fs::write(journal.folder.join("expected.json"), expected).unwrap();
    let lines: String = events.iter().map(|event| serde_json::to_string(event).unwrap() + "\n").collect();
    // Where it happened to be recorded says nothing.
    let lines = lines.replace(stage.folder.path().to_str().unwrap(), "/app");
    fs::write(journal.folder.join("events.jsonl"), lines).unwrap();
}

async fn happen(stage: &Stage, step: Step) -> Head {
    let (run, seq, _) = stage.engine.load(&stage.app.graph, &stage.id).await.unwrap();
    match step {
        Step::Pass(duration) => stage.world.turn_to(stage.world.now().plus(duration.0)),
        Step::Note(event) => call_back(stage, &run, seq, event).await,
        Step::Cancel(why) => return stage.engine.cancel(&stage.app.graph, &stage.id, &why).await.unwrap(),
        Step::Answer { node, action, form, by } => {
            let task = run.task(&InstancePath::from(node)).unwrap();
            let given = Given { action, form, by, digest: Some(task.digest.clone()) };
            stage.engine.answer(&stage.app.graph, &task, given).await.unwrap();
        }
        Step::Call { node, value } => {
            let resolution = Resolution::Called { value, at: stage.world.now() };
            call_back(stage, &run, seq, Event::Resolved { instance: InstancePath::from(node), resolution }).await;
        }
    }
    stage.resume().await
}

/// What an endpoint for calls from outside will do.
pub(super) async fn call_back(stage: &Stage, run: &Run, seq: u64, event: Event) {
    let head = run.head(Status::Running, stage.world.now(), None);
    let append = Append { frames: frames(vec![event]), head: Some(head), ..Append::default() };
    stage.engine.store.append(stage.id.clone(), seq, append).await.unwrap();
}

/// The large value that an event refers to.
fn blob_of(event: &Event) -> Option<String> {
    match event {
        Event::EffectReturned { result: Ok(Stored::Blob(hash)), .. }
        | Event::Returned { value: Stored::Blob(hash), .. }
        | Event::Blocked { value: Stored::Blob(hash), .. } => Some(hash.clone()),
        _ => None,
    }
}

/// What must come out of the log for ever. Large values are left to the blobs.
pub(super) fn expected(run: &Run, head: &Head, events: &[Event]) -> Value {
    let effects = events.iter().filter_map(|event| match event {
        Event::EffectReturned { effect, .. } | Event::EffectIntended { effect, .. } => Some(effect),
        _ => None,
    });
    let key = |name: &EffectName| (name.to_string(), json!(hash::effect_key(run.id().as_str(), name.as_str())));
    let keys: Map<String, Value> = effects.map(key).collect();
    let large = |value: &Value| value.to_string().len() > 1_000;
    let nodes: Map<String, Value> = run
        .view()
        .into_iter()
        .map(|node| {
            let output =
                node.output.map(|value| if large(&value) { json!(hash::of_json(&value)) } else { (*value).clone() });
            let text = node.instance.to_string();
            (text, json!({ "state": node.state, "port": node.port, "output": output, "failure": node.failure }))
        })
        .collect();
    json!({
        "status": head.status,
        "created": head.created,
        "outcome": head.outcome,
        "cost_usd": head.cost_usd,
        "input_tokens": head.input_tokens,
        "output_tokens": head.output_tokens,
        "keys": keys,
        "nodes": nodes,
    })
}

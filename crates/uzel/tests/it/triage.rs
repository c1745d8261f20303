//! Runs the support-triage example over all its tickets with the offline model and compares with the hand labels.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use serde_json::{Map, Value};
use uzel_core::{
    build::{App, Surroundings, build},
    check::{Choices, Files, read},
    event::ReleaseId,
};
use uzel_runtime::{
    driver::Nobody,
    engine::{Engine, Start},
    layers::Shared,
    store::memory::Memory,
    world::RealWorld,
};

struct Disk(PathBuf);

impl Files for Disk {
    fn read(&self, path: &str) -> Result<Vec<u8>, String> {
        std::fs::read(self.0.join(path)).map_err(|e| e.to_string())
    }
}

/// A fresh copy, without the database and cache of earlier runs.
pub(crate) fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name();
        let text = name.to_string_lossy();
        if text.starts_with('.') || text.contains(".db") {
            continue;
        }
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to.join(&name));
        } else {
            std::fs::copy(entry.path(), to.join(&name)).unwrap();
        }
    }
}

fn app(folder: &Path) -> Arc<App> {
    let reading = read("app.yaml", &Disk(folder.into()), &uzel_std::catalog(), &Choices::default());
    let graph = reading.graph.unwrap_or_else(|| panic!("{:?}", reading.diagnostics));
    let (secret, functions, cache) = (|_: &str| None, BTreeMap::new(), folder.join(".uzel/cache"));
    Arc::new(build(&graph, &Surroundings { folder, cache: &cache, secret: &secret, functions: &functions }).unwrap())
}

fn lines(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The outputs of all tickets by id, one after the other: refunds depend on those before them.
async fn outputs(folder: &Path) -> Map<String, Value> {
    let app = app(folder);
    let engine = Engine {
        store: Arc::new(Memory::new()),
        shared: Arc::new(Shared::new(Arc::new(RealWorld::default()))),
        watcher: Arc::new(Nobody),
    };
    let mut out = Map::new();
    for ticket in lines(&folder.join("tickets.jsonl")) {
        let start = Start { input: ticket.clone(), ..Start::default() };
        let driver = engine.start(&app, &ReleaseId::from("test"), start).await.unwrap();
        let (_asks, none) = tokio::sync::mpsc::channel(1);
        let head = driver.drive(none).await.unwrap();
        assert_ne!(head.status.as_str(), "failed", "{ticket}: {}", head.outcome);
        out.insert(ticket["id"].as_str().unwrap().to_owned(), head.outcome["output"].clone());
    }
    out
}

/// `NUMBER of 109 QUALITY` in the README.
fn promised(readme: &str, quality: &str) -> usize {
    let at =
        readme.find(&format!(" of 109 {quality}")).unwrap_or_else(|| panic!("the README has no number of {quality}"));
    readme[..at].rsplit(|c: char| !c.is_ascii_digit()).next().unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn agrees_with_the_hand_labels_as_often_as_the_readme_says() {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/support-triage");
    let scratch = tempfile::tempdir().unwrap();
    copy(&example, scratch.path());
    let got = outputs(scratch.path()).await;
    let expected = lines(&example.join("expected.jsonl"));
    assert_eq!((got.len(), expected.len()), (109, 109));

    let (mut outcomes, mut amounts, mut table) = (0, 0, String::new());
    for label in &expected {
        let output = &got[label["id"].as_str().unwrap()];
        outcomes += usize::from(output["outcome"] == label["outcome"]);
        amounts += usize::from(output["refunded_cents"] == label["refunded_cents"]);
        if output["outcome"] != label["outcome"] || output["refunded_cents"] != label["refunded_cents"] {
            table += &format!(
                "{} {} -> {} {}\n",
                label["id"], label["outcome"], output["outcome"], output["refunded_cents"]
            );
        }
        if label["outcome"] == "blocked" || label["outcome"] == "escalated" {
            assert_eq!(output["refunded_cents"], 0, "{label}: nobody may be paid here");
        }
    }
    let readme = std::fs::read_to_string(example.join("README.md")).unwrap();
    assert!(outcomes >= promised(&readme, "outcomes"), "only {outcomes} outcomes agree:\n{table}");
    assert!(amounts >= promised(&readme, "amounts"), "only {amounts} amounts agree:\n{table}");
}

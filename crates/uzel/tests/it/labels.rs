//! `labels`: they are carried to where nodes are looked at, and change nothing.

use serde_json::{Value, json};

use crate::scratch::{DESK, Scratch};

#[test]
fn labels_are_shown_and_change_nothing() {
    let labelled = DESK.replace("    kind: llm\n", "    kind: llm\n    labels: { team: billing, tier: \"1\" }\n");
    assert_ne!(labelled, DESK);
    let scratch = Scratch::new(&[("app.yaml", &labelled), ("plain.yaml", DESK)]);
    let explained = scratch.fine(&["graph", "--explain", "sort"]);
    assert!(explained.contains("  labels { team: billing, tier: 1 }\n"), "{explained}");
    assert_eq!(scratch.output(&["diff", "plain.yaml", "app.yaml"]).status.code(), Some(0));

    let ran = scratch.output(&["run", "--input", "message=I want my money back"]);
    let said = String::from_utf8_lossy(&ran.stderr).into_owned();
    let run = said.lines().find_map(|line| line.strip_prefix("run: ")).unwrap_or_else(|| panic!("{said}"));
    let shown = scratch.fine(&["show", run]);
    assert!(shown.contains("labels  { team: billing, tier: 1 }\n"), "{shown}");
    let shown: Value = serde_json::from_str(&scratch.fine(&["show", run, "--json"])).unwrap();
    let labels = |id: &str| {
        let nodes = shown["nodes"].as_array().unwrap();
        nodes.iter().find(|node| node["instance"] == id).unwrap_or_else(|| panic!("{shown}")).get("labels").cloned()
    };
    assert_eq!(labels("sort"), Some(json!({ "team": "billing", "tier": "1" })));
    assert_eq!(labels("screen"), None);
}

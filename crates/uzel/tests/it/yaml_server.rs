//! The JSON Schema in the server that most editors have for YAML: what it says about the examples, and what it offers.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

use serde_json::{Value, json};

use crate::{
    lsp::{Editor, labels, short},
    schema,
    scratch::{DESK, Scratch},
};

/// Where an app says which schema it has, and the schema.
const LINE: &str = "# yaml-language-server: $schema=./.uzel/schema.json\n";

/// One test installs, the others wait.
static INSTALLED: OnceLock<()> = OnceLock::new();

/// The server, installed if it is not there yet, with a folder that holds the schema where apps look for it.
fn server() -> Editor {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    INSTALLED.get_or_init(|| {
        let installed = Command::new(root.join("scripts/npm-tools")).output().unwrap();
        let said = String::from_utf8_lossy(&installed.stderr);
        assert!(installed.status.success(), "the server for YAML cannot be installed (scripts/npm-tools): {said}");
    });
    let program = root.join("target/tools/npm/node_modules/yaml-language-server/bin/yaml-language-server");
    let mut command = Command::new("node");
    command.arg(program).arg("--stdio");
    let mut editor = Editor::with(Scratch::new(&[(".uzel/schema.json", &schema::printed())]), command);
    editor.introduce(&json!({ "textDocument": {
        "completion": { "completionItem": { "documentationFormat": ["markdown"] } },
        "hover": { "contentFormat": ["markdown"] },
    } }));
    // Without this it looks for schemas on the network.
    let settings =
        json!({ "validate": true, "hover": true, "completion": true, "schemaStore": { "enable": false, "url": "" } });
    editor.tell("workspace/didChangeConfiguration", &json!({ "settings": { "yaml": settings } }));
    editor
}

fn examples() -> Vec<(String, String)> {
    let mut apps: Vec<(String, String)> = vec![];
    for folder in fs::read_dir(Scratch::example("")).unwrap() {
        let path: PathBuf = folder.unwrap().path().join("app.yaml");
        if let Ok(text) = fs::read_to_string(&path) {
            let name = path.parent().unwrap().file_name().unwrap().to_string_lossy().into_owned();
            apps.push((name, text));
        }
    }
    for kind in uzel_std::catalog().kinds {
        apps.extend(kind.examples.iter().map(|example| (format!("kind_{}", kind.name), example.app.to_owned())));
    }
    apps
}

/// The app with the line that names its schema, which some have already.
fn with_line(text: &str) -> String {
    if text.starts_with(LINE) { text.to_owned() } else { format!("{LINE}{}", text.trim_start()) }
}

fn hover(editor: &mut Editor, text: &str, place: &str) -> String {
    let said = editor.at("textDocument/hover", "app.yaml", text, place, json!({}));
    said["result"]["contents"]["value"].as_str().unwrap_or_default().to_owned()
}

fn offered(editor: &mut Editor, text: &str, place: &str) -> Vec<String> {
    let said = editor.at("textDocument/completion", "app.yaml", text, place, json!({}));
    labels(&said).into_iter().map(str::to_owned).collect()
}

#[test]
fn the_examples_are_right_and_a_mistake_is_seen() {
    let mut editor = server();
    let apps = examples();
    assert!(apps.len() > 10, "examples are missing");
    for (name, text) in apps {
        let file = format!("{name}.yaml");
        editor.show(&file, &with_line(&text));
        assert_eq!(short(&editor.problems(&file)), Vec::<String>::new(), "{name}");
    }
    editor.show("app.yaml", &with_line(&DESK.replace("kind: guard", "kind: gard")));
    let problems = editor.problems("app.yaml");
    assert!(problems.len() == 1 && problems[0]["message"].as_str().unwrap().contains("guard"), "{problems:?}");
    assert_eq!(editor.leave(), 0);
}

#[test]
fn keys_and_words_are_explained() {
    let mut editor = server();
    let text = with_line(&fs::read_to_string(Scratch::example("support-triage/app.yaml")).unwrap());
    editor.show("app.yaml", &text);
    editor.problems("app.yaml");
    for (place, words) in [
        ("\nknow$0ledge:", "Knowledge bases by name"),
        ("  policy:\n    ki$0nd: retrieve", "finds documents of a knowledge base"),
        ("    top$0_k: 6", "documents"),
        ("    on_bl$0ock: { stop:", "What a guard's block does"),
        ("  retry: { max: 3, back$0off: exponential", "wait"),
    ] {
        let said = hover(&mut editor, &text, place);
        assert!(said.to_lowercase().contains(&words.to_lowercase()), "{place}: {said:?}");
    }
    assert_eq!(editor.leave(), 0);
}

#[test]
fn keys_kinds_and_words_are_offered() {
    let mut editor = server();
    let text = DESK.replace("  look:\n", "  new:\n    kind: \n  ask:\n    kind: llm\n    \n  look:\n").replace(
        "[{ length: { min: 1, max: 200 }, on_failure: closed }]",
        "\n      - length: { max: 200 }\n        on_failure: ",
    );
    let text = with_line(&text);
    editor.show("app.yaml", &text);
    editor.problems("app.yaml");
    let kinds: Vec<&str> = uzel_std::catalog().kinds.iter().map(|kind| kind.name).collect();
    let found = offered(&mut editor, &text, "  new:\n    kind: $0\n");
    assert!(kinds.iter().all(|kind| found.iter().any(|label| label == kind)), "{found:?}");
    let found = offered(&mut editor, &text, "  ask:\n    kind: llm\n    $0\n");
    for key in ["model", "prompt", "output", "timeout", "needs"] {
        assert!(found.iter().any(|label| label == key), "{key} of {found:?}");
    }
    assert!(!found.iter().any(|label| label == "cases"), "{found:?}");
    let found = offered(&mut editor, &text, "on_failure: $0");
    assert_eq!(found, ["open", "closed"]);
    // Every offer says what it is for.
    let said = editor.at("textDocument/completion", "app.yaml", &text, "  ask:\n    kind: llm\n    $0\n", json!({}));
    let mute: Vec<&Value> = said["result"]["items"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|item| item.get("documentation").is_none())
        .map(|item| &item["label"])
        .collect();
    assert_eq!(mute, Vec::<&Value>::new());
    assert_eq!(editor.leave(), 0);
}

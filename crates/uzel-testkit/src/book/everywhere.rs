//! A case inside of everything else: what nodes do does not depend on where they stand, so a case is run again as the body
//! of a map, a reduce, a loop and a graph, and of those in one another.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{
    lines::{Expect, Step},
    page::Case,
};

/// What a case is put into.
const SHAPES: [&str; 4] = ["map", "reduce", "loop", "graph"];

/// The case itself, in everything, and in everything in everything.
pub(super) fn everywhere(case: &Case) -> Vec<Case> {
    let mut all = vec![case.clone()];
    let once: Vec<Case> = SHAPES.iter().map(|shape| inside(case, shape, "w")).collect();
    let twice = once.iter().flat_map(|case| SHAPES.iter().map(|shape| inside(case, shape, "v")));
    all.extend(twice);
    all.extend(once);
    all
}

/// The case as the body of a node `name`.
fn inside(case: &Case, shape: &str, name: &str) -> Case {
    let app = case.files.get("app.yaml").map_or("", String::as_str);
    let (nodes, output) = (section(app, "nodes"), section(app, "output"));
    // What nodes use is declared by the app that they stand in.
    let uses = section(app, "models") + &section(app, "tools");
    let mut files: BTreeMap<String, String> = case.files.clone();
    let (keys, prefix) = match shape {
        "map" => (format!("for_each: '[1]'\n    as: item_{name}"), format!("{name}[0].")),
        // A list of anything, so that its items may be what the body gives.
        "reduce" => (format!("over: \"'[1]' | from_json\"\n    as: batch_{name}"), format!("{name}[0:0].")),
        "loop" => ("until: 'true'\n    max_rounds: 2".to_owned(), format!("{name}[0].")),
        _ => (String::new(), format!("{name}.")),
    };
    let text = if shape == "graph" {
        files.insert(format!("{name}.yaml"), app.to_owned());
        format!("nodes:\n  {name}:\n    kind: graph\n    use: {name}.yaml\n")
    } else {
        let (nodes, output) = (indent(&nodes), indent(&output));
        format!("{uses}nodes:\n  {name}:\n    kind: {shape}\n    {keys}\n{nodes}{output}")
            .replace("\n    nodes:\n", "\n    do:\n")
    };
    files.insert("app.yaml".to_owned(), text);
    let to = |path: String| format!("{prefix}{path}");
    let step = |(at, step): &(usize, Step)| (*at, step.clone().map(&to));
    Case {
        title: format!("{}, in a {shape} `{name}`", case.title),
        files,
        script: case.script.iter().map(step).collect(),
        expect: expectations(case, shape, name, &to),
        ..case.clone()
    }
}

/// What is expected inside, and of the node around it.
fn expectations(case: &Case, shape: &str, name: &str, to: &dyn Fn(String) -> String) -> Vec<(usize, Expect)> {
    let says = |is: fn(&Expect) -> bool| case.expect.iter().any(|(_, one)| is(one));
    let fails = says(|one| matches!(one, Expect::Fails(..)));
    let open = says(|one| matches!(one, Expect::GoesOn | Expect::Waits | Expect::Stops(..) | Expect::Cancelled));
    let mut found: Vec<(usize, Expect)> = vec![];
    for (at, one) in &case.expect {
        let one = match one.clone().map(to) {
            // Where it failed inside is said in the failure's causes.
            Expect::Fails(_, text) => Expect::Fails(Some(name.to_owned()), text),
            Expect::Gives(value) => Expect::Gives(json!({ name: around(shape, value) })),
            // The rest of a body that failed is cancelled; what is left of a run that ended stays as it is.
            Expect::State(path, state, value)
                if fails && ["pending", "running", "waiting"].contains(&state.as_str()) =>
            {
                Expect::State(path, "cancelled".to_owned(), value)
            }
            other => other,
        };
        found.push((*at, one));
    }
    let state = if fails {
        "failed"
    } else if open {
        "running"
    } else {
        "ok"
    };
    let at = case.expect.first().map_or(0, |(at, _)| *at);
    found.push((at, Expect::State(name.to_owned(), state.to_owned(), None)));
    found
}

/// The value of the node around a body with this value.
fn around(shape: &str, value: Value) -> Value {
    if shape == "map" { json!({ "items": [value] }) } else { value }
}

/// The lines of a top-level key.
fn section(app: &str, key: &str) -> String {
    let (mut found, mut inside) = (String::new(), false);
    for line in app.lines() {
        if !line.starts_with(' ') {
            inside = line.starts_with(&format!("{key}:"));
        }
        if inside {
            found.push_str(line);
            found.push('\n');
        }
    }
    found
}

fn indent(text: &str) -> String {
    let lines: Vec<String> = text.lines().map(|line| format!("    {line}")).collect();
    if lines.is_empty() { String::new() } else { lines.join("\n") + "\n" }
}

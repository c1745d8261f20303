//! A random app as the files that a user would write.

use std::{collections::BTreeMap, fmt::Write as _};

use super::{App, Body, Join, List, Node, Reaction, Test, What};

/// The files of an app: `app.yaml`, and the apps that it runs.
pub(super) fn files(app: &App) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    add("app.yaml", app, &mut files);
    files
}

fn add(name: &str, app: &App, files: &mut BTreeMap<String, Vec<u8>>) {
    let inputs = if name == "app.yaml" { "" } else { "inputs: { given: any }\n" };
    let mut text = format!("version: 1\n{inputs}nodes:\n");
    nodes(&app.nodes, 1, &mut text, files);
    output(app.output.as_ref(), 0, &mut text);
    files.insert(name.to_owned(), text.into_bytes());
}

fn nodes(all: &[Node], depth: usize, out: &mut String, files: &mut BTreeMap<String, Vec<u8>>) {
    for node in all {
        let _ = writeln!(out, "{}{}:", "  ".repeat(depth), node.id);
        keys(node, depth + 1, out, files);
    }
}

fn keys(node: &Node, depth: usize, out: &mut String, files: &mut BTreeMap<String, Vec<u8>>) {
    let pad = "  ".repeat(depth);
    let mut line = |text: String| {
        let _ = writeln!(out, "{pad}{text}");
    };
    match &node.what {
        What::Probe => line(format!("kind: probe\n{pad}with: {}", with(node))),
        What::Route(by, cases) => {
            let cases: Vec<String> = cases.iter().map(|(case, to)| format!("{case}: [{}]", to.join(", "))).collect();
            line(format!(
                "kind: route\n{pad}by: \"{by}.way if {by} else 'none'\"\n{pad}cases: {{ {} }}",
                cases.join(", ")
            ));
        }
        What::Map { list, item, parallel, skip_percent, .. } => {
            line(format!(
                "kind: map\n{pad}for_each: \"{}\"\n{pad}as: {item}\n{pad}max_parallel: {parallel}",
                print(list)
            ));
            match skip_percent {
                None => {}
                Some(100) => line("on_item_error: skip".to_owned()),
                Some(percent) => line(format!("on_item_error: {{ skip_up_to: {percent}% }}")),
            }
        }
        What::Reduce { list, item, batch, parallel, .. } => line(format!(
            "kind: reduce\n{pad}over: \"{}\"\n{pad}as: {item}\n{pad}batch: {batch}\n{pad}max_parallel: {parallel}",
            print(list)
        )),
        What::Loop { until, rounds, strict, .. } => {
            line(format!("kind: loop\n{pad}until: \"{}\"\n{pad}max_rounds: {rounds}", test(until)));
            if *strict {
                line("on_max_rounds: fail".to_owned());
            }
        }
        What::Graph(file, app) => {
            add(file, app, files);
            line(format!("kind: graph\n{pad}use: {file}\n{pad}with: {{ given: {} }}", with(node)));
        }
    }
    if !node.needs.is_empty() {
        line(format!("needs: [{}]", node.needs.join(", ")));
    }
    if let Some(when) = &node.when {
        line(format!("when: \"{}\"", test(when)));
    }
    match node.join {
        Join::All => {}
        Join::Any => line("join: any".to_owned()),
        Join::Settle => line("join: settle".to_owned()),
        Join::Quorum(n) => line(format!("join: {{ quorum: {n} }}")),
        Join::Deadline(ms) => line(format!("join: {{ deadline: {ms}ms }}")),
    }
    for (name, reaction) in [("on_error", &node.on_error), ("on_block", &node.on_block)] {
        match reaction {
            None => {}
            Some(Reaction::Fail) => line(format!("{name}: fail")),
            Some(Reaction::Skip) => line(format!("{name}: skip")),
            Some(Reaction::Use(value)) => line(format!("{name}: {{ use: {value} }}")),
            Some(Reaction::Run(other)) => line(format!("{name}: {{ run: {other} }}")),
            Some(Reaction::Stop(text)) => line(format!("{name}: {{ stop: {text} }}")),
        }
    }
    if let Some(body) = node.what.body() {
        within(body, depth, out, files);
    }
}

/// What a node is given.
fn with(node: &Node) -> String {
    let read = |name: &String| format!("{}: \"${{{{ {name} }}}}\"", key(name));
    let ask = |name: &String| format!("{name}_is: \"${{{{ nodes.{name}.status }}}}\"");
    let all: Vec<String> = node.reads.iter().map(read).chain(node.asks.iter().map(ask)).collect();
    format!("{{ {} }}", all.join(", "))
}

fn within(body: &Body, depth: usize, out: &mut String, files: &mut BTreeMap<String, Vec<u8>>) {
    let _ = writeln!(out, "{}do:", "  ".repeat(depth));
    match body.nodes.first() {
        Some(only) if body.single => keys(only, depth + 1, out, files),
        _ => nodes(&body.nodes, depth + 1, out, files),
    }
    output(body.output.as_ref(), depth, out);
}

fn output(names: Option<&Vec<String>>, depth: usize, out: &mut String) {
    if let Some(names) = names {
        let pairs: Vec<String> = names.iter().map(|name| format!("{}: \"${{{{ {name} }}}}\"", key(name))).collect();
        let _ = writeln!(out, "{}output: {{ {} }}", "  ".repeat(depth), pairs.join(", "));
    }
}

fn print(list: &List) -> String {
    match list {
        // Of unknown type, so that what a body gives may be an item too.
        List::Count(count) => format!("'{:?}' | from_json", (0..*count).collect::<Vec<_>>()),
        List::Of(name) => format!("{name}.list if {name} else []"),
        List::Bad(name) => name.clone(),
    }
}

fn test(test: &Test) -> String {
    format!("({0}.k if {0} else 0) >= {1}", test.name, test.least)
}

/// A name or a path of fields as a key.
pub(super) fn key(name: &str) -> String {
    name.replace('.', "_")
}

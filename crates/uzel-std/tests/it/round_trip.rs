//! Apps written as YAML and read again: the same program, and the same words about it. Examples, mistakes, and random
//! apps that the builder makes.

use std::{cell::Cell, collections::BTreeMap, fs, path::Path, time::Duration};

use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};
use serde_json::{Value, json};
use uzel_core::{
    builder::{
        Builder, Node, On, code, code_fn_as, connection, defaults, files, guard, guard_value, http, human, limits, llm,
        model, node, retrieve, retry, route, tool, uses,
    },
    check::{Choices, Reading, read},
    diagnostic::Diagnostics,
    failure::Failure,
    graph::{ItemError, Join},
    kind::Catalog,
    source::{SourceId, Sources},
    yaml,
};

use crate::broken;

type Files = BTreeMap<String, Vec<u8>>;

/// What is said about an app, without places.
fn words(reading: &Reading) -> Vec<String> {
    let mut words: Vec<String> = reading.diagnostics.iter().map(|d| format!("{} {}", d.code, d.message)).collect();
    words.sort();
    words
}

/// Reads an app file, writes it, reads that: both must be the same. False if its YAML cannot be read.
fn comes_back(name: &str, main: &str, files: &Files) -> bool {
    let catalog = uzel_std::catalog();
    let text = String::from_utf8(files[main].clone()).unwrap_or_default();
    let mut out = Diagnostics::default();
    let Some(tree) = yaml::parse(SourceId(0), &text, &mut out) else { return false };
    if !out.is_empty() {
        return false;
    }
    let written = yaml::emit(&tree);
    let again = yaml::parse(SourceId(0), &written, &mut out).unwrap_or_else(|| panic!("{name}: {out:?}\n{written}"));
    assert!(out.is_empty(), "{name}: {out:?}\n{written}");
    assert_eq!(tree.to_json(), again.to_json(), "{name}\n{written}");
    assert_eq!(yaml::emit(&again), written, "{name}: writing is done once");
    let first = read(main, files, &catalog, &Choices::default());
    let mut rewritten = files.clone();
    rewritten.insert(main.to_owned(), written.clone().into_bytes());
    let second = read(main, &rewritten, &catalog, &Choices::default());
    assert_eq!(words(&first), words(&second), "{name}\n{written}");
    assert_eq!(first.graph.is_some(), second.graph.is_some(), "{name}");
    if let (Some(first), Some(second)) = (first.graph, second.graph) {
        assert_eq!(first.shape(), second.shape(), "{name}\n{written}");
        assert_eq!(first.to_yaml(), written, "{name}");
        assert_eq!(second.to_yaml(), written, "{name}");
    }
    true
}

#[test]
fn examples_of_kinds_come_back() {
    for kind in uzel_std::catalog().kinds {
        for example in kind.examples {
            let mut files = Files::from([("app.yaml".to_owned(), example.app.as_bytes().to_vec())]);
            files.extend(kind.files.iter().map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec())));
            assert!(comes_back(kind.name, "app.yaml", &files), "{}: {}", kind.name, example.title);
        }
    }
}

#[test]
fn example_apps_come_back() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    let mut found = 0;
    for folder in fs::read_dir(examples).unwrap() {
        let folder = folder.unwrap().path();
        let files = broken::files(&folder);
        for main in files.keys().filter(|path| path.ends_with("app.yaml")) {
            assert!(comes_back(&folder.join(main).display().to_string(), main, &files), "{main}");
            found += 1;
        }
    }
    assert!(found >= 2, "examples are missing");
}

/// What is wrong with an app is wrong with it in every form.
#[test]
fn mistakes_come_back() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/broken");
    let beside = broken::files(&folder.join("files"));
    let mut found = 0;
    for (name, bytes) in
        broken::files(&folder).into_iter().filter(|(name, _)| name.starts_with(|c: char| c.is_ascii_digit()))
    {
        let mut files = beside.clone();
        files.insert(name.clone(), bytes);
        found += usize::from(comes_back(&name, &name, &files));
    }
    assert!(found > 50, "{found}");
}

/// A node of a random app.
#[derive(Clone, Debug)]
struct Step {
    kind: u8,
    /// Which of the common keys it has.
    keys: u16,
    /// Which node before it refers to.
    to: prop::sample::Index,
    text: String,
    number: i64,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let text = prop_oneof![
        "[a-zA-Z0-9 :#\\-?,\\[\\]&*!|>'\"%@`\n\t\\\\.~<=]{0,16}",
        "(\n| ){0,2}[a-z]{1,4}: -(\n| |#|\t|x){0,8}",
        any::<String>().prop_filter("braces mean something", |text| !text.contains(['{', '}'])),
    ];
    let step = (any::<u8>(), any::<u16>(), any::<prop::sample::Index>(), text, any::<i64>())
        .prop_map(|(kind, keys, to, text, number)| Step { kind, keys, to, text, number });
    prop::collection::vec(step, 1..10)
}

/// A node of a kind, and an expression for a text that it gives. `from` is such an expression.
fn one(id: &str, step: &Step, from: &str) -> (Node, String) {
    let Step { text, number, .. } = step;
    let value = format!("{text}${{{{ {from} }}}}{text}");
    let template = format!("{text}{{{{ {from} }}}}\n{text}");
    let whole = format!("${{{{ {from} }}}}");
    match step.kind % 9 {
        0 => (llm("fast").prompt(&template).system(text).temperature(0.5).max_tokens(9), format!("{id}.text")),
        1 => {
            let asked = llm("local").message("system", text).message("user", &template).input(&value);
            let topics = json!({ "enum": { "a": text, "b c": "other" } });
            (asked.output_type("topic", topics).output_type("reply", "string"), format!("{id}.reply"))
        }
        2 => {
            let days =
                code("builtin:date_diff").with("from", "2026-01-01").with("to", "2026-02-01").with("unit", "days");
            (days, format!("{id} | string"))
        }
        3 => {
            let screened = guard(&whole)
                .check("pii", json!({ "redact": ["card"] }))
                .check_open("forbidden", json!({ "words": ["x", text] }));
            (screened.on_block(On::stop(text.as_str())), format!("{id}.text"))
        }
        4 => {
            let asked = human(&value).show("text", whole).show("note", text.as_str()).actions(["yes", "no"]);
            let asked = asked.form_type("n", json!({ "type": "integer", "default": number }));
            (asked.assign(json!({ "group": text })), format!("{id}.action"))
        }
        5 => (retrieve("policies", &value).top_k(3).min_score(0.25), format!("{id}.text")),
        6 => (tool("find").with("word", value), from.to_owned()),
        7 => {
            let echo = |given: Value| async move { Ok::<_, Failure>(given.to_string()) };
            (code_fn_as(&format!("echo_{id}"), echo).with("given", value).with("n", *number), id.to_owned())
        }
        _ => (guard_value(json!({ "a": whole, "b": [text] })).check("length", json!({ "max": 99 })), from.to_owned()),
    }
}

/// The keys that all nodes have, as the step says.
fn common(mut node: Node, step: &Step, before: &[(String, String)]) -> Node {
    let has = |key: u16| step.keys & (1 << key) != 0;
    if has(0) {
        node = node.description(&step.text);
    }
    if has(1) && has(2) {
        node = node.when("input.message != 'x'");
    }
    if has(3) {
        node = node.needs(before.iter().map(|(id, _)| id.as_str()).take(2));
    }
    if has(4) && has(5) {
        node = node.retry(2);
    } else if has(4) {
        node = node.retry(retry(3).backoff("fixed").base(Duration::from_millis(10)).errors(["timeout"]));
    }
    // A person's time-out is another matter.
    if has(6) && step.kind % 9 != 4 {
        node = node.timeout(Duration::from_millis(u64::from(step.keys) + 1));
    }
    match step.keys >> 14 {
        0 => node,
        1 => node.on_error(On::Skip),
        2 => node.on_error(On::use_value(json!({ "text": step.text }))),
        _ => node.on_error("fail"),
    }
}

fn app(steps: &[Step]) -> Builder {
    let mut app = Builder::new("random")
        .description(steps[0].text.as_str())
        .input_type("message", "string")
        .input_type("mode", json!({ "enum": ["new", "old"] }))
        .secret("KEY")
        .model("fast", model("offline"))
        .model(
            "local",
            model("openai-compatible/x")
                .base_url("http://127.0.0.1:1/v1")
                .api_key("${{ secrets.KEY }}")
                .fallback(["fast"]),
        )
        .connection("shop", connection("sqlite").path("shop.db"))
        .knowledge("policies", files(["docs/*.md", "faq/*.txt"]).language("other"))
        .tool(
            "find",
            uses("sqlite.query").connection("shop").sql("SELECT :word").param("word", "string").effect("read"),
        )
        .tool(
            "send",
            http("POST https://example.com/x").header("x-note", "a: b").param("n", "integer | null").effect("keyed"),
        )
        .flag("strict", "boolean", true)
        .limits(limits().cost_usd(0.25).tokens(1_000).duration(Duration::from_hours(1)));
    if steps[0].keys & 1 == 0 {
        app = app.defaults(defaults().retry(2).timeout(Duration::from_secs(9)));
    }
    let mut before: Vec<(String, String)> = vec![];
    for (i, step) in steps.iter().enumerate() {
        let from = if before.is_empty() { "input.message".to_owned() } else { step.to.get(&before).clone().1 };
        let id = format!("n{i}");
        let (node, expression) = one(&id, step, &from);
        app = app.node(&id, common(node, step, &before));
        before.push((id, expression));
    }
    let last = before[before.len() - 1].clone();
    app.node("way", route("input.mode").case("new", ["left"]).default(["right"]))
        .node("left", human("Left?").timeout(Duration::from_mins(1)).on_timeout("submit"))
        .node("right", node("human").set("title", steps[0].text.as_str()))
        .output("last", format!("${{{{ {} }}}}", last.1))
        .output("left", json!({ "way": "${{ left.action or 'none' }}", "text": steps[0].text }))
}

/// Reads what a builder makes, and what it writes.
fn both(app: &Builder) -> (Reading, Reading, String) {
    let catalog = uzel_std::catalog();
    let yaml = app.to_yaml();
    let built = app.clone().read(&Files::new(), &catalog, &Choices::default());
    let functions = built.functions.into_iter().map(|(name, function)| (name, function.def)).collect();
    let files = Files::from([("app.yaml".to_owned(), yaml.clone().into_bytes())]);
    let again = read("app.yaml", &files, &Catalog { functions, ..catalog }, &Choices::default());
    (built.reading, again, yaml)
}

#[test]
fn random_apps_of_the_builder_come_back() {
    let good = Cell::new(0);
    let runner = &mut TestRunner::new(Config::with_cases(80));
    let result = runner.run(&steps(), |steps| {
        let app = app(&steps);
        let (built, again, yaml) = both(&app);
        prop_assert_eq!(words(&built), words(&again), "{}", yaml);
        prop_assert_eq!(built.graph.is_some(), again.graph.is_some());
        if let (Some(built), Some(again)) = (built.graph, again.graph) {
            good.set(good.get() + 1);
            prop_assert_eq!(built.shape(), again.shape(), "{}", yaml);
            prop_assert_eq!(&again.to_yaml(), &yaml);
        }
        let tree = app.tree(&mut Sources::default(), &mut Diagnostics::default());
        let read = yaml::parse(SourceId(0), &yaml, &mut Diagnostics::default()).map(|tree| tree.to_json());
        prop_assert_eq!(Some(tree.to_json()), read, "{}", yaml);
        Ok(())
    });
    result.unwrap();
    assert!(good.get() > 40, "most apps have mistakes: only {} had none", good.get());
}

#[test]
fn nodes_inside_nodes_come_back() {
    let text = |given: Value| async move { Ok::<_, Failure>(given.to_string()) };
    let inner = |id: &str| code_fn_as(&format!("text_{id}"), text).with("given", "${{ part }}");
    let app = Builder::new("nested")
        .input_type("parts", "[string]")
        .node(
            "notes",
            uzel_core::builder::map_over("input.parts")
                .as_("part")
                .max_parallel(2)
                .on_item_error(ItemError::SkipUpTo(0.07))
                .body(|body| {
                    let body = (0..3).fold(body, |body, i| body.node(&format!("step_{i}"), inner(&i.to_string())));
                    let again = uzel_core::builder::loop_until("loop.index == 2").max_rounds(3).do_(inner("last"));
                    body.node("again", again).output("text", "${{ step_2 }}")
                }),
        )
        .node(
            "all",
            uzel_core::builder::reduce("notes.items").batch(4).empty("nothing").join(Join::Quorum(1)).do_(inner("all")),
        )
        .node("other", uzel_core::builder::graph("other.yaml").with("message", "${{ all }}").join(Join::Any))
        .node(
            "agent",
            uzel_core::builder::agent("fast").prompt("x").tools(["find"]).limits(limits().steps(3).tool_calls(5)),
        )
        .output_value("${{ other }}");
    let expected = json!({
        "version": 1, "name": "nested", "inputs": { "parts": "[string]" },
        "nodes": {
            "notes": {
                "kind": "map", "for_each": "input.parts", "as": "part", "max_parallel": 2, "on_item_error": { "skip_up_to": "7%" },
                "do": {
                    "step_0": { "kind": "code", "run": "rust:text_0", "output": "string", "with": { "given": "${{ part }}" } },
                    "step_1": { "kind": "code", "run": "rust:text_1", "output": "string", "with": { "given": "${{ part }}" } },
                    "step_2": { "kind": "code", "run": "rust:text_2", "output": "string", "with": { "given": "${{ part }}" } },
                    "again": {
                        "kind": "loop", "until": "loop.index == 2", "max_rounds": 3,
                        "do": { "kind": "code", "run": "rust:text_last", "output": "string", "with": { "given": "${{ part }}" } },
                    },
                },
                "output": { "text": "${{ step_2 }}" },
            },
            "all": {
                "kind": "reduce", "over": "notes.items", "batch": 4, "empty": "nothing", "join": { "quorum": 1 },
                "do": { "kind": "code", "run": "rust:text_all", "output": "string", "with": { "given": "${{ part }}" } },
            },
            "other": { "kind": "graph", "use": "other.yaml", "with": { "message": "${{ all }}" }, "join": "any" },
            "agent": {
                "kind": "agent", "model": "fast", "prompt": "x", "tools": ["find"], "limits": { "steps": 3, "tool_calls": 5 },
            },
        },
        "output": "${{ other }}",
    });
    let yaml = app.to_yaml();
    let tree = yaml::parse(SourceId(0), &yaml, &mut Diagnostics::default()).unwrap();
    assert_eq!(tree.to_json(), expected, "{yaml}");
    let (built, again, _) = both(&app);
    assert_eq!(words(&built), words(&again));
    let functions = app.read(&Files::new(), &uzel_std::catalog(), &Choices::default()).functions;
    let names: Vec<&str> = functions.keys().map(String::as_str).collect();
    assert_eq!(names, ["text_0", "text_1", "text_2", "text_all", "text_last"]);
}

/// What overlays change is in the one file.
#[test]
fn overlays_are_in_the_file() {
    let main = "version: 1\nname: app\nlimits: { cost_usd: 1 }\nnodes: { ask: { kind: human, title: Yes? } }\n";
    let over = "limits: { cost_usd: 0.5 }\n";
    let files = [("app.yaml", main), ("app.prod.yaml", over)];
    let files: Files = files.map(|(path, text)| (path.to_owned(), text.as_bytes().to_vec())).into();
    let choices = Choices { overlays: vec!["app.prod.yaml".to_owned()], ..Choices::default() };
    let graph = read("app.yaml", &files, &uzel_std::catalog(), &choices).graph.unwrap();
    let both = "version: 1\nname: app\nlimits: { cost_usd: 0.5 }\nnodes:\n  ask: { kind: human, title: \"Yes?\" }\n";
    assert_eq!(graph.to_yaml(), both);
    let files = Files::from([("app.yaml".to_owned(), graph.to_yaml().into_bytes())]);
    let again = read("app.yaml", &files, &uzel_std::catalog(), &Choices::default()).graph.unwrap();
    assert_eq!(again.shape(), graph.shape());
}

/// A run is taken up again from the file that the app would be: it must not take the place of one that the app names.
#[test]
fn the_file_of_an_app_has_a_name_of_its_own() {
    let inner = "version: 1\nnodes: { ask: { kind: human, title: Inner } }\n";
    let files = Files::from([("app.yaml".to_owned(), inner.as_bytes().to_vec())]);
    let app = Builder::new("outer").node("inner", uzel_core::builder::graph("app.yaml"));
    let built = app.read(&files, &uzel_std::catalog(), &Choices::default()).reading;
    let graph = built.graph.unwrap_or_else(|| panic!("{:?}", built.diagnostics));
    assert_eq!((graph.main.as_str(), graph.file("app.yaml").as_deref()), ("app.2.yaml", Some(inner)));
    let again = read(&graph.main, &graph.files, &uzel_std::catalog(), &Choices::default());
    assert_eq!(again.graph.unwrap().shape(), graph.shape());
}

#[test]
fn what_no_file_could_say_is_reported() {
    let deep = (0..70).fold(json!("x"), |inner, _| json!([inner]));
    let long = "x".repeat(10_000_001);
    let apps = [
        Builder::new("deep").node("a", tool("x").with("deep", deep)),
        Builder::new("long").node("a", human("x").show("long", long)),
    ];
    let said = apps.map(|app| {
        let reading = app.read(&Files::new(), &uzel_std::catalog(), &Choices::default()).reading;
        assert!(reading.graph.is_none());
        let words = words(&reading).into_iter().filter(|words| words.starts_with("UZ0"));
        words.collect::<Vec<_>>().join("; ")
    });
    let expected = [
        "UZ0006 lists and maps are nested more than 64 deep",
        "UZ0002 the app has 10000087 bytes; at most 10000000 can be read",
    ];
    assert_eq!(said, expected);
}

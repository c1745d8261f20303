//! Apps built in Rust: the same graph as their file gives, and mistakes reported where the program makes them.

use std::{collections::BTreeMap, fmt::Write as _, panic::Location};

use expect_test::expect;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uzel::{
    App, Builder, Error, Failure, Setup, code, code_fn, code_fn_as, connection, guard, hours, http, human, json,
    limits, llm, model, node, retrieve, route, seconds, tool, uses,
};
use uzel_core::{
    check::{Choices, read},
    kind::Catalog,
};

#[derive(Serialize, Deserialize, JsonSchema)]
struct Ticket {
    message: String,
    order: Option<String>,
}

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Category {
    /// the money is wanted back
    Refund,
    /// something is asked
    Question,
}

#[derive(Serialize, Deserialize, JsonSchema)]
struct Verdict {
    category: Category,
    confidence: f64,
}

#[derive(Serialize, Deserialize, JsonSchema)]
struct Wanted {
    message: String,
    cents: i64,
    category: Category,
}

#[derive(Serialize, Deserialize, JsonSchema)]
struct Draft {
    reply: String,
    cents: i64,
}

async fn draft(wanted: Wanted) -> Result<Draft, Failure> {
    Ok(Draft { reply: wanted.message, cents: wanted.cents })
}

mod other {
    use super::{Draft, Failure, Wanted};

    pub(super) async fn draft(wanted: Wanted) -> Result<Draft, Failure> {
        super::draft(wanted).await
    }
}

/// An app with every kind and section.
fn large() -> Builder {
    Builder::new("large")
        .description("Everything at once")
        .input::<Ticket>()
        .input_type("today", json!({ "type": "string", "default": "2026-01-31" }))
        .secret("SHOP_KEY")
        .model("fast", model("offline"))
        .model("local", model("openai-compatible/qwen3").set("base_url", "http://127.0.0.1:1/v1").fallback(["fast"]))
        .connection("shop", connection("sqlite").set("path", "shop.db"))
        .knowledge("policies", uzel::files("docs/*.md"))
        .tool(
            "refund",
            http("POST https://shop.example/refunds")
                .set("headers", json!({ "authorization": "Bearer ${{ secrets.SHOP_KEY }}" }))
                .set("params", json!({ "order": "string", "cents": "integer" }))
                .set("effect", "keyed")
                .timeout(seconds(20)),
        )
        .tool("find", uses("sqlite.query").set("connection", "shop").set("sql", "SELECT 1 AS n").set("effect", "read"))
        .flag("strict", "boolean", true)
        .limits(limits().cost_usd(0.25).tokens(100_000).duration(hours(48)))
        .set("defaults", json!({ "retry": { "max": 2 } }))
        .node(
            "screen",
            guard("${{ input.message }}")
                .check("pii", json!({ "redact": ["card"] }))
                .check("length", json!({ "max": 2000 }))
                .on_block(json!({ "stop": "We cannot read this." })),
        )
        .node(
            "classify",
            llm("local").system("Be brief.").prompt("Classify:\n{{ screen.text }}\n").output::<Verdict>().retry(3),
        )
        .node(
            "route",
            route("classify.category if classify.confidence >= 0.6 else 'unsure'")
                .case("refund", ["days"])
                .case("question", ["policy"])
                .default(["policy"]),
        )
        .node(
            "days",
            code("builtin:date_diff").with("from", "2026-01-01").with("to", "${{ input.today }}").with("unit", "days"),
        )
        .node("policy", retrieve("policies", "${{ screen.text }}").set("top_k", 3).on_error("skip"))
        .node(
            "draft",
            code_fn(draft)
                .description("Writes the reply")
                .needs(["policy"])
                .with("message", "${{ screen.text }}")
                .with("cents", "${{ days or 0 }}")
                .with("category", "${{ classify.category }}"),
        )
        .node(
            "approve",
            human("Send ${{ draft.reply }}?")
                .when("draft.cents > 100")
                .show("reply", "${{ draft.reply }}")
                .form_type("cents", json!({ "type": "integer", "default": "${{ draft.cents }}" }))
                .form_type("note", "string | null")
                .actions(["approve", "reject"])
                .timeout(hours(24))
                .on_timeout("reject"),
        )
        .node("lookup", tool("find").timeout(seconds(5)))
        .node(
            "pay",
            tool("refund")
                .when("input.order != none and (not approve or approve.action == 'approve')")
                .with("order", "${{ input.order or '' }}")
                .with("cents", "${{ draft.cents }}")
                .on_error(json!({ "run": "ask" })),
        )
        .node("ask", node("human").set("title", "Please answer"))
        .output("reply", "${{ draft.reply }}")
        .output("refunded", "${{ pay != none }}")
}

#[test]
fn the_file_of_an_app_gives_the_same_graph() {
    let catalog = uzel_std::catalog();
    let yaml = large().to_yaml();
    let built = large().read(&BTreeMap::new(), &catalog, &Choices::default());
    let problems: Vec<String> = built.reading.diagnostics.iter().map(|d| format!("{} {}", d.code, d.message)).collect();
    let graph = built.reading.graph.unwrap_or_else(|| panic!("{problems:#?}\n{yaml}"));
    assert_eq!(graph.main, "app.yaml");
    assert_eq!(graph.file("app.yaml").as_deref(), Some(yaml.as_str()));
    assert_eq!(built.functions.keys().collect::<Vec<_>>(), ["draft"]);

    let files = BTreeMap::from([("app.yaml".to_owned(), yaml.clone().into_bytes())]);
    let functions = built.functions.into_iter().map(|(name, function)| (name, function.def)).collect();
    let catalog = Catalog { functions, ..catalog };
    let again = read("app.yaml", &files, &catalog, &Choices::default());
    let said: Vec<String> = again.diagnostics.iter().map(|d| format!("{} {}", d.code, d.message)).collect();
    let again = again.graph.unwrap_or_else(|| panic!("{said:#?}\n{yaml}"));
    assert_eq!(graph.shape(), again.shape(), "{yaml}");
    assert_eq!((graph.to_yaml(), again.to_yaml()), (yaml.clone(), yaml));
    assert_eq!(problems, said, "the check says the same of both");
    assert_eq!(graph.nodes.len(), 10);
}

fn small(name: &str) -> Setup<Builder> {
    App::builder(name).input::<Ticket>().model("fast", model("offline"))
}

fn classified(name: &str) -> Setup<Builder> {
    small(name).node("classify", llm("fast").prompt("{{ input.message }}").output::<Verdict>())
}

/// What is wrong, with places as lines after `from`. What to type is the check's, and tested there.
fn mistakes(setup: Setup<Builder>, from: &Location<'_>) -> String {
    let Err(Error::App(problems)) = setup.build() else { panic!("nothing was found") };
    let mut out = String::new();
    for problem in problems.list {
        let place = |at: &Option<uzel::Position>| match at {
            Some(at) if at.file == from.file() => {
                format!("+{}:{}", i64::from(at.line) - i64::from(from.line()), at.column)
            }
            other => format!("{other:?}"),
        };
        let _ = writeln!(out, "{} {} {}", problem.code, place(&problem.at), problem.message);
        for (at, text) in &problem.notes {
            let _ = writeln!(out, "  {} {text}", place(&Some(at.clone())));
        }
    }
    out
}

#[track_caller]
fn here() -> &'static Location<'static> {
    Location::caller()
}

#[test]
fn mistakes_are_reported_where_the_program_makes_them() {
    let from = here();
    let app = small("mistakes")
        .node("classify", llm("fasst").prompt("{{ input.mesage }}").output::<Verdict>())
        .node("route", route("classify.category").case("refund", ["nobody"]))
        .node(
            "ask",
            human("Is ${{ classify.categry }} right?")
                .when("classify.confidence > 'x'")
                .actions(["yes"])
                .on_timeout("no"),
        )
        .node("classify", llm("fast"))
        .node("twice", llm("fast").prompt("a").prompt("b").set("colour", "red"))
        .output("reply", "{{ ask.action }}");
    expect![[r#"
        UZ1010 +2:27 `fasst` is not declared under `models`
        UZ2004 +2:40 `input` has no field `mesage`
        UZ4001 +3:24 there is no case for `question`
        UZ3011 +3:24 `route` does what `classify.category` says, also when the model is not sure
          +2:10 this model must choose one of the values
        UZ1009 +3:51 there is no node `nobody`
        UZ2004 +6:13 `classify` has no field `categry`
          +2:10 `classify` returns these fields
        UZ2005 +7:18 `classify.confidence` (number) and 'x' have no order: one is never less or more than the other
          +2:69 `classify.confidence` is declared here
        UZ1014 +9:18 there is no action `no`
        UZ4007 +9:18 `on_timeout` without a `timeout` never happens
        UZ0005 +11:10 `classify` is set twice
          +2:10 the first time is here
        UZ0005 +12:48 `prompt` is set twice
          +12:36 the first time is here
        UZ1001 +12:60 there is no key `colour` here
        UZ2002 +13:10 `{{ }}` is for prompts; a value has `${{ }}`
    "#]]
    .assert_eq(&mistakes(app, from));
}

#[test]
fn types_are_checked() {
    let from = here();
    let app = App::builder("types").input_type("age", "int").node("ask", human("x").form::<Vec<i64>>());
    expect![[r"
        UZ2008 +1:37 there is no type `int`
        UZ2008 +1:85 a map of fields is wanted here
    "]]
    .assert_eq(&mistakes(app, from));
}

#[test]
fn functions_are_checked_by_their_types() {
    let from = here();
    let app = classified("functions")
        .node("a", code_fn(draft).with("message", "${{ classify.confidence }}").with("cent", 5))
        .node("b", code_fn(draft).with("message", "x").with("cents", 1).with("category", "complaint"))
        .node("c", code("rust:drafft").with("message", "x"))
        .output("reply", "${{ b.repli }}")
        .output("cents", "${{ b.cents == 'five' }}");
    expect![[r#"
        UZ1002 +2:35 `cents` is missing: the function needs it
        UZ1002 +2:35 `category` is missing: the function needs it
        UZ2005 +2:35 `message` must be string, and is number
          +-79:76 `classify.confidence` is declared here
        UZ1001 +2:81 the function has no `cent`
        UZ2005 +3:73 `category` must be "refund" | "question", and is "complaint"
        UZ4004 +4:20 no function `drafft` is registered
        UZ2004 +5:10 `b` has no field `repli`
          +3:10 `b` returns these fields
        UZ2006 +6:10 `b.cents` is never equal to "five": it is integer
          +3:20 `b.cents` is declared here
    "#]]
    .assert_eq(&mistakes(app, from));
}

#[test]
fn names_of_functions_are_clear() {
    let from = here();
    let nothing = |node: uzel::Node| node.with("message", "x").with("cents", 1).with("category", "refund");
    let app = small("names")
        .node("a", nothing(code_fn(draft)))
        .node("again", nothing(code_fn(draft)))
        .node("b", nothing(code_fn(other::draft)))
        .node("c", nothing(code_fn(|wanted: Wanted| async { draft(wanted).await })))
        .node("d", nothing(code_fn_as("named", |wanted: Wanted| async { draft(wanted).await })));
    expect![[r"
        UZ4004 +5:28 two functions are called `draft`
          +3:28 the other one is here
        UZ4004 +6:28 a closure has no name that an app could run it by
    "]]
    .assert_eq(&mistakes(app, from));
}

#[test]
fn an_error_reads_well() {
    let from = here();
    let error = classified("readable").output("topic", "${{ classify.topic }}").build().unwrap_err();
    let Error::App(problems) = &error else { panic!("{error}") };
    let places =
        problems.list.iter().flat_map(|problem| problem.at.iter().chain(problem.notes.iter().map(|(at, _)| at)));
    let text = places.fold(error.to_string(), |text, at| text.replace(&at.to_string(), "FILE:LINE:COLUMN"));
    let text = text.replace(&(from.line() + 1).to_string(), "LIN");
    expect![[r#"
        the app `readable` cannot run
        error[UZ2004]: `classify` has no field `topic`
          --> FILE:LINE:COLUMN
             |
         LIN |     let error = classified("readable").output("topic", "${{ classify.topic }}").build().unwrap_err();
             |                                        ^^^^^^
          note: FILE:LINE:COLUMN: `classify` returns these fields
          help: it has `category`, `confidence`"#]]
    .assert_eq(&text);
}

#[test]
fn an_app_without_nodes_says_so_at_its_builder() {
    let from = here();
    let app = App::builder("empty");
    expect![[r"
        UZ1012 +1:15 the app has no nodes
    "]]
    .assert_eq(&mistakes(app, from));
}

#[test]
fn a_prompt_may_be_a_file_of_the_folder() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("ask.md"), "What is {{ input.message }}?").unwrap();
    let app = || small("files").folder(folder.path()).node("ask", llm("fast").prompt("ask.md"));
    let built = app().build().unwrap();
    assert!(built.graph().files.contains_key("ask.md"));
    assert_eq!(built.to_yaml(), app().to_yaml());
    assert!(app().to_yaml().contains("prompt: ask.md"));
    let Err(Error::App(problems)) = app().folder("/nowhere").build() else { panic!("the file was found") };
    assert_eq!(problems.list.first().map(|problem| problem.code.as_str()), Some("UZ0013"));
}

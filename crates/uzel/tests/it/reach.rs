//! What an app file can say, the builder can say: every key of the schema has a row here with the call that sets it, and
//! every call remembers its own line.

use std::collections::BTreeSet;

use serde_json::Value;
use uzel::{
    Builder, Declaration, ItemError, Join, Node, On, agent, callback, code, connection, defaults, files, graph, guard,
    guard_value, hours, http, human, json, limits, llm, loop_until, map_over, mcp_command, mcp_tool, mcp_url, model,
    node, reconcile, reduce, retrieve, retry, route, seconds, tool, uses, wait, wait_until,
};
use uzel_core::{
    diagnostic::Diagnostics,
    source::{Position, Sources},
    yaml::{Data, Entry, Tree},
};

use crate::schema;

const SOURCE: &str = include_str!("reach.rs");

#[derive(schemars::JsonSchema)]
struct Fields {
    #[expect(dead_code, reason = "only its type is looked at")]
    word: String,
}

/// What a row makes.
enum Made {
    App(Builder),
    Node(Node),
    Declaration(Declaration),
}

impl From<Builder> for Made {
    fn from(app: Builder) -> Self {
        Self::App(app)
    }
}

impl From<Node> for Made {
    fn from(node: Node) -> Self {
        Self::Node(node)
    }
}

impl From<Declaration> for Made {
    fn from(declaration: Declaration) -> Self {
        Self::Declaration(declaration)
    }
}

/// Rows stay on one line each, so that a row's line is the call's.
macro_rules! rows {
    ($($path:literal: $made:expr;)*) => { vec![$(($path, Made::from($made))),*] };
}

fn app() -> Builder {
    Builder::new("app")
}

/// `DEFINITION/KEY` of the schema, and the call that sets it. `node/KEY` is for all kinds, `app/KEY` for the top.
#[rustfmt::skip]
fn rows() -> Vec<(&'static str, Made)> {
    rows! {
        "app/version": Builder::new("x");
        "app/name": Builder::new("x");
        "app/description": app().description("x");
        "app/inputs": app().input_type("x", "string");
        "app/inputs": app().input::<Fields>();
        "app/output": app().output("x", 1);
        "app/output": app().output_value("x");
        "app/secrets": app().secret("X");
        "app/models": app().model("x", model("offline"));
        "app/connections": app().connection("x", connection("sqlite"));
        "app/knowledge": app().knowledge("x", files("*.md"));
        "app/tools": app().tool("x", uses("http"));
        "app/mcp": app().mcp("x", mcp_url("x"));
        "app/flags": app().flag("x", "boolean", true);
        "app/flags": app().flag_type("x", json!({ "enum": ["a"], "default": "a" }));
        "app/limits": app().limits(limits());
        "app/defaults": app().defaults(defaults());
        "app/nodes": app().node("x", human("x"));

        "app/waive": app().waive("UZ3006", "x", "2030-01-01");
        "Waiver/code": app().waive("UZ3006", "x", "2030-01-01");
        "Waiver/reason": llm("m").waive("UZ3006", "x", "2030-01-01");
        "Waiver/until": llm("m").waive("UZ3006", "x", "2030-01-01");

        "Limits/cost_usd": limits().cost_usd(1.0);
        "Limits/tokens": limits().tokens(1);
        "Limits/duration": limits().duration(hours(1));
        "Limits/calls": limits().calls(1);
        "Limits/active": limits().active(hours(1));
        "Defaults/retry": defaults().retry(2);
        "Defaults/retry": defaults().retry(retry(2));
        "Defaults/timeout": defaults().timeout(seconds(1));
        "RetryPolicy/max": retry(3);
        "RetryPolicy/max": llm("m").retry(3);
        "RetryPolicy/backoff": retry(3).backoff("fixed");
        "RetryPolicy/base": retry(3).base(seconds(1));
        "RetryPolicy/cap": retry(3).cap(seconds(1));
        "RetryPolicy/errors": retry(3).errors(["timeout"]);

        "node/kind": node("llm");
        "node/description": llm("m").description("x");
        "node/needs": llm("m").needs(["x"]);
        "node/needs": llm("m").needs(vec!["x".to_owned()]);
        "node/when": llm("m").when("x");
        "node/when": llm("m").when(true);
        "node/join": llm("m").join(Join::Any);
        "node/retry": llm("m").retry(3);
        "node/retry": llm("m").retry(retry(3));
        "node/retry": llm("m").retry(json!({ "max": 3 }));
        "node/timeout": llm("m").timeout(seconds(1));
        "node/limits": llm("m").limits(limits());
        "node/on_error": llm("m").on_error(On::Skip);
        "node/on_error": llm("m").on_error(json!({ "run": "x" }));
        "node/on_block": guard("x").on_block(On::stop("x"));

        "node/labels": llm("m").label("team", "billing");
        "node/waive": llm("m").waive("UZ3006", "x", "2030-01-01");

        "node.llm/model": llm("m");
        "node.llm/prompt": llm("m").prompt("x");
        "node.llm/system": llm("m").system("x");
        "node.llm/fallback": llm("m").fallback(["n"]);
        "node.llm/messages": llm("m").message("user", "x");
        "node.llm/output": llm("m").output::<Fields>();
        "node.llm/output": llm("m").output_type("x", "string");
        "node.llm/examples": llm("m").examples("x.jsonl");
        "node.llm/documents": llm("m").documents("x");
        "node.llm/input": llm("m").input("x");
        "node.llm/temperature": llm("m").temperature(0.5);
        "node.llm/max_tokens": llm("m").max_tokens(5);
        "node.llm/stream": llm("m").stream();

        "node.agent/model": agent("m");
        "node.agent/prompt": agent("m").prompt("x");
        "node.agent/system": agent("m").system("x");
        "node.agent/fallback": agent("m").fallback(["n"]);
        "node.agent/output": agent("m").output::<Fields>();
        "node.agent/tools": agent("m").tools(["x"]);
        "node.agent/limits": agent("m").limits(limits());
        "node.agent/messages": agent("m").message("user", "x");
        "node.agent/approve": agent("m").approve(["x"]);
        "node.agent/on_limit": agent("m").on_limit("fail");
        "node.agent/temperature": agent("m").temperature(0.5);
        "node.agent/max_tokens": agent("m").max_tokens(5);
        "node.agent/stream": agent("m").stream();
        "agent.Limits/steps": limits().steps(8);
        "agent.Limits/tool_calls": limits().tool_calls(8);
        "agent.Limits/tokens": limits().tokens(8);
        "agent.Limits/cost_usd": limits().cost_usd(8.0);
        "agent.Limits/duration": limits().duration(hours(8));
        "node.wait/for": wait(hours(8));
        "node.wait/for": callback();
        "node.wait/until": wait_until("x");
        "node.wait/timeout": callback().timeout(hours(1));
        "node.wait/payload": callback().payload::<Fields>();
        "node.wait/payload": callback().payload_type("x", "string");
        "node.wait/on_timeout": callback().on_timeout(json!({ "x": "y" }));

        "node.code/run": code("js:x.js#x");
        "node.code/with": code("js:x.js#x").with("x", 1);
        "node.code/output": code("js:x.js#x").output::<Fields>();
        "node.tool/tool": tool("x");
        "node.tool/with": tool("x").with("x", 1);
        "node.retrieve/from": retrieve("x", "x");
        "node.retrieve/query": retrieve("x", "x");
        "node.retrieve/top_k": retrieve("x", "x").top_k(3);
        "node.retrieve/min_score": retrieve("x", "x").min_score(0.5);
        "node.route/by": route("x");
        "node.route/cases": route("x").case("a", ["x"]);
        "node.route/cases": route("x").default(["x"]);

        "node.guard/text": guard("x");
        "node.guard/value": guard_value("x");
        "node.guard/checks": guard("x").check("pii", json!({}));
        "node.guard/checks/length": guard("x").check("length", json!({ "max": 5 }));
        "node.guard/checks/regex": guard("x").check("regex", json!({ "deny": ["x"] }));
        "node.guard/checks/forbidden": guard("x").check("forbidden", json!({ "words": ["x"] }));
        "node.guard/checks/pii": guard("x").check("pii", json!({ "redact": ["card"] }));
        "node.guard/checks/prompt_injection": guard("x").check("prompt_injection", json!({}));
        "node.guard/checks/json_schema": guard("x").check("json_schema", json!({}));
        "node.guard/checks/grounded": guard("x").check("grounded", json!({ "against": "x" }));
        "node.guard/checks/on_failure": guard("x").check_open("pii", json!({}));

        "node.human/title": human("x");
        "node.human/show": human("x").show("x", 1);
        "node.human/form": human("x").form::<Fields>();
        "node.human/form": human("x").form_type("x", "string");
        "node.human/assign": human("x").assign(json!({ "group": "x" }));
        "node.human/actions": human("x").actions(["x"]);
        "node.human/timeout": human("x").timeout(hours(1));
        "node.human/on_timeout": human("x").on_timeout("x");

        "node.map/for_each": map_over("x");
        "node.map/as": map_over("x").as_("y");
        "node.map/max_parallel": map_over("x").max_parallel(2);
        "node.map/on_item_error": map_over("x").on_item_error(ItemError::Skip);
        "node.map/do": map_over("x").do_(llm("m"));
        "node.map/do": map_over("x").body(|body| body.node("a", llm("m")));
        "node.map/output": map_over("x").body(|body| body.output("a", 1));
        "node.map/output": map_over("x").output_value("x");
        "node.reduce/over": reduce("x");
        "node.reduce/as": reduce("x").as_("y");
        "node.reduce/batch": reduce("x").batch(2);
        "node.reduce/max_parallel": reduce("x").max_parallel(2);
        "node.reduce/empty": reduce("x").empty(json!({}));
        "node.reduce/do": reduce("x").do_(llm("m"));
        "node.reduce/output": reduce("x").body(|body| body.output_value("x"));
        "node.loop/until": loop_until("x");
        "node.loop/max_rounds": loop_until("x").max_rounds(2);
        "node.loop/on_max_rounds": loop_until("x").on_max_rounds("fail");
        "node.loop/do": loop_until("x").do_(llm("m"));
        "node.loop/output": loop_until("x").body(|body| body.output_value("x"));
        "node.graph/use": graph("x.yaml");
        "node.graph/with": graph("x.yaml").with("x", 1);

        "model/use": model("offline");
        "model/api_key": model("x").api_key("x");
        "model/base_url": model("x").base_url("x");
        "model/timeout": model("x").timeout(seconds(1));
        "model/connect_timeout": model("x").connect_timeout(seconds(1));
        "model/first_token_timeout": model("x").first_token_timeout(seconds(1));
        "model/idle_timeout": model("x").idle_timeout(seconds(1));
        "model/fallback": model("x").fallback(["y"]);
        "model/temperature": model("x").temperature(0.5);
        "model/max_tokens": model("x").max_tokens(5);
        "model/price": model("x").price(0.25, 2.0);
        "Price/input_usd": model("x").price(0.25, 2.0);
        "Price/output_usd": model("x").price(0.25, 2.0);
        "model/headers": model("x").header("x", "y");
        "model/responses": model("x").responses("x.yaml");
        "model/stream": model("x").stream(false);

        "tool/use": uses("http");
        "tool/description": uses("http").description("x");
        "tool/params": uses("http").param("x", "string");
        "tool/params": uses("http").params::<Fields>();
        "tool/effect": uses("http").effect("read");
        "tool/reconcile": uses("http").reconcile(reconcile("x", "answer.sent"));
        "Reconcile/tool": reconcile("x", "answer.sent");
        "Reconcile/done": reconcile("x", "answer.sent");
        "Reconcile/with": reconcile("x", "answer.sent").with("id", "x");
        "Reconcile/result": reconcile("x", "answer.sent").result("answer.id");
        "tool/timeout": uses("http").timeout(seconds(1));
        "tool.http/request": http("GET http://x");
        "tool.http/headers": http("GET http://x").header("x", "y");
        "tool.http/body": http("GET http://x").body("form");
        "tool/output": http("GET http://x").output::<Fields>();
        "tool/output": http("GET http://x").output_type("x", "string");
        "tool/connection": uses("sqlite.query").connection("x");
        "tool.sqlite.query/sql": uses("sqlite.query").sql("x");

        "connection.mcp/url": mcp_url("x");
        "connection.mcp/command": mcp_command(["x", "y"]);
        "connection.mcp/headers": mcp_url("x").header("x", "y");
        "connection.mcp/tools": mcp_url("x").tool("x", mcp_tool());
        "connection/use": connection("sqlite");
        "connection/url": connection("postgres").url("x");
        "connection/path": connection("sqlite").path("x");
        "connection/init": connection("sqlite").init("x");
        "knowledge/files": files("x");
        "knowledge/files": files(["x", "y"]);
        "knowledge/language": files("x").language("other");
    }
}

/// Keys of an object schema, those of alternatives in it, and of the items of a list of checks.
fn keys(schema: &Value) -> Vec<String> {
    let mut keys = vec![];
    for (key, property) in schema["properties"].as_object().into_iter().flatten() {
        keys.push(key.clone());
        let items = property["items"]["properties"].as_object();
        keys.extend(items.into_iter().flatten().map(|(inner, _)| format!("{key}/{inner}")));
    }
    keys
}

/// The row for a key: its own, or the one that all of its sort share (`node/when` for `node.llm/when`).
fn shared(path: &str) -> String {
    let (def, key) = path.split_once('/').unwrap_or_default();
    format!("{}/{key}", def.split('.').next().unwrap_or_default())
}

#[test]
fn every_key_of_a_file_has_a_call() {
    let schema: Value = serde_json::from_str(&schema::printed()).unwrap();
    let rows: BTreeSet<&str> = rows().iter().map(|(path, _)| *path).collect();
    let top = keys(&schema).into_iter().map(|key| format!("app/{key}"));
    let defs = schema["$defs"].as_object().unwrap();
    // `node` only says that `kind` selects the others.
    let below = defs.iter().filter(|(def, _)| *def != "node");
    let below = below.flat_map(|(def, schema)| keys(schema).into_iter().map(move |key| format!("{def}/{key}")));
    let wanted: BTreeSet<String> = top.chain(below).collect();
    let lacking: Vec<&String> =
        wanted.iter().filter(|path| !rows.contains(path.as_str()) && !rows.contains(shared(path).as_str())).collect();
    assert!(
        lacking.is_empty(),
        "the builder cannot say {lacking:?}: write a setter in crates/uzel-core/src/builder, and a row here"
    );
    let known: BTreeSet<String> = wanted.iter().cloned().chain(wanted.iter().map(|path| shared(path))).collect();
    let def = |path: &str| path.split('/').next().unwrap_or_default().to_owned();
    let gone: Vec<&&str> =
        rows.iter().filter(|path| defs.contains_key(&def(path)) && !known.contains(**path)).collect();
    assert!(gone.is_empty(), "there are no such keys: {gone:?}; remove their rows and setters");
}

/// The entries with this key, however deep.
fn entries<'t>(tree: &'t Tree, key: &str, into: &mut Vec<&'t Entry>) {
    match &tree.data {
        Data::Map(map) => {
            for entry in map {
                if entry.key.as_str() == key {
                    into.push(entry);
                }
                entries(&entry.value, key, into);
            }
        }
        Data::List(items) => items.iter().for_each(|item| entries(item, key, into)),
        _ => {}
    }
}

/// The source line of a place in this file, from its column on.
fn call(at: &Position) -> Option<(&'static str, &'static str)> {
    let line = SOURCE.lines().nth(at.line as usize - 1).filter(|_| at.file.ends_with("reach.rs"))?;
    Some((line, line.get(at.column as usize - 1..)?))
}

#[test]
fn every_call_sets_its_key_and_remembers_its_line() {
    for (path, made) in rows() {
        let key = path.rsplit('/').next().unwrap_or_default();
        let (mut sources, mut out) = (Sources::default(), Diagnostics::default());
        let tree = match made {
            Made::App(app) => app.tree(&mut sources, &mut out),
            Made::Node(node) => app().node("x", node).tree(&mut sources, &mut out),
            Made::Declaration(declaration) => app().set("x", declaration).tree(&mut sources, &mut out),
        };
        assert!(out.is_empty(), "{path}: {out:?}");
        let mut found = vec![];
        entries(&tree, key, &mut found);
        let here = found.iter().any(|entry| {
            let at = sources.position(entry.key.span);
            // A row is one line, and its place is the name of a call on it.
            call(&at).is_some_and(|(line, rest)| {
                line.contains(&format!("\"{path}\": ")) && rest.starts_with(|c: char| c.is_ascii_alphabetic())
            })
        });
        // The helper `app` makes the keys of every app.
        assert!(here, "{path}: the call does not set `{key}`, or not from its own line: {:?}", tree.to_json());
        let values = found.iter().map(|entry| sources.position(entry.value.span));
        assert!(values.into_iter().all(|at| call(&at).is_some()), "{path}: a value without a place");
    }
}

/// Calls inside loops and closures are where they are written, also those of nodes inside nodes.
#[test]
fn calls_in_closures_and_loops_have_their_own_places() {
    let parts = ["a", "b"];
    let node = map_over("input.parts").body(|body| {
        parts
            .iter()
            .fold(body, |body, part| {
                body.node(
                    part,
                    llm("fast") /* place: model */
                        .prompt(part), /* place: prompt */
                )
            })
            .output("a", "${{ a }}") /* place: a */
    });
    let app = app().node("x", node);
    let (mut sources, mut out) = (Sources::default(), Diagnostics::default());
    let tree = app.tree(&mut sources, &mut out);
    for key in ["model", "prompt", "a"] {
        let mut found = vec![];
        entries(&tree, key, &mut found);
        let lines: Vec<_> = found.iter().filter_map(|entry| call(&sources.position(entry.key.span))).collect();
        assert!(lines.iter().any(|(line, _)| line.contains(&format!("/* place: {key} */"))), "{key}: {lines:?}");
    }
}

#[test]
fn reactions_and_joins_are_as_in_a_file() {
    let words = |value: Value| value.to_string();
    let all = [
        words(On::Fail.into()),
        words(On::Skip.into()),
        words(On::use_value(json!({ "a": 1 })).into()),
        words(On::run("ask").into()),
        words(On::stop("No.").into()),
        words(Join::All.into()),
        words(Join::Any.into()),
        words(Join::Settle.into()),
        words(Join::Quorum(2).into()),
        words(Join::Deadline(seconds(5)).into()),
        words(ItemError::Fail.into()),
        words(ItemError::Skip.into()),
        words(ItemError::SkipUpTo(0.07).into()),
    ];
    let expected = r#""fail" "skip" {"use":{"a":1}} {"run":"ask"} {"stop":"No."} "all" "any" "settle" {"quorum":2} {"deadline":"5s"} "fail" "skip" {"skip_up_to":"7%"}"#;
    assert_eq!(all.join(" "), expected);
}

/// A number that JSON does not have would be no limit at all.
#[test]
fn what_is_no_number_is_no_limit() {
    let app = app().limits(limits().cost_usd(f64::NAN)).node("x", human("x"));
    let built =
        app.read(&std::collections::BTreeMap::new(), &uzel_std::catalog(), &uzel_core::check::Choices::default());
    let said = built.reading.diagnostics.iter().next().map(|d| format!("{} {}", d.code, d.message));
    assert_eq!(said.as_deref(), Some("UZ1003 `cost_usd` must be a number, found a text"));
    assert!(built.reading.graph.is_none());
}

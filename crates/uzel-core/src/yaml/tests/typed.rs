//! Trees to types: values with places, and all errors of a document at once.

use std::collections::BTreeMap;

use expect_test::expect;
use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Deserialize;

use super::{good, show};
use crate::{
    diagnostic::Diagnostics,
    yaml::{Spanned, Text, Tree, from_named_tree, from_tree},
};

#[derive(Debug, Deserialize, JsonSchema)]
#[expect(dead_code, reason = "read by Debug only")]
pub(super) struct App {
    version: u32,
    name: Text,
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, Node>")]
    nodes: IndexMap<Text, Node>,
    retry: Option<Retry>,
    #[serde(default)]
    labels: Vec<String>,
    pair: Option<(u8, f64)>,
    rest: Option<Tree>,
    #[serde(default)]
    ratio: Option<f64>,
    #[serde(default)]
    stream: bool,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[expect(dead_code, reason = "read by Debug only")]
struct Node {
    kind: Kind,
    prompt: Text,
    #[serde(default)]
    needs: Vec<Text>,
    timeout: Option<Spanned<u64>>,
    on_error: Option<OnError>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Llm,
    Code,
    Route,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[expect(dead_code, reason = "read by Debug only")]
enum OnError {
    Fail,
    Skip,
    Use(Tree),
    Run { node: Text, times: u8 },
}

#[derive(Debug, Deserialize, JsonSchema)]
#[expect(dead_code, reason = "read by Debug only")]
struct Retry {
    max: u8,
    #[serde(default)]
    backoff: Option<Kind>,
    first: Even,
    second: i8,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(try_from = "u8")]
#[expect(dead_code, reason = "read by Debug only")]
struct Even(u8);

impl TryFrom<u8> for Even {
    type Error = String;
    fn try_from(value: u8) -> Result<Self, String> {
        if value.is_multiple_of(2) { Ok(Self(value)) } else { Err(format!("{value} is odd")) }
    }
}

fn errors(text: &str) -> String {
    let tree = good(text);
    let mut out = Diagnostics::default();
    let value = from_tree::<App>(&tree, &mut out);
    assert_eq!(value.is_none(), out.has_errors());
    out.sort();
    show(text, &out)
}

#[test]
fn a_good_app_is_read_with_its_places() {
    let text = "version: 1\nname: x\nx-note: [anything]\nnodes:\n  a: {kind: llm, prompt: 'hi {{ b }}', timeout: 5}\n  \
                b:\n    kind: code\n    prompt: p\n    on_error: {run: {node: a, times: 2}}\n    needs: [a]\n\
                retry: {max: 3, first: 2, second: -4}\nlabels: [a, b]\npair: [1, 2]\nrest: {a: [1]}\nratio: 1\nstream: true\n";
    let app: App = from_tree(&good(text), &mut Diagnostics::default()).expect("an app");
    let slice = |span: crate::source::Span| &text[span.start as usize..span.end as usize];
    let (key, node) = app.nodes.get_key_value("a").expect("the node");
    assert_eq!(slice(key.span), "a");
    assert_eq!(slice(node.prompt.at(3..10)), "{{ b }}");
    assert_eq!(node.timeout.as_ref().map(|t| (t.value, slice(t.span))), Some((5, "5")));
    assert_eq!(app.rest.as_ref().map(|rest| slice(rest.span)), Some("{a: [1]}"));
    assert_eq!(app.pair, Some((1, 2.0)));
    assert!(matches!(app.nodes["b"].on_error, Some(OnError::Run { times: 2, .. })));
}

#[test]
fn every_error_is_reported_at_once() {
    let text = "\
versoin: 1
name: 5
nodes:
  a:
    kind: lmm
    prmpt: x
    needs: b
    timeout: '5'
    on_error: {uze: 1}
  b:
    kind: llm
    prompt: [x]
    timeout: -1
    on_error: run
  c: {prompt: x}
  d: words
  e:
    kind: {llm: 1}
    prompt: ok
    on_error: {use: 1, run: 2}
    needs: [1, ok, true]
  f: {kind: llm, prompt: x, on_error: {run: {nod: a, times: 300}}}
retry:
  max: 300
  backoff: 4
  first: 3
  second: 1.5
labels: {a: 1}
pair: [1]
ratio: high
stream: yes
unknown: {}
";
    expect![[r#"
        1:1 "versoin" UZ1001 there is no key `versoin` here
          help: did you mean `version`? known: `version`, `name`, `nodes`, `retry`, `labels`, `pair`, `rest`, `ratio`, `stream`
        1:1 "" UZ1002 the key `version` is missing
          help: add `version:`
        2:7 "5" UZ1003 `name` must be a text, found an integer
          help: write "5" in quotes
        5:5 "" UZ1002 the key `prompt` is missing in `a`
          help: add `prompt:`
        5:11 "lmm" UZ1014 `kind` cannot be `lmm`
          help: did you mean `llm`? known: `llm`, `code`, `route`
        6:5 "prmpt" UZ1001 there is no key `prmpt` in `a`
          help: did you mean `prompt`? known: `kind`, `prompt`, `needs`, `timeout`, `on_error`
        7:12 "b" UZ1003 `needs` must be a list, found a text
          help: write [b]
        8:14 "'5'" UZ1003 `timeout` must be an integer, found a text
          help: remove the quotes: write 5
        9:16 "uze" UZ1014 `on_error` cannot be `uze`
          help: did you mean `use`? known: `fail`, `skip`, `use`, `run`
        12:13 "[x]" UZ1003 `prompt` must be a text, found a list
        13:14 "-1" UZ1003 `timeout` must be an integer of at least 0, found -1
        14:15 "run" UZ1003 `on_error` must be a map here: `run` needs more than its name
          help: write `run: …` with its settings
        15:6 "" UZ1002 the key `kind` is missing in `c`
          help: add `kind:`
        16:6 "words" UZ1003 `d` must be a map, found a text
        18:17 "1" UZ1003 `llm` takes no settings
          help: write `llm` alone
        20:15 "{use: 1, run: 2}" UZ1003 `on_error` must be a map with one key, one of `fail`, `skip`, `use`, `run`, found a map
        21:13 "1" UZ1003 an item of `needs` must be a text, found an integer
          help: write "1" in quotes
        21:20 "true" UZ1003 an item of `needs` must be a text, found a boolean
          help: write "true" in quotes
        22:45 "" UZ1002 the key `node` is missing in `run`
          help: add `node:`
        22:46 "nod" UZ1001 there is no key `nod` in `run`
          help: did you mean `node`? known: `node`, `times`
        22:61 "300" UZ1003 `times` must be an integer from 0 to 255, found 300
        24:8 "300" UZ1003 `max` must be an integer from 0 to 255, found 300
        25:12 "4" UZ1003 `backoff` must be one of `llm`, `code`, `route`, found an integer
        26:10 "3" UZ1003 `first`: 3 is odd
        27:11 "1.5" UZ1003 `second` must be an integer, found a number with a fraction
        28:9 "{a: 1}" UZ1003 `labels` must be a list, found a map
        29:7 "[1]" UZ1003 `pair` must have 2 items, found 1
        30:8 "high" UZ1003 `ratio` must be a number, found a text
        31:9 "yes" UZ1003 `stream` must be true or false, found a text
          help: write true
        32:1 "unknown" UZ1001 there is no key `unknown` here
          help: known: `version`, `name`, `nodes`, `retry`, `labels`, `pair`, `rest`, `ratio`, `stream`
    "#]].assert_eq(&errors(text));
}

#[test]
fn roots_of_the_wrong_shape() {
    expect![[r#"
        1:1 "[1]" UZ1003 this must be a map, found a list
        ---
        1:1 "words" UZ1003 this must be a map, found a text
        ---
        2:6 "" UZ1003 `name` must be a text, found nothing
        ---
        1:1 "" UZ1002 the key `version` is missing
          help: add `version:`
        1:1 "" UZ1002 the key `name` is missing
          help: add `name:`
    "#]]
    .assert_eq(&[errors("[1]"), errors("words"), errors("version: 1\nname:\n"), errors("{}")].join("---\n"));
}

#[test]
fn other_deserializers_take_plain_values() {
    let text: Text = serde_json::from_str("\"a\"").expect("a text");
    assert_eq!(text.as_str(), "a");
    let tree: Tree = serde_json::from_str(r#"{"a": [1, null]}"#).expect("a tree");
    assert_eq!(serde_json::to_string(&tree).expect("JSON"), r#"{"a":[1,null]}"#);
    let spanned: Spanned<u8> = serde_json::from_str("5").expect("a number");
    assert_eq!(spanned.value, 5);
    assert!(serde_json::from_str::<Text>("5").is_err());
    let map: BTreeMap<Text, Spanned<Text>> = from_tree(&good("a: b"), &mut Diagnostics::default()).expect("a map");
    assert_eq!(map["a"].value.as_str(), "b");
}

#[test]
fn schemas_are_those_of_the_plain_types() {
    let schema = schemars::schema_for!(App).to_value();
    assert_eq!(schema["properties"]["name"], serde_json::json!({"type": "string"}));
    assert_eq!(schema["properties"]["rest"], serde_json::json!(true));
    let timeout = &schema["$defs"]["Node"]["properties"]["timeout"];
    assert_eq!(timeout["type"], serde_json::json!(["integer", "null"]));
}

/// A type that takes no stand-in, as durations and patterns do.
#[derive(Debug, Deserialize)]
#[serde(try_from = "String")]
struct Pattern;

impl TryFrom<String> for Pattern {
    type Error = String;
    fn try_from(value: String) -> Result<Self, String> {
        if value == "ok" { Ok(Self) } else { Err(format!("`{value}` is no pattern")) }
    }
}

#[derive(Debug, Deserialize)]
#[expect(dead_code, reason = "read by Debug only")]
struct Checks {
    first: Pattern,
    second: Pattern,
    number: u8,
    #[serde(default)]
    list: Vec<Pattern>,
    pair: Option<(Pattern, u8)>,
}

#[test]
fn values_that_nothing_can_stand_in_for_hide_no_other_errors() {
    let text = "a: {first: x, second: y, number: z}\nb: {first: ok, second: ok, number: 1, list: [ok, u, v], pair: [w, w]}\n\
                c: {second: ok}\nd: 5\n";
    let tree = good(text);
    let mut out = Diagnostics::default();
    assert!(from_tree::<IndexMap<Text, Checks>>(&tree, &mut out).is_none());
    out.sort();
    expect![[r#"
        1:12 "x" UZ1003 `first`: `x` is no pattern
        1:23 "y" UZ1003 `second`: `y` is no pattern
        1:34 "z" UZ1003 `number` must be an integer, found a text
        2:50 "u" UZ1003 an item of `list`: `u` is no pattern
        2:53 "v" UZ1003 an item of `list`: `v` is no pattern
        2:64 "w" UZ1003 an item of `pair`: `w` is no pattern
        3:4 "" UZ1002 the key `first` is missing in `c`
          help: add `first:`
        4:4 "5" UZ1003 `d` must be a map, found an integer
    "#]]
    .assert_eq(&show(text, &out));
}

#[test]
fn a_thousand_nodes_are_read() {
    let node = |n: usize| {
        format!(
            "  node_{n}:\n    kind: llm\n    prompt: |\n      Sort this message.\n      {{{{ input.text }}}} and {{{{ node_{n}.a }}}}\n      \
             Answer in one word.\n    needs: [a, b]\n    timeout: 30\n    on_error:\n      run: {{ node: \"x\", times: 3 }}\n"
        )
    };
    let text = format!("version: 1\nname: big\nnodes:\n{}", (0..1000).map(node).collect::<String>());
    let tree = good(&text);
    let app: App = from_tree(&tree, &mut Diagnostics::default()).expect("an app");
    assert_eq!(app.nodes.len(), 1000);
}

#[test]
fn messages_name_a_part_that_is_read_alone() {
    let tree = good("max: 1\n");
    let mut out = Diagnostics::default();
    assert!(from_named_tree::<Retry>("retry", &tree, &mut out).is_none());
    let said: Vec<&str> = out.iter().map(|d| d.message.as_str()).collect();
    assert_eq!(said, ["the key `first` is missing in `retry`", "the key `second` is missing in `retry`"]);
}

//! Trees to types: values with places, and all errors of a document at once.

use std::collections::BTreeMap;

use expect_test::expect;
use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Deserialize;

use super::{good, show};
use crate::{
    diagnostic::Diagnostics,
    yaml::{Spanned, Text, Tree, from_tree},
};

#[derive(Debug, Deserialize, JsonSchema)]
#[expect(dead_code, reason = "read by Debug only")]
pub(super) struct App {
    version: u32,
    name: Text,
    #[serde(default)]
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
        if value % 2 == 0 { Ok(Self(value)) } else { Err(format!("{value} is odd")) }
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
    expect![[""]].assert_eq(&errors(text));
}

#[test]
fn roots_of_the_wrong_shape() {
    expect![[""]]
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

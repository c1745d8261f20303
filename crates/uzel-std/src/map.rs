//! `map`: the same nodes for each item of a list, several at a time.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use uzel_core::{
    check::Check,
    diagnostic::{Code, Diagnostic},
    graph::{ItemError, Ports, Shape, Sketch, Source},
    kind::{Kind, KindExample},
    source::Span,
    yaml::{Data, Text, Tree},
};

/// The kind.
pub struct Map;

/// Runs a body once for each item of a list; gives `items`, the body's values in the order of the list. In the body
/// `item` (or the name in `as`) is the item, and `loop` has `index` (from 1), `index0`, `first`, `last` and `length`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Expression whose value is the list, such as `split.parts`; at most 100,000 items.
    pub for_each: Text,
    /// What the body calls the item. Default: `item`.
    #[serde(rename = "as")]
    pub name: Option<Text>,
    /// How many items are worked on at a time, 1 to 1,000. Default: 8.
    pub max_parallel: Option<Tree>,
    /// What the failure of an item does: `fail` (the map fails), `skip` (its value is null) or `{ skip_up_to: 5% }`.
    /// Default: `fail`.
    #[serde(default)]
    #[schemars(schema_with = "on_item_error")]
    pub on_item_error: Option<Tree>,
    /// The body: one node, or a map of named nodes.
    #[serde(rename = "do")]
    #[schemars(schema_with = "body")]
    pub body: Tree,
    /// The body's value, with `${{ }}`; a single node is called `do` here. Default: that node's output, or the outputs
    /// of the body's last nodes by name.
    pub output: Option<Tree>,
}

/// What `do` may hold, for editors.
pub(super) fn body(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "object", "minProperties": 1 })
}

fn on_item_error(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "anyOf": [
        { "enum": ["fail", "skip"] },
        { "type": "null" },
        {
            "type": "object", "required": ["skip_up_to"], "additionalProperties": false,
            "properties": { "skip_up_to": {
                "type": "string", "pattern": "^[0-9.]+ ?%$", "description": "The part of all items that may fail.",
            } },
        },
    ] })
}

/// How many openings of a body are at work at once when nobody says.
const PARALLEL: usize = 8;

/// The number in `max_parallel`.
pub(super) fn max_parallel(tree: Option<&Tree>, cx: &mut Check<'_>) -> usize {
    whole("max_parallel", tree, 1..=1_000, PARALLEL, cx)
}

/// A whole number within bounds; what else is written is reported.
pub(super) fn whole(
    key: &str,
    tree: Option<&Tree>,
    bounds: std::ops::RangeInclusive<usize>,
    default: usize,
    cx: &mut Check<'_>,
) -> usize {
    let Some(tree) = tree.filter(|tree| !tree.is_null()) else { return default };
    let number = tree.to_json().as_u64().and_then(|n| usize::try_from(n).ok()).filter(|n| bounds.contains(n));
    number.unwrap_or_else(|| {
        let message = format!("`{key}` must be a whole number from {} to {}", bounds.start(), bounds.end());
        cx.report(Diagnostic::new(Code::BAD_LIMIT, tree.span, message));
        default
    })
}

/// What the body calls its item: the name, and where it is written.
pub(super) fn local(name: Option<&Text>, default: &str, at: Span) -> Text {
    name.cloned().unwrap_or_else(|| Text::synthetic(default.to_owned(), at))
}

impl Kind for Map {
    const NAME: &'static str = "map";
    const SUMMARY: &'static str = "runs nodes for each item of a list";
    const EXAMPLES: &'static [KindExample] = &[KindExample {
        title: "A summary of each part, at most four at a time; a part that fails is left out",
        app: r#"
version: 1
inputs: { parts: [string] }
models: { fast: { use: offline } }
nodes:
  notes:
    kind: map
    for_each: input.parts
    as: part
    max_parallel: 4
    on_item_error: { skip_up_to: 10% }
    do: { kind: llm, model: fast, prompt: "Summarise part {{ loop.index }}: {{ part }}" }
output: ${{ notes.items | select | map(attribute="text") | join("\n") }}
"#,
    }];
    type Config = Config;

    fn check(config: &Config, cx: &mut Check<'_>) -> Ports {
        cx.expression("for_each", &config.for_each);
        let item = local(config.name.as_ref(), "item", config.for_each.span);
        let shape = Shape::Map {
            item: item.as_str().to_owned(),
            max_parallel: max_parallel(config.max_parallel.as_ref(), cx),
            on_item_error: item_error(config.on_item_error.as_ref(), cx),
        };
        let source = Source::Do(config.body.clone(), config.output.clone());
        Ports { plan: Some(Sketch { shape, source, locals: vec![item] }), ..Ports::default() }
    }
}

fn item_error(tree: Option<&Tree>, cx: &mut Check<'_>) -> ItemError {
    let Some(tree) = tree.filter(|tree| !tree.is_null()) else { return ItemError::Fail };
    let found = match &tree.data {
        Data::Text(text) => match text.as_str() {
            "fail" => Some(ItemError::Fail),
            "skip" => Some(ItemError::Skip),
            _ => None,
        },
        Data::Map(entries) => match entries.as_slice() {
            [entry] if entry.key.as_str() == "skip_up_to" => entry.value.as_str().and_then(part).map(ItemError::SkipUpTo),
            _ => None,
        },
        _ => None,
    };
    found.unwrap_or_else(|| {
        let message = "`on_item_error` cannot be read";
        let help = "write `fail`, `skip` or `{ skip_up_to: 5% }`";
        cx.report(Diagnostic::new(Code::UNKNOWN_VALUE, tree.span, message).help(help));
        ItemError::Fail
    })
}

/// `5%` as 0.05.
fn part(text: &str) -> Option<f64> {
    let number: f64 = text.trim().strip_suffix('%')?.trim().parse().ok()?;
    (0.0..=100.0).contains(&number).then_some(number / 100.0)
}

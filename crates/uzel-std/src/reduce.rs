//! `reduce`: many values to one, as a tree: batches, then batches of what those gave.

use schemars::JsonSchema;
use serde::Deserialize;
use uzel_core::{
    check::Check,
    graph::{Ports, Shape, Sketch, Source},
    kind::{Kind, KindExample},
    yaml::{Text, Tree},
};

use crate::map::{body, local, max_parallel, whole};

/// The kind.
pub struct Reduce;

/// Runs a body on batches of a list, then on batches of what that gave, until one value is left, and gives that. In the
/// body `batch` (or the name in `as`) is a list, and `loop` has `index` (from 1), `index0`, `first`, `last`, `length`
/// (batches of this level) and `level` (from 0). The body's value must have the shape of the list's items.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Expression whose value is the list, such as `notes.items`; at most 100,000 items.
    pub over: Text,
    /// What the body calls the batch. Default: `batch`.
    #[serde(rename = "as")]
    pub name: Option<Text>,
    /// How many values make a batch, 2 to 1,000. Default: 8.
    pub batch: Option<Tree>,
    /// How many batches are worked on at a time, 1 to 1,000. Default: 8.
    pub max_parallel: Option<Tree>,
    /// What an empty list gives. Default: null.
    pub empty: Option<Tree>,
    /// The body: one node, or a map of named nodes.
    #[serde(rename = "do")]
    #[schemars(schema_with = "body")]
    pub body: Tree,
    /// The body's value, with `${{ }}`; a single node is called `do` here. Default: that node's output, or the outputs
    /// of the body's last nodes by name.
    pub output: Option<Tree>,
}

impl Kind for Reduce {
    const NAME: &'static str = "reduce";
    const SUMMARY: &'static str = "makes one value of many, batch by batch";
    const EXAMPLES: &'static [KindExample] = &[KindExample {
        title: "One summary of many texts, four at a time",
        app: r#"
version: 1
inputs: { texts: [string] }
models: { fast: { use: offline } }
nodes:
  summary:
    kind: reduce
    over: input.texts
    batch: 4
    empty: ""
    do: { kind: llm, model: fast, prompt: "Summarise as one text:\n{{ batch | join('\n') }}" }
    output: ${{ do.text }}
output: ${{ summary }}
"#,
    }];
    type Config = Config;

    fn check(config: &Config, cx: &mut Check<'_>) -> Ports {
        cx.expression("over", &config.over);
        if let Some(empty) = &config.empty {
            cx.binding("empty", empty, None);
        }
        let item = local(config.name.as_ref(), "batch", config.over.span);
        let shape = Shape::Reduce {
            item: item.as_str().to_owned(),
            batch: whole("batch", config.batch.as_ref(), 2..=1_000, 8, cx),
            max_parallel: max_parallel(config.max_parallel.as_ref(), cx),
        };
        let source = Source::Do(config.body.clone(), config.output.clone());
        Ports { plan: Some(Sketch { shape, source, locals: vec![item] }), ..Ports::default() }
    }
}

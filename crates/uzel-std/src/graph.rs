//! `graph`: another app as a node.

use schemars::JsonSchema;
use serde::Deserialize;
use uzel_core::{
    check::Check,
    graph::{Ports, Shape, Sketch, Source},
    kind::{Kind, KindExample},
    yaml::{Text, Tree},
};

/// The kind.
pub struct Graph;

/// Runs another app and gives its output. That app has its own models, tools and flags, and sees only what is
/// given in `with`. What it says under `limits` is not looked at there: the limits of the run hold.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The app file, from the folder of this one: `apps/triage/app.yaml`.
    #[serde(rename = "use")]
    pub app: Text,
    /// The app's input: values with `${{ }}`, checked against its `inputs`.
    pub with: Option<Tree>,
}

impl Kind for Graph {
    const NAME: &'static str = "graph";
    const SUMMARY: &'static str = "runs another app";
    const EXAMPLES: &'static [KindExample] = &[KindExample {
        title: "One app answers, whoever asks",
        app: r#"
version: 1
inputs: { messages: [string] }
nodes:
  answers:
    kind: map
    for_each: input.messages
    as: message
    do: { kind: graph, use: answer/app.yaml, with: { message: "${{ message }}" } }
output: ${{ answers.items | map(attribute="reply") | list }}
"#,
    }];
    const FILES: &'static [(&'static str, &'static str)] = &[(
        "answer/app.yaml",
        r#"
version: 1
inputs: { message: string }
models: { fast: { use: offline } }
nodes:
  write: { kind: llm, model: fast, prompt: "Answer: {{ input.message }}" }
output: { reply: "${{ write.text }}" }
"#,
    )];
    type Config = Config;

    fn check(config: &Config, cx: &mut Check<'_>) -> Ports {
        if let Some(with) = &config.with {
            cx.binding("with", with, None);
        }
        let source = Source::App(config.app.clone());
        Ports { plan: Some(Sketch { shape: Shape::Graph, source, locals: vec![] }), ..Ports::default() }
    }
}

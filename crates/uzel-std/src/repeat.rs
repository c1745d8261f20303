//! `loop`: the same nodes again until a condition holds, a bounded number of times.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use uzel_core::{
    check::Check,
    diagnostic::{Code, Diagnostic},
    expr::Expression,
    graph::{Ports, Shape, Sketch, Source},
    kind::{Kind, KindExample},
    yaml::{Text, Tree},
};

use crate::map::{body, whole};

/// The kind.
pub struct Loop;

/// Runs a body again and again until a condition holds; gives the value of the last round. In the body `loop` has
/// `index` (from 1), `index0`, `first`, and `previous`: the value of the round before, null in the first.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Expression that is looked at after each round, and sees the body's nodes: `critique.good or loop.index >= 2`. A
    /// single node is called `do` here.
    pub until: Text,
    /// How many rounds at most, 1 to 1,000.
    pub max_rounds: Option<Tree>,
    /// What it means that the rounds are used up: `last` (the last value is taken) or `fail`. Default: `last`.
    #[serde(default)]
    #[schemars(schema_with = "on_max_rounds")]
    pub on_max_rounds: Option<Text>,
    /// The body: one node, or a map of named nodes.
    #[serde(rename = "do")]
    #[schemars(schema_with = "body")]
    pub body: Tree,
    /// The value of a round, with `${{ }}`; a single node is called `do` here. Default: that node's output, or the
    /// outputs of the body's last nodes by name.
    pub output: Option<Tree>,
}

fn on_max_rounds(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "enum": ["last", "fail", null] })
}

/// More rounds than this are a mistake.
const ROUNDS: usize = 1_000;

impl Kind for Loop {
    const NAME: &'static str = "loop";
    const SUMMARY: &'static str = "repeats nodes until a condition holds";
    const EXAMPLES: &'static [KindExample] = &[KindExample {
        title: "Write and criticise, at most three times",
        app: r#"
version: 1
inputs: { topic: string }
models: { fast: { use: offline } }
nodes:
  report:
    kind: loop
    until: judge.good
    max_rounds: 3
    do:
      write:
        kind: llm
        model: fast
        prompt: |
          Write two sentences about {{ input.topic }}.
          {% if loop.previous %}Make this better: {{ loop.previous.text }}{% endif %}
      judge:
        kind: llm
        model: fast
        prompt: "Is this good? {{ write.text }}"
        output: { good: boolean }
    output: { text: "${{ write.text }}", good: "${{ judge.good }}" }
output: ${{ report.text }}
"#,
    }];
    type Config = Config;

    fn check(config: &Config, cx: &mut Check<'_>) -> Ports {
        let Some(until) = Expression::parse(&config.until, cx.out) else { return Ports::default() };
        if config.max_rounds.as_ref().is_none_or(Tree::is_null) {
            let message = "a loop needs a bound: `max_rounds` is missing";
            let help = "add `max_rounds: 3`; `until` alone may never hold";
            cx.report(Diagnostic::new(Code::UNBOUNDED_LOOP, config.until.span, message).help(help));
        }
        let strict = match config.on_max_rounds.as_ref() {
            None => false,
            Some(word) if word.as_str() == "last" => false,
            Some(word) if word.as_str() == "fail" => true,
            Some(word) => {
                let message = format!("`on_max_rounds` cannot be `{}`", word.as_str());
                cx.report(Diagnostic::new(Code::UNKNOWN_VALUE, word.span, message).help("write `last` or `fail`"));
                false
            }
        };
        let max_rounds = whole("max_rounds", config.max_rounds.as_ref(), 1..=ROUNDS, 1, cx);
        let shape = Shape::Loop { until, max_rounds, strict };
        let source = Source::Do(config.body.clone(), config.output.clone());
        Ports { plan: Some(Sketch { shape, source, locals: vec![] }), ..Ports::default() }
    }
}

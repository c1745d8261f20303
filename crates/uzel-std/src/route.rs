//! `route`: chooses what runs next by a value.

use std::sync::Arc;

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use uzel_core::{
    build::Build,
    capability::BoxFuture,
    check::Check,
    diagnostic::{Code, Diagnostic, Diagnostics, did_you_mean},
    event::Stored,
    failure::{Failure, FailureClass},
    graph::{
        Ports,
        facts::{Facts, Texts},
    },
    kind::{Kind, KindExample},
    node::{Call, Node, Outcome},
    schema::Type,
    source::Span,
    yaml::{Data, Text, Tree},
};

/// The kind.
pub struct Route;

/// Chooses what runs next by a value. Every value that an enum can have needs a case, or `default`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Expression whose value chooses, such as `classify.category`.
    pub by: Text,
    /// Nodes to run for each value; one node or a list. `default` is for all other values.
    #[schemars(extend("x-names" = "nodes"))]
    pub cases: Tree,
}

/// The case for values that no other is for.
const DEFAULT: &str = "default";

impl Kind for Route {
    const NAME: &'static str = "route";
    const SUMMARY: &'static str = "chooses what runs next by a value";
    const EXAMPLES: &'static [KindExample] = &[KindExample {
        title: "By a model's verdict, with a case for doubt",
        app: r#"
version: 1
inputs: { message: string }
models: { fast: { use: offline } }
nodes:
  sort:
    kind: llm
    model: fast
    prompt: "Is this a question? {{ input.message }}"
    output: { kind: { enum: [question, other] }, confidence: number }
  route:
    kind: route
    by: sort.kind if sort.confidence >= 0.6 else "unsure"
    cases: { question: [reply], other: [file], unsure: [file] }
  reply: { kind: llm, model: fast, prompt: "Answer: {{ input.message }}" }
  file: { kind: llm, model: fast, prompt: "Summarise: {{ input.message }}" }
"#,
    }];
    type Config = Config;

    fn check(config: &Config, cx: &mut Check<'_>) -> Ports {
        cx.expression("by", &config.by);
        let ways = ways(&config.cases, cx.out);
        let cases: Vec<(String, Span)> = config
            .cases
            .as_map()
            .unwrap_or_default()
            .iter()
            .map(|entry| (entry.key.as_str().to_owned(), entry.key.span))
            .collect();
        let (by, written) = (config.by.span, config.by.as_str().trim().to_owned());
        let output = Type::texts(cases.iter().map(|(case, _)| case.as_str()));
        Ports {
            output: Some(output),
            ways,
            later: Some(Box::new(move |inputs, out| {
                if let Some(ty) = inputs.get("by") {
                    check_cases(ty, &cases, by, &written, out);
                }
                None
            })),
            facts: Facts { texts: Texts::Own, chooses: Some("by"), ..Facts::default() },
            ..Ports::default()
        }
    }

    fn build(config: Config, _cx: &mut Build<'_>) -> Result<Arc<dyn Node>, Diagnostic> {
        let cases = ways(&config.cases, &mut Diagnostics::default()).into_iter().map(|(case, _)| case).collect();
        Ok(Arc::new(Chooser { cases }))
    }
}

/// The cases with their nodes.
fn ways(cases: &Tree, out: &mut Diagnostics) -> Vec<(String, Vec<Text>)> {
    let Some(entries) = cases.as_map() else {
        let help = "write `cases: { refund: [order], default: [reply] }`";
        let message = "`cases` must be a map of values to nodes";
        out.push(Diagnostic::new(Code::WRONG_SHAPE, cases.span, message).help(help));
        return vec![];
    };
    let mut ways: IndexMap<String, Vec<Text>> = IndexMap::new();
    for entry in entries {
        let nodes = match &entry.value.data {
            Data::Text(text) => vec![text.clone()],
            Data::Null => vec![],
            Data::List(items) => {
                for item in items.iter().filter(|item| item.as_text().is_none()) {
                    out.push(Diagnostic::new(Code::WRONG_SHAPE, item.span, "a case lists names of nodes"));
                }
                items.iter().filter_map(Tree::as_text).cloned().collect()
            }
            _ => {
                let message = format!("the case `{}` must be a node or a list of nodes", entry.key.as_str());
                out.push(Diagnostic::new(Code::WRONG_SHAPE, entry.value.span, message));
                vec![]
            }
        };
        ways.insert(entry.key.as_str().to_owned(), nodes);
    }
    ways.into_iter().collect()
}

/// Every value that `by` can have needs a case, and every case a value.
fn check_cases(ty: &Type, cases: &[(String, Span)], by: Span, written: &str, out: &mut Diagnostics) {
    let has_default = cases.iter().any(|(case, _)| case == DEFAULT);
    let members: Vec<Type> = ty.members().to_vec();
    let mut values = vec![];
    let mut open = false;
    for member in &members {
        match member {
            Type::Enum(found) => values.extend(found.iter().map(text_of)),
            Type::Boolean => values.extend(["true".to_owned(), "false".to_owned()]),
            Type::Null => values.push("null".to_owned()),
            Type::Any | Type::String | Type::Integer | Type::Number => open = true,
            _ => {
                let message = format!("a route needs a text, a number or a boolean, and `by` is {ty}");
                out.push(Diagnostic::new(Code::TYPE_MISMATCH, by, message).help(choose_field(member, written)));
                return;
            }
        }
    }
    if open && !has_default {
        let message = "`by` can have values that no case is for";
        let help = "add a case `default`, or give the value an enum type";
        out.push(Diagnostic::new(Code::MISSING_CASE, by, message).help(help));
    }
    for value in values.iter().filter(|value| !has_default && !cases.iter().any(|(case, _)| case == *value)) {
        let help = format!("add `{value}: [NODE]` or `default: [NODE]` to `cases`");
        let message = format!("there is no case for `{value}`");
        out.push(Diagnostic::new(Code::MISSING_CASE, by, message).help(help));
    }
    if !open {
        for (case, at) in cases.iter().filter(|(case, _)| case != DEFAULT && !values.contains(case)) {
            let help = did_you_mean(case, values.iter().map(String::as_str))
                .unwrap_or_else(|| format!("`by` can be {}", values.join(", ")));
            let message = format!("`by` is never `{case}`");
            out.push(Diagnostic::new(Code::UNKNOWN_CASE, *at, message).help(help));
        }
    }
}

/// Which field of a map can choose, for a `by` that is a plain path.
fn choose_field(ty: &Type, written: &str) -> String {
    let plain = written.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '.'));
    let chooses = |ty: &Type| matches!(ty.without_null(), Type::Enum(_) | Type::Boolean | Type::String);
    let field = match ty {
        Type::Object(object) if plain => object.fields.iter().find(|(_, field)| chooses(&field.ty)),
        _ => None,
    };
    field.map_or_else(|| "choose one of its fields".to_owned(), |(name, _)| format!("write `{written}.{name}`"))
}

fn text_of(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

struct Chooser {
    cases: Vec<String>,
}

impl Node for Chooser {
    fn call<'a>(&'a self, input: Arc<Value>, _call: &'a Call) -> BoxFuture<'a, Result<Outcome, Failure>> {
        let wanted = text_of(input.get("by").unwrap_or(&Value::Null));
        let case = [wanted.as_str(), DEFAULT].into_iter().find(|case| self.cases.iter().any(|known| known == case));
        let result = match case {
            Some(case) => Ok(Outcome::Return {
                value: Stored::Here(Arc::new(Value::from(case))),
                port: Some(case.to_owned()),
            }),
            None => {
                let message = format!("there is no case for `{wanted}`, and no `default`");
                Err(Failure::new(FailureClass::Code, message))
            }
        };
        Box::pin(std::future::ready(result))
    }
}

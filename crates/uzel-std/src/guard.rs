//! `guard`: judges a text or a value before anyone sees it; redacts, or blocks.
//!
//! One file per check, each pure, each with its own documented settings. A check returns `Err` only when it could not
//! do its work; what that means is decided by its `on_failure`, not there.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};
use uzel_core::{
    build::Build,
    capability::BoxFuture,
    check::Check,
    diagnostic::{Code, Diagnostic},
    failure::{Failure, FailureClass},
    graph::{
        Ports,
        facts::{Facts, Texts},
    },
    kind::{Kind, KindExample},
    node::{Call, Node, Outcome},
    schema::Type,
    yaml::{Text, Tree},
};

mod checks;
pub mod finding;
pub mod fold;
pub mod forbidden;
pub mod grounded;
pub mod json_schema;
pub mod length;
pub mod pattern;
pub mod pii;
pub mod prompt_injection;

use checks::{Checker, OnFailure, Subject};
pub use finding::{CheckResult, Finding};
use finding::{MAX_FINDINGS, Show, about_all, admit};

/// The kind.
pub struct Guard;

/// Judges a text or a value. Checks run in order; each sees the text as the ones before it redacted it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The text to judge.
    pub text: Option<Text>,
    /// A value to judge instead; texts are checked in its JSON form.
    pub value: Option<Tree>,
    /// What to look for: a list of `{ CHECK: SETTINGS, on_failure: open | closed }`.
    #[schemars(schema_with = "checks::schema")]
    pub checks: Vec<Tree>,
}

impl Kind for Guard {
    const NAME: &'static str = "guard";
    const SUMMARY: &'static str = "judges a text before anyone sees it: redacts or blocks";
    const EXAMPLES: &'static [KindExample] = &[KindExample {
        title: "No personal data goes on",
        app: r#"
version: 1
inputs: { message: string }
nodes:
  screen:
    kind: guard
    text: "${{ input.message }}"
    checks:
      - { length: { min: 1, max: 4000 }, on_failure: closed }
      - { pii: { redact: [card, email] }, on_failure: closed }
    on_block: { stop: We cannot process this message. }
output: { text: "${{ screen.text }}" }
"#,
    }];
    type Config = Config;

    fn check(config: &Config, cx: &mut Check<'_>) -> Ports {
        match (&config.text, &config.value) {
            (Some(text), None) => cx.text("text", text),
            (None, Some(value)) => cx.binding("value", value, None),
            (Some(_), Some(value)) => {
                let message = "a guard judges either a `text` or a `value`";
                cx.report(Diagnostic::new(Code::BAD_KIND_CONFIG, value.span, message).help("remove one of them"));
            }
            (None, None) => {
                let at = config.checks.first().map(|check| check.span);
                let message = "a guard needs a `text` or a `value` to judge";
                cx.report(Diagnostic::new(Code::MISSING_KEY, at, message).help("add `text: ${{ reply.text }}`"));
            }
        }
        for (index, tree) in config.checks.iter().enumerate() {
            checks::check(index, tree, cx);
        }
        let finding = Type::object([
            ("check", Type::String),
            ("kind", Type::String),
            ("message", Type::String),
            ("start", Type::Integer),
            ("end", Type::Integer),
            ("excerpt", Type::String),
        ]);
        let subject = if config.value.is_some() { ("value", Type::Any) } else { ("text", Type::String) };
        let output = Type::object([subject.clone(), ("findings", Type::list(finding))]);
        let has = |name: &str| config.checks.iter().any(|check| check.get(name).is_some());
        let texts = Texts::Judged { input: subject.0, orders: has("prompt_injection"), shape: has("json_schema") };
        // Without checks it stops nothing.
        let gate = !config.checks.is_empty();
        Ports { gate, facts: Facts { texts, ..Facts::default() }, ..Ports::of(output) }
    }

    fn build(config: Config, _cx: &mut Build<'_>) -> Result<Arc<dyn Node>, Diagnostic> {
        let checkers = config.checks.iter().enumerate().map(|(index, tree)| checks::build(index, tree));
        Ok(Arc::new(Judge { checkers: checkers.collect::<Result<_, _>>()? }))
    }
}

struct Judge {
    checkers: Vec<(Checker, OnFailure)>,
}

impl Node for Judge {
    fn call<'a>(&'a self, input: Arc<Value>, _call: &'a Call) -> BoxFuture<'a, Result<Outcome, Failure>> {
        Box::pin(std::future::ready(self.judge(&input)))
    }
}

impl Judge {
    fn judge(&self, input: &Value) -> Result<Outcome, Failure> {
        let mut subject = match (input.get("text"), input.get("value")) {
            (Some(Value::String(text)), _) => Subject { text: text.clone(), value: None },
            (Some(Value::Null), _) => Subject { text: String::new(), value: None },
            (_, Some(value)) => Subject { text: value.to_string(), value: Some(value.clone()) },
            _ => return Err(Failure::new(FailureClass::Code, "there is nothing to judge: `text` is not a text")),
        };
        let mut findings: Vec<Finding> = vec![];
        let mut reasons: Vec<String> = vec![];
        for (checker, on_failure) in &self.checkers {
            match checker.run(&subject, input) {
                Ok(result) => {
                    if result.blocked {
                        let why = result.findings.first().map_or("it blocked", |finding| finding.message.as_str());
                        reasons.push(format!("{}: {why}", checker.name()));
                    }
                    findings.extend(result.findings);
                    if let Some(text) = result.text {
                        subject.redact(text);
                    }
                }
                Err(cause) => {
                    let message = format!("the check could not do its work: {cause}");
                    if *on_failure == OnFailure::Closed {
                        reasons.push(format!("{}: {message}", checker.name()));
                    }
                    findings.push(about_all(&subject.text, checker.name(), "check_failed", message));
                }
            }
        }
        findings.truncate(MAX_FINDINGS);
        let subject = match subject.value {
            Some(value) => ("value", value),
            None => ("text", Value::from(subject.text)),
        };
        let output = json!({ subject.0: subject.1, "findings": findings });
        if reasons.is_empty() {
            Ok(Outcome::value(output))
        } else {
            // What was blocked is not passed on by a reference to the guard either; it is a guard's output still.
            let value = json!({ "text": "", "findings": output["findings"] });
            Ok(Outcome::Block { reason: reasons.join("; "), value })
        }
    }
}

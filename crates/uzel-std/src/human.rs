//! `human`: asks a person, and waits without using memory until somebody answers or the time is up.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use uzel_core::{
    build::Build,
    capability::BoxFuture,
    check::Check,
    diagnostic::{Code, Diagnostic, Diagnostics, did_you_mean},
    duration::DurationText,
    event::{Question, Resolution, Wait},
    failure::{Failure, FailureClass},
    graph::{
        Ports,
        facts::{Facts, Origin, Texts},
    },
    kind::{Kind, KindExample},
    node::{Call, Node, Outcome},
    schema::{Schema, Type},
    yaml::{Data, Entry, Text, Tree},
};

/// The kind.
pub struct Human;

/// Asks a person, or has something approved.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The question, in one line.
    pub title: Text,
    /// What the person needs to see: a map of values.
    pub show: Option<Tree>,
    /// Fields to fill: a map of names to types. A `default` may hold `${{ }}`.
    pub form: Option<Tree>,
    /// Who should answer: `{ group: NAME, not: [run.started_by] }`.
    pub assign: Option<Tree>,
    /// The buttons. Default: `[submit]`.
    #[serde(default)]
    pub actions: Vec<Text>,
    /// How long to wait. Without it the run waits as long as `limits.duration` allows.
    pub timeout: Option<DurationText>,
    /// The action that is taken when nobody answers in time. Without it the node fails then.
    pub on_timeout: Option<Text>,
}

impl Kind for Human {
    const NAME: &'static str = "human";
    const SUMMARY: &'static str = "asks a person and waits for the answer";
    const EXAMPLES: &'static [KindExample] = &[KindExample {
        title: "An approval that expires",
        app: r#"
version: 1
inputs: { amount: number }
nodes:
  approve:
    kind: human
    title: "Pay ${{ input.amount }}?"
    form: { amount: { type: number, default: "${{ input.amount }}" }, note: string | null }
    actions: [approve, reject]
    timeout: 24h
    on_timeout: reject
output: { decision: "${{ approve.action }}" }
"#,
    }];
    const TAKES: &'static [&'static str] = &["timeout"];
    type Config = Config;

    fn check(config: &Config, cx: &mut Check<'_>) -> Ports {
        cx.text("title", &config.title);
        if let Some(show) = &config.show {
            cx.binding("show", show, None);
        }
        let (form, defaults) = split_form(config.form.as_ref());
        let schema = form.as_ref().and_then(|form| Schema::read_fields(form, cx.out));
        if let Some(defaults) = defaults {
            cx.binding("defaults", &defaults, None);
        }
        let actions = actions(config);
        if let Some(action) = &config.on_timeout {
            if !actions.iter().any(|known| known == action.as_str()) {
                let help = did_you_mean(action.as_str(), actions.iter().map(String::as_str))
                    .unwrap_or_else(|| format!("the actions are {}", actions.join(", ")));
                let message = format!("there is no action `{}`", action.as_str());
                cx.report(Diagnostic::new(Code::UNKNOWN_VALUE, action.span, message).help(help));
            }
            if config.timeout.is_none() {
                let message = "`on_timeout` without a `timeout` never happens";
                cx.report(Diagnostic::new(Code::BAD_KIND_CONFIG, action.span, message).help("add `timeout: 24h`"));
            }
        }
        let form = schema.map_or_else(|| Type::object(std::iter::empty()), |schema| schema.ty);
        let output = Type::object([
            ("action", Type::texts(actions.iter().map(String::as_str))),
            ("form", form),
            ("by", Type::String),
            ("at", Type::Integer),
        ]);
        let facts = Facts {
            origins: &[Origin::Person],
            texts: Texts::Own,
            plain: &["action", "by", "at"],
            // With one button, who answers agrees; with several, somebody must look at which it was.
            answer: (actions.len() > 1).then_some("action"),
            ..Facts::default()
        };
        Ports { gate: true, facts, ..Ports::of(output) }
    }

    fn build(config: Config, _cx: &mut Build<'_>) -> Result<Arc<dyn Node>, Diagnostic> {
        let (form, _) = split_form(config.form.as_ref());
        let mut out = Diagnostics::default();
        let schema = form.as_ref().and_then(|form| Schema::read_fields(form, &mut out));
        let assign = config.assign.as_ref().map_or(Value::Null, Tree::to_json);
        Ok(Arc::new(Asker {
            form: schema.map_or_else(|| json!({ "type": "object" }), |schema| Value::clone(schema.json())),
            actions: actions(&config),
            assign,
            timeout: config.timeout,
            on_timeout: config.on_timeout.map(|text| text.as_str().to_owned()),
        }))
    }
}

fn actions(config: &Config) -> Vec<String> {
    if config.actions.is_empty() {
        return vec!["submit".to_owned()];
    }
    config.actions.iter().map(|text| text.as_str().to_owned()).collect()
}

/// The form's types, and the defaults that must be computed.
fn split_form(form: Option<&Tree>) -> (Option<Tree>, Option<Tree>) {
    let Some(Data::Map(entries)) = form.map(|form| &form.data) else { return (form.cloned(), None) };
    let span = form.map(|form| form.span);
    let (mut types, mut defaults) = (vec![], vec![]);
    for entry in entries {
        let mut ty = entry.value.clone();
        let computed = |tree: &Tree| tree.as_str().is_some_and(|text| text.contains("${{"));
        if ty.get("default").is_some_and(computed)
            && let Some(default) = ty.take("default")
        {
            defaults.push(Entry { key: entry.key.clone(), value: default.value });
        }
        types.push(Entry { key: entry.key.clone(), value: ty });
    }
    let map = |entries| span.map(|span| Tree { span, data: Data::Map(entries) });
    (map(types), if defaults.is_empty() { None } else { map(defaults) })
}

struct Asker {
    form: Value,
    actions: Vec<String>,
    assign: Value,
    timeout: Option<DurationText>,
    on_timeout: Option<String>,
}

impl Node for Asker {
    fn call<'a>(&'a self, input: Arc<Value>, call: &'a Call) -> BoxFuture<'a, Result<Outcome, Failure>> {
        Box::pin(std::future::ready(self.ask(&input, call)))
    }
}

impl Asker {
    fn ask(&self, input: &Value, call: &Call) -> Result<Outcome, Failure> {
        let defaults = input.get("defaults").cloned().unwrap_or(Value::Null);
        match &call.resolution {
            None => Ok(Outcome::Wait(Wait::Answer(Box::new(Question {
                title: input.get("title").and_then(Value::as_str).unwrap_or_default().to_owned(),
                show: input.get("show").cloned().unwrap_or(Value::Null),
                form: self.form.clone(),
                defaults,
                actions: self.actions.clone(),
                assign: self.assign.clone(),
                due: self.timeout.map(|timeout| call.now.plus(timeout.0)),
                on_timeout: self.on_timeout.clone(),
                about: None,
            })))),
            Some(Resolution::Answered(answer)) => Ok(Outcome::value(json!({
                "action": answer.action, "form": answer.form, "by": answer.by, "at": answer.at,
            }))),
            Some(Resolution::Due(at)) => match &self.on_timeout {
                Some(action) => {
                    let mut form = if defaults.is_null() { Value::Object(Map::new()) } else { defaults };
                    if let Ok(schema) = Schema::from_json_schema(self.form.clone()) {
                        schema.fill_defaults(&mut form);
                    }
                    Ok(Outcome::value(json!({ "action": action, "form": form, "by": "timeout", "at": at })))
                }
                None => Err(Failure::new(FailureClass::Timeout, "nobody answered in time")),
            },
            Some(Resolution::Called { .. }) => {
                Err(Failure::new(FailureClass::Bug, "a question cannot be called back"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use uzel_core::{event::Time, node::Host};

    use super::*;

    struct Nobody;

    impl Host for Nobody {
        fn effect<'a>(
            &'a self,
            _effect: uzel_core::node::Effect<'a>,
            _work: &'a dyn uzel_core::node::Work,
        ) -> BoxFuture<'a, Result<uzel_core::node::Recorded, Failure>> {
            Box::pin(std::future::ready(Err(Failure::new(FailureClass::Bug, "a question has no effects"))))
        }

        fn emit(&self, _instance: &uzel_core::event::InstancePath, _text: &str) {}
        fn void(&self, _instance: &uzel_core::event::InstancePath) {}

        fn recorded(&self, _name: &str) -> Option<Result<Arc<Value>, Failure>> {
            None
        }

        fn secret(&self) -> String {
            String::new()
        }
    }

    #[test]
    fn an_answer_that_time_gave_has_the_forms_defaults() {
        let form = json!({ "type": "object", "properties": {
            "copies": { "type": "integer", "default": 2 }, "note": { "type": ["string", "null"] } } });
        let asker = Asker {
            form,
            actions: vec!["go".to_owned()],
            assign: Value::Null,
            timeout: None,
            on_timeout: Some("go".to_owned()),
        };
        let call = Call {
            instance: "ask".into(),
            resolution: Some(Resolution::Due(Time(5))),
            now: Time(5),
            dry_run: false,
            host: Arc::new(Nobody),
        };
        let Ok(Outcome::Return { value: uzel_core::event::Stored::Here(value), .. }) = asker.ask(&json!({}), &call)
        else {
            panic!("the time's answer is a value");
        };
        assert_eq!(value["form"], json!({ "copies": 2, "note": null }));
    }
}

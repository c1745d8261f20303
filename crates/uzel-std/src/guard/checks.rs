//! The checks of a guard as an app file names them: read, compiled once, run in order.

use jsonschema::Validator;
use schemars::{Schema, SchemaGenerator, json_schema};
use serde::de::DeserializeOwned;
use serde_json::Value;
use uzel_core::{
    check::Check,
    diagnostic::{Code, Diagnostic, Diagnostics, did_you_mean},
    yaml::{self, Data, Entry, Tree},
};

use super::{CheckResult, forbidden, grounded, json_schema, length, pattern, pii, prompt_injection};

/// What happens when a check itself breaks. There is no default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OnFailure {
    /// The text passes.
    Open,
    /// The text is blocked.
    Closed,
}

/// What is judged.
pub(super) struct Subject {
    /// The text, or the value's JSON.
    pub(super) text: String,
    /// The value, if one is judged.
    pub(super) value: Option<Value>,
}

impl Subject {
    /// Takes a redacted text. A value is read again from its redacted JSON; what is no JSON any more stays a text.
    pub(super) fn redact(&mut self, text: String) {
        if self.value.is_some() {
            self.value = Some(serde_json::from_str(&text).unwrap_or_else(|_| Value::from(text.clone())));
        }
        self.text = text;
    }
}

/// A compiled check.
pub(super) enum Checker {
    Length(length::Config),
    Regex(pattern::Patterns),
    Forbidden(forbidden::Words),
    Pii(pii::Config),
    PromptInjection(prompt_injection::Config),
    JsonSchema(Box<Validator>),
    /// The sources come with each call, under this name.
    Grounded {
        min: f64,
        words: Option<f64>,
        input: String,
    },
}

/// Names in the order of the reference.
const NAMES: [&str; 7] = ["length", "regex", "forbidden", "pii", "prompt_injection", "json_schema", "grounded"];

/// The list of checks, for editors and the reference.
pub(super) fn schema(generator: &mut SchemaGenerator) -> Schema {
    // Each check keeps its settings in a type called `Config`: they are put in here, where their names cannot clash.
    fn settings<T: schemars::JsonSchema>(generator: &mut SchemaGenerator, description: &str) -> Schema {
        let mut schema = T::json_schema(generator);
        schema.insert("type".to_owned(), serde_json::json!(["object", "null"]));
        schema.insert("description".to_owned(), Value::from(description));
        schema
    }
    json_schema!({
        "type": "array",
        "items": {
            "type": "object",
            "description": "One check and what happens when the check itself breaks.",
            "properties": {
                "length": settings::<length::Config>(generator, "Blocks a text that is too short or too long."),
                "regex": settings::<pattern::Config>(generator, "Blocks by regular expressions: linear time, no look-around."),
                "forbidden": settings::<forbidden::Config>(generator, "Blocks words and phrases."),
                "pii": settings::<pii::Config>(generator, "Redacts or blocks personal data that its form and check digits give away. With neither list, every kind blocks."),
                "prompt_injection": settings::<prompt_injection::Config>(generator, "Blocks texts that try to give orders to the model."),
                "json_schema": { "type": ["object", "boolean"], "description": "Blocks what does not fit this JSON Schema (2020-12)." },
                "grounded": settings::<grounded::Config>(generator, "Blocks an answer whose sentences the sources do not support."),
                "on_failure": { "enum": ["open", "closed"], "description": "When the check itself breaks: `open` lets the text pass, `closed` blocks it. There is no default." },
            },
            "required": ["on_failure"],
            "minProperties": 2,
            "maxProperties": 2,
            "additionalProperties": false,
        },
    })
}

impl Checker {
    /// The name in app files.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Length(_) => "length",
            Self::Regex(_) => "regex",
            Self::Forbidden(_) => "forbidden",
            Self::Pii(_) => "pii",
            Self::PromptInjection(_) => "prompt_injection",
            Self::JsonSchema(_) => "json_schema",
            Self::Grounded { .. } => "grounded",
        }
    }

    /// Judges; `Err` when the check could not do its work.
    pub(super) fn run(&self, subject: &Subject, input: &Value) -> Result<CheckResult, String> {
        let text = subject.text.as_str();
        match self {
            Self::Length(config) => length::check(config, text),
            Self::Regex(patterns) => patterns.check(text),
            Self::Forbidden(words) => words.check(text),
            Self::Pii(config) => pii::check(config, text),
            Self::PromptInjection(config) => prompt_injection::check(config, text),
            Self::JsonSchema(validator) => match &subject.value {
                Some(value) => Ok(json_schema::check_value(validator, value)),
                None => json_schema::check(validator, text),
            },
            Self::Grounded { min, words, input: name } => {
                let mut settings = serde_json::json!({ "min": min, "against": input.get(name) });
                if let (Some(words), Some(settings)) = (words, settings.as_object_mut()) {
                    settings.insert("words".to_owned(), Value::from(*words));
                }
                let config: grounded::Config = serde_json::from_value(settings).map_err(|e| e.to_string())?;
                grounded::check(&config, text)
            }
        }
    }
}

/// Settings of `grounded` as they are written; the sources are computed for each call.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Grounded {
    #[serde(rename = "against")]
    _against: serde::de::IgnoredAny,
    min: Option<f64>,
    words: Option<f64>,
}

/// Checks one item of `checks`.
pub(super) fn check(index: usize, tree: &Tree, cx: &mut Check<'_>) {
    if let Some(entry) = named(tree, cx.out) {
        if entry.key.as_str() == "grounded"
            && let Some(against) = entry.value.get("against")
        {
            cx.binding(&input_name(index), against, None);
        }
        compile(index, entry, cx.out);
        failure_mode(tree, entry, cx.out);
    }
}

/// Makes one check.
pub(super) fn build(index: usize, tree: &Tree) -> Result<(Checker, OnFailure), Diagnostic> {
    let mut out = Diagnostics::default();
    let made = named(tree, &mut out).and_then(|entry| {
        let checker = compile(index, entry, &mut out);
        let on_failure = failure_mode(tree, entry, &mut out);
        Some((checker?, on_failure?))
    });
    made.ok_or_else(|| {
        let first = out.iter().next().cloned();
        first.unwrap_or_else(|| Diagnostic::new(Code::BUILD_FAILED, tree.span, "the check cannot be read"))
    })
}

fn input_name(index: usize) -> String {
    format!("against_{index}")
}

/// The one entry that names the check.
fn named<'t>(tree: &'t Tree, out: &mut Diagnostics) -> Option<&'t Entry> {
    let entries = tree.as_map().unwrap_or_default();
    let mut checks = entries.iter().filter(|entry| entry.key.as_str() != "on_failure");
    match (checks.next(), checks.next()) {
        (Some(entry), None) => Some(entry),
        (Some(_), Some(second)) => {
            let message = "an item of `checks` holds one check and its `on_failure`";
            let help = format!("begin a new item: `- {{ {}: …, on_failure: closed }}`", second.key.as_str());
            out.push(Diagnostic::new(Code::WRONG_SHAPE, second.key.span, message).help(help));
            None
        }
        (None, _) => {
            let message = "an item of `checks` must name a check";
            let help = "write `- { pii: { redact: [card] }, on_failure: closed }`";
            out.push(Diagnostic::new(Code::WRONG_SHAPE, tree.span, message).help(help));
            None
        }
    }
}

fn failure_mode(tree: &Tree, entry: &Entry, out: &mut Diagnostics) -> Option<OnFailure> {
    match tree.get("on_failure").map(|mode| (mode.as_str(), mode.span)) {
        Some((Some("open"), _)) => Some(OnFailure::Open),
        Some((Some("closed"), _)) => Some(OnFailure::Closed),
        Some((_, at)) => {
            let message = "`on_failure` must be `open` or `closed`";
            let help = "write `closed` to block when the check breaks, `open` to let pass";
            out.push(Diagnostic::new(Code::UNKNOWN_VALUE, at, message).help(help));
            None
        }
        None => {
            let message = format!("the check `{}` does not say what happens when it breaks", entry.key.as_str());
            let help = "add `on_failure: closed` (block) or `on_failure: open` (let pass) beside it";
            out.push(Diagnostic::new(Code::NO_FAILURE_MODE, entry.key.span, message).help(help));
            None
        }
    }
}

fn settings<T: DeserializeOwned>(entry: &Entry, out: &mut Diagnostics) -> Option<T> {
    // `prompt_injection:` alone means the usual settings.
    let empty = Tree { span: entry.value.span, data: Data::Map(vec![]) };
    yaml::from_tree(if entry.value.is_null() { &empty } else { &entry.value }, out)
}

/// Each pattern that is none, at its place; `None` if there are any.
fn bad_patterns(settings: &Tree, out: &mut Diagnostics) -> Option<()> {
    let lists = ["deny", "require"].into_iter().filter_map(|key| settings.get(key)?.as_list());
    let mut bad = false;
    for text in lists.flatten().filter_map(Tree::as_text) {
        if let Err(cause) = pattern::compile_one(text.as_str()) {
            bad = true;
            let message = format!("`{}` is no regular expression: {cause}", text.as_str());
            let help = "a character that means itself needs a `\\`: write `\\(` for a bracket, `\\.` for a point";
            out.push(Diagnostic::new(Code::BAD_PATTERN, text.span, message).help(help));
        }
    }
    (!bad).then_some(())
}

fn compile(index: usize, entry: &Entry, out: &mut Diagnostics) -> Option<Checker> {
    let at = entry.value.span;
    let bad = |out: &mut Diagnostics, code: Code, cause: String| out.push(Diagnostic::new(code, at, cause));
    // A check on an empty text finds settings that do not fit together.
    let tried = |out: &mut Diagnostics, result: Result<CheckResult, String>| match result {
        Ok(_) => true,
        Err(cause) => {
            bad(out, Code::BAD_KIND_CONFIG, cause);
            false
        }
    };
    match entry.key.as_str() {
        "length" => {
            let config: length::Config = settings(entry, out)?;
            tried(out, length::check(&config, "")).then_some(Checker::Length(config))
        }
        "pii" => {
            let config: pii::Config = settings(entry, out)?;
            tried(out, pii::check(&config, "")).then_some(Checker::Pii(config))
        }
        "prompt_injection" => {
            let config: prompt_injection::Config = settings(entry, out)?;
            tried(out, prompt_injection::check(&config, "")).then_some(Checker::PromptInjection(config))
        }
        "regex" => {
            let config: pattern::Config = settings(entry, out)?;
            bad_patterns(&entry.value, out)?;
            pattern::Patterns::new(&config).map_err(|e| bad(out, Code::BAD_PATTERN, e)).ok().map(Checker::Regex)
        }
        "forbidden" => {
            let config: forbidden::Config = settings(entry, out)?;
            forbidden::Words::new(&config).map_err(|e| bad(out, Code::BAD_KIND_CONFIG, e)).ok().map(Checker::Forbidden)
        }
        "json_schema" => {
            let config = json_schema::Config { schema: entry.value.to_json() };
            let validator = json_schema::validator(&config).map_err(|e| bad(out, Code::BAD_TYPE, e)).ok()?;
            Some(Checker::JsonSchema(Box::new(validator)))
        }
        "grounded" => {
            let Grounded { min, words, .. } = settings(entry, out)?;
            let min = min.unwrap_or(0.7);
            if !(0.0..=1.0).contains(&min) {
                bad(out, Code::BAD_LIMIT, format!("`min: {min}` is not between 0 and 1"));
            }
            Some(Checker::Grounded { min, words, input: input_name(index) })
        }
        other => {
            let help = did_you_mean(other, NAMES).unwrap_or_else(|| format!("the checks are {}", NAMES.join(", ")));
            let message = format!("there is no check `{other}`");
            out.push(Diagnostic::new(Code::UNKNOWN_CHECK, entry.key.span, message).help(help));
            None
        }
    }
}

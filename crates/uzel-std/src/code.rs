//! `code`: business logic: sandboxed JavaScript, functions that ship with uzel, functions of the host program.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};
use uzel_core::{
    build::Build,
    capability::{Attempt, BoxFuture, tool::EffectClass},
    check::Check,
    diagnostic::{Code as DiagnosticCode, Diagnostic, did_you_mean},
    failure::{Failure, FailureClass},
    graph::{
        Ports,
        facts::{Does, Facts, Sink},
    },
    kind::{Kind, KindExample},
    node::{Call, Effect, Endpoint, Function, Node, Outcome, Spent, Tried, Work},
    schema::{Schema, Type},
    yaml::{Data, Text, Tree},
};

use crate::stop;

pub mod builtin;
pub mod calendar;
pub mod js;

/// The kind.
pub struct Code;

/// Business logic. `js:` and `builtin:` functions are pure: they are computed again after a crash. A `rust:` function
/// may do anything; its result is recorded and not computed again.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// What is run: `js:logic/orders.js#total`, `builtin:date_diff` or `rust:draft_reply`.
    pub run: Text,
    /// Its argument: a map of values.
    pub with: Option<Tree>,
    /// What it gives: a map of names to types, or a type. The result is checked.
    pub output: Option<Tree>,
}

/// What `run` names.
enum Target<'a> {
    Js { path: &'a str, function: &'a str },
    Builtin(&'a str),
    Rust(&'a str),
}

impl<'a> Target<'a> {
    fn read(run: &'a str) -> Option<Self> {
        let (scheme, rest) = run.split_once(':')?;
        match scheme {
            "js" => rest.split_once('#').map(|(path, function)| Self::Js { path, function }),
            "builtin" => Some(Self::Builtin(rest)),
            "rust" => Some(Self::Rust(rest)),
            _ => None,
        }
    }
}

impl Kind for Code {
    const NAME: &'static str = "code";
    const SUMMARY: &'static str = "runs business logic: JavaScript in a sandbox, built-in functions, Rust";
    const EXAMPLES: &'static [KindExample] = &[KindExample {
        title: "Days between two dates",
        app: r#"
version: 1
inputs: { bought: string, today: string }
nodes:
  age:
    kind: code
    run: builtin:date_diff
    with: { from: "${{ input.bought }}", to: "${{ input.today }}", unit: days }
output: { days: "${{ age }}" }
"#,
    }];
    type Config = Config;

    fn check(config: &Config, cx: &mut Check<'_>) -> Ports {
        let (params, result) = check_target(&config.run, cx);
        let empty = Tree { span: config.run.span, data: Data::Map(vec![]) };
        let with = config.with.as_ref().unwrap_or(&empty);
        cx.binding("with", with, params.map(|params| (params, "the function")));
        let declared = config.output.as_ref().and_then(|output| Schema::read(output, cx.out));
        let facts = Facts {
            sinks: vec![Sink { input: "with".to_owned(), field: None, does: Does::Logic }],
            ..Facts::default()
        };
        Ports { facts, ..Ports::of(declared.map(|schema| schema.ty).or(result).unwrap_or(Type::Any)) }
    }

    fn build(config: Config, cx: &mut Build<'_>) -> Result<Arc<dyn Node>, Diagnostic> {
        let at = config.run.span;
        let mut out = uzel_core::diagnostic::Diagnostics::default();
        let schema = config.output.as_ref().and_then(|output| Schema::read(output, &mut out));
        let logic = match Target::read(config.run.as_str()) {
            Some(Target::Js { path, function }) => {
                let files = cx.graph.files.clone();
                let text = move |path: &str| files.get(path).and_then(|bytes| String::from_utf8(bytes.clone()).ok());
                let script = load(path, text);
                let script = script.map_err(|failure| Build::problem(at, failure.to_string()))?;
                Logic::Js { script, function: function.to_owned() }
            }
            Some(Target::Builtin(name)) => {
                let found = builtin::builtin(name);
                Logic::Builtin(found.ok_or_else(|| Build::problem(at, format!("there is no function `{name}`")))?)
            }
            Some(Target::Rust(name)) => Logic::Rust {
                function: cx.function(name, at)?,
                endpoint: Endpoint {
                    id: format!("rust:{name}"),
                    timeout: uzel_core::build::TOOL_TIMEOUT,
                    brown_out: false,
                },
            },
            None => return Err(unknown_target(&config.run)),
        };
        Ok(Arc::new(Runner { logic, schema }))
    }
}

fn unknown_target(run: &Text) -> Diagnostic {
    let message = format!("`{}` cannot be run", run.as_str());
    let path = run.as_str().trim_start_matches("js:");
    let help = if std::path::Path::new(path).extension().is_some_and(|ending| ending == "js") {
        format!("write `js:{path}#FUNCTION`, with the name of a function that the file exports")
    } else {
        "write `js:FILE.js#FUNCTION`, `builtin:NAME` or `rust:NAME`".to_owned()
    };
    Diagnostic::new(DiagnosticCode::BAD_RUN_TARGET, run.span, message).help(help)
}

/// Looks at what is run; gives the types of its argument and result where they are known.
fn check_target(run: &Text, cx: &mut Check<'_>) -> (Option<Type>, Option<Type>) {
    match Target::read(run.as_str()) {
        None => cx.report(unknown_target(run)),
        Some(Target::Js { path, function }) => check_js(run, path, function, cx),
        Some(Target::Builtin(name)) => match builtin::builtin(name) {
            Some(builtin) => {
                let ty = |schema: Value| Some(Type::from_json_schema(&schema));
                return (ty((builtin.params)()), ty((builtin.result)()));
            }
            None => {
                let names = || builtin::BUILTINS.iter().map(|builtin| builtin.name);
                let help = did_you_mean(name, names())
                    .unwrap_or_else(|| format!("the functions are {}", names().collect::<Vec<_>>().join(", ")));
                let message = format!("there is no function `builtin:{name}`");
                cx.report(Diagnostic::new(DiagnosticCode::BAD_RUN_TARGET, run.span, message).help(help));
            }
        },
        Some(Target::Rust(name)) => return check_rust(run, name, cx),
    }
    (None, None)
}

/// The types of a function of the host program. Where none are known, as when the command line reads an app that another
/// program runs, nothing is said.
fn check_rust(run: &Text, name: &str, cx: &mut Check<'_>) -> (Option<Type>, Option<Type>) {
    let functions = &cx.declared.functions;
    if let Some(function) = functions.get(name) {
        return (Some(function.params.clone()), Some(function.result.clone()));
    }
    if !functions.is_empty() {
        let names = || functions.keys().map(String::as_str);
        let help = did_you_mean(name, names())
            .unwrap_or_else(|| format!("the functions are {}", names().collect::<Vec<_>>().join(", ")));
        let message = format!("no function `{name}` is registered");
        cx.report(Diagnostic::new(DiagnosticCode::BAD_RUN_TARGET, run.span, message).help(help));
    }
    (None, None)
}

/// Reads the file and those it imports, all of which become part of the release, and looks for the function.
fn check_js(run: &Text, path: &str, function: &str, cx: &mut Check<'_>) {
    let Some(file) = cx.file_at(path, run.span) else { return };
    let mut wanted: Vec<(String, Text)> = vec![(path.to_owned(), file)];
    let mut next = 0;
    // What a file imports is found by loading it with what is known so far, until nothing is missing.
    let loaded = loop {
        let known: std::collections::BTreeMap<String, String> =
            wanted.iter().map(|(path, text)| (path.clone(), text.as_str().to_owned())).collect();
        let missing = Arc::new(std::sync::Mutex::new(None));
        let seen = Arc::clone(&missing);
        let result = load(path, move |path| {
            let found = known.get(path).cloned();
            if found.is_none()
                && let Ok(mut seen) = seen.lock()
            {
                seen.get_or_insert(path.to_owned());
            }
            found
        });
        let lacking = missing.lock().ok().and_then(|missing| missing.clone());
        next += 1;
        match lacking {
            Some(import) if next <= 200 => match cx.file_at(&import, run.span) {
                Some(text) => wanted.push((import, text)),
                None => return,
            },
            _ => break result,
        }
    };
    match loaded {
        Err(failure) => cx.report(not_loaded(run, path, &failure, &wanted)),
        Ok(script) => {
            if let Some((message, help)) = script.lacks(function) {
                let name = run.as_str().len() - function.len()..run.as_str().len();
                cx.report(Diagnostic::new(DiagnosticCode::BAD_RUN_TARGET, run.at(name), message).help(help));
            }
        }
    }
}

/// What keeps a file from being loaded, in that file where the failure names a line of it.
fn not_loaded(run: &Text, path: &str, failure: &Failure, files: &[(String, Text)]) -> Diagnostic {
    let frames = failure.causes.iter().flat_map(|cause| cause.lines()).chain([failure.message.as_str()]);
    let places = frames.flat_map(|frame| frame.split([' ', '(', ')']));
    let place = places.into_iter().find_map(|place| {
        let mut parts = place.trim_end_matches(':').splitn(3, ':');
        let (file, line) = (parts.next()?, parts.next()?.parse::<usize>().ok()?);
        let column = parts.next().and_then(|column| column.parse::<usize>().ok()).unwrap_or(1);
        let (_, text) = files.iter().find(|(known, _)| known == file)?;
        let start = text.as_str().split_inclusive('\n').take(line.checked_sub(1)?).map(str::len).sum::<usize>();
        let rest = text.as_str().get(start..)?.lines().next().unwrap_or_default();
        let within = rest.char_indices().nth(column.checked_sub(1)?).map_or(rest.len(), |(at, _)| at);
        Some(text.at(start + within..start + rest.len()))
    });
    let what = failure.message.split_once(": ").filter(|(place, _)| place.contains(".js:")).map_or_else(
        || failure.message.as_str(),
        |(_, what)| what,
    );
    let message = format!("`{path}` cannot be loaded: {what}");
    Diagnostic::new(DiagnosticCode::BAD_RUN_TARGET, place.unwrap_or(run.span), message)
        .label(run.span, "it is named here")
        .help("correct the file")
}

fn load(path: &str, lookup: impl Fn(&str) -> Option<String> + 'static) -> Result<js::Script, Failure> {
    let source = lookup(path).ok_or_else(|| Failure::new(FailureClass::Code, format!("`{path}` cannot be read")))?;
    js::Script::load(path, &source, lookup, js::Limits::default())
}

enum Logic {
    Js { script: js::Script, function: String },
    Builtin(&'static builtin::Builtin),
    Rust { function: Arc<Function>, endpoint: Endpoint },
}

struct Runner {
    logic: Logic,
    schema: Option<Schema>,
}

impl Node for Runner {
    fn call<'a>(&'a self, input: Arc<Value>, call: &'a Call) -> BoxFuture<'a, Result<Outcome, Failure>> {
        Box::pin(async move {
            let argument = input.get("with").cloned().unwrap_or_else(|| Value::Object(Map::new()));
            match &self.logic {
                Logic::Builtin(builtin) => {
                    let fault = |cause: String| Failure::new(FailureClass::Code, format!("{}: {cause}", builtin.name));
                    self.checked((builtin.run)(&argument).map_err(fault)?).map(Outcome::value)
                }
                Logic::Js { script, function } => {
                    let (script, function) = (script.clone(), function.clone());
                    let value = stop::blocking(move || script.call(&function, &argument)).await?;
                    self.checked(value).map(Outcome::value)
                }
                Logic::Rust { function, endpoint } => {
                    let effect = Effect {
                        name: "function",
                        class: EffectClass::Idempotent,
                        endpoints: std::slice::from_ref(endpoint),
                        reserve: Spent::default(),
                        until: None,
                        doubt: None,
                    };
                    let recorded = call.effect(effect, &Calling { function: &**function, argument }).await?;
                    self.checked(Value::clone(&recorded.value))?;
                    Ok(recorded.into_outcome())
                }
            }
        })
    }
}

impl Runner {
    /// The result, if it is what the node says it gives.
    fn checked(&self, mut value: Value) -> Result<Value, Failure> {
        let Some(schema) = &self.schema else { return Ok(value) };
        schema.fill_defaults(&mut value);
        match schema.check(&value) {
            Ok(()) => Ok(value),
            Err(violations) => {
                let failure = Failure::new(FailureClass::Code, "the result does not fit the node's `output`");
                Err(violations.into_iter().map(|violation| violation.message).fold(failure, Failure::because))
            }
        }
    }
}

struct Calling<'f> {
    function: &'f Function,
    argument: Value,
}

impl Work for Calling<'_> {
    fn attempt<'a>(&'a self, _endpoint: usize, _attempt: &'a Attempt) -> BoxFuture<'a, Tried> {
        Box::pin(async move { (self.function)(self.argument.clone()).await.into() })
    }
}

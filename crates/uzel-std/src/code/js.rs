//! Sandboxed JavaScript for `run: "js:file.js#function"`: ES modules in QuickJS without I/O, clock or randomness, with
//! limits on time, memory, stack and result. Run by code nodes.
//!
//! Every call has a runtime of its own, so nothing stays from one call to the next and equal arguments give equal
//! results. A call blocks: run it off the async threads.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    rc::Rc,
    sync::Arc,
    time::{Duration, Instant},
};

use rquickjs::{Context, Ctx, Function, Module, Object, Promise, Runtime, context::intrinsic};
use serde_json::Value;
use uzel_core::failure::{Failure, FailureClass};

use crate::stop;

mod errors;
mod modules;

use errors::Fault;

const PRELUDE: &str = include_str!("js/prelude.js");
/// Longest module, in bytes, and how many a script may have.
const MAX_SOURCE: usize = 2 << 20;
const MAX_MODULES: usize = 200;
/// The biggest integer that a JavaScript number holds exactly.
const MAX_EXACT: u64 = (1 << 53) - 1;

/// What one call may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// In bytes, the argument and the result included.
    pub memory: usize,
    /// In bytes. The calling thread must have twice as much to spare.
    pub stack: usize,
    /// Wall-clock time, loading included.
    pub time: Duration,
    /// The result as JSON, in bytes.
    pub result: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { memory: 64 << 20, stack: 512 << 10, time: Duration::from_secs(1), result: 1 << 20 }
    }
}

/// A module with everything it imports, checked and ready to be called from any thread.
#[derive(Clone, Debug)]
pub struct Script {
    name: String,
    sources: Arc<BTreeMap<String, String>>,
    exports: Vec<String>,
    limits: Limits,
}

impl Script {
    /// Loads a module: `name` is its path as shown in errors (`logic/orders.js`), `lookup` gives the text of a file by
    /// its path (`./prices.js` in `logic/orders.js` is `logic/prices.js`); nothing else can be imported.
    /// The top level of the module runs once, to see that it does.
    ///
    /// Errors (`code`): syntax, an import that `lookup` does not know, an exception at the top level; (`limit`).
    pub fn load(
        name: &str,
        source: &str,
        lookup: impl Fn(&str) -> Option<String> + 'static,
        limits: Limits,
    ) -> Result<Self, Failure> {
        let sources = Rc::new(RefCell::new(BTreeMap::from([(name.to_owned(), source.to_owned())])));
        let loader = modules::Files { known: sources.clone(), lookup: Some(Rc::new(lookup)) };
        let exports = run(name, loader, limits, |_, namespace| {
            let names = namespace.keys::<String>().collect::<Result<Vec<_>, _>>()?;
            Ok(names.into_iter().filter(|name| namespace.get::<_, Function<'_>>(name.as_str()).is_ok()).collect())
        })?;
        let sources = Arc::new(sources.borrow().clone());
        Ok(Self { name: name.to_owned(), sources, exports, limits })
    }

    /// The names of the exported functions, sorted.
    pub fn exports(&self) -> &[String] {
        &self.exports
    }

    /// The files that the script was loaded from: the first module and what it imports, by path.
    pub fn files(&self) -> impl Iterator<Item = (&str, &str)> {
        self.sources.iter().map(|(path, text)| (path.as_str(), text.as_str()))
    }

    /// Why there is no such function, and what to do, with the nearest name; nothing if there is one.
    pub fn lacks(&self, function: &str) -> Option<(String, String)> {
        if self.exports.iter().any(|name| name == function) {
            return None;
        }
        let near = self.exports.iter().map(|name| (strsim::jaro_winkler(name, function), name));
        let near = near.filter(|(score, _)| *score > 0.75).max_by(|a, b| a.0.total_cmp(&b.0));
        let hint = match (near, self.exports.is_empty()) {
            (Some((_, name)), _) => format!("did you mean `{name}`?"),
            (None, true) => "it exports no function: write `export function`".to_owned(),
            (None, false) => format!("it exports `{}`", self.exports.join("`, `")),
        };
        Some((format!("there is no function `{function}` in {}", self.name), hint))
    }

    /// Calls an exported function with one argument and gives back its result, or that of the promise it returns.
    /// Both are JSON as `JSON.stringify` makes it: `undefined` at the top is null.
    ///
    /// Errors: `invalid` (no such function, an integer that JavaScript cannot hold), `code` (an exception, a promise
    /// that is never settled), `limit` (time, memory, stack, the size of the result).
    pub fn call(&self, function: &str, argument: &Value) -> Result<Value, Failure> {
        if let Some((message, hint)) = self.lacks(function) {
            return Err(Failure::new(FailureClass::Invalid, format!("{message}; {hint}")));
        }
        if let Some(place) = inexact(argument) {
            let message = format!("the integer at {place} is too big for a JavaScript number: pass it as text");
            return Err(Failure::new(FailureClass::Invalid, message));
        }
        let known = Rc::new(RefCell::new((*self.sources).clone()));
        let loader = modules::Files { known, lookup: None };
        let limit = self.limits.result;
        run(&self.name, loader, self.limits, |ctx, namespace| {
            let argument = ctx.json_parse(argument.to_string())?;
            let called: rquickjs::Value<'_> = namespace.get::<_, Function<'_>>(function)?.call((argument,))?;
            let result = match called.as_promise() {
                Some(promise) => settle(promise)?,
                None => called,
            };
            if result.is_function() || result.is_symbol() {
                let message = format!("`{function}` returned a {}, a result must be JSON", result.type_name());
                return Err(Fault::Other(FailureClass::Code, message));
            }
            let Some(json) = ctx.json_stringify(result)? else { return Ok(Value::Null) };
            let json = json.to_string()?;
            if json.len() > limit {
                let message =
                    format!("the result of `{function}` has {} bytes, at most {limit} are allowed", json.len());
                return Err(Fault::Other(FailureClass::Limit, message));
            }
            let mut value = serde_json::from_str(&json).map_err(|error| {
                Fault::Other(FailureClass::Code, format!("the result of `{function}` cannot be used: {error}"))
            })?;
            mark_floats(&mut value);
            Ok(value)
        })
    }
}

/// Makes a runtime, loads the module `name`, and does `work` with what it exports.
fn run<T>(
    name: &str,
    loader: modules::Files,
    limits: Limits,
    work: impl for<'js> FnOnce(&Ctx<'js>, &Object<'js>) -> Result<T, Fault>,
) -> Result<T, Failure> {
    let broken = |error: rquickjs::Error| Failure::new(FailureClass::Bug, "QuickJS does not start").because(error);
    let runtime = Runtime::new().map_err(broken)?;
    runtime.set_memory_limit(limits.memory);
    runtime.set_max_stack_size(limits.stack);
    let late = Rc::new(Cell::new(false));
    let (end, mark) = (now() + limits.time, late.clone());
    runtime.set_interrupt_handler(Some(Box::new(move || {
        let over = now() >= end || stop::is_stopped();
        mark.set(mark.get() || over);
        over
    })));
    let source = loader.known.borrow().get(name).cloned().unwrap_or_default();
    modules::admit(name, &source)?;
    runtime.set_loader(loader.clone(), loader);
    type Kept = (
        intrinsic::Date,
        intrinsic::Eval,
        intrinsic::RegExpCompiler,
        intrinsic::RegExp,
        intrinsic::Json,
        intrinsic::Proxy,
        intrinsic::MapSet,
        intrinsic::TypedArrays,
        intrinsic::Promise,
    );
    let context = Context::custom::<Kept>(&runtime).map_err(broken)?;
    context.with(|ctx| {
        let done = (|| {
            ctx.eval::<(), _>(PRELUDE)?;
            let (module, promise) = Module::declare(ctx.clone(), name, source)?.eval()?;
            let _: rquickjs::Value<'_> = settle(&promise)?;
            work(&ctx, &module.namespace()?)
        })();
        done.map_err(|fault| fault.into_failure(&ctx, late.get(), limits))
    })
}

/// Runs the job queue until the promise is settled.
fn settle<'js>(promise: &Promise<'js>) -> Result<rquickjs::Value<'js>, Fault> {
    promise.finish().map_err(|error| match error {
        rquickjs::Error::WouldBlock => {
            Fault::Other(FailureClass::Code, "it waits for a promise that nothing settles".to_owned())
        }
        error => Fault::Engine(error),
    })
}

#[expect(clippy::disallowed_methods, reason = "a limit for code that does not end; it shows in no result")]
fn now() -> Instant {
    Instant::now()
}

/// The place of an integer that would change on its way into JavaScript.
fn inexact(value: &Value) -> Option<String> {
    match value {
        Value::Number(number) => {
            let size = number.as_u64().or_else(|| number.as_i64().map(i64::unsigned_abs))?;
            (size > MAX_EXACT).then(|| "/".to_owned())
        }
        Value::Array(items) => items.iter().enumerate().find_map(|(at, item)| below(&at.to_string(), item)),
        Value::Object(fields) => fields.iter().find_map(|(name, field)| below(name, field)),
        _ => None,
    }
}

fn below(name: &str, value: &Value) -> Option<String> {
    inexact(value).map(|place| format!("/{name}{}", place.trim_end_matches('/')))
}

/// JavaScript writes 1e20 as an integer with digits that it does not have: beyond 2^53 numbers stay floats.
fn mark_floats(value: &mut Value) {
    match value {
        Value::Number(number) => {
            let size = number.as_u64().or_else(|| number.as_i64().map(i64::unsigned_abs));
            if size.is_some_and(|size| size > MAX_EXACT)
                && let Some(float) = number.as_f64().and_then(serde_json::Number::from_f64)
            {
                *number = float;
            }
        }
        Value::Array(items) => items.iter_mut().for_each(mark_floats),
        Value::Object(fields) => fields.values_mut().for_each(mark_floats),
        _ => {}
    }
}

#[cfg(test)]
mod tests;

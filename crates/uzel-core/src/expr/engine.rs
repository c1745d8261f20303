//! The one engine all expressions run in: what it offers, its limits, and its errors as failures.

use std::{
    io,
    sync::{Arc, LazyLock},
};

use minijinja::{
    AutoEscape, Environment, Error, ErrorKind, Output, State, UndefinedBehavior, Value as Seen,
    value::{Kwargs, Rest, ValueKind},
};
use serde_json::Value;

use super::{
    lazy::{Unfit, expose, to_json},
    table,
};
use crate::failure::{Failure, FailureClass};

/// Fuel of one evaluation: about one unit for an instruction, and one for 64 bytes made or read.
pub const FUEL: u64 = 200_000;

/// Bytes that a template or an interpolated text may become.
pub const OUTPUT_LIMIT: usize = 1_000_000;

/// Bytes, about, that the value of an expression may have.
pub const VALUE_LIMIT: usize = 16_000_000;

/// Macros that call macros.
const RECURSION: usize = 50;

/// The method that field access is compiled to: unlike the engine's own access it gives null for null.
pub(super) const ACCESS: &str = "at_";

/// The filter that makes texts of operands: the engine's own `~` and filters would write null and truth values as
/// Python does.
pub(super) const PRINT: &str = "print_";

/// Filters of texts, before which a value is printed.
pub(super) const TEXTUAL: [&str; 9] =
    ["capitalize", "indent", "lines", "lower", "replace", "split", "title", "trim", "upper"];

/// The engine without templates.
pub(super) static ENGINE: LazyLock<Environment<'static>> = LazyLock::new(make);

fn make() -> Environment<'static> {
    let mut engine = Environment::new();
    engine.set_fuel(Some(FUEL));
    engine.set_recursion_limit(RECURSION);
    engine.set_undefined_behavior(UndefinedBehavior::Chainable);
    engine.set_auto_escape_callback(|_| AutoEscape::None);
    // Debug mode is what makes errors carry the range of the expression that failed.
    engine.set_debug(true);
    engine.set_formatter(format);
    engine.set_unknown_method_callback(|_, value, method, args| match (method, args) {
        (ACCESS, [key]) => access(value, key),
        _ => Err(Error::from(ErrorKind::UnknownMethod)),
    });
    for name in table::REMOVED_FILTERS {
        engine.remove_filter(name);
    }
    for name in table::REMOVED_TESTS {
        engine.remove_test(name);
    }
    for name in table::REMOVED_FUNCTIONS {
        engine.remove_global(name);
    }
    engine.add_filter("default", default);
    engine.add_filter("d", default);
    engine.add_filter("tojson", to_json_text);
    engine.add_filter("from_json", from_json);
    engine.add_filter("string", |value: &Seen| print(value).map_err(|unfit| error_of(unfit, "string")));
    engine.add_filter(PRINT, |value: &Seen| print(value).map_err(|unfit| error_of(unfit, "`~`")));
    engine.add_filter("join", join);
    engine
}

/// A field or item. Null has every field, and each is null; a field that a map lacks is undefined.
pub(super) fn access(value: &Seen, key: &Seen) -> Result<Seen, Error> {
    if value.is_none() || value.is_undefined() {
        return Ok(value.clone());
    }
    // A key that cannot be one (a map as an index) is as absent as any other.
    Ok(value.get_item(key).unwrap_or(Seen::UNDEFINED))
}

/// Like Jinja's, but for null too: absent fields and skipped nodes are null here. `default(none)` gives null.
fn default(value: &Seen, args: Rest<Seen>) -> Result<Seen, Error> {
    let (other, falsy) = match args.as_slice() {
        [] => (None, false),
        [other] => (Some(other), false),
        [other, falsy] => (Some(other), falsy.is_true()),
        _ => return Err(Error::from(ErrorKind::TooManyArguments)),
    };
    let absent = value.is_undefined() || value.is_none() || (falsy && !value.is_true());
    Ok(if absent { other.cloned().unwrap_or_else(|| Seen::from("")) } else { value.clone() })
}

/// JSON as it is; the engine's own filter escapes `<` and `&` for HTML, which models misread.
fn to_json_text(state: &State<'_, '_>, value: &Seen, indent: Option<bool>) -> Result<String, Error> {
    let json = to_json(value, VALUE_LIMIT).map_err(|unfit| error_of(unfit, "tojson"))?;
    let text = if indent == Some(true) { serde_json::to_string_pretty(&json) } else { serde_json::to_string(&json) };
    let text = text.map_err(|error| Error::new(ErrorKind::InvalidOperation, error.to_string()))?;
    state.consume_fuel(text.len() as u64 / 4)?;
    Ok(text)
}

/// Items as they print, with something between.
fn join(
    state: &State<'_, '_>,
    value: &Seen,
    between: Option<&Seen>,
    attribute: Option<&str>,
    kwargs: Kwargs,
) -> Result<String, Error> {
    let attribute = attribute.map_or_else(|| kwargs.get::<Option<&str>>("attribute"), |name| Ok(Some(name)))?;
    let between = match between.map_or_else(|| kwargs.get::<Option<&Seen>>("d"), |between| Ok(Some(between)))? {
        Some(between) => print(between).map_err(|unfit| error_of(unfit, "join"))?,
        None => String::new(),
    };
    kwargs.assert_all_used()?;
    let mut joined = String::new();
    for (index, item) in value.try_iter()?.enumerate() {
        let mut names = attribute.into_iter().flat_map(|path| path.split('.'));
        let item = names.try_fold(item, |item, name| {
            access(&item, &name.parse::<usize>().map_or_else(|_| Seen::from(name), Seen::from))
        })?;
        let text = print(&item).map_err(|unfit| error_of(unfit, "join"))?;
        state.consume_fuel(1 + (between.len() + text.len()) as u64 / 64)?;
        if index > 0 {
            joined.push_str(&between);
        }
        joined.push_str(&text);
    }
    Ok(joined)
}

fn from_json(state: &State<'_, '_>, text: &str) -> Result<Seen, Error> {
    state.consume_fuel(text.len() as u64 / 4)?;
    let value: Value = serde_json::from_str(text)
        .map_err(|error| Error::new(ErrorKind::InvalidOperation, format!("the text is not JSON: {error}")))?;
    Ok(expose(&Arc::new(value)))
}

fn error_of(unfit: Unfit, what: &str) -> Error {
    let detail = match unfit {
        Unfit::Undefined => return Error::from(ErrorKind::UndefinedError),
        Unfit::Broken => return Error::from(ErrorKind::OutOfFuel),
        other => describe(other),
    };
    Error::new(ErrorKind::InvalidOperation, format!("{what}: {detail}"))
}

/// What is wrong with a result, after "the expression `…`".
pub(super) fn describe(unfit: Unfit) -> &'static str {
    match unfit {
        Unfit::Undefined => "is undefined",
        Unfit::Number => "gives a number that is infinite, not a number or beyond 64 bits",
        Unfit::TooLarge => "gives more than 16 MB",
        Unfit::TooDeep => "gives a value that is nested too deeply",
        Unfit::NoValue => "gives a macro or a function, not a value",
        Unfit::Broken => "ran out of fuel",
    }
}

fn format(out: &mut Output<'_>, _: &mut State<'_, '_>, value: &Seen) -> Result<(), Error> {
    let text = print(value).map_err(|unfit| error_of(unfit, "printing"))?;
    out.write_str(&text).map_err(Error::from)
}

/// A value in a text: null is empty, texts are themselves, lists and maps are JSON.
pub(super) fn print(value: &Seen) -> Result<String, Unfit> {
    if let Some(text) = value.as_str() {
        return Ok(text.to_owned());
    }
    match value.kind() {
        ValueKind::Undefined => Err(Unfit::Undefined),
        ValueKind::None => Ok(String::new()),
        ValueKind::Bool => Ok(if value.is_true() { "true" } else { "false" }.to_owned()),
        ValueKind::Number => Ok(value.to_string()),
        _ => Ok(to_json(value, 4 * OUTPUT_LIMIT)?.to_string()),
    }
}

/// A writer that refuses what is beyond the limit.
#[derive(Default)]
pub(super) struct Bounded(pub(super) Vec<u8>);

/// What [`Bounded`] says when it is full.
const FULL: &str = "the output is full";

impl io::Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > OUTPUT_LIMIT {
            return Err(io::Error::other(FULL));
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The failure of an evaluation; `text` is the part of the source that failed.
pub(super) fn failure(error: &Error, text: &str) -> Failure {
    match error.kind() {
        ErrorKind::OutOfFuel => out_of_fuel(text),
        ErrorKind::WriteFailure => {
            Failure::new(FailureClass::Limit, format!("the text that `{text}` is part of becomes longer than 1 MB"))
        }
        ErrorKind::UndefinedError if error.detail().is_none_or(|d| !d.contains("object")) => {
            Failure::new(FailureClass::Code, format!("`{text}` is undefined"))
        }
        kind => {
            let mut why = error.detail().map_or_else(|| kind.to_string(), str::to_owned);
            let mut source = std::error::Error::source(error);
            while let Some(inner) = source {
                why = format!("{why}: {inner}");
                source = inner.source();
            }
            Failure::new(FailureClass::Code, format!("the expression `{text}` failed: {why}"))
        }
    }
}

pub(super) fn out_of_fuel(text: &str) -> Failure {
    Failure::new(FailureClass::Limit, format!("the expression `{text}` used up its {FUEL} units of fuel"))
}

/// The failure of a result that is no value.
pub(super) fn unfit(unfit: Unfit, text: &str) -> Failure {
    match unfit {
        Unfit::Broken => out_of_fuel(text),
        Unfit::Undefined => Failure::new(FailureClass::Code, format!("`{text}` is undefined")),
        Unfit::TooLarge => Failure::new(FailureClass::Limit, format!("the expression `{text}` {}", describe(unfit))),
        _ => Failure::new(FailureClass::Code, format!("the expression `{text}` {}", describe(unfit))),
    }
}

//! The functions that `run: "builtin:name"` can name: small, pure, exact, each with schemas of its parameters and its
//! result. Listed explicitly in [`BUILTINS`]; run by code nodes.

use schemars::JsonSchema;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

mod dates;
mod lists;
mod numbers;
mod texts;

/// A function that ships with uzel.
#[derive(Clone, Copy, Debug)]
pub struct Builtin {
    /// As written after `builtin:`.
    pub name: &'static str,
    /// One sentence for the reference.
    pub doc: &'static str,
    /// JSON Schema of the argument, an object.
    pub params: fn() -> Value,
    /// JSON Schema of the result.
    pub result: fn() -> Value,
    /// Errors are one sentence that names the parameter.
    pub run: fn(&Value) -> Result<Value, String>,
}

/// The function with a name.
pub fn builtin(name: &str) -> Option<&'static Builtin> {
    BUILTINS.iter().find(|builtin| builtin.name == name)
}

macro_rules! builtins {
    ($($module:ident::$name:ident($params:ident) -> $result:ty: $doc:literal;)*) => {
        /// All functions, by name.
        pub const BUILTINS: &[Builtin] = &[$(Builtin {
            name: stringify!($name),
            doc: $doc,
            params: schema::<$module::$params>,
            result: schema::<$result>,
            run: |argument| typed(argument, $module::$name),
        }),*];
    };
}

builtins! {
    texts::chunk_text(ChunkText) -> Vec<texts::Chunk>: "Cuts a text into chunks at paragraphs, sentences or words, with an overlap.";
    lists::concat(Concat) -> Value: "Joins lists into one list, or texts into one text.";
    dates::date_add(DateAdd) -> String: "Adds days, months or other units to a date.";
    dates::date_diff(DateDiff) -> i64: "Counts the whole units from one date to another.";
    texts::hash(Hash) -> String: "SHA-256 of a text, or of the canonical JSON of another value, in hexadecimal.";
    texts::json_parse(JsonParse) -> Value: "Reads JSON from a text, also from a fenced block of Markdown.";
    texts::json_stringify(JsonStringify) -> String: "Writes a value as JSON.";
    lists::merge(Merge) -> Value: "Merges objects, later ones over earlier ones, on every level if `deep`.";
    lists::pick(Pick) -> Value: "Keeps the named fields of an object, or of every object in a list.";
    numbers::round_money(RoundMoney) -> serde_json::Number: "Rounds an amount of money to its decimals, exactly as written.";
    lists::sort_by(SortBy) -> Vec<Value>: "Sorts a list by a field; equal ones stay in their order.";
    numbers::sum(Sum) -> serde_json::Number: "Adds numbers in decimal: 0.1 and 0.2 is 0.3.";
    lists::unique(Unique) -> Vec<Value>: "Keeps the first of equal values, or of objects with an equal field.";
}

fn schema<T: JsonSchema>() -> Value {
    schemars::schema_for!(T).to_value()
}

fn typed<P: DeserializeOwned, R: Serialize>(
    argument: &Value,
    run: fn(P) -> Result<R, String>,
) -> Result<Value, String> {
    let params = P::deserialize(argument).map_err(|error| format!("the parameters do not fit: {error}"))?;
    serde_json::to_value(run(params)?).map_err(|error| format!("the result is no JSON: {error}"))
}

#[cfg(test)]
mod tests;

//! Words of the command line to values: inputs, flags, forms. A text becomes what its field's type says.

use std::{collections::BTreeMap, io::Read, path::Path};

use serde_json::{Map, Value};
use uzel_core::{
    diagnostic::{Code, did_you_mean},
    graph::Graph,
    schema::{FieldLookup, Type},
};
use uzel_runtime::engine::{self, check_input};

use crate::{exit::Error, project::read_file};

/// The most that one input file may hold.
const MOST_INPUT: u64 = 64 * 1024 * 1024;
/// The most that a file of inputs may hold.
const MOST_INPUTS: u64 = 1024 * 1024 * 1024;

/// `k=v`, JSON and `@file.json`, merged in order.
pub(crate) fn values(option: &str, words: &[String], ty: &Type) -> Result<Value, Error> {
    let mut fields = Map::new();
    for word in words {
        if let Some(path) = word.strip_prefix('@') {
            let bytes = bytes(option, path, MOST_INPUT)?;
            fields.append(&mut object(&format!("{option} {word}"), &bytes)?);
        } else if word.trim_start().starts_with('{') {
            fields.append(&mut object(option, word.as_bytes())?);
        } else if let Some((name, text)) = word.split_once('=') {
            fields.insert(name.to_owned(), typed(text, field(ty, name).as_ref()));
        } else {
            return Err(Error::usage(format!("`{option} {word}` is not understood"))
                .hint(format!("write `{option} NAME=VALUE`, `{option} '{{\"NAME\": …}}'` or `{option} @FILE.json`")));
        }
    }
    Ok(Value::Object(fields))
}

/// One value of any type: `k=v` and JSON objects are merged as for [`values`], other JSON is taken as it is.
pub(crate) fn payload(option: &str, words: &[String], ty: &Type) -> Result<Value, Error> {
    let [word] = words else {
        return if words.is_empty() { Ok(Value::Null) } else { values(option, words, ty) };
    };
    if let Some(path) = word.strip_prefix('@') {
        let bytes = bytes(option, path, MOST_INPUT)?;
        return serde_json::from_slice(&bytes)
            .map_err(|error| Error::usage(format!("`{option} {word}` is not JSON")).cause(error.to_string()));
    }
    let text = Value::from(word.as_str());
    match serde_json::from_str(word) {
        _ if !ty.is_any() && ty.accepts_value(&text) => Ok(text),
        Ok(json) => Ok(json),
        Err(_) => values(option, words, ty),
    }
}

fn field(ty: &Type, name: &str) -> Option<Type> {
    match ty.field(name) {
        FieldLookup::Found(ty, _) => Some(ty),
        _ => None,
    }
}

/// What a text is for a field: itself where a text fits, else the JSON that it is, if it is any.
fn typed(text: &str, ty: Option<&Type>) -> Value {
    let as_text = Value::String(text.to_owned());
    if ty.is_some_and(|ty| ty.accepts_value(&as_text)) {
        return as_text;
    }
    match (serde_json::from_str(text), ty) {
        (Ok(json), Some(_)) => json,
        _ => as_text,
    }
}

fn object(what: &str, bytes: &[u8]) -> Result<Map<String, Value>, Error> {
    match serde_json::from_slice(bytes) {
        Ok(Value::Object(map)) => Ok(map),
        Ok(_) => Err(Error::usage(format!("`{what}` must be a JSON object, such as {{\"name\": \"value\"}}"))),
        Err(error) => Err(Error::usage(format!("`{what}` is not JSON")).cause(error.to_string())),
    }
}

/// A file's bytes, or those of standard input for `-`.
fn bytes(option: &str, path: &str, most: u64) -> Result<Vec<u8>, Error> {
    let failed = |cause: String| Error::usage(format!("`{option}`: `{path}` cannot be read: {cause}"));
    let bytes = if path == "-" {
        let mut bytes = vec![];
        std::io::stdin().lock().take(most + 1).read_to_end(&mut bytes).map_err(|error| failed(error.to_string()))?;
        bytes
    } else {
        read_file(Path::new(path), most + 1).map_err(failed)?
    };
    let mib = most / (1024 * 1024);
    if bytes.len() as u64 > most { Err(failed(format!("it is larger than {mib} MiB"))) } else { Ok(bytes) }
}

/// A file of inputs, one JSON object a line.
pub(crate) fn lines_of(path: &str) -> Result<String, Error> {
    let bytes = bytes("--inputs", path, MOST_INPUTS)?;
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let line = error.as_bytes().iter().take(at).filter(|b| **b == b'\n').count() + 1;
        Error::usage(format!("`{path}` is not UTF-8 text in line {line}"))
    })
}

/// Values of flags, checked.
pub(crate) fn flags(graph: &Graph, words: &[String]) -> Result<BTreeMap<String, Value>, Error> {
    let mut flags = BTreeMap::new();
    for word in words {
        // A bare name turns a flag on.
        let (name, text) = word.split_once('=').unwrap_or((word, "true"));
        let Some(flag) = graph.flags.get(name) else {
            let names = || graph.flags.keys().map(String::as_str);
            let hint = did_you_mean(name, names()).unwrap_or_else(|| match names().next() {
                None => "the app has no flags".to_owned(),
                Some(_) => format!("the app's flags are {}", names().collect::<Vec<_>>().join(", ")),
            });
            return Err(Error::usage(format!("there is no flag `{name}`")).hint(hint));
        };
        let value = typed(text, Some(&flag.schema.ty));
        if flag.schema.check(&value).is_err() {
            return Err(Error::usage(format!("flag `{name}` must be {}, found `{text}`", flag.schema.ty)));
        }
        flags.insert(name.to_owned(), value);
    }
    Ok(flags)
}

/// The input with its defaults, or what does not fit, with a list of what the app takes.
pub(crate) fn checked(graph: &Graph, input: Value) -> Result<Value, Error> {
    check_input(graph, input).map_err(|error| match error {
        engine::Error::BadInput(causes) => {
            let mut error = Error::usage(format!("the input does not fit `{}`", graph.name)).code(Code::BAD_INPUT);
            error.causes = causes;
            error.hint(takes(graph))
        }
        error => error.into(),
    })
}

/// What an app takes, in a table.
fn takes(graph: &Graph) -> String {
    let Type::Object(object) = &graph.inputs.ty else { return format!("the app takes {}", graph.inputs.ty) };
    if object.fields.is_empty() {
        return "the app takes no input".to_owned();
    }
    let width = object.fields.keys().map(|name| name.chars().count()).max().unwrap_or(0);
    let rows = object.fields.iter().map(|(name, field)| {
        let rest = match (&field.default, field.required && !field.ty.may_be_null()) {
            (Some(default), _) => format!(", {default} if not given"),
            (None, true) => String::new(),
            (None, false) => ", may be left out".to_owned(),
        };
        format!("\n  {name:width$}  {}{rest}", field.ty)
    });
    format!("the app takes{}", rows.collect::<String>())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(words: &[&str]) -> Value {
        let ty = Type::object([
            ("text", Type::String),
            ("note", Type::String.or_null()),
            ("n", Type::Integer),
            ("on", Type::Boolean),
            ("list", Type::list(Type::Integer)),
            ("mood", Type::texts(["good", "bad"])),
        ]);
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        values("--input", &words, &ty).unwrap_or_else(|error| json!(error.heading))
    }

    #[test]
    fn a_text_becomes_what_the_field_takes() {
        let words = ["text=12", "note=null", "n=12", "on=true", "list=[1, 2]", "mood=good", "other=3"];
        let wanted =
            json!({ "text": "12", "note": "null", "n": 12, "on": true, "list": [1, 2], "mood": "good", "other": "3" });
        assert_eq!(read(&words), wanted);
        assert_eq!(read(&["n=many"]), json!({ "n": "many" }));
        assert_eq!(read(&["text=a=b", "{\"text\": \"c\", \"n\": 1}"]), json!({ "text": "c", "n": 1 }));
    }

    #[test]
    fn a_payload_may_be_of_any_type() {
        let read = |words: &[&str], ty: Type| {
            let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
            payload("--value", &words, &ty).unwrap_or_else(|error| json!(error.heading))
        };
        assert_eq!(read(&[], Type::Any), Value::Null);
        assert_eq!(read(&["12"], Type::String), json!("12"));
        assert_eq!(read(&["12"], Type::Any), json!(12));
        assert_eq!(read(&["[1]"], Type::list(Type::Integer)), json!([1]));
        assert_eq!(read(&["a=1", "b=x"], Type::object([("a", Type::Integer)])), json!({ "a": 1, "b": "x" }));
        assert_eq!(read(&["paid"], Type::texts(["paid"])), json!("paid"));
        assert_eq!(read(&["paid"], Type::Any), json!("`--value paid` is not understood"));
    }

    #[test]
    fn what_is_no_input_is_said() {
        assert_eq!(read(&["hello"]), json!("`--input hello` is not understood"));
        assert_eq!(read(&["{nope"]), json!("`--input` is not JSON"));
        assert_eq!(read(&["@nowhere.json"]), json!("`--input`: `nowhere.json` cannot be read: there is no such file"));
    }
}

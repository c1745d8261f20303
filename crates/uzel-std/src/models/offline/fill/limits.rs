//! The limits that a schema sets on numbers and strings, and neutral values within them; used throughout `fill`.

use regex::{Regex, RegexBuilder};
use serde_json::{Map, Number, Value};

use super::shape::{Branch, Kind, Shape};
use crate::models::offline::sentences::Sentence;

/// Depth to which neutral objects and arrays are made.
const MAX_DEPTH: usize = 12;
/// Items that a neutral array is filled up to.
const MAX_ITEMS: u64 = 50;

fn limit(schema: &Value, key: &str) -> Option<f64> {
    schema.get(key).and_then(Value::as_f64)
}

/// `value` as JSON, if the schema's limits allow it.
pub(super) fn number(schema: &Value, value: f64, whole: bool) -> Option<Value> {
    let inside = limit(schema, "minimum").is_none_or(|low| value >= low)
        && limit(schema, "maximum").is_none_or(|high| value <= high)
        && limit(schema, "exclusiveMinimum").is_none_or(|low| value > low)
        && limit(schema, "exclusiveMaximum").is_none_or(|high| value < high)
        && limit(schema, "multipleOf").is_none_or(|step| is_multiple(value, step));
    if !inside || !value.is_finite() {
        return None;
    }
    // Whole numbers are written without a point, whatever the type.
    if value.fract() == 0.0 && value.abs() < 9e15 {
        return Some(Value::from(value as i64));
    }
    if whole {
        None
    } else {
        Number::from_f64(value).map(Value::Number)
    }
}

fn is_multiple(value: f64, step: f64) -> bool {
    let times = value / step;
    step > 0.0 && (times - times.round()).abs() < 1e-9
}

/// 0, or the number nearest to it that the limits allow.
fn neutral_number(schema: &Value, whole: bool) -> Option<Value> {
    let step = limit(schema, "multipleOf").filter(|step| *step > 0.0);
    let unit = step.unwrap_or(if whole { 1.0 } else { 0.0 });
    let low = [limit(schema, "minimum"), limit(schema, "exclusiveMinimum")]
        .into_iter()
        .flatten()
        .reduce(f64::max);
    let high = [limit(schema, "maximum"), limit(schema, "exclusiveMaximum")]
        .into_iter()
        .flatten()
        .reduce(f64::min);
    let mut tries = vec![0.0];
    for edge in [low, high].into_iter().flatten() {
        tries.push(edge);
        if unit > 0.0 {
            let times = (edge / unit).round();
            tries.extend([times, times + 1.0, times - 1.0].map(|times| times * unit));
            if whole {
                tries.extend([
                    edge.ceil(),
                    edge.floor(),
                    edge.floor() + 1.0,
                    edge.ceil() - 1.0,
                ]);
            }
        } else {
            tries.extend([edge + 1.0, edge - 1.0]);
        }
    }
    if let (Some(low), Some(high)) = (low, high) {
        tries.push(f64::midpoint(low, high));
    }
    tries
        .into_iter()
        .find_map(|value| number(schema, value, whole))
}

/// The schema's `pattern`, if it has one that can be read. JSON Schema's dialect is nearly this one.
pub(super) fn pattern(schema: &Value) -> Option<Result<Regex, String>> {
    let text = schema.get("pattern")?.as_str()?;
    let built = RegexBuilder::new(text).size_limit(1 << 20).build();
    Some(
        built.map_err(|_| {
            format!("its pattern `{text}` is not one that the offline model can read")
        }),
    )
}

/// Whether the schema's length limits and pattern allow `text`.
pub(super) fn allows_text(schema: &Value, text: &str) -> bool {
    let length = text.chars().count() as u64;
    let get = |key: &str| schema.get(key).and_then(Value::as_u64);
    get("minLength").is_none_or(|low| length >= low)
        && get("maxLength").is_none_or(|high| length <= high)
        && pattern(schema).is_none_or(|pattern| pattern.is_ok_and(|pattern| pattern.is_match(text)))
}

/// `text` cut at a word to the schema's `maxLength` (in characters, as JSON Schema counts).
pub(super) fn shortened(schema: &Value, text: &str) -> String {
    let Some(most) = schema
        .get("maxLength")
        .and_then(Value::as_u64)
        .map(|most| most as usize)
    else {
        return text.to_owned();
    };
    cut(text, most)
}

/// At most `most` characters of `text`, ending at a word and with `…` if anything was left out.
pub(super) fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let head: String = text.chars().take(most.saturating_sub(1)).collect();
    let stop = head
        .rfind(' ')
        .filter(|stop| *stop > head.len() / 2)
        .unwrap_or(head.len());
    let mut out = head[..stop]
        .trim_end_matches([' ', ',', ';', ':', '.'])
        .to_owned();
    if most > 0 {
        out.push('…');
    }
    out
}

/// A string of this format that plainly means nothing (reserved names, the epoch).
fn neutral_format(format: &str) -> Option<&'static str> {
    Some(match format {
        "date" => "1970-01-01",
        "date-time" => "1970-01-01T00:00:00Z",
        "time" => "00:00:00Z",
        "duration" => "PT0S",
        "email" | "idn-email" => "unknown@example.invalid",
        "hostname" | "idn-hostname" => "example.invalid",
        "uri" | "iri" => "about:blank",
        "uuid" => "00000000-0000-0000-0000-000000000000",
        "ipv4" => "0.0.0.0",
        "ipv6" => "::",
        _ => return None,
    })
}

fn neutral_text(schema: &Value) -> Result<String, String> {
    if let Some(value) = schema
        .get("format")
        .and_then(Value::as_str)
        .and_then(neutral_format)
    {
        return Ok(value.to_owned()).and_then(|value: String| {
            if allows_text(schema, &value) {
                Ok(value)
            } else {
                Err("its format and its other limits exclude a neutral value".to_owned())
            }
        });
    }
    let least = schema
        .get("minLength")
        .and_then(Value::as_u64)
        .unwrap_or(0)
        .min(10_000) as usize;
    let padded = format!("unknown{}", ".".repeat(least.saturating_sub(7)));
    let tries = [
        String::new(),
        padded.clone(),
        padded.chars().take(least.max(1)).collect(),
        "0".repeat(least.max(1)),
    ];
    match tries.into_iter().find(|value| allows_text(schema, value)) {
        Some(value) => Ok(value),
        None if schema.get("pattern").is_some() => {
            Err(format!("it must match {}", schema["pattern"]))
        }
        None => Err("its limits exclude every neutral string".to_owned()),
    }
}

/// A value of the branch's kind that stands for "nothing known".
pub(super) fn neutral(root: &Value, branch: &Branch, depth: usize) -> Result<Value, String> {
    let schema = &branch.schema;
    if depth > MAX_DEPTH {
        return Err("the schema is nested without end".to_owned());
    }
    Ok(match &branch.kind {
        Kind::Const(value) => value.clone(),
        Kind::Enum(choices) => choices
            .first()
            .map(|(value, _)| value.clone())
            .ok_or("its list of values is empty")?,
        Kind::Boolean => Value::Bool(false),
        Kind::Any => Value::Null,
        Kind::String => Value::String(neutral_text(schema)?),
        Kind::Integer => {
            neutral_number(schema, true).ok_or("its limits exclude every neutral integer")?
        }
        Kind::Number => {
            neutral_number(schema, false).ok_or("its limits exclude every neutral number")?
        }
        Kind::Object => neutral_object(root, schema, depth)?,
        Kind::Array => {
            let least = schema.get("minItems").and_then(Value::as_u64).unwrap_or(0);
            let mut items = Vec::new();
            fill_up(root, schema, &mut items, least, depth)?;
            Value::Array(items)
        }
    })
}

/// Adds neutral items until there are `least`.
pub(super) fn fill_up(
    root: &Value,
    schema: &Value,
    items: &mut Vec<Value>,
    least: u64,
    depth: usize,
) -> Result<(), String> {
    if least > MAX_ITEMS {
        return Err(format!("it needs {least} items"));
    }
    let open = Value::Bool(true);
    let item = schema.get("items").unwrap_or(&open);
    while (items.len() as u64) < least {
        let value = neutral_place(root, item, depth + 1)?;
        if schema.get("uniqueItems") == Some(&Value::Bool(true)) && items.contains(&value) {
            return Err(format!("it needs {least} different items"));
        }
        items.push(value);
    }
    Ok(())
}

fn neutral_place(root: &Value, schema: &Value, depth: usize) -> Result<Value, String> {
    let shape = Shape::of(root, schema)?;
    if let Some(default) = shape.default {
        return Ok(default);
    }
    if shape.nullable {
        return Ok(Value::Null);
    }
    let branch = shape.branches.first().ok_or("the schema allows no value")?;
    neutral(root, branch, depth)
}

fn neutral_object(root: &Value, schema: &Value, depth: usize) -> Result<Value, String> {
    let mut out = Map::new();
    for key in schema
        .get("required")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
    {
        let open = Value::Bool(true);
        let child = schema
            .get("properties")
            .and_then(|all| all.get(key))
            .or_else(|| schema.get("additionalProperties"));
        out.insert(
            key.to_owned(),
            neutral_place(root, child.unwrap_or(&open), depth + 1)?,
        );
    }
    Ok(Value::Object(out))
}

/// The texts of sentences, as classification wants them.
pub(super) fn texts(sentences: &[Sentence]) -> Vec<&str> {
    sentences
        .iter()
        .map(|sentence| sentence.text.as_str())
        .collect()
}

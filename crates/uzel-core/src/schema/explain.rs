//! What does not fit, as a sentence: the errors of the JSON Schema library name keywords, people want places.

use jsonschema::{
    ValidationError,
    error::{TypeKind, ValidationErrorKind as Kind},
    paths::LocationSegment,
};
use serde_json::Value;

use super::Violation;

/// Adds the violations that one error of the library stands for.
pub(super) fn add(error: &ValidationError<'_>, out: &mut Vec<Violation>) {
    let path = path_of(error);
    match error.kind() {
        Kind::AnyOf { context } | Kind::OneOfNotValid { context } => {
            // The branch that fails inside the value is the one that was meant; `null` fails at its root.
            let meant = context.iter().find(|branch| branch.iter().all(|e| path_of(e) != path || !is_type(e.kind())));
            match meant {
                Some(branch) if !branch.is_empty() => branch.iter().for_each(|e| add(e, out)),
                _ => {
                    let wanted: Vec<String> = context.iter().flatten().filter_map(|e| wanted(e.kind())).collect();
                    out.push(violation(path, error, &must_be(&wanted)));
                }
            }
        }
        Kind::AdditionalProperties { unexpected } | Kind::UnevaluatedProperties { unexpected } => {
            for name in unexpected {
                let path = join(&path, name);
                let message = format!("`{path}` is not a field that is known here");
                out.push(Violation { path, message });
            }
        }
        Kind::Required { property } => {
            let name = property.as_str().unwrap_or_default();
            let path = join(&path, name);
            let message = format!("`{path}` is missing");
            out.push(Violation { path, message });
        }
        kind => {
            let rule = wanted(kind).map_or_else(|| format!("does not fit: {error}"), |w| must_be(&[w]));
            out.push(violation(path, error, &rule));
        }
    }
}

fn is_type(kind: &Kind) -> bool {
    matches!(kind, Kind::Type { .. } | Kind::Enum { .. } | Kind::Constant { .. })
}

fn violation(path: String, error: &ValidationError<'_>, rule: &str) -> Violation {
    let place = if path.is_empty() { "the value".to_owned() } else { format!("`{path}`") };
    let message = format!("{place} {rule}, found {}", found(error.instance()));
    Violation { path, message }
}

fn must_be(wanted: &[String]) -> String {
    let mut wanted = wanted.to_vec();
    wanted.dedup();
    match wanted.split_last() {
        None => "must fit another type".to_owned(),
        Some((one, [])) => format!("must be {one}"),
        Some((last, rest)) => format!("must be {} or {last}", rest.join(", ")),
    }
}

fn wanted(kind: &Kind) -> Option<String> {
    Some(match kind {
        Kind::Type { kind: TypeKind::Single(one) } => named(&one.to_string()),
        Kind::Type { kind: TypeKind::Multiple(set) } => {
            set.iter().map(|one| named(&one.to_string())).collect::<Vec<_>>().join(" or ")
        }
        Kind::Enum { options } => {
            let values: Vec<String> = options.as_array().into_iter().flatten().take(20).map(Value::to_string).collect();
            format!("one of {}", values.join(", "))
        }
        Kind::Constant { expected_value } => expected_value.to_string(),
        Kind::Minimum { limit } => format!("at least {limit}"),
        Kind::Maximum { limit } => format!("at most {limit}"),
        Kind::ExclusiveMinimum { limit } => format!("more than {limit}"),
        Kind::ExclusiveMaximum { limit } => format!("less than {limit}"),
        Kind::MinLength { limit } => format!("at least {limit} characters long"),
        Kind::MaxLength { limit } => format!("at most {limit} characters long"),
        Kind::MinItems { limit } => format!("a list of at least {limit} items"),
        Kind::MaxItems { limit } => format!("a list of at most {limit} items"),
        Kind::Pattern { pattern } => format!("a text that matches `{pattern}`"),
        Kind::Format { format } => format!("a text of format `{format}`"),
        Kind::UniqueItems => "a list without repeated items".to_owned(),
        Kind::MultipleOf { multiple_of } => format!("a multiple of {multiple_of}"),
        _ => return None,
    })
}

fn named(json_type: &str) -> String {
    match json_type {
        "integer" => "an integer",
        "number" => "a number",
        "string" => "a text",
        "boolean" => "true or false",
        "array" => "a list",
        "object" => "a map",
        other => other,
    }
    .to_owned()
}

/// What a value is, with as much of it as fits a line.
fn found(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(b) => format!("{b}"),
        Value::Number(n) => format!("the number {n}"),
        Value::String(text) => {
            let shown: String = text.chars().take(40).collect();
            let more = if shown.len() < text.len() { "…" } else { "" };
            format!("the text {}{more}", Value::from(shown))
        }
        Value::Array(items) => format!("a list of {}", items.len()),
        Value::Object(_) => "a map".to_owned(),
    }
}

fn path_of(error: &ValidationError<'_>) -> String {
    let mut path = String::new();
    for segment in error.instance_path().segments() {
        path = match segment {
            LocationSegment::Property(name) => join(&path, &name.replace("~1", "/").replace("~0", "~")),
            LocationSegment::Index(index) => format!("{path}[{index}]"),
        };
    }
    path
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

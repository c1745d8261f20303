//! JSON as YAML that people like to read, and that our reader reads as the same value.

use std::fmt::Write as _;

use serde_json::{Map, Value};

/// Longest value that is written on one line, in bytes.
const LINE: usize = 90;

/// A whole document.
pub(super) fn yaml(value: &Value) -> String {
    let mut out = String::new();
    match value {
        Value::Object(map) if !map.is_empty() => entries(map, 0, &mut out),
        other => {
            flow(other, &mut out);
            out.push('\n');
        }
    }
    out
}

fn entries(map: &Map<String, Value>, depth: usize, out: &mut String) {
    for (key, value) in map {
        indent(depth, out);
        text(key, out);
        out.push(':');
        // Sections and nodes are blocks, however short.
        let block = depth == 0 && value.as_object().is_some_and(|map| map.values().any(Value::is_object));
        after(value, depth, block, out);
    }
}

/// A value behind `key:` or `-`, with the end of its line.
fn after(value: &Value, depth: usize, block: bool, out: &mut String) {
    if let Value::String(words) = value
        && let Some(mark) = literal(words)
    {
        let _ = writeln!(out, " {mark}");
        for line in words.lines() {
            if !line.is_empty() {
                indent(depth + 1, out);
                out.push_str(line);
            }
            out.push('\n');
        }
        return;
    }
    let mut line = String::new();
    flow(value, &mut line);
    let nested =
        matches!(value, Value::Object(map) if !map.is_empty()) || matches!(value, Value::Array(l) if !l.is_empty());
    if !nested || (!block && line.len() <= LINE && !has_literal(value)) {
        out.push(' ');
        out.push_str(&line);
        out.push('\n');
        return;
    }
    out.push('\n');
    match value {
        Value::Object(map) => entries(map, depth + 1, out),
        Value::Array(items) => {
            for item in items {
                indent(depth + 1, out);
                out.push('-');
                after(item, depth + 1, false, out);
            }
        }
        _ => {}
    }
}

fn has_literal(value: &Value) -> bool {
    match value {
        Value::String(text) => literal(text).is_some(),
        Value::Array(items) => items.iter().any(has_literal),
        Value::Object(map) => map.values().any(has_literal),
        _ => false,
    }
}

/// The head of a literal block, if the text can be one: several lines of plain characters.
fn literal(text: &str) -> Option<&'static str> {
    let plain = text.chars().all(|c| c == '\n' || (c >= ' ' && is_printable(c)));
    let shaped = !text.starts_with([' ', '\n']) && !text.trim_end_matches('\n').is_empty();
    if !plain || !shaped || !text.trim_end_matches('\n').contains('\n') {
        return None;
    }
    match text.len() - text.trim_end_matches('\n').len() {
        0 => Some("|-"),
        1 => Some("|"),
        _ => None,
    }
}

fn flow(value: &Value, out: &mut String) {
    match value {
        Value::String(words) => text(words, out),
        Value::Array(items) => {
            out.push('[');
            for (i, item) in items.iter().enumerate() {
                out.push_str(if i > 0 { ", " } else { "" });
                flow(item, out);
            }
            out.push(']');
        }
        Value::Object(map) if map.is_empty() => out.push_str("{}"),
        Value::Object(map) => {
            out.push_str("{ ");
            for (i, (key, value)) in map.iter().enumerate() {
                out.push_str(if i > 0 { ", " } else { "" });
                text(key, out);
                out.push_str(": ");
                flow(value, out);
            }
            out.push_str(" }");
        }
        other => {
            let _ = write!(out, "{other}");
        }
    }
}

/// Words that are no text when they stand alone, in this version of YAML or in an older one.
const RESERVED: [&str; 10] = ["null", "true", "false", "yes", "no", "on", "off", "y", "n", "nan"];

/// A text, in quotes unless it surely needs none.
fn text(text: &str, out: &mut String) {
    let word = |c: char| c.is_ascii_alphanumeric() || "_-./".contains(c);
    let plain = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.split(' ').all(|part| !part.is_empty() && part.chars().all(word))
        && text.split(' ').all(|part| !part.starts_with('-'))
        && !RESERVED.contains(&text.to_ascii_lowercase().as_str());
    if plain || is_duration(text) {
        out.push_str(text);
        return;
    }
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            c if c >= ' ' && is_printable(c) => out.push(c),
            c if u32::from(c) <= 0xff => {
                let _ = write!(out, "\\x{:02x}", u32::from(c));
            }
            c if u32::from(c) <= 0xffff => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => {
                let _ = write!(out, "\\U{:08x}", u32::from(c));
            }
        }
    }
    out.push('"');
}

/// `15m` is no number in any version of YAML.
fn is_duration(text: &str) -> bool {
    let unit = text.trim_start_matches(|c: char| c.is_ascii_digit());
    unit.len() < text.len() && ["ms", "s", "m", "h", "d"].contains(&unit)
}

/// What YAML takes as it is; line ends of other alphabets and marks of byte order are better seen.
fn is_printable(c: char) -> bool {
    matches!(c, ' '..='~' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fefe}' | '\u{ff00}'..='\u{fffd}' | '\u{1_0000}'..)
        && !matches!(c, '\u{2028}' | '\u{2029}')
}

fn indent(depth: usize, out: &mut String) {
    for _ in 0..depth {
        out.push_str("  ");
    }
}

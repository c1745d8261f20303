//! A tree as text that people like to read, and that readers of YAML 1.1 and 1.2 read as the same tree. Called by the
//! builder and by [`Graph::to_yaml`](crate::graph::Graph::to_yaml).

use std::fmt::Write as _;

use serde_json::Number;

use super::{Data, Entry, Tree};

/// No line with braces or brackets is longer, in bytes.
const WIDTH: usize = 100;
/// Lists and maps in one another that stand on one line.
const FLAT: usize = 2;
/// Longer keys stand behind a `?`: readers look no further than 1024 characters for the `:` of a plain one.
const LONG_KEY: usize = 512;

/// The text of a tree, with an end of line. The same tree gives the same text, wherever it was written before.
pub fn emit(tree: &Tree) -> String {
    let mut out = String::new();
    match &tree.data {
        Data::Map(entries) if !entries.is_empty() => map(entries, 0, &mut out),
        Data::List(items) if !items.is_empty() => list(items, 0, &mut out),
        _ => {
            scalar(tree, Place::Block, &mut out);
            out.push('\n');
        }
    }
    out
}

/// The entries of a map; the first begins where the text ends, if that is not the start of a line.
fn map(entries: &[Entry], depth: usize, out: &mut String) {
    for Entry { key, value } in entries {
        indent(depth, out);
        // Sections and the things that they name have lines of their own, however short.
        let named = depth == 0 && value.as_map().is_some_and(|map| map.iter().any(|e| e.value.as_map().is_some()));
        if key.len() > LONG_KEY {
            out.push_str("? ");
            text(key, Place::Key, out);
            out.push('\n');
            indent(depth, out);
        } else {
            text(key, Place::Key, out);
        }
        out.push(':');
        after(value, depth, named, out);
    }
}

fn list(items: &[Tree], depth: usize, out: &mut String) {
    for item in items {
        indent(depth, out);
        out.push('-');
        if flow(item, WIDTH.saturating_sub(depth * 2 + 2)).is_none() {
            match &item.data {
                Data::Map(entries) if !entries.is_empty() => {
                    out.push(' ');
                    map(entries, depth + 1, out);
                    continue;
                }
                Data::List(items) if !items.is_empty() => {
                    out.push(' ');
                    list(items, depth + 1, out);
                    continue;
                }
                _ => {}
            }
        }
        after(item, depth, false, out);
    }
}

/// A value behind `key:` or `-`, with the end of its line.
fn after(value: &Tree, depth: usize, block: bool, out: &mut String) {
    if let Some(words) = value.as_str()
        && let Some(mark) = literal(words)
    {
        let _ = writeln!(out, " {mark}");
        for line in words.split_inclusive('\n') {
            if line != "\n" {
                indent(depth + 1, out);
            }
            out.push_str(line);
        }
        if !words.ends_with('\n') {
            out.push('\n');
        }
        return;
    }
    let line = out.rsplit('\n').next().map_or(0, str::len);
    match (&value.data, flow(value, WIDTH.saturating_sub(line + 1)).filter(|_| !block)) {
        (_, Some(flow)) => {
            out.push(' ');
            out.push_str(&flow);
            out.push('\n');
        }
        (Data::Map(entries), None) => {
            out.push('\n');
            map(entries, depth + 1, out);
        }
        (Data::List(items), None) => {
            out.push('\n');
            list(items, depth + 1, out);
        }
        (_, None) => {
            out.push(' ');
            scalar(value, Place::Block, out);
            out.push('\n');
        }
    }
}

/// The value on one line, if that is short and flat. Scalars have one line, however long.
fn flow(value: &Tree, room: usize) -> Option<String> {
    let mut line = String::new();
    let nested = matches!(&value.data, Data::Map(entries) if !entries.is_empty())
        || matches!(&value.data, Data::List(items) if !items.is_empty());
    if !nested {
        scalar(value, Place::Block, &mut line);
        return Some(line);
    }
    flow_into(value, FLAT, room, &mut line).then_some(line)
}

fn flow_into(value: &Tree, flat: usize, room: usize, out: &mut String) -> bool {
    match &value.data {
        Data::List(items) if !items.is_empty() => {
            out.push('[');
            let fits = flat > 0
                && items.iter().enumerate().all(|(i, item)| {
                    out.push_str(if i > 0 { ", " } else { "" });
                    item.as_str().is_none_or(|words| literal(words).is_none()) && flow_into(item, flat - 1, room, out)
                });
            out.push(']');
            fits && out.len() <= room
        }
        Data::Map(entries) if !entries.is_empty() => {
            out.push_str("{ ");
            let fits = flat > 0
                && entries.iter().enumerate().all(|(i, Entry { key, value })| {
                    out.push_str(if i > 0 { ", " } else { "" });
                    text(key, Place::Key, out);
                    out.push_str(": ");
                    value.as_str().is_none_or(|words| literal(words).is_none()) && flow_into(value, flat - 1, room, out)
                });
            out.push_str(" }");
            fits && out.len() <= room
        }
        _ => {
            scalar(value, Place::Flow, out);
            out.len() <= room
        }
    }
}

/// What stands on one line by itself; empty collections do.
fn scalar(value: &Tree, place: Place, out: &mut String) {
    match &value.data {
        Data::Null => out.push_str("null"),
        Data::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Data::Number(value) => number(value, out),
        Data::Text(value) => text(value, place, out),
        Data::List(_) => out.push_str("[]"),
        Data::Map(_) => out.push_str("{}"),
    }
}

/// `1e300` is a text for YAML 1.1, which wants a point and a sign.
fn number(value: &Number, out: &mut String) {
    let digits = value.to_string();
    match digits.split_once('e') {
        Some((mantissa, exponent)) => {
            out.push_str(mantissa);
            out.push_str(if mantissa.contains('.') { "e" } else { ".0e" });
            out.push_str(if exponent.starts_with(['-', '+']) { "" } else { "+" });
            out.push_str(exponent);
        }
        None => out.push_str(&digits),
    }
}

/// The head of a literal block, if the text can be one: several lines of characters that stand for themselves.
fn literal(text: &str) -> Option<&'static str> {
    let body = text.trim_end_matches('\n');
    let plain = text.chars().all(|c| matches!(c, '\n' | '\t') || is_printable(c));
    // White space alone has no line to be measured by.
    if !plain || !body.contains('\n') || body.trim().is_empty() {
        return None;
    }
    // Without the indicator the first line with characters would say how far the block is indented.
    Some(match (text.len() - body.len(), text.starts_with([' ', '\n', '\t'])) {
        (0, false) => "|-",
        (1, false) => "|",
        (_, false) => "|+",
        (0, true) => "|2-",
        (1, true) => "|2",
        (_, true) => "|2+",
    })
}

/// Words that are no text when they stand alone, in this version of YAML or in an older one.
const RESERVED: [&str; 10] = ["null", "true", "false", "yes", "no", "on", "off", "y", "n", "nan"];

/// Where a text stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Key,
    /// Behind a key or a `-`.
    Block,
    /// Between braces or brackets.
    Flow,
}

/// A text, in quotes unless it surely needs none.
fn text(text: &str, place: Place, out: &mut String) {
    if is_plain(text, place) || is_duration(text) {
        out.push_str(text);
    } else {
        in_quotes(text, out);
    }
}

fn is_plain(text: &str, place: Place) -> bool {
    let word = |c: char| c.is_ascii_alphanumeric() || "_-./".contains(c);
    let fits = |c: char| match place {
        Place::Key => c == ' ' || word(c),
        Place::Flow => c == ' ' || is_printable(c) && !c.is_whitespace() && !"[]{},:?".contains(c),
        Place::Block => c == ' ' || is_printable(c) && !c.is_whitespace(),
    };
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.chars().all(fits)
        && !text.ends_with([' ', ':'])
        && ![": ", " #", "  "].iter().any(|special| text.contains(special))
        && !RESERVED.contains(&text.to_ascii_lowercase().as_str())
}

/// A text in those quotes that let it be read best.
pub(super) fn in_quotes(text: &str, out: &mut String) {
    if text.contains(['"', '\\']) && !text.contains('\'') && text.chars().all(is_printable) {
        let _ = write!(out, "'{text}'");
    } else {
        out.push('"');
        escape(text, out);
        out.push('"');
    }
}

/// A text as it stands within double quotes.
pub(super) fn escape(text: &str, out: &mut String) {
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            c if is_printable(c) => out.push(c),
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
}

/// `15m` is no number in any version of YAML.
fn is_duration(text: &str) -> bool {
    let unit = text.trim_start_matches(|c: char| c.is_ascii_digit());
    unit.len() < text.len() && ["ms", "s", "m", "h", "d"].contains(&unit)
}

/// What YAML takes as it is; line ends of other alphabets and marks of byte order are better seen.
pub(super) fn is_printable(c: char) -> bool {
    matches!(c, ' '..='~' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fefe}' | '\u{ff00}'..='\u{fffd}' | '\u{1_0000}'..)
        && !matches!(c, '\u{2028}' | '\u{2029}')
}

/// Two spaces for each level, unless the line has begun: `- key: value`.
fn indent(depth: usize, out: &mut String) {
    if out.is_empty() || out.ends_with('\n') {
        for _ in 0..depth {
            out.push_str("  ");
        }
    }
}

//! A difference as people read it: part by part, a line for each change.

use std::fmt::Write as _;

use serde_json::Value;

use super::{Callers, Change, Difference, Moved, Part, Way};
use crate::difference::changes;

/// Longer values are shown by the words that changed.
const SHORT: usize = 48;
/// Characters of a value that is shown whole.
const MOST: usize = 160;
/// Changes of words that are shown.
const EXCERPTS: usize = 3;
/// Words around a change.
const AROUND: usize = 3;

pub(super) fn text(difference: &Difference) -> String {
    let mut out = String::new();
    for part in &difference.parts {
        let _ = writeln!(out, "{}", head(part));
        for change in &part.changes {
            let _ = writeln!(out, "  {}", line(change));
        }
    }
    out
}

fn head(part: &Part) -> String {
    let dot = if part.name.is_empty() { "" } else { "." };
    let kind = if part.kind.is_empty() { String::new() } else { format!(" ({})", part.kind) };
    let what = format!("{}{dot}{}{kind}", part.section, part.name);
    let mark = mark(part.change);
    match (part.change, &part.from) {
        (Way::Renamed, Some(from)) => {
            let and = if part.changes.is_empty() { "" } else { ", and changed" };
            format!("{mark} {what}: probably `{from}` under another name{and}")
        }
        (Way::Added, _) => format!("{mark} {what}: added"),
        (Way::Removed, _) => format!("{mark} {what}: removed"),
        _ => format!("{mark} {what}"),
    }
}

fn mark(way: Way) -> char {
    match way {
        Way::Added => '+',
        Way::Removed => '-',
        Way::Renamed | Way::Changed => '~',
    }
}

fn line(change: &Change) -> String {
    let mut line = format!("{} {}", mark(change.change), change.key);
    if let Some(file) = change.file.as_ref().filter(|file| **file != change.key) {
        let _ = write!(line, " ({file})");
    }
    let named = matches!((&change.old, &change.new), (Some(Value::Null), None) | (None, Some(Value::Null)));
    line.push_str(if named { "" } else { ": " });
    match (&change.old, &change.new) {
        _ if named => {}
        // A type reads best as a whole.
        (Some(Value::String(old)), Some(Value::String(new)))
            if change.moved.is_none() && (old.len() > SHORT || new.len() > SHORT) =>
        {
            line.push_str(&excerpt(old, new));
        }
        (Some(old), Some(new)) => {
            let _ = write!(line, "{} → {}", shown(old), shown(new));
        }
        (Some(one), None) | (None, Some(one)) => line.push_str(&shown(one)),
        (None, None) => {}
    }
    let moved = change.moved.map(|moved| match moved {
        Moved::Wider => "wider",
        Moved::Narrower => "narrower",
        Moved::Other => "another type",
    });
    let callers = change.callers.map(|callers| match callers {
        Callers::Fit => "old callers fit",
        Callers::Break => "old callers break",
        Callers::Unclear => "old callers may break",
    });
    let notes: Vec<&str> = moved.into_iter().chain(callers).collect();
    if !notes.is_empty() {
        let _ = write!(line, " ({})", notes.join("; "));
    }
    line
}

/// A value on one line.
fn shown(value: &Value) -> String {
    let text = match value {
        Value::String(text) => text.split_whitespace().collect::<Vec<_>>().join(" "),
        Value::Array(items) => format!("[{}]", items.iter().map(shown).collect::<Vec<_>>().join(", ")),
        Value::Object(map) if map.is_empty() => "{}".to_owned(),
        Value::Object(map) => {
            let entries: Vec<String> = map.iter().map(|(key, value)| format!("{key}: {}", shown(value))).collect();
            format!("{{ {} }}", entries.join(", "))
        }
        other => other.to_string(),
    };
    if text.is_empty() { "\"\"".to_owned() } else { cut(&text) }
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", text[..end].trim_end()),
        None => text.to_owned(),
    }
}

/// The words that changed, with some around them: `read the [-old-] {+new+} pages`.
fn excerpt(old: &str, new: &str) -> String {
    let (a, b): (Vec<&str>, Vec<&str>) = (old.split_whitespace().collect(), new.split_whitespace().collect());
    let found = changes(&a, &b);
    if found.is_empty() {
        return "only blanks and line breaks changed".to_owned();
    }
    let mut out = String::new();
    let mut shown_to = 0;
    for (number, (before, after)) in found.iter().take(EXCERPTS).enumerate() {
        let from = before.start.saturating_sub(AROUND).max(shown_to);
        if from > shown_to || number == 0 && from > 0 {
            out.push_str(if number > 0 { " … " } else { "… " });
        } else if number > 0 {
            out.push(' ');
        }
        let mut words: Vec<String> = a[from..before.start].iter().map(|word| (*word).to_owned()).collect();
        if !before.is_empty() {
            words.push(format!("[-{}-]", cut(&a[before.clone()].join(" "))));
        }
        if !after.is_empty() {
            words.push(format!("{{+{}+}}", cut(&b[after.clone()].join(" "))));
        }
        let next = found.get(number + 1).filter(|_| number + 1 < EXCERPTS).map_or(a.len(), |(next, _)| next.start);
        shown_to = (before.end + AROUND).min(next);
        words.extend(a[before.end..shown_to].iter().map(|word| (*word).to_owned()));
        out.push_str(&words.join(" "));
    }
    let more = found.len().saturating_sub(EXCERPTS);
    if more > 0 {
        let _ = write!(out, " … and {more} more");
    } else if shown_to < a.len() {
        out.push_str(" …");
    }
    out
}

//! Expressions in braces that are not quoted, which YAML takes for maps: finding them and the quoted form.

use crate::{
    diagnostic::{Code, Diagnostic},
    source::{SourceId, Span},
};

/// The line that holds a byte, as a range without its line break.
pub(super) fn line_at(text: &str, at: usize) -> std::ops::Range<usize> {
    let at = at.min(text.len());
    let bytes = text.as_bytes();
    let start = bytes[..at].iter().rposition(|b| *b == b'\n').map_or(0, |n| n + 1);
    let end = bytes[at..].iter().position(|b| *b == b'\n').map_or(text.len(), |n| at + n);
    let end = if end > start && bytes[end - 1] == b'\r' { end - 1 } else { end };
    start..end
}

/// As [`line_at`], but of a very long line only what is near: there may be as many braces as the line is long.
fn line_near(text: &str, at: usize) -> std::ops::Range<usize> {
    const NEAR: usize = 2_000;
    let at = at.min(text.len());
    let from = text.floor_char_boundary(at.saturating_sub(NEAR));
    let to = text.floor_char_boundary(at.saturating_add(NEAR));
    let line = line_at(&text[from..to], at - from);
    from + line.start..from + line.end
}

/// The first `{{` on the line of `at` that is neither in quotes nor in a comment.
pub(super) fn find_on_line(text: &str, at: usize) -> Option<usize> {
    let line = line_near(text, at);
    let bytes = &text.as_bytes()[line.clone()];
    let mut quote = None;
    let mut previous = b' ';
    for (index, byte) in bytes.iter().copied().enumerate() {
        match quote {
            Some(open) if byte == open && previous != b'\\' => quote = None,
            Some(_) => {}
            None if matches!(byte, b'"' | b'\'') && matches!(previous, b' ' | b'{' | b'[' | b',' | b':') => {
                quote = Some(byte);
            }
            None if byte == b'#' && previous == b' ' => return None,
            None if byte == b'{' && bytes.get(index + 1) == Some(&b'{') => return Some(line.start + index),
            None => {}
        }
        previous = byte;
    }
    None
}

/// The diagnostic for the braces at `at`, with the quoted form of the value they are in. `shift` is the length of the
/// byte order mark that `text` lacks.
pub(super) fn diagnostic(text: &str, at: usize, source: SourceId, shift: usize) -> Diagnostic {
    let range = value_around(text, at);
    let value = text.get(range.clone()).unwrap_or("");
    let quoted =
        if !value.contains(['"', '\\']) { format!("\"{value}\"") } else { format!("'{}'", value.replace('\'', "''")) };
    let span = Span::new(source, range.start + shift..range.end + shift);
    Diagnostic::new(Code::UNQUOTED_BRACES, span, "an expression in braces must be in quotes here")
        .label(Span::new(source, at + shift..at + shift + 2), "YAML takes an unquoted `{` for the start of a map")
        .help(format!("write {quoted}"))
}

/// The range of the value that has `{{` at `at`: in a flow collection up to `}}`, else to the end of the line.
fn value_around(text: &str, at: usize) -> std::ops::Range<usize> {
    let line = line_near(text, at);
    let before = text.get(line.start..at).unwrap_or("");
    let head = before.strip_suffix('$').unwrap_or(before);
    let in_flow = head.contains(['{', '[']);
    let mut start = 0;
    for (index, byte) in head.bytes().enumerate() {
        let next = head.as_bytes().get(index + 1);
        let ends_before = match byte {
            b':' | b'-' if next.is_none_or(|b| *b == b' ') => byte == b':' || head[..index].trim().is_empty(),
            b'{' | b'[' | b',' => in_flow,
            _ => false,
        };
        if ends_before {
            start = index + 1;
        }
    }
    start += head[start..].len() - head[start..].trim_start().len();
    let rest = text.get(at..line.end).unwrap_or("");
    let close = rest.find("}}").map(|n| n + 2);
    let end = match close {
        Some(close) if in_flow => close,
        _ => rest.find(" #").unwrap_or(rest.len()).max(close.unwrap_or(0)),
    };
    let end = at + rest[..end].trim_end().len();
    line.start + start..end
}

//! What is wrong when the event parser gives up, in the words of someone who writes the file. Used by `parse`.
//!
//! The parser often notices a mistake late and names what it expected. The lines near the place tell what was meant.

use std::ops::Range;

use super::braces::{self, line_at};
use crate::{
    diagnostic::{Code, Diagnostic},
    source::{SourceId, Span},
};

/// Where the parser gave up.
pub(super) struct Context<'t> {
    /// The text, without a byte order mark.
    pub(super) text: &'t str,
    /// The byte that the parser points at.
    pub(super) at: usize,
    /// The start of the last scalar.
    pub(super) begun: usize,
    /// The end of the last thing that was read well.
    pub(super) after: usize,
    /// The bracket that was open.
    pub(super) open: Option<usize>,
}

/// A `key:value` without a space.
pub(super) struct MissingSpace {
    at: usize,
    line: String,
    key_len: usize,
}

impl MissingSpace {
    /// The diagnostic, at the colon.
    pub(super) fn diagnostic(&self, source: SourceId, shift: usize) -> Diagnostic {
        let (key, value) = self.line.split_at(self.key_len);
        let at = self.at + self.key_len + shift;
        Diagnostic::new(Code::YAML_SYNTAX, Span::new(source, at..at + 1), "a space is missing after `:`")
            .help(format!("write `{key}: {}`", value.get(1..).unwrap_or("")))
    }
}

/// Finds `key:value` at `at`.
pub(super) fn missing_space(text: &str, at: usize) -> Option<MissingSpace> {
    let line = text.get(at..line_at(text, at).end)?.trim_end();
    let key_len = split_pair(line)?;
    Some(MissingSpace { at, line: line.to_owned(), key_len })
}

/// The length of the key in `key:value`, where the key is a name; not in `http://`.
pub(super) fn split_pair(line: &str) -> Option<usize> {
    let key_len = line.find(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '-')))?;
    let rest = line.get(key_len..)?.strip_prefix(':')?;
    let missing = key_len > 0 && rest.starts_with(|c: char| !c.is_whitespace()) && !rest.starts_with("//");
    missing.then_some(key_len)
}

/// The diagnostic for a message of the event parser.
pub(super) fn explain(info: &str, context: &Context<'_>, source: SourceId, shift: usize) -> Diagnostic {
    let text = context.text;
    let place = |range: Range<usize>| Span::new(source, range.start + shift..range.end + shift);
    let next = next_content(text, context.after);
    if info.contains("recursion limit") {
        let message = format!("lists and maps are nested more than {} deep", super::LIMITS.depth);
        return Diagnostic::new(Code::TOO_DEEP, place(context.at..context.at), message)
            .help("name the inner parts, or move them to a file of their own");
    }
    if let Some(tab) = tab_near(text, context, info.contains("tab")) {
        return Diagnostic::new(Code::TAB_INDENT, place(tab..tab + 1), "a tab is used for indentation")
            .help("use spaces");
    }
    for line in [context.at, next] {
        if let Some(found) = braces::find_on_line(text, line).filter(|b| *b <= context.at || *b <= line + 1) {
            return braces::diagnostic(text, found, source, shift);
        }
    }
    // Keys that lack their colon are noticed on a later line.
    if (info.contains("simple key") || info.contains("expected key")) && next < context.at {
        if let Some(found) = missing_space(text, next) {
            return found.diagnostic(source, shift);
        }
        let line = text.get(next..line_at(text, next).end).unwrap_or("").trim_end();
        if info.contains("simple key") && !line.is_empty() {
            let message = "this line is neither `key: value` nor an item of a list";
            return Diagnostic::new(Code::YAML_SYNTAX, place(next..next + line.len()), message)
                .help("write `key: value`; to continue the text above, indent it more than its key");
        }
    }
    if let Some(found) = stray_lines(info, context, next, &place) {
        return found;
    }
    let (message, help) = phrase(info);
    let end = text.get(context.at..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8);
    let end = if text[context.at..].starts_with(['\n', '\r']) { 0 } else { end };
    Diagnostic::new(Code::YAML_SYNTAX, place(context.at..context.at + end), message).help(help)
}

/// Lines that are part of something above because of their indentation or a bracket.
fn stray_lines(
    info: &str,
    context: &Context<'_>,
    next: usize,
    place: &dyn Fn(Range<usize>) -> Span,
) -> Option<Diagnostic> {
    let text = context.text;
    let here = line_at(text, context.at);
    // The value goes on to this line, or is not read yet.
    let value = if line_at(text, context.after).start == here.start { context.begun } else { next };
    if info.contains("mapping values") && line_at(text, value).start < here.start {
        // `version:1` is a text, and so the next key is in it.
        let first = text[line_at(text, value).start..value].trim().is_empty();
        if let Some(found) = missing_space(text, value).filter(|_| first) {
            return Some(found.diagnostic(place(0..0).source, place(0..0).start as usize));
        }
        let line = &text[here.clone()];
        let start = here.start + line.len() - line.trim_start().len();
        let message = "this line is indented as a part of the value above, so it cannot be a key";
        let found = Diagnostic::new(Code::YAML_SYNTAX, place(start..here.end), message)
            .label(place(value..value), "the value begins here")
            .help("indent it exactly as the other keys of its map");
        return Some(found);
    }
    let unclosed = info.contains("flow") || info.contains("illegal placement") || info.contains("end of plain");
    let open = context.open.filter(|open| unclosed && line_at(text, *open).start < here.start)?;
    let indent = |at: usize| text[line_at(text, at)].bytes().take_while(|b| *b == b' ').count();
    let (opening, closing) = if text[open..].starts_with('{') { ('{', '}') } else { ('[', ']') };
    if indent(context.at) > indent(open) {
        let start = here.start + indent(context.at);
        let found = Diagnostic::new(Code::YAML_SYNTAX, place(start..start), "a `,` is missing before this line")
            .label(place(open..open + 1), format!("within `{opening}` and `{closing}`, commas separate"))
            .help("end the line above with `,`");
        return Some(found);
    }
    let message = format!("the `{opening}` that opens here is not closed");
    let found = Diagnostic::new(Code::YAML_SYNTAX, place(open..open + 1), message)
        .label(place(context.at..context.at), format!("no `{closing}` came before this"))
        .help(format!("close it with `{closing}`, separate what is in it with `,`"));
    Some(found)
}

/// The first byte from `after` on that is neither blank nor in a comment; the end if there is none.
fn next_content(text: &str, after: usize) -> usize {
    let mut at = after.min(text.len());
    loop {
        let rest = &text[at..];
        let blank = rest.len() - rest.trim_start().len();
        at += blank;
        if !text[at..].starts_with('#') {
            return at;
        }
        at = line_at(text, at).end;
    }
}

/// A tab before the first word of a line, between the last good thing and the place of the error.
///
/// When the parser itself speaks of a tab, it may stand some lines below the place.
fn tab_near(text: &str, context: &Context<'_>, sure: bool) -> Option<usize> {
    let tab_in = |at: usize| {
        let line = line_at(text, at);
        let indent = text[line.clone()].len() - text[line.clone()].trim_start().len();
        text[line.start..line.start + indent].find('\t').map(|n| line.start + n)
    };
    if sure {
        let mut at = context.at;
        while at < text.len() {
            if let Some(tab) = tab_in(at) {
                return Some(tab);
            }
            at = line_at(text, at).end;
            at += text[at..].find('\n').map_or(text.len(), |n| n + 1);
        }
    }
    tab_in(context.at).or_else(|| tab_in(next_content(text, context.after)).filter(|tab| *tab >= context.after))
}

/// Words in a message of the event parser; the sentence and the help for it. The first that fits counts.
const TABLE: &[(&str, &str, &str)] = &[
    (
        "mapping values are not allowed",
        "a second `: ` on this line makes no sense",
        "put the value in quotes, or put the key on its own line",
    ),
    (
        "did not find expected key",
        "this line does not fit the map above it",
        "indent it exactly as the other keys of its map",
    ),
    (
        "did not find expected '-'",
        "this line does not fit the list above it",
        "indent it exactly as the other items, and begin it with `- `",
    ),
    (
        "invalid indentation in quoted",
        "the quotes that open here are not closed on this line",
        "close them; a text that goes on in the next line is indented more than its key",
    ),
    (
        "invalid indentation in flow",
        "the lines within brackets are indented too little",
        "indent them more than the line that opens the bracket, or close it",
    ),
    (
        "wrongly indented line in block",
        "the first line of the text block is indented less than a blank line before it",
        "indent all lines of the block the same, and empty the blank lines",
    ),
    ("invalid indentation", "the indentation fits no line above", "indent it exactly as the lines it belongs to"),
    (
        "flow mapping",
        "this map in braces has no `}` or lacks a `,`",
        "close it with `}`, separate its entries with `,`",
    ),
    (
        "flow sequence",
        "this list in brackets has no `]` or lacks a `,`",
        "close it with `]`, separate its items with `,`",
    ),
    ("unexpected end of stream", "the quotes that open here are never closed", "close them"),
    ("document indicator", "`---` stands within quotes that open here", "close the quotes"),
    (
        "unknown escape character",
        "an escape that does not exist in quoted text",
        "write `\\\\` for a backslash, or use single quotes",
    ),
    ("hexadecimal number", "an escape lacks its hexadecimal digits", "write `\\x41`, `\\u0041` or `\\U00000041`"),
    ("invalid Unicode character escape", "an escape names a character that does not exist", "correct its digits"),
    (
        "trailing content after",
        "something follows the closing quote",
        "put the whole value in one pair of quotes; within double quotes write `\\\"`",
    ),
    (
        "unknown anchor",
        "an alias names an anchor that does not exist",
        "write `&name` before the value to repeat; a text that begins with `*` needs quotes",
    ),
    ("anchor or alias", "an `&` or `*` without a name", "put the text in quotes"),
    ("unexpected character", "a value cannot begin with this character", "put the value in quotes"),
    ("block sequence entries", "a list cannot begin on this line", "put the `- ` on the next line, indented"),
    ("plain scalar cannot start", "a value cannot begin with `-` here", "put the value in quotes"),
    ("block scalar", "the line of `|` or `>` can hold nothing else", "put the text on the next line, indented"),
    ("node content", "a value is missing here", "write one, or remove the comma or bracket"),
    ("misplaced bracket", "a bracket closes nothing", "remove it, or put the value in quotes"),
    ("comments must be separated", "a `#` directly after a value", "put a space before it, or put the value in quotes"),
    ("comment intercepting", "a comment stands within a text of several lines", "move the comment above the key"),
    ("tag", "a `!` begins a tag that cannot be read", "put the text in quotes"),
    ("handle", "a tag with a prefix that is not declared", "remove the tag"),
    ("directive", "a `%` at the start of a line begins a directive that cannot be read", "put the text in quotes"),
    ("byte order mark", "a byte order mark within the text", "remove it: it is an invisible character"),
    ("unprintable", "a NUL character", "remove it"),
    ("document start", "the text goes on after the end of the document", "indent the line as the others, or remove it"),
    ("must be followed by", "`:` needs a space after it", "write `key: value`"),
    ("':'", "a `:` where none can be", "put the value in quotes"),
    ("simple key", "this line is neither `key: value` nor an item of a list", "write `key: value`"),
    ("mapping keys are not allowed", "a `? ` where no key can begin", "put the value in quotes"),
    ("unexpected end of plain", "a value is missing here", "write one, or put it in quotes"),
];

/// A sentence and what to do, for the words of the event parser.
fn phrase(info: &str) -> (String, &'static str) {
    let found = TABLE.iter().find(|(words, ..)| info.contains(words));
    match found {
        Some((_, message, help)) => ((*message).to_owned(), help),
        None => (format!("the YAML cannot be read: {info}"), "put texts with special characters in quotes"),
    }
}

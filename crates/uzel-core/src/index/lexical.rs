//! Names in expressions by their characters alone: for expressions that cannot be read, which is what they mostly are
//! while they are typed. Used by the index and by completion.

use std::ops::Range;

/// Words that are no names.
const WORDS: [&str; 14] =
    ["and", "or", "not", "in", "is", "if", "else", "elif", "for", "true", "false", "none", "recursive", "null"];
/// Words that begin a statement of a template.
const STATEMENTS: [&str; 18] = [
    "if",
    "elif",
    "else",
    "endif",
    "for",
    "endfor",
    "set",
    "endset",
    "with",
    "endwith",
    "filter",
    "endfilter",
    "macro",
    "endmacro",
    "call",
    "endcall",
    "do",
    "raw",
];

/// A name, perhaps with plain fields after it: each part and where it stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Chain {
    pub(super) parts: Vec<(String, Range<usize>)>,
}

/// A part of a text that is an expression, or statements of a template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Region {
    /// After the opening braces.
    pub(super) start: usize,
    /// Before the closing braces, or where the text ends.
    pub(super) end: usize,
    /// Whether there are closing braces.
    pub(super) closed: bool,
    /// Whether it is `{% %}`.
    pub(super) statement: bool,
}

/// The parts of a text that stand between braces.
pub(super) fn regions(text: &str) -> Vec<Region> {
    let mut found = vec![];
    let mut at = 0;
    while let Some((start, statement)) = opening(text, at) {
        let close = if statement { "%}" } else { "}}" };
        let rest = text.get(start..).unwrap_or_default();
        let next = opening(text, start).map_or(text.len(), |(next, _)| next - 2);
        match rest.find(close).map(|i| start + i).filter(|end| *end < next) {
            Some(end) => {
                found.push(Region { start, end, closed: true, statement });
                at = end + 2;
            }
            None => {
                found.push(Region { start, end: next, closed: false, statement });
                at = next;
            }
        }
    }
    found
}

/// The region that a place is in; a place just before the closing braces still is.
pub(super) fn region_at(text: &str, offset: usize) -> Option<Region> {
    regions(text).into_iter().find(|region| region.start <= offset && offset <= region.end)
}

/// The next opening braces: where what they hold begins, and whether they open a statement.
fn opening(text: &str, from: usize) -> Option<(usize, bool)> {
    let rest = text.get(from..)?;
    let found = rest.match_indices('{').find_map(|(i, _)| match rest.as_bytes().get(i + 1) {
        Some(b'{') => Some((i + 2, false)),
        Some(b'%') => Some((i + 2, true)),
        _ => None,
    });
    found.map(|(at, statement)| (from + at, statement))
}

/// Whether a byte can be in a name.
pub(super) fn is_word(byte: u8) -> bool {
    byte == b'_' || byte.is_ascii_alphanumeric()
}

/// The name that a place is in or touches.
pub(super) fn word_at(text: &str, offset: usize) -> Range<usize> {
    let bytes = text.as_bytes();
    let mut start = offset.min(bytes.len());
    while start > 0 && is_word(bytes[start - 1]) {
        start -= 1;
    }
    let mut end = offset.min(bytes.len());
    while bytes.get(end).is_some_and(|byte| is_word(*byte)) {
        end += 1;
    }
    start..end
}

/// The names in an expression, in order. Texts, filters, tests, functions and names of arguments are none.
pub(super) fn chains(text: &str, region: Range<usize>) -> Vec<Chain> {
    let bytes = text.as_bytes();
    let mut found: Vec<Chain> = vec![];
    let mut open = Chain::default();
    let (mut at, mut last) = (region.start, None::<u8>);
    let mut after_is = false;
    let end = region.end.min(bytes.len());
    while at < end {
        let byte = bytes[at];
        match byte {
            b'"' | b'\'' => {
                let from = at;
                at = quoted_end(bytes, at, end);
                // `nodes["a"]` is a field too.
                let inner = from + 1..at.saturating_sub(1).max(from + 1);
                let field = last == Some(b'[') && bytes.get(at) == Some(&b']') && !open.parts.is_empty();
                if field && let Some(name) = text.get(inner.clone()) {
                    open.parts.push((name.to_owned(), inner));
                    at += 1;
                    last = Some(b']');
                    continue;
                }
                found.extend(finished(&mut open));
                last = Some(b'"');
            }
            byte if is_word(byte) => {
                let from = at;
                while at < end && is_word(bytes[at]) {
                    at += 1;
                }
                let word = text.get(from..at).unwrap_or_default();
                if last == Some(b'.') && !open.parts.is_empty() {
                    open.parts.push((word.to_owned(), from..at));
                } else {
                    found.extend(finished(&mut open));
                    let begins = from == region.start
                        || text.get(region.start..from).is_some_and(|t| t.trim_matches(['-', '+', ' ']).is_empty());
                    let keyword = WORDS.contains(&word) || begins && STATEMENTS.contains(&word);
                    let named = !byte.is_ascii_digit() && !keyword && last != Some(b'|') && last != Some(b'.');
                    if named && !after_is && !is_called_or_set(bytes, at, end) {
                        open.parts.push((word.to_owned(), from..at));
                    }
                    after_is = word == "is" || after_is && word == "not";
                }
                last = Some(b'a');
            }
            b' ' | b'\t' | b'\r' | b'\n' => at += 1,
            other => {
                if !matches!(other, b'.' | b'[') {
                    found.extend(finished(&mut open));
                }
                last = Some(other);
                at += 1;
            }
        }
    }
    found.extend(finished(&mut open));
    found
}

fn finished(open: &mut Chain) -> Option<Chain> {
    let chain = std::mem::take(open);
    (!chain.parts.is_empty()).then_some(chain)
}

fn quoted_end(bytes: &[u8], start: usize, end: usize) -> usize {
    let quote = bytes[start];
    let mut at = start + 1;
    while at < end {
        match bytes[at] {
            b'\\' => at += 2,
            byte if byte == quote => return at + 1,
            _ => at += 1,
        }
    }
    end
}

/// `name(` calls a function and `name=` names an argument.
fn is_called_or_set(bytes: &[u8], at: usize, end: usize) -> bool {
    let mut rest = bytes.get(at..end).unwrap_or_default().iter().skip_while(|byte| **byte == b' ');
    match rest.next() {
        Some(b'(') => true,
        Some(b'=') => rest.next() != Some(&b'='),
        _ => false,
    }
}

/// What stands before a place in an expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Before {
    /// The fields so far: `a.b.` has two; none where a name begins.
    Path(Vec<String>),
    /// A field of something that is no plain path.
    Field,
    /// A filter: after `|`.
    Filter,
    /// A test: after `is`.
    Test,
    /// Inside of a text.
    Text,
}

/// What stands before the word at `offset`, in an expression that begins at `start`.
pub(super) fn before(text: &str, start: usize, offset: usize) -> Before {
    let bytes = text.as_bytes();
    let mut at = start;
    while at < offset {
        if matches!(bytes[at], b'"' | b'\'') {
            let end = quoted_end(bytes, at, bytes.len());
            if end > offset || end == bytes.len() && bytes.last() != Some(&bytes[at]) {
                return Before::Text;
            }
            at = end;
        } else {
            at += 1;
        }
    }
    let word = word_at(text, offset);
    let head = text.get(start..word.start).unwrap_or_default().trim_end();
    match head.as_bytes().last() {
        Some(b'|') => Before::Filter,
        Some(b'.') => {
            let last = chains(text, start..start + head.len()).pop();
            let path = last.filter(|chain| {
                let end = chain.parts.last().map_or(0, |(_, at)| at.end);
                text.get(end..start + head.len())
                    .is_some_and(|between| between.trim_matches([']', '"', '\'', ' ']) == ".")
            });
            path.map_or(Before::Field, |chain| Before::Path(chain.parts.into_iter().map(|(name, _)| name).collect()))
        }
        _ if head.ends_with(" is") || head.ends_with(" is not") => Before::Test,
        _ => Before::Path(vec![]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> String {
        let show = |chain: Chain| chain.parts.into_iter().map(|(name, _)| name).collect::<Vec<_>>().join(".");
        chains(text, 0..text.len()).into_iter().map(show).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn names_are_told_from_everything_else() {
        assert_eq!(names("a.b | default(c, boolean=true) and not d is none"), "a.b c d");
        assert_eq!(names("for x in nodes[\"a\"].status if x.y == 'z w'"), "x nodes.a.status x.y");
        assert_eq!(names("range(3) ~ a . b[0].c + 1.5"), "a.b");
        assert_eq!(names("a.b.c and"), "a.b.c");
        assert_eq!(names("\"unclosed a.b"), "");
    }

    #[test]
    fn braces_are_found_in_pairs_or_alone() {
        let text = "a {{ b }} ${{ c }} {% if d %} {{ e {{ f }} }} {{ g";
        let found: Vec<&str> = regions(text).iter().map(|region| text[region.start..region.end].trim()).collect();
        assert_eq!(found, ["b", "c", "if d", "e", "f", "g"]);
        assert_eq!(region_at(text, 0), None);
        assert!(region_at(text, text.len()).is_some_and(|region| !region.closed));
    }

    #[test]
    fn what_stands_before_a_place_is_known() {
        let at = |marked: &str| {
            let offset = marked.find('$').expect("a mark");
            before(&marked.replace('$', ""), 0, offset)
        };
        let path = |names: &[&str]| Before::Path(names.iter().map(|name| (*name).to_owned()).collect());
        assert_eq!(at("$"), path(&[]));
        assert_eq!(at("a and cl$ass"), path(&[]));
        assert_eq!(at("a.b.c$"), path(&["a", "b"]));
        assert_eq!(at("x + a.$ and c"), path(&["a"]));
        assert_eq!(at("nodes[\"a\"].$"), path(&["nodes", "a"]));
        assert_eq!(at("(a or b).$"), Before::Field);
        assert_eq!(at("a | up$"), Before::Filter);
        assert_eq!(at("a is not no$"), Before::Test);
        assert_eq!(at("a == \"re$\""), Before::Text);
        assert_eq!(at("a == \"re$"), Before::Text);
    }
}

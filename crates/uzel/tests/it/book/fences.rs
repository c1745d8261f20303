//! Fenced blocks of Markdown, words of commands, and texts with gaps. Used by the test of the guide.

use std::ops::Range;

/// A fenced block.
pub(super) struct Fence {
    /// The words after the fence.
    info: Vec<String>,
    /// Line of the fence, from 1.
    pub(super) line: usize,
    /// Where its lines stand in the page.
    pub(super) at: Range<usize>,
    pub(super) body: String,
}

impl Fence {
    pub(super) fn language(&self) -> &str {
        self.info.first().map_or("", String::as_str)
    }

    /// The file that it is.
    pub(super) fn file(&self) -> Option<&str> {
        self.info.get(1).map(String::as_str).filter(|word| word.contains('.'))
    }
}

impl Fence {
    /// Whether it is an app that is meant to be reported.
    pub(super) fn is_broken(&self) -> bool {
        self.info.get(2).is_some_and(|word| word == "broken")
    }
}

/// All fenced blocks of a page.
pub(super) fn fences(text: &str) -> Vec<Fence> {
    let mut fences = vec![];
    let mut open: Option<(Vec<String>, usize, usize)> = None;
    let mut at = 0;
    for (number, line) in text.split_inclusive('\n').enumerate() {
        let end = at + line.len();
        if let Some(info) = line.strip_prefix("```") {
            open = match open {
                None => Some((info.split_whitespace().map(str::to_owned).collect(), number + 1, end)),
                Some((info, line, start)) => {
                    fences.push(Fence { info, line, at: start..at, body: text[start..at].to_owned() });
                    None
                }
            };
        }
        at = end;
    }
    assert!(open.is_none(), "a fence is not closed");
    fences
}

/// The words of a command, with quotes as in a shell.
pub(super) fn words(command: &str) -> Vec<String> {
    let mut words = vec![];
    let mut word: Option<String> = None;
    let mut quote = None;
    for c in command.chars() {
        match (quote, c) {
            (Some(q), c) if c == q => quote = None,
            (Some(_), c) => word.get_or_insert_default().push(c),
            (None, '\'' | '"') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, ' ') => words.extend(word.take()),
            (None, c) => word.get_or_insert_default().push(c),
        }
    }
    assert!(quote.is_none(), "a quote is not closed: {command}");
    words.extend(word);
    words
}

/// Whether lines are as expected, where `…` stands for any lines or for any part of a line.
pub(super) fn fits(expected: &[&str], found: &[&str]) -> bool {
    match expected.split_first() {
        None => found.is_empty(),
        Some((first, rest)) if first.trim() == "…" => (0..=found.len()).any(|skip| fits(rest, &found[skip..])),
        Some((first, rest)) => found.split_first().is_some_and(|(line, found)| like(first, line) && fits(rest, found)),
    }
}

fn like(expected: &str, line: &str) -> bool {
    let Some((before, after)) = expected.split_once('…') else { return expected == line };
    let Some(rest) = line.strip_prefix(before) else { return false };
    rest.char_indices().map(|(at, _)| at).chain([rest.len()]).any(|at| like(after, &rest[at..]))
}

#[test]
fn gaps_stand_for_anything() {
    assert!(fits(&["a", "…", "c"], &["a", "b", "b", "c"]));
    assert!(fits(&["run … ended in … ms"], &["run x1 ended in 12 ms"]));
    assert!(!fits(&["a", "…", "c"], &["a", "b"]));
    assert!(!fits(&["run …", "b"], &["run x"]));
    assert_eq!(words(r#"uzel run --input 'message=Is "it" ok?' "a b" c"#)[3..], [r#"message=Is "it" ok?"#, "a b", "c"]);
}

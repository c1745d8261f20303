//! Cuts plain text and Markdown into sentences under their headings, for selection and for evidence.
//!
//! Code blocks, front matter and table rules are dropped, list items and table rows are sentences of their own, inline
//! marks and link targets are removed. Abbreviations, initials and decimals do not end a sentence.

use std::rc::Rc;
use std::sync::LazyLock;

use regex::Regex;

/// One sentence, with its white space made single, and the heading it stands under (empty if none).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sentence {
    pub text: String,
    pub heading: Rc<str>,
}

/// Sentences beyond this number are not looked at.
const MAX_SENTENCES: usize = 4_000;
/// A "sentence" without any end (logs, minified data) is cut after so many characters, at a space if there is one.
const MAX_CHARS: usize = 600;
/// A line shorter than this was ended by the writer, not by a wrapping editor.
const WRAPPED: usize = 45;

/// Abbreviations (folded, without the point) after which a point does not end a sentence.
const ABBREVIATIONS: &[&str] = &[
    "mr", "mrs", "ms", "dr", "prof", "st", "sr", "sra", "jr", "vs", "e.g", "i.e", "eg", "ie",
    "approx", "no", "nr", "art", "abs", "ca", "bzw", "z.b", "d.h", "u.a", "usw", "inkl", "ggf",
    "evtl", "str", "tel", "fig", "vol", "p.ej", "ej", "ud", "uds", "mme", "mlle", "cf", "env",
    "inc", "ltd", "co", "corp", "dept", "est", "jan", "feb", "mar", "apr", "jun", "jul", "aug",
    "sep", "sept", "oct", "nov", "dec", "т.е", "т.д", "г", "руб", "см",
];

/// The sentences of `text`, in order.
pub(crate) fn split(text: &str) -> Vec<Sentence> {
    let mut splitter = Splitter {
        out: Vec::new(),
        block: String::new(),
        ended: false,
        heading: Rc::from(""),
    };
    let mut fence: Option<&str> = None;
    for line in without_front_matter(text).lines() {
        let line = line.trim();
        if let Some(mark) = fence {
            if line.starts_with(mark) {
                fence = None;
            }
            continue;
        }
        if let Some(mark) = ["```", "~~~"]
            .into_iter()
            .find(|mark| line.starts_with(mark))
        {
            splitter.flush();
            fence = Some(mark);
            continue;
        }
        splitter.line(line);
        if splitter.out.len() >= MAX_SENTENCES {
            break;
        }
    }
    splitter.flush();
    splitter.out.truncate(MAX_SENTENCES);
    splitter.out
}

/// The text after a leading `---` ... `---` block, if there is one.
fn without_front_matter(text: &str) -> &str {
    let body = text.trim_start_matches('\u{feff}');
    let Some(rest) = body.strip_prefix("---\n") else {
        return body;
    };
    match rest.find("\n---\n") {
        Some(end) if rest[..end].contains(':') => &rest[end + 5..],
        _ => body,
    }
}

struct Splitter {
    out: Vec<Sentence>,
    block: String,
    /// The last line of the block was short: only a line that goes on in lower case still belongs to it.
    ended: bool,
    heading: Rc<str>,
}

impl Splitter {
    fn line(&mut self, line: &str) {
        let line = line.trim_start_matches(['>', ' ']);
        if line.is_empty() {
            return self.flush();
        }
        let hashes = line.chars().take_while(|c| *c == '#').count();
        if (1..=6).contains(&hashes) && line[hashes..].starts_with(' ') {
            self.flush();
            self.heading = Rc::from(clean_inline(line[hashes..].trim_matches([' ', '#'])));
            return;
        }
        if line.len() >= 3
            && line
                .chars()
                .all(|c| matches!(c, '=' | '-' | '*' | '_' | ' ' | '|' | ':'))
        {
            return self.rule(line);
        }
        if line.starts_with('|') {
            self.flush();
            let cells: Vec<&str> = line
                .trim_matches('|')
                .split('|')
                .map(str::trim)
                .filter(|c| !c.is_empty())
                .collect();
            self.block = cells.join(", ");
            return self.flush();
        }
        let item = list_item(line);
        if item.is_some() || self.ended && !line.starts_with(char::is_lowercase) {
            self.flush();
        }
        let content = item.unwrap_or(line);
        if !self.block.is_empty() {
            self.block.push(' ');
        }
        self.block.push_str(content);
        self.ended = content.chars().count() < WRAPPED;
        if self.block.len() > 20_000 {
            self.flush();
        }
    }

    /// A rule under a short line makes that line a heading (`Title` over `=====`); any other rule ends the block.
    fn rule(&mut self, line: &str) {
        let underline = line.chars().all(|c| c == '=') || line.chars().all(|c| c == '-');
        if underline && self.ended && !self.block.contains(". ") {
            self.heading = Rc::from(clean_inline(&std::mem::take(&mut self.block)));
        }
        self.flush();
    }

    fn flush(&mut self) {
        self.ended = false;
        let block = std::mem::take(&mut self.block);
        let block = clean_inline(&block);
        for text in cut(&block) {
            self.out.push(Sentence {
                text,
                heading: Rc::clone(&self.heading),
            });
        }
    }
}

/// The content of a list item (`- a`, `* a`, `• a`, `1. a`, `2) a`, `- [x] a`).
pub(crate) fn list_item(line: &str) -> Option<&str> {
    static ITEM: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"^\s*(?:[-*+•–]|\d{1,3}[.)])\s+(?:\[[ xX]\]\s+)?(\S.*)$")
            .expect("the pattern is valid")
    });
    ITEM.captures(line)
        .and_then(|found| found.get(1))
        .map(|content| content.as_str())
}

/// Removes link targets, images' marks, emphasis and code marks; makes white space single.
fn clean_inline(text: &str) -> String {
    static LINK: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"!?\[([^\[\]]*)\]\([^()\s]*\)").expect("the pattern is valid")
    });
    let text = if text.contains("](") {
        LINK.replace_all(text, "$1")
    } else {
        text.into()
    };
    let text = if text.contains(['*', '`', '_']) {
        text.replace("**", "")
            .replace("__", "")
            .replace('`', "")
            .into()
    } else {
        text
    };
    let mut out = String::with_capacity(text.len());
    for word in text.split_whitespace() {
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(word);
    }
    out
}

/// Cuts one block at the ends of its sentences.
fn cut(block: &str) -> Vec<String> {
    let mut out = Vec::new();
    let mut start = 0;
    let mut length = 0;
    let mut space = None;
    let mut chars = block.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        length += 1;
        if c == ' ' {
            space = Some(at);
        }
        let mut end = at + c.len_utf8();
        let wide = matches!(c, '。' | '！' | '？' | '｡' | '।');
        if wide || matches!(c, '.' | '!' | '?' | '…' | '؟') {
            while let Some((next, closing)) = chars.next_if(|(_, c)| is_closing(*c)) {
                end = next + closing.len_utf8();
                length += 1;
            }
            let rest = &block[end..];
            if wide
                || rest.is_empty()
                || rest.starts_with(' ') && !(c == '.' && continues(&block[start..at], rest))
            {
                push(&block[start..end], &mut out);
                (start, length, space) = (end, 0, None);
            }
        } else if length >= MAX_CHARS {
            let stop = space.filter(|space| *space > start).unwrap_or(end);
            push(&block[start..stop], &mut out);
            (length, start, space) = (block[stop..end].chars().count(), stop, None);
        }
    }
    push(&block[start..], &mut out);
    out
}

fn push(text: &str, out: &mut Vec<String>) {
    let text = text.trim();
    if text.chars().any(char::is_alphanumeric) {
        out.push(text.to_owned());
    } else if let Some(last) = out.last_mut().filter(|_| !text.is_empty()) {
        // An emoji or stray mark after a sentence belongs to it.
        last.push(' ');
        last.push_str(text);
    }
}

fn is_closing(c: char) -> bool {
    matches!(
        c,
        '.' | '!'
            | '?'
            | '…'
            | '"'
            | '\''
            | ')'
            | ']'
            | '»'
            | '”'
            | '’'
            | '」'
            | '』'
            | '）'
            | '！'
            | '？'
            | '。'
    )
}

/// Whether the point after `before` is inside a sentence, judged by the word before it and what follows.
fn continues(before: &str, rest: &str) -> bool {
    let next = rest.trim_start().chars().next();
    if next.is_some_and(char::is_lowercase) {
        return true;
    }
    let word = before.rsplit([' ', '(']).next().unwrap_or("");
    let digit_next = next.is_some_and(|c| c.is_ascii_digit());
    if word.chars().count() == 1 && word.chars().all(char::is_uppercase) {
        return true;
    }
    let word = super::ngrams::fold(word);
    match word.as_str() {
        "no" | "nr" | "art" | "fig" | "vol" | "tel" | "est" | "ca" | "approx" => digit_next,
        "st" | "co" | "inc" | "ltd" | "corp" | "str" | "г" | "руб" => false,
        // "on the 3. Mai" continues, "in 2026. The" does not.
        short if short.len() <= 2 && short.parse::<u8>().is_ok() => {
            before.len() > 2 || before == short
        }
        word => ABBREVIATIONS.contains(&word),
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn check(text: &str, expected: Expect) {
        let lines: Vec<String> = split(text)
            .iter()
            .map(|s| {
                if s.heading.is_empty() {
                    s.text.clone()
                } else {
                    format!("[{}] {}", s.heading, s.text)
                }
            })
            .collect();
        expected.assert_eq(&lines.join("\n"));
    }

    #[test]
    fn prose() {
        check(
            "Dr. Smith paid $3.50 for it, e.g. yesterday. It broke! Why?? No. 5 is fine… \"Really?\" Yes.",
            expect![[r#"
                Dr. Smith paid $3.50 for it, e.g. yesterday.
                It broke!
                Why??
                No. 5 is fine…
                "Really?"
                Yes."#]],
        );
        check(
            "Das Paket kam am 3. Mai z.B. beschädigt an. Bitte Nr. 12 prüfen. Danke 😊!",
            expect![[r"
                Das Paket kam am 3. Mai z.B. beschädigt an.
                Bitte Nr. 12 prüfen.
                Danke 😊!"]],
        );
        check(
            "商品が届きません。返金してください！お願いします",
            expect![[r"
                商品が届きません。
                返金してください！
                お願いします"]],
        );
        check(
            "Где мой заказ? Он опаздывает, т.е. уже неделю. Спасибо.",
            expect![[r"
                Где мой заказ?
                Он опаздывает, т.е. уже неделю.
                Спасибо."]],
        );
        check("Hi\nI want my money back\nThanks\nAnna 🙂", expect![[r"
            Hi
            I want my money back
            Thanks
            Anna 🙂"]]);
        check("", expect![[""]]);
        check("... !!! 🙂", expect![[""]]);
    }

    #[test]
    fn markdown() {
        check(
            "---\ntitle: x\n---\n# Returns\n\nYou may **return** an item within [30 days](https://x.example/a_b).\nKeep the\n`receipt`.\n\n## Steps\n1. Open the app\n2. Press *Return*\n   and wait.\n\n```sh\nrm -rf /\n```\n> Quoted text here.\n\n| Size | Price |\n|---|---|\n| L | 3.50 |\n\nTitle\n=====\nBelow it.",
            expect![[r"
                [Returns] You may return an item within 30 days.
                [Returns] Keep the
                [Returns] receipt.
                [Steps] Open the app
                [Steps] Press *Return* and wait.
                [Steps] Quoted text here.
                [Steps] Size, Price
                [Steps] L, 3.50
                [Title] Below it."]],
        );
    }

    #[test]
    fn endless_text_is_cut() {
        let text = "слово ".repeat(1_000) + &"x".repeat(5_000);
        assert!(
            split(&text)
                .iter()
                .all(|s| s.text.chars().count() <= MAX_CHARS)
        );
        assert!(split(&"a. ".repeat(20_000)).len() <= MAX_SENTENCES);
    }
}

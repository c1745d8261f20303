//! Random texts: what can be read comes out with the same values and the same comments, and formatting twice is
//! formatting once.

use proptest::prelude::*;
use uzel_testkit::dice::Dice;

use super::{formatted, has_layout};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    /// Pieces of YAML in any order.
    #[test]
    fn pieces(text in crate::yaml::tests::parts()) {
        if has_layout(&text) {
            let formatted = formatted(&text);
            prop_assert!(formatted.is_ok(), "{}", formatted.unwrap_err());
        }
    }
}

#[test]
fn documents_in_random_layouts() {
    const SEEDS: u64 = 3_000;
    let (mut read, mut failures) = (0, vec![]);
    for seed in 0..SEEDS {
        let mut author = Author { dice: Dice::new(seed), text: String::new(), comments: vec![], anchors: 0 };
        author.document();
        if !has_layout(&author.text) {
            continue;
        }
        read += 1;
        let formatted = match formatted(&author.text) {
            Ok(formatted) => formatted,
            Err(why) => {
                failures.push(format!("seed {seed}: {why}"));
                continue;
            }
        };
        let mut rest = formatted.as_str();
        for comment in &author.comments {
            let at = rest.find(comment.as_str());
            let Some(at) = at else {
                failures.push(format!("seed {seed}: {:?} loses {comment} as {formatted:?}", author.text));
                break;
            };
            rest = &rest[at + comment.len()..];
        }
    }
    assert!(failures.is_empty(), "{} failures:\n{}", failures.len(), failures[..failures.len().min(8)].join("\n"));
    // The author makes few mistakes.
    assert!(read > SEEDS * 9 / 10, "only {read} of {SEEDS} can be read");
}

/// Writes documents as nobody would.
struct Author {
    dice: Dice,
    text: String,
    comments: Vec<String>,
    anchors: usize,
}

impl Author {
    fn one_in(&mut self, n: u64) -> bool {
        self.dice.below(n) == 0
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.dice.below(from.len() as u64) as usize]
    }

    fn push(&mut self, text: &str) {
        self.text.push_str(text);
    }

    fn spaces(&mut self, least: u64, most: u64) {
        let count = least + self.dice.below(most - least + 1);
        self.push(&" ".repeat(count as usize));
    }

    fn comment(&mut self) {
        let words = self.pick(&["", " a: b", " - x", " {", " 'it''s", "!", " # again", " ж \"", "\twide  gap"]);
        // Numbers make each comment one of a kind.
        let comment = format!("#{words} c{}.", self.comments.len());
        self.push(&comment);
        self.comments.push(comment);
    }

    /// The end of a line, with or without a comment; then perhaps lines without a value.
    fn end(&mut self) {
        self.spaces(0, 2);
        if self.one_in(4) {
            self.spaces(1, 4);
            self.comment();
        }
        let end = self.pick(&["\n", "\n", "\n", "\r\n"]);
        self.push(end);
        while self.one_in(4) {
            match self.dice.below(3) {
                0 => self.push("\n"),
                1 => self.push("  \n"),
                _ => {
                    self.spaces(0, 9);
                    self.comment();
                    self.push("\n");
                }
            }
        }
    }

    fn document(&mut self) {
        if self.one_in(9) {
            self.push("\u{feff}");
        }
        if self.one_in(3) {
            self.end();
        }
        if self.one_in(5) {
            self.push("---");
            self.end();
        }
        match self.dice.below(8) {
            0 => {
                self.flow(0, 0);
                self.end();
            }
            1 => self.list(0, 0),
            _ => self.map(0, 0),
        }
        if self.one_in(9) {
            self.push("...");
            self.end();
        }
    }

    fn key(&mut self, number: u64) {
        let key = self.pick(&["key", "x-y", "\"two words\"", "'it''s'", "a b", "\"yes\"", "'1'", "ключ", "url:x"]);
        let open = key.strip_suffix(['"', '\'']);
        let key = match open {
            Some(open) => format!("{open}{number}{}", &key[open.len()..]),
            None => format!("{key}{number}"),
        };
        self.push(&key);
    }

    /// A map whose lines begin at a column; the first line has begun.
    fn map(&mut self, column: usize, depth: usize) {
        for number in 0..=self.dice.below(4) {
            if number > 0 {
                self.push(&" ".repeat(column));
            }
            if self.one_in(12) {
                self.push("? ");
                self.key(number);
                self.end();
                self.push(&" ".repeat(column));
                self.push(":");
            } else {
                self.key(number);
                self.spaces(0, 1);
                self.push(":");
            }
            self.value(column, depth, true);
        }
    }

    fn list(&mut self, column: usize, depth: usize) {
        for number in 0..=self.dice.below(4) {
            if number > 0 {
                self.push(&" ".repeat(column));
            }
            self.push("-");
            self.value(column, depth, false);
        }
    }

    fn property(&mut self, tag: &str) -> bool {
        if self.one_in(6) {
            self.anchors += 1;
            let anchor = format!(" &a{}", self.anchors);
            self.push(&anchor);
            return true;
        }
        if self.one_in(12) {
            self.push(" ");
            self.push(tag);
            return true;
        }
        false
    }

    /// What follows `key:` or `-`, with the end of its line.
    fn value(&mut self, column: usize, depth: usize, key: bool) {
        let kind = self.dice.below(if depth < 4 { 12 } else { 8 });
        match kind {
            0 => self.end(),
            1 | 2 => {
                self.property("!!str");
                self.spaces(1, 3);
                self.block(column);
            }
            3 | 4 => {
                self.property("!!str");
                self.spaces(1, 2);
                self.lines(column);
                self.end();
            }
            5 if self.anchors > 0 && self.one_in(2) => {
                let alias = format!(" *a{}", 1 + self.dice.below(self.anchors as u64));
                self.push(&alias);
                self.end();
            }
            5 | 6 => {
                self.spaces(1, 2);
                self.scalar(false);
                self.end();
            }
            7 => {
                self.spaces(1, 2);
                self.flow(depth + 1, column + 1);
                self.end();
            }
            8 | 9 if !key && self.one_in(2) => {
                self.spaces(1, 3);
                let begun = self.text.rfind('\n').map_or(0, |at| at + 1);
                let column = self.text[begun..].trim_start_matches('\u{feff}').chars().count();
                if kind == 8 { self.map(column, depth + 1) } else { self.list(column, depth + 1) }
            }
            8 | 10 => {
                self.property("!!map");
                self.end();
                let column = column + 1 + self.dice.below(4) as usize;
                self.push(&" ".repeat(column));
                self.map(column, depth + 1);
            }
            _ => {
                self.property("!!seq");
                self.end();
                let column = column + usize::from(!key) + self.dice.below(4) as usize;
                self.push(&" ".repeat(column));
                self.list(column, depth + 1);
            }
        }
    }

    fn scalar(&mut self, flow: bool) {
        let scalar = self.pick(&[
            "a",
            "15m",
            "1",
            "1.50",
            "0x1F",
            "true",
            "~",
            "null",
            "'quoted'",
            "\"quoted\"",
            "yes",
            "'no'",
            "string | null",
            "\"a: b\"",
            "'a # b'",
            "\"{{ x }}\"",
            "'${{ x == \"y\" }}'",
            "\"\\u00e9\\t\"",
            "'back\\slash'",
            "2026-03-02",
            "'2026-03-02'",
            "1_000",
            "\"12\"",
            "\"\"",
            "''",
            "http://x:80/y",
            "docs/**/*.md",
            "ж ж",
            "\"don't\"",
            "js:a.js#f",
            "'{ a }'",
            "\"a, b\"",
            "0o7",
            "012",
            "-x",
            "'- x'",
            "12:30",
            "!!str 5",
            "!!int '5'",
        ]);
        if flow {
            self.push(if scalar == "-x" { "'-x'" } else { scalar });
            return;
        }
        let scalar =
            if self.one_in(4) { self.pick(&["${{ x }}", "a, b", "a?", "x [1]", "${{ a == \"b\" }}"]) } else { scalar };
        self.push(scalar);
    }

    /// A scalar of several lines.
    fn lines(&mut self, column: usize) {
        let quote = self.pick(&["", "'", "\""]);
        self.push(quote);
        let words: &[&str] = match quote {
            "" => &["words", "and more", "${{ x }}", "x, y", "it's \"so\""],
            "'" => &["words", "it''s", "a: b", "# no comment", "\"so\"", "\\", "- x"],
            _ => &["words", "it's", "a: b", "# no comment", "\\\"so\\\"", "\\\\", "\\x41", "- x", "end\\"],
        };
        let word = if quote.is_empty() { "first" } else { words[0] };
        self.push(word);
        for _ in 0..=self.dice.below(3) {
            self.spaces(0, 2);
            while self.one_in(3) {
                self.push("\n");
                self.spaces(0, 2);
            }
            self.push("\n");
            self.push(&" ".repeat(column + 1));
            self.spaces(0, 4);
            let word = self.pick(words);
            self.push(word);
        }
        // A backslash would take the quote.
        self.push(if self.text.ends_with('\\') && !self.text.ends_with("\\\\") { " " } else { "" });
        self.push(quote);
    }

    /// A literal or folded block.
    fn block(&mut self, column: usize) {
        let mark = self.pick(&["|", ">"]);
        let chomp = self.pick(&["", "-", "+"]);
        let step = 1 + self.dice.below(4) as usize;
        let explicit = self.one_in(3);
        let header = format!("{mark}{}{chomp}", if explicit { step.to_string() } else { String::new() });
        self.push(&header);
        if self.one_in(4) {
            self.push("  ");
            self.comment();
        }
        self.push("\n");
        for number in 0..self.dice.below(5) {
            let line = self.pick(&["text", "  more", "", "# no comment", "a: b", "  ", "end  ", "- x", "\\"]);
            let line = if number == 0 && !explicit { line.trim_start() } else { line };
            if !line.is_empty() {
                self.push(&" ".repeat(column + step));
            }
            self.push(line);
            self.push("\n");
        }
        if self.one_in(4) {
            self.push("\n\n");
        }
        if self.one_in(5) {
            self.spaces(0, column as u64);
            self.comment();
            self.push("\n");
        }
    }

    /// What separates within brackets.
    fn gap(&mut self, column: usize) {
        match self.dice.below(9) {
            0 => {
                self.push(" ");
                self.comment();
                self.push("\n");
                self.push(&" ".repeat(column + 1));
            }
            1 => {
                self.push("\n\n");
                self.push(&" ".repeat(column + 1));
            }
            n => self.push(if n % 2 == 0 { " " } else { "" }),
        }
    }

    fn flow(&mut self, depth: usize, column: usize) {
        let map = self.one_in(2);
        self.push(if map { "{" } else { "[" });
        let count = if self.one_in(6) { 20 } else { self.dice.below(4) };
        for number in 0..count {
            if number > 0 {
                self.push(",");
            }
            self.gap(column);
            if map {
                self.key(number);
                self.gap(column);
                self.push(": ");
            }
            if depth < 4 && self.one_in(5) {
                self.flow(depth + 1, column + 1);
            } else {
                self.scalar(true);
            }
            self.gap(column);
        }
        if count > 0 && self.one_in(4) {
            self.push(",");
        }
        self.gap(column);
        self.push(if map { "}" } else { "]" });
    }
}

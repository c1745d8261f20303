//! A prompt as sentences of plain words, each with its place.

use std::ops::Range;

use crate::expr::Piece;

/// A word of a sentence.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Word {
    /// In lower case, without quotes around it.
    Plain(String),
    /// A number, and the currency or percent sign at it.
    Number { sign: Option<char> },
    /// `{{ }}`, with what is in it in lower case.
    Value(String),
    /// An operator or a comparison.
    Sign(&'static str),
    /// `,` or `;` or `:` or a bracket: a clause ends.
    Stop,
}

impl Word {
    /// The word, or nothing for what is none.
    pub(super) fn plain(&self) -> &str {
        match self {
            Self::Plain(word) => word,
            _ => "",
        }
    }

    /// Whether it stands for an amount.
    pub(super) fn is_amount(&self) -> bool {
        matches!(self, Self::Number { .. } | Self::Value(_))
    }
}

/// A sentence and its place in the source.
#[derive(Debug)]
pub(super) struct Sentence {
    pub(super) words: Vec<Word>,
    pub(super) bytes: Range<usize>,
}

/// Longer prompts are looked at up to here.
const MOST: usize = 200_000;

/// The sentences of a template.
pub(super) fn sentences(source: &str, pieces: &[(Range<usize>, Piece)]) -> Vec<Sentence> {
    let mut found = vec![];
    let mut open = Open::default();
    for (range, piece) in pieces.iter().take_while(|(range, _)| range.start < MOST) {
        let text = source.get(range.clone()).unwrap_or_default();
        match piece {
            // What a statement chooses between is not one sentence, but its parts are.
            Piece::Statement => open.end(&mut found),
            Piece::Value => open.add(Word::Value(text.to_lowercase()), range.clone()),
            Piece::Words => words(text, range.start, &mut open, &mut found),
        }
    }
    open.end(&mut found);
    found
}

/// The sentence that is being read.
#[derive(Default)]
struct Open {
    words: Vec<Word>,
    bytes: Option<Range<usize>>,
}

impl Open {
    fn add(&mut self, word: Word, at: Range<usize>) {
        self.bytes = Some(self.bytes.take().map_or(at.start, |bytes| bytes.start)..at.end);
        self.words.push(word);
    }

    fn end(&mut self, found: &mut Vec<Sentence>) {
        let words = std::mem::take(&mut self.words);
        if let Some(bytes) = self.bytes.take() {
            found.push(Sentence { words, bytes });
        }
    }
}

fn words(text: &str, start: usize, open: &mut Open, found: &mut Vec<Sentence>) {
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let at = start + (text.len() - rest.len());
        let length = token(rest);
        let token = rest.get(..length).unwrap_or_default();
        rest = rest.get(length..).unwrap_or_default();
        let here = at..at + length;
        match first {
            '\n' => {
                // A line that goes on in the next is one sentence; an empty line or the mark of a list ends it.
                let next = rest.trim_start_matches([' ', '\t', '\r']);
                let marked = next.starts_with(['\n', '-', '*', '#', '|', '>', '•'])
                    || next.split_once(['.', ')']).is_some_and(|(n, _)| n.len() < 3 && n.parse::<u8>().is_ok());
                if marked || next.is_empty() {
                    open.end(found);
                }
            }
            '.' | '!' | '?' => open.end(found),
            ',' | ';' | ':' | '(' | ')' | '[' | ']' => open.add(Word::Stop, here),
            '*' | '×' | '+' | '<' | '>' | '≥' | '≤' | '=' => open.add(Word::Sign(sign(token)), here),
            '%' | '€' | '$' | '£' => match open.words.last_mut() {
                // `10 %` and `5 €`, but `$5` with what follows.
                Some(Word::Number { sign }) if sign.is_none() => *sign = Some(first),
                _ => {}
            },
            c if c.is_ascii_digit() => {
                let before = text.get(..at - start).unwrap_or_default().chars().next_back();
                let sign = before.filter(|c| matches!(c, '€' | '$' | '£'));
                open.add(Word::Number { sign }, here);
            }
            c if c.is_alphabetic() => open.add(Word::Plain(token.to_lowercase().replace('’', "'")), here),
            _ => {}
        }
    }
}

/// The length of the token that a text begins with.
fn token(text: &str) -> usize {
    let first = text.chars().next().unwrap_or(' ');
    let inner = |keep: &dyn Fn(char) -> bool| text.find(|c: char| !keep(c)).unwrap_or(text.len());
    if first.is_ascii_digit() {
        // `1,000.50`, but not the point that ends a sentence.
        let length = inner(&|c| c.is_ascii_digit() || c == ',' || c == '.');
        text.get(..length).unwrap_or_default().trim_end_matches([',', '.']).len()
    } else if first.is_alphabetic() {
        let length = inner(&|c| c.is_alphanumeric() || matches!(c, '\'' | '’' | '-' | '_'));
        text.get(..length).unwrap_or_default().trim_end_matches(['\'', '’', '-', '_']).len()
    } else if matches!(first, '<' | '>' | '=') {
        inner(&|c| matches!(c, '<' | '>' | '='))
    } else {
        first.len_utf8()
    }
}

fn sign(token: &str) -> &'static str {
    match token {
        "*" | "×" => "*",
        "+" => "+",
        "<" | ">" | "<=" | ">=" | "≥" | "≤" => "<",
        _ => "=",
    }
}

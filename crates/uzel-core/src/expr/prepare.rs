//! A source made ready for the engine: within limits, and with field access that knows null.
//!
//! `a.b` and `a[b]` become `a.at_("b")` and `a.at_(b)`, since the engine's own access gives undefined for a field of
//! null; `x if c` becomes `x if c else none`; and `a ~ b` becomes `(a)|print_ ~ (b)|print_`, and `a | upper`
//! becomes `a |print_| upper`, since the engine's own would write `None` and `True`. The syntax was checked before, so the edits are by token.

use std::ops::Range;

use minijinja::{
    machinery::{Token, Tokenizer},
    syntax::SyntaxConfig,
};

use super::{
    engine::{ACCESS, PRINT, TEXTUAL},
    survey::Survey,
};

/// Bytes of one source.
pub(super) const SOURCE_LIMIT: usize = 1_000_000;

/// Operators, dots, filters and keywords in one pair of braces. They nest in the syntax tree, which is walked by
/// recursion here and in the engine.
const NESTING: usize = 300;

/// `{% elif %}` of one template; each nests in the one before.
const ELIFS: usize = 200;

/// Brackets and filters in all statements of a template that keep a value (`set`, `with`, `call`): each may nest what
/// was kept before once more, and nested values are dropped by recursion.
const KEPT: usize = 500;

/// A source for the engine, and the way back from its offsets.
#[derive(Debug, Default)]
pub(super) struct Prepared {
    pub(super) source: String,
    /// For each edit: where it is in the original, how long that was, where it is here, and how long it is.
    edits: Vec<(usize, usize, usize, usize)>,
}

impl Prepared {
    /// The bytes of the original that bytes here stand for.
    pub(super) fn original(&self, range: Range<usize>) -> Range<usize> {
        let start = self.back(range.start, false);
        start..self.back(range.end, true).max(start)
    }

    fn back(&self, offset: usize, end: bool) -> usize {
        let mut result = offset;
        for &(original, original_len, here, here_len) in &self.edits {
            if offset < here || (end && offset == here) {
                break;
            }
            result = if offset >= here + here_len {
                offset - (here + here_len) + original + original_len
            } else if end {
                original + original_len
            } else {
                original
            };
        }
        result
    }
}

/// One token with its place.
type Spot<'a> = (Token<'a>, Range<usize>);

/// All tokens, or what is too much.
pub(super) fn tokens(source: &str, bare: bool) -> Result<Vec<Spot<'_>>, (Range<usize>, String)> {
    let mut tokenizer = Tokenizer::new(source, "", bare, SyntaxConfig::default());
    let mut spots = vec![];
    let (mut nesting, mut elifs, mut kept) = (0, 0, 0);
    let (mut first, mut keeps) = (false, false);
    // Syntax errors are the parser's to report.
    while let Ok(Some((token, span))) = tokenizer.next_token() {
        let at = span.start_offset as usize..span.end_offset as usize;
        if std::mem::take(&mut first) {
            keeps = matches!(token, Token::Ident("set" | "with" | "call" | "do" | "for" | "macro"));
        }
        match &token {
            Token::VariableStart => (nesting, keeps) = (0, false),
            Token::BlockStart => (nesting, first) = (0, true),
            Token::Ident("elif") => elifs += 1,
            Token::Comma | Token::Colon | Token::Assign => {}
            Token::Str(_) | Token::String(_) | Token::Int(_) | Token::Int128(_) | Token::Float(_) => {}
            Token::Ident(name) if !KEYWORDS.contains(name) => {}
            Token::TemplateData(_) | Token::VariableEnd | Token::BlockEnd => {}
            Token::ParenClose | Token::BracketClose | Token::BraceClose => {}
            _ => nesting += 1,
        }
        if nesting > NESTING {
            return Err((at, format!("this expression is too large: it has more than {NESTING} operators")));
        }
        let nests = matches!(token, Token::BracketOpen | Token::BraceOpen | Token::ParenOpen | Token::Pipe);
        kept += usize::from(keeps && nests);
        if kept > KEPT {
            let message = format!("this template has more than {KEPT} brackets and filters in `set` and the like");
            return Err((at, message));
        }
        if elifs > ELIFS {
            return Err((at, format!("this template has more than {ELIFS} `elif`s")));
        }
        spots.push((token, at));
    }
    Ok(spots)
}

const KEYWORDS: &[&str] = &["and", "or", "not", "in", "is", "if", "else"];

/// Makes a source ready that was surveyed.
pub(super) fn prepare(source: &str, spots: &[Spot<'_>], bare: bool, survey: &Survey<'_>) -> Prepared {
    let mut edits: Vec<(Range<usize>, String)> = vec![];
    // Subscripts that are open: the index of `[`, or none for other brackets.
    let mut open: Vec<Option<usize>> = vec![];
    let mut target = false;
    for (i, (token, at)) in spots.iter().enumerate() {
        let before = i.checked_sub(1).and_then(|i| spots.get(i)).map(|(token, _)| token);
        match token {
            Token::Pipe if matches!(spots.get(i + 1), Some((Token::Ident(name), _)) if TEXTUAL.contains(name)) => {
                edits.push((at.start..at.start, format!("|{PRINT}")));
                target = false;
            }
            Token::Ident("set") if !bare && matches!(before, Some(Token::BlockStart)) => target = true,
            Token::Assign | Token::BlockEnd | Token::Pipe => target = false,
            Token::Dot if !target => dot(source, spots, i, &mut edits),
            Token::BracketOpen => open.push(is_operand(spots, i, bare).then_some(i)),
            Token::ParenOpen | Token::BraceOpen => open.push(None),
            // A slice stays as it is.
            Token::Colon => {
                if let Some(last) = open.last_mut() {
                    *last = None;
                }
            }
            Token::BracketClose => {
                if let Some((_, bracket)) = open.pop().flatten().and_then(|i| spots.get(i)) {
                    edits.push((bracket.clone(), format!(".{ACCESS}(")));
                    edits.push((at.clone(), ")".to_owned()));
                }
            }
            Token::ParenClose | Token::BraceClose => {
                open.pop();
            }
            _ => {}
        }
    }
    edits.extend(survey.else_less.iter().map(|end| (*end..*end, " else none".to_owned())));
    for operand in &survey.joined {
        edits.push((operand.start..operand.start, "(".to_owned()));
        edits.push((operand.end..operand.end, format!(")|{PRINT}")));
    }
    // An insertion at a place comes after an edit that ends there, and insertions stay in this order.
    edits.sort_by_key(|(at, _)| (at.start, at.end));
    apply(source, edits)
}

/// `.name` and `.0`, but not calls of methods, filters with dots, or blocks of `self`.
fn dot(source: &str, spots: &[Spot<'_>], i: usize, edits: &mut Vec<(Range<usize>, String)>) {
    let (Some((_, at)), Some((name, end))) = (spots.get(i), spots.get(i + 1)) else { return };
    let called = matches!(spots.get(i + 2), Some((Token::ParenOpen, _)));
    let of_self = i == 1 && matches!(spots.first(), Some((Token::Ident("self"), _)));
    if called || of_self {
        return;
    }
    let key = match name {
        Token::Ident(name) => format!("\"{name}\""),
        Token::Int(_) | Token::Int128(_) => source.get(end.clone()).unwrap_or("0").to_owned(),
        _ => return,
    };
    edits.push((at.start..end.end, format!(".{ACCESS}({key})")));
}

/// Whether what stands before a `[` is a value, so that the bracket is a subscript.
fn is_operand(spots: &[Spot<'_>], i: usize, bare: bool) -> bool {
    let token = |back: usize| i.checked_sub(back).and_then(|i| spots.get(i)).map(|(token, _)| token);
    let is_ident =
        |token: Option<&Token<'_>>, names: &[&str]| matches!(token, Some(Token::Ident(n)) if names.contains(n));
    match token(1) {
        Some(Token::Ident(name)) => {
            if matches!(token(2), Some(Token::Dot)) {
                return true;
            }
            let keyword = KEYWORDS.contains(name) || (!bare && matches!(token(2), Some(Token::BlockStart)));
            let of_test = is_ident(token(2), &["is"]) || (is_ident(token(2), &["not"]) && is_ident(token(3), &["is"]));
            !keyword && !of_test && !matches!(token(2), Some(Token::Pipe))
        }
        Some(
            Token::Str(_)
            | Token::String(_)
            | Token::Int(_)
            | Token::Int128(_)
            | Token::Float(_)
            | Token::BracketClose
            | Token::ParenClose
            | Token::BraceClose,
        ) => true,
        _ => false,
    }
}

fn apply(source: &str, edits: Vec<(Range<usize>, String)>) -> Prepared {
    let mut prepared = Prepared::default();
    let mut copied = 0;
    for (at, new) in edits {
        if at.start < copied {
            continue;
        }
        prepared.source.push_str(source.get(copied..at.start).unwrap_or(""));
        prepared.edits.push((at.start, at.len(), prepared.source.len(), new.len()));
        prepared.source.push_str(&new);
        copied = at.end;
    }
    prepared.source.push_str(source.get(copied..).unwrap_or(""));
    prepared
}

//! The text that a program is parsed from: a text of the app, with the files that a template includes in their places.
//!
//! An include is replaced before anything is parsed, so that whatever walks a template or runs it sees one source; each
//! byte of it knows where it is written. A file sees the names of the place that includes it, and what it sets ends
//! with it, as in Jinja.

use std::ops::Range;

use minijinja::{
    machinery::{Token, Tokenizer, parse},
    syntax::SyntaxConfig,
};

use super::{
    prepare::SOURCE_LIMIT,
    program::{NAME, clip, syntax},
};
use crate::{
    diagnostic::{Code, Diagnostic, Diagnostics},
    source::Span,
    yaml::Text,
};

/// Files that include each other.
const DEPTH: usize = 20;

/// Finds the text of an included file by its path, or says at the place of its name why there is none.
pub(crate) type Load<'l> = dyn FnMut(&str, Span, &mut Diagnostics) -> Option<Text> + 'l;

/// A source, and where each part of it is written.
#[derive(Debug)]
pub(super) struct Assembled {
    source: String,
    /// In order; the first begins at 0.
    pieces: Vec<Piece>,
}

#[derive(Debug)]
struct Piece {
    /// Where it begins in the source.
    start: usize,
    text: Text,
    /// The bytes of the text that it is, or stands for.
    of: Range<usize>,
    /// Whether it is these bytes as they are written.
    verbatim: bool,
}

impl Assembled {
    /// A part of a text, as it is written.
    pub(super) fn part(text: &Text, range: Range<usize>) -> Self {
        let mut whole = Self { source: String::new(), pieces: vec![] };
        whole.push(text, range);
        whole
    }

    /// A template with the files that it includes. What keeps it from being one is pushed.
    pub(super) fn template(text: &Text, load: &mut Load<'_>, out: &mut Diagnostics) -> Option<Self> {
        let mut whole = Self { source: String::new(), pieces: vec![] };
        let mut assembler = Assembler { whole: &mut whole, open: vec![], load, out };
        assembler.add(text, text.as_str().len()).then_some(whole)
    }

    pub(super) fn source(&self) -> &str {
        &self.source
    }

    /// Where bytes of the source are written.
    pub(super) fn at(&self, bytes: Range<usize>) -> Span {
        let index = |offset: usize| self.pieces.partition_point(|piece| piece.start <= offset).saturating_sub(1);
        let (first, last) = (index(bytes.start), index(bytes.end.max(bytes.start + 1) - 1));
        let Some(piece) = self.pieces.get(first) else { return Span::new(crate::source::SourceId(0), 0..0) };
        let start = if piece.verbatim { piece.of.start + (bytes.start - piece.start) } else { piece.of.start };
        // What ends in the same text is between the two; what ends in another ends here at the end of this piece.
        let end = match self.pieces.get(last) {
            Some(other) if other.text.span == piece.text.span && other.verbatim => {
                other.of.start + bytes.end.saturating_sub(other.start)
            }
            Some(other) if other.text.span == piece.text.span => other.of.end,
            _ => piece.of.end,
        };
        piece.text.at(clip(start..end, &(0..piece.text.as_str().len())))
    }

    fn push(&mut self, text: &Text, range: Range<usize>) {
        let start = self.source.len();
        self.source.push_str(text.as_str().get(range.clone()).unwrap_or(""));
        self.pieces.push(Piece { start, text: text.clone(), of: range, verbatim: true });
    }

    /// Something that stands for a part of a text.
    fn instead(&mut self, written: &str, text: &Text, range: Range<usize>) {
        self.pieces.push(Piece { start: self.source.len(), text: text.clone(), of: range, verbatim: false });
        self.source.push_str(written);
    }
}

struct Assembler<'a, 'l> {
    whole: &'a mut Assembled,
    /// Paths of the files that are being included, outermost first.
    open: Vec<String>,
    load: &'a mut Load<'l>,
    out: &'a mut Diagnostics,
}

/// `{% include "PATH" %}` in a text.
struct Include {
    /// All of it.
    at: Range<usize>,
    path: String,
    name: Range<usize>,
    /// Whether spaces before it and after it are cut.
    cuts: (bool, bool),
}

impl Assembler<'_, '_> {
    /// Adds the first bytes of a template; whether it and all that it includes could be read.
    fn add(&mut self, text: &Text, length: usize) -> bool {
        let source = text.as_str();
        let at = |bytes: Range<usize>| text.at(clip(bytes, &(0..source.len())));
        if source.len() > SOURCE_LIMIT {
            let message = format!("this is longer than {SOURCE_LIMIT} bytes");
            self.out.push(Diagnostic::new(Code::EXPRESSION_SYNTAX, text.span, message));
            return false;
        }
        let mut whole = dollars(text, self.out);
        // Each file must be a template by itself: an `if` that one opens is not closed by another.
        if let Err((place, message)) = super::prepare::tokens(source, false) {
            self.out.push(Diagnostic::new(Code::EXPRESSION_SYNTAX, at(place), message));
            return false;
        }
        if let Err(error) = parse(source, NAME, SyntaxConfig::default()) {
            self.out.push(syntax(&error, source, at));
            return false;
        }
        let mut done = 0;
        for found in includes(source) {
            match found {
                Ok(include) => {
                    self.whole.push(text, done..include.at.start);
                    done = include.at.end;
                    whole &= self.include(text, &include);
                }
                Err((place, message)) => {
                    let help = "write the path of one file: `{% include \"parts/tone.md\" %}`";
                    self.out.push(Diagnostic::new(Code::BAD_INCLUDE, at(place), message).help(help));
                    whole = false;
                }
            }
        }
        self.whole.push(text, done..length.max(done));
        whole
    }

    fn include(&mut self, text: &Text, include: &Include) -> bool {
        let at = text.at(include.name.clone());
        let path = &include.path;
        let refuse = |message: String, help: &str| Diagnostic::new(Code::BAD_INCLUDE, at, message).help(help);
        if let Some(first) = self.open.iter().position(|open| open == path) {
            let way: Vec<String> = self.open.iter().skip(first).map(|open| format!("`{open}`")).collect();
            let message = match way.as_slice() {
                [_] => format!("`{path}` includes itself"),
                _ => format!("files include each other: {} → `{path}`", way.join(" → ")),
            };
            self.out.push(refuse(message, "remove one of these includes"));
            return false;
        }
        if self.open.len() >= DEPTH {
            let message = format!("more than {DEPTH} files include each other");
            self.out.push(refuse(message, "include the files of the inner ones here"));
            return false;
        }
        let Some(file) = (self.load)(path, at, self.out) else { return false };
        if self.whole.source.len() + file.as_str().len() > SOURCE_LIMIT {
            let message = format!("with `{path}` the template becomes longer than {SOURCE_LIMIT} bytes");
            self.out.push(refuse(message, "include less, or include it once"));
            return false;
        }
        let (before, after) = (if include.cuts.0 { "{%-" } else { "{%" }, if include.cuts.1 { "-%}" } else { "%}" });
        self.whole.instead(&format!("{before} with %}}"), text, include.at.clone());
        self.open.push(path.clone());
        // As at the end of every template, one line break at the end is not part of the text.
        let content = file.as_str();
        let content = content.strip_suffix('\n').unwrap_or(content);
        let length = content.strip_suffix('\r').unwrap_or(content).len();
        let whole = self.add(&file, length);
        self.open.pop();
        self.whole.instead(&format!("{{% endwith {after}"), text, include.at.clone());
        whole
    }
}

/// A token with its place.
type Spot<'s> = (Token<'s>, Range<usize>);

/// All includes of a template, and what of them is more than the path of a file.
fn includes(source: &str) -> Vec<Result<Include, (Range<usize>, String)>> {
    let mut tokenizer = Tokenizer::new(source, NAME, false, SyntaxConfig::default());
    let mut found = vec![];
    let mut statement: Option<(Range<usize>, Vec<Spot<'_>>)> = None;
    while let Ok(Some((token, span))) = tokenizer.next_token() {
        let at = span.start_offset as usize..span.end_offset as usize;
        match (token, &mut statement) {
            (Token::BlockStart, _) => statement = Some((at, vec![])),
            (Token::BlockEnd, Some((begin, tokens))) => {
                if matches!(tokens.first(), Some((Token::Ident("include"), _))) {
                    found.push(include(source, begin.clone(), tokens, at));
                }
                statement = None;
            }
            (token, Some((_, tokens))) => tokens.push((token, at)),
            _ => {}
        }
    }
    found
}

fn include(
    source: &str,
    begin: Range<usize>,
    tokens: &[Spot<'_>],
    end: Range<usize>,
) -> Result<Include, (Range<usize>, String)> {
    let (path, name) = match tokens.get(1) {
        Some((Token::Str(path), name)) => ((*path).to_owned(), name.clone()),
        Some((Token::String(path), name)) => (path.to_string(), name.clone()),
        Some((_, at)) => {
            return Err((at.clone(), "which file is included must be known when the app is checked".into()));
        }
        None => return Err((begin.start..end.end, "an include names a file".into())),
    };
    if let Some((_, more)) = tokens.get(2) {
        let last = tokens.last().map_or(more.end, |(_, at)| at.end);
        let rest = source.get(more.start..last).unwrap_or("");
        let message =
            format!("`{rest}` means nothing here: a file that is included is there, and sees what is around it");
        return Err((more.start..last, message));
    }
    let cuts = |place: &Range<usize>| source.get(place.clone()).is_some_and(|mark| mark.contains('-'));
    let cuts = (cuts(&begin), cuts(&end));
    Ok(Include { at: begin.start..end.end, path, name, cuts })
}

/// `${{ }}` in a template is the notation of values. False when it is there.
fn dollars(text: &Text, out: &mut Diagnostics) -> bool {
    let mut tokenizer = Tokenizer::new(text.as_str(), NAME, false, SyntaxConfig::default());
    let (mut dollar, mut fine) = (None, true);
    while let Ok(Some((token, span))) = tokenizer.next_token() {
        let (start, end) = (span.start_offset as usize, span.end_offset as usize);
        if let (Token::VariableStart, Some(at)) = (&token, dollar) {
            let at: usize = at;
            let message = "`${{ }}` is for values; a prompt has `{{ }}`";
            let help = "write `{{` without `$`; for a dollar sign write `{{ \"$\" }}{{ … }}`";
            out.push(Diagnostic::new(Code::WRONG_BRACES, text.at(at..end), message).help(help));
            fine = false;
        }
        let data = matches!(token, Token::TemplateData(data) if data.ends_with('$'));
        dollar = (data && start < end).then(|| end - 1);
    }
    fine
}

//! The walk beside the events. Every function returns `None` where text and events do not fit, which is a mistake of
//! this file, and never of a document that was parsed.

use saphyr_parser::{Event, Parser, ScalarStyle, Span as Marks};

use super::{super::super::offsets::Offsets, Block, Body, Concrete, Entry, Item, Node, Scalar, Trivia};

/// Reads a text that has been parsed. Lines end with `\n`; there is no byte order mark.
pub(in super::super) fn read(text: &str) -> Option<Concrete<'_>> {
    let mut walk = Walk {
        text,
        at: 0,
        line: 0,
        fresh: true,
        alone: true,
        trivia: vec![],
        events: Parser::new_from_str(text),
        offsets: Offsets::new(text),
    };
    let event = loop {
        match walk.event()? {
            (Event::StreamStart | Event::DocumentStart(_) | Event::Nothing, _) => {}
            event => break event,
        }
    };
    let head = walk.markers();
    let first = walk.trivia.len();
    let root = walk.node(event, Inside::Nothing)?;
    let tail = walk.markers();
    walk.skip();
    (walk.at == text.len()).then_some(Concrete { head, first, root, tail, trivia: walk.trivia })
}

type Marked<'t> = (Event<'t>, Marks);

/// What a value stands in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Inside {
    Nothing,
    /// A list or map of lines that begins at this column.
    Lines(usize),
    /// A list or map in brackets.
    Flow,
}

struct Walk<'t> {
    text: &'t str,
    /// The next byte.
    at: usize,
    /// The first byte of its line.
    line: usize,
    /// Whether nothing was read on this line yet.
    fresh: bool,
    /// Whether a comment here would stand alone.
    alone: bool,
    trivia: Vec<Trivia<'t>>,
    events: Parser<'t, saphyr_parser::StrInput<'t>>,
    offsets: Offsets<'t>,
}

impl<'t> Walk<'t> {
    fn event(&mut self) -> Option<Marked<'t>> {
        self.events.next()?.ok()
    }

    fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or("")
    }

    fn column(&self) -> usize {
        self.at - self.line
    }

    /// Passes over blanks, empty lines and comments, and notes them.
    fn skip(&mut self) {
        // The end of the line that was begun is no empty line.
        let mut breaks = usize::from(self.fresh);
        loop {
            let rest = self.rest();
            match rest.as_bytes().first() {
                Some(b' ' | b'\t') => self.at += 1,
                Some(b'\n') => {
                    self.at += 1;
                    self.line = self.at;
                    (self.fresh, self.alone) = (true, true);
                    breaks += 1;
                    if breaks == 2 {
                        self.trivia.push(Trivia::Blank);
                    }
                }
                Some(b'#') => {
                    let len = rest.find('\n').unwrap_or(rest.len());
                    let text = rest[..len].trim_end_matches([' ', '\t']);
                    let before = self.text.get(self.line..self.at).unwrap_or("");
                    // In characters: comments are aligned by them.
                    self.trivia.push(Trivia::Comment { text, alone: self.alone, column: before.chars().count() });
                    self.at += len;
                    (self.fresh, self.alone) = (false, false);
                    breaks = 0;
                }
                // A byte order mark where a document may begin.
                Some(0xef) if rest.starts_with('\u{feff}') => self.at += '\u{feff}'.len_utf8(),
                _ => return,
            }
        }
    }

    /// Takes so many bytes.
    fn take(&mut self, len: usize) -> &'t str {
        let taken = self.text.get(self.at..self.at + len).unwrap_or("");
        if let Some(newline) = taken.rfind('\n') {
            self.line = self.at + newline + 1;
        }
        self.at += taken.len();
        (self.fresh, self.alone) = (false, false);
        taken
    }

    /// Takes a mark that stands here or after trivia.
    fn expect(&mut self, mark: char) -> Option<()> {
        self.skip();
        self.rest().starts_with(mark).then(|| self.take(mark.len_utf8())).map(|_| ())
    }

    /// Directives and the marks of documents.
    fn markers(&mut self) -> Vec<(usize, &'t str)> {
        let mut found = vec![];
        loop {
            self.skip();
            if self.column() > 0 {
                return found;
            }
            let rest = self.rest();
            let line = rest.lines().next().unwrap_or("").trim_end_matches([' ', '\t']);
            let first = self.trivia.len();
            let marker = ["---", "..."].into_iter().find(|marker| {
                rest.strip_prefix(marker).is_some_and(|more| more.is_empty() || more.starts_with([' ', '\t', '\n']))
            });
            if let Some(marker) = marker {
                found.push((first, self.take(marker.len())));
            } else if line.starts_with('%') {
                found.push((first, self.take(line.len())));
            } else {
                return found;
            }
        }
    }

    fn node(&mut self, (event, marks): Marked<'t>, inside: Inside) -> Option<Node<'t>> {
        let properties = match &event {
            Event::Scalar(_, _, anchor, tag) | Event::SequenceStart(anchor, tag) | Event::MappingStart(anchor, tag) => {
                usize::from(*anchor > 0) + usize::from(tag.is_some())
            }
            _ => 0,
        };
        let properties = (0..properties).map(|_| self.property()).collect::<Option<Vec<_>>>()?;
        if let Event::Scalar(value, ScalarStyle::Plain, ..) = &event
            && value.is_empty()
        {
            let here = self.trivia.len();
            return Some(Node { properties, first: here, last: here, body: Body::Empty });
        }
        self.skip();
        let first = self.trivia.len();
        let body = match event {
            Event::Alias(_) => Body::Alias(self.word('*')?),
            Event::Scalar(value, style, ..) => match style {
                ScalarStyle::Literal | ScalarStyle::Folded => match inside {
                    Inside::Lines(column) => Body::Block(self.block(column, value.into_owned())?),
                    _ => return None,
                },
                _ => Body::Scalar(self.scalar(style, value.into_owned(), marks)?),
            },
            Event::SequenceStart(..) => self.list()?,
            Event::MappingStart(..) => self.map(inside)?,
            _ => return None,
        };
        Some(Node { properties, first, last: self.trivia.len(), body })
    }

    /// An anchor or a tag.
    fn property(&mut self) -> Option<&'t str> {
        self.skip();
        if self.rest().starts_with("!<") {
            let len = self.rest().find('>')? + 1;
            return Some(self.take(len));
        }
        let mark = if self.rest().starts_with('&') { '&' } else { '!' };
        self.word(mark)
    }

    fn word(&mut self, mark: char) -> Option<&'t str> {
        let rest = self.rest();
        let end = |c: char| matches!(c, ' ' | '\t' | '\n' | ',' | '[' | ']' | '{' | '}');
        rest.starts_with(mark).then(|| self.take(rest.find(end).unwrap_or(rest.len())))
    }

    fn scalar(&mut self, style: ScalarStyle, value: String, marks: Marks) -> Option<Scalar<'t>> {
        let rest = self.rest();
        let len = match style {
            ScalarStyle::SingleQuoted => quoted(rest, '\'')?,
            ScalarStyle::DoubleQuoted => quoted(rest, '"')?,
            _ => {
                let end = self.offsets.byte(marks.end.index());
                self.text.get(self.at..end)?.trim_end_matches([' ', '\t', '\n']).len()
            }
        };
        let source = self.take(len);
        Some(Scalar { style, source, value })
    }

    /// A literal or folded scalar whose list or map begins at a column.
    fn block(&mut self, parent: usize, value: String) -> Option<Block<'t>> {
        let rest = self.rest();
        let indicators = rest.strip_prefix(['|', '>'])?;
        let len = indicators.find(|c: char| !matches!(c, '+' | '-' | '0'..='9')).unwrap_or(indicators.len());
        let header = self.take(1 + len);
        let keep = header.contains('+');
        let indent = header.chars().find_map(|c| c.to_digit(10)).map(|digit| digit as usize);
        // The rest of the header's line: blanks, perhaps a comment.
        let line = self.rest().split('\n').next().unwrap_or("");
        if let Some(comment) = line.find('#') {
            let text = line[comment..].trim_end_matches([' ', '\t']);
            let before = self.text.get(self.line..self.at + comment).unwrap_or("");
            let column = before.chars().count();
            self.trivia.push(Trivia::Comment { text, alone: false, column });
        }
        let lines_at = self.trivia.len();
        self.take(line.len());
        let spaces = |line: &str| line.bytes().take_while(|b| *b == b' ').count();
        let body = self.rest().strip_prefix('\n').unwrap_or("");
        let base = match indent {
            Some(indent) => parent + indent,
            None => {
                let first = body.split('\n').find(|line| line.len() > spaces(line)).map(spaces);
                // Without a line of its own the text is empty, however long the blank lines are.
                first.filter(|first| *first > parent).unwrap_or(usize::MAX)
            }
        };
        let (mut lines, mut kept) = (vec![], 0);
        // The end of the text and of what was kept of it.
        let mut end = self.at;
        let mut kept_end = end;
        for line in body.split_inclusive('\n') {
            let (words, ended) = line.strip_suffix('\n').map_or((line, false), |words| (words, true));
            let indented = spaces(words);
            if indented < base && indented < words.len() {
                break;
            }
            end += 1 + words.len();
            let words = words.get(base..).unwrap_or("");
            lines.push(words);
            if !words.is_empty() || (keep && ended) {
                kept = lines.len();
                kept_end = end;
            }
        }
        lines.truncate(kept);
        let _ = self.take(kept_end.min(self.text.len()) - self.at);
        Some(Block { header, indent, lines_at, lines, value })
    }

    fn list(&mut self) -> Option<Body<'t>> {
        let flow = self.rest().starts_with('[');
        let column = self.column();
        let inside = if flow { Inside::Flow } else { Inside::Lines(column) };
        let mut items = vec![];
        if flow {
            self.take(1);
        }
        loop {
            let event = self.event()?;
            if event.0 == Event::SequenceEnd {
                break;
            }
            self.skip();
            let first = self.trivia.len();
            if !flow {
                self.expect('-')?;
            }
            let value = self.node(event, inside)?;
            items.push(Item { first, value });
            if flow {
                self.skip();
                let _ = self.expect(',');
            }
        }
        if flow {
            self.expect(']')?;
        }
        Some(Body::List { flow, column, items })
    }

    /// A map; within brackets a pair needs no braces.
    fn map(&mut self, inside: Inside) -> Option<Body<'t>> {
        let braces = self.rest().starts_with('{');
        let column = self.column();
        let flow = braces || inside == Inside::Flow;
        let inside = if flow { Inside::Flow } else { Inside::Lines(column) };
        let mut entries = vec![];
        if braces {
            self.take(1);
        }
        loop {
            let event = self.event()?;
            if event.0 == Event::MappingEnd {
                break;
            }
            self.skip();
            let first = self.trivia.len();
            let explicit = self.explicit();
            let key = self.node(event, inside)?;
            let event = self.event()?;
            let colon = self.colon();
            let value = self.node(event, inside)?;
            if !colon && !matches!(value.body, Body::Empty) {
                return None;
            }
            entries.push(Entry { first: if explicit { key.first } else { first }, key, value });
            if braces {
                let _ = self.expect(',');
            }
        }
        if braces {
            self.expect('}')?;
        }
        Some(Body::Map { flow, column, entries })
    }

    /// Takes `? `. What follows on its line is a line of its own.
    fn explicit(&mut self) -> bool {
        let found =
            self.rest().strip_prefix('?').is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t', '\n']));
        if found {
            self.take(1);
            self.alone = true;
        }
        found
    }

    /// Takes the `:` after a key, if there is one.
    fn colon(&mut self) -> bool {
        let before = (self.at, self.line, self.fresh, self.alone);
        let trivia = self.trivia.len();
        if self.expect(':').is_some() {
            return true;
        }
        // What was passed over belongs to whatever comes next.
        (self.at, self.line, self.fresh, self.alone) = before;
        self.trivia.truncate(trivia);
        false
    }
}

/// The length of a quoted scalar.
fn quoted(text: &str, quote: char) -> Option<usize> {
    let mut chars = text.char_indices().peekable();
    chars.next().filter(|(_, c)| *c == quote)?;
    while let Some((at, c)) = chars.next() {
        if c == '\\' && quote == '"' {
            chars.next();
        } else if c == quote && (quote == '"' || chars.next_if(|(_, c)| *c == quote).is_none()) {
            return Some(at + 1);
        }
    }
    None
}

//! Text to a tree, by the events of `saphyr-parser`. Called by the loader for the app file and the files it names.
//!
//! Without recursion: collections that are open are frames on a stack whose height is limited before one is added.
//! What can be repaired (a duplicate key, a tag that means nothing) is reported and the rest is read on.

mod merge;
mod place;
mod scalars;

use std::{collections::BTreeMap, ops::Range};

use saphyr_parser::{Event, Parser, Span as Marks, Tag};

use self::place::Place;
use super::{Data, Entry, LIMITS, Text, Tree, braces, offsets::Offsets, syntax, too_large};
use crate::{
    diagnostic::{Code, Diagnostic, Diagnostics},
    source::{SourceId, Span},
};

/// Reads a document. `None` when it cannot be read to its end; `out` tells why. With a tree there may be errors too:
/// those after which reading went on.
pub fn parse(source: SourceId, text: &str, out: &mut Diagnostics) -> Option<Tree> {
    if text.len() > LIMITS.text {
        out.push(too_large(source, "the text", text.len()));
        return None;
    }
    let body = text.strip_prefix('\u{feff}').unwrap_or(text);
    let shift = text.len() - body.len();
    let body = without_last_blanks(body);
    let place = Place { text: body, offsets: Offsets::new(body), source, shift };
    let mut builder = Builder {
        place,
        out,
        stack: vec![],
        skip: None,
        anchors: BTreeMap::new(),
        written: 0,
        repeated: 0,
        last_end: 0,
        last_start: 0,
        root: None,
        documents: 0,
        braces_at: None,
    };
    for event in Parser::new_from_str(body) {
        match event {
            Ok((event, marks)) => builder.event(event, marks).ok()?,
            Err(error) => {
                builder.syntax_error(error.info(), error.marker().index());
                return None;
            }
        }
    }
    builder.finish()
}

/// Without blanks that stand on a last line of their own. The event parser takes them for an empty line of a text block,
/// whatever the block says about those.
pub(super) fn without_last_blanks(text: &str) -> &str {
    let trimmed = text.trim_end_matches([' ', '\t']);
    if trimmed.ends_with(['\n', '\r']) { trimmed } else { text }
}

/// Reading cannot go on; the reason is in the diagnostics.
struct Stop;

/// A list or map that is open.
struct Frame {
    kind: Kind,
    start: usize,
    anchor: usize,
    flow: bool,
}

enum Kind {
    List(Vec<Tree>),
    Map { entries: Vec<Entry>, key: Key, merges: Vec<Tree> },
}

/// What a map waits for.
enum Key {
    /// A key.
    Wanted,
    /// The value of this key.
    Is(Text),
    /// The value of `<<`.
    Merge,
    /// A value that is dropped, because its key could not be used.
    Dropped,
}

/// A collection whose events are passed over.
struct Skip {
    depth: usize,
    start: usize,
    braces: bool,
}

struct Builder<'t, 'o> {
    place: Place<'t>,
    out: &'o mut Diagnostics,
    stack: Vec<Frame>,
    skip: Option<Skip>,
    /// By the parser's number for the anchor: the value and its size and height.
    anchors: BTreeMap<usize, (Tree, usize, usize)>,
    written: usize,
    repeated: usize,
    /// Where the last event ended.
    last_end: usize,
    /// Where the last scalar began.
    last_start: usize,
    root: Option<Tree>,
    documents: usize,
    /// Where unquoted braces were reported last.
    braces_at: Option<usize>,
}

impl Builder<'_, '_> {
    fn event(&mut self, event: Event<'_>, marks: Marks) -> Result<(), Stop> {
        let (start, end) = self.place.range(marks);
        if self.skip.is_some() {
            self.pass_over(&event, end);
            return Ok(());
        }
        match event {
            Event::DocumentStart(_) => {
                self.documents += 1;
                if self.documents > 1 {
                    return self.stop(Code::SEVERAL_DOCUMENTS, start..end, "a second document begins here", |d| {
                        d.help("write one app per file: remove `---` and what follows")
                    });
                }
            }
            Event::Scalar(value, style, anchor, tag) => {
                self.count(start)?;
                self.scalar(&value, style, anchor, tag.as_deref(), start..end);
            }
            Event::SequenceStart(anchor, tag) => self.open(false, anchor, tag.as_deref(), start..end)?,
            Event::MappingStart(anchor, tag) => self.open(true, anchor, tag.as_deref(), start..end)?,
            Event::SequenceEnd | Event::MappingEnd => self.close(end)?,
            Event::Alias(id) => self.alias(id, start..end)?,
            Event::DocumentEnd | Event::StreamStart | Event::StreamEnd | Event::Nothing => {}
        }
        Ok(())
    }

    fn stop(
        &mut self,
        code: Code,
        at: Range<usize>,
        message: impl Into<String>,
        more: impl FnOnce(Diagnostic) -> Diagnostic,
    ) -> Result<(), Stop> {
        self.out.push(more(Diagnostic::new(code, self.place.span(at), message)));
        Err(Stop)
    }

    fn error(&mut self, code: Code, at: Span, message: impl Into<String>, help: impl Into<String>) {
        self.out.push(Diagnostic::new(code, at, message).help(help));
    }

    /// Counts a value that is written.
    fn count(&mut self, start: usize) -> Result<(), Stop> {
        self.written += 1;
        if self.written + self.repeated <= LIMITS.nodes {
            return Ok(());
        }
        let message = format!("the document has more than {} values", LIMITS.nodes);
        self.stop(Code::TOO_LARGE, start..start, message, |d| d.help("move large data to a file of its own"))
    }

    fn wants_key(&self) -> bool {
        matches!(self.stack.last(), Some(Frame { kind: Kind::Map { key: Key::Wanted, .. }, .. }))
    }

    fn open(&mut self, map: bool, anchor: usize, tag: Option<&Tag>, range: Range<usize>) -> Result<(), Stop> {
        self.count(range.start)?;
        let start = if anchor > 0 || tag.is_some() { self.place.after_properties(range.start) } else { range.start };
        let rest = self.place.text.get(start..).unwrap_or("");
        let flow = !range.is_empty() && rest.starts_with(['{', '[']);
        if map && rest.starts_with("{{") {
            self.out.push(braces::diagnostic(self.place.text, start, self.place.source, self.place.shift));
            self.braces_at = Some(start);
            self.skip = Some(Skip { depth: 1, start, braces: true });
            return Ok(());
        }
        if self.wants_key() {
            let what = if map { "a map" } else { "a list" };
            let at = self.place.span(start..range.end);
            self.error(Code::KEY_NOT_TEXT, at, format!("a key must be a text, found {what}"), "write `name: value`");
            self.skip = Some(Skip { depth: 1, start, braces: false });
            return Ok(());
        }
        if self.stack.len() >= LIMITS.depth {
            return self.too_deep(start);
        }
        if let Some(tag) = tag {
            self.collection_tag(tag, map, range.start..start);
        }
        let kind =
            if map { Kind::Map { entries: vec![], key: Key::Wanted, merges: vec![] } } else { Kind::List(vec![]) };
        self.stack.push(Frame { kind, start, anchor, flow });
        self.last_end = if flow { start + 1 } else { self.last_end.max(start) };
        Ok(())
    }

    fn too_deep(&mut self, at: usize) -> Result<(), Stop> {
        let message = format!("lists and maps are nested more than {} deep", LIMITS.depth);
        self.stop(Code::TOO_DEEP, at..at, message, |d| {
            d.help("name the inner parts, or move them to a file of their own")
        })
    }

    /// Follows the events of a collection that is not kept, to its end.
    fn pass_over(&mut self, event: &Event<'_>, end: usize) {
        let Some(skip) = &mut self.skip else { return };
        match event {
            Event::SequenceStart(..) | Event::MappingStart(..) => skip.depth += 1,
            Event::SequenceEnd | Event::MappingEnd => skip.depth -= 1,
            _ => {}
        }
        self.last_end = self.last_end.max(end);
        if skip.depth > 0 {
            return;
        }
        let range = skip.start..end;
        let braces = skip.braces;
        self.skip = None;
        if self.wants_key() {
            self.set_key(Key::Dropped);
            return;
        }
        // What was meant: the braces as a text.
        let span = self.place.span(range.clone());
        let value = self.place.text.get(range).filter(|_| braces).unwrap_or("");
        self.attach(Tree { span, data: Data::Text(Text::synthetic(value, span)) }, 0);
    }

    fn close(&mut self, end: usize) -> Result<(), Stop> {
        let Some(frame) = self.stack.pop() else { return Ok(()) };
        if frame.flow {
            self.last_end = end;
        }
        let end = self.last_end.max(frame.start);
        let span = self.place.span(frame.start..end);
        let data = match frame.kind {
            Kind::List(items) => Data::List(items),
            Kind::Map { entries, merges, .. } => {
                let mut entries = merge::without_duplicates(entries, self.out);
                for tree in merges {
                    merge::merge(&mut entries, tree, self.out);
                }
                Data::Map(entries)
            }
        };
        let tree = Tree { span, data };
        if frame.anchor > 0 {
            // A copy is kept, which counts: anchors within anchors would otherwise multiply without a limit.
            let size = tree.size();
            self.repeat(size, frame.start)?;
        }
        self.attach(tree, frame.anchor);
        Ok(())
    }

    /// Counts values that are repeated by an anchor or alias.
    fn repeat(&mut self, size: usize, at: usize) -> Result<(), Stop> {
        self.repeated += size;
        let allowed = LIMITS.alias_base + LIMITS.alias_factor * self.written;
        if self.repeated <= allowed && self.written + self.repeated <= LIMITS.nodes {
            return Ok(());
        }
        let message = format!("aliases expand to more than {} values here", allowed.min(LIMITS.nodes));
        self.stop(Code::ALIAS_BUDGET, at..at, message, |d| d.help("write the values out, or use fewer aliases"))
    }

    fn alias(&mut self, id: usize, range: Range<usize>) -> Result<(), Stop> {
        self.count(range.start)?;
        self.last_end = range.end;
        let name = self.place.text.get(range.clone()).unwrap_or("").trim_end().to_owned();
        let Some((_, size, height)) = self.anchors.get(&id) else {
            return self.stop(Code::YAML_SYNTAX, range, format!("`{name}` stands inside of what it repeats"), |d| {
                d.help("an alias can only repeat a value that ended before it")
            });
        };
        let (size, height) = (*size, *height);
        if self.wants_key() {
            let at = self.place.span(range);
            self.error(Code::KEY_NOT_TEXT, at, "an alias cannot be a key", "write the key out");
            self.set_key(Key::Dropped);
            return Ok(());
        }
        self.repeat(size, range.start)?;
        if self.stack.len() + height > LIMITS.depth {
            return self.too_deep(range.start);
        }
        let tree = self.anchors.get(&id).map(|(tree, ..)| tree.clone());
        if let Some(tree) = tree {
            self.attach(tree, 0);
        }
        Ok(())
    }

    fn set_key(&mut self, new: Key) {
        if let Some(Frame { kind: Kind::Map { key, .. }, .. }) = self.stack.last_mut() {
            *key = new;
        }
    }

    /// Puts a finished value where it belongs.
    fn attach(&mut self, tree: Tree, anchor: usize) {
        if anchor > 0 {
            let (size, height) = (tree.size(), tree.height());
            self.anchors.insert(anchor, (tree.clone(), size, height));
        }
        match self.stack.last_mut().map(|frame| &mut frame.kind) {
            None => self.root = Some(tree),
            Some(Kind::List(items)) => items.push(tree),
            Some(Kind::Map { entries, key, merges }) => match std::mem::replace(key, Key::Wanted) {
                Key::Is(key) => entries.push(Entry { key, value: tree }),
                Key::Merge => merges.push(tree),
                Key::Wanted | Key::Dropped => {}
            },
        }
    }

    fn syntax_error(&mut self, info: &str, index: usize) {
        let at = self.place.offsets.byte(index);
        // Braces that were reported are the reason for what is wrong after them.
        let explained = self.braces_at.is_some_and(|b| b <= at && !self.place.text[b..at].trim_end().contains('\n'));
        if !explained {
            let open = self.stack.iter().rev().find(|frame| frame.flow).map(|frame| frame.start);
            let context =
                syntax::Context { text: self.place.text, at, begun: self.last_start, after: self.last_end, open };
            self.out.push(syntax::explain(info, &context, self.place.source, self.place.shift));
        }
    }

    fn finish(mut self) -> Option<Tree> {
        let text = self.place.text;
        let only_blank = self.root.as_ref().is_none_or(|root| root.is_null() && root.span.start == root.span.end);
        if only_blank {
            let at = self.place.span(0..0);
            self.error(
                Code::EMPTY_DOCUMENT,
                at,
                "the document is empty",
                "begin with `version: 1`, `name:` and `nodes:`",
            );
            return None;
        }
        if let Some(Tree { data: Data::Text(root), .. }) = &self.root
            && let Some(found) = syntax::missing_space(text, root.span.start as usize - self.place.shift)
        {
            self.out.push(found.diagnostic(self.place.source, self.place.shift));
            return None;
        }
        self.root.take()
    }
}

//! What is written, in the one layout. Used by `format`.

use super::{
    super::emit::in_quotes,
    WIDTH,
    concrete::{Block, Body, Concrete, Entry, Item, Node, Trivia},
    page::Page,
    quotes::{self, Place},
};

/// A step of indentation.
const STEP: usize = 2;
/// Longer keys stand behind a `?`: readers look no further than 1024 characters for the `:` of another.
const LONG_KEY: usize = 1_000;

/// The text of a document.
pub(super) fn write(concrete: Concrete<'_>) -> String {
    let Concrete { head, first, root, tail, trivia } = concrete;
    let mut comments = Vec::with_capacity(trivia.len() + 1);
    let mut count = 0;
    for trivia in &trivia {
        comments.push(count);
        count += usize::from(matches!(trivia, Trivia::Comment { .. }));
    }
    comments.push(count);
    let mut writer = Writer { page: Page::default(), trivia, comments, done: 0 };
    for (first, marker) in head {
        writer.flush(first, 0);
        writer.page.line(0);
        writer.page.push(marker);
    }
    let end = tail.first().map_or(writer.trivia.len(), |(first, _)| *first);
    writer.flush(first, 0);
    writer.root(&root, end);
    for (first, marker) in tail {
        writer.flush(first, 0);
        writer.page.line(0);
        writer.page.push(marker);
    }
    writer.flush(writer.trivia.len(), 0);
    writer.page.finish()
}

struct Writer<'t> {
    page: Page,
    trivia: Vec<Trivia<'t>>,
    /// How many comments come before.
    comments: Vec<usize>,
    /// The trivia that have been written or passed over.
    done: usize,
}

/// What surrounds the items of a list or map.
#[derive(Clone, Copy)]
struct Around {
    /// The indentation of the items.
    indent: usize,
    /// The column of the items in the source.
    column: usize,
    /// The column of what they stand in; comments that are not further in belong there.
    outer: Option<usize>,
    /// The trivia before what comes next.
    end: usize,
    /// Whether they stood in brackets, where columns say nothing.
    flow: bool,
}

impl<'t> Writer<'t> {
    fn has_comments(&self, from: usize, to: usize) -> bool {
        let count = |at: usize| self.comments.get(at).copied().unwrap_or_default();
        count(to) > count(from)
    }

    /// Writes comments and empty lines up to a place.
    fn flush(&mut self, upto: usize, indent: usize) {
        while self.done < upto {
            match self.trivia.get(self.done) {
                Some(Trivia::Blank) => self.page.gap(),
                Some(Trivia::Comment { text, alone, column }) => {
                    if *alone || !self.page.comment(text, *column) {
                        self.page.comment_line(indent, text);
                    }
                }
                Some(Trivia::Taken) | None => {}
            }
            self.done += 1;
        }
    }

    /// Passes over empty lines that have no place in the one layout.
    fn pass(&mut self, upto: usize) {
        self.done = self.done.max(upto);
    }

    /// Writes the comments behind the last item that belong to its list or map, and not to what comes next.
    fn tail(&mut self, around: Around) {
        loop {
            let rest = self.trivia.get(self.done..around.end).unwrap_or_default();
            let Some(next) = rest.iter().position(|trivia| matches!(trivia, Trivia::Comment { .. })) else { return };
            let Some(Trivia::Comment { alone, column, .. }) = rest.get(next) else { return };
            let inside = *column >= around.column && around.outer.is_none_or(|outer| *column > outer);
            if *alone && !inside && !around.flow {
                return;
            }
            self.flush(self.done + next + 1, around.indent);
        }
    }

    fn root(&mut self, root: &Node<'t>, end: usize) {
        let broken = self.breaks(root, 0);
        let start = if root.body.is_lines() || broken { first_of(root) } else { root.first };
        if !root.properties.is_empty() {
            self.page.line(0);
            self.page.push(&root.properties.join(" "));
        }
        self.flush(start, 0);
        if broken || root.body.is_lines() {
            self.items(root, Around { indent: 0, column: 0, outer: None, end, flow: broken }, false);
        } else {
            self.page.line(0);
            self.leaf(root, 0);
        }
    }

    /// Whether a list or map in brackets becomes lines: it is too long for the line, or has comments in it.
    fn breaks(&self, node: &Node<'t>, taken: usize) -> bool {
        node.body.is_full_flow() && (self.has_comments(node.first, node.last) || !fits(node, taken))
    }

    /// The items of a list or map, each on its lines; the first on this line if `inline`.
    fn items(&mut self, node: &Node<'t>, around: Around, inline: bool) {
        match &node.body {
            Body::List { items, .. } => self.list(items, around, inline),
            Body::Map { entries, .. } => self.map(entries, around, inline),
            _ => {}
        }
        self.tail(around);
        self.pass(if around.flow { node.last } else { 0 });
    }

    fn list(&mut self, items: &[Item<'t>], around: Around, inline: bool) {
        for (number, Item { first, value }) in items.iter().enumerate() {
            let end = items.get(number + 1).map_or(around.end, |next| next.first);
            if number > 0 || !inline {
                self.flush(*first, around.indent);
                if self.breaks(value, around.indent + STEP)
                    && let Some((comment, _)) = self.take_comment_behind(value, end)
                {
                    self.page.comment_line(around.indent, comment);
                }
                self.page.line(around.indent);
            } else {
                self.pass(*first);
            }
            self.page.push("-");
            self.value(value, Around { end, ..around }, true);
        }
    }

    fn map(&mut self, entries: &[Entry<'t>], around: Around, inline: bool) {
        for (number, Entry { first, key, value }) in entries.iter().enumerate() {
            let end = entries.get(number + 1).map_or(around.end, |next| next.first);
            if number > 0 || !inline {
                self.flush(*first, around.indent);
                self.page.line(around.indent);
            } else {
                self.pass(*first);
            }
            let key = key_of(key, Place::Lines);
            if key.len() > LONG_KEY {
                self.page.push("? ");
                self.page.push(&key);
                self.page.line(around.indent);
            } else {
                self.page.push(&key);
            }
            self.page.push(":");
            self.value(value, Around { end, ..around }, false);
        }
    }

    /// A value behind `key:` or `-`. What is around is that of the item.
    fn value(&mut self, node: &Node<'t>, around: Around, dash: bool) {
        for property in &node.properties {
            self.page.push(" ");
            self.page.push(property);
        }
        let inner = around.indent + STEP;
        let fitting = !self.breaks(node, self.page.width() + 1);
        if matches!(node.body, Body::Empty) {
            if around.flow {
                return;
            }
            let outer = Some(around.column);
            self.tail(Around { indent: inner, column: around.column + 1, outer, ..around });
            return;
        }
        if !node.body.is_lines() && fitting {
            if self.has_comments(self.done, node.first) {
                self.flush(node.first, inner);
                self.page.line(inner);
            } else {
                self.pass(node.first);
                self.page.push(" ");
            }
            self.leaf(node, around.indent);
            return;
        }
        let column = match node.body {
            Body::List { column, .. } | Body::Map { column, .. } => column,
            _ => 0,
        };
        let flow = node.body.is_full_flow();
        if flow
            && !dash
            && let Some((comment, column)) = self.take_comment_behind(node, around.end)
        {
            // Before the brackets were lines it stood on the line of the key, too.
            let _ = self.page.comment(comment, column);
        }
        let end = if flow { node.last } else { around.end };
        let below = Around { indent: inner, column, outer: Some(around.column), end, flow };
        let first = first_of(node);
        let inline = dash && node.properties.is_empty() && !self.has_comments(self.done, first);
        if inline {
            self.page.push(" ");
        }
        self.items(node, below, inline);
    }

    /// The comment on the line on which a value ends, if no other is within the value.
    fn take_comment_behind(&mut self, node: &Node<'t>, end: usize) -> Option<(&'t str, usize)> {
        if self.has_comments(self.done, node.last) || node.last >= end {
            return None;
        }
        let trivia = self.trivia.get_mut(node.last)?;
        let Trivia::Comment { text, alone: false, column } = *trivia else { return None };
        *trivia = Trivia::Taken;
        Some((text, column))
    }

    /// What is no list or map of lines. `indent` is that of the item.
    fn leaf(&mut self, node: &Node<'t>, indent: usize) {
        match &node.body {
            Body::Block(block) => self.block(block, indent),
            Body::Scalar(scalar) if scalar.source.contains('\n') => {
                let mut lines = quotes::lines(scalar, !node.properties.is_empty()).into_iter();
                self.page.push(&lines.next().unwrap_or_default());
                for line in lines {
                    let indent = if line.is_empty() { 0 } else { indent + STEP };
                    self.page.raw(" ".repeat(indent) + &line, false);
                }
            }
            Body::Scalar(_) => self.page.push(&body_of(node, Place::Lines)),
            _ => {
                self.page.push(&body_of(node, Place::Flow));
                if self.has_comments(node.first, node.last) {
                    // Within empty brackets.
                    self.flush(node.last, indent);
                }
            }
        }
        self.pass(node.last);
    }

    fn block(&mut self, block: &Block<'t>, indent: usize) {
        self.page.push(block.header);
        self.flush(block.lines_at, indent);
        let spaces = " ".repeat(indent + block.indent.unwrap_or(STEP));
        for line in &block.lines {
            self.page.raw(if line.is_empty() { String::new() } else { format!("{spaces}{line}") }, true);
        }
    }
}

/// Whether a value fits on a line of which some columns are taken.
fn fits(node: &Node<'_>, taken: usize) -> bool {
    let mut out = String::new();
    inline(node, Place::Flow, &mut out) && taken + out.chars().count() <= WIDTH
}

/// A key on one line.
fn key_of(node: &Node<'_>, place: Place) -> String {
    match &node.body {
        // In quotes it would merge nothing.
        Body::Scalar(scalar) if scalar.source == "<<" => "<<".to_owned(),
        _ => {
            let mut out = String::new();
            inline(node, place, &mut out);
            out
        }
    }
}

fn body_of(node: &Node<'_>, place: Place) -> String {
    let mut out = String::new();
    body(node, place, &mut out);
    out
}

/// Writes a value on one line. False, with a part of it, once it is surely too long.
fn inline(node: &Node<'_>, place: Place, out: &mut String) -> bool {
    for property in &node.properties {
        out.push_str(property);
        out.push(' ');
    }
    body(node, place, out)
}

fn body(node: &Node<'_>, place: Place, out: &mut String) -> bool {
    let tagged = node.properties.iter().any(|property| property.starts_with('!'));
    match &node.body {
        // In brackets some readers want to see it.
        Body::Empty => out.push_str(if tagged { "\"\"" } else { "null" }),
        Body::Alias(name) => out.push_str(name),
        Body::Scalar(scalar) => out.push_str(&quotes::one_line(scalar, tagged, place)),
        Body::Block(block) => in_quotes(&block.value, out),
        Body::List { items, .. } if items.is_empty() => out.push_str("[]"),
        Body::Map { entries, .. } if entries.is_empty() => out.push_str("{}"),
        Body::List { items, .. } => {
            for (number, item) in items.iter().enumerate() {
                out.push_str(if number > 0 { ", " } else { "[" });
                if out.len() > 4 * WIDTH || !inline(&item.value, Place::Flow, out) {
                    return false;
                }
            }
            out.push(']');
        }
        Body::Map { entries, .. } => {
            for (number, Entry { key, value, .. }) in entries.iter().enumerate() {
                out.push_str(if number > 0 { ", " } else { "{ " });
                out.push_str(&key_of(key, Place::Flow));
                out.push_str(": ");
                if out.len() > 4 * WIDTH || !inline(value, Place::Flow, out) {
                    return false;
                }
            }
            out.push_str(" }");
        }
    }
    true
}

/// The trivia before the first item, for a list or map that becomes lines.
fn first_of(node: &Node<'_>) -> usize {
    match &node.body {
        Body::List { items, .. } => items.first().map_or(node.first, |item| item.first),
        Body::Map { entries, .. } => entries.first().map_or(node.first, |entry| entry.first),
        _ => node.first,
    }
}

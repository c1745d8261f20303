//! Lines that are being written, with the comments at their ends. Used by `write`.

/// A line and the comment that follows it.
struct Line {
    text: String,
    comment: Option<Comment>,
    /// Whether a comment behind it would be part of it: of a text, or of another comment.
    sealed: bool,
}

struct Comment {
    text: String,
    /// Where it stood in the source.
    column: usize,
}

/// What has been written.
#[derive(Default)]
pub(super) struct Page {
    lines: Vec<Line>,
    /// Whether an empty line comes before the next.
    gap: bool,
}

impl Page {
    /// Begins a line.
    pub(super) fn line(&mut self, indent: usize) {
        if std::mem::take(&mut self.gap) && !self.lines.is_empty() {
            self.raw(String::new(), false);
        }
        self.raw(" ".repeat(indent), false);
    }

    /// A line that is a comment.
    pub(super) fn comment_line(&mut self, indent: usize, text: &str) {
        self.line(indent);
        self.push(text);
        if let Some(line) = self.lines.last_mut() {
            line.sealed = true;
        }
    }

    /// A line of a value: no empty line comes before it.
    pub(super) fn raw(&mut self, text: String, sealed: bool) {
        self.lines.push(Line { text, comment: None, sealed });
    }

    /// Continues the line.
    pub(super) fn push(&mut self, text: &str) {
        match self.lines.last_mut() {
            Some(line) => line.text.push_str(text),
            None => self.raw(text.to_owned(), false),
        }
    }

    /// Columns that are taken on the line.
    pub(super) fn width(&self) -> usize {
        self.lines.last().map_or(0, |line| line.text.chars().count())
    }

    /// Wants an empty line before the next one.
    pub(super) fn gap(&mut self) {
        self.gap = true;
    }

    /// Puts a comment behind the line, if it can be there.
    pub(super) fn comment(&mut self, text: &str, column: usize) -> bool {
        match self.lines.last_mut().filter(|line| line.comment.is_none() && !line.sealed && !self.gap) {
            Some(line) => {
                line.comment = Some(Comment { text: text.to_owned(), column });
                true
            }
            None => false,
        }
    }

    /// The text. Comments of neighbouring lines that stood in one column stand in one column again.
    pub(super) fn finish(self) -> String {
        let mut out = String::new();
        let mut at = 0;
        while let Some(line) = self.lines.get(at) {
            let column = line.comment.as_ref().map(|comment| comment.column);
            let group = self.lines[at..]
                .iter()
                .take_while(|line| line.comment.as_ref().map(|comment| comment.column) == column)
                .take(if column.is_some() { usize::MAX } else { 1 });
            let group: Vec<(&Line, usize)> = group.map(|line| (line, line.text.chars().count())).collect();
            let widest = group.iter().map(|(_, width)| *width).max().unwrap_or(0);
            for (line, width) in &group {
                out.push_str(&line.text);
                if let Some(comment) = &line.comment {
                    out.push_str(&" ".repeat(widest - width + 1));
                    out.push_str(&comment.text);
                }
                out.push('\n');
            }
            at += group.len();
        }
        out
    }
}

//! Diagnostics as reports with source lines, or as JSON. Used by every command that reads an app.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    ops::Range,
    path::{Path, PathBuf},
};

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};
use serde_json::{Value, json};
use uzel_core::{
    check::Waived,
    diagnostic::{Diagnostic, Severity},
    source::{Source, SourceId, Sources, Span},
};

use super::human::plural;

/// Lines shown around a place are taken from this much text around it, so that a large file costs no more than a small
/// one.
const WINDOW: usize = 20_000;

/// Diagnostics, and what their places are in.
pub(crate) struct Report<'a> {
    pub(crate) diagnostics: Vec<&'a Diagnostic>,
    /// How many were not kept.
    pub(crate) left_out: usize,
    pub(crate) sources: &'a Sources,
    /// The app's folder as the person typed it; paths of sources are relative to it.
    pub(crate) folder: &'a Path,
    pub(crate) colour: bool,
}

/// A marked place in a source.
struct Mark<'a> {
    span: Span,
    label: Option<&'a str>,
    primary: bool,
}

impl Report<'_> {
    fn count(&self, severity: Severity) -> usize {
        self.diagnostics.iter().filter(|d| d.severity == severity).count()
    }

    /// "3 errors, 1 warning", or nothing.
    pub(crate) fn summary(&self) -> String {
        let counts = [
            (self.count(Severity::Error), "error"),
            (self.count(Severity::Warning), "warning"),
            (self.count(Severity::Note), "note"),
        ];
        let parts: Vec<String> = counts.into_iter().filter(|(n, _)| *n > 0).map(|(n, word)| plural(n, word)).collect();
        let more = if self.left_out > 0 { format!(" and {} more", self.left_out) } else { String::new() };
        format!("{}{more}", parts.join(", "))
    }

    /// All reports, an empty line after each.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        for diagnostic in &self.diagnostics {
            let _ = write!(text, "{}\n\n", self.one(diagnostic));
        }
        text
    }

    fn one(&self, diagnostic: &Diagnostic) -> String {
        let level = match diagnostic.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
            Severity::Note => Level::NOTE,
        };
        let explain = format!("run `uzel explain {}`", diagnostic.code);
        let help = match &diagnostic.help {
            Some(help) => format!("{help}\n{explain}"),
            None => explain,
        };
        let title = level.primary_title(diagnostic.message.as_str()).id(diagnostic.code.as_str());
        let mut group = Group::with_title(title);
        let mut places: BTreeMap<SourceId, Vec<Mark<'_>>> = BTreeMap::new();
        if let Some(at) = diagnostic.at {
            // A label at the very place says what that place is.
            let own = diagnostic.labels.iter().find(|label| label.at == at).map(|label| label.text.as_str());
            places.entry(at.source).or_default().push(Mark { span: at, label: own, primary: true });
        }
        for label in diagnostic.labels.iter().filter(|label| Some(label.at) != diagnostic.at) {
            places.entry(label.at.source).or_default().push(Mark {
                span: label.at,
                label: Some(&label.text),
                primary: false,
            });
        }
        let first = diagnostic.at.map(|at| at.source);
        let mut order: Vec<SourceId> = places.keys().copied().collect();
        order.sort_by_key(|source| Some(*source) != first);
        for source in order {
            group = self.excerpt(group, source, places.get(&source).map_or(&[], Vec::as_slice));
        }
        group = group.element(Level::HELP.message(help));
        let renderer = if self.colour { Renderer::styled() } else { Renderer::plain() };
        renderer.render(&[group])
    }

    fn excerpt<'g>(&self, group: Group<'g>, id: SourceId, places: &[Mark<'g>]) -> Group<'g> {
        match self.sources.get(id) {
            Some(Source::Text { path, text }) if !text.is_empty() => {
                let (window, line) = window(text, places);
                let cut = text.get(window.clone()).unwrap_or("").to_owned();
                let length = cut.len();
                let path = self.path(path).display().to_string();
                let mut snippet = Snippet::source(cut).line_start(line).path(path);
                for Mark { span, label, primary } in places {
                    let kind = if *primary { AnnotationKind::Primary } else { AnnotationKind::Context };
                    let start = (span.start as usize).saturating_sub(window.start).min(length);
                    let end = (span.end as usize).saturating_sub(window.start).clamp(start, length);
                    snippet = snippet.annotation(kind.span(start..end).label(*label));
                }
                group.element(snippet)
            }
            Some(Source::Text { path, .. }) => group.element(Origin::path(self.path(path).display().to_string())),
            Some(Source::Rust(at)) => {
                group.element(Origin::path(at.file()).line(at.line() as usize).char_column(at.column() as usize))
            }
            None => group,
        }
    }

    fn path(&self, path: &str) -> PathBuf {
        self.folder.join(path)
    }

    /// The same as JSON, one object each.
    pub(crate) fn json(&self) -> Vec<Value> {
        self.diagnostics.iter().map(|diagnostic| self.one_json(diagnostic)).collect()
    }

    /// What the file accepts, as [`Self::json`] has it, each with why and until when.
    pub(crate) fn waived_json(&self, waived: &[Waived]) -> Vec<Value> {
        let one = |waived: &Waived| {
            let mut value = self.one_json(&waived.diagnostic);
            value["waived"] = json!({ "reason": waived.reason, "until": waived.until.to_string() });
            value
        };
        waived.iter().map(one).collect()
    }

    fn one_json(&self, diagnostic: &Diagnostic) -> Value {
        let at = diagnostic.at.map(|at| self.sources.position(at));
        let labels: Vec<Value> = diagnostic
            .labels
            .iter()
            .map(|label| {
                let at = self.sources.position(label.at);
                json!({ "file": self.path(&at.file), "line": at.line, "column": at.column, "text": label.text })
            })
            .collect();
        json!({
            "code": diagnostic.code,
            "severity": diagnostic.severity,
            "message": diagnostic.message,
            "file": at.as_ref().map(|at| self.path(&at.file)),
            "line": at.as_ref().map(|at| at.line),
            "column": at.as_ref().map(|at| at.column),
            "help": diagnostic.help,
            "labels": labels,
        })
    }
}

/// Whole lines around all places, and the number of the first one.
fn window(text: &str, places: &[Mark<'_>]) -> (Range<usize>, usize) {
    let start = places.iter().map(|mark| mark.span.start as usize).min().unwrap_or(0).min(text.len());
    let end = places.iter().map(|mark| mark.span.end as usize).max().unwrap_or(0).clamp(start, text.len());
    let bytes = text.as_bytes();
    let from = start.saturating_sub(WINDOW);
    let head = bytes.get(from..start).unwrap_or_default();
    // The beginning of the line of the first place, and two lines before it where they are near.
    let mut line_starts = head.iter().enumerate().filter(|(_, b)| **b == b'\n').map(|(i, _)| from + i + 1).rev();
    let begin = line_starts.nth(2).unwrap_or(if from == 0 { 0 } else { start });
    let tail = bytes.get(end..(end + WINDOW).min(text.len())).unwrap_or_default();
    let mut line_ends = tail.iter().enumerate().filter(|(_, b)| **b == b'\n').map(|(i, _)| end + i + 1);
    let finish = line_ends.nth(1).unwrap_or(if end + WINDOW >= text.len() { text.len() } else { end });
    let on_boundary = |mut at: usize| {
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        at
    };
    let (begin, finish) = (on_boundary(begin), on_boundary(finish));
    let line = text.get(..begin).unwrap_or_default().matches('\n').count() + 1;
    (begin..finish, line)
}

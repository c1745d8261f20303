//! What can go wrong between a program and its runs. What goes wrong *in* a run is its result, not an error.

use std::{
    fmt::{self, Write as _},
    path::Path,
};

use uzel_core::{
    diagnostic::{Code, Diagnostic, Severity},
    event::RunId,
    source::{Position, Source, Sources, Span},
    store::{self, Status},
};
use uzel_runtime::engine;

use super::excerpt::{Excerpt, Lines};

/// Why a call of this library did not do what it was asked.
#[derive(Debug)]
pub enum Error {
    /// The app has mistakes, or could not be prepared (a missing key, a model that does not exist).
    App(Problems),
    /// The store, an id, an input or an answer.
    Run(engine::Error),
    /// A value is no JSON.
    NotJson(serde_json::Error),
    /// The run is being driven by a [`crate::RunHandle`]: go on with that one, or drop it.
    Driven(RunId),
    /// The run has no output of this type.
    NoOutput {
        /// Which run.
        run: String,
        /// Where it stands.
        status: Status,
        /// Why, in words.
        why: String,
    },
}

/// Everything there is to say about an app.
#[derive(Clone, Debug)]
pub struct Problems {
    /// The app's name or file.
    pub app: String,
    /// In the order of the app.
    pub list: Vec<Problem>,
}

/// One thing to tell the author of an app.
#[derive(Clone, Debug)]
pub struct Problem {
    /// Stable; `uzel explain CODE` says more.
    pub code: Code,
    /// How much it matters.
    pub severity: Severity,
    /// What is wrong.
    pub message: String,
    /// Where: a place in the app file, or the call in the Rust program.
    pub at: Option<Position>,
    /// The line at that place, where it is at hand.
    pub excerpt: Option<Excerpt>,
    /// Other places, and what they have to do with it.
    pub notes: Vec<(Position, String)>,
    /// What to type.
    pub help: Option<String>,
}

impl Problem {
    fn of(diagnostic: &Diagnostic, place: &impl Fn(Span) -> Position, excerpt: Option<Excerpt>) -> Self {
        let other = diagnostic.labels.iter().filter(|label| Some(label.at) != diagnostic.at);
        Self {
            code: diagnostic.code,
            severity: diagnostic.severity,
            message: diagnostic.message.clone(),
            at: diagnostic.at.map(place),
            excerpt,
            notes: other.map(|label| (place(label.at), label.text.clone())).collect(),
            help: diagnostic.help.clone(),
        }
    }
}

impl Problems {
    /// What there is to say about an app whose files are in `folder`.
    pub(crate) fn of<'d>(
        app: &str,
        diagnostics: impl IntoIterator<Item = &'d Diagnostic>,
        sources: &Sources,
        folder: &Path,
    ) -> Self {
        let place = |at: Span| {
            let mut position = sources.position(at);
            if let Some(Source::Text { path, .. }) = sources.get(at.source)
                && folder != Path::new(".")
            {
                position.file = folder.join(path).display().to_string();
            }
            position
        };
        let mut lines = Lines::default();
        let list = diagnostics.into_iter().map(|diagnostic| {
            let excerpt = diagnostic.at.and_then(|at| lines.excerpt(at, sources));
            Problem::of(diagnostic, &place, excerpt)
        });
        Self { app: app.to_owned(), list: list.collect() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Note => "note",
        };
        write!(f, "{word}[{}]: {}", self.code, self.message)?;
        if let Some(at) = &self.at {
            write!(f, "\n  --> {at}")?;
            if let Some(Excerpt { line, start, length }) = &self.excerpt {
                let number = at.line.to_string();
                let (gutter, blank, mark) = (" ".repeat(number.len()), " ".repeat(*start), "^".repeat(*length));
                write!(f, "\n {gutter} |\n {number} | {line}\n {gutter} | {blank}{mark}")?;
            }
        }
        for (at, text) in &self.notes {
            write!(f, "\n  note: {at}: {text}")?;
        }
        match &self.help {
            Some(help) => write!(f, "\n  help: {help}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the app `{}` cannot run", self.app)?;
        self.list.iter().try_for_each(|problem| write!(f, "\n{problem}"))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::App(problems) => problems.fmt(f),
            Self::Run(error) => {
                error.fmt(f)?;
                let (engine::Error::UnknownRun { near, .. } | engine::Error::UnknownTask { near, .. }) = error else {
                    return Ok(());
                };
                let mut names = String::new();
                for name in near {
                    let _ = write!(names, "{}`{name}`", if names.is_empty() { "" } else { " or " });
                }
                if names.is_empty() { Ok(()) } else { write!(f, "; did you mean {names}?") }
            }
            Self::NotJson(error) => write!(f, "the value is no JSON: {error}"),
            Self::Driven(run) => {
                write!(f, "run `{run}` is being driven: wait until its handle has no more events, or drop the handle")
            }
            Self::NoOutput { run, status, why } => write!(f, "run `{run}` is {}: {why}", status.as_str()),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Run(error) => Some(error),
            Self::NotJson(error) => Some(error),
            Self::App(_) | Self::Driven(_) | Self::NoOutput { .. } => None,
        }
    }
}

impl From<engine::Error> for Error {
    fn from(error: engine::Error) -> Self {
        Self::Run(error)
    }
}

impl From<store::Error> for Error {
    fn from(error: store::Error) -> Self {
        Self::Run(error.into())
    }
}

impl From<serde_json::Error> for Error {
    fn from(error: serde_json::Error) -> Self {
        Self::NotJson(error)
    }
}

//! What people see: standard output for data, standard error for talk. The one place that writes to either.

use std::{
    fmt::Write as _,
    io::{self, IsTerminal, Write},
};

use anstyle::{AnsiColor, Style};
use terminal_size::{Width, terminal_size};

use crate::{
    cli::{Global, When},
    environment,
    exit::{Error, Exit},
};

pub(crate) mod cost;
pub(crate) mod diagnostics;
pub(crate) mod fork;
pub(crate) mod human;
pub(crate) mod nodes;
pub(crate) mod progress;
pub(crate) mod tables;
pub(crate) mod timeline;
pub(crate) mod why;

/// The two streams and how to write to them.
#[derive(Clone, Debug)]
pub(crate) struct Terminal {
    /// Whether standard output takes colour.
    pub(crate) colour_out: bool,
    /// Columns of the terminal that standard output is, if it is one.
    pub(crate) width: Option<usize>,
    /// Whether standard error does.
    pub(crate) colour_err: bool,
    /// Whether a person watches standard error.
    pub(crate) watched: bool,
    quiet: bool,
    /// Whether to tell what happens as it happens.
    pub(crate) verbose: bool,
    /// How this program was called.
    pub(crate) program: String,
}

/// Faults.
pub(crate) const RED: Style = AnsiColor::Red.on_default().bold();
/// What needs a look.
pub(crate) const YELLOW: Style = AnsiColor::Yellow.on_default().bold();
/// What went well.
pub(crate) const GREEN: Style = AnsiColor::Green.on_default();
/// What to type.
pub(crate) const CYAN: Style = AnsiColor::Cyan.on_default();
/// What a model does.
pub(crate) const BLUE: Style = AnsiColor::Blue.on_default();
/// What lets through or blocks.
pub(crate) const MAGENTA: Style = AnsiColor::Magenta.on_default();
/// What matters less.
pub(crate) const DIM: Style = Style::new().dimmed();
/// What matters more.
pub(crate) const BOLD: Style = Style::new().bold();

impl Terminal {
    pub(crate) fn new(global: &Global) -> Self {
        let plain =
            environment::variable("NO_COLOR").is_some() || environment::variable("TERM").as_deref() == Some("dumb");
        let colour = |is_terminal: bool| match global.color {
            When::Always => true,
            When::Never => false,
            When::Auto => is_terminal && !plain,
        };
        let watched = io::stderr().is_terminal();
        Self {
            colour_out: colour(io::stdout().is_terminal()),
            width: io::stdout().is_terminal().then(terminal_size).flatten().map(|(Width(columns), _)| columns.into()),
            colour_err: colour(watched),
            watched,
            quiet: global.quiet,
            verbose: global.verbose,
            program: environment::program(),
        }
    }

    /// Writes data. A reader that has gone away (`uzel runs | head`) ends the command quietly.
    #[expect(clippy::unused_self, reason = "data leaves by the terminal, as talk does")]
    pub(crate) fn data(&self, text: &str) -> Result<(), Error> {
        let mut out = io::stdout().lock();
        let newline = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
        let written = out.write_all(text.as_bytes()).and_then(|()| out.write_all(newline.as_bytes()));
        written.and_then(|()| out.flush()).map_err(|error| match error.kind() {
            io::ErrorKind::BrokenPipe => Error::said(Exit::Fine),
            _ => Error::environment(format!("standard output cannot be written: {error}")),
        })
    }

    /// Says something, unless it is to be quiet.
    pub(crate) fn say(&self, text: &str) {
        if !self.quiet {
            Self::write(text, true);
        }
    }

    /// Says something without a line's end: a model's text as it comes.
    pub(crate) fn stream(&self, text: &str) {
        if !self.quiet {
            Self::write(text, false);
        }
    }

    /// A line that begins with a coloured word.
    pub(crate) fn notice(&self, style: Style, word: &str, text: &str) {
        self.say(&format!("{}: {text}", paint(self.colour_err, style, word)));
    }

    /// Says something even if it is to be quiet.
    #[expect(clippy::unused_self, reason = "talk goes through the terminal")]
    pub(crate) fn insist(&self, text: &str) {
        Self::write(text, true);
    }

    fn write(text: &str, line: bool) {
        let mut err = io::stderr().lock();
        let newline = if line && !text.ends_with('\n') { "\n" } else { "" };
        // Nothing can be done about a standard error that is closed.
        let _ = err.write_all(text.as_bytes()).and_then(|()| err.write_all(newline.as_bytes()));
        let _ = err.flush();
    }

    /// Shows an error: heading, causes, what to do.
    pub(crate) fn error(&self, error: &Error) {
        if error.heading.is_empty() {
            return;
        }
        let head = error.code.map_or_else(|| "error".to_owned(), |code| format!("error[{code}]"));
        let mut text = format!("{}: {}", paint(self.colour_err, RED, &head), error.heading);
        for cause in &error.causes {
            let _ = write!(text, "\n  {}", cause.replace('\n', "\n  "));
        }
        for hint in &error.hints {
            let _ = write!(text, "\n{}: {hint}", paint(self.colour_err, CYAN, "hint"));
        }
        self.insist(&text);
    }

    /// What to do next, as commands to copy.
    pub(crate) fn next(&self, steps: &[(&str, String)]) {
        let width = steps.iter().map(|(what, _)| what.chars().count()).max().unwrap_or(0);
        let mut text = paint(self.colour_err, BOLD, "next");
        for (what, command) in steps {
            let _ = write!(text, "\n  {what:width$}  {}", paint(self.colour_err, CYAN, command));
        }
        if !steps.is_empty() {
            self.say(&text);
        }
    }
}

/// Colours a text if colour is wanted.
pub(crate) fn paint(colour: bool, style: Style, text: &str) -> String {
    if colour { format!("{style}{text}{style:#}") } else { text.to_owned() }
}

//! `uzel diff`: what changed from one app file to another in what they do.

use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use clap::Args;
use uzel_core::{
    diagnostic::Severity,
    graph::{
        Graph,
        diff::{Callers, Difference, compare},
    },
};

use crate::{
    cli::OutsideChoice,
    exit::{Error, Exit},
    project::Project,
    render::{GREEN, RED, Terminal, YELLOW, diagnostics::Report, human::plural, paint},
};

#[derive(Debug, Args)]
#[command(after_help = "Comments, order, quotes, blanks in expressions, files that moved with their content and \
    descriptions for people are no difference. --overlay and --model hold for both. Exit codes, as those of diff: 0 the same, 1 different, 2 one of them cannot \
    be read.")]
pub(crate) struct Arguments {
    /// App file before, or a folder with an app.yaml
    #[arg(value_name = "A")]
    old: PathBuf,
    /// App file after, or a folder with an app.yaml
    #[arg(value_name = "B")]
    new: PathBuf,
    // Put over both: what is asked is what the new file changes where the app runs.
    #[command(flatten)]
    outside: OutsideChoice,
    /// Print JSON: {same, callers, parts}
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(terminal: &Terminal, arguments: &Arguments) -> Result<Exit, Error> {
    // Both are read before anything is said about one: two mistakes are two reports.
    let read = |path| read(terminal, path, &arguments.outside);
    let (old, new) = (read(&arguments.old), read(&arguments.new));
    let (old, new) = (old?, new?);
    let difference = compare(&old, &new);
    if arguments.json {
        terminal.data(&serde_json::to_string_pretty(&difference.json()).unwrap_or_default())?;
    } else {
        terminal.data(&shown(terminal, &difference))?;
    }
    let (style, word) = match difference.callers() {
        _ if difference.is_empty() => (GREEN, "same"),
        Callers::Fit => (YELLOW, "different"),
        _ => (RED, "different"),
    };
    terminal.notice(style, word, &verdict(&difference));
    Ok(if difference.is_empty() { Exit::Fine } else { Exit::Failed })
}

/// The graph of an app; what keeps it from being one is shown, and ends the command as diff does.
fn read(terminal: &Terminal, path: &Path, outside: &OutsideChoice) -> Result<Arc<Graph>, Error> {
    let said = |error: Error| {
        terminal.error(&error);
        Error::said(Exit::Usage)
    };
    let project = Project::find(path).map_err(said)?;
    let reading = project.read(&project.choices(outside).map_err(said)?);
    reading.graph.ok_or_else(|| {
        let report = Report {
            diagnostics: reading.diagnostics.iter().filter(|found| found.severity == Severity::Error).collect(),
            left_out: reading.diagnostics.left_out(),
            sources: &reading.sources,
            folder: &project.folder,
            colour: terminal.colour_err,
        };
        terminal.insist(report.text().trim_end());
        let heading = format!("`{}` cannot be compared: {}", project.path().display(), report.summary());
        terminal.error(&Error::new(Exit::Usage, heading));
        Error::said(Exit::Usage)
    })
}

/// The text, its lines coloured by their marks.
fn shown(terminal: &Terminal, difference: &Difference) -> String {
    let mut out = String::new();
    for line in difference.text().lines() {
        let style = match line.trim_start().chars().next() {
            Some('+') => GREEN,
            Some('-') => RED,
            _ => YELLOW,
        };
        let (mark, rest) = line.split_at(line.len() - line.trim_start().len() + 1);
        let _ = writeln!(out, "{}{rest}", paint(terminal.colour_out, style, mark));
    }
    out
}

fn verdict(difference: &Difference) -> String {
    if difference.is_empty() {
        return "both do the same".to_owned();
    }
    let callers = match difference.callers() {
        Callers::Fit => "old callers fit",
        Callers::Break => "old callers break",
        Callers::Unclear => "old callers may break",
    };
    format!("{}; {callers}", plural(difference.parts.len(), "part"))
}

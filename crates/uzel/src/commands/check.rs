//! `uzel check`: everything that is wrong with an app. Pure: nothing is built, opened or asked.

use clap::{Args, ValueEnum};

use crate::{
    cli::{AppChoice, OutsideChoice},
    exit::{Error, Exit},
    project::Project,
    render::{Terminal, diagnostics::Report, human::plural},
};

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    app: AppChoice,
    #[command(flatten)]
    outside: OutsideChoice,
    /// How to print what there is to say
    #[arg(long, default_value = "text")]
    format: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// With the lines of the file
    Text,
    /// A JSON list of {code, severity, message, file, line, column, help, labels}
    Json,
}

pub(crate) fn run(terminal: &Terminal, arguments: &Arguments) -> Result<Exit, Error> {
    let project = Project::find(&arguments.app.app)?;
    let reading = project.read(&project.choices(&arguments.outside)?);
    let report = Report {
        diagnostics: reading.diagnostics.iter().collect(),
        left_out: reading.diagnostics.left_out(),
        sources: &reading.sources,
        folder: &project.folder,
        colour: terminal.colour_out,
    };
    let text = match arguments.format {
        Format::Json => serde_json::to_string_pretty(&report.json()).unwrap_or_default(),
        Format::Text => format!("{}{}", report.text(), verdict(&project, &report, reading.graph.as_deref())),
    };
    terminal.data(&text)?;
    Ok(if reading.graph.is_some() { Exit::Fine } else { Exit::Failed })
}

fn verdict(project: &Project, report: &Report<'_>, graph: Option<&uzel_core::graph::Graph>) -> String {
    let path = project.path();
    match graph {
        None => format!("{}: {}", path.display(), report.summary()),
        Some(graph) => {
            let but = if report.diagnostics.is_empty() { String::new() } else { format!(", {}", report.summary()) };
            format!("{} is fine: {}{but}", path.display(), plural(graph.nodes.len(), "node"))
        }
    }
}

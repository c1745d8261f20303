//! `uzel graph`: draws an app.

use clap::{Args, ValueEnum};
use uzel_core::graph::draw;

use crate::{
    cli::{AppChoice, ModelChoice},
    exit::{Error, Exit},
    project::{Project, choices},
    render::Terminal,
};

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    app: AppChoice,
    #[command(flatten)]
    model: ModelChoice,
    /// What to draw for
    #[arg(long, default_value = "terminal")]
    format: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A person at a terminal
    Terminal,
    /// Markdown that renders Mermaid
    Mermaid,
    /// Graphviz
    Dot,
}

pub(crate) fn run(terminal: &Terminal, arguments: &Arguments) -> Result<Exit, Error> {
    let project = Project::find(&arguments.app.app)?;
    let reading = project.read_or_report(terminal, &choices(&arguments.model.models)?)?;
    let Some(graph) = reading.graph else { return Err(Error::said(Exit::Failed)) };
    terminal.data(&match arguments.format {
        Format::Terminal => draw::terminal(&graph),
        Format::Mermaid => draw::mermaid(&graph),
        Format::Dot => draw::dot(&graph),
    })?;
    Ok(Exit::Fine)
}

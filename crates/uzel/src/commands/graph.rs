//! `uzel graph`: draws an app.

use clap::{Args, ValueEnum};
use terminal_size::{Width, terminal_size};
use uzel_core::{
    diagnostic::Code,
    graph::draw::{self, Class, Look, Sort, Tone},
};

use crate::{
    cli::{AppChoice, OutsideChoice},
    exit::{Error, Exit},
    project::Project,
    render::{BLUE, BOLD, CYAN, DIM, GREEN, MAGENTA, RED, Terminal, YELLOW, paint},
};

/// Columns where there is no terminal.
const COLUMNS: u16 = 100;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    app: AppChoice,
    #[command(flatten)]
    outside: OutsideChoice,
    /// What to draw for
    #[arg(long, default_value = "terminal")]
    format: Format,
    /// Columns to draw in [default: the terminal's, or 100]
    #[arg(long, value_name = "COLUMNS")]
    width: Option<u16>,
    /// Draw with `-`, `|` and `+`
    #[arg(long)]
    ascii: bool,
    /// Say in words what a node comes after and why, with the lines that cause it, and what it starts
    #[arg(long, value_name = "NODE", conflicts_with = "format")]
    explain: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Boxes and lines if they fit into the width, else an outline
    Terminal,
    /// A node a line, with rails
    Outline,
    /// A picture for pages, light and dark
    Svg,
    /// Markdown that renders Mermaid
    Mermaid,
    /// Graphviz
    Dot,
}

pub(crate) fn run(terminal: &Terminal, arguments: &Arguments) -> Result<Exit, Error> {
    let project = Project::find(&arguments.app.app)?;
    let reading = project.read_or_report(terminal, &project.choices(&arguments.outside)?)?;
    let Some(graph) = reading.graph else { return Err(Error::said(Exit::Failed)) };
    let columns = || terminal_size().map_or(COLUMNS, |(Width(columns), _)| columns);
    let look = Look { width: usize::from(arguments.width.unwrap_or_else(columns)), ascii: arguments.ascii };
    let painted = |tone: Tone, text: &str| match style(tone) {
        Some(style) => paint(terminal.colour_out, style, text),
        None => text.to_owned(),
    };
    if let Some(node) = &arguments.explain {
        let shown = |file: &str| project.folder.join(file).display().to_string();
        let page = draw::explain(&graph, node, &shown, look).map_err(|near| unknown(node, &near))?;
        terminal.data(&page.text(painted))?;
        return Ok(Exit::Fine);
    }
    terminal.data(&match arguments.format {
        Format::Terminal => draw::terminal(&graph, look).text(painted),
        Format::Outline => draw::outline(&graph, look).text(painted),
        Format::Mermaid => draw::mermaid(&graph),
        Format::Dot => draw::dot(&graph),
        Format::Svg => draw::svg(&graph).ok_or_else(|| {
            Error::new(Exit::Failed, "the app is too large for a picture that a person can read")
                .hint("`--format outline` lists it; `--format dot` is for programs that draw large graphs")
        })?,
    })?;
    Ok(Exit::Fine)
}

fn unknown(node: &str, near: &[String]) -> Error {
    let error = Error::usage(format!("there is no node `{node}`")).code(Code::UNKNOWN_NODE);
    let quoted: Vec<String> = near.iter().map(|name| format!("`{name}`")).collect();
    match quoted.split_last() {
        None => error.hint("`uzel graph --format outline` lists the nodes"),
        Some((last, [])) => error.hint(format!("did you mean {last}?")),
        Some((last, rest)) => error.hint(format!("did you mean {} or {last}?", rest.join(", "))),
    }
}

/// The colour of a piece of a drawing.
fn style(tone: Tone) -> Option<anstyle::Style> {
    Some(match tone {
        Tone::Text | Tone::Kind(Sort::Plain | Sort::Body) | Tone::Line(Class::Flow) => return None,
        Tone::Name => BOLD,
        Tone::Faint => DIM,
        Tone::Line(Class::Error) => RED,
        Tone::Line(Class::Block) | Tone::Kind(Sort::Guard) => MAGENTA,
        Tone::Line(Class::Way) | Tone::Kind(Sort::Route) => CYAN,
        Tone::Kind(Sort::Person) => YELLOW,
        Tone::Kind(Sort::Model) => BLUE,
        Tone::Kind(Sort::Tool | Sort::Knowledge) => GREEN,
    })
}

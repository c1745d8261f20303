//! `uzel why`: why a run or one of its nodes is as it is, with the lines of the app that decided. Works while another
//! process runs.

use std::path::Path;

use clap::Args;
use serde_json::json;
use uzel_core::{diagnostic::did_you_mean, event::InstancePath, run::Run};

use crate::{
    cli::Global,
    exit::{Error, Exit},
    opened::{Opened, block_on},
    project::store_of,
    render::{Terminal, human, why::Reasons},
};

#[derive(Debug, Args)]
#[command(after_help = "Places are those of the release that the run is pinned to, which may be older than the file.")]
pub(crate) struct Arguments {
    /// Id of the run, or the beginning of one
    run: String,
    /// A node of it, such as `reply` or `notes[17].summarise` [default: the run as a whole]
    node: Option<String>,
    /// Print JSON: {instance, kind, state, at, because}, or {run, status, because, node, path}
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(terminal: &Terminal, global: &Global, arguments: &Arguments) -> Result<Exit, Error> {
    let opened = Opened::read_only(&store_of(global)?, terminal)?;
    block_on(why(terminal, &opened, arguments))
}

async fn why(terminal: &Terminal, opened: &Opened, arguments: &Arguments) -> Result<Exit, Error> {
    let head = opened.engine.find_run(&arguments.run).await?;
    let graph = opened.graph_of(&head).await?;
    let (run, _, head) = opened.engine.load(&graph, &head.run).await?;
    let reasons = Reasons { folder: Path::new(""), colour: terminal.colour_out };
    if let Some(name) = &arguments.node {
        let Some(why) = run.why_node(&InstancePath::from(name.as_str())) else { return Err(unknown(&run, name)) };
        let text = if arguments.json { human::pretty(&json!(why)) } else { reasons.node(&why) };
        terminal.data(&text)?;
        return Ok(Exit::Fine);
    }
    let mut why = run.why(false);
    // Whether somebody works on it is for the store to say.
    why.status = head.status;
    let text = if arguments.json { human::pretty(&json!(why)) } else { reasons.run(&why) };
    terminal.data(&text)?;
    if let Some(node) = why.node.filter(|_| !arguments.json) {
        let store = crate::project::store_option(&opened.dir);
        let command = format!("{} why {} {}{store}", terminal.program, head.run, crate::project::quoted(node.as_str()));
        terminal.next(&[("see why that is so", command)]);
    }
    Ok(Exit::Fine)
}

/// There is no such node in the run: near names, or what has not come to be.
pub(crate) fn unknown(run: &Run, name: &str) -> Error {
    let error = Error::usage(format!("the run has no node `{name}`"));
    if run.graph().at(name).is_some() {
        return error.hint("the app has it, but the run has not come to it: ask about the node around it");
    }
    let views = run.view();
    let names = || views.iter().map(|view| view.instance.as_str());
    let hint = did_you_mean(name, names()).unwrap_or_else(|| {
        let some = names().filter(|name| !name.contains(['[', '.'])).take(20);
        format!("its nodes are {}", some.collect::<Vec<_>>().join(", "))
    });
    error.hint(hint)
}

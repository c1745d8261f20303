//! `uzel show`: one run, node by node. Works while another process runs.

use clap::Args;
use serde_json::{Value, json};
use uzel_core::{diagnostic::did_you_mean, run::NodeView};

use crate::{
    cli::Global,
    exit::{Error, Exit},
    opened::{Opened, block_on},
    project::store_of,
    render::{Terminal, human, nodes::Show, tables},
};

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Id of the run, or the beginning of one
    run: String,
    /// Only this node, with whole values
    #[arg(long, value_name = "NODE")]
    node: Option<String>,
    /// Whole values
    #[arg(long)]
    full: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(terminal: &Terminal, global: &Global, arguments: &Arguments) -> Result<Exit, Error> {
    let opened = Opened::read_only(&store_of(global)?, terminal)?;
    block_on(show(terminal, &opened, arguments))
}

async fn show(terminal: &Terminal, opened: &Opened, arguments: &Arguments) -> Result<Exit, Error> {
    let head = opened.engine.find_run(&arguments.run).await?;
    let graph = opened.graph_of(&head).await?;
    let (run, _, head) = opened.engine.load(&graph, &head.run).await?;
    let tasks = opened.engine.store.tasks(false, Some(head.run.clone())).await?;
    let mut views = run.view();
    if let Some(node) = &arguments.node {
        views = only(views, node)?;
    }
    if arguments.json {
        let mut value = tables::head_json(&head);
        if let Value::Object(fields) = &mut value {
            let begin = run.begin();
            fields.insert("input".to_owned(), json!(begin.map(|begin| &begin.input)));
            fields.insert("by".to_owned(), json!(begin.and_then(|begin| begin.by.as_ref())));
            fields.insert("dry_run".to_owned(), json!(begin.is_some_and(|begin| begin.dry_run)));
            fields.insert("release".to_owned(), json!(head.release));
            fields.insert("nodes".to_owned(), json!(views));
            fields.insert("tasks".to_owned(), json!(tasks));
        }
        terminal.data(&human::pretty(&value))?;
        return Ok(Exit::Fine);
    }
    let full = arguments.full || arguments.node.is_some();
    let show = Show { full, colour: terminal.colour_out, now: opened.now() };
    let nodes = show.nodes(&views, &tasks);
    let text = if arguments.node.is_some() { nodes } else { format!("{}\n{nodes}", show.head(&head, &run)) };
    terminal.data(&text)?;
    Ok(Exit::Fine)
}

fn only(views: Vec<NodeView>, node: &str) -> Result<Vec<NodeView>, Error> {
    let (found, others): (Vec<NodeView>, Vec<NodeView>) =
        views.into_iter().partition(|view| view.instance.as_str() == node);
    if found.is_empty() {
        let names = || others.iter().map(|view| view.instance.as_str());
        let hint = did_you_mean(node, names())
            .unwrap_or_else(|| format!("its nodes are {}", names().collect::<Vec<_>>().join(", ")));
        return Err(Error::usage(format!("the run has no node `{node}`")).hint(hint));
    }
    Ok(found)
}

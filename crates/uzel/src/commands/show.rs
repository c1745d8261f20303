//! `uzel show`: one run, node by node. Works while another process runs.

use std::collections::BTreeSet;

use clap::Args;
use serde_json::{Value, json};
use uzel_core::{
    diagnostic::did_you_mean,
    event::InstancePath,
    run::{NodeView, timeline::Row},
};

use crate::{
    cli::Global,
    exit::{Error, Exit},
    opened::{Opened, block_on},
    project::store_of,
    render::{DIM, Terminal, human, nodes::Show, tables, timeline::Timeline},
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
    /// All items of long lists, one by one
    #[arg(long)]
    all: bool,
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
            fields.insert("forked_from".to_owned(), json!(begin.and_then(|begin| begin.forked_from.as_ref())));
            fields.insert("release".to_owned(), json!(head.release));
            fields.insert("nodes".to_owned(), json!(views));
            fields.insert("tasks".to_owned(), json!(tasks));
        }
        terminal.data(&human::pretty(&value))?;
        return Ok(Exit::Fine);
    }
    let full = arguments.full || arguments.node.is_some();
    let show = Show { full, colour: terminal.colour_out, now: opened.now() };
    if arguments.node.is_some() {
        terminal.data(&show.nodes(&views, &tasks))?;
        return Ok(Exit::Fine);
    }
    let rows = run.timeline(arguments.all);
    let folded = fold(&mut views, &rows);
    let timeline = Timeline {
        rows: &rows,
        begun: head.created,
        until: if head.status.is_final() { head.updated } else { opened.now() },
        width: terminal.width,
        colour: terminal.colour_out,
    };
    let timeline = timeline.text();
    let gap = if timeline.is_empty() { "" } else { "\n" };
    terminal.data(&format!("{}\n{timeline}{gap}{}", show.head(&head, &run), show.nodes(&views, &tasks)))?;
    if folded > 0 {
        let text = format!("{} in long lists are not shown; `--all` shows them", human::plural(folded, "node"));
        terminal.notice(DIM, "note", &text);
    }
    Ok(Exit::Fine)
}

/// Leaves out what the timeline folds, and says how many that are.
fn fold(views: &mut Vec<NodeView>, rows: &[Row]) -> usize {
    let shown: BTreeSet<&InstancePath> = rows
        .iter()
        .filter_map(|row| match row {
            Row::Node(lane) => Some(&lane.instance),
            Row::Folded(_) => None,
        })
        .collect();
    let before = views.len();
    views.retain(|view| shown.contains(&view.instance));
    before - views.len()
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

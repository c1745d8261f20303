//! The commands, one file each, and what several of them say. Called by the command line.

use std::sync::Arc;

use uzel_core::{
    event::InstancePath,
    failure::Failure,
    graph::Graph,
    store::{Head, Status},
};

use crate::{
    exit::{Error, Exit},
    opened::Opened,
    project::{quoted, store_option},
    render::{GREEN, RED, Terminal, YELLOW, human, tables},
};

pub(crate) mod answer;
pub(crate) mod callback;
pub(crate) mod cancel;
pub(crate) mod check;
pub(crate) mod completions;
pub(crate) mod diff;
pub(crate) mod explain;
pub(crate) mod export;
pub(crate) mod fmt;
pub(crate) mod fork;
pub(crate) mod graph;
pub(crate) mod inbox;
pub(crate) mod lsp;
pub(crate) mod new;
pub(crate) mod release;
pub(crate) mod replay;
pub(crate) mod resume;
pub(crate) mod run;
pub(crate) mod runs;
pub(crate) mod schema;
pub(crate) mod serve;
pub(crate) mod show;
pub(crate) mod store;
pub(crate) mod why;

/// Says how a run ended or why it parked, and gives the exit code. Prints the output on standard output.
async fn conclude(
    terminal: &Terminal,
    opened: &Opened,
    graph: &Arc<Graph>,
    head: &Head,
    json: bool,
) -> Result<Exit, Error> {
    if json {
        terminal.data(&tables::head_json(head).to_string())?;
    }
    let (program, store, run) = (&terminal.program, store_option(&opened.dir), &head.run);
    let output = head.outcome.get("output").filter(|output| !output.is_null());
    let cost = if head.cost_usd > 0.0 { format!(", {}", human::money(head.cost_usd)) } else { String::new() };
    let took = human::span(head.updated.since(head.created));
    match head.status {
        Status::Succeeded | Status::Stopped => {
            if head.status == Status::Stopped {
                let node = head.outcome.get("node").and_then(|node| node.as_str()).unwrap_or_default();
                terminal.notice(YELLOW, "stopped", &format!("by `{node}`: {}", tables::outcome(head, 300)));
            }
            if let Some(output) = output.filter(|_| !json) {
                terminal.data(&human::pretty(output))?;
            }
            terminal.notice(GREEN, head.status.as_str(), &format!("run {run} in {took}{cost}"));
            Ok(Exit::Fine)
        }
        Status::Waiting => {
            let tasks = opened.engine.store.tasks(true, Some(run.clone())).await?;
            let calls = opened.engine.callbacks(graph, run).await?;
            let mut steps = vec![];
            for call in &calls {
                terminal.notice(YELLOW, "waiting", &format!("`{}` waits for a call from outside", call.instance));
            }
            for task in &tasks {
                terminal.notice(YELLOW, "waiting", &format!("`{}` asks: {}", task.instance, task.question.title));
            }
            if tasks.is_empty() && (calls.is_empty() || head.wake.is_some()) {
                let wake = head.wake.map(|wake| format!(" until {}", human::utc(wake))).unwrap_or_default();
                terminal.notice(YELLOW, "waiting", &format!("run {run}{wake}"));
                steps.push(("go on when it is time", format!("{program} resume{store}")));
            }
            if let Some(call) = calls.first() {
                steps.push(("make the call", callback::example(terminal, opened, call)));
            }
            if !tasks.is_empty() {
                steps.push(("see what is asked", format!("{program} inbox{store}")));
            }
            if let Some(task) = tasks.first() {
                let action = task.question.actions.first().map_or("ACTION", String::as_str);
                steps.push(("answer", format!("{program} answer {} {action}{store}", quoted(&task.id))));
            }
            terminal.next(&steps);
            Ok(Exit::Fine)
        }
        Status::Failed => {
            terminal.error(&failure(graph, head));
            terminal.next(&[
                ("see what happened", format!("{program} show {run}{store}")),
                ("see why", format!("{program} why {run}{store}")),
            ]);
            Ok(Exit::Failed)
        }
        Status::Cancelled => {
            terminal.notice(RED, "cancelled", &format!("run {run}: {}", tables::outcome(head, 200)));
            Ok(Exit::Failed)
        }
        Status::Quarantined => Ok(set_aside(terminal, head, &store)),
        Status::Running => {
            let text = format!("run {run} is not finished; `{program} resume {run}{store}` goes on");
            terminal.notice(YELLOW, "running", &text);
            Ok(Exit::Failed)
        }
    }
}

/// Says that a run is left alone, and what can be done.
fn set_aside(terminal: &Terminal, head: &Head, store: &str) -> Exit {
    let (program, run) = (&terminal.program, &head.run);
    let text = format!("run {run}: processes died with it in hand again and again, so it is left alone");
    terminal.notice(RED, "quarantined", &text);
    terminal.next(&[
        ("see where it is", format!("{program} why {run}{store}")),
        ("take it up all the same", format!("{program} resume {run}{store}")),
        ("end it", format!("{program} cancel {run}{store}")),
    ]);
    Exit::Failed
}

/// A failed run as an error that names the node's own line.
fn failure(graph: &Graph, head: &Head) -> Error {
    let stored = head.outcome.get("failure").cloned().unwrap_or_default();
    let failure: Option<Failure> = serde_json::from_value(stored).ok();
    let node: Option<InstancePath> =
        head.outcome.get("node").cloned().and_then(|node| serde_json::from_value(node).ok()).flatten();
    let place = node.as_ref().map(|node| {
        let at = graph.node(node.as_str()).map(|(_, def)| format!(" ({})", graph.sources.position(def.at)));
        format!(" at node `{node}`{}", at.unwrap_or_default())
    });
    let mut error = Error::new(Exit::Failed, format!("run {} failed{}", head.run, place.unwrap_or_default()));
    if let Some(failure) = failure {
        error.causes.push(format!("{}: {}", failure.class.as_str(), failure.message));
        error.causes.extend(failure.causes);
    }
    error
}

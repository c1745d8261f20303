//! `uzel store check`: reads everything in the store, and says what is not as it was written.

use std::{collections::BTreeMap, sync::Arc};

use clap::Args;
use serde_json::{Value, json};
use uzel_core::{diagnostic::Code, graph::Graph};
use uzel_runtime::{
    engine::verify,
    release,
    store::sqlite::check::{Checked, Problem, check},
};

use crate::{
    cli::Global,
    exit::{Error, Exit},
    project::{store_of, store_option},
    render::{DIM, GREEN, Terminal, human},
};

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(terminal: &Terminal, global: &Global, arguments: &Arguments) -> Result<Exit, Error> {
    let dir = store_of(global)?;
    let (mut graphs, mut unread) = (BTreeMap::<String, Option<Arc<Graph>>>::new(), 0_u64);
    let checked = check(&dir, &mut |subject| {
        let graph = graphs
            .entry(subject.head.release.to_string())
            .or_insert_with(|| release::graph_of(subject.release, &uzel_std::catalog()).ok());
        match graph {
            Some(graph) => verify::disagreements(graph, subject.head, &subject.events, &subject.open),
            None => {
                unread += 1;
                vec![]
            }
        }
    })?;
    if arguments.json {
        terminal.data(&human::pretty(&as_json(&checked, unread)))?;
    } else {
        terminal.data(&lines(&checked.problems))?;
    }
    if unread > 0 {
        let text =
            format!("{} of releases that this program cannot read were not compared with their logs", runs(unread));
        terminal.notice(DIM, "note", &text);
    }
    if checked.half_pruned > 0 {
        terminal.notice(
            DIM,
            "note",
            &format!("{} half taken out; the next `prune` goes on", runs(checked.half_pruned)),
        );
    }
    if checked.is_whole() {
        let counts = format!(
            "{}, {}, {}, {}, {}; format {}",
            runs(checked.runs),
            plural(checked.records, "record"),
            plural(checked.tasks, "question"),
            plural(checked.releases, "release"),
            plural(checked.blobs, "large value"),
            checked.format
        );
        terminal.notice(GREEN, "whole", &counts);
        return Ok(Exit::Fine);
    }
    let count = checked.problems.len() as u64 + checked.left_out;
    let heading = format!("the store `{}` is damaged: {}", dir.display(), plural(count, "problem"));
    let restore = format!("{} store restore FILE --replace{}", terminal.program, store_option(&dir));
    Err(Error::new(Exit::Failed, heading)
        .code(Code::STORE_DAMAGED)
        .hint(format!("bring a backup back with `{restore}`; what is damaged stays beside it")))
}

/// Problems, one a line.
pub(super) fn lines(problems: &[Problem]) -> String {
    let lines: Vec<String> =
        problems.iter().map(|problem| human::cut(&format!("{}: {}", problem.what, problem.cause), 500)).collect();
    lines.join("\n")
}

fn plural(n: u64, word: &str) -> String {
    human::plural(usize::try_from(n).unwrap_or(usize::MAX), word)
}

fn runs(n: u64) -> String {
    plural(n, "run")
}

fn as_json(checked: &Checked, unread: u64) -> Value {
    let problems: Vec<Value> =
        checked.problems.iter().map(|problem| json!({ "what": problem.what, "cause": problem.cause })).collect();
    json!({
        "whole": checked.is_whole(), "format": checked.format, "runs": checked.runs, "records": checked.records,
        "tasks": checked.tasks, "releases": checked.releases, "blobs": checked.blobs,
        "idle_blobs": checked.idle_blobs, "half_pruned": checked.half_pruned, "not_compared": unread,
        "problems": problems, "left_out": checked.left_out,
    })
}

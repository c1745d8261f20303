//! `uzel run`: one run of an app, or one for each line of a file.

use std::{num::NonZeroUsize, sync::Arc, time::Duration};

use clap::Args;
use uzel_core::{check::Choices, duration, event::RunId, graph::Graph, store::Head};
use uzel_runtime::{
    driver::{Nobody, Watcher},
    engine::{MOST_CRASHES, Start},
    world::{RealWorld, World},
};

use super::conclude;
use crate::{
    batch::{Batch, Settings},
    cli::{AppChoice, Global, OutsideChoice},
    environment,
    exit::{Error, Exit},
    inputs,
    opened::{Opened, block_on},
    pool::{Job, Work, drive_one},
    project::{Project, store_option},
    render::{DIM, Terminal, YELLOW},
};

mod voice;

pub(crate) use voice::Voice;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    app: AppChoice,
    /// Input: NAME=VALUE, a JSON object, or @FILE.json; several are merged
    #[arg(short, long = "input", value_name = "INPUT")]
    input: Vec<String>,
    /// Run once for each line of a file of JSON objects (`-` for standard input)
    #[arg(long, value_name = "FILE.jsonl", conflicts_with_all = ["input", "id", "stream"])]
    inputs: Option<String>,
    /// Runs at a time
    #[arg(long, value_name = "N", default_value = "4")]
    parallel: NonZeroUsize,
    /// Leave runs of a batch alone that so many processes died with
    #[arg(long, value_name = "N", default_value_t = MOST_CRASHES, value_parser = clap::value_parser!(u32).range(1..))]
    max_crashes: u32,
    /// Count the values of these fields of the output at the end
    #[arg(long, value_name = "FIELD,…", value_delimiter = ',', requires = "inputs")]
    summary: Vec<String>,
    /// Name of the batch; lines of the same name are the same runs [default: from the app and the file]
    #[arg(long, value_name = "NAME", requires = "inputs")]
    batch: Option<String>,
    /// Print each run as one line of JSON
    #[arg(long)]
    json: bool,
    /// Call no tool that writes
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    outside: OutsideChoice,
    /// Set a flag of the app: NAME=VALUE, or NAME for true
    #[arg(long = "flag", value_name = "NAME=VALUE")]
    flags: Vec<String>,
    /// Who starts it [default: the system's user]
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
    /// Id of the run; the same id again goes on with the same run
    #[arg(long, value_name = "RUN")]
    id: Option<String>,
    /// Show a model's text as it comes
    #[arg(long)]
    stream: bool,
    /// Stay for timers that go off within this time; a run that waits longer is parked [default: 1m]
    #[arg(long, value_name = "TIME", value_parser = duration::parse, conflicts_with = "inputs")]
    wait: Option<Duration>,
}

pub(crate) fn run(terminal: &Terminal, global: &Global, arguments: &Arguments) -> Result<Exit, Error> {
    let project = Project::find(&arguments.app.app)?;
    let choices = project.choices(&arguments.outside)?;
    if let Some(id) = &arguments.id {
        check_id(id)?;
    }
    let reading = project.read_or_report(terminal, &choices)?;
    let Some(graph) = reading.graph else { return Err(Error::said(Exit::Failed)) };
    let flags = inputs::flags(&graph, &arguments.flags)?;
    let by = arguments.by.clone().unwrap_or_else(environment::person);
    let dir = project.store(global);
    if let Some(path) = &arguments.inputs {
        let text = inputs::lines_of(path)?;
        let settings = Settings {
            by: &by,
            flags: &flags,
            dry_run: arguments.dry_run,
            parallel: arguments.parallel,
            max_crashes: arguments.max_crashes,
            summary: &arguments.summary,
            json: arguments.json,
        };
        let opened = Opened::own(&dir, terminal, Arc::new(Nobody))?;
        return block_on(batch(terminal, &opened, &project, &graph, &choices, arguments, text, settings));
    }
    let input = inputs::values("--input", &arguments.input, &graph.inputs.ty)?;
    let input = inputs::checked(&graph, input)?;
    let watcher: Arc<dyn Watcher> = Arc::new(Voice::new(terminal, arguments.stream));
    let mut opened = Opened::own(&dir, terminal, watcher)?;
    if let Some(wait) = arguments.wait {
        opened.patience = wait;
    }
    let id = RunId::from(arguments.id.clone().unwrap_or_else(|| RealWorld::default().id()));
    let start = Start { id: Some(id), input, by: Some(by), flags, dry_run: arguments.dry_run, batch: None };
    block_on(single(terminal, &opened, &project, &graph, &choices, start, arguments.json))
}

#[expect(clippy::too_many_arguments, reason = "called once, to leave the synchronous world")]
async fn batch(
    terminal: &Terminal,
    opened: &Opened,
    project: &Project,
    graph: &Arc<Graph>,
    choices: &Choices,
    arguments: &Arguments,
    text: String,
    settings: Settings<'_>,
) -> Result<Exit, Error> {
    let (release, app) = opened.prepare(project, graph, choices)?;
    let batch = Batch::read(text, arguments.batch.as_deref(), &release.id, graph, &settings);
    batch.report_bad_lines(terminal, arguments.inputs.as_deref().unwrap_or("-"));
    opened.engine.store.put_release(release.clone()).await?;
    batch.run(opened, &app, &release.id, &settings, terminal).await
}

async fn single(
    terminal: &Terminal,
    opened: &Opened,
    project: &Project,
    graph: &Arc<Graph>,
    choices: &Choices,
    start: Start,
    json: bool,
) -> Result<Exit, Error> {
    let id = start.id.clone().unwrap_or_else(|| RunId::from(opened.engine.shared.world.id()));
    if let Some(head) = opened.engine.store.head(id.clone()).await? {
        return go_on(terminal, opened, &head, json).await;
    }
    let (release, app) = opened.prepare(project, graph, choices)?;
    opened.engine.store.put_release(release.clone()).await?;
    terminal.notice(DIM, "run", id.as_str());
    let job = Job { app: Arc::clone(&app), work: Work::Start(release.id, Box::new(start)) };
    drive(terminal, opened, graph, &id, job, json).await
}

/// A run that exists: its outcome if it has ended, else it goes on.
async fn go_on(terminal: &Terminal, opened: &Opened, head: &Head, json: bool) -> Result<Exit, Error> {
    let graph = opened.graph_of(head).await?;
    if head.status.is_final() {
        terminal.notice(DIM, "run", &format!("{} has ended before; nothing is repeated", head.run));
        return conclude(terminal, opened, &graph, head, json).await;
    }
    terminal.notice(DIM, "run", &format!("{} goes on", head.run));
    let app = opened.app_of(head).await?;
    drive(terminal, opened, &graph, &head.run, Job { app, work: Work::Resume(head.run.clone()) }, json).await
}

/// Drives one run, and says what came of it.
pub(crate) async fn drive(
    terminal: &Terminal,
    opened: &Opened,
    graph: &Arc<Graph>,
    id: &RunId,
    job: Job,
    json: bool,
) -> Result<Exit, Error> {
    match drive_one(&opened.engine, job, opened.patience).await? {
        Some(head) => conclude(terminal, opened, graph, &head, json).await,
        None => {
            let command = format!("{} resume {id}{}", terminal.program, store_option(&opened.dir));
            terminal.notice(YELLOW, "interrupted", &format!("`{command}` goes on where it was"));
            Ok(Exit::Interrupted)
        }
    }
}

/// Ids stand in file names, addresses and shells.
pub(crate) fn check_id(id: &str) -> Result<(), Error> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if id.len() < 3 || id.len() > 100 || !id.chars().all(plain) {
        return Err(Error::usage(format!("`{id}` cannot be the id of a run"))
            .hint("use 3 to 100 letters, digits, `-`, `_` and `.`"));
    }
    Ok(())
}

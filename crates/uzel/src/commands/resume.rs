//! `uzel resume`: goes on with one run, or with all that were cut off or whose time has come.

use std::{num::NonZeroUsize, sync::Arc};

use clap::Args;
use uzel_core::store::{Filter, Head, Status};
use uzel_runtime::engine::MOST_CRASHES;

use super::{
    conclude,
    run::{Voice, drive},
};
use crate::{
    batch::is_due,
    cli::Global,
    exit::{Error, Exit},
    opened::{Opened, block_on},
    pool::{Ended, Job, Progressed, Work, drive_all},
    project::store_of,
    render::{Terminal, human::plural, progress::Progress, tables},
};

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Id of the run, or the beginning of one [default: all that can go on]
    run: Option<String>,
    /// Runs at a time
    #[arg(long, value_name = "N", default_value = "4")]
    parallel: NonZeroUsize,
    /// Leave runs alone that so many processes died with, unless they are named
    #[arg(long, value_name = "N", default_value_t = MOST_CRASHES, value_parser = clap::value_parser!(u32).range(1..))]
    max_crashes: u32,
    /// Print each run as one line of JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(terminal: &Terminal, global: &Global, arguments: &Arguments) -> Result<Exit, Error> {
    let opened = Opened::own_existing(&store_of(global)?, terminal, Arc::new(Voice::new(terminal, false)))?;
    block_on(async {
        match &arguments.run {
            Some(run) => one(terminal, &opened, run, arguments.json).await,
            None => all(terminal, &opened, arguments).await,
        }
    })
}

async fn one(terminal: &Terminal, opened: &Opened, run: &str, json: bool) -> Result<Exit, Error> {
    let head = opened.engine.find_run(run).await?;
    let graph = opened.graph_of(&head).await?;
    if head.status.is_final() {
        return conclude(terminal, opened, &graph, &head, json).await;
    }
    let app = opened.app_of(&head).await?;
    drive(terminal, opened, &graph, &head.run, Job { app, work: Work::Resume(head.run.clone()) }, json).await
}

async fn all(terminal: &Terminal, opened: &Opened, arguments: &Arguments) -> Result<Exit, Error> {
    let filter = Filter { statuses: vec![Status::Running, Status::Waiting], ..Filter::default() };
    let now = opened.now();
    let heads: Vec<Head> =
        opened.engine.store.heads(filter).await?.into_iter().filter(|head| is_due(head, now)).collect();
    if heads.is_empty() {
        terminal.say("nothing to go on with: no run was cut off, and none is due");
        return Ok(Exit::Fine);
    }
    let (mut jobs, mut stuck) = (vec![], 0);
    // Oldest first; a run whose app cannot be made must not hold up the others.
    for head in heads.iter().rev() {
        match opened.app_of(head).await {
            Ok(app) => jobs.push(Job { app, work: Work::TakeUp(head.run.clone(), arguments.max_crashes) }),
            Err(error) => {
                terminal.error(&error);
                stuck += 1;
            }
        }
    }
    let world = Arc::clone(&opened.engine.shared.world);
    let mut progress = Progress::new(terminal, jobs.len(), [].into(), world.elapsed());
    let mut failed = stuck > 0;
    let ended = drive_all(&opened.engine, jobs.into_iter(), arguments.parallel, terminal, |progressed| {
        match progressed {
            Progressed::Time => progress.look(world.elapsed()),
            Progressed::Run(head) => {
                failed |= matches!(head.status, Status::Failed | Status::Quarantined);
                progress.done(head.status, world.elapsed());
                let line = if arguments.json {
                    tables::head_json(head).to_string()
                } else {
                    format!("{}  {:9}  {}", head.run, head.status.as_str(), tables::outcome(head, 80))
                };
                return progress.aside(|| terminal.data(line.trim_end()));
            }
        }
        Ok(())
    })
    .await?;
    progress.finish(world.elapsed());
    if stuck > 0 {
        terminal.say(&format!("{} left alone: see the errors above", plural(stuck, "run")));
    }
    Ok(match ended {
        Ended::Interrupted => Exit::Interrupted,
        Ended::Done if failed => Exit::Failed,
        Ended::Done => Exit::Fine,
    })
}

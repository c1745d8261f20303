//! A run for each line of a file: which lines are left to do, progress, and what came of it. Called by `uzel run`.

use std::{
    collections::{BTreeMap, BTreeSet},
    num::NonZeroUsize,
    sync::Arc,
};

use serde_json::Value;
use uzel_core::{
    build::App,
    event::{ReleaseId, Time},
    graph::Graph,
    hash,
    store::{Filter, Head, Status, Task},
};
use uzel_runtime::engine::{Start, batch_run, check_input};

use crate::{
    exit::{Error, Exit},
    opened::Opened,
    pool::{Ended, Job, Progressed, Work, drive_all},
    project::{quoted, store_option},
    render::{
        RED, Terminal, YELLOW,
        human::plural,
        progress::Progress,
        tables::{self, Summary},
    },
};

/// At most so many bad lines are shown one by one.
const MOST_SHOWN: usize = 20;

/// A file of inputs.
pub(crate) struct Batch {
    /// Its name: runs of the same name and line are the same run.
    pub(crate) name: String,
    text: String,
    /// Lines with an input that fits: number from 0.
    good: Vec<usize>,
    bad: Vec<(usize, String)>,
}

/// What all lines have in common.
pub(crate) struct Settings<'a> {
    pub(crate) by: &'a str,
    pub(crate) flags: &'a BTreeMap<String, Value>,
    pub(crate) dry_run: bool,
    pub(crate) parallel: NonZeroUsize,
    pub(crate) max_crashes: u32,
    pub(crate) summary: &'a [String],
    pub(crate) json: bool,
}

impl Batch {
    /// Looks at every line before anything runs.
    pub(crate) fn read(
        text: String,
        name: Option<&str>,
        release: &ReleaseId,
        graph: &Graph,
        settings: &Settings<'_>,
    ) -> Self {
        let name = name.map_or_else(|| batch_name(&text, release, settings), str::to_owned);
        let (mut good, mut bad) = (vec![], vec![]);
        for (n, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            match input(line).and_then(|input| check_input(graph, input).map_err(|error| error.to_string())) {
                Ok(_) => good.push(n),
                Err(cause) => bad.push((n, cause)),
            }
        }
        Self { name, text, good, bad }
    }

    /// Says which lines are left out, and why.
    pub(crate) fn report_bad_lines(&self, terminal: &Terminal, path: &str) {
        for (n, cause) in self.bad.iter().take(MOST_SHOWN) {
            terminal.insist(&format!(
                "{}: {path}:{}: {cause}",
                super::render::paint(terminal.colour_err, RED, "error"),
                n + 1
            ));
        }
        if let Some(more) = self.bad.len().checked_sub(MOST_SHOWN).filter(|more| *more > 0) {
            terminal.insist(&format!("… and {}", plural(more, "more bad line")));
        }
        if !self.bad.is_empty() {
            let text = format!("{} left out; the others go on", plural(self.bad.len(), "line"));
            terminal.notice(YELLOW, "warning", &text);
        }
    }

    /// Runs what is left to do.
    pub(crate) async fn run(
        &self,
        opened: &Opened,
        app: &Arc<App>,
        release: &ReleaseId,
        settings: &Settings<'_>,
        terminal: &Terminal,
    ) -> Result<Exit, Error> {
        let world = Arc::clone(&opened.engine.shared.world);
        let began = world.elapsed();
        let known = self.known(opened).await?;
        let left = self.left(&known, opened, app, settings.max_crashes).await?;
        let before = self.good.len() - left.len();
        let mut progress = Progress::new(terminal, self.good.len(), known_done(&known, &left), world.elapsed());
        if before > 0 {
            let text =
                format!("{} of {} were done before and are not repeated", before, plural(self.good.len(), "line"));
            terminal.notice(YELLOW, "going on", &text);
        }
        let lines: Vec<&str> = self.text.lines().collect();
        let jobs = left.into_iter().map(|(n, resume)| match resume {
            Some(job) => job,
            None => self.start(n, &lines, app, release, settings),
        });
        let mut ran = 0;
        let ended = drive_all(&opened.engine, jobs, settings.parallel, terminal, |progressed| {
            let now = world.elapsed();
            match progressed {
                Progressed::Time => progress.look(now),
                Progressed::Run(head) => {
                    ran += 1;
                    progress.done(head.status, now);
                    if settings.json {
                        let line = tables::head_json(head).to_string();
                        return progress.aside(|| terminal.data(&line));
                    }
                }
            }
            Ok(())
        })
        .await?;
        progress.finish(world.elapsed());
        let took = world.elapsed().saturating_sub(began);
        let all: Vec<Head> = self.known(opened).await?.into_values().collect();
        let ids: BTreeSet<&str> = all.iter().map(|head| head.run.as_str()).collect();
        let mut tasks = opened.engine.store.tasks(true, None).await?;
        tasks.retain(|task| ids.contains(task.run.as_str()));
        let summary = Summary { heads: &all, tasks: &tasks, fields: settings.summary, bad: self.bad.len(), ran, took };
        if !settings.json {
            terminal.data(&summary.table())?;
        }
        let settled = all.iter().filter(|head| head.status != Status::Running).count();
        let missing = self.good.len().saturating_sub(settled);
        if ended == Ended::Interrupted && missing > 0 {
            let text = format!("{} left; type the same command again to go on", plural(missing, "line"));
            terminal.notice(YELLOW, "interrupted", &text);
            return Ok(Exit::Interrupted);
        }
        next(terminal, opened, &all, &tasks);
        let failed =
            all.iter().any(|head| matches!(head.status, Status::Failed | Status::Cancelled | Status::Quarantined));
        Ok(if failed || !self.bad.is_empty() { Exit::Failed } else { Exit::Fine })
    }

    /// Rows of this batch, by line.
    async fn known(&self, opened: &Opened) -> Result<BTreeMap<u64, Head>, Error> {
        let filter = Filter { batch: Some(self.name.clone()), ..Filter::default() };
        let heads = opened.engine.store.heads(filter).await?;
        Ok(heads.into_iter().filter_map(|head| Some((head.batch.as_ref()?.1, head))).collect())
    }

    /// Lines to do: new ones, and those that were cut off or whose time has come.
    async fn left(
        &self,
        known: &BTreeMap<u64, Head>,
        opened: &Opened,
        app: &Arc<App>,
        max_crashes: u32,
    ) -> Result<Vec<(usize, Option<Job>)>, Error> {
        let now = opened.now();
        let mut left = vec![];
        for n in &self.good {
            match known.get(&(*n as u64)) {
                None => left.push((*n, None)),
                Some(head) if is_due(head, now) => {
                    // A batch that has a name may have been begun with an older form of the app.
                    let own = app_of(opened, head, app).await?;
                    left.push((*n, Some(Job { app: own, work: Work::TakeUp(head.run.clone(), max_crashes) })));
                }
                Some(_) => {}
            }
        }
        Ok(left)
    }

    fn start(&self, n: usize, lines: &[&str], app: &Arc<App>, release: &ReleaseId, settings: &Settings<'_>) -> Job {
        let start = Start {
            id: Some(batch_run(&self.name, n as u64)),
            // The line has been read before; a line that cannot be read is no good one.
            input: lines.get(n).and_then(|line| input(line).ok()).unwrap_or_default(),
            by: Some(settings.by.to_owned()),
            flags: settings.flags.clone(),
            dry_run: settings.dry_run,
            batch: Some((self.name.clone(), n as u64)),
        };
        Job { app: Arc::clone(app), work: Work::Start(release.clone(), Box::new(start)) }
    }
}

async fn app_of(opened: &Opened, head: &Head, app: &Arc<App>) -> Result<Arc<App>, Error> {
    // `Opened` remembers the app of this command, so this reads the store only for other releases.
    let own = opened.app_of(head).await?;
    Ok(if Arc::ptr_eq(&own, app) { Arc::clone(app) } else { own })
}

/// Whether a run of which there is a row is to be taken up.
pub(crate) fn is_due(head: &Head, now: Time) -> bool {
    match head.status {
        Status::Running => true,
        Status::Waiting => head.wake.is_some_and(|wake| wake <= now),
        _ => false,
    }
}

fn known_done(known: &BTreeMap<u64, Head>, left: &[(usize, Option<Job>)]) -> BTreeMap<Status, usize> {
    let left: BTreeSet<u64> = left.iter().map(|(n, _)| *n as u64).collect();
    let mut counts = BTreeMap::new();
    for (_, head) in known.iter().filter(|(n, _)| !left.contains(n)) {
        *counts.entry(head.status).or_default() += 1;
    }
    counts
}

fn input(line: &str) -> Result<Value, String> {
    match serde_json::from_str(line) {
        Ok(input @ Value::Object(_)) => Ok(input),
        Ok(_) => Err("the line must be a JSON object".to_owned()),
        Err(error) => Err(format!("the line is not JSON: {} (column {})", words(&error), error.column())),
    }
}

/// What the JSON reader says, without its own count of lines.
fn words(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.split(" at line ").next().unwrap_or(&text).to_owned()
}

/// The same app, inputs and options are the same batch, so that a command typed again goes on.
fn batch_name(text: &str, release: &ReleaseId, settings: &Settings<'_>) -> String {
    let flags = if settings.flags.is_empty() { String::new() } else { hash::of_json(settings.flags) };
    let dry = if settings.dry_run { "dry" } else { "" };
    let mut name = hash::of_parts([release.as_str().as_bytes(), text.as_bytes(), flags.as_bytes(), dry.as_bytes()]);
    name.truncate(12);
    name
}

/// What to type next, with real names.
fn next(terminal: &Terminal, opened: &Opened, heads: &[Head], tasks: &[Task]) {
    let (program, store) = (&terminal.program, store_option(&opened.dir));
    let mut steps = vec![];
    let waiting = tasks.iter().find(|task| task.question.actions.iter().any(|action| action == "approve"));
    let waiting = waiting.or(tasks.first());
    let failed = heads.iter().find(|head| head.status == Status::Failed);
    let run = failed.map(|head| &head.run).or(waiting.map(|task| &task.run)).or(heads.first().map(|head| &head.run));
    if let Some(run) = run {
        let what = if failed.is_some() { "see why a run failed" } else { "look at one run" };
        steps.push((what, format!("{program} show {run}{store}")));
    }
    if let Some(task) = waiting {
        let action = task.question.actions.first().map_or("ACTION", String::as_str);
        steps.push(("see what waits for a person", format!("{program} inbox{store}")));
        steps.push(("answer one", format!("{program} answer {} {action}{store}", quoted(&task.id))));
    }
    terminal.next(&steps);
}

//! `uzel release`: which releases runs are pinned to, what another one means to them, and pinning a run to it.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use clap::{Args, Subcommand};
use serde_json::{Value, json};
use uzel_core::{
    check::Choices,
    diagnostic::Code,
    event::ReleaseId,
    graph::{Graph, diff::compare},
    run::migrate::{Judged, Verdict, judge},
    store::{Filter, Head, Release, Status},
};
use uzel_runtime::{driver::Nobody, release};

use crate::{
    cli::Global,
    environment,
    exit::{Error, Exit},
    opened::{Opened, block_on},
    project::{Project, store_of},
    render::{GREEN, RED, Terminal, YELLOW, human, paint, tables},
};

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List the releases that runs are pinned to, newest first; works while another process runs
    List(ListArguments),
    /// Tell what is otherwise in another release, and what that means to runs; works while another process runs
    Diff(DiffArguments),
    /// Have a run that has not ended go on with another release
    Migrate(MigrateArguments),
}

#[derive(Debug, Args)]
struct ListArguments {
    /// Print each release as one line of JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
#[command(
    after_help = "A run continues (what it still has to do is the same in both), can migrate (what it has done fits the \
    other release), stays pinned (it does not: the run goes on with its own) or breaks (its own release cannot be read any \
    more). Exit codes: 0 no run breaks, 1 one does; without `--runs` those of diff."
)]
struct DiffArguments {
    /// Release, or the beginning of its id, as `uzel release list` shows it
    #[arg(value_name = "A")]
    old: String,
    /// Another release, or an app file that is not released yet
    #[arg(value_name = "B")]
    new: String,
    /// For each run of A that has not ended: what B means to it
    #[arg(long)]
    runs: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct MigrateArguments {
    /// Id of the run, or the beginning of one
    run: String,
    /// The release, or an app file
    #[arg(long, value_name = "RELEASE")]
    to: String,
    /// Who does it [default: the system's user]
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
}

pub(crate) fn run(terminal: &Terminal, global: &Global, arguments: &Arguments) -> Result<Exit, Error> {
    let dir = store_of(global)?;
    match &arguments.command {
        Command::List(arguments) => {
            let opened = Opened::read_only(&dir, terminal)?;
            block_on(list(terminal, &opened, arguments.json))
        }
        Command::Diff(arguments) => {
            let opened = Opened::read_only(&dir, terminal)?;
            block_on(diff(terminal, &opened, arguments))
        }
        Command::Migrate(arguments) => {
            let opened = Opened::own_existing(&dir, terminal, Arc::new(Nobody))?;
            block_on(migrate(terminal, &opened, arguments))
        }
    }
}

/// So many characters name a release.
const SHORT: usize = 12;

fn short(id: &ReleaseId) -> String {
    id.as_str().chars().take(SHORT).collect()
}

/// The runs of each release.
async fn by_release(opened: &Opened) -> Result<BTreeMap<ReleaseId, Vec<Head>>, Error> {
    let mut releases: BTreeMap<ReleaseId, Vec<Head>> = BTreeMap::new();
    for head in opened.engine.store.heads(Filter::default()).await? {
        releases.entry(head.release.clone()).or_default().push(head);
    }
    Ok(releases)
}

async fn list(terminal: &Terminal, opened: &Opened, as_json: bool) -> Result<Exit, Error> {
    let mut found: Vec<(Release, Vec<Head>)> = vec![];
    for (id, heads) in by_release(opened).await? {
        if let Some(release) = opened.engine.store.release(id).await? {
            found.push((release, heads));
        }
    }
    found.sort_by_key(|(release, _)| std::cmp::Reverse(release.created));
    if found.is_empty() {
        terminal.say("no releases: no run has begun");
        return Ok(Exit::Fine);
    }
    if as_json {
        for (release, heads) in &found {
            let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
            for head in heads {
                *counts.entry(head.status.as_str()).or_default() += 1;
            }
            let line = json!({
                "release": release.id, "app": release.app, "path": release.path, "created_ms": release.created,
                "runs": heads.len(), "statuses": counts,
            });
            terminal.data(&line.to_string())?;
        }
        return Ok(Exit::Fine);
    }
    let mut table = tables::table();
    table.set_header(["release", "app", "made", "runs", "open"]);
    for (release, heads) in &found {
        let open = heads.iter().filter(|head| !head.status.is_final()).count();
        let made = human::relative(release.created, opened.now());
        table.add_row([short(&release.id), release.app.clone(), made, heads.len().to_string(), open.to_string()]);
    }
    terminal.data(&tables::lines(&table))?;
    Ok(Exit::Fine)
}

/// A release of the store by the beginning of its id; the runs' own, in the order of ids.
async fn find(opened: &Opened, name: &str) -> Result<Option<Release>, Error> {
    if name.len() < 4 {
        return Ok(None);
    }
    if let Some(release) = opened.engine.store.release(ReleaseId::from(name)).await? {
        return Ok(Some(release));
    }
    let known = by_release(opened).await?;
    let mut matching = known.keys().filter(|id| id.as_str().starts_with(name));
    match (matching.next(), matching.next()) {
        (Some(id), None) => Ok(opened.engine.store.release(id.clone()).await?),
        _ => Ok(None),
    }
}

fn unknown(name: &str) -> Error {
    Error::usage(format!("there is no release `{name}`"))
        .hint("`uzel release list` lists those that runs are pinned to; at least 4 characters name one")
}

/// A release of the store, or what an app file would be as one.
async fn find_or_read(terminal: &Terminal, opened: &Opened, name: &str) -> Result<(Release, Arc<Graph>), Error> {
    let path = PathBuf::from(name);
    if !path.exists() {
        let release = find(opened, name).await?.ok_or_else(|| unknown(name))?;
        let graph = graph_of(&release)?;
        return Ok((release, graph));
    }
    let project = Project::find(&path)?;
    let choices = Choices::default();
    let reading = project.read_or_report(terminal, &choices)?;
    let graph = reading.graph.ok_or_else(|| Error::said(Exit::Usage))?;
    let full = project.full_path();
    let release = release::of_graph(&graph, &full.display().to_string(), &choices, opened.now());
    Ok((release, graph))
}

fn graph_of(release: &Release) -> Result<Arc<Graph>, Error> {
    release::graph_of(release, &uzel_std::catalog())
        .map_err(|cause| Error::environment("the release cannot be read by this program").cause(cause))
}

async fn diff(terminal: &Terminal, opened: &Opened, arguments: &DiffArguments) -> Result<Exit, Error> {
    let old = find(opened, &arguments.old).await?.ok_or_else(|| unknown(&arguments.old))?;
    let (new, new_graph) = find_or_read(terminal, opened, &arguments.new).await?;
    if !arguments.runs {
        let difference = compare(&*graph_of(&old)?, &new_graph);
        let text = if arguments.json { human::pretty(&difference.json()) } else { difference.text() };
        terminal.data(&text)?;
        if difference.is_empty() {
            terminal.notice(GREEN, "same", "both do the same");
            return Ok(Exit::Fine);
        }
        return Ok(Exit::Failed);
    }
    let old_graph = graph_of(&old);
    let statuses = vec![Status::Running, Status::Waiting, Status::Quarantined];
    let heads = opened.engine.store.heads(Filter { statuses, ..Filter::default() }).await?;
    let heads: Vec<Head> = heads.into_iter().filter(|head| head.release == old.id).collect();
    let mut rows: Vec<(Head, Judged)> = vec![];
    for head in heads {
        let judged = match &old_graph {
            Err(error) => Judged { verdict: Verdict::Breaks, reasons: error.causes.clone() },
            Ok(graph) => {
                let looked = opened.engine.look(graph, &head.run).await?;
                judge(&looked.run, &looked.log, &new_graph)
            }
        };
        rows.push((head, judged));
    }
    let breaks = rows.iter().any(|(_, judged)| judged.verdict == Verdict::Breaks);
    show(terminal, &rows, &new, arguments)?;
    Ok(if breaks { Exit::Failed } else { Exit::Fine })
}

fn show(terminal: &Terminal, rows: &[(Head, Judged)], new: &Release, arguments: &DiffArguments) -> Result<(), Error> {
    if arguments.json {
        let rows: Vec<Value> = rows
            .iter()
            .map(|(head, judged)| {
                json!({ "run": head.run, "status": head.status, "verdict": judged.verdict, "reasons": judged.reasons })
            })
            .collect();
        return terminal.data(&human::pretty(&json!({ "to": new.id, "runs": rows })));
    }
    if rows.is_empty() {
        terminal.say("no run of that release is open");
    }
    for (head, judged) in rows {
        let style = match judged.verdict {
            Verdict::Continues | Verdict::CanMigrate => GREEN,
            Verdict::StaysPinned => YELLOW,
            Verdict::Breaks => RED,
        };
        let verdict = paint(terminal.colour_out, style, judged.verdict.as_str());
        let why = judged.reasons.join("; ");
        let why = if why.is_empty() { why } else { format!(": {why}") };
        terminal.data(&format!("{}  {}  {verdict}{why}", head.run, head.status.as_str()))?;
    }
    Ok(())
}

async fn migrate(terminal: &Terminal, opened: &Opened, arguments: &MigrateArguments) -> Result<Exit, Error> {
    let head = opened.engine.find_run(&arguments.run).await?;
    let old = opened.graph_of(&head).await?;
    let (release, graph) = find_or_read(terminal, opened, &arguments.to).await?;
    if head.status.is_final() {
        return Err(Error::new(Exit::Failed, format!("run {} has ended: {}", head.run, head.status.as_str()))
            .code(Code::MIGRATION_REFUSED)
            .hint("`uzel fork` does a part of it again with another app"));
    }
    if head.release == release.id {
        terminal.notice(GREEN, "same", &format!("run {} is pinned to {} already", head.run, short(&release.id)));
        return Ok(Exit::Fine);
    }
    let looked = opened.engine.look(&old, &head.run).await?;
    let judged = judge(&looked.run, &looked.log, &graph);
    if !matches!(judged.verdict, Verdict::Continues | Verdict::CanMigrate) {
        let mut error = Error::new(Exit::Failed, format!("run {} cannot go on with that release", head.run))
            .code(Code::MIGRATION_REFUSED)
            .hint("it goes on with its own; `uzel fork` does a part of it again with another app");
        error.causes = judged.reasons;
        return Err(error);
    }
    opened.engine.store.put_release(release.clone()).await?;
    let by = Some(arguments.by.clone().unwrap_or_else(environment::person));
    let head = opened.engine.migrate(&graph, &release.id, &head.run, by).await?;
    terminal.notice(GREEN, "migrated", &format!("run {} goes on with {}", head.run, short(&release.id)));
    Ok(Exit::Fine)
}

//! `uzel retry` and `uzel fork`: a new run that begins with the records of another, after saying what is done again.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use clap::Args;
use serde_json::{Map, Value, json};
use uzel_core::{
    build::App,
    diagnostic::{Code, did_you_mean},
    event::{End, InstancePath, RunId},
    graph::Graph,
    run::{
        Run,
        fork::{Refused, Wish},
    },
    store::Release,
};
use uzel_runtime::engine::Looked;

use super::run::{Voice, check_id, drive};
use crate::{
    cli::{Global, OutsideChoice},
    environment,
    exit::{Error, Exit},
    opened::{Opened, block_on},
    pool::{Forking, Job, Work},
    project::{Project, store_of},
    render::{DIM, Terminal, YELLOW, fork as told, human},
};

const AFTER: &str = "Effects that are done again have new idempotency keys, because a key is made of the run's name: a \
    side that remembers keys does them a second time, too. Exit codes: 0 fine or only looked at, 1 the new run failed, 2 \
    writes would be repeated and `--yes` is missing, or the command is wrong.";

/// Options of both commands.
#[derive(Debug, Args)]
struct Common {
    /// Do it although calls that write are made again
    #[arg(long)]
    yes: bool,
    /// Only say what would be reused and what would be done again
    #[arg(long)]
    dry_run: bool,
    /// Who does it [default: the system's user]
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
    /// Id of the new run
    #[arg(long, value_name = "RUN")]
    id: Option<String>,
    /// Print what is reused and repeated as JSON with `--dry-run`, else the new run as one line
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = AFTER)]
pub(crate) struct RetryArguments {
    /// Id of the run, or the beginning of one
    run: String,
    /// The node from which all is done again [default: the one whose failure ended the run]
    #[arg(long, value_name = "NODE")]
    from: Option<String>,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, Args)]
#[command(after_help = AFTER)]
pub(crate) struct ForkArguments {
    /// Id of the run, or the beginning of one
    run: String,
    /// The node from which all is done again
    #[arg(long, value_name = "NODE", required_unless_present = "set")]
    at: Option<String>,
    /// Another app file, or a folder with an app.yaml
    #[arg(long, value_name = "APP")]
    with: Option<PathBuf>,
    /// What a node gives instead of what it gave: NODE.FIELD=VALUE or NODE=VALUE; all after it is done again
    #[arg(long, value_name = "NODE.FIELD=VALUE")]
    set: Vec<String>,
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    outside: OutsideChoice,
}

pub(crate) fn retry(terminal: &Terminal, global: &Global, arguments: &RetryArguments) -> Result<Exit, Error> {
    let opened = open(terminal, global, &arguments.common)?;
    block_on(async {
        let (looked, graph) = look(&opened, &arguments.run).await?;
        let at = match &arguments.from {
            Some(from) => InstancePath::from(from.as_str()),
            None => failed_at(&looked.run)?,
        };
        let wish = Wish { at: Some(at), set: BTreeMap::new() };
        make(terminal, &opened, &looked, &graph, None, &wish, &arguments.common, "retry").await
    })
}

pub(crate) fn fork(terminal: &Terminal, global: &Global, arguments: &ForkArguments) -> Result<Exit, Error> {
    if arguments.with.is_none() && !(arguments.outside.overlays.is_empty()) {
        return Err(Error::usage("`--overlay` goes over another app file").hint("name it with `--with APP`"));
    }
    let opened = open(terminal, global, &arguments.common)?;
    block_on(async {
        let (looked, own) = look(&opened, &arguments.run).await?;
        let other = match &arguments.with {
            None => None,
            Some(path) => {
                let project = Project::find(path)?;
                let choices = project.choices(&arguments.outside)?;
                let reading = project.read_or_report(terminal, &choices)?;
                let Some(graph) = reading.graph else { return Err(Error::said(Exit::Failed)) };
                let (release, app) = opened.prepare(&project, &graph, &choices)?;
                Some((release, app))
            }
        };
        let graph = other.as_ref().map_or(&own, |(_, app)| &app.graph);
        let set = settings(&looked.run, graph, &arguments.set)?;
        let wish = Wish { at: arguments.at.as_deref().map(InstancePath::from), set };
        make(terminal, &opened, &looked, &own, other, &wish, &arguments.common, "fork").await
    })
}

fn open(terminal: &Terminal, global: &Global, common: &Common) -> Result<Opened, Error> {
    if let Some(id) = &common.id {
        check_id(id)?;
    }
    Opened::own_existing(&store_of(global)?, terminal, Arc::new(Voice::new(terminal, false)))
}

async fn look(opened: &Opened, run: &str) -> Result<(Looked, Arc<Graph>), Error> {
    let head = opened.engine.find_run(run).await?;
    let graph = opened.graph_of(&head).await?;
    Ok((opened.engine.look(&graph, &head.run).await?, graph))
}

/// The innermost node whose failure ended a run.
fn failed_at(run: &Run) -> Result<InstancePath, Error> {
    let node = matches!(run.end(), Some(End::Failed { .. })).then(|| run.why(false).node).flatten();
    node.ok_or_else(|| {
        let heading = format!("no node of run `{}` ended it by its failure", run.id());
        Error::usage(heading).hint("name the node from which all is done again: `--from NODE`")
    })
}

#[expect(clippy::too_many_arguments, reason = "what both commands have found out")]
async fn make(
    terminal: &Terminal,
    opened: &Opened,
    looked: &Looked,
    own: &Arc<Graph>,
    other: Option<(Release, Arc<App>)>,
    wish: &Wish,
    common: &Common,
    verb: &str,
) -> Result<Exit, Error> {
    let graph = other.as_ref().map_or_else(|| Arc::clone(own), |(_, app)| Arc::clone(&app.graph));
    let fork =
        opened.engine.plan_fork(looked, &graph, wish).map_err(|refused| explain(&looked.run, &graph, refused))?;
    let writes = fork.repeated_writes().count();
    if common.dry_run {
        let text = if common.json {
            human::pretty(&told::json(&looked.head.run, &fork))
        } else {
            told::text(&looked.head.run, &fork, terminal.colour_out)
        };
        terminal.data(&text)?;
        return Ok(Exit::Fine);
    }
    terminal.say(told::text(&looked.head.run, &fork, terminal.colour_err).trim_end());
    if writes > 0 && !common.yes {
        let heading = format!("{} that write would be made again; nothing was done", human::plural(writes, "call"));
        return Err(Error::usage(heading)
            .code(Code::WRITES_REPEATED)
            .hint(format!("look at them above, then `{verb}` with `--yes`; `--dry-run` only looks")));
    }
    if !fork.still_failed.is_empty() {
        let names: Vec<String> = fork.still_failed.iter().map(|name| format!("`{name}`")).collect();
        let text = format!("{} failed and is not done again: what follows from that stays", names.join(", "));
        terminal.notice(YELLOW, "warning", &text);
    }
    let (release, app) = match other {
        Some((release, app)) => {
            opened.engine.store.put_release(release.clone()).await?;
            (release.id, app)
        }
        None => (looked.head.release.clone(), opened.app_of(&looked.head).await?),
    };
    let id = RunId::from(common.id.clone().unwrap_or_else(|| opened.engine.shared.world.id()));
    if opened.engine.store.head(id.clone()).await?.is_some() {
        return Err(Error::usage(format!("there is a run `{id}` already")).hint("choose another `--id`"));
    }
    terminal.notice(DIM, "run", &format!("{id}, from {}", looked.head.run));
    let by = Some(common.by.clone().unwrap_or_else(environment::person));
    let graph = Arc::clone(&app.graph);
    // It is accepted here: the records of the other run are its own from now on.
    let driver = opened.engine.fork(&app, &release, looked, fork, id.clone(), by).await?;
    let job = Job { app, work: Work::Forked(Forking(id.clone(), Box::new(driver))) };
    drive(terminal, opened, &graph, &id, job, common.json).await
}

fn explain(run: &Run, new: &Graph, refused: Refused) -> Error {
    let words = refused.to_string();
    match refused {
        Refused::Unknown(name) => super::why::unknown(run, name.as_str()),
        Refused::Gone(name) => {
            let near = did_you_mean(name.as_str(), new.nodes.keys().map(String::as_str));
            let error = Error::usage(words).code(Code::FORK_REFUSED);
            error.hint(near.unwrap_or_else(|| "name a node that both apps have".to_owned()))
        }
        Refused::NotOpened { instead, .. } => {
            Error::usage(words).code(Code::FORK_REFUSED).hint(format!("write `{instead}`"))
        }
        Refused::InDoubt(_) => Error::usage(words)
            .code(Code::FORK_REFUSED)
            .hint("`uzel resume` finds out or asks a person; or begin at that node or before it"),
        Refused::NotSet { .. } | Refused::Nothing => Error::usage(words).code(Code::FORK_REFUSED),
    }
}

/// What is set: `NODE=VALUE`, or fields of what a node gave: `NODE.FIELD=VALUE`.
fn settings(run: &Run, graph: &Graph, wanted: &[String]) -> Result<BTreeMap<InstancePath, Value>, Error> {
    let mut set: BTreeMap<InstancePath, Value> = BTreeMap::new();
    for text in wanted {
        let Some((path, value)) = text.split_once('=') else {
            return Err(
                Error::usage(format!("`--set {text}` is not understood")).hint("write `--set NODE.FIELD=VALUE`")
            );
        };
        let value = serde_json::from_str(value).unwrap_or_else(|_| Value::from(value));
        let (node, field) = node_and_field(graph, path);
        let node = InstancePath::from(node);
        if field.is_empty() {
            set.insert(node, value);
            continue;
        }
        let before = set.get(&node).cloned().or_else(|| run.output_of(&node).map(|value| Value::clone(&value)));
        let mut whole = before.filter(Value::is_object).unwrap_or_else(|| Value::Object(Map::new()));
        put(&mut whole, field, value).map_err(|why| Error::usage(format!("`--set {text}`: {why}")))?;
        set.insert(node, whole);
    }
    Ok(set)
}

/// The longest beginning of a path that names a node, and what follows it.
fn node_and_field<'p>(graph: &Graph, path: &'p str) -> (&'p str, &'p str) {
    let ends = std::iter::once(path.len()).chain(path.rmatch_indices('.').map(|(at, _)| at));
    for end in ends {
        if graph.at(&path[..end]).is_some() {
            return (&path[..end], path[end..].trim_start_matches('.'));
        }
    }
    path.split_once('.').unwrap_or((path, ""))
}

fn put(whole: &mut Value, field: &str, value: Value) -> Result<(), String> {
    let mut at = whole;
    for name in field.split('.') {
        at = match at {
            Value::Array(items) => {
                let count = items.len();
                name.parse()
                    .ok()
                    .and_then(|n: usize| items.get_mut(n))
                    .ok_or_else(|| format!("`{name}` is no item of a list of {count}"))?
            }
            Value::Object(fields) => fields.entry(name).or_insert(Value::Null),
            other if other.is_null() => {
                *other = json!({ name: null });
                &mut other[name]
            }
            other => return Err(format!("`{name}` is no field of {other}")),
        };
    }
    *at = value;
    Ok(())
}

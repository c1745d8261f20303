//! `uzel replay`: plays an exported run against an app, offline: what would be otherwise.

use std::{collections::BTreeMap, fmt::Write as _, path::PathBuf, sync::Arc};

use clap::Args;
use serde_json::json;
use uzel_core::{
    build::{Surroundings, build_offline},
    check::Choices,
    graph::Graph,
    run::{
        Run,
        differences::{Differs, differences},
    },
};
use uzel_runtime::{
    release,
    replay::{Replayed, replay},
};

use crate::{
    cli::OutsideChoice,
    exit::{Error, Exit},
    exported::Exported,
    opened::block_on,
    project::Project,
    render::{GREEN, Terminal, YELLOW, human},
};

#[derive(Debug, Args)]
#[command(
    after_help = "Nothing is called: results are looked up by the names of effects, and what has none ends there. Exit \
    codes, as those of diff: 0 the same, 1 different, 2 the file or the app cannot be read."
)]
pub(crate) struct Arguments {
    /// A file that `uzel export` wrote
    file: PathBuf,
    /// Another app file, or a folder with an app.yaml [default: the app in the file]
    #[arg(long, value_name = "APP")]
    with: Option<PathBuf>,
    /// Print JSON: {same, differences, new, unused, other_questions, unknown}
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    outside: OutsideChoice,
}

/// So many lines of one sort are shown.
const MOST: usize = 100;

pub(crate) fn run(terminal: &Terminal, arguments: &Arguments) -> Result<Exit, Error> {
    let (exported, release) = Exported::read(&arguments.file)?;
    let own = release::graph_of(&release, &uzel_std::catalog())
        .map_err(|cause| Error::usage("the app in the file cannot be read by this program").cause(cause))?;
    let graph = match &arguments.with {
        None => Arc::clone(&own),
        Some(path) => other(terminal, path, &arguments.outside)?,
    };
    if exported.redacted {
        terminal.notice(YELLOW, "note", "texts were taken out of this run; what depends on them differs");
    }
    let folder = tempfile::tempdir().map_err(|error| {
        Error::environment("a folder for the time of the replay cannot be made").cause(error.to_string())
    })?;
    // Secrets are for calls, and none is made.
    let surroundings = Surroundings {
        folder: folder.path(),
        cache: folder.path(),
        secret: &|_| Some("replay".to_owned()),
        functions: &BTreeMap::new(),
    };
    let (app, unmade) = build_offline(&graph, &surroundings);
    let old = Run::fold(exported.run.clone(), Arc::clone(&own), &exported.events);
    let replayed = block_on(async { Ok(replay(&app, &unmade, &exported.run, &exported.events).await) })?;
    let found = differences(&old, &replayed.run);
    let same = found.is_empty() && replayed.new.is_empty() && replayed.unused.is_empty();
    if arguments.json {
        let new: Vec<_> = replayed.new.iter().map(|(name, class)| json!({ "effect": name, "class": class })).collect();
        let unknown: Vec<_> =
            replayed.unknown.iter().map(|(node, why)| json!({ "instance": node, "why": why })).collect();
        terminal.data(&human::pretty(&json!({
            "same": same, "differences": found, "new": new, "unused": replayed.unused,
            "other_questions": replayed.other_questions, "unknown": unknown,
        })))?;
    } else {
        terminal.data(&text(&found, &replayed))?;
    }
    if same {
        terminal.notice(GREEN, "same", &format!("run {} comes to the same", exported.run));
        return Ok(Exit::Fine);
    }
    let parts = found.len() + replayed.new.len() + replayed.unused.len();
    terminal.notice(YELLOW, "different", &human::plural(parts, "difference"));
    Ok(Exit::Failed)
}

fn other(terminal: &Terminal, path: &std::path::Path, outside: &OutsideChoice) -> Result<Arc<Graph>, Error> {
    let project = Project::find(path)?;
    let choices: Choices = project.choices(outside)?;
    let reading = project.read_or_report(terminal, &choices).map_err(|_| Error::said(Exit::Usage))?;
    reading.graph.ok_or_else(|| Error::said(Exit::Usage))
}

fn text(found: &[Differs], replayed: &Replayed) -> String {
    let mut out = String::new();
    for one in found.iter().take(MOST) {
        let name = one.instance.as_ref().map_or_else(|| "run".to_owned(), |name| format!("`{name}`"));
        let (old, new) = (human::value(&one.old, 60), human::value(&one.new, 60));
        let _ = writeln!(out, "~ {name} {}: {old} → {new}", one.what.as_str());
    }
    if found.len() > MOST {
        let _ = writeln!(out, "… and {} more differences", found.len() - MOST);
    }
    for (name, class) in replayed.new.iter().take(MOST) {
        let write = if class.is_write() { ", which writes" } else { "" };
        let _ = writeln!(out, "+ {name} would be done{write}; what follows from it is not known");
    }
    for name in replayed.unused.iter().take(MOST) {
        let _ = writeln!(out, "- {name} would not be asked for");
    }
    for name in &replayed.other_questions {
        let _ = writeln!(out, "? `{name}` asks something else; the answer of then was taken");
    }
    for (name, why) in &replayed.unknown {
        let _ = writeln!(out, "? `{name}` cannot be computed here: {}", human::cut(why, 100));
    }
    out
}

//! `uzel export`: a run as one file that needs no store. Works while another process runs.

use std::{
    fs::File,
    io::{ErrorKind, Write as _},
    path::{Path, PathBuf},
};

use clap::Args;
use uzel_core::redact::{Redaction, redact};

use crate::{
    cli::Global,
    exit::{Error, Exit},
    exported::Exported,
    opened::{Opened, block_on},
    project::store_of,
    render::{GREEN, Terminal, human::plural},
};

#[derive(Debug, Args)]
#[command(
    after_help = "The file has the app's own files, which are never redacted, and the log. Secrets are in neither. \
    `--redact` without places takes out all texts of inputs, results, questions, answers and failures; with places it takes \
    out those, and what other nodes made of them stays."
)]
pub(crate) struct Arguments {
    /// Id of the run, or the beginning of one
    run: String,
    /// Write lengths and hashes instead of texts: all of them, or those at places such as `input.message`, `reply`
    #[arg(long, value_name = "PLACE", num_args = 0..)]
    redact: Option<Vec<String>>,
    /// Write to this file, which must not be there yet [default: standard output]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

pub(crate) fn run(terminal: &Terminal, global: &Global, arguments: &Arguments) -> Result<Exit, Error> {
    let opened = Opened::read_only(&store_of(global)?, terminal)?;
    block_on(async {
        let head = opened.engine.find_run(&arguments.run).await?;
        let release = opened.engine.release_of(&head).await?;
        let graph = opened.graph_of(&head).await?;
        let mut looked = opened.engine.look(&graph, &head.run).await?;
        if let Some(places) = &arguments.redact {
            let what = if places.is_empty() { Redaction::All } else { Redaction::Paths(places.clone()) };
            if let Redaction::Paths(places) = &what {
                for place in places {
                    let first = place.split(['.', '[']).next().unwrap_or_default();
                    if !["input", "flags"].contains(&first) && graph.node(first).is_none() {
                        return Err(Error::usage(format!("`--redact {place}`: the run's app has no node `{first}`"))
                            .hint("name `input.FIELD`, a node, or `NODE.FIELD`"));
                    }
                }
            }
            redact(&head.run, &graph, &mut looked.log, &what);
        }
        let events = looked.log.len();
        let exported = Exported::new(head.run.clone(), head.status, arguments.redact.is_some(), &release, looked.log);
        let text = exported.text()?;
        match &arguments.output {
            None => terminal.data(&text)?,
            Some(path) => write(path, &text)?,
        }
        terminal.notice(GREEN, "exported", &format!("run {}, {}", head.run, plural(events, "event")));
        Ok(Exit::Fine)
    })
}

fn write(path: &Path, text: &str) -> Result<(), Error> {
    let written = File::create_new(path).and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.sync_all()
    });
    written.map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => Error::usage(format!("`{}` is there already; nothing was written", path.display())),
        _ => Error::environment(format!("`{}` cannot be written: {error}", path.display())),
    })
}

//! `uzel runs`: the runs of a store, newest first. Works while another process runs.

use clap::{Args, builder::PossibleValuesParser, builder::TypedValueParser};
use uzel_core::{
    duration,
    event::Time,
    store::{Filter, Status},
};

use crate::{
    cli::Global,
    exit::{Error, Exit},
    opened::{Opened, block_on},
    project::store_of,
    render::{DIM, Terminal, human, tables},
};

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Only runs with this status (may be given several times)
    #[arg(long = "status", value_name = "STATUS", value_delimiter = ',', value_parser = statuses())]
    statuses: Vec<Status>,
    /// Only runs of this app
    #[arg(long)]
    app: Option<String>,
    /// Only runs of this batch
    #[arg(long)]
    batch: Option<String>,
    /// Only runs begun in the last while, such as 2h or 7d
    #[arg(long, value_name = "DURATION")]
    since: Option<String>,
    /// At most so many; 0 for all
    #[arg(long, value_name = "N", default_value_t = 50)]
    limit: usize,
    /// Print each run as one line of JSON
    #[arg(long)]
    json: bool,
}

fn statuses() -> impl TypedValueParser<Value = Status> {
    PossibleValuesParser::new(Status::ALL.map(Status::as_str))
        .map(|word| Status::find(&word).expect("the parser lets only words of statuses through"))
}

pub(crate) fn run(terminal: &Terminal, global: &Global, arguments: &Arguments) -> Result<Exit, Error> {
    let since = arguments.since.as_deref().map(duration::parse).transpose();
    let since = since.map_err(|error| Error::usage(format!("`--since`: {error}")).hint("write `--since 2h`"))?;
    let opened = Opened::read_only(&store_of(global)?, terminal)?;
    let now = opened.now();
    let filter = Filter {
        statuses: arguments.statuses.clone(),
        app: arguments.app.clone(),
        batch: arguments.batch.clone(),
        since: since.map(|since| Time(now.0.saturating_sub(i64::try_from(since.as_millis()).unwrap_or(i64::MAX)))),
        // One more, to know whether there are more.
        limit: if arguments.limit == 0 { 0 } else { arguments.limit.saturating_add(1) },
        after: None,
    };
    let mut heads = block_on(async { Ok(opened.engine.store.heads(filter).await?) })?;
    let more = arguments.limit > 0 && heads.len() > arguments.limit;
    if arguments.limit > 0 {
        heads.truncate(arguments.limit);
    }
    if arguments.json {
        let lines: Vec<String> = heads.iter().map(|head| tables::head_json(head).to_string()).collect();
        terminal.data(&lines.join("\n"))?;
    } else if heads.is_empty() {
        terminal.say("no runs");
    } else {
        terminal.data(&tables::runs(&heads, now, terminal.colour_out))?;
    }
    if more {
        let text =
            format!("only the newest {} are shown; `--limit 0` shows all", human::plural(arguments.limit, "run"));
        terminal.notice(DIM, "note", &text);
    }
    Ok(Exit::Fine)
}

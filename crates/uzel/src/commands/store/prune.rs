//! `uzel store prune`: takes out runs that have ended, after saying which.

use std::sync::Arc;

use clap::{Args, builder::PossibleValuesParser, builder::TypedValueParser};
use serde_json::{Value, json};
use uzel_core::{duration, event::Time, store::Status};
use uzel_runtime::{
    store::sqlite::{
        Sqlite,
        prune::{Plan, Pruned, Retention},
    },
    world::{RealWorld, World},
};

use crate::{
    cli::Global,
    environment,
    exit::{Error, Exit},
    opened::block_on,
    project::{store_of, store_option},
    render::{DIM, GREEN, Terminal, human, tables},
};

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Only runs that ended so long ago or longer, such as 30d or 12h
    #[arg(long, value_name = "DURATION")]
    older_than: Option<String>,
    /// Keep the newest N of each app all the same
    #[arg(long, value_name = "N")]
    keep: Option<usize>,
    /// Only runs that ended like this [default: all that have ended]
    #[arg(long = "status", value_name = "STATUS", value_delimiter = ',', value_parser = statuses())]
    statuses: Vec<Status>,
    /// Only runs of this app
    #[arg(long)]
    app: Option<String>,
    /// Only say what would go
    #[arg(long)]
    dry_run: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

fn statuses() -> impl TypedValueParser<Value = Status> {
    let ended = Status::ALL.into_iter().filter(|status| status.is_final());
    PossibleValuesParser::new(ended.map(Status::as_str))
        .map(|word| Status::find(&word).expect("the parser lets only words of statuses through"))
}

pub(crate) fn run(terminal: &Terminal, global: &Global, arguments: &Arguments) -> Result<Exit, Error> {
    let older = arguments.older_than.as_deref().map(duration::parse).transpose();
    let older =
        older.map_err(|error| Error::usage(format!("`--older-than`: {error}")).hint("write `--older-than 30d`"))?;
    if older.is_none() && arguments.keep.is_none() {
        return Err(Error::usage("nothing says which runs may go")
            .hint("write `--older-than 30d`, `--keep 1000` or both; `--keep 0` is for all that have ended"));
    }
    let dir = store_of(global)?;
    let now = RealWorld::default().now();
    let retention = Retention {
        statuses: arguments.statuses.clone(),
        app: arguments.app.clone(),
        before: older.map(|older| Time(now.0.saturating_sub(i64::try_from(older.as_millis()).unwrap_or(i64::MAX)))),
        keep: arguments.keep.unwrap_or(0),
    };
    // Nothing is made or brought forward where nothing is.
    let store = Sqlite::open_read_only(&dir);
    let store = if arguments.dry_run { store? } else { store.and_then(|_| Sqlite::open(&dir))? };
    let store = Arc::new(store);
    let (plan, pruned) = block_on(async {
        let plan = store.plan_prune(retention).await?;
        let pruned =
            if arguments.dry_run { None } else { Some(store.prune(&plan, &environment::person(), now).await?) };
        Ok((plan, pruned))
    })?;
    if arguments.json {
        terminal.data(&human::pretty(&as_json(&plan, pruned)))?;
    } else if plan.runs() > 0 {
        terminal.data(&table(&plan))?;
    }
    let size = human::size(plan.bytes());
    match pruned {
        None => {
            terminal.notice(DIM, "dry run", &format!("{} would go, {size}; nothing was changed", runs(plan.runs())));
        }
        Some(pruned) => {
            let releases = human::plural(usize::try_from(pruned.releases).unwrap_or(usize::MAX), "release");
            terminal.notice(GREEN, "pruned", &format!("{}, {size}, {releases}", runs(pruned.runs)));
            if pruned.runs > 0 {
                let command = format!("{} store vacuum{}", terminal.program, store_option(&dir));
                terminal.notice(DIM, "note", &format!("the file keeps its size; `{command}` gives the space back"));
            }
        }
    }
    Ok(Exit::Fine)
}

fn runs(n: u64) -> String {
    human::plural(usize::try_from(n).unwrap_or(usize::MAX), "run")
}

fn table(plan: &Plan) -> String {
    let mut table = tables::table();
    table.set_header(["app", "status", "runs", "records", "size", "cost"]);
    for going in &plan.going {
        table.add_row([
            human::cut(&going.app, 24),
            going.status.as_str().to_owned(),
            human::count(going.runs),
            human::count(going.records),
            human::size(going.bytes),
            if going.cost_usd == 0.0 { "-".to_owned() } else { human::money(going.cost_usd) },
        ]);
    }
    if plan.blobs > 0 {
        let cells = ["large values", "", "", &human::count(plan.blobs), &human::size(plan.blob_bytes), ""];
        table.add_row(cells);
    }
    tables::lines(&table)
}

fn as_json(plan: &Plan, pruned: Option<Pruned>) -> Value {
    let going: Vec<Value> = plan
        .going
        .iter()
        .map(|going| {
            json!({
                "app": going.app, "status": going.status, "runs": going.runs, "records": going.records,
                "bytes": going.bytes, "cost_usd": going.cost_usd,
            })
        })
        .collect();
    json!({
        "runs": plan.runs(), "bytes": plan.bytes(), "going": going,
        "blobs": { "count": plan.blobs, "bytes": plan.blob_bytes },
        "pruned": pruned.map(|pruned| json!({ "runs": pruned.runs, "releases": pruned.releases })),
    })
}

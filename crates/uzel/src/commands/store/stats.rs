//! `uzel store stats`: what is in the store, in numbers.

use clap::Args;
use serde_json::{Value, json};
use uzel_core::event::Time;
use uzel_runtime::{
    store::sqlite::stats::{Stats, stats},
    world::{RealWorld, World},
};

use crate::{
    cli::Global,
    exit::{Error, Exit},
    project::store_of,
    render::{BOLD, Terminal, human, paint, tables},
};

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(terminal: &Terminal, global: &Global, arguments: &Arguments) -> Result<Exit, Error> {
    let stats = stats(&store_of(global)?)?;
    let now = RealWorld::default().now();
    let text = if arguments.json { human::pretty(&as_json(&stats)) } else { as_text(&stats, now, terminal.colour_out) };
    terminal.data(&text)?;
    Ok(Exit::Fine)
}

fn as_text(stats: &Stats, now: Time, colour: bool) -> String {
    let mut out = String::new();
    if !stats.groups.is_empty() {
        let mut table = tables::table();
        table.set_header(["app", "status", "runs", "records", "size", "cost", "tokens", "oldest"]);
        for group in &stats.groups {
            table.add_row([
                human::cut(&group.app, 24),
                group.status.as_str().to_owned(),
                human::count(group.runs),
                human::count(group.records),
                human::size(group.bytes),
                if group.cost_usd == 0.0 { "-".to_owned() } else { human::money(group.cost_usd) },
                if group.tokens == 0 { "-".to_owned() } else { human::count(group.tokens) },
                human::relative(group.oldest, now),
            ]);
        }
        let text = tables::lines(&table);
        let (head, rest) = text.split_once('\n').unwrap_or((&text, ""));
        out = format!("{}\n{rest}\n", paint(colour, BOLD, head));
    }
    let mut table = tables::table();
    let free =
        if stats.free_bytes == 0 { String::new() } else { format!(", {} of it free", human::size(stats.free_bytes)) };
    let wal =
        if stats.wal_bytes == 0 { String::new() } else { format!(", and {} of log", human::size(stats.wal_bytes)) };
    let amount = |count, bytes, word| format!("{}, {}", plural(count, word), human::size(bytes));
    table
        .add_row(["file".to_owned(), format!("{}{free}{wal}, format {}", human::size(stats.file_bytes), stats.format)]);
    table.add_row(["runs".to_owned(), human::count(stats.groups.iter().map(|group| group.runs).sum())]);
    table.add_row(["large values".to_owned(), amount(stats.blobs.count, stats.blobs.bytes, "value")]);
    table.add_row(["releases".to_owned(), amount(stats.releases.count, stats.releases.bytes, "release")]);
    table.add_row(["open questions".to_owned(), human::count(stats.open_questions)]);
    if stats.half_pruned > 0 {
        let text = format!("{}; the next `prune` goes on", plural(stats.half_pruned, "run"));
        table.add_row(["half taken out".to_owned(), text]);
    }
    if let Some((at, body)) = &stats.last_prune {
        let runs = serde_json::from_str(body).ok().and_then(|body: Value| body["runs"].as_u64()).unwrap_or(0);
        table.add_row(["last prune".to_owned(), format!("{}, {}", human::relative(*at, now), plural(runs, "run"))]);
    }
    out + &tables::lines(&table)
}

fn plural(n: u64, word: &str) -> String {
    human::plural(usize::try_from(n).unwrap_or(usize::MAX), word)
}

fn as_json(stats: &Stats) -> Value {
    let groups: Vec<Value> = stats
        .groups
        .iter()
        .map(|group| {
            json!({
                "app": group.app, "status": group.status, "runs": group.runs, "records": group.records,
                "bytes": group.bytes, "cost_usd": group.cost_usd, "tokens": group.tokens,
                "oldest_ms": group.oldest,
            })
        })
        .collect();
    let last = stats
        .last_prune
        .as_ref()
        .map(|(at, body)| json!({ "at_ms": at, "did": serde_json::from_str::<Value>(body).unwrap_or_default() }));
    json!({
        "format": stats.format, "file_bytes": stats.file_bytes, "free_bytes": stats.free_bytes,
        "log_bytes": stats.wal_bytes, "groups": groups,
        "blobs": { "count": stats.blobs.count, "bytes": stats.blobs.bytes },
        "releases": { "count": stats.releases.count, "bytes": stats.releases.bytes },
        "open_questions": stats.open_questions, "half_pruned": stats.half_pruned, "last_prune": last,
    })
}

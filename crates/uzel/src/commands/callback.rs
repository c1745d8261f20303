//! `uzel callback`: lists the calls from outside that runs wait for, or makes one; then the run goes on.

use std::{collections::BTreeMap, fmt::Write as _, sync::Arc};

use clap::Args;
use uzel_core::{
    event::{ReleaseId, Time},
    graph::Graph,
    schema::{Schema, Type},
    store::{Filter, Status},
};
use uzel_runtime::engine::{Callback, Engine};

use super::run::{Voice, drive};
use crate::{
    cli::Global,
    exit::{Error, Exit},
    inputs,
    opened::{Opened, block_on},
    pool::{Job, Work},
    project::{quoted, store_of, store_option},
    render::{BOLD, CYAN, DIM, GREEN, Terminal, human, paint},
};

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Token of the call, or RUN/NODE [default: list the calls that are waited for]
    call: Option<String>,
    /// What is sent: a JSON value, @FILE.json, or NAME=VALUE; several fields are merged
    #[arg(long = "value", value_name = "VALUE", requires = "call")]
    value: Vec<String>,
    /// Only record the call; `uzel resume` goes on later
    #[arg(long)]
    no_run: bool,
    /// Print the calls, or the run, as lines of JSON
    #[arg(long)]
    json: bool,
}

/// The list looks at so many runs that wait, newest first.
const MOST_RUNS: usize = 1_000;

pub(crate) fn run(terminal: &Terminal, global: &Global, arguments: &Arguments) -> Result<Exit, Error> {
    let dir = store_of(global)?;
    match &arguments.call {
        None => {
            let opened = Opened::read_only(&dir, terminal)?;
            block_on(list(terminal, &opened, arguments.json))
        }
        Some(name) => {
            let opened = Opened::own_existing(&dir, terminal, Arc::new(Voice::new(terminal, false)))?;
            block_on(call(terminal, &opened, name, arguments))
        }
    }
}

async fn list(terminal: &Terminal, opened: &Opened, json: bool) -> Result<Exit, Error> {
    let filter = Filter { statuses: vec![Status::Waiting], limit: MOST_RUNS + 1, ..Filter::default() };
    let mut heads = opened.engine.store.heads(filter).await?;
    if heads.len() > MOST_RUNS {
        heads.truncate(MOST_RUNS);
        terminal.say(&format!("only the newest {MOST_RUNS} runs that wait were looked at; `show` knows each run"));
    }
    let mut graphs: BTreeMap<ReleaseId, Arc<Graph>> = BTreeMap::new();
    let mut open = vec![];
    for head in &heads {
        let graph = match graphs.get(&head.release) {
            Some(graph) => Arc::clone(graph),
            None => {
                let graph = opened.graph_of(head).await?;
                graphs.insert(head.release.clone(), Arc::clone(&graph));
                graph
            }
        };
        open.extend(opened.engine.callbacks(&graph, &head.run).await?);
    }
    if json {
        let lines = open.iter().map(|call| serde_json::to_string(call).unwrap_or_default() + "\n");
        terminal.data(&lines.collect::<String>())?;
        return Ok(Exit::Fine);
    }
    let Some(first) = open.first() else {
        terminal.say("nothing waits for a call");
        return Ok(Exit::Fine);
    };
    let now = opened.now();
    let texts: Vec<String> = open.iter().map(|call| one(call, now, terminal.colour_out)).collect();
    terminal.data(&texts.join("\n"))?;
    terminal.next(&[("make the first one", example(terminal, opened, first))]);
    Ok(Exit::Fine)
}

fn one(call: &Callback, now: Time, colour: bool) -> String {
    let name = paint(colour, BOLD, &format!("{}/{}", call.run, call.instance));
    let due = call.due.map(|due| format!(", due {}", human::relative(due, now))).unwrap_or_default();
    let since = paint(colour, DIM, &format!("waits since {}{due}", human::utc(call.created)));
    let mut out = format!("{name}\n  {since}\n");
    let _ = writeln!(out, "  token    {}", paint(colour, CYAN, &call.token));
    let _ = writeln!(out, "  payload  {}", payload(call));
    out
}

fn payload(call: &Callback) -> Type {
    if call.payload.is_null() {
        return Type::Any;
    }
    Schema::from_json_schema(call.payload.clone()).map_or(Type::Any, |schema| schema.ty)
}

/// The command that makes a call.
pub(super) fn example(terminal: &Terminal, opened: &Opened, call: &Callback) -> String {
    let value = match payload(call) {
        Type::Object(object) => object.fields.keys().fold(String::new(), |all, name| all + " --value " + name + "=…"),
        _ => " --value …".to_owned(),
    };
    format!("{} callback {}{value}{}", terminal.program, quoted(&call.token), store_option(&opened.dir))
}

async fn call(terminal: &Terminal, opened: &Opened, name: &str, arguments: &Arguments) -> Result<Exit, Error> {
    let head = opened.engine.find_run(Engine::run_of_callback(name)).await?;
    let graph = opened.graph_of(&head).await?;
    let call = opened.engine.find_callback(&graph, &head.run, name).await?;
    let value = inputs::payload("--value", &arguments.value, &payload(&call))?;
    let value = opened.engine.call_back(&graph, &call, value).await?;
    terminal.notice(
        GREEN,
        "called back",
        &format!("`{}` of run {}: {}", call.instance, call.run, human::value(&value, 100)),
    );
    if arguments.no_run {
        let command = format!("{} resume {}{}", terminal.program, call.run, store_option(&opened.dir));
        terminal.next(&[("go on with the run", command)]);
        return Ok(Exit::Fine);
    }
    let app = opened.app_of(&head).await?;
    drive(terminal, opened, &graph, &head.run, Job { app, work: Work::Resume(head.run.clone()) }, arguments.json).await
}

//! `uzel inbox`: questions that wait for a person. Works while another process runs.

use std::fmt::Write as _;

use clap::Args;
use serde_json::Value;
use uzel_core::{
    event::Time,
    schema::{Schema, Type},
    store::Task,
};

use crate::{
    cli::Global,
    exit::{Error, Exit},
    opened::{Opened, block_on},
    project::{quoted, store_of, store_option},
    render::{BOLD, CYAN, DIM, Terminal, human, paint},
};

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Answered questions, too
    #[arg(long)]
    all: bool,
    /// Print each question as one line of JSON
    #[arg(long)]
    json: bool,
}

/// The longest value in one line.
const MOST: usize = 100;

pub(crate) fn run(terminal: &Terminal, global: &Global, arguments: &Arguments) -> Result<Exit, Error> {
    let opened = Opened::read_only(&store_of(global)?, terminal)?;
    let tasks = block_on(async { Ok(opened.engine.store.tasks(!arguments.all, None).await?) })?;
    if arguments.json {
        let lines = tasks.iter().map(|task| serde_json::to_string(task).unwrap_or_default() + "\n");
        terminal.data(&lines.collect::<String>())?;
        return Ok(Exit::Fine);
    }
    if tasks.is_empty() {
        terminal.say("nothing waits for a person");
        return Ok(Exit::Fine);
    }
    let now = opened.now();
    let texts: Vec<String> = tasks.iter().map(|task| one(task, now, terminal.colour_out)).collect();
    terminal.data(&texts.join("\n"))?;
    if let Some(task) = tasks.iter().find(|task| task.closed.is_none()) {
        let action = task.question.actions.first().map_or("ACTION", String::as_str);
        let command = format!("{} answer {} {action}{}", terminal.program, quoted(&task.id), store_option(&opened.dir));
        terminal.next(&[("answer the first one", command)]);
    }
    Ok(Exit::Fine)
}

fn one(task: &Task, now: Time, colour: bool) -> String {
    let question = &task.question;
    let mut out = format!("{}  {}\n", paint(colour, CYAN, &task.id), paint(colour, BOLD, &question.title));
    let due = question.due.map(|due| {
        let then = question.on_timeout.as_ref().map(|action| format!(", then `{action}`")).unwrap_or_default();
        format!(", due {}{then}", human::relative(due, now))
    });
    let state = match &task.closed {
        Some(closed) => format!("closed: {closed}"),
        None => format!("asked {}{}", human::relative(task.created, now), due.unwrap_or_default()),
    };
    let _ = writeln!(out, "  {}", paint(colour, DIM, &state));
    if let Value::Object(show) = &question.show {
        let width = show.keys().map(|key| key.chars().count()).max().unwrap_or(0).min(20);
        for (name, value) in show {
            let _ = writeln!(out, "  {name:width$}  {}", human::value(value, MOST));
        }
    } else if !question.show.is_null() {
        let _ = writeln!(out, "  {}", human::value(&question.show, MOST));
    }
    for (name, ty, default) in form(task) {
        let default = default.map(|value| format!(" = {}", human::value(&value, 40))).unwrap_or_default();
        let _ = writeln!(out, "  --form {name}=…  {ty}{default}");
    }
    let _ = writeln!(out, "  actions: {}", question.actions.join(", "));
    out
}

/// Fields of a form with their types and what they begin with.
fn form(task: &Task) -> Vec<(String, String, Option<Value>)> {
    let Ok(schema) = Schema::from_json_schema(task.question.form.clone()) else { return vec![] };
    let Type::Object(object) = &schema.ty else { return vec![] };
    let fields = object.fields.iter().map(|(name, field)| {
        let default = task.question.defaults.get(name).cloned().or_else(|| field.default.clone());
        (name.clone(), field.ty.to_string(), default)
    });
    fields.collect()
}

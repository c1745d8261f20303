//! `uzel answer`: records a person's answer, then the run goes on until it ends or waits again.

use std::sync::Arc;

use clap::Args;
use uzel_core::schema::{Schema, Type};
use uzel_runtime::engine::Given;

use super::run::{Voice, drive};
use crate::{
    cli::Global,
    environment,
    exit::{Error, Exit},
    inputs,
    opened::{Opened, block_on},
    pool::{Job, Work},
    project::{store_of, store_option},
    render::{GREEN, Terminal, human},
};

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Id of the question (RUN/NODE), or the beginning of one
    task: String,
    /// What to do, such as approve
    action: String,
    /// Fill a field of the form: NAME=VALUE, a JSON object, or @FILE.json
    #[arg(short, long = "form", value_name = "FORM")]
    form: Vec<String>,
    /// Who answers [default: the system's user]
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
    /// Refuse unless the question is still the one with this digest (see `uzel inbox --json`)
    #[arg(long, value_name = "DIGEST")]
    digest: Option<String>,
    /// Only record the answer; `uzel resume` goes on later
    #[arg(long)]
    no_run: bool,
    /// Print the run as one line of JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(terminal: &Terminal, global: &Global, arguments: &Arguments) -> Result<Exit, Error> {
    let opened = Opened::own_existing(&store_of(global)?, terminal, Arc::new(Voice::new(terminal, false)))?;
    block_on(answer(terminal, &opened, arguments))
}

async fn answer(terminal: &Terminal, opened: &Opened, arguments: &Arguments) -> Result<Exit, Error> {
    let task = opened.engine.find_task(&arguments.task).await?;
    let head = opened.engine.find_run(task.run.as_str()).await?;
    let graph = opened.graph_of(&head).await?;
    let ty = Schema::from_json_schema(task.question.form.clone()).map_or(Type::Any, |schema| schema.ty);
    let given = Given {
        action: arguments.action.clone(),
        form: inputs::values("--form", &arguments.form, &ty)?,
        by: arguments.by.clone().unwrap_or_else(environment::person),
        digest: arguments.digest.clone(),
    };
    let by = given.by.clone();
    opened.engine.answer(&graph, &task, given).await?;
    let text = format!("{} by {by}: {}", arguments.action, human::cut(&task.question.title, 100));
    terminal.notice(GREEN, "answered", &text);
    if arguments.no_run {
        let command = format!("{} resume {}{}", terminal.program, task.run, store_option(&opened.dir));
        terminal.next(&[("go on with the run", command)]);
        return Ok(Exit::Fine);
    }
    let app = opened.app_of(&head).await?;
    drive(terminal, opened, &graph, &head.run, Job { app, work: Work::Resume(head.run.clone()) }, arguments.json).await
}

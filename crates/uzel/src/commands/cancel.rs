//! `uzel cancel`: ends a run that has not ended.

use std::sync::Arc;

use clap::Args;
use uzel_runtime::driver::Nobody;

use crate::{
    cli::Global,
    environment,
    exit::{Error, Exit},
    opened::{Opened, block_on},
    project::store_of,
    render::{GREEN, Terminal},
};

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Id of the run, or the beginning of one
    run: String,
    /// Why, for the record
    #[arg(long, value_name = "TEXT")]
    why: Option<String>,
}

pub(crate) fn run(terminal: &Terminal, global: &Global, arguments: &Arguments) -> Result<Exit, Error> {
    let opened = Opened::own_existing(&store_of(global)?, terminal, Arc::new(Nobody))?;
    block_on(async {
        let head = opened.engine.find_run(&arguments.run).await?;
        let graph = opened.graph_of(&head).await?;
        let by = environment::person();
        let why = arguments.why.as_ref().map_or_else(|| format!("by {by}"), |why| format!("by {by}: {why}"));
        let head = opened.engine.cancel(&graph, &head.run, &why).await?;
        terminal.notice(GREEN, "cancelled", &format!("run {}", head.run));
        Ok(Exit::Fine)
    })
}

//! `uzel completions`: a completion script for a shell.

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use crate::{
    cli::Cli,
    exit::{Error, Exit},
    render::Terminal,
};

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Which shell
    shell: Shell,
}

pub(crate) fn run(terminal: &Terminal, arguments: &Arguments) -> Result<Exit, Error> {
    let mut script = vec![];
    clap_complete::generate(arguments.shell, &mut Cli::command(), "uzel", &mut script);
    terminal.data(&String::from_utf8_lossy(&script))?;
    Ok(Exit::Fine)
}

//! `uzel store`: what an operator does with a store: look at it, check it, copy it, bring it back, make it smaller.

use clap::{Args, Subcommand};

use crate::{
    cli::Global,
    exit::{Error, Exit},
    render::Terminal,
};

mod backup;
mod check;
mod prune;
mod stats;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Count what is in the store; works while another process runs
    Stats(stats::Arguments),
    /// Read everything in the store and say what is damaged; works while another process runs
    Check(check::Arguments),
    /// Copy the store into one file; works while another process runs
    Backup(backup::Arguments),
    /// Make the store what it was when a copy was made
    Restore(backup::RestoreArguments),
    /// Take out runs that have ended
    Prune(prune::Arguments),
    /// Give the space of what was taken out back to the system
    Vacuum(backup::VacuumArguments),
}

pub(crate) fn run(terminal: &Terminal, global: &Global, arguments: &Arguments) -> Result<Exit, Error> {
    match &arguments.command {
        Command::Stats(arguments) => stats::run(terminal, global, arguments),
        Command::Check(arguments) => check::run(terminal, global, arguments),
        Command::Backup(arguments) => backup::run(terminal, global, arguments),
        Command::Restore(arguments) => backup::restore(terminal, global, arguments),
        Command::Prune(arguments) => prune::run(terminal, global, arguments),
        Command::Vacuum(arguments) => backup::vacuum(terminal, global, arguments),
    }
}

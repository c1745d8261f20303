//! `uzel store backup`, `restore` and `vacuum`: copies of the store, and giving space back.

use std::path::PathBuf;

use clap::Args;
use uzel_runtime::store::sqlite::backup::{self, Copied};

use crate::{
    cli::Global,
    exit::{Error, Exit},
    project::{nearest_or_named, store_of},
    render::{GREEN, Terminal, human},
};

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// File to write; it gets this name when it is complete, checked and on disk
    file: PathBuf,
    /// Replace a backup of this name
    #[arg(long)]
    replace: bool,
}

#[derive(Debug, Args)]
pub(crate) struct RestoreArguments {
    /// The backup; it is checked first, and stays as it is
    file: PathBuf,
    /// Replace a store that has runs; it is kept beside the new one
    #[arg(long)]
    replace: bool,
}

#[derive(Debug, Args)]
pub(crate) struct VacuumArguments {}

pub(crate) fn run(terminal: &Terminal, global: &Global, arguments: &Arguments) -> Result<Exit, Error> {
    let copied = backup::backup(&store_of(global)?, &arguments.file, arguments.replace)?;
    terminal.notice(GREEN, "backup", &described(&copied));
    Ok(Exit::Fine)
}

pub(crate) fn restore(terminal: &Terminal, global: &Global, arguments: &RestoreArguments) -> Result<Exit, Error> {
    if !arguments.file.is_file() {
        return Err(Error::usage(format!("there is no backup `{}`", arguments.file.display())));
    }
    let copied = backup::restore(&nearest_or_named(global), &arguments.file, arguments.replace)?;
    terminal.notice(GREEN, "restored", &described(&copied));
    if let Some(aside) = &copied.aside {
        terminal.notice(GREEN, "kept", &format!("the store that was there is `{}`", aside.display()));
    }
    Ok(Exit::Fine)
}

pub(crate) fn vacuum(terminal: &Terminal, global: &Global, _: &VacuumArguments) -> Result<Exit, Error> {
    let (before, after) = backup::vacuum(&store_of(global)?)?;
    terminal.notice(GREEN, "vacuum", &format!("{} before, {} now", human::size(before), human::size(after)));
    Ok(Exit::Fine)
}

fn described(copied: &Copied) -> String {
    let runs = human::plural(usize::try_from(copied.checked.runs).unwrap_or(usize::MAX), "run");
    format!("`{}`, {runs}, {}, checked", copied.path.display(), human::size(copied.bytes))
}

//! `uzel lsp`: an editor starts this and asks about apps while they are written. Nothing is run, built or written.

use std::io::{self, IsTerminal};

use clap::Args;

use crate::{
    exit::{Error, Exit},
    lsp,
    render::Terminal,
};

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Speak over standard input and output; there is no other way, and editors pass this
    #[arg(long)]
    stdio: bool,
}

pub(crate) fn run(terminal: &Terminal, arguments: &Arguments) -> Result<Exit, Error> {
    if io::stdin().is_terminal() && !arguments.stdio {
        terminal.say("an editor starts this command and talks to it here; Ctrl-C ends it");
    }
    lsp::serve()
}

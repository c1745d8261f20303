//! The `uzel` binary; a person or a script runs it.

mod batch;
mod cli;
mod commands;
mod environment;
mod exit;
mod exported;
mod inputs;
mod lsp;
mod opened;
mod pool;
mod project;
mod render;
mod templates;

fn main() -> exit::Exit {
    exit::report_bugs();
    cli::run()
}

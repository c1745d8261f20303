//! The command line: commands, options, and which function does what. Called by `main`.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::{
    commands,
    exit::{Error, Exit},
    render::Terminal,
};

/// Durable apps of language models: one YAML file, checked before it runs, that survives crashes.
#[derive(Debug, Parser)]
#[command(name = "uzel", version, max_term_width = 110, disable_help_subcommand = true)]
#[command(after_help = "Data goes to standard output, talk to standard error. Exit codes: 0 fine, 1 the run or check \
    failed, 2 the command is wrong, 3 the surroundings do not allow it, 101 a bug of uzel.")]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    command: Command,
}

/// Options of every command.
#[derive(Debug, Args)]
pub(crate) struct Global {
    /// Folder of the store [default: `.uzel` beside the app file, or the nearest one upwards]
    #[arg(long, global = true, value_name = "DIR", env = "UZEL_STORE", hide_env_values = true)]
    pub(crate) store: Option<PathBuf>,
    /// Whether to use colour; NO_COLOR is obeyed
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub(crate) color: When,
    /// Say only what went wrong
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,
    /// Say what happens as it happens
    #[arg(short, long, global = true, conflicts_with = "quiet")]
    pub(crate) verbose: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum When {
    Auto,
    Always,
    Never,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make a folder with a small app
    New(commands::new::Arguments),
    /// Report everything that is wrong with an app, without running it
    Check(commands::check::Arguments),
    /// Tell what changed from one app to another in what they do
    Diff(commands::diff::Arguments),
    /// Format app files
    Fmt(commands::fmt::Arguments),
    /// Run an app, once or for each line of a file
    Run(Box<commands::run::Arguments>),
    /// List runs, newest first
    Runs(commands::runs::Arguments),
    /// Show one run, node by node
    Show(commands::show::Arguments),
    /// Tell why a run or one of its nodes is as it is, with the lines of the app that decided
    Why(commands::why::Arguments),
    /// Do a run again from a node: a new run of the same release that reuses the records before it
    Retry(commands::fork::RetryArguments),
    /// Do a run again from a node with another app, or with other outputs of nodes
    Fork(Box<commands::fork::ForkArguments>),
    /// Write a run into one file that needs no store
    Export(commands::export::Arguments),
    /// Play an exported run against an app, without calling anything: what would be otherwise
    Replay(commands::replay::Arguments),
    /// List releases, tell what another one means to runs, have a run go on with it
    Release(commands::release::Arguments),
    /// List questions that wait for a person
    Inbox(commands::inbox::Arguments),
    /// Answer a question; its run goes on
    Answer(commands::answer::Arguments),
    /// List calls from outside that runs wait for, or make one; its run goes on
    Callback(commands::callback::Arguments),
    /// End a run that has not ended
    Cancel(commands::cancel::Arguments),
    /// Go on with a run, or with all that were cut off or whose time has come
    Resume(commands::resume::Arguments),
    /// Look at the store, check it, copy it, bring it back, make it smaller
    Store(commands::store::Arguments),
    /// Draw an app
    Graph(commands::graph::Arguments),
    /// Print the JSON Schema of the app file, for editors
    Schema(commands::schema::Arguments),
    /// Tell an editor about apps while they are written, in the language server protocol
    Lsp(commands::lsp::Arguments),
    /// Explain a code such as UZ2004
    Explain(commands::explain::Arguments),
    /// Print a completion script for a shell
    Completions(commands::completions::Arguments),
}

/// Which app.
#[derive(Clone, Debug, Args)]
pub(crate) struct AppChoice {
    /// App file, or a folder with an app.yaml
    #[arg(value_name = "APP", default_value = ".", hide_default_value = true)]
    pub(crate) app: PathBuf,
}

/// Choices made outside the file.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct OutsideChoice {
    /// Use another model: `fast=openai/gpt-5-mini`, or `openai/gpt-5-mini` for all
    #[arg(
        long = "model",
        value_name = "[NAME=]MODEL",
        env = "UZEL_MODEL",
        value_delimiter = ',',
        hide_env_values = true
    )]
    pub(crate) models: Vec<String>,
    /// A file that is put over the app file: other models, connections, limits, flags, defaults; repeat for several
    #[arg(long = "overlay", value_name = "FILE")]
    pub(crate) overlays: Vec<PathBuf>,
}

/// Does what the command line says.
pub(crate) fn run() -> Exit {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version go to standard output, the rest to standard error; nothing can be done if it is closed.
            let _ = error.print();
            return if error.use_stderr() { Exit::Usage } else { Exit::Fine };
        }
    };
    let terminal = Terminal::new(&cli.global);
    match dispatch(&terminal, &cli.global, cli.command) {
        Ok(exit) => exit,
        Err(error) => {
            terminal.error(&error);
            error.exit
        }
    }
}

fn dispatch(terminal: &Terminal, global: &Global, command: Command) -> Result<Exit, Error> {
    match command {
        Command::New(arguments) => commands::new::run(terminal, &arguments),
        Command::Check(arguments) => commands::check::run(terminal, &arguments),
        Command::Diff(arguments) => commands::diff::run(terminal, &arguments),
        Command::Fmt(arguments) => commands::fmt::run(terminal, &arguments),
        Command::Run(arguments) => commands::run::run(terminal, global, &arguments),
        Command::Runs(arguments) => commands::runs::run(terminal, global, &arguments),
        Command::Show(arguments) => commands::show::run(terminal, global, &arguments),
        Command::Why(arguments) => commands::why::run(terminal, global, &arguments),
        Command::Retry(arguments) => commands::fork::retry(terminal, global, &arguments),
        Command::Fork(arguments) => commands::fork::fork(terminal, global, &arguments),
        Command::Export(arguments) => commands::export::run(terminal, global, &arguments),
        Command::Replay(arguments) => commands::replay::run(terminal, &arguments),
        Command::Release(arguments) => commands::release::run(terminal, global, &arguments),
        Command::Inbox(arguments) => commands::inbox::run(terminal, global, &arguments),
        Command::Answer(arguments) => commands::answer::run(terminal, global, &arguments),
        Command::Callback(arguments) => commands::callback::run(terminal, global, &arguments),
        Command::Cancel(arguments) => commands::cancel::run(terminal, global, &arguments),
        Command::Resume(arguments) => commands::resume::run(terminal, global, &arguments),
        Command::Store(arguments) => commands::store::run(terminal, global, &arguments),
        Command::Graph(arguments) => commands::graph::run(terminal, &arguments),
        Command::Schema(arguments) => commands::schema::run(terminal, &arguments),
        Command::Lsp(arguments) => commands::lsp::run(terminal, &arguments),
        Command::Explain(arguments) => commands::explain::run(terminal, &arguments),
        Command::Completions(arguments) => commands::completions::run(terminal, &arguments),
    }
}

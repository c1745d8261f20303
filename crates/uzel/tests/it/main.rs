//! The real binary in a scratch folder: standard output, standard error and exit code, as a person sees them.
#![allow(
    clippy::unwrap_used,
    clippy::too_many_lines,
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::format_collect,
    reason = "a test stops at the first thing that is not as it says, and says what it saw"
)]

mod api;
mod back;
mod batches;
mod bodies;
mod book;
mod builder;
mod checks;
mod cost;
mod diff;
mod disk;
mod fallback;
mod fmt;
mod from_rust;
mod generated;
mod graph;
mod journals;
mod kill;
mod labels;
mod lsp;
mod overlays;
mod processes;
mod provider;
mod reach;
mod readme;
mod runs;
mod schema;
mod scratch;
mod store;
mod triage;
mod typed;
mod waits;
mod words;
mod yaml_server;

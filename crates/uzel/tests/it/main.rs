//! The real binary in a scratch folder: standard output, standard error and exit code, as a person sees them.
#![allow(
    clippy::unwrap_used,
    clippy::too_many_lines,
    reason = "a test stops at the first thing that is not as it says"
)]

mod batches;
mod checks;
mod generated;
mod journals;

mod processes;
mod runs;
mod schema;
mod scratch;
mod words;

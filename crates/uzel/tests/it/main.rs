//! The real binary in a scratch folder: standard output, standard error and exit code, as a person sees them.

mod batches;
mod checks;
mod processes;
mod runs;
mod scratch;
mod words;

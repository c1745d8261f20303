//! Repository tasks, run by people and by the Makefile as `cargo run -p xtask -- TASK`.

mod tidy;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

const USAGE: &str = "\
usage: cargo run -p xtask -- TASK
tasks:
  tidy    check the rules of this repository (the same check as `cargo test -p xtask`)
";

fn main() -> ExitCode {
    let task: Vec<String> = std::env::args().skip(1).collect();
    let (text, code) = match task.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["tidy"] => tidy::report(&root()),
        ["help" | "--help" | "-h"] => (USAGE.to_owned(), ExitCode::SUCCESS),
        _ => (USAGE.to_owned(), ExitCode::from(2)),
    };
    // A closed pipe (`… | head`) is the reader's choice and not a failure of the task.
    let _ = std::io::stdout().write_all(text.as_bytes());
    code
}

/// The repository's root: the folder that holds this crate.
fn root() -> PathBuf {
    // Not `env!`: a target folder shared by two checkouts would keep the path of the one that was built first.
    #[expect(clippy::disallowed_methods, reason = "cargo says where the package it runs lies, in no other way")]
    let package = std::env::var_os("CARGO_MANIFEST_DIR");
    // Started without cargo: the folder to check is the one we stand in.
    package.and_then(|path| Some(Path::new(&path).parent()?.to_owned())).unwrap_or_else(|| PathBuf::from("."))
}

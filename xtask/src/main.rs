//! Repository tasks, run by people and by the Makefile as `cargo run -p xtask -- TASK`.

mod tidy;

use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

const USAGE: &str = "\
usage: cargo run -p xtask -- TASK
tasks:
  tidy    check the rules of this repository (the same check as `cargo test -p xtask`)
";

fn main() -> ExitCode {
    let task: Vec<String> = std::env::args().skip(1).collect();
    let (text, code) = match task.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["tidy"] => tidy::report(root()),
        ["help" | "--help" | "-h"] => (USAGE.to_owned(), ExitCode::SUCCESS),
        _ => (USAGE.to_owned(), ExitCode::from(2)),
    };
    // A closed pipe (`… | head`) is the reader's choice and not a failure of the task.
    let _ = std::io::stdout().write_all(text.as_bytes());
    code
}

/// The repository's root: the folder that holds this crate.
fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("this crate's folder lies inside the repository")
}

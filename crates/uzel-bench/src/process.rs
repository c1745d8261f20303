//! Processes that are measured: how long they took, how much of a processor and of the memory. Used by the benchmarks.

use std::{
    error::Error,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

/// The program of this name beside the benchmark that runs; it must have been built.
pub fn beside(name: &str) -> Result<PathBuf, Box<dyn Error>> {
    let here = std::env::current_exe()?;
    let program = here.with_file_name(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    if !program.is_file() {
        return Err(format!("{} is not there: build it first", program.display()).into());
    }
    Ok(program)
}

/// How long a process takes, from its start to its end; its exit code must be `code`.
pub fn time(program: &Path, arguments: &[&str], code: i32) -> Result<Duration, Box<dyn Error>> {
    let begun = Instant::now();
    let status = Command::new(program).args(arguments).stdout(Stdio::null()).stderr(Stdio::null()).status()?;
    let took = begun.elapsed();
    if status.code() != Some(code) {
        return Err(format!("`{} {}` ended with {status}", program.display(), arguments.join(" ")).into());
    }
    Ok(took)
}

/// The one in the middle.
pub fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

//! Prints what runs that wait for a person cost: disk and memory, how long a new process takes beside many of them, and
//! how long one takes to be answered and to end.
//!
//! `cargo build --release -p uzel && cargo run --release -p uzel-bench --bin waiting [RUNS] [FOLDER]`
#![expect(clippy::print_stdout, reason = "printing is what it is for")]

use std::{
    error::Error,
    fs,
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use serde_json::json;
use uzel::{App, Filter, Start};
use uzel_bench::process;

/// Runs that are begun at once.
const AT_ONCE: usize = 256;
/// Runs that are answered.
const ANSWERED: usize = 100;

const APP: &str = "version: 1
name: waiting
inputs: { number: integer }
nodes:
  ask: { kind: human, title: 'Is ${{ input.number }} right?', actions: [yes_it_is, no_it_is_not] }
output: { said: '${{ ask.action }}' }
";

type Fault = Box<dyn Error>;

fn main() -> Result<(), Fault> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["fill", folder, runs] => block_on(fill(Path::new(folder), runs.parse()?)),
        ["answer", folder] => block_on(answer(Path::new(folder))),
        rest => {
            let most = rest.first().copied().unwrap_or("100000").parse()?;
            let here = rest.get(1).copied().unwrap_or("target");
            compare(most, Path::new(here))
        }
    }
}

fn block_on(work: impl Future<Output = Result<(), Fault>>) -> Result<(), Fault> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(work)
}

/// A store with a few waiting runs beside one with many.
fn compare(most: usize, here: &Path) -> Result<(), Fault> {
    let uzel = process::beside("uzel")?;
    println!("   waiting   bytes a run   a new process   answered and ended   most memory");
    for runs in [ANSWERED * 2, most] {
        let folder = tempfile::tempdir_in(here)?;
        fs::write(folder.path().join("app.yaml"), APP)?;
        let path = folder.path().to_str().ok_or("a folder without a name")?;
        let me = |words: &[&str]| -> Result<String, Fault> {
            let output = Command::new(std::env::current_exe()?).args(words).output()?;
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            if output.status.success() { Ok(String::from_utf8(output.stdout)?) } else { Err(said.into()) }
        };
        me(&["fill", path, &runs.to_string()])?;
        let store = folder.path().join("store");
        let bytes = size(&store)? as f64 / runs as f64;
        let arguments = ["runs", "--limit", "5", "--store", store.to_str().ok_or("a folder without a name")?];
        let mut times = vec![];
        for _ in 0..5 {
            times.push(process::time(&uzel, &arguments, 0)?);
        }
        let begun = process::median(times).as_secs_f64() * 1e3;
        let said = me(&["answer", path])?;
        println!("{runs:>10} {bytes:>13.0} {begun:>12.1} ms   {said}");
    }
    Ok(())
}

/// Bytes of the files in a folder.
fn size(folder: &Path) -> Result<u64, Fault> {
    let mut all = 0;
    for entry in fs::read_dir(folder)? {
        all += entry?.metadata()?.len();
    }
    Ok(all)
}

fn app(folder: &Path) -> Result<App, Fault> {
    Ok(App::load(folder.join("app.yaml")).store(folder.join("store")).build()?)
}

async fn fill(folder: &Path, runs: usize) -> Result<(), Fault> {
    let app = app(folder)?;
    for first in (0..runs).step_by(AT_ONCE) {
        let mut begun = tokio::task::JoinSet::new();
        for number in first..runs.min(first + AT_ONCE) {
            let app = app.clone();
            let id = Some(format!("run-{number}").as_str().into());
            let start = Start { id, input: json!({ "number": number }), ..Start::default() };
            begun.spawn(async move { app.start_with(start).await?.finish().await });
        }
        for ended in begun.join_all().await {
            ended?;
        }
    }
    Ok(())
}

/// Answers some of them, one after another, in a process that has begun none.
async fn answer(folder: &Path) -> Result<(), Fault> {
    let app = app(folder)?;
    let waiting = app.runs(Filter { limit: ANSWERED, ..Filter::default() }).await?;
    let mut times: Vec<Duration> = vec![];
    for head in waiting {
        let begun = Instant::now();
        let task = app.task(head.run.as_str()).await?;
        app.answer(&task, "yes_it_is", json!({}), "bench").await?;
        app.resume(head.run.as_str()).await?.finish().await?;
        times.push(begun.elapsed());
    }
    println!("{:>15.1} ms {:>10.0} MB", process::median(times).as_secs_f64() * 1e3, process::peak_mb());
    Ok(())
}

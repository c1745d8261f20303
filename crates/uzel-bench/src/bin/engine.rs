//! Prints how many runs a second the engine makes of one graph, what each costs, and how long one takes alone, beside a
//! bare loop that does the same calls: a mock model in a process of its own, each side in its own, in turns.
//!
//! `cargo run --release -p uzel-bench --bin engine [FOLDER] [SECONDS] [ROUNDS]`; the stores are put in the folder.
#![expect(clippy::print_stdout, reason = "printing is what it is for")]

use std::{
    error::Error,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use uzel_bench::{
    g1::{self, Fault, Way},
    mock, process,
};

/// Runs at once under load.
const AT_ONCE: usize = 64;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["mock"] => tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(mock::serve()),
        [side @ ("floor" | "uzel"), url, folder, seconds, at_once] => {
            let said = measure(side, url, Path::new(folder), seconds.parse()?, at_once.parse()?);
            println!("{}", said.map_err(|fault| fault.to_string())?);
            Ok(())
        }
        rest => {
            let folder = rest.first().copied().unwrap_or("target");
            let seconds = rest.get(1).copied().unwrap_or("4");
            let rounds = rest.get(2).copied().unwrap_or("3").parse()?;
            compare(folder, seconds, rounds)
        }
    }
}

/// The mock, which ends with what uses it.
struct Mock(Child, String);

impl Drop for Mock {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn start_mock() -> Result<Mock, Box<dyn Error>> {
    let mut child = Command::new(std::env::current_exe()?).arg("mock").stdout(Stdio::piped()).spawn()?;
    let mut port = String::new();
    BufReader::new(child.stdout.take().ok_or("no output")?).read_line(&mut port)?;
    Ok(Mock(child, format!("http://127.0.0.1:{}", port.trim())))
}

fn compare(folder: &str, seconds: &str, rounds: usize) -> Result<(), Box<dyn Error>> {
    let mock = start_mock()?;
    for at_once in [AT_ONCE, 1] {
        let mut sides: [Vec<Value>; 2] = [vec![], vec![]];
        for round in 0..rounds {
            for (side, found) in ["floor", "uzel"].into_iter().zip(&mut sides) {
                let place = PathBuf::from(folder).join(format!("bench-{}-{side}-{round}", std::process::id()));
                std::fs::create_dir_all(&place)?;
                let at_once = at_once.to_string();
                let mut command = Command::new(std::env::current_exe()?);
                command.args([side, &mock.1]).arg(&place).args([seconds, &at_once]);
                let said = command.stderr(Stdio::inherit()).output()?;
                std::fs::remove_dir_all(&place)?;
                found.push(serde_json::from_slice(&said.stdout)?);
            }
        }
        println!("{at_once} at once (medians of {rounds} rounds, in turns)");
        let [floor, uzel] = &sides;
        for (what, key) in [
            ("runs a second", "per_second"),
            ("CPU ms a run", "cpu_ms"),
            ("median ms", "median_ms"),
            ("99 % ms", "most_ms"),
            ("peak MB", "peak_mb"),
        ] {
            let (floor, uzel) = (middle(floor, key), middle(uzel, key));
            println!("  {what:<14} floor {floor:>9.3}   uzel {uzel:>9.3}   ratio {:>6.3}", uzel / floor);
        }
    }
    Ok(())
}

fn middle(found: &[Value], key: &str) -> f64 {
    let mut all: Vec<f64> = found.iter().filter_map(|said| said[key].as_f64()).collect();
    all.sort_by(f64::total_cmp);
    all.get(all.len() / 2).copied().unwrap_or(f64::NAN)
}

/// One side, in this process.
fn measure(side: &str, url: &str, folder: &Path, seconds: f64, at_once: usize) -> Result<Value, Fault> {
    // One thread is the loop's best; the engine's store has a thread of its own in both cases.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let way = Arc::new(if side == "floor" { g1::floor(url, folder)? } else { g1::uzel(url, folder)? });
        let number = Arc::new(AtomicU64::new(0));
        // Connections are opened and code is read in before the clock runs.
        under_load(&way, &number, Duration::from_millis(500), at_once).await?;
        let (begun, before) = (Instant::now(), process::used());
        let mut times = under_load(&way, &number, Duration::from_secs_f64(seconds), at_once).await?;
        let (took, used) = (begun.elapsed().as_secs_f64(), process::used().saturating_sub(before));
        times.sort();
        let count = times.len() as f64;
        let at = |part: f64| times.get((count * part) as usize).map_or(f64::NAN, |time| time.as_secs_f64() * 1e3);
        Ok(json!({
            "per_second": count / took, "cpu_ms": used.as_secs_f64() * 1e3 / count,
            "median_ms": at(0.5), "most_ms": at(0.99), "peak_mb": process::peak_mb(),
        }))
    })
}

/// Runs one after the other in so many tasks for a time; how long each took.
async fn under_load(
    way: &Arc<Way>,
    number: &Arc<AtomicU64>,
    span: Duration,
    at_once: usize,
) -> Result<Vec<Duration>, Fault> {
    let begun = Instant::now();
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..at_once {
        let (way, number) = (Arc::clone(way), Arc::clone(number));
        tasks.spawn(async move {
            let mut times = vec![];
            while begun.elapsed() < span {
                let start = Instant::now();
                way.run(number.fetch_add(1, Ordering::Relaxed)).await?;
                times.push(start.elapsed());
            }
            Ok::<_, Fault>(times)
        });
    }
    let mut all = vec![];
    for times in tasks.join_all().await {
        all.extend(times?);
    }
    Ok(all)
}

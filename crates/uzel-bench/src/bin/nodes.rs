//! Prints what a node costs that only computes, in chains and side by side, for apps of growing size, and how long a new
//! process takes to its first finished run.
//!
//! `cargo build --release -p uzel && cargo run --release -p uzel-bench --bin nodes`
#![expect(clippy::print_stdout, reason = "printing is what it is for")]

use std::{error::Error, fs, time::Instant};

use serde_json::json;
use uzel::App;
use uzel_bench::{apps, process};

/// Runs of each app, and processes.
const ROUNDS: usize = 5;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("app.yaml");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    println!("  nodes   shape           run  µs a node   to linear");
    for (shape, side_by_side) in [("chain", false), ("side by side", true)] {
        let mut first = None;
        for nodes in [1_000, 3_000, 10_000] {
            fs::write(&path, apps::pure(nodes, side_by_side))?;
            let app = App::load(&path).build()?;
            let mut times = vec![];
            for _ in 0..ROUNDS {
                let begun = Instant::now();
                let result = runtime.block_on(app.run(json!({ "start": 1 })))?;
                times.push(begun.elapsed());
                if let Some(why) = result.why {
                    return Err(format!("a run did not succeed: {why}").into());
                }
            }
            let took = process::median(times).as_secs_f64();
            let each = took / nodes as f64;
            let linear = each / *first.get_or_insert(each);
            println!("{nodes:>7}   {shape:<12} {:>6.1} ms {:>10.1} {linear:>11.2}", took * 1e3, each * 1e6);
        }
    }
    fs::write(&path, apps::pure(1, false))?;
    let uzel = process::beside("uzel")?;
    let path = path.to_str().ok_or("a folder without a name")?;
    let mut times = vec![];
    for round in 0..ROUNDS {
        let store = folder.path().join(format!("store-{round}"));
        let store = store.to_str().ok_or("a folder without a name")?;
        times.push(process::time(&uzel, &["run", path, "--input", "start=1", "--store", store], 0)?);
    }
    println!(
        "process start to first run finished, its store on disk: {:.1} ms",
        process::median(times).as_secs_f64() * 1e3
    );
    Ok(())
}

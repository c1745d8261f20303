//! Prints how long `uzel check` takes for apps of 1,000 to 10,000 nodes, each time in a new process, beside a new process
//! that only reads the same YAML into a tree with the same reader.
//!
//! `cargo build --release -p uzel && cargo run --release -p uzel-bench --bin check`
#![expect(clippy::print_stdout, reason = "printing is what it is for")]

use std::{error::Error, fs};

use uzel_bench::{apps, process};
use uzel_core::{diagnostic::Diagnostics, source::SourceId, yaml};

/// Processes of each sort for each size.
const ROUNDS: usize = 9;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [word, path] = arguments.as_slice()
        && word == "parse"
    {
        return parse(path);
    }
    let uzel = process::beside("uzel")?;
    let this = std::env::current_exe()?;
    let folder = tempfile::tempdir()?;
    println!("  nodes     check      best  µs a node   to linear   parse only   check to that");
    let mut first = None;
    for nodes in [1_000, 2_000, 5_000, 10_000] {
        let path = folder.path().join(format!("{nodes}.yaml"));
        fs::write(&path, apps::checked(nodes))?;
        let path = path.to_str().ok_or("a folder without a name")?;
        let (mut checks, mut parses) = (vec![], vec![]);
        for _ in 0..ROUNDS {
            checks.push(process::time(&uzel, &["check", path], 0)?);
            parses.push(process::time(&this, &["parse", path], 0)?);
        }
        let best = checks.iter().min().copied().unwrap_or_default().as_secs_f64();
        let (check, parse) = (process::median(checks).as_secs_f64(), process::median(parses).as_secs_f64());
        let each = check / nodes as f64;
        let linear = each / *first.get_or_insert(each);
        println!(
            "{nodes:>7} {:>6.1} ms {:>6.1} ms {:>10.1} {linear:>11.2} {:>9.1} ms {:>15.2}",
            check * 1e3,
            best * 1e3,
            each * 1e6,
            parse * 1e3,
            check / parse
        );
    }
    Ok(())
}

/// Reads a file into a tree, and nothing else.
fn parse(path: &str) -> Result<(), Box<dyn Error>> {
    let text = fs::read_to_string(path)?;
    let tree = yaml::parse(SourceId(0), &text, &mut Diagnostics::default()).ok_or("it cannot be read")?;
    // As `uzel check` leaves its graph to the end of the process.
    std::mem::forget(tree);
    Ok(())
}

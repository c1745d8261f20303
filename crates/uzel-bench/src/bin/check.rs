//! Prints how long `uzel check` takes for apps of 1,000 to 10,000 nodes, each time in a new process, beside a process that
//! only reads the same YAML and writes it in its layout (`uzel fmt --check`).
//!
//! `cargo build --release -p uzel && cargo run --release -p uzel-bench --bin check`
#![expect(clippy::print_stdout, reason = "printing is what it is for")]

use std::{error::Error, fs, process::Command};

use uzel_bench::{apps, process};

/// Processes of each sort for each size.
const ROUNDS: usize = 9;

fn main() -> Result<(), Box<dyn Error>> {
    let uzel = process::beside("uzel")?;
    let folder = tempfile::tempdir()?;
    println!("  nodes     check  µs a node   to linear   layout only   check to that");
    let mut first = None;
    for nodes in [1_000, 2_000, 5_000, 10_000] {
        let path = folder.path().join(format!("{nodes}.yaml"));
        fs::write(&path, apps::checked(nodes))?;
        let path = path.to_str().ok_or("a folder without a name")?;
        // In the layout that `fmt` gives, so that both read the same text and neither writes.
        Command::new(&uzel).args(["fmt", path]).output()?;
        let (mut checks, mut layouts) = (vec![], vec![]);
        for _ in 0..ROUNDS {
            checks.push(process::time(&uzel, &["check", path], 0)?);
            layouts.push(process::time(&uzel, &["fmt", "--check", path], 0)?);
        }
        let (check, layout) = (process::median(checks).as_secs_f64(), process::median(layouts).as_secs_f64());
        let each = check / nodes as f64;
        let linear = each / *first.get_or_insert(each);
        println!(
            "{nodes:>7} {:>6.1} ms {:>10.1} {linear:>11.2} {:>10.1} ms {:>15.2}",
            check * 1e3,
            each * 1e6,
            layout * 1e3,
            check / layout
        );
    }
    Ok(())
}

//! Writes the app that the benchmark of `uzel check` reads, to look at it or to profile with it.
//!
//! `cargo run --release -p uzel-bench --bin app 1000 > app.yaml`
#![expect(clippy::print_stdout, reason = "printing is what it is for")]

fn main() {
    let nodes = std::env::args().nth(1).and_then(|nodes| nodes.parse().ok()).unwrap_or(1_000);
    print!("{}", uzel_bench::apps::checked(nodes));
}

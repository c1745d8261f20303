//! Mistakes that people make, each as a file in `tests/broken`, and the reports they get, in `tests/broken/reports.txt`.
//! After a change: `UPDATE_EXPECT=1 cargo test -p uzel-std broken`, and read the difference as the person who made the
//! mistake: is the place exact, is the sentence clear, is the help something to type?

use std::{collections::BTreeMap, fmt::Write as _, fs, path::Path, time::Instant};

use expect_test::expect_file;
use uzel_core::{
    check::{Choices, Reading, read},
    diagnostic::{Code, Severity},
};

/// Everything below a folder, by its path from there.
pub(crate) fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    fn walk(folder: &Path, base: &Path, into: &mut BTreeMap<String, Vec<u8>>) {
        for entry in fs::read_dir(folder).expect("the folder is there") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                walk(&path, base, into);
            } else {
                let name = path.strip_prefix(base).expect("below the folder").to_string_lossy().replace('\\', "/");
                into.insert(name, fs::read(&path).expect("a file"));
            }
        }
    }
    let mut all = BTreeMap::new();
    walk(folder, folder, &mut all);
    all
}

fn check(files: &BTreeMap<String, Vec<u8>>, main: &str) -> Reading {
    read(main, files, &uzel_std::catalog(), &Choices::default())
}

/// One line for each diagnostic: `CODE file:line:column message | help`, and one for each label.
fn report(reading: &Reading) -> String {
    let mut lines = String::new();
    for diagnostic in &reading.diagnostics {
        let place = diagnostic.at.map_or_else(|| "-".to_owned(), |at| reading.sources.position(at).to_string());
        let mark = if diagnostic.severity == Severity::Error { "" } else { "(warning) " };
        write!(lines, "{} {place} {mark}{}", diagnostic.code, diagnostic.message).expect("a String takes all");
        if let Some(help) = &diagnostic.help {
            write!(lines, " | {help}").expect("a String takes all");
        }
        lines.push('\n');
        for label in &diagnostic.labels {
            let place = reading.sources.position(label.at);
            writeln!(lines, "    {place} {}", label.text).expect("a String takes all");
        }
    }
    lines
}

#[test]
fn every_mistake_is_reported_where_it_is() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/broken");
    let beside = files(&folder.join("files"));
    let mut reports = String::new();
    let apps: Vec<(String, Vec<u8>)> = files(&folder)
        .into_iter()
        .filter(|(name, _)| Path::new(name).extension().is_some_and(|end| end == "yaml"))
        .collect();
    assert!(apps.len() >= 40);
    for (name, bytes) in apps {
        let mut table = beside.clone();
        table.insert("app.yaml".to_owned(), bytes);
        let reading = check(&table, "app.yaml");
        assert!(!reading.diagnostics.is_empty(), "{name} has no mistake");
        assert_eq!(reading.graph.is_none(), reading.diagnostics.has_errors(), "{name}");
        writeln!(reports, "{}\n{}", name.trim_end_matches(".yaml"), report(&reading)).expect("a String takes all");
    }
    expect_file!["../broken/reports.txt"].assert_eq(&reports);
}

/// Files that are too strange to keep: they are made here. Each gives one code at one place.
#[test]
fn files_that_no_editor_makes() {
    let app = "version: 1\nnodes:\n  a: { kind: llm, model: m, prompt: \"x\" }\n";
    let nested = format!("version: 1\nnodes:\n  a: {}1{}\n", "[".repeat(100_000), "]".repeat(100_000));
    let blocks: String = (0..3_000).fold("version: 1\n".to_owned(), |text, depth| text + &"  ".repeat(depth) + "a:\n");
    let utf16: Vec<u8> = app.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let cases: [(&str, Vec<u8>, Code, &str); 7] = [
        ("no file's worth", vec![], Code::EMPTY_DOCUMENT, "app.yaml:1:1"),
        (
            "over 10 MB",
            format!("{app}x-data: {}\n", "x".repeat(10_000_000)).into_bytes(),
            Code::TOO_LARGE,
            "app.yaml:1:1",
        ),
        ("Latin-1", b"version: 1\nname: caf\xe9\n".to_vec(), Code::NOT_UTF8, "app.yaml:2:10"),
        ("UTF-16", [vec![0xff, 0xfe], utf16].concat(), Code::NOT_UTF8, "app.yaml:1:1"),
        // The scanner reads ahead in brackets before anything is counted.
        ("deep lists", nested.into_bytes(), Code::TOO_DEEP, "app.yaml:3:261"),
        ("deep maps", blocks.into_bytes(), Code::TOO_DEEP, "app.yaml:66:129"),
        ("a NUL", b"version: 1\nname: a\0b\n".to_vec(), Code::YAML_SYNTAX, "app.yaml:2:8"),
    ];
    for (name, bytes, code, place) in cases {
        let begun = Instant::now();
        let table = BTreeMap::from([("app.yaml".to_owned(), bytes)]);
        let reading = check(&table, "app.yaml");
        let found = report(&reading);
        assert_eq!(reading.diagnostics.len(), 1, "{name}: {found}");
        assert!(found.starts_with(&format!("{code} {place} ")), "{name}: {found}");
        assert!(found.contains(" | "), "{name}: {found}");
        assert!(begun.elapsed().as_secs() < 5, "{name} takes too long");
    }
}

//! The pages of the codes in `docs/errors`: each code has one, and the examples on it do what it says.

use std::{collections::BTreeMap, fs, path::Path};

use uzel_core::{
    check::{Choices, Reading, read},
    diagnostic::{Code, Severity},
};

/// Codes that `check` cannot give: they need bytes that are no text, the environment, a program, or a run.
const NOT_BY_CHECK: &[&str] = &[
    "UZ0001", "UZ0002", "UZ0020", "UZ5001", "UZ5003", "UZ5004", "UZ5010", "UZ6001", "UZ6002", "UZ6003", "UZ6004",
    "UZ6005", "UZ6006", "UZ6030", "UZ6031", "UZ6040", "UZ6041", "UZ6042", "UZ6043", "UZ6060", "UZ6061", "UZ6062",
    "UZ6090", "UZ6091", "UZ6092", "UZ6093", "UZ6094", "UZ6095", "UZ6096", "UZ6097", "UZ6098",
];

/// A fenced block: its first line without the fence, and what is in it.
pub(crate) struct Block {
    section: String,
    pub(crate) info: String,
    pub(crate) text: String,
}

pub(crate) fn blocks(page: &str) -> Vec<Block> {
    let (mut blocks, mut section, mut open): (Vec<Block>, String, Option<Block>) = (vec![], String::new(), None);
    for line in page.lines() {
        match (&mut open, line.strip_prefix("```")) {
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (Some(block), None) => block.text += &format!("{line}\n"),
            (None, Some(info)) => {
                open = Some(Block { section: section.clone(), info: info.to_owned(), text: String::new() });
            }
            (None, None) => {
                if let Some(title) = line.strip_prefix("## ") {
                    title.clone_into(&mut section);
                }
            }
        }
    }
    assert!(open.is_none(), "a block is not closed");
    blocks
}

/// Checks the app of a section with the files that the section names (` ```text file=PATH `, ` ```yaml overlay=PATH `),
/// on a day of 2026, and against the app that the section says is in use (` ```yaml against `).
fn check(blocks: &[Block], section: &str) -> Option<Reading> {
    let here = || blocks.iter().filter(|block| block.section == section);
    let app = here().find(|block| block.info == "yaml")?;
    let mut files = BTreeMap::from([("app.yaml".to_owned(), app.text.clone().into_bytes())]);
    let mut choices = Choices::default();
    for block in here() {
        let overlay = block.info.split_once(" overlay=").map(|(_, path)| path);
        choices.overlays.extend(overlay.map(str::to_owned));
        if let Some(path) = overlay.or(block.info.split_once(" file=").map(|(_, path)| path)) {
            files.insert(path.to_owned(), block.text.clone().into_bytes());
        }
    }
    let old = here().find(|block| block.info == "yaml against").map(|old| {
        let files = BTreeMap::from([("app.yaml".to_owned(), old.text.clone().into_bytes())]);
        let reading = read("app.yaml", &files, &uzel_std::catalog(), &Choices::default());
        reading.graph.unwrap_or_else(|| panic!("{:?}", reading.diagnostics))
    });
    let today = Some("2026-06-01".parse().expect("a day"));
    let choices = Choices { today, against: old, ..choices };
    Some(read("app.yaml", &files, &uzel_std::catalog(), &choices))
}

fn said(reading: &Reading) -> Vec<String> {
    reading.diagnostics.iter().map(|d| format!("{} {}", d.code, d.message)).collect()
}

#[test]
fn every_code_has_a_page_and_its_examples_are_true() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/errors");
    let mut pages: Vec<String> = fs::read_dir(&folder)
        .expect("docs/errors")
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .collect();
    pages.sort();
    let wanted: Vec<String> = Code::ALL.iter().map(|(code, ..)| format!("{code}.md")).collect();
    assert_eq!(pages, wanted, "a page for each code, a code for each page");
    for (code, severity, title) in Code::ALL {
        let page = fs::read_to_string(folder.join(format!("{code}.md"))).expect("a page");
        assert_eq!(page.lines().next(), Some(format!("# {code}: {title}").as_str()));
        let sections: Vec<&str> = page.lines().filter_map(|line| line.strip_prefix("## ")).collect();
        assert_eq!(sections, ["What it means", "Example", "How to fix"], "{code}");
        assert!(page.lines().all(|line| line.chars().count() <= 200), "{code} has a very long line");
        let blocks = blocks(&page);
        match check(&blocks, "Example") {
            Some(reading) => example(*code, *severity, &reading),
            None => {
                assert!(NOT_BY_CHECK.contains(&code.as_str()), "{code} has no example that can be checked");
                let console = blocks.iter().any(|block| block.section == "Example" && block.info == "console");
                // Said by a command, or by the server.
                let said = [format!("[{code}]"), format!("\"code\":\"{code}\"")];
                assert!(console && said.iter().any(|said| page.contains(said)), "{code} has no example");
            }
        }
        if let Some(fixed) = check(&blocks, "How to fix") {
            assert!(!fixed.diagnostics.has_errors(), "{code}: the fixed app is not: {:?}", said(&fixed));
            assert!(fixed.diagnostics.iter().all(|d| d.code != *code), "{code} is not fixed: {:?}", said(&fixed));
        } else {
            assert!(NOT_BY_CHECK.contains(&code.as_str()), "{code} has no fixed app");
        }
    }
}

/// Exactly this code: the only one, unless other warnings are beside an error.
fn example(code: Code, severity: Severity, reading: &Reading) {
    let found: Vec<Code> =
        reading.diagnostics.iter().filter(|d| d.severity == severity).map(|diagnostic| diagnostic.code).collect();
    assert!(!found.is_empty() && found.iter().all(|found| *found == code), "{code}: {:?}", said(reading));
    if severity != Severity::Error {
        assert!(!reading.diagnostics.has_errors(), "{code}: {:?}", said(reading));
    }
}

//! The guide: every app on its pages is checked and run, every command gives what the page shows, every Rust program
//! compiles and runs, and the table of contents names every page.
//!
//! A page is read from top to bottom in a folder of its own. A fence with a file's name (```` ```yaml app.yaml ````) writes
//! that file. A `console` fence has commands after `$` and what they print: their data and, if they fail, what they say. A
//! line `…` stands for any lines, and `…` in a line for any text. `UPDATE_EXPECT=1` writes what commands print into the
//! pages.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use crate::scratch::Scratch;

mod fences;

use fences::{Fence, fences};

/// Has programs, and a test of its own.
const PROGRAMS: &str = "from-rust.md";

/// Lines of standard error that begin like this are shown.
const TALK: &[&str] = &["stopped:", "whole:", "backup:", "restored:", "dry run:", "pruned:"];

/// One test for each page, so that they run side by side.
macro_rules! pages {
    ($($test:ident $page:literal;)*) => {
        const PAGES: &[&str] = &[$($page),*];

        $(#[test]
        fn $test() {
            page($page);
        })*
    };
}

pages! {
    introduction "introduction.md";
    first_app "first-app.md";
    nodes_and_edges "nodes-and-edges.md";
    expressions "expressions.md";
    types "types.md";
    prompts "prompts.md";
    routes "routes.md";
    null "null.md";
    errors "errors.md";
    bodies "bodies.md";
    joins "joins.md";
    people "people.md";
    waits "waits.md";
    tools "tools.md";
    agents "agents.md";
    guards "guards.md";
    knowledge "knowledge.md";
    testing "testing.md";
    changing "changing.md";
    crashes "crashes.md";
    serving "serving.md";
    operating "operating.md";
    looking_back "looking-back.md";
    editors "editors.md";
    diagnostics "diagnostics.md";
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/book/src")
}

#[test]
fn the_table_of_contents_has_every_page() {
    let summary = fs::read_to_string(folder().join("SUMMARY.md")).unwrap();
    let linked: Vec<&str> = summary.split("](").skip(1).map(|rest| rest.split(')').next().unwrap()).collect();
    let there: BTreeSet<String> = fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name != "SUMMARY.md")
        .collect();
    assert_eq!(
        linked.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>(),
        there,
        "SUMMARY.md and the pages"
    );
    let tested: Vec<&str> = linked.into_iter().filter(|page| *page != PROGRAMS).collect();
    assert_eq!(tested, PAGES, "the pages are tested in the order of the book");
}

/// What a page must hold: see the top of this file.
fn page(name: &str) {
    let path = folder().join(name);
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.starts_with("# "), "{name} begins with its title");
    let scratch = Scratch::new(&[]);
    let fences = fences(&text);
    let mut printed = vec![];
    // The app that has been written and not yet been run, by its line.
    let mut waiting: Option<&Fence> = None;
    for fence in &fences {
        if let Some(file) = fence.file() {
            if file == "app.yaml" && !fence.is_broken() {
                assert!(waiting.is_none(), "{name}:{}: this app is never run", waiting.map_or(0, |fence| fence.line));
                waiting = Some(fence);
            }
            scratch.write(file, &fence.body);
            continue;
        }
        match fence.language() {
            "console" => {
                let (shown, ran) = console(&scratch, fence, name);
                if ran {
                    waiting = None;
                }
                printed.push((fence, shown));
            }
            "yaml" => {
                let whole = fence.body.lines().any(|line| line.starts_with("nodes:"));
                assert!(!whole, "{name}:{}: an app needs a name: ```yaml app.yaml", fence.line);
            }
            "text" | "toml" | "json" | "jinja" | "lua" | "sql" => {}
            other => panic!("{name}:{}: what is to be done with `{other}`?", fence.line),
        }
    }
    assert!(waiting.is_none(), "{name}:{}: this app is never run", waiting.map_or(0, |fence| fence.line));
    write(&path, &text, &printed);
}

/// Writes the pages again if that is asked for, and fails if they would change.
#[expect(clippy::disallowed_methods, reason = "snapshots are updated by a variable")]
fn write(path: &Path, text: &str, printed: &[(&Fence, String)]) {
    let mut wanted = text.to_owned();
    for (fence, shown) in printed.iter().rev() {
        wanted.replace_range(fence.at.clone(), shown);
    }
    if wanted == text {
        return;
    }
    if std::env::var("UPDATE_EXPECT").is_ok_and(|value| value == "1") {
        fs::write(path, wanted).unwrap();
        return;
    }
    let different = printed.iter().find(|(fence, shown)| fence.body != *shown);
    let (fence, shown) = different.expect("a fence differs");
    panic!("{}:{} shows\n{}\nand the commands print\n{shown}", path.display(), fence.line, fence.body);
}

/// Runs the commands of a fence: what it should show, and whether one of them ran an app.
fn console(scratch: &Scratch, fence: &Fence, page: &str) -> (String, bool) {
    let mut shown = String::new();
    let mut ran = false;
    let mut lines = fence.body.lines().peekable();
    while let Some(line) = lines.next() {
        let place = format!("{page}:{}: `{line}`", fence.line);
        let command = line.strip_prefix("$ ").unwrap_or_else(|| panic!("{place} is no command"));
        let mut expected = vec![];
        while let Some(line) = lines.next_if(|line| !line.starts_with("$ ")) {
            expected.push(line);
        }
        let words = fences::words(command);
        let arguments: Vec<&str> = words.iter().map(String::as_str).collect();
        let ["uzel", arguments @ ..] = arguments.as_slice() else { panic!("{place} is no command of ours") };
        ran |= arguments.first() == Some(&"run");
        let output = scratch.output(arguments);
        // That there is a difference is an answer, too.
        let compares = matches!(arguments.first(), Some(&("diff" | "fmt" | "replay")));
        let fine = output.status.code() == Some(0) || compares && output.status.code() == Some(1);
        let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
        // What stops a run, and what came of an operation on the store, is said, too.
        let is_talk = |line: &&str| TALK.iter().any(|word| line.starts_with(word));
        if !fine || expected.iter().any(is_talk) {
            text.push_str(&String::from_utf8_lossy(&output.stderr));
        }
        let printed: Vec<&str> = text.trim_end().lines().map(str::trim_end).collect();
        let fails = expected.iter().any(|line| line.starts_with("error"));
        assert_eq!(fine, !fails, "{place}: {text}{}", String::from_utf8_lossy(&output.stderr));
        shown.push_str(line);
        shown.push('\n');
        // Times differ; the page keeps those that it has.
        let (wanted, found) = (scratch.comparable(&lines_of(&expected)), scratch.comparable(&lines_of(&printed)));
        let fits = fences::fits(&wanted.lines().collect::<Vec<_>>(), &found.lines().collect::<Vec<_>>());
        for line in if fits { expected } else { printed } {
            shown.push_str(line);
            shown.push('\n');
        }
    }
    (shown, ran)
}

fn lines_of(lines: &[&str]) -> String {
    lines.iter().map(|line| format!("{line}\n")).collect()
}

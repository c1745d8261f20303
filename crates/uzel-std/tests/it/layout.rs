//! The one layout of app files, over every file here: examples, apps in pages, mistakes.

use std::{collections::BTreeMap, fs, path::Path};

use uzel_core::{
    check::{Choices, read},
    diagnostic::{Code, Diagnostics},
    graph::diff::compare,
    source::SourceId,
    yaml::{format, parse},
};

use crate::{broken::files, pages::blocks};

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

/// Pages below a folder, by their path.
fn pages() -> BTreeMap<String, String> {
    let docs = files(&root().join("docs")).into_iter().filter(|(name, _)| name.ends_with(".md"));
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("pages are text");
    let mut pages: BTreeMap<String, String> = docs.map(|(name, bytes)| (format!("docs/{name}"), text(bytes))).collect();
    pages.insert("README.md".to_owned(), fs::read_to_string(root().join("README.md")).expect("a README"));
    pages
}

/// Formats what can be read, and looks at what must hold. Whether it could be read.
fn check(name: &str, text: &str) -> bool {
    let mut out = Diagnostics::default();
    let tree = parse(SourceId(0), text, &mut Diagnostics::default());
    let Some(formatted) = format(SourceId(0), text, &mut out) else {
        assert!(out.has_errors(), "{name} is left alone without a word");
        assert!(out.iter().all(|diagnostic| diagnostic.code != Code::FORMAT_REFUSED), "{name}: {out:?}");
        return false;
    };
    let again = format(SourceId(0), &formatted, &mut out);
    assert_eq!(again.as_deref(), Some(formatted.as_str()), "{name} is not stable");
    let (tree, read) = (tree.expect("a tree"), parse(SourceId(0), &formatted, &mut out).expect("a tree"));
    assert_eq!(tree.difference(&read), None, "{name} says something else");
    assert_eq!(tree.to_json().to_string(), read.to_json().to_string(), "{name} says something else");
    let comments = |text: &str| text.lines().filter(|line| line.trim_start().starts_with('#')).count();
    assert!(comments(&formatted) >= comments(text), "{name} loses comments");
    true
}

#[test]
fn examples_have_the_one_layout() {
    for (name, bytes) in files(&root().join("examples")).into_iter().filter(|(name, _)| name.ends_with(".yaml")) {
        let text = String::from_utf8(bytes).expect("examples are text");
        assert!(check(&name, &text), "{name} cannot be read");
        let formatted = format(SourceId(0), &text, &mut Diagnostics::default());
        assert_eq!(formatted.as_deref(), Some(text.as_str()), "format it: uzel fmt examples/{name}");
    }
}

/// Layouts and files with other names are no difference; the smallest change is one.
#[test]
fn an_app_does_the_same_in_any_layout() {
    let mut compared = 0;
    let folders = fs::read_dir(root().join("examples")).expect("examples").map(|entry| entry.expect("an entry").path());
    for folder in folders.filter(|folder| folder.join("app.yaml").is_file()) {
        let name = folder.display().to_string();
        let table = files(&folder);
        let app = String::from_utf8(table["app.yaml"].clone()).expect("examples are text");
        let with = |app: &str| {
            let mut table = table.clone();
            table.insert("app.yaml".to_owned(), app.as_bytes().to_vec());
            let reading = read("app.yaml", &table, &uzel_std::catalog(), &Choices::default());
            reading.graph.unwrap_or_else(|| panic!("{name}: {:?}", reading.diagnostics))
        };
        let graph = with(&app);
        let emitted = with(&graph.to_yaml());
        assert_eq!(compare(&graph, &emitted).text(), "", "{name} as it is emitted");
        let formatted = format(SourceId(0), &graph.to_yaml(), &mut Diagnostics::default()).expect("a layout");
        assert_eq!(compare(&with(&formatted), &graph).text(), "", "{name} as it is emitted and formatted");
        let changed = app.replacen("kind: llm", "kind: llm\n    temperature: 0.25", 1);
        if changed != app && !app.contains("{ kind: llm") {
            assert!(compare(&graph, &with(&changed)).text().contains("+ temperature: 0.25"), "{name}");
            compared += 1;
        }
    }
    assert!(compared > 1);
}

#[test]
fn apps_in_pages() {
    let mut read = 0;
    for (name, page) in pages() {
        for block in blocks(&page).into_iter().filter(|block| block.info.starts_with("yaml")) {
            read += usize::from(check(&name, &block.text));
        }
    }
    assert!(read > 80, "only {read} apps in pages can be read");
    for kind in uzel_std::catalog().kinds {
        for example in kind.examples {
            assert!(check(example.title, example.app), "{}", example.title);
        }
    }
}

#[test]
fn mistakes_in_the_yaml_are_left_alone_and_all_others_keep_what_they_say() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/broken");
    let (mut read, mut left) = (0, vec![]);
    for (name, bytes) in files(&folder).into_iter().filter(|(name, _)| name.ends_with(".yaml")) {
        let text = String::from_utf8(bytes).expect("mistakes are text");
        if check(&name, &text) {
            read += 1;
        } else {
            left.push(name);
        }
    }
    assert!(read > 50, "only {read} can be read");
    for name in
        ["01-tab.yaml", "03-duplicate-key.yaml", "11-unquoted-braces-whole-value.yaml", "67-unclosed-quote.yaml"]
    {
        assert!(left.iter().any(|left| left == name), "{name} is formatted");
    }
}

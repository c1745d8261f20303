//! What every listed kind must have: examples that are right, in a list that is whole.

use std::{collections::BTreeMap, fs, path::Path};

use uzel_core::check::{Choices, read};

#[test]
fn examples_are_read_without_a_word_and_show_their_kind() {
    let catalog = uzel_std::catalog();
    let mut problems = vec![];
    for kind in &catalog.kinds {
        if kind.examples.is_empty() {
            problems.push(format!("the kind `{}` has no example", kind.name));
        }
        for example in kind.examples {
            let mut files: BTreeMap<String, Vec<u8>> =
                kind.files.iter().map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec())).collect();
            files.insert("app.yaml".to_owned(), example.app.as_bytes().to_vec());
            let reading = read("app.yaml", &files, &catalog, &Choices::default());
            let at = format!("`{}`, example \"{}\"", kind.name, example.title);
            problems.extend(reading.diagnostics.iter().map(|d| format!("{at}: {}: {}", d.code, d.message)));
            if let Some(graph) = reading.graph
                && graph.all_nodes().iter().all(|node| node.kind.name != kind.name)
            {
                problems.push(format!("{at}: no node is of this kind"));
            }
        }
    }
    assert_eq!(problems, Vec::<String>::new());
}

#[test]
fn every_kind_and_every_key_says_what_it_is() {
    for kind in uzel_std::catalog().kinds {
        assert!(!kind.summary.is_empty() && !kind.summary.ends_with('.'), "{}: {:?}", kind.name, kind.summary);
        let schema = (kind.schema)().to_value();
        assert!(schema["description"].is_string(), "`{}` has no doc comment on its config", kind.name);
        for (key, property) in schema["properties"].as_object().unwrap() {
            assert!(property["description"].is_string(), "`{key}` of `{}` has no doc comment", kind.name);
        }
    }
}

#[test]
fn every_kind_in_the_source_is_in_the_list() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = vec![];
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "rs") {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        for part in text.split("\nimpl Kind for ").skip(1) {
            let name = part.split("const NAME: &'static str = \"").nth(1).and_then(|rest| rest.split('"').next());
            found.push(name.unwrap_or_else(|| panic!("{}: a kind without a NAME", path.display())).to_owned());
        }
    }
    found.sort();
    let mut listed: Vec<&str> = uzel_std::catalog().kinds.iter().map(|kind| kind.name).collect();
    listed.sort_unstable();
    assert_eq!(found, listed);
}

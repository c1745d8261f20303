//! What the schema calls a name is what the checks call one: with other names every example means what it did.

use std::{collections::BTreeMap, fs, path::Path};

use uzel_core::{
    check::{Choices, Files, Reading},
    index::{Edit, Language, Shapes, Symbol, analyse, rename},
};

type App = BTreeMap<String, Vec<u8>>;

/// The files below a folder, by their path in it.
struct Folder<'p>(&'p Path);

impl Files for Folder<'_> {
    fn read(&self, path: &str) -> Result<Vec<u8>, String> {
        fs::read(self.0.join(path)).map_err(|error| error.to_string())
    }
}

fn apps(language: &Language<'_>) -> Vec<(String, App)> {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    let mut apps: Vec<(String, App)> = vec![];
    for folder in fs::read_dir(examples).unwrap() {
        let folder = folder.unwrap().path();
        let (_, index) = analyse("app.yaml", &Folder(&folder), language);
        let Some(index) = index else { continue };
        let paths = index.files().into_iter().map(str::to_owned).chain(["app.yaml".to_owned()]);
        let files = paths.map(|path| (path.clone(), fs::read(folder.join(&path)).unwrap())).collect();
        apps.push((folder.display().to_string(), files));
    }
    for kind in &language.catalog.kinds {
        for example in kind.examples {
            let files = BTreeMap::from([("app.yaml".to_owned(), example.app.as_bytes().to_vec())]);
            apps.push((format!("{}: {}", kind.name, example.title), files));
        }
    }
    apps
}

fn codes(reading: &Reading) -> Vec<&'static str> {
    reading.diagnostics.iter().map(|problem| problem.code.as_str()).collect()
}

fn applied(files: &App, edits: &[Edit]) -> App {
    let mut files = files.clone();
    for edit in edits.iter().rev() {
        let mut text = String::from_utf8(files[&edit.at.file].clone()).unwrap();
        text.replace_range(edit.at.start..edit.at.end, &edit.text);
        files.insert(edit.at.file.clone(), text.into_bytes());
    }
    files
}

/// Symbols and those inside of them.
fn all<'s>(symbols: &'s [Symbol], into: &mut Vec<&'s Symbol>) {
    for symbol in symbols {
        into.push(symbol);
        all(&symbol.children, into);
    }
}

#[test]
fn whatever_is_renamed_in_the_examples_nothing_breaks() {
    let schema =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../schema/app.schema.json")).unwrap();
    let (catalog, shapes) = (uzel_std::catalog(), Shapes::new(serde_json::from_str(&schema).unwrap()));
    let language = Language { catalog: &catalog, choices: &Choices::default(), shapes: &shapes };
    let mut renamed = 0;
    for (name, files) in apps(&language) {
        let (reading, index) = analyse("app.yaml", &files, &language);
        let (index, said) = (index.unwrap(), codes(&reading));
        for section in index.symbols() {
            if !["nodes", "models", "tools", "connections", "knowledge"].contains(&section.name.as_str()) {
                continue;
            }
            let mut symbols = vec![];
            all(&section.children, &mut symbols);
            for symbol in symbols {
                let to = format!("{}_2", symbol.name);
                let edits = if section.name == "nodes" {
                    let renamed = rename("app.yaml", &files, &language, ("app.yaml", symbol.at.start), &to);
                    renamed.unwrap_or_else(|refused| panic!("{name}: {}: {}", symbol.name, refused.message))
                } else {
                    let places = index.references("app.yaml", symbol.at.start, true);
                    places.into_iter().map(|at| Edit { at, text: to.clone() }).collect()
                };
                let (after, _) = analyse("app.yaml", &applied(&files, &edits), &language);
                let words: Vec<&str> = after.diagnostics.iter().map(|problem| problem.message.as_str()).collect();
                assert_eq!(codes(&after), said, "{name}: {} of {}: {words:?}", symbol.name, section.name);
                renamed += 1;
            }
        }
    }
    assert!(renamed > 50, "only {renamed} names");
}

//! Files that are made from the code: the schema for editors and the pages of the reference. One test makes them again
//! and compares; `make generate` writes them.

use std::{fs, path::Path};

use crate::schema;

mod cli;
mod operations;
mod pages;
mod table;

/// Where the files stand, from the root of the repository, and what must be in them.
fn files() -> Vec<(&'static str, String)> {
    vec![
        ("schema/app.schema.json", schema::printed()),
        ("docs/reference/README.md", pages::contents()),
        ("docs/reference/app.md", pages::app()),
        ("docs/reference/kinds.md", pages::kinds()),
        ("docs/reference/models.md", pages::models()),
        ("docs/reference/tools.md", pages::tools()),
        ("docs/reference/functions.md", pages::functions()),
        ("docs/reference/expressions.md", operations::expressions()),
        ("docs/reference/diagnostics.md", operations::diagnostics()),
        ("docs/reference/cli.md", cli::page()),
    ]
}

#[test]
#[expect(clippy::disallowed_methods, reason = "`make generate` asks by a variable")]
fn generated_files_are_not_stale() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let write = std::env::var("UZEL_GENERATE").is_ok_and(|value| value == "1");
    let mut stale = vec![];
    for (path, wanted) in files() {
        let file = root.join(path);
        if fs::read_to_string(&file).is_ok_and(|found| found == wanted) {
            continue;
        }
        if write {
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(&file, wanted).unwrap();
        } else {
            stale.push(path);
        }
    }
    assert!(stale.is_empty(), "not what the code says any more: {}. Run `make generate`.", stale.join(", "));
}

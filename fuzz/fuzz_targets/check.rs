//! Any bytes as an app file: reading and checking it must neither panic nor take long. Run by scripts/fuzz.
//!
//! The same bytes are also the prompt file of an app, so that mutations reach templates without YAML around them.
#![no_main]

mod catalog;

use std::{collections::BTreeMap, sync::LazyLock};

use libfuzzer_sys::fuzz_target;
use uzel_core::{
    check::{Choices, read},
    kind::Catalog,
};

static CATALOG: LazyLock<Catalog> = LazyLock::new(catalog::catalog);

const APP: &str = r#"
version: 1
inputs: { message: string, order: { id: string, total: number } | null, tags: [string] }
models: { fast: { use: offline } }
nodes:
  a: { kind: llm, model: fast, prompt: prompt.md, output: { label: { enum: [x, y] }, note: string | null } }
output: { label: "${{ a.label }}" }
"#;

fuzz_target!(|bytes: &[u8]| check(bytes));

fn check(bytes: &[u8]) {
    let choices = Choices::default();
    let app = BTreeMap::from([("app.yaml".to_owned(), bytes.to_vec())]);
    let reading = read("app.yaml", &app, &CATALOG, &choices);
    assert_eq!(reading.graph.is_none(), reading.diagnostics.has_errors());
    for diagnostic in &reading.diagnostics {
        if let Some(at) = diagnostic.at {
            let place = reading.sources.position(at);
            assert!(place.line > 0 && place.column > 0);
        }
    }
    let prompt = BTreeMap::from([("app.yaml".to_owned(), APP.into()), ("prompt.md".to_owned(), bytes.to_vec())]);
    read("app.yaml", &prompt, &CATALOG, &choices);
}

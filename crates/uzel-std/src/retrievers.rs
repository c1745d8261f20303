//! Retrievers that ship with uzel: what `knowledge` in an app file builds.

use std::sync::Arc;

use uzel_core::{
    kind::{RetrieverDef, config_again},
    yaml,
};

pub mod files;

/// A folder of Markdown and text: `knowledge: { policies: { files: docs/**/*.md } }`.
pub const FILES: RetrieverDef = RetrieverDef {
    name: "files",
    summary: "a folder of Markdown and text, searched by BM25",
    schema: || schemars::schema_for!(files::Config),
    check: |tree, cx| {
        yaml::from_tree::<files::Config>(tree, cx.out);
    },
    build: |name, tree, cx| {
        let config: files::Config = config_again(tree)?;
        Ok(Arc::new(files::Files::new(name, config, cx.surroundings.folder, cx.surroundings.cache)))
    },
};

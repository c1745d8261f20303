//! Releases: an immutable, hashed copy of an app with the files it names. Runs are pinned to one.

use std::{collections::BTreeMap, sync::Arc};

use uzel_core::{
    check::{Choices, Reading, read},
    event::{ReleaseId, Time},
    graph::Graph,
    hash,
    kind::Catalog,
    store::Release,
};

/// The release that a graph is: the files that were read to make it, and the choices made outside them.
pub fn of_graph(graph: &Graph, path: &str, choices: &Choices, now: Time) -> Release {
    let mut parts: Vec<&[u8]> = vec![b"uzel release 1", graph.main.as_bytes()];
    for (name, bytes) in &graph.files {
        parts.extend([name.as_bytes(), bytes.as_slice()]);
    }
    parts.push(b"models");
    for (name, model) in &choices.models {
        parts.extend([name.as_bytes(), model.as_bytes()]);
    }
    // Releases without overlays have the names that they had before there were any.
    if !choices.overlays.is_empty() {
        parts.push(b"overlays");
        parts.extend(choices.overlays.iter().map(String::as_bytes));
    }
    Release {
        id: ReleaseId::from(hash::of_parts(parts)),
        app: graph.name.clone(),
        path: path.to_owned(),
        files: graph.files.clone(),
        main: graph.main.clone(),
        models: choices.models.clone(),
        overlays: choices.overlays.clone(),
        created: now,
    }
}

/// Reads the app of a release again, from its own files.
pub fn reread(release: &Release, catalog: &Catalog) -> Reading {
    let files: &BTreeMap<String, Vec<u8>> = &release.files;
    let choices = Choices { models: release.models.clone(), overlays: release.overlays.clone(), ..Choices::default() };
    read(&release.main, files, catalog, &choices)
}

/// The graph of a release, or the first thing that is wrong with it today.
pub fn graph_of(release: &Release, catalog: &Catalog) -> Result<Arc<Graph>, String> {
    let reading = reread(release, catalog);
    reading.graph.ok_or_else(|| {
        let first = reading.diagnostics.iter().next();
        let why = first.map_or_else(String::new, |d| format!("{}: {}", d.code, d.message));
        format!("release {} of `{}` cannot be read by this program: {why}", release.id, release.app)
    })
}

//! What is wrong with an app, as the protocol says it. Sent whenever something was edited.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use serde_json::{Value, json};
use uzel_core::{
    check::Reading,
    diagnostic::{Code, Diagnostic, Severity},
    source::{Source, Span},
};

use super::{
    text::{Encoding, Lines},
    uri,
    workspace::{Said, Workspace},
};
use crate::templates;

/// What a client can show.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Shown {
    pub(super) encoding: Encoding,
    /// Whether it shows other places that have to do with a problem.
    pub(super) related: bool,
}

/// Checks an app again; gives the messages that tell the client, one for each file about which something is or was said.
pub(super) fn publish(workspace: &mut Workspace, main: &Path, shown: Shown) -> Vec<Value> {
    let Some(reading) = workspace.check(main) else { return vec![] };
    // An app that was found above a document may turn out not to read it.
    let wanted = workspace.is_wanted(main);
    let Some(app) = workspace.apps.get(main) else { return vec![] };
    let folder = app.folder.clone();
    let before = app.shown.clone();
    let (files, said) =
        if wanted { by_file(workspace, main, &folder, &reading, shown) } else { (Files::new(), vec![]) };
    let now: BTreeSet<PathBuf> = files.keys().cloned().collect();
    let mut messages = vec![];
    for path in before.union(&now) {
        let list = files.get(path).cloned().unwrap_or_default();
        let mut params = json!({ "uri": workspace.uri(path), "diagnostics": list });
        if let Some(open) = workspace.open.get(path) {
            params["version"] = json!(open.version);
        }
        messages.push(params);
    }
    match workspace.apps.get_mut(main) {
        Some(app) if wanted => {
            app.said = said;
            app.shown = now;
        }
        _ => drop(workspace.apps.remove(main)),
    }
    messages
}

type Files = BTreeMap<PathBuf, Vec<Value>>;

fn by_file(workspace: &Workspace, main: &Path, folder: &Path, reading: &Reading, shown: Shown) -> (Files, Vec<Said>) {
    // The app file is told even when nothing is wrong: the client waits for it.
    let mut files: Files = BTreeMap::from([(main.to_owned(), vec![])]);
    let mut said = vec![];
    let mut places = Places { workspace, folder, reading, shown, lines: BTreeMap::new() };
    for diagnostic in &reading.diagnostics {
        let (path, range) =
            diagnostic.at.and_then(|at| places.place(at)).unwrap_or_else(|| (main.to_owned(), json!(null)));
        if let Some(at) = diagnostic.at {
            let range = at.start as usize..at.end as usize;
            said.push(Said { path: path.clone(), range, code: diagnostic.code });
        }
        let one = one(diagnostic, range, &mut places);
        let list = files.entry(path).or_default();
        // A prompt that two nodes use is read twice.
        if !list.contains(&one) {
            list.push(one);
        }
    }
    let left_out = reading.diagnostics.left_out();
    if left_out > 0 {
        let more = json!({
            "range": nowhere(), "severity": 1, "source": "uzel", "message": format!("{left_out} more problems are not shown"),
        });
        files.entry(main.to_owned()).or_default().push(more);
    }
    (files, said)
}

fn nowhere() -> Value {
    json!({ "start": { "line": 0, "character": 0 }, "end": { "line": 0, "character": 0 } })
}

fn one(diagnostic: &Diagnostic, range: Value, places: &mut Places<'_>) -> Value {
    let severity = match diagnostic.severity {
        Severity::Error => 1,
        Severity::Warning => 2,
        Severity::Note => 3,
    };
    let mut message = diagnostic.message.clone();
    let mut related = vec![];
    for label in &diagnostic.labels {
        let place = places.place(label.at).filter(|_| places.shown.related && Some(label.at) != diagnostic.at);
        match place {
            Some((path, range)) => {
                let location = json!({ "uri": places.workspace.uri(&path), "range": range });
                related.push(json!({ "location": location, "message": label.text }));
            }
            None => message += &format!("\n{}", label.text),
        }
    }
    if let Some(help) = &diagnostic.help {
        message += &format!("\nhelp: {help}");
    }
    message += &format!("\nmore: uzel explain {}", diagnostic.code);
    json!({
        "range": if range.is_null() { nowhere() } else { range },
        "severity": severity,
        "code": diagnostic.code,
        "source": "uzel",
        "message": message,
        "relatedInformation": related,
    })
}

/// Turns spans into places; lines of each source are counted once.
struct Places<'p> {
    workspace: &'p Workspace,
    folder: &'p Path,
    reading: &'p Reading,
    shown: Shown,
    lines: BTreeMap<u32, (PathBuf, Lines<'p>)>,
}

impl Places<'_> {
    fn place(&mut self, at: Span) -> Option<(PathBuf, Value)> {
        let Source::Text { path, text } = self.reading.sources.get(at.source)? else { return None };
        let (folder, encoding) = (self.folder, self.shown.encoding);
        let (path, lines) = self
            .lines
            .entry(at.source.0)
            .or_insert_with(|| (uri::plain(&folder.join(path)), Lines::new(text, encoding)));
        Some((path.clone(), json!(lines.stretch(at.start as usize..at.end as usize))))
    }
}

/// What a code means, from its page, for who asks at a place with a problem.
pub(super) fn meaning(code: Code) -> String {
    let page = templates::error_page(code).unwrap_or_default();
    let meaning = page.split("## What it means").nth(1).and_then(|rest| rest.split("\n## ").next());
    format!(
        "**{code}**: {}\n\n{}\n\n`uzel explain {code}` has an example.",
        code.title(),
        meaning.unwrap_or_default().trim()
    )
}

//! Answers to what is asked about a place, as the protocol wants them.

use std::{collections::BTreeMap, path::Path};

use serde_json::{Value, json};
use uzel_core::{
    diagnostic::Diagnostics,
    index::{Edit, Index, Item, ItemSort, Place, Symbol, SymbolSort, complete, rename},
    source::SourceId,
    yaml,
};

use super::{
    diagnostics,
    protocol::{ErrorCode, Refusal},
    text::{Encoding, Lines, Position},
    uri,
    workspace::{App, Asked, Workspace, now},
};

/// Somebody who answers about places.
pub(super) struct Answers<'w> {
    pub(super) workspace: &'w Workspace,
    pub(super) encoding: Encoding,
}

impl<'w> Answers<'w> {
    fn lines<'t>(&self, text: &'t str) -> Lines<'t> {
        Lines::new(text, self.encoding)
    }

    fn ask(&self, path: &Path, at: Position) -> Option<(Asked<'w>, usize)> {
        let asked = self.workspace.ask(path)?;
        let offset = self.lines(&asked.text).offset(at);
        Some((asked, offset))
    }

    /// A place as the client names it; none when it is in a part that was edited since.
    fn location(&self, app: &App, index: &Index, place: &Place) -> Option<Value> {
        let text = self.workspace.text(app, &place.file)?;
        let range = self.lines(&text).stretch(now(index, place, &text)?);
        let path = uri::plain(&app.folder.join(&place.file));
        Some(json!({ "uri": self.workspace.uri(&path), "range": range }))
    }

    pub(super) fn hover(&self, path: &Path, at: Position) -> Option<Value> {
        let (asked, offset) = self.ask(path, at)?;
        let known = asked.in_known(offset);
        let said = known.and_then(|(index, offset)| index.hover(&asked.file, offset, &self.workspace.language()));
        let mut texts: Vec<String> = vec![];
        let mut range = None;
        if let (Some(hover), Some((index, _))) = (said, known) {
            range = now(index, &hover.at, &asked.text).map(|range| self.lines(&asked.text).stretch(range));
            texts.push(hover.text);
        }
        let problems = asked.app.said.iter().filter(|said| said.path == path);
        let mut codes: Vec<_> = problems
            .filter(|said| said.range.start <= offset && offset <= said.range.end)
            .map(|said| said.code)
            .collect();
        codes.dedup();
        // Where everything is wrong, nothing is explained.
        texts.extend(codes.into_iter().take(2).map(diagnostics::meaning));
        let contents = json!({ "kind": "markdown", "value": texts.join("\n\n---\n\n") });
        (!texts.is_empty()).then(|| match range {
            Some(range) => json!({ "contents": contents, "range": range }),
            None => json!({ "contents": contents }),
        })
    }

    pub(super) fn definition(&self, path: &Path, at: Position) -> Option<Value> {
        let (asked, offset) = self.ask(path, at)?;
        let (index, offset) = asked.in_known(offset)?;
        self.location(asked.app, index, &index.definition(&asked.file, offset)?)
    }

    pub(super) fn references(&self, path: &Path, at: Position, declaration: bool) -> Vec<Value> {
        let found = self.ask(path, at).and_then(|(asked, offset)| {
            let (index, offset) = asked.in_known(offset)?;
            let places = index.references(&asked.file, offset, declaration);
            Some(places.iter().filter_map(|place| self.location(asked.app, index, place)).collect())
        });
        found.unwrap_or_default()
    }

    pub(super) fn highlights(&self, path: &Path, at: Position) -> Vec<Value> {
        let here = self.workspace.uri(path);
        let places = self.references(path, at, true);
        places
            .into_iter()
            .filter(|place| place["uri"] == here)
            .map(|place| json!({ "range": place["range"] }))
            .collect()
    }

    pub(super) fn symbols(&self, path: &Path) -> Vec<Value> {
        let found = self.workspace.ask(path).and_then(|asked| {
            let index = asked.app.known.as_ref().filter(|index| index.main() == asked.file)?;
            let lines = self.lines(&asked.text);
            Some(index.symbols().iter().filter_map(|symbol| outline(symbol, index, &asked.text, &lines)).collect())
        });
        found.unwrap_or_default()
    }

    /// The edit that puts a document into the one layout; none for what cannot be parsed, and for files that are no app's.
    pub(super) fn formatting(&self, path: &Path) -> Option<Vec<Value>> {
        let yaml = path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml");
        let text = self.workspace.ask(path).filter(|_| yaml)?.text;
        let formatted = yaml::format(SourceId(0), &text, &mut Diagnostics::default())?;
        if *text == *formatted {
            return Some(vec![]);
        }
        // Lines that stay as they are stay out of the edit, so that the cursor stays where it is.
        let bytes = |(old, _): (&str, &str)| old.len();
        let (old, new) = (|| text.split_inclusive('\n'), || formatted.split_inclusive('\n'));
        let start: usize = old().zip(new()).take_while(|(old, new)| old == new).map(bytes).sum();
        let rest = (text.get(start..).unwrap_or_default(), formatted.get(start..).unwrap_or_default());
        let (old, new) = (rest.0.split_inclusive('\n').rev(), rest.1.split_inclusive('\n').rev());
        let end: usize = old.zip(new).take_while(|(old, new)| old == new).map(bytes).sum();
        let range = self.lines(&text).stretch(start..text.len() - end);
        let new = rest.1.get(..rest.1.len() - end).unwrap_or_default();
        Some(vec![json!({ "range": range, "newText": new })])
    }

    pub(super) fn completion(&self, path: &Path, at: Position) -> Value {
        let found = self.ask(path, at).and_then(|(asked, offset)| {
            let overlay = self.workspace.overlay(&asked.app.folder);
            let place = (asked.file.as_str(), offset);
            let known = asked.app.known.as_ref();
            let found = complete(&asked.app.main, &overlay, &self.workspace.language(), place, known)?;
            let range = self.lines(&asked.text).stretch(found.replace.start..found.replace.end);
            let items = found.items.iter().enumerate();
            Some(items.map(|(order, item)| offer(item, order, &json!(range))).collect::<Vec<_>>())
        });
        json!({ "isIncomplete": false, "items": found.unwrap_or_default() })
    }

    pub(super) fn prepare_rename(&self, path: &Path, at: Position) -> Result<Value, Refusal> {
        let found = self.ask(path, at).and_then(|(asked, offset)| {
            let (index, offset) = asked.in_known(offset)?;
            let (place, name) = index.renamable(&asked.file, offset)?;
            let range = self.lines(&asked.text).stretch(now(index, &place, &asked.text)?);
            Some(json!({ "range": range, "placeholder": name }))
        });
        found.ok_or_else(|| Refusal::new(ErrorCode::Failed, "there is no node's name here; only nodes can be renamed"))
    }

    pub(super) fn rename(&self, path: &Path, at: Position, to: &str) -> Result<Value, Refusal> {
        let Some((asked, offset)) = self.ask(path, at) else {
            return Err(Refusal::new(ErrorCode::Failed, "this document belongs to no app"));
        };
        let app = asked.app;
        let overlay = self.workspace.overlay(&app.folder);
        let place = (asked.file.as_str(), offset);
        let edits = rename(&app.main, &overlay, &self.workspace.language(), place, to).map_err(|refused| {
            let help = refused.help.map_or_else(String::new, |help| format!(" ({help})"));
            Refusal::new(ErrorCode::Failed, format!("{}: {}{help}", refused.code, refused.message))
        })?;
        Ok(json!({ "changes": self.changes(app, &edits) }))
    }

    /// Edits by file. They are for the texts as they stand now: the rename has just read them.
    fn changes(&self, app: &App, edits: &[Edit]) -> BTreeMap<String, Vec<Value>> {
        let mut changes: BTreeMap<String, Vec<Value>> = BTreeMap::new();
        for of_file in edits.chunk_by(|a, b| a.at.file == b.at.file) {
            let Some(file) = of_file.first().map(|edit| &edit.at.file) else { continue };
            let Some(text) = self.workspace.text(app, file) else { continue };
            let lines = self.lines(&text);
            let list = of_file
                .iter()
                .map(|edit| json!({ "range": lines.stretch(edit.at.start..edit.at.end), "newText": edit.text }));
            changes.insert(self.workspace.uri(&uri::plain(&app.folder.join(file))), list.collect());
        }
        changes
    }
}

fn outline(symbol: &Symbol, index: &Index, text: &str, lines: &Lines<'_>) -> Option<Value> {
    let sort = match symbol.sort {
        SymbolSort::Section => 3,
        SymbolSort::Node => 12,
        SymbolSort::Declaration => 14,
    };
    let children = symbol.children.iter().filter_map(|child| outline(child, index, text, lines)).collect::<Vec<_>>();
    Some(json!({
        "name": symbol.name,
        "detail": symbol.detail,
        "kind": sort,
        "range": lines.stretch(now(index, &symbol.whole, text)?),
        "selectionRange": lines.stretch(now(index, &symbol.at, text)?),
        "children": children,
    }))
}

fn offer(item: &Item, order: usize, range: &Value) -> Value {
    let sort = match item.sort {
        ItemSort::Local | ItemSort::Node | ItemSort::Root => 6,
        ItemSort::Field => 5,
        ItemSort::Key => 10,
        ItemSort::Word => 20,
        ItemSort::Name => 18,
        ItemSort::Function => 3,
    };
    let mut offer = json!({
        "label": item.label,
        "kind": sort,
        "sortText": format!("{order:05}"),
        "textEdit": { "range": range, "newText": item.insert },
    });
    if !item.detail.is_empty() {
        offer["detail"] = json!(item.detail);
    }
    if !item.about.is_empty() {
        offer["documentation"] = json!({ "kind": "markdown", "value": item.about });
    }
    offer
}

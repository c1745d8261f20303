//! The documents that are open, and the apps that they belong to. What is open stands before what is on disk.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    ops::Range,
    path::{Path, PathBuf},
    sync::Mutex,
};

use uzel_core::{
    check::{Choices, Files, Reading},
    date::Date,
    diagnostic::Code,
    index::{Index, Language, Place, Shapes, analyse, moved},
    kind::Catalog,
};
use uzel_runtime::world::{RealWorld, World};

use super::uri;
use crate::{commands::schema, project::Folder};

/// Folders above a document in which its app is looked for.
const UPWARDS: usize = 8;

/// A document as it stands in the editor.
#[derive(Debug)]
pub(super) struct Open {
    /// As the client names it.
    pub(super) uri: String,
    pub(super) text: String,
    pub(super) version: i64,
}

/// Something that was said about a place, for who asks there.
#[derive(Debug)]
pub(super) struct Said {
    pub(super) path: PathBuf,
    pub(super) range: Range<usize>,
    pub(super) code: Code,
}

/// An app that an open document belongs to.
#[derive(Debug, Default)]
pub(super) struct App {
    pub(super) folder: PathBuf,
    pub(super) main: String,
    /// Of the last texts that could be parsed.
    pub(super) known: Option<Index>,
    /// Files that the last check asked for, whether they are there or not.
    pub(super) reads: BTreeSet<PathBuf>,
    pub(super) said: Vec<Said>,
    /// Files about which something is shown.
    pub(super) shown: BTreeSet<PathBuf>,
    pub(super) dirty: bool,
}

/// Everything that is known.
pub(super) struct Workspace {
    pub(super) open: BTreeMap<PathBuf, Open>,
    pub(super) apps: BTreeMap<PathBuf, App>,
    catalog: Catalog,
    choices: Choices,
    shapes: Shapes,
}

/// The files of an app, as they are in the editor or else on disk. Remembers what was asked for.
pub(super) struct Overlay<'w> {
    folder: &'w Path,
    open: &'w BTreeMap<PathBuf, Open>,
    asked: Mutex<BTreeSet<PathBuf>>,
}

impl Files for Overlay<'_> {
    fn read(&self, path: &str) -> Result<Vec<u8>, String> {
        let full = uri::plain(&self.folder.join(path));
        let text = self.open.get(&full).map(|open| open.text.clone().into_bytes());
        if let Ok(mut asked) = self.asked.lock() {
            asked.insert(full);
        }
        text.map_or_else(|| Folder(self.folder).read(path), Ok)
    }
}

/// A place of an app that is asked about.
pub(super) struct Asked<'w> {
    pub(super) app: &'w App,
    /// The file as the app names it.
    pub(super) file: String,
    /// As it stands now.
    pub(super) text: Cow<'w, str>,
}

impl Workspace {
    pub(super) fn new() -> Self {
        let catalog = uzel_std::catalog();
        let shapes = Shapes::new(schema::schema(&catalog));
        Self { open: BTreeMap::new(), apps: BTreeMap::new(), catalog, choices: Choices::default(), shapes }
    }

    pub(super) fn language(&self) -> Language<'_> {
        Language { catalog: &self.catalog, choices: &self.choices, shapes: &self.shapes }
    }

    pub(super) fn overlay<'w>(&'w self, folder: &'w Path) -> Overlay<'w> {
        Overlay { folder, open: &self.open, asked: Mutex::default() }
    }

    /// A document was opened, or its text is another one.
    pub(super) fn put(&mut self, path: &Path, open: Open) {
        let app = is_app(path, &open.text);
        let fresh = self.open.insert(path.to_owned(), open).is_none();
        if app {
            self.add(path);
        } else if fresh && !self.apps.values().any(|app| app.reads.contains(path)) {
            self.owner_of(path).into_iter().for_each(|owner| self.add(&owner));
        }
        self.touched(path);
    }

    /// A document was closed: what is on disk counts again.
    pub(super) fn close(&mut self, path: &Path) {
        self.open.remove(path);
        self.touched(path);
    }

    fn add(&mut self, path: &Path) {
        let (Some(folder), Some(main)) = (path.parent(), path.file_name().and_then(|name| name.to_str())) else {
            return;
        };
        let new = App { folder: folder.to_owned(), main: main.to_owned(), dirty: true, ..App::default() };
        self.apps.entry(path.to_owned()).or_insert(new);
    }

    /// The app file nearest above a document.
    fn owner_of(&self, path: &Path) -> Option<PathBuf> {
        let folders = path.ancestors().skip(1).take(UPWARDS);
        let mut files = folders.flat_map(|folder| ["app.yaml", "app.yml"].map(|name| folder.join(name)));
        files.find(|file| self.open.contains_key(file) || file.is_file())
    }

    fn touched(&mut self, path: &Path) {
        for (main, app) in &mut self.apps {
            app.dirty |= main == path || app.reads.contains(path);
        }
    }

    /// Anything on disk may have changed.
    pub(super) fn touch_all(&mut self) {
        self.apps.values_mut().for_each(|app| app.dirty = true);
    }

    /// The apps that must be checked again.
    pub(super) fn dirty(&self) -> Vec<PathBuf> {
        self.apps.iter().filter(|(_, app)| app.dirty).map(|(path, _)| path.clone()).collect()
    }

    /// Checks an app; what is known of it is replaced when its file can be parsed.
    pub(super) fn check(&mut self, main: &Path) -> Option<Reading> {
        self.choices.today = Some(Date::of(RealWorld::default().now()));
        let app = self.apps.get(main)?;
        let overlay = self.overlay(&app.folder);
        let (reading, index) = analyse(&app.main, &overlay, &self.language());
        let reads = overlay.asked.into_inner().unwrap_or_default();
        let app = self.apps.get_mut(main)?;
        app.dirty = false;
        app.reads = reads;
        let better = index.as_ref().is_some_and(Index::is_whole);
        if better || app.known.as_ref().is_none_or(|known| !known.is_whole()) {
            app.known = index.or(app.known.take());
        }
        Some(reading)
    }

    /// Whether anything that is open belongs to an app.
    pub(super) fn is_wanted(&self, main: &Path) -> bool {
        let reads = self.apps.get(main).map(|app| &app.reads);
        self.open.keys().any(|open| open == main || reads.is_some_and(|reads| reads.contains(open)))
    }

    /// The app that a document belongs to: its own, or one that reads it.
    pub(super) fn ask(&self, path: &Path) -> Option<Asked<'_>> {
        let app = self.apps.get(path).or_else(|| self.apps.values().find(|app| app.reads.contains(path)))?;
        let inside = path.strip_prefix(&app.folder).ok()?;
        let parts: Vec<&str> = inside.components().filter_map(|part| part.as_os_str().to_str()).collect();
        let file = parts.join("/");
        let text = self.text(app, &file)?;
        Some(Asked { app, file, text })
    }

    /// The text of an app's file as it stands now.
    pub(super) fn text<'w>(&'w self, app: &'w App, file: &str) -> Option<Cow<'w, str>> {
        if let Some(open) = self.open.get(&uri::plain(&app.folder.join(file))) {
            return Some(Cow::Borrowed(&open.text));
        }
        let known = app.known.as_ref().and_then(|index| index.text(file));
        known.map(Cow::Borrowed).or_else(|| {
            let bytes = Folder(&app.folder).read(file).ok()?;
            String::from_utf8(bytes).ok().map(Cow::Owned)
        })
    }

    /// The URI of an app's file, as the client names it if it does.
    pub(super) fn uri(&self, path: &Path) -> String {
        self.open.get(path).map_or_else(|| uri::from_path(path), |open| open.uri.clone())
    }
}

impl Asked<'_> {
    /// Where a byte of the text is in what is known.
    pub(super) fn in_known(&self, offset: usize) -> Option<(&Index, usize)> {
        let index = self.app.known.as_ref()?;
        let text = index.text(&self.file)?;
        Some((index, moved(&self.text, text, offset)?))
    }
}

/// Where a place of what is known stands now.
pub(super) fn now(index: &Index, place: &Place, text: &str) -> Option<Range<usize>> {
    let known = index.text(&place.file).unwrap_or_default();
    let start = moved(known, text, place.start)?;
    let end = moved(known, text, place.end)?;
    Some(start..end.max(start))
}

/// Whether a document is an app. Other YAML is none of our business.
fn is_app(path: &Path, text: &str) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let yaml = path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml");
    let has = |key: &str| text.lines().any(|line| line.strip_prefix(key).is_some_and(|rest| rest.starts_with(':')));
    name == "app.yaml" || name == "app.yml" || yaml && has("nodes") && has("version")
}

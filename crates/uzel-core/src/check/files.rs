//! The files of an app: each is read once, so that what is checked is what is hashed and run.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use crate::{
    diagnostic::{Code, Diagnostic, Diagnostics, did_you_mean},
    expr::heard::Listener,
    source::{Source, SourceId, Sources, Span},
    yaml::{self, Text, Tree},
};

/// Where a document's files come from: a folder, a release, a test's table. Paths are relative to the app's folder.
pub trait Files: Send + Sync {
    /// The file's bytes, or why there are none, in words.
    fn read(&self, path: &str) -> Result<Vec<u8>, String>;

    /// Paths of some files that are in the same folder as this one would be, for hints; none if that is not known.
    fn beside(&self, _path: &str) -> Vec<String> {
        vec![]
    }
}

impl Files for BTreeMap<String, Vec<u8>> {
    fn read(&self, path: &str) -> Result<Vec<u8>, String> {
        self.get(path).cloned().ok_or_else(|| "there is no such file".to_owned())
    }

    fn beside(&self, _path: &str) -> Vec<String> {
        self.keys().cloned().collect()
    }
}

/// Reads files once and remembers them: they become part of the release.
pub(crate) struct Reader<'a> {
    files: &'a dyn Files,
    pub(super) sources: Sources,
    read: BTreeMap<String, Vec<u8>>,
    /// Files that are texts; none for one that could not be read, which has been reported where it was named first.
    texts: BTreeMap<String, Option<Text>>,
    /// Folder of the app that is being read, below that of the main one: empty, or ends in `/`.
    pub(super) folder: String,
    /// The apps that are being read, outermost first.
    pub(super) stack: Vec<String>,
    pub(super) listener: Option<Listener>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(files: &'a dyn Files) -> Self {
        Self {
            files,
            sources: Sources::default(),
            read: BTreeMap::new(),
            texts: BTreeMap::new(),
            folder: String::new(),
            stack: vec![],
            listener: None,
        }
    }

    /// What was read, by path.
    pub(super) fn take_read(&mut self) -> BTreeMap<String, Vec<u8>> {
        std::mem::take(&mut self.read)
    }

    /// A file that is YAML, named from outside the app.
    pub(super) fn tree(&mut self, path: &str, out: &mut Diagnostics) -> Option<Tree> {
        match self.files.read(path) {
            Err(cause) => {
                let at = Span::new(self.sources.add_text(path, ""), 0..0);
                let beside = self.files.beside(path);
                let help = did_you_mean(path, beside.iter().map(String::as_str));
                let message = format!("`{path}` cannot be read: {cause}");
                out.push(Diagnostic::new(Code::FILE_UNREADABLE, at, message).maybe_help(help));
                None
            }
            Ok(bytes) => {
                let (source, text) = self.decode(path, bytes, out)?;
                yaml::parse(source, &text, out)
            }
        }
    }

    /// A file that the document names at `at`, as text. Only below the app's folder.
    pub(super) fn text(&mut self, path: &str, at: Span, out: &mut Diagnostics) -> Option<Text> {
        let climbs = Path::new(path).is_absolute() || path.split(['/', '\\']).any(|part| part == "..");
        if climbs {
            out.push(
                Diagnostic::new(Code::FILE_UNREADABLE, at, format!("`{path}` is outside the app's folder"))
                    .help("move the file below the folder of the app file, and write the path from there"),
            );
            return None;
        }
        let whole = self.path(path);
        if let Some(known) = self.texts.get(&whole) {
            return known.clone();
        }
        let bytes = match self.files.read(&whole) {
            Ok(bytes) => bytes,
            Err(cause) => {
                let message = format!("`{whole}` cannot be read: {cause}");
                let help = self.hint(path, at);
                out.push(Diagnostic::new(Code::FILE_UNREADABLE, at, message).help(help));
                return None;
            }
        };
        let text = self.decode(&whole, bytes, out).map(|(source, text)| Text::whole(text, source));
        self.texts.insert(whole, text.clone());
        text
    }

    /// A path in the app that is being read, from the folder of the main one.
    pub(super) fn path(&self, path: &str) -> String {
        let path = path.trim_start_matches("./");
        format!("{}{path}", self.folder)
    }

    /// The files that were read below a folder, by their paths from there.
    pub(super) fn below(&self, folder: &str) -> BTreeMap<String, Vec<u8>> {
        let inside = self.read.iter().filter_map(|(path, bytes)| Some((path.strip_prefix(folder)?, bytes)));
        inside.map(|(path, bytes)| (path.to_owned(), bytes.clone())).collect()
    }

    /// What to type instead of the path of a file that is not there.
    fn hint(&self, path: &str, at: Span) -> String {
        let rule = "paths are relative to the folder of the app file";
        let from_here = match self.sources.get(at.source) {
            Some(Source::Text { path: naming, .. }) => {
                naming.rsplit_once('/').map(|(folder, _)| format!("{folder}/{path}"))
            }
            _ => None,
        };
        if let Some(found) = from_here.filter(|found| self.files.read(found).is_ok())
            && let Some(found) = found.strip_prefix(&self.folder)
        {
            return format!("write `{found}`: {rule}");
        }
        let beside = self.files.beside(&self.path(path));
        let beside = beside.iter().filter_map(|path| path.strip_prefix(&self.folder));
        did_you_mean(path, beside).unwrap_or_else(|| rule.to_owned())
    }

    /// Makes a source of a file, and remembers the file.
    fn decode(&mut self, path: &str, bytes: Vec<u8>, out: &mut Diagnostics) -> Option<(SourceId, Arc<str>)> {
        let text = yaml::decode(path, &bytes, &mut self.sources, out);
        self.read.insert(path.to_owned(), bytes);
        text
    }
}

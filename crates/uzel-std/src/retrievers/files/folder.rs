//! Lists the files that globs name, in a stable order. Used by the file retriever.

use std::{
    fs,
    path::{Path, PathBuf},
    time::UNIX_EPOCH,
};

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use sha2::{Digest as _, Sha256};

/// Biggest file, in bytes.
const MAX_FILE: u64 = 5 << 20;
/// How many files may fit, and how many names are looked at.
const MAX_FILES: usize = 20_000;
const MAX_NAMES: usize = 200_000;

/// A file as the index knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// Path under the base, with `/`.
    pub(super) path: String,
    /// In bytes.
    pub(super) size: u64,
    /// In nanoseconds since 1970; 0 where the disk does not know.
    pub(super) modified: i64,
}

/// The files under `base` that fit one of the globs, by path.
pub(super) fn list(base: &Path, globs: &[String]) -> Result<Vec<Entry>, String> {
    let mut set = GlobSetBuilder::new();
    let mut roots: Vec<PathBuf> = vec![];
    for glob in globs {
        let clean = glob.trim_start_matches("./");
        if clean.is_empty() || clean.starts_with('/') || clean.split('/').any(|part| part == "..") {
            return Err(format!(
                "`files: {glob}` must name files under the app's folder: no `..`, no `/` at the start"
            ));
        }
        let built = GlobBuilder::new(clean).literal_separator(true).build();
        set.add(built.map_err(|error| format!("`files: {glob}` is no glob: {}", error.kind()))?);
        let literal: PathBuf = clean.split('/').take_while(|part| !part.contains(['*', '?', '[', '{', '\\'])).collect();
        roots.push(literal);
    }
    let set = set.build().map_err(|error| format!("`files` is too much: {error}"))?;
    roots.sort();
    let mut walk = Walk { base, set, found: vec![], seen: 0 };
    for (at, root) in roots.iter().enumerate() {
        if !roots[..at].iter().any(|outer| root.starts_with(outer)) {
            walk.visit(root)?;
        }
    }
    walk.found.sort_by(|a, b| a.path.cmp(&b.path));
    if walk.found.is_empty() {
        let globs = globs.join("`, `");
        return Err(format!("no file fits `{globs}` under {}: correct the glob or add the files", base.display()));
    }
    Ok(walk.found)
}

struct Walk<'a> {
    base: &'a Path,
    set: GlobSet,
    found: Vec<Entry>,
    seen: usize,
}

impl Walk<'_> {
    fn visit(&mut self, path: &Path) -> Result<(), String> {
        let full = self.base.join(path);
        // A file that is gone again is a file that is not there.
        let Ok(meta) = fs::symlink_metadata(&full) else { return Ok(()) };
        self.seen += 1;
        if self.seen > MAX_NAMES {
            return Err(format!("there are more than {MAX_NAMES} files to look at: begin the glob with a folder"));
        }
        if meta.is_dir() {
            let names = fs::read_dir(&full).map_err(|error| format!("{}: {error}", full.display()))?;
            let mut names: Vec<_> = names.filter_map(|name| Some(name.ok()?.file_name())).collect();
            names.sort();
            for name in names {
                let hidden = name.to_string_lossy();
                let skip = hidden.starts_with('.') || hidden == "node_modules" || hidden == "target";
                let inner = path.join(&name);
                if !skip || !self.base.join(&inner).is_dir() {
                    self.visit(&inner)?;
                }
            }
            return Ok(());
        }
        let spelled = path.components().map(|part| part.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/");
        if !self.set.is_match(&spelled) {
            return Ok(());
        }
        let Some(meta) = fs::metadata(&full).ok().filter(fs::Metadata::is_file) else { return Ok(()) };
        if meta.len() > MAX_FILE {
            return Err(format!("{spelled} has {} bytes, at most {MAX_FILE} are indexed: split it", meta.len()));
        }
        if self.found.len() == MAX_FILES {
            return Err(format!("more than {MAX_FILES} files fit: use a narrower glob"));
        }
        let age = meta.modified().ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok());
        let modified = age.and_then(|age| i64::try_from(age.as_nanos()).ok()).unwrap_or(0);
        self.found.push(Entry { path: spelled, size: meta.len(), modified });
        Ok(())
    }
}

/// Reads a file that has to be text. A byte order mark is dropped.
pub(super) fn read(base: &Path, path: &str) -> Result<String, String> {
    let bytes = fs::read(base.join(path)).map_err(|error| format!("{path}: {error}"))?;
    let text = String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        format!("{path} is no UTF-8 text (byte {at}): save it as UTF-8 or leave it out of `files`")
    })?;
    Ok(text.strip_prefix('\u{FEFF}').map_or(text.clone(), ToOwned::to_owned))
}

/// The SHA-256 of a file.
pub(super) fn hash(base: &Path, path: &str) -> Option<Vec<u8>> {
    Some(Sha256::digest(fs::read(base.join(path)).ok()?).to_vec())
}

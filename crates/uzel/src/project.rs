//! Finds the app file and its store, and reads files from disk for the checker. Used by every command.

use std::{
    fs::File,
    io::Read,
    path::{Path, PathBuf},
};

use uzel_core::{
    check::{Choices, Files, Reading, read},
    diagnostic::did_you_mean,
};

use crate::{
    cli::{Global, OutsideChoice},
    environment,
    exit::{Error, Exit},
    render::{RED, Terminal, YELLOW, diagnostics::Report, paint},
};

/// Name of the store's folder.
const STORE: &str = ".uzel";
/// More than the checker takes; it says so itself when a file is larger.
pub(crate) const MOST_BYTES: u64 = 10 * 1024 * 1024 + 16;

/// Where an app is.
#[derive(Clone, Debug)]
pub(crate) struct Project {
    /// The app file's name in its folder.
    pub(crate) main: String,
    /// The folder as it was typed; empty for the current one.
    pub(crate) folder: PathBuf,
}

/// The files of a folder.
pub(crate) struct Folder<'a>(pub(crate) &'a Path);

impl Files for Folder<'_> {
    fn read(&self, path: &str) -> Result<Vec<u8>, String> {
        read_file(&self.0.join(path), MOST_BYTES)
    }

    fn beside(&self, path: &str) -> Vec<String> {
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        let names = names_in(&self.0.join(folder)).into_iter();
        names.map(|name| if folder.is_empty() { name } else { format!("{folder}/{name}") }).collect()
    }
}

/// A file's bytes, at most `most` of them, or why not, in words.
pub(crate) fn read_file(path: &Path, most: u64) -> Result<Vec<u8>, String> {
    let words = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::NotFound => "there is no such file".to_owned(),
        std::io::ErrorKind::IsADirectory => "it is a folder".to_owned(),
        std::io::ErrorKind::PermissionDenied => "reading it is not permitted".to_owned(),
        _ => error.to_string(),
    };
    let file = File::open(path).map_err(words)?;
    let mut bytes = vec![];
    file.take(most).read_to_end(&mut bytes).map_err(words)?;
    Ok(bytes)
}

impl Project {
    /// The app that a person named: a file, or a folder with an app file.
    pub(crate) fn find(named: &Path) -> Result<Self, Error> {
        let shown = if named == Path::new(".") { Path::new("") } else { named };
        if named.is_dir() {
            let main = ["app.yaml", "app.yml"].into_iter().find(|name| named.join(name).is_file());
            let main = main.ok_or_else(|| {
                let heading = format!("there is no app.yaml in `{}`", named.display());
                Error::usage(heading).hint("name the app file, or make an app with `uzel new NAME`")
            })?;
            return Ok(Self { main: main.to_owned(), folder: shown.to_owned() });
        }
        let main = named.file_name().and_then(|name| name.to_str());
        let Some(main) = main.filter(|_| named.exists()) else {
            let hint = "give an app file or a folder with an app.yaml; `uzel new NAME` makes one";
            return Err(no_such_file(format!("there is no app file `{}`", named.display()), named, hint));
        };
        Ok(Self { main: main.to_owned(), folder: named.parent().unwrap_or(Path::new("")).to_owned() })
    }

    /// Reads and checks the app.
    pub(crate) fn read(&self, choices: &Choices) -> Reading {
        read(&self.main, &Folder(&self.folder), &uzel_std::catalog(), choices)
    }

    /// Reads and checks the app; what is wrong is shown on standard error.
    pub(crate) fn read_or_report(&self, terminal: &Terminal, choices: &Choices) -> Result<Reading, Error> {
        let reading = self.read(choices);
        let report = Report {
            diagnostics: reading.diagnostics.iter().collect(),
            left_out: reading.diagnostics.left_out(),
            sources: &reading.sources,
            folder: &self.folder,
            colour: terminal.colour_err,
        };
        if reading.graph.is_none() {
            let head = paint(terminal.colour_err, RED, "error");
            terminal.insist(&format!("{}{head}: the app cannot run: {}", report.text(), report.summary()));
            return Err(Error::said(Exit::Failed));
        }
        if !reading.diagnostics.is_empty() {
            let shown = |path: &Path| quoted(&path.display().to_string());
            let overlays = choices.overlays.iter().map(|overlay| shown(&self.folder.join(overlay)));
            let overlays = overlays.fold(String::new(), |all, overlay| all + " --overlay " + &overlay);
            let (app, summary) = (shown(&self.path()), report.summary());
            let text = format!("{summary} in the app; `uzel check {app}{overlays}` shows more");
            terminal.notice(YELLOW, "check", &text);
        }
        Ok(reading)
    }

    /// The choices of the command line.
    pub(crate) fn choices(&self, outside: &OutsideChoice) -> Result<Choices, Error> {
        let mut choices = Choices::default();
        for choice in outside.models.iter().map(|choice| choice.trim()).filter(|choice| !choice.is_empty()) {
            let (name, model) = choice.split_once('=').unwrap_or(("*", choice));
            if name.is_empty() || model.is_empty() {
                return Err(Error::usage(format!("`--model {choice}` is not understood"))
                    .hint("write `--model NAME=PROVIDER/MODEL`, or `--model PROVIDER/MODEL` for all models"));
            }
            choices.models.insert(name.to_owned(), model.to_owned());
        }
        choices.overlays = outside.overlays.iter().map(|overlay| self.overlay(overlay)).collect::<Result<_, _>>()?;
        Ok(choices)
    }

    /// The path of an overlay from the app's folder; from the root if it is outside.
    fn overlay(&self, typed: &Path) -> Result<String, Error> {
        if !typed.is_file() {
            let beside = self.folder.join(typed);
            let heading = format!("there is no overlay `{}`", typed.display());
            return Err(if beside.is_file() {
                Error::usage(heading).hint(format!("write `--overlay {}`", quoted(&beside.display().to_string())))
            } else {
                no_such_file(heading, typed, "name a file with the sections that are different")
            });
        }
        let full = typed.canonicalize().unwrap_or_else(|_| environment::current_folder().join(typed));
        let path = self.full_path();
        let below = path.parent().and_then(|folder| full.strip_prefix(folder).ok());
        let parts = below.map(|below| below.iter().map(|part| part.to_string_lossy()).collect::<Vec<_>>().join("/"));
        Ok(parts.unwrap_or_else(|| full.display().to_string()))
    }

    /// The app file, as it would be typed.
    pub(crate) fn path(&self) -> PathBuf {
        self.folder.join(&self.main)
    }

    /// The app file from the root, which does not change with the current folder.
    pub(crate) fn full_path(&self) -> PathBuf {
        let path = self.path();
        path.canonicalize().unwrap_or_else(|_| environment::current_folder().join(path))
    }

    /// The store's folder for runs of this app.
    pub(crate) fn store(&self, global: &Global) -> PathBuf {
        global.store.clone().unwrap_or_else(|| self.folder.join(STORE))
    }
}

/// Names of the files in a folder, not all if there are many.
fn names_in(folder: &Path) -> Vec<String> {
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten().take(1_000);
    entries.filter_map(|entry| entry.file_name().into_string().ok()).collect()
}

fn no_such_file(heading: String, named: &Path, hint: &str) -> Error {
    let error = Error::usage(heading);
    let beside = names_in(named.parent().unwrap_or(Path::new("")));
    let name = named.file_name().unwrap_or_default().to_string_lossy();
    match did_you_mean(&name, beside.iter().map(String::as_str)) {
        Some(hint) => error.hint(hint),
        None => error.hint(hint),
    }
}

/// The store that a command without an app means: the given one, or the nearest upwards.
pub(crate) fn store_of(global: &Global) -> Result<PathBuf, Error> {
    if let Some(store) = &global.store {
        return Ok(store.clone());
    }
    nearest_store().ok_or_else(|| {
        Error::usage("there is no `.uzel` folder here or above")
            .hint("give the store with `--store DIR`; `uzel run` makes it beside the app file")
    })
}

/// The store that a command without an app means, also where there is none yet: then beside the current folder.
pub(crate) fn nearest_or_named(global: &Global) -> PathBuf {
    global.store.clone().or_else(nearest_store).unwrap_or_else(|| PathBuf::from(STORE))
}

fn nearest_store() -> Option<PathBuf> {
    let here = environment::current_folder();
    let found = here.ancestors().map(|folder| folder.join(STORE)).find(|store| store.is_dir())?;
    // Beside or below the current folder a short path reads better.
    Some(found.strip_prefix(&here).map(Path::to_owned).unwrap_or(found))
}

/// ` --store DIR` where a command would not find the store by itself.
pub(crate) fn store_option(store: &Path) -> String {
    let same = |other: PathBuf| other.canonicalize().ok() == store.canonicalize().ok();
    let variable = environment::variable("UZEL_STORE").map(PathBuf::from);
    if variable.or_else(nearest_store).is_some_and(same) {
        return String::new();
    }
    format!(" --store {}", quoted(&store.display().to_string()))
}

/// A word for a shell, in quotes if it must be.
pub(crate) fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "/._-+=:,@".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

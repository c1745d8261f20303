//! `uzel fmt`: app files in the one layout. What cannot be read, or would say something else, stays byte for byte.

use std::{
    fs,
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

use clap::Args;
use uzel_core::{
    diagnostic::{Diagnostics, Severity},
    difference::unified,
    source::Sources,
    yaml,
};

use crate::{
    exit::{Error, Exit},
    project::{MOST_BYTES, Project, read_file},
    render::{GREEN, Terminal, YELLOW, diagnostics::Report, human::plural},
};

#[derive(Debug, Args)]
#[command(
    after_help = "Comments, the order of keys, anchors and texts in blocks stay as they are. A file that cannot be \
    read is reported and left alone. Exit codes: 0 fine, 1 a file cannot be read, or with --check is not formatted."
)]
pub(crate) struct Arguments {
    /// App files, or folders with an app.yaml [default: the current folder]
    #[arg(value_name = "FILE", conflicts_with = "stdin")]
    files: Vec<PathBuf>,
    /// Write nothing; list the files that are not formatted, and exit with 1 if there are any
    #[arg(long)]
    check: bool,
    /// As --check, and print what would change
    #[arg(long)]
    diff: bool,
    /// Format standard input to standard output
    #[arg(long)]
    stdin: bool,
}

pub(crate) fn run(terminal: &Terminal, arguments: &Arguments) -> Result<Exit, Error> {
    if arguments.stdin {
        return pipe(terminal, arguments);
    }
    let here = [PathBuf::from(".")];
    let files = if arguments.files.is_empty() { &here[..] } else { &arguments.files };
    let (mut exit, mut changed) = (Exit::Fine, 0);
    for file in files {
        // One file that cannot be formatted keeps no other from it.
        match one(terminal, arguments, file) {
            Ok(differs) => changed += usize::from(differs),
            Err(error) => {
                terminal.error(&error);
                exit = if exit as u8 > error.exit as u8 { exit } else { error.exit };
            }
        }
    }
    if changed == 0 && exit == Exit::Fine {
        terminal.notice(GREEN, "formatted", &format!("nothing to change in {}", plural(files.len(), "file")));
    }
    let wrong = (arguments.check || arguments.diff) && changed > 0 && exit == Exit::Fine;
    Ok(if wrong { Exit::Failed } else { exit })
}

/// Formats a file; whether it was not formatted before.
fn one(terminal: &Terminal, arguments: &Arguments, file: &Path) -> Result<bool, Error> {
    let path = Project::find(file)?.path();
    let shown = path.display().to_string();
    let bytes =
        read_file(&path, MOST_BYTES).map_err(|why| Error::environment(format!("`{shown}` cannot be read: {why}")))?;
    let (text, formatted) = format(terminal, &shown, &bytes)?;
    if formatted.as_bytes() == bytes {
        return Ok(false);
    }
    if arguments.check || arguments.diff {
        terminal.data(&difference(arguments, &shown, &text, &formatted))?;
        terminal.notice(YELLOW, "not formatted", &shown);
    } else {
        replace(&path, &bytes, &formatted)?;
        terminal.notice(GREEN, "formatted", &shown);
    }
    Ok(true)
}

fn pipe(terminal: &Terminal, arguments: &Arguments) -> Result<Exit, Error> {
    let mut bytes = vec![];
    let failed = |error: io::Error| Error::environment(format!("standard input cannot be read: {error}"));
    io::stdin().lock().take(MOST_BYTES).read_to_end(&mut bytes).map_err(failed)?;
    let (text, formatted) = format(terminal, "<stdin>", &bytes)?;
    if arguments.check || arguments.diff {
        let same = formatted.as_bytes() == bytes;
        if !same {
            terminal.data(&difference(arguments, "<stdin>", &text, &formatted))?;
        }
        return Ok(if same { Exit::Fine } else { Exit::Failed });
    }
    terminal.data(&formatted)?;
    Ok(Exit::Fine)
}

fn difference(arguments: &Arguments, name: &str, old: &str, new: &str) -> String {
    if arguments.diff { unified(name, old, new) } else { format!("{name}\n") }
}

/// The text and its one layout; what keeps it from being formatted is reported.
fn format(terminal: &Terminal, name: &str, bytes: &[u8]) -> Result<(String, String), Error> {
    let (mut sources, mut found) = (Sources::default(), Diagnostics::default());
    let decoded = yaml::decode(name, bytes, &mut sources, &mut found);
    let formatted = decoded.and_then(|(source, text)| {
        let formatted = yaml::format(source, &text, &mut found)?;
        Some((text.to_string(), formatted))
    });
    formatted.ok_or_else(|| {
        found.sort();
        let report = Report {
            diagnostics: found.iter().filter(|diagnostic| diagnostic.severity == Severity::Error).collect(),
            left_out: found.left_out(),
            sources: &sources,
            folder: Path::new(""),
            colour: terminal.colour_err,
        };
        terminal.insist(report.text().trim_end());
        Error::new(Exit::Failed, format!("`{name}` is left as it is: {}", report.summary()))
    })
}

/// Puts a text into the place of a file, whole or not at all, and only if the file is still the one that was read.
fn replace(path: &Path, old: &[u8], new: &str) -> Result<(), Error> {
    let failed = |error: io::Error| Error::environment(format!("`{}` cannot be written: {error}", path.display()));
    // What a link leads to is replaced, not the link.
    let target = path.canonicalize().map_err(failed)?;
    let permissions = fs::metadata(&target).map_err(failed)?.permissions();
    if permissions.readonly() {
        return Err(Error::environment(format!("`{}` is read-only; it is left as it is", path.display())));
    }
    let folder = target.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new().prefix(".uzel-fmt-").tempfile_in(folder).map_err(failed)?;
    file.write_all(new.as_bytes()).map_err(failed)?;
    file.as_file().set_permissions(permissions).map_err(failed)?;
    file.as_file().sync_all().map_err(failed)?;
    if fs::read(&target).map_err(failed)? != old {
        let heading = format!("`{}` was changed while it was formatted; it is left as it is", path.display());
        return Err(Error::environment(heading).hint("type the command again"));
    }
    file.persist(&target).map_err(|error| failed(error.error))?;
    Ok(())
}

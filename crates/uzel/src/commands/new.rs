//! `uzel new`: makes a folder with a small app.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use crate::{
    exit::{Error, Exit},
    project::quoted,
    render::{GREEN, Terminal, human::plural},
    templates::{self, Template},
};

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Folder to make; its name is the app's
    name: PathBuf,
    /// What to begin with
    #[arg(long, default_value = "hello")]
    from: From,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum From {
    /// One node that sorts messages
    Hello,
    /// The support desk of an online shop: guards, search, business rules, approvals
    Support,
}

pub(crate) fn run(terminal: &Terminal, arguments: &Arguments) -> Result<Exit, Error> {
    let folder = &arguments.name;
    let template = match arguments.from {
        From::Hello => templates::HELLO,
        From::Support => templates::SUPPORT,
    };
    let name = folder.file_name().and_then(|name| name.to_str()).filter(|name| is_name(name)).ok_or_else(|| {
        Error::usage(format!("`{}` cannot be the name of an app", folder.display()))
            .hint("use letters, digits, `-` and `_`, such as `uzel new my-app`")
    })?;
    if folder.exists() {
        let empty = folder.is_dir() && folder.read_dir().is_ok_and(|mut entries| entries.next().is_none());
        if !empty {
            return Err(Error::usage(format!("`{}` exists already; nothing was written", folder.display()))
                .hint("choose another name"));
        }
    }
    write(folder, name, template)
        .map_err(|(path, error)| Error::environment(format!("`{}` cannot be written: {error}", path.display())))?;
    terminal.notice(GREEN, "made", &format!("{} ({})", folder.display(), plural(template.len(), "file")));
    let (program, shown) = (&terminal.program, quoted(&folder.display().to_string()));
    let tickets = quoted(&folder.join("tickets.jsonl").display().to_string());
    let mut steps = vec![("check it", format!("{program} check {shown}"))];
    if arguments.from == From::Hello {
        steps.push(("run it once", format!("{program} run {shown} --input 'message=Where is my invoice?'")));
    }
    steps.push(("run it for each line of a file", format!("{program} run {shown} --inputs {tickets}")));
    steps.push(("see its nodes", format!("{program} graph {shown}")));
    terminal.next(&steps);
    Ok(Exit::Fine)
}

fn is_name(name: &str) -> bool {
    name.len() <= 100
        && name.starts_with(|c: char| c.is_alphanumeric())
        && name.chars().all(|c| c.is_alphanumeric() || c == '-' || c == '_')
}

fn write(folder: &Path, name: &str, template: Template) -> Result<(), (PathBuf, std::io::Error)> {
    for (path, bytes) in template {
        let path = folder.join(path);
        let parent = path.parent().unwrap_or(folder);
        std::fs::create_dir_all(parent).map_err(|error| (parent.to_owned(), error))?;
        let named =
            std::str::from_utf8(bytes).ok().filter(|_| path.ends_with("app.yaml")).map(|text| rename(text, name));
        let bytes = named.as_ref().map_or(*bytes, String::as_bytes);
        std::fs::write(&path, bytes).map_err(|error| (path.clone(), error))?;
    }
    Ok(())
}

/// The app file with its own name.
fn rename(text: &str, name: &str) -> String {
    let lines = text
        .lines()
        .map(|line| if line.starts_with("name: ") { format!("name: {name}\n") } else { format!("{line}\n") });
    lines.collect()
}

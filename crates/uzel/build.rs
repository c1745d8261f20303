//! Lists the files that go into the binary: pages of codes, and the apps that `uzel new` begins with. Run by Cargo.

use std::{
    fmt::Write as _,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

fn main() -> io::Result<()> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = here.join("../..");
    let tables = [
        ("ERRORS", vec![root.join("docs/errors")], "The pages of codes."),
        ("HELLO", vec![root.join("examples/hello"), here.join("templates/hello")], "One node, and some messages."),
        ("SUPPORT", vec![root.join("examples/support-triage")], "The support desk."),
    ];
    let mut code = String::new();
    let mut out = io::stdout().lock();
    for (name, folders, doc) in tables {
        let mut files: Vec<(String, PathBuf)> = vec![];
        for folder in &folders {
            writeln!(out, "cargo::rerun-if-changed={}", folder.display())?;
            let mut found = vec![];
            gather(folder, "", &mut found)?;
            // A later folder's file takes the place of an earlier one's.
            files.retain(|(path, _)| found.iter().all(|(other, _)| other != path));
            files.extend(found);
        }
        files.sort();
        let _ = writeln!(code, "/// {doc}\npub(crate) const {name}: Template = &[");
        for (path, file) in files {
            let _ = writeln!(code, "    ({path:?}, include_bytes!({:?})),", file.display().to_string());
        }
        code.push_str("];\n");
    }
    #[expect(clippy::disallowed_methods, reason = "Cargo says where to write by a variable")]
    let target = std::env::var_os("OUT_DIR").expect("Cargo sets it for build scripts");
    std::fs::write(Path::new(&target).join("templates.rs"), code)
}

/// Files that people wrote: not databases, stores and other things that running an app leaves behind.
fn gather(folder: &Path, prefix: &str, files: &mut Vec<(String, PathBuf)>) -> io::Result<()> {
    const KINDS: [&str; 7] = ["md", "yaml", "js", "json", "jsonl", "sql", "txt"];
    if !folder.is_dir() {
        return Ok(());
    }
    for entry in folder.read_dir()? {
        let path = entry?.path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()).filter(|name| !name.starts_with('.')) else {
            continue;
        };
        let inner = format!("{prefix}{name}");
        if path.is_dir() {
            gather(&path, &format!("{inner}/"), files)?;
        } else if path.extension().and_then(|e| e.to_str()).is_some_and(|e| KINDS.contains(&e)) {
            files.push((inner, path));
        }
    }
    Ok(())
}

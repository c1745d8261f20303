//! The one place that reads the environment: variables, arguments, the current folder. Asked by commands.

use std::{fs::File, io::Read, path::PathBuf};

/// A variable; `None` if it is unset, empty or not UTF-8.
#[expect(clippy::disallowed_methods, reason = "the binary reads the environment here and hands it on")]
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// The value of a secret: the variable of this name, or the first line of the file that `NAME_FILE` names.
pub(crate) fn secret(name: &str) -> Option<String> {
    const LIMIT: u64 = 64 * 1024;
    variable(name).or_else(|| {
        let path = variable(&format!("{name}_FILE"))?;
        let mut text = String::new();
        File::open(path).ok()?.take(LIMIT).read_to_string(&mut text).ok()?;
        let text = text.trim_end_matches(['\n', '\r']);
        (!text.is_empty()).then(|| text.to_owned())
    })
}

/// Who types, as far as the system says.
pub(crate) fn person() -> String {
    ["USER", "LOGNAME", "USERNAME"].into_iter().find_map(variable).unwrap_or_else(|| "somebody".to_owned())
}

/// How this program was called, for commands to copy.
pub(crate) fn program() -> String {
    let called = std::env::args().next().unwrap_or_default();
    if called.is_empty() { "uzel".to_owned() } else { called }
}

/// The folder that relative paths are relative to.
pub(crate) fn current_folder() -> PathBuf {
    std::env::current_dir().unwrap_or_else(|_| PathBuf::from("."))
}

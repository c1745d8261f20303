//! Names of files as the protocol writes them, `file:///a%20b`, and as the system does. Used by the workspace.

use std::path::{Component, Path, PathBuf};

/// The path of a `file:` URI; `None` for what is no file, such as a text that was never saved.
pub(super) fn to_path(uri: &str) -> Option<PathBuf> {
    let rest = uri.strip_prefix("file://")?;
    // A host that is not this machine cannot be read.
    let rest = rest.strip_prefix("localhost").unwrap_or(rest);
    let decoded = decode(rest.split(['?', '#']).next()?)?;
    // `/c:/x` is `c:/x`.
    let bytes = decoded.as_bytes();
    let drive = bytes.len() > 2 && bytes[0] == b'/' && bytes[1].is_ascii_alphabetic() && bytes[2] == b':';
    let path = if drive && cfg!(windows) { &decoded[1..] } else { decoded.as_str() };
    path.starts_with('/').then(|| plain(Path::new(path))).or_else(|| drive.then(|| plain(Path::new(path))))
}

/// The URI of a path.
pub(super) fn from_path(path: &Path) -> String {
    let shown = path.to_string_lossy().replace('\\', "/");
    let lead = if shown.starts_with('/') { "" } else { "/" };
    let mut uri = format!("file://{lead}");
    for byte in shown.bytes() {
        if byte.is_ascii_alphanumeric() || b"/-._~".contains(&byte) {
            uri.push(byte as char);
        } else {
            uri.push_str(&format!("%{byte:02X}"));
        }
    }
    uri
}

/// The path without `.` and, as far as names allow, without `..`.
pub(super) fn plain(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir if out.file_name().is_some() => drop(out.pop()),
            part => out.push(part),
        }
    }
    out
}

fn decode(text: &str) -> Option<String> {
    let mut bytes = vec![];
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digit = |byte: Option<u8>| char::from(byte?).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        let (high, low) = (digit(rest.next())?, digit(rest.next())?);
        bytes.push(high << 4 | low);
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(unix)]
    fn names_survive_the_way_there_and_back() {
        for path in ["/a/b.yaml", "/with space/č#?%/x.md", "/a:b"] {
            assert_eq!(to_path(&from_path(Path::new(path))), Some(PathBuf::from(path)));
        }
        assert_eq!(to_path("file:///a/./b/../c"), Some(PathBuf::from("/a/c")));
        assert_eq!(to_path("file://localhost/a"), Some(PathBuf::from("/a")));
    }

    #[test]
    fn what_is_no_file_has_no_path() {
        for uri in
            ["untitled:Untitled-1", "", "file://", "file:///%zz", "file:///%ff", "file:///%4", "http://a/b", "/a"]
        {
            assert_eq!(to_path(uri), None, "{uri}");
        }
    }
}

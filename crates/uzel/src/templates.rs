//! Files inside the binary: pages of codes, and apps that `uzel new` begins with. Listed by the build script.

use uzel_core::diagnostic::Code;

/// Files of an app: path in its folder, and what is in it.
pub(crate) type Template = &'static [(&'static str, &'static [u8])];

include!(concat!(env!("OUT_DIR"), "/templates.rs"));

/// The page of a code, in Markdown.
pub(crate) fn error_page(code: Code) -> Option<&'static str> {
    let name = format!("{code}.md");
    let (_, page) = ERRORS.iter().find(|(path, _)| *path == name)?;
    std::str::from_utf8(page).ok()
}

//! How messages about typed values name things.

use std::fmt;

/// What messages call a value.
#[derive(Clone, Copy)]
pub(super) enum Name<'a> {
    Root,
    Key(&'a str),
    ItemOf(&'a str),
    Item,
}

impl fmt::Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => f.write_str("this"),
            Self::Key(key) => write!(f, "`{key}`"),
            Self::ItemOf(key) => write!(f, "an item of `{key}`"),
            Self::Item => f.write_str("an item"),
        }
    }
}

/// "one of `a`, `b`"
pub(super) fn one_of(names: &[&str]) -> String {
    format!("one of {}", list(names))
}

/// "`a`, `b`", at most thirty.
pub(super) fn list(names: &[&str]) -> String {
    let mut quoted: Vec<String> = names.iter().take(30).map(|name| format!("`{name}`")).collect();
    if names.len() > 30 {
        quoted.push("…".to_owned());
    }
    quoted.join(", ")
}

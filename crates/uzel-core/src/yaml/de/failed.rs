//! The error that passes through serde while a tree is read. What it says is reported where its place is known.

use std::fmt;

use serde::de::{Error, Expected, Unexpected};

/// Why reading a value stopped.
#[derive(Debug)]
pub(super) struct Failed {
    pub(super) why: Why,
}

#[derive(Debug)]
pub(super) enum Why {
    /// It has been noted; nothing is left to say.
    Noted,
    /// No stand-in could be made.
    Dummy,
    /// A key that a struct requires.
    Missing(&'static str),
    /// What was expected, with its article.
    Shape(String),
    /// Anything else that a visitor says.
    Other(String),
}

impl Failed {
    pub(super) fn noted() -> Self {
        Self { why: Why::Noted }
    }

    pub(super) fn dummy() -> Self {
        Self { why: Why::Dummy }
    }
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.why {
            Why::Noted | Why::Dummy => f.write_str("the value cannot be read"),
            Why::Missing(key) => write!(f, "`{key}` is missing"),
            Why::Shape(expected) => write!(f, "the value must be {expected}"),
            Why::Other(message) => f.write_str(message),
        }
    }
}

impl std::error::Error for Failed {}

impl Error for Failed {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self { why: Why::Other(message.to_string()) }
    }

    fn invalid_type(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self { why: Why::Shape(expected.to_string()) }
    }

    fn invalid_value(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self { why: Why::Shape(expected.to_string()) }
    }

    fn invalid_length(length: usize, expected: &dyn Expected) -> Self {
        Self { why: Why::Other(format!("it has {length} items, but must be {expected}")) }
    }

    fn missing_field(field: &'static str) -> Self {
        Self { why: Why::Missing(field) }
    }
}

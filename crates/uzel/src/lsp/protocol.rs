//! What clients send, as far as it is looked at. Everything else in a message is passed over.

use serde::Deserialize;

use super::text::{Position, Stretch};

/// Numbers of the protocol for why something was not done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ErrorCode {
    Parse = -32700,
    InvalidRequest = -32600,
    UnknownMethod = -32601,
    InvalidParams = -32602,
    Internal = -32603,
    NotInitialized = -32002,
    Cancelled = -32800,
    Failed = -32803,
}

/// Why a request is not answered.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) code: ErrorCode,
    pub(super) message: String,
}

impl Refusal {
    pub(super) fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct Document {
    pub(super) uri: String,
}

/// A document that was opened.
#[derive(Debug, Deserialize)]
pub(super) struct Opened {
    #[serde(rename = "textDocument")]
    pub(super) document: OpenedDocument,
}

#[derive(Debug, Deserialize)]
pub(super) struct OpenedDocument {
    pub(super) uri: String,
    pub(super) text: String,
    #[serde(default)]
    pub(super) version: i64,
}

/// A document that was edited.
#[derive(Debug, Deserialize)]
pub(super) struct Changed {
    #[serde(rename = "textDocument")]
    pub(super) document: ChangedDocument,
    #[serde(rename = "contentChanges")]
    pub(super) changes: Vec<Change>,
}

#[derive(Debug, Deserialize)]
pub(super) struct ChangedDocument {
    pub(super) uri: String,
    #[serde(default)]
    pub(super) version: Option<i64>,
}

/// One edit; the whole text when no range is given.
#[derive(Debug, Deserialize)]
pub(super) struct Change {
    pub(super) range: Option<Stretch>,
    pub(super) text: String,
}

/// A document that was closed, or that is asked about.
#[derive(Debug, Deserialize)]
pub(super) struct OfDocument {
    #[serde(rename = "textDocument")]
    pub(super) document: Document,
}

/// A place that is asked about.
#[derive(Debug, Deserialize)]
pub(super) struct AtPosition {
    #[serde(rename = "textDocument")]
    pub(super) document: Document,
    pub(super) position: Position,
    #[serde(default)]
    pub(super) context: References,
    #[serde(default, rename = "newName")]
    pub(super) new_name: String,
}

/// Whether the declaration counts among the references.
#[derive(Debug, Default, Deserialize)]
pub(super) struct References {
    #[serde(default, rename = "includeDeclaration")]
    pub(super) declaration: bool,
}

//! Addresses with holes, and how arguments are written into paths, queries and forms. Used by the http tool.

use reqwest::Url;
use serde_json::{Map, Value};
use uzel_core::failure::{Failure, FailureClass};

/// An address in pieces: literal, hole, literal, …
#[derive(Clone, Debug)]
pub(super) struct Address {
    pieces: Vec<Piece>,
    origin: String,
}

#[derive(Clone, Debug)]
enum Piece {
    Literal(String),
    Hole(String),
}

impl Address {
    /// Checks an address. Only http and https, no user or password, holes only after the host.
    pub(super) fn new(text: &str) -> Result<Self, String> {
        let mut pieces = vec![];
        let mut rest = text;
        while let Some(open) = rest.find('{') {
            let close =
                rest[open..].find('}').ok_or_else(|| format!("`request`: `{{` is not closed in {text}"))? + open;
            let name = &rest[open + 1..close];
            if name.is_empty() || !name.chars().all(|c| c.is_alphanumeric() || c == '_') {
                return Err(format!("`request`: `{{{name}}}` is no name of a parameter"));
            }
            pieces.extend([Piece::Literal(rest[..open].to_owned()), Piece::Hole(name.to_owned())]);
            rest = &rest[close + 1..];
        }
        pieces.push(Piece::Literal(rest.to_owned()));
        let sample: String = pieces.iter().map(|p| if let Piece::Literal(text) = p { text } else { "x" }).collect();
        let url = Url::parse(&sample).map_err(|error| format!("`request`: {text} is no address: {error}"))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(format!("`request`: {} is not supported, only http and https", url.scheme()));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err("`request`: a user or a password belongs into `headers`, not into the address".into());
        }
        let Some(Piece::Literal(head)) = pieces.first() else { return Err(format!("`request`: {text} is no address")) };
        let after_host = head.find("://").is_some_and(|at| head[at + 3..].contains(['/', '?']));
        if pieces.len() > 1 && !after_host {
            return Err("`request`: the host must be written out, only path and query may have `{}`".into());
        }
        Ok(Self { pieces, origin: url.origin().ascii_serialization() })
    }

    pub(super) fn origin(&self) -> String {
        self.origin.clone()
    }

    pub(super) fn holes(&self) -> Vec<&str> {
        self.pieces
            .iter()
            .filter_map(|piece| if let Piece::Hole(name) = piece { Some(name.as_str()) } else { None })
            .collect()
    }

    /// The address with its holes filled; the arguments that were used are taken out.
    pub(super) fn fill(&self, arguments: &mut Map<String, Value>) -> Result<Url, Failure> {
        let invalid = |message: String| Failure::new(FailureClass::Invalid, message);
        let mut text = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Literal(literal) => text.push_str(literal),
                Piece::Hole(name) => {
                    let value = arguments.get(name).filter(|value| !value.is_null());
                    let value = value.ok_or_else(|| invalid(format!("the argument `{name}` is missing")))?;
                    let plain = scalar(value);
                    let plain =
                        plain.ok_or_else(|| invalid(format!("the argument `{name}` must be a text or a number")))?;
                    if plain.is_empty() || plain == "." || plain == ".." {
                        return Err(invalid(format!(
                            "the argument `{name}` is {plain:?}, that is no part of an address"
                        )));
                    }
                    encode(&plain, &mut text);
                }
            }
        }
        for name in self.holes() {
            arguments.shift_remove(name);
        }
        let url = Url::parse(&text).map_err(|error| invalid(format!("the address is wrong: {error}")))?;
        if url.origin().ascii_serialization() != self.origin {
            return Err(invalid("the arguments change the host of the address".into()));
        }
        Ok(url)
    }
}

/// Percent-encodes all but unreserved characters (RFC 3986).
fn encode(text: &str, out: &mut String) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.extend(['%', char::from(HEX[usize::from(byte >> 4)]), char::from(HEX[usize::from(byte & 15)])]);
        }
    }
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        _ => None,
    }
}

/// Adds arguments to the query: lists repeat the name, objects are JSON, null is left out.
pub(super) fn write_pairs(url: &mut Url, arguments: &Map<String, Value>) {
    let mut pairs = vec![];
    for (name, value) in arguments {
        let values = if let Value::Array(items) = value { items.as_slice() } else { std::slice::from_ref(value) };
        for value in values.iter().filter(|value| !value.is_null()) {
            pairs.push((name, scalar(value).unwrap_or_else(|| value.to_string())));
        }
    }
    if !pairs.is_empty() {
        url.query_pairs_mut().extend_pairs(pairs);
    }
}

/// Arguments as a form: `a[b]` for fields and `a[0]` for items, null is left out.
pub(super) fn form(arguments: &Map<String, Value>) -> String {
    let mut pairs = vec![];
    for (name, value) in arguments {
        flatten(name.clone(), value, &mut pairs);
    }
    // The only writer of forms at hand is the query of an address.
    let mut url = Url::parse("http://form/").expect("a literal address");
    url.query_pairs_mut().extend_pairs(pairs);
    url.query().unwrap_or("").to_owned()
}

fn flatten(name: String, value: &Value, pairs: &mut Vec<(String, String)>) {
    match value {
        Value::Object(fields) => {
            fields.iter().for_each(|(inner, value)| flatten(format!("{name}[{inner}]"), value, pairs));
        }
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(at, value)| flatten(format!("{name}[{at}]"), value, pairs));
        }
        value => pairs.extend(scalar(value).map(|text| (name, text))),
    }
}

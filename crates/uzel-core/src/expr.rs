//! The one expression language: bare expressions, prompt templates and values with `${{ }}`. Parsed and checked with
//! the graph, evaluated at run time. Pure: no clock, no randomness, no environment.
//!
//! The language is Jinja. It differs in that null has all fields (each is null), null prints as nothing and counts as
//! absent for `default`, lists and maps print as JSON, and printing what is undefined is an error.

mod alike;
mod assembled;
mod binding;
mod engine;
pub mod heard;
mod infer;
mod lazy;
mod place;
mod prepare;
mod program;
mod scope;
mod survey;
pub mod table;
mod tested;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use minijinja::{
    machinery::{Token, Tokenizer},
    syntax::SyntaxConfig,
};
use serde_json::Value;

pub(crate) use alike::{Form, alike};
pub(crate) use assembled::Load;
pub use binding::Binding;
pub use engine::{FUEL, OUTPUT_LIMIT, VALUE_LIMIT};
use program::Program;
pub use scope::{Scope, TypeScope};

use crate::{
    diagnostic::{Code, Diagnostic, Diagnostics},
    failure::Failure,
    schema::Type,
    source::Span,
    yaml::Text,
};

/// A name that an expression takes from outside, with the plain fields that follow it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// The first name.
    pub root: String,
    /// The fields after it, as far as they are plain names or numbers.
    pub path: Vec<String>,
    /// Where it is written first.
    pub span: Span,
}

/// A bare expression, as `when` and `by` hold.
#[derive(Clone, Debug)]
pub struct Expression(Arc<Program>);

impl Expression {
    /// Parses an expression; `${{ }}` around it is accepted. What is wrong is pushed.
    pub fn parse(text: &Text, out: &mut Diagnostics) -> Option<Self> {
        let value = text.as_str();
        let trimmed = value.trim();
        let lead = value.len() - value.trim_start().len();
        if trimmed.is_empty() {
            let help = "write one, such as `order.total > 100`, or remove the key";
            out.push(Diagnostic::new(Code::EXPRESSION_SYNTAX, text.span, "an expression is missing").help(help));
            return None;
        }
        if trimmed.starts_with("{{") || trimmed.starts_with("{%") {
            let inner = trimmed.trim_start_matches('{').trim_end_matches('}').trim();
            let diagnostic = Diagnostic::new(Code::WRONG_BRACES, text.span, "an expression stands here without braces")
                .help(format!("write `{inner}`"));
            out.push(diagnostic);
            return None;
        }
        let range = match trimmed.strip_prefix("${{") {
            None => lead..lead + trimmed.len(),
            Some(rest) => {
                let start = lead + 3;
                match closing(rest) {
                    Some((inner, whole)) if rest.get(whole..).is_some_and(str::is_empty) => start..start + inner,
                    Some(_) => {
                        let message = "text around `${{ }}` makes a text of it; an expression is wanted here";
                        let diagnostic = Diagnostic::new(Code::WRONG_BRACES, text.span, message);
                        out.push(diagnostic.help("write one expression without braces; `~` joins texts"));
                        return None;
                    }
                    None => {
                        let message = "`${{` is not closed by `}}`";
                        let help = "add `}}`, or write the expression without braces";
                        out.push(Diagnostic::new(Code::EXPRESSION_SYNTAX, text.span, message).help(help));
                        return None;
                    }
                }
            }
        };
        Program::expression(text, range, out).map(Self)
    }

    /// What it refers to.
    pub fn references(&self) -> &[Reference] {
        &self.0.references
    }

    /// The source without braces.
    pub fn source(&self) -> &str {
        self.0.source().trim()
    }

    /// Where it is written.
    pub fn span(&self) -> Span {
        self.0.at(0..self.0.source().len())
    }

    /// Its value; `Code` when it fails, `Limit` when it takes too much.
    pub fn evaluate(&self, scope: &Scope) -> Result<Value, Failure> {
        self.0.value(scope)
    }

    /// Whether its value counts as true, for `when` and `until`; what is undefined does not.
    pub fn holds(&self, scope: &Scope) -> Result<bool, Failure> {
        self.0.holds(scope)
    }

    /// Its type; what certainly or probably goes wrong is pushed.
    pub fn infer(&self, types: &TypeScope, out: &mut Diagnostics) -> Type {
        infer::expression(&self.0, types, infer::Use::Value, out)
    }

    /// Where its value comes from, and in words what that place has to do with it.
    pub(crate) fn origin(&self, types: &TypeScope) -> Option<(Span, String)> {
        infer::origin(&self.0, types)
    }

    /// Paths that are not null where the expression holds.
    pub(crate) fn present(&self) -> Vec<Vec<String>> {
        infer::present(&self.0)
    }

    /// Paths whose text is compared with something or searched in something.
    pub(crate) fn compared(&self) -> Vec<Vec<String>> {
        self.0.with_expression(tested::compared).unwrap_or_default()
    }

    /// As [`Self::infer`], for an expression that is only asked whether it is true, such as `when`.
    pub fn infer_condition(&self, types: &TypeScope, out: &mut Diagnostics) -> Type {
        infer::expression(&self.0, types, infer::Use::Condition, out)
    }
}

/// A template with `{{ }}` and `{% %}`, as prompts are.
#[derive(Clone, Debug)]
pub struct Template(Arc<Program>);

impl Template {
    /// Parses a template that includes no files. What is wrong is pushed.
    pub fn parse(text: &Text, out: &mut Diagnostics) -> Option<Self> {
        let mut load = |path: &str, at: Span, out: &mut Diagnostics| {
            let message = format!("`{path}` cannot be included: there are no files here");
            out.push(Diagnostic::new(Code::FILE_UNREADABLE, at, message));
            None
        };
        Self::parse_with(text, &mut load, out)
    }

    /// Parses a template with the files that it includes.
    pub(crate) fn parse_with(text: &Text, load: &mut Load<'_>, out: &mut Diagnostics) -> Option<Self> {
        Program::template(text, load, out).map(Self)
    }

    /// What it refers to.
    pub fn references(&self) -> &[Reference] {
        &self.0.references
    }

    /// The source as it is written.
    pub fn source(&self) -> &str {
        self.0.source()
    }

    /// The place of bytes of the source.
    pub fn at(&self, bytes: std::ops::Range<usize>) -> Span {
        self.0.at(bytes)
    }

    /// Its pieces in order, with their bytes: plain text, and what stands in braces.
    pub(crate) fn pieces(&self) -> Vec<(std::ops::Range<usize>, Piece)> {
        pieces(self.source())
    }

    /// The text; `Code` when an expression in it fails or is undefined, `Limit` when it takes or becomes too much.
    pub fn render(&self, scope: &Scope) -> Result<String, Failure> {
        self.0.render(scope)
    }

    /// As [`Self::render`], as a value.
    pub fn evaluate(&self, scope: &Scope) -> Result<Value, Failure> {
        self.render(scope).map(Value::String)
    }

    /// Checks the expressions in it; always a text.
    pub fn infer(&self, types: &TypeScope, out: &mut Diagnostics) -> Type {
        infer::template(&self.0, types, out);
        Type::String
    }
}

/// All filters, for editors.
pub(crate) fn filter_names() -> impl Iterator<Item = &'static str> {
    table::FILTERS.iter().map(|filter| filter.name)
}

/// All tests that are words, for editors.
pub(crate) fn test_names() -> impl Iterator<Item = &'static str> {
    table::TESTS.iter().map(|test| test.name).filter(|name| name.starts_with(|c: char| c.is_ascii_alphabetic()))
}

/// All functions, for editors.
pub(crate) fn function_names() -> impl Iterator<Item = &'static str> {
    table::FUNCTIONS.iter().map(|function| function.name)
}

/// What a part of a template is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    /// Text as it is.
    Words,
    /// `{{ }}`.
    Value,
    /// `{% %}` or a comment.
    Statement,
}

fn pieces(source: &str) -> Vec<(std::ops::Range<usize>, Piece)> {
    let mut tokenizer = Tokenizer::new(source, "", false, SyntaxConfig::default());
    let mut found: Vec<(std::ops::Range<usize>, Piece)> = vec![];
    let mut open = None;
    while let Ok(Some((token, span))) = tokenizer.next_token() {
        let (start, end) = (span.start_offset as usize, span.end_offset as usize);
        match token {
            Token::TemplateData(_) => found.push((start..end, Piece::Words)),
            Token::VariableStart | Token::BlockStart => open = Some(start),
            Token::VariableEnd => found.push((open.take().unwrap_or(start)..end, Piece::Value)),
            Token::BlockEnd => found.push((open.take().unwrap_or(start)..end, Piece::Statement)),
            _ => {}
        }
    }
    found
}

/// Whether a value counts as true: not null, false, zero, or an empty text, list or map.
pub fn truthy(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(b) => *b,
        Value::Number(n) => n.as_f64() != Some(0.0),
        Value::String(s) => !s.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(map) => !map.is_empty(),
    }
}

/// Where the `}}` is that closes an expression: the end of the expression and the end of the braces.
fn closing(source: &str) -> Option<(usize, usize)> {
    let mut tokenizer = Tokenizer::new(source, "", true, SyntaxConfig::default());
    while let Ok(Some((token, span))) = tokenizer.next_token() {
        if matches!(token, Token::VariableEnd) {
            return Some((span.start_offset as usize, span.end_offset as usize));
        }
    }
    None
}

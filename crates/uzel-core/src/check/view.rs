//! What a kind sees of the document while it checks a node: it registers the node's inputs and reports mistakes.

use std::path::Path;

use indexmap::IndexMap;

use super::files::Reader;
use crate::{
    diagnostic::{Code, Diagnostic, Diagnostics, did_you_mean},
    expr::{Binding, Expression, Template},
    graph::{Declared, Input, Ports, Program},
    schema::Type,
    source::Span,
    yaml::{Data, Text, Tree},
};

/// What a kind sees of the document while it checks a node, and where it registers the node's inputs.
pub struct Check<'a> {
    /// Where diagnostics go.
    pub out: &'a mut Diagnostics,
    /// Models, tools, connections and knowledge bases of the document.
    pub declared: &'a Declared,
    reader: &'a mut dyn ReadText,
    pub(super) inputs: Vec<Input>,
    timeout: Option<std::time::Duration>,
    pub(crate) place: Option<Span>,
}

/// Reads a file for [`Check`]; hides the reader's lifetime.
pub(super) trait ReadText {
    fn read_text(&mut self, path: &str, at: Span, out: &mut Diagnostics) -> Option<Text>;
}

impl ReadText for Reader<'_> {
    fn read_text(&mut self, path: &str, at: Span, out: &mut Diagnostics) -> Option<Text> {
        self.text(path, at, out)
    }
}

impl<'a> Check<'a> {
    pub(super) fn new(
        out: &'a mut Diagnostics,
        declared: &'a Declared,
        reader: &'a mut dyn ReadText,
        timeout: Option<std::time::Duration>,
    ) -> Self {
        Self { out, declared, reader, inputs: vec![], timeout, place: None }
    }

    /// Reports a problem.
    pub fn report(&mut self, diagnostic: Diagnostic) {
        self.out.push(diagnostic);
    }

    /// Checks a config in which some keys do not exist. What it lacks may be there under a misspelt name, so what follows
    /// from that is not reported.
    pub(crate) fn on_unknown_keys<C>(&mut self, check: &dyn Fn(&C, &mut Check<'_>) -> Ports, config: &C) -> Ports {
        let before = std::mem::take(self.out);
        let ports = check(config, self);
        let found = std::mem::replace(self.out, before);
        let follows = |code: Code| matches!(code, Code::MISSING_KEY | Code::BAD_KIND_CONFIG);
        for diagnostic in found.iter().filter(|diagnostic| !follows(diagnostic.code)) {
            self.out.push(diagnostic.clone());
        }
        Ports { output: Some(Type::Any), later: None, ..ports }
    }

    /// Where the node begins: for what is missing.
    pub fn place(&self) -> Option<Span> {
        self.place
    }

    /// The node's own timeout, if it has one.
    pub fn timeout(&self) -> Option<std::time::Duration> {
        self.timeout
    }

    /// A file below the app's folder that the node names; it becomes part of the release.
    pub fn file(&mut self, path: &Text) -> Option<Text> {
        self.file_at(path.as_str(), path.span)
    }

    /// As [`Check::file`], for a path that is only part of a text.
    pub fn file_at(&mut self, path: &str, at: Span) -> Option<Text> {
        self.reader.read_text(path, at, self.out)
    }

    /// Names of the inputs that were registered so far.
    pub fn inputs(&self) -> impl Iterator<Item = &str> {
        self.inputs.iter().map(|input| input.name.as_str())
    }

    /// Registers a prompt: the text itself, or the file that it names, with the files that it includes.
    pub fn prompt(&mut self, name: &str, text: &Text) {
        let template = match is_file_name(text.as_str()).then(|| self.file(text)) {
            Some(None) => None,
            Some(Some(file)) => self.template(&file),
            None => self.template(text),
        };
        if let Some(template) = template {
            self.register(name, Program::Template(template), None, text.span, false);
        }
    }

    fn template(&mut self, text: &Text) -> Option<Template> {
        let reader = &mut *self.reader;
        let mut load = |path: &str, at: Span, out: &mut Diagnostics| reader.read_text(path, at, out);
        Template::parse_with(text, &mut load, self.out)
    }

    /// Registers a value with `${{ }}` in it.
    pub fn binding(&mut self, name: &str, tree: &Tree, expect: Option<(Type, &'static str)>) {
        if let Some(binding) = Binding::parse(tree, self.out) {
            self.register(name, Program::Binding(binding), expect, tree.span, true);
            let fields = tree.as_map().unwrap_or_default().iter();
            if let Some(input) = self.inputs.last_mut() {
                input.fields = fields.map(|entry| (entry.key.as_str().to_owned(), entry.key.span)).collect();
            }
        }
    }

    /// Registers a text with `${{ }}` in it, which must be a text in the end.
    pub fn text(&mut self, name: &str, text: &Text) {
        let tree = Tree { span: text.span, data: Data::Text(text.clone()) };
        if let Some(binding) = Binding::parse(&tree, self.out) {
            self.register(name, Program::Binding(binding), Some((Type::String, "a text")), text.span, false);
        }
    }

    /// Registers a bare expression.
    pub fn expression(&mut self, name: &str, text: &Text) {
        if let Some(expression) = Expression::parse(text, self.out) {
            self.register(name, Program::Expression(expression), None, text.span, true);
        }
    }

    fn register(
        &mut self,
        name: &str,
        program: Program,
        expect: Option<(Type, &'static str)>,
        at: Span,
        nullable: bool,
    ) {
        self.inputs.push(Input {
            name: name.to_owned(),
            program,
            expect,
            at,
            fields: vec![],
            nullable,
            found: Type::Any,
        });
    }

    /// Reports a name that is not declared under `section`; returns whether it is.
    pub fn known<V>(
        &mut self,
        section: &str,
        name: &Text,
        names: impl FnOnce(&Declared) -> &IndexMap<String, V>,
    ) -> bool {
        let map = names(self.declared);
        if map.contains_key(name.as_str()) {
            return true;
        }
        if self.declared.is_unclear(section, name.as_str()) {
            return false;
        }
        let unread = self.declared.unclear.iter().filter(|(s, n)| *s == section && n != "*").map(|(_, name)| name);
        let help = did_you_mean(name.as_str(), map.keys().chain(unread).map(String::as_str)).unwrap_or_else(|| {
            let known: Vec<String> = map.keys().map(|name| format!("`{name}`")).take(8).collect();
            if known.is_empty() {
                format!("declare it under `{section}:` at the top level")
            } else {
                format!("`{section}` has {}", known.join(", "))
            }
        });
        self.out.push(
            Diagnostic::new(
                Code::UNKNOWN_NAME,
                name.span,
                format!("`{}` is not declared under `{section}`", name.as_str()),
            )
            .help(help),
        );
        false
    }
}

/// Whether a prompt is the name of a file: one word with a text file's ending.
pub(crate) fn is_file_name(text: &str) -> bool {
    let ending = Path::new(text).extension().and_then(|e| e.to_str());
    let known = matches!(ending, Some("md" | "txt" | "j2" | "jinja" | "prompt"));
    known && !text.contains(|c: char| c.is_whitespace() || c == '{')
}

//! The sections that name things: models, connections, tools, knowledge.

use indexmap::IndexMap;

use super::{App, Check};
use crate::{
    diagnostic::{Code, Diagnostic, did_you_mean},
    document::Document,
    graph::{Declaration, Declared},
    interpolate::check_secrets,
    yaml::{Data, Entry, Text, Tree},
};

impl App<'_, '_> {
    /// Reads all sections. Tools come last: they use connections.
    /// `whole`: all keys of the document are known.
    pub(super) fn declared(&mut self, document: &Document, secrets: &[String], whole: bool) -> Declared {
        let mut declared = Declared { functions: self.catalog.functions.clone(), ..Declared::default() };
        let sections = [
            ("models", &document.models),
            ("connections", &document.connections),
            ("knowledge", &document.knowledge),
            ("tools", &document.tools),
            ("mcp", &document.mcp),
        ];
        for (name, section) in sections {
            match section {
                Some(tree) => check_secrets(tree, secrets, self.out),
                None if !whole => drop(declared.unclear.insert((name, "*".to_owned()))),
                None => {}
            }
        }
        self.models(document.models.as_ref(), &mut declared);
        self.connections(document.connections.as_ref(), &mut declared);
        self.knowledge(document.knowledge.as_ref(), &mut declared);
        self.tools(document.tools.as_ref(), &mut declared);
        self.connection_tools(&mut declared);
        self.servers(document.mcp.as_ref(), &mut declared);
        unclear(&sections, &mut declared);
        self.reconciles(&declared);
        declared
    }

    pub(super) fn entries<'t>(&mut self, section: &str, tree: Option<&'t Tree>) -> &'t [Entry] {
        match tree.map(|tree| (&tree.data, tree.span)) {
            None | Some((Data::Null, _)) => &[],
            Some((Data::Map(entries), _)) => entries,
            Some((_, at)) => {
                self.out.push(Diagnostic::new(Code::WRONG_SHAPE, at, format!("`{section}` must be a map of names")));
                &[]
            }
        }
    }

    fn check<R>(&mut self, declared: &Declared, check: impl FnOnce(&mut Check<'_>) -> R) -> R {
        check(&mut Check::new(self.out, declared, self.reader, None))
    }

    /// The text under `use`, or a diagnostic.
    fn uses<'t>(&mut self, what: &str, such_as: &str, entry: &'t Entry) -> Option<&'t Text> {
        let text = entry.value.get("use").and_then(Tree::as_text);
        if text.is_none() {
            let at = entry.value.get("use").map_or(entry.key.span, |tree| tree.span);
            self.out.push(
                Diagnostic::new(
                    Code::MISSING_KEY,
                    at,
                    format!("{what} `{}` does not say what it uses", entry.key.as_str()),
                )
                .help(format!("add `use:`, such as `use: {such_as}`")),
            );
        }
        text
    }

    fn unknown(&mut self, code: Code, what: &str, text: &Text, names: &[&str]) {
        let help = did_you_mean(text.as_str(), names.iter().copied())
            .unwrap_or_else(|| format!("known are {}", names.join(", ")));
        self.out.push(Diagnostic::new(code, text.span, format!("there is no {what} `{}`", text.as_str())).help(help));
    }

    fn models(&mut self, tree: Option<&Tree>, declared: &mut Declared) {
        let catalog = self.catalog;
        for entry in self.entries("models", tree) {
            let name = entry.key.as_str();
            let chosen = self.choices.models.get(name).or_else(|| self.choices.models.get("*"));
            let value = chosen.map_or_else(|| entry.value.clone(), |model| choose_model(&entry.value, model));
            let entry = Entry { key: entry.key.clone(), value };
            let Some(uses) = self.uses("the model", "openai/gpt-5-mini", &entry) else { continue };
            let Some(def) = catalog.model(uses.as_str()) else {
                let names: Vec<&str> = catalog.models.iter().map(|def| def.name).collect();
                let provider = uses.as_str().split('/').next().unwrap_or_default();
                let text = Text::synthetic(provider, uses.span);
                self.unknown(Code::MODEL_UNKNOWN, "model provider", &text, &names);
                continue;
            };
            let Some(ports) = self.check(declared, |cx| (def.check)(&entry.value, cx)) else { continue };
            let declaration = Declaration { def, tree: entry.value.clone(), ports, at: entry.key.span };
            declared.models.insert(entry.key.as_str().to_owned(), declaration);
        }
        // A model that could not be read has been reported; it is not unknown as well.
        let entries = tree.and_then(Tree::as_map).unwrap_or_default();
        let known: Vec<String> = entries.iter().map(|entry| entry.key.as_str().to_owned()).collect();
        // Another app need not have the models that are chosen for this one.
        let main = self.reader.stack.len() < 2;
        for name in self.choices.models.keys().filter(|name| main && *name != "*" && !known.contains(name)) {
            let at = tree.map(|tree| tree.span.head());
            let text = did_you_mean(name, known.iter().map(String::as_str));
            let help = text.unwrap_or_else(|| format!("the app's models are {}", known.join(", ")));
            let message = format!("a model was chosen for `{name}`, which the app does not have");
            self.out.push(Diagnostic::new(Code::UNKNOWN_NAME, at, message).help(help));
        }
        let fallbacks: Vec<Text> =
            declared.models.values().flat_map(|declaration| declaration.ports.fallback.clone()).collect();
        // Models that are there and could not be read are no second mistake.
        let written = |name: &str| tree.is_some_and(|tree| tree.get(name).is_some());
        for text in fallbacks.iter().filter(|text| !written(text.as_str())) {
            self.unknown(Code::UNKNOWN_NAME, "model", text, &known.iter().map(String::as_str).collect::<Vec<_>>());
        }
    }

    fn connections(&mut self, tree: Option<&Tree>, declared: &mut Declared) {
        let catalog = self.catalog;
        for entry in self.entries("connections", tree) {
            let Some(uses) = self.uses("the connection", "sqlite", entry) else { continue };
            let Some(def) = catalog.connection(uses.as_str()) else {
                let names: Vec<&str> = catalog.connections.iter().map(|def| def.name).collect();
                self.unknown(Code::UNKNOWN_NAME, "sort of connection", uses, &names);
                continue;
            };
            self.check(declared, |cx| (def.check)(&entry.value, cx));
            let declaration = Declaration { def, tree: entry.value.clone(), ports: (), at: entry.key.span };
            declared.connections.insert(entry.key.as_str().to_owned(), declaration);
        }
    }

    fn knowledge(&mut self, tree: Option<&Tree>, declared: &mut Declared) {
        let catalog = self.catalog;
        for entry in self.entries("knowledge", tree) {
            let Some(def) = catalog.retrievers.iter().find(|def| entry.value.get(def.name).is_some()).copied() else {
                let names: Vec<String> = catalog.retrievers.iter().map(|def| format!("`{}`", def.name)).collect();
                let message = format!("the knowledge base `{}` does not say where it is", entry.key.as_str());
                let help = format!("give it one of {}, such as `files: docs/**/*.md`", names.join(", "));
                self.out.push(Diagnostic::new(Code::MISSING_KEY, entry.key.span, message).help(help));
                continue;
            };
            self.check(declared, |cx| (def.check)(&entry.value, cx));
            let declaration = Declaration { def, tree: entry.value.clone(), ports: (), at: entry.key.span };
            declared.knowledge.insert(entry.key.as_str().to_owned(), declaration);
        }
    }

    fn tools(&mut self, tree: Option<&Tree>, declared: &mut Declared) {
        for entry in self.entries("tools", tree) {
            let Some(uses) = self.uses("the tool", "http", entry) else { continue };
            self.tool(uses, entry.key.as_str(), entry.key.span, &entry.value, declared);
        }
    }

    /// Tools of MCP servers are declared one by one, so that the app says what it relies on: `mcp.SERVER.TOOL`.
    fn servers(&mut self, tree: Option<&Tree>, declared: &mut Declared) {
        let Some(def) = self.catalog.connection("mcp") else { return };
        for server in self.entries("mcp", tree) {
            self.check(declared, |cx| (def.check)(&server.value, cx));
            for tool in server.value.get("tools").and_then(Tree::as_map).unwrap_or_default() {
                let name = format!("mcp.{}.{}", server.key.as_str(), tool.key.as_str());
                let uses = Text::synthetic("mcp", tool.key.span);
                self.tool(&uses, &name, tool.key.span, &tool.value, declared);
            }
        }
    }

    fn tool(&mut self, uses: &Text, name: &str, at: crate::source::Span, tree: &Tree, declared: &mut Declared) {
        let catalog = self.catalog;
        let Some(def) = catalog.tool(uses.as_str()) else {
            let names: Vec<&str> = catalog.tools.iter().map(|def| def.name).collect();
            self.unknown(Code::UNKNOWN_NAME, "sort of tool", uses, &names);
            return;
        };
        if let Some(ports) = self.check(declared, |cx| (def.check)(tree, cx)) {
            let declaration = Declaration { def, tree: tree.clone(), ports, at };
            declared.tools.insert(name.to_owned(), declaration);
        }
    }

    /// Every operation of every connection is a tool `CONNECTION.OPERATION`.
    fn connection_tools(&mut self, declared: &mut Declared) {
        let connections: IndexMap<String, _> = declared.connections.clone();
        for (name, connection) in connections {
            for operation in connection.def.operations {
                let uses = Text::synthetic(format!("{}.{operation}", connection.def.name), connection.at);
                let text = |value: &str| Tree {
                    span: connection.at,
                    data: Data::Text(Text::synthetic(value.to_owned(), connection.at)),
                };
                let key = |name: &str| Text::synthetic(name.to_owned(), connection.at);
                let entries = vec![
                    Entry { key: key("use"), value: text(uses.as_str()) },
                    Entry { key: key("connection"), value: text(&name) },
                ];
                let tree = Tree { span: connection.at, data: Data::Map(entries) };
                self.tool(&uses, &format!("{name}.{operation}"), connection.at, &tree, declared);
            }
        }
    }
}

/// Notes what is declared and could not be read, before anything else asks for it.
fn unclear(sections: &[(&'static str, &Option<Tree>)], declared: &mut Declared) {
    for (section, tree) in sections {
        let names = |entry: &Entry| entry.key.as_str().to_owned();
        let known = |name: &String| match *section {
            "models" => declared.models.contains_key(name),
            "connections" => declared.connections.contains_key(name),
            "knowledge" => declared.knowledge.contains_key(name),
            // What is known of a server is its tools.
            "mcp" => true,
            _ => declared.tools.contains_key(name),
        };
        let entries = tree.as_ref().and_then(Tree::as_map).unwrap_or_default();
        let lost: Vec<String> = entries.iter().map(names).filter(|name| !known(name)).collect();
        declared.unclear.extend(lost.into_iter().map(|name| (*section, name)));
    }
}

/// The declaration with another model: settings of the provider go, settings of the app stay.
fn choose_model(tree: &Tree, model: &str) -> Tree {
    const KEPT: [&str; 6] = ["timeout", "temperature", "max_tokens", "fallback", "stream", "first_token_timeout"];
    let mut entries = vec![Entry {
        key: Text::synthetic("use", tree.span),
        value: Tree { span: tree.span, data: Data::Text(Text::synthetic(model.to_owned(), tree.span)) },
    }];
    entries.extend(tree.as_map().unwrap_or_default().iter().filter(|e| KEPT.contains(&e.key.as_str())).cloned());
    Tree { span: tree.span, data: Data::Map(entries) }
}

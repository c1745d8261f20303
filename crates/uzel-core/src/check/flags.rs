//! Flags: what chooses between ways of one app without another release of it. Called while a document is checked.

use std::collections::BTreeMap;

use indexmap::IndexMap;
use serde::Deserialize;
use serde_json::Value;

use super::App;
use crate::{
    date::Date,
    diagnostic::{Code, Diagnostic, did_you_mean},
    expr::{Binding, Expression, Reference},
    graph::{Flag, Inner, NodeDef, Reaction, Shape},
    schema::{Schema, is_word},
    yaml::{self, Data, Entry, Text, Tree},
};

/// What a flag has beside its type.
const OWN: [&str; 5] = ["type", "default", "description", "owner", "expires"];

/// The keys of a flag that are not about its values.
#[derive(Default, Deserialize)]
#[serde(default)]
struct About {
    description: Option<Text>,
    owner: Option<Text>,
    expires: Option<Text>,
}

impl App<'_, '_> {
    /// Reads the flags; what is wrong with one is reported.
    pub(super) fn flags(&mut self, tree: Option<&Tree>) -> BTreeMap<String, Flag> {
        let entries = self.entries("flags", tree);
        // One that cannot be read has been reported; that it is asked is no second mistake.
        let unread = |at| Flag {
            schema: Schema::any(),
            default: Value::Null,
            description: String::new(),
            owner: None,
            expires: None,
            at,
        };
        let flags = entries
            .iter()
            .map(|entry| (entry.key.as_str().to_owned(), self.flag(entry).unwrap_or_else(|| unread(entry.key.span))));
        flags.collect()
    }

    fn flag(&mut self, entry: &Entry) -> Option<Flag> {
        let (name, tree) = (entry.key.as_str(), &entry.value);
        let lacks = |at, what: &str| {
            let message = format!("the flag `{name}` has no `{what}`");
            let help = "write `{ type: boolean, default: false }`, or another type and a value of it";
            Diagnostic::new(Code::MISSING_KEY, at, message).help(help)
        };
        let Some(entries) = tree.as_map() else {
            let message = format!("the flag `{name}` must be a map with a `type` and a `default`");
            let help = format!("write `{name}: {{ type: boolean, default: false }}`");
            let at = if tree.is_null() { entry.key.span } else { tree.span };
            self.out.push(Diagnostic::new(Code::WRONG_SHAPE, at, message).help(help));
            return None;
        };
        for key in entries.iter().map(|entry| &entry.key) {
            if !OWN.contains(&key.as_str()) && !is_word(key) && !key.starts_with("x-") {
                let help = did_you_mean(key, OWN).unwrap_or_else(|| format!("known: {}", OWN.join(", ")));
                let message = format!("a flag has no key `{}`", key.as_str());
                self.out.push(Diagnostic::new(Code::UNKNOWN_KEY, key.span, message).help(help));
            }
        }
        let own = entries.iter().filter(|entry| ["description", "owner", "expires"].contains(&entry.key.as_str()));
        let own = Tree { span: tree.span, data: Data::Map(own.cloned().collect()) };
        let about: About = yaml::from_tree(&own, self.out).unwrap_or_default();
        let expires = about.expires.as_ref().and_then(|text| self.expires(name, text, about.owner.as_ref()));
        let Some(schema) = self.flag_type(tree) else {
            if tree.get("type").is_none() {
                self.out.push(lacks(entry.key.span, "type"));
            }
            return None;
        };
        let Some(default) = tree.get("default") else {
            self.out.push(lacks(entry.key.span, "default"));
            return None;
        };
        let value = default.to_json();
        if let Err(violations) = schema.check(&value) {
            let why = violations.first().map(|v| v.message.clone()).unwrap_or_default();
            self.out.push(
                Diagnostic::new(Code::TYPE_MISMATCH, default.span, format!("the flag's default does not fit: {why}"))
                    .help("a flag needs a `type` and a `default` of that type"),
            );
        }
        let text = |text: Option<Text>| text.map(|text| text.as_str().to_owned());
        let (description, owner) = (text(about.description).unwrap_or_default(), text(about.owner));
        Some(Flag { schema, default: value, description, owner, expires, at: entry.key.span })
    }

    /// `type` alone where it is a type of its own, else with the words of JSON Schema beside it.
    fn flag_type(&mut self, tree: &Tree) -> Option<Schema> {
        let entries = tree.as_map().unwrap_or_default();
        let words = entries.iter().filter(|entry| is_word(&entry.key) || entry.key.as_str() == "type");
        let words: Vec<Entry> = words.cloned().collect();
        let full = Tree { span: tree.span, data: Data::Map(words) };
        if Schema::is_json_schema(&full) {
            return Schema::read(&full, self.out);
        }
        let ty = tree.get("type")?;
        for entry in entries.iter().filter(|entry| is_word(&entry.key) && !OWN.contains(&entry.key.as_str())) {
            let message = format!("`{}` means nothing beside this `type`", entry.key.as_str());
            let help = "write it inside of the type, as in `type: { type: string, maxLength: 20 }`";
            self.out.push(Diagnostic::new(Code::BAD_TYPE, entry.key.span, message).help(help));
        }
        Schema::read(ty, self.out)
    }

    fn expires(&mut self, name: &str, text: &Text, owner: Option<&Text>) -> Option<Date> {
        match text.as_str().parse::<Date>() {
            Err(message) => {
                self.out.push(Diagnostic::new(Code::WRONG_SHAPE, text.span, message).help("write `2027-01-31`"));
                None
            }
            Ok(expires) => {
                if self.choices.today.is_some_and(|today| today > expires) {
                    let message = format!("the flag `{name}` was to be gone after {expires}");
                    let whom = owner.map(|owner| format!("; ask {}", owner.as_str())).unwrap_or_default();
                    let help = format!("remove it and the way that is not taken any more, or write a later day{whom}");
                    self.out.push(Diagnostic::new(Code::FLAG_EXPIRED, text.span, message).help(help));
                }
                Some(expires)
            }
        }
    }

    /// Flags that nothing asks.
    pub(super) fn unused_flags(
        &mut self,
        flags: &BTreeMap<String, Flag>,
        nodes: &IndexMap<String, std::sync::Arc<NodeDef>>,
        output: Option<&Binding>,
    ) {
        let mut unused: BTreeMap<&str, &Flag> = flags.iter().map(|(name, flag)| (name.as_str(), flag)).collect();
        let mut note = |references: &[Reference]| {
            for reference in references.iter().filter(|reference| reference.root == "flags") {
                match reference.path.first() {
                    Some(name) => drop(unused.remove(name.as_str())),
                    // All of them, or one whose name is computed.
                    None => unused.clear(),
                }
            }
        };
        asked(nodes, &mut note);
        note(output.map(Binding::references).unwrap_or_default());
        for (name, flag) in unused {
            let message = format!("nothing asks the flag `{name}`");
            let help = format!("remove it, or use `flags.{name}` where it should choose");
            self.out.push(Diagnostic::new(Code::FLAG_UNUSED, flag.at, message).help(help));
        }
    }
}

/// All references of nodes and of what stands in them. Another app has flags of its own.
fn asked(nodes: &IndexMap<String, std::sync::Arc<NodeDef>>, note: &mut impl FnMut(&[Reference])) {
    for node in nodes.values() {
        note(node.when.as_ref().map(Expression::references).unwrap_or_default());
        node.inputs.iter().for_each(|input| note(input.program.references()));
        for reaction in [&node.on_error, &node.on_block] {
            if let Reaction::Use(binding) | Reaction::Stop(binding) = reaction {
                note(binding.references());
            }
        }
        let Some(plan) = &node.plan else { continue };
        if let Shape::Loop { until, .. } = &plan.shape {
            note(until.references());
        }
        if let Inner::Nodes(body) = &plan.inner {
            asked(&body.nodes, note);
            note(body.output.as_ref().map(Binding::references).unwrap_or_default());
        }
    }
}

//! What there is to say about a place: a name's type and where it comes from, a key's meaning, a word's.

use std::fmt::Write as _;

use super::{Hover, Index, Language, Target, context, names::NodeEntry};
use crate::{
    expr::heard::Step,
    schema::Type,
    source::Span,
    yaml::{Entry, Tree},
};

/// A map with more fields than these is shown with them and a sign that there are more.
const MOST_FIELDS: usize = 24;

impl Index {
    /// What a place means; `None` where nothing is known.
    pub fn hover(&self, file: &str, offset: usize, language: &Language<'_>) -> Option<Hover> {
        if let Some(step) = self.step_at(file, offset) {
            return Some(Hover { at: self.place(step.at)?, text: self.about_step(step, language) });
        }
        if let Some((at, target)) = self.target_at(file, offset)
            && let Some(text) = self.about(&target, language)
        {
            return Some(Hover { at: self.place(at)?, text });
        }
        if file == self.main { self.about_place(offset, language) } else { None }
    }

    fn step_at(&self, file: &str, offset: usize) -> Option<&Step> {
        let cut = u32::try_from(offset).ok()?;
        self.sources_of(file).find_map(|source| {
            let holds = |step: &&Step| step.at.source == source && step.at.start <= cut && cut <= step.at.end;
            self.heard.steps.iter().rfind(holds)
        })
    }

    fn about_step(&self, step: &Step, language: &Language<'_>) -> String {
        let name = if step.path.is_empty() { self.sources.text(step.at).to_owned() } else { step.path.join(".") };
        let mut text = typed(&name, &step.ty);
        let node = step.declared.filter(|_| step.path.len() == 1).and_then(|at| self.names.node_at(at));
        let node = node.or_else(|| match step.path.as_slice() {
            [root, id] if root == "nodes" => self.names.node_at(self.resolve(id, step.at)?),
            _ => None,
        });
        if let Some(node) = node {
            text += &node_words(node, language);
        } else if let ([_], true) = (step.path.as_slice(), step.local) {
            text += "\n\nset by the template";
        } else if let [root] = step.path.as_slice() {
            text += &format!("\n\n{}", root_words(root));
        } else if let Some(words) = step.of.as_ref().zip(step.path.last()).and_then(|(of, name)| description(of, name))
        {
            text += &format!("\n\n{words}");
        }
        if let Some(at) = step.declared {
            text += &self.comes_from(at);
        }
        text
    }

    fn comes_from(&self, at: Span) -> String {
        let place = self.sources.position(at);
        format!("\n\ndeclared in `{}`, line {}", place.file, place.line)
    }

    fn about(&self, target: &Target, language: &Language<'_>) -> Option<String> {
        match target {
            Target::Node(at) => {
                let node = self.names.node_at(*at)?;
                let ty = self.heard.roots.get(at).map_or(Type::Any, |(_, ty)| ty.clone());
                Some(typed(&node.id, &ty) + &node_words(node, language) + &self.comes_from(*at))
            }
            Target::Named(section, name) => {
                let at = self.names.declared(target)?;
                let entry = self.tree.get(section).and_then(|section| section.entry(name));
                let uses = entry.and_then(|entry| entry.value.get("use")).and_then(Tree::as_str);
                let uses = uses.map_or_else(String::new, |uses| format!(": `{uses}`"));
                let summary = entry.and_then(|entry| summary(section, entry, language));
                let summary = summary.map_or_else(String::new, |summary| format!("\n\n{summary}"));
                Some(format!("`{name}` of `{section}`{uses}{summary}{}", self.comes_from(at)))
            }
            Target::Field(at) => {
                let name = self.sources.text(*at).trim_matches(['"', '\'']);
                let step = self.heard.steps.iter().find(|step| step.declared == Some(*at));
                let words = step.and_then(|step| description(step.of.as_ref()?, name));
                let words = words.map_or_else(String::new, |words| format!("\n\n{words}"));
                step.map(|step| typed(name, &step.ty) + &words)
            }
            Target::Root(root) => {
                let ty = self.heard.builtin.get(root)?;
                Some(format!("{}\n\n{}", typed(root, ty), root_words(root)))
            }
            Target::File(file) => Some(format!("the file `{file}`")),
        }
    }

    /// A key, or a word of those that may stand there.
    fn about_place(&self, offset: usize, language: &Language<'_>) -> Option<Hover> {
        let way = self.path_at(offset);
        let last = way.last()?;
        let (holder, shape) = context::shapes(language.shapes, &self.tree, &way);
        match last.part {
            context::Part::Key(entry) => {
                let key = entry.key.as_str();
                let mut text = format!("**{key}**");
                if holder.requires(key) {
                    text += " (required)";
                }
                let about = shape.about();
                let choices = shape.choices();
                if about.is_empty() && choices.is_empty() {
                    return None;
                }
                let _ = write!(text, "\n\n{about}");
                if !choices.is_empty() && choices.len() <= MOST_FIELDS {
                    let words: Vec<String> = choices.iter().map(|choice| format!("`{}`", choice.value)).collect();
                    let _ = write!(text, "\n\none of {}", words.join(", "));
                }
                if let Some(default) = shape.usual() {
                    let _ = write!(text, "\n\ndefault: `{default}`");
                }
                Some(Hover { at: self.place(entry.key.span)?, text })
            }
            part => {
                let word = part.value().as_str()?;
                let choice = shape.choices().into_iter().find(|choice| choice.value == word)?;
                let about = if choice.about.is_empty() { shape.about() } else { choice.about };
                Some(Hover { at: self.place(part.value().span)?, text: format!("`{word}`: {about}") })
            }
        }
    }
}

/// A name with its type; the fields of a map stand under one another.
fn typed(name: &str, ty: &Type) -> String {
    let null = if ty.may_be_null() && *ty != Type::Null { " | null" } else { "" };
    let words = match ty.without_null() {
        Type::Object(object) if !object.fields.is_empty() => {
            let mut lines = String::from("{\n");
            for (name, field) in object.fields.iter().take(MOST_FIELDS) {
                let _ = writeln!(lines, "  {name}: {}", field.seen_type());
            }
            if object.open || object.fields.len() > MOST_FIELDS {
                lines.push_str("  …\n");
            }
            format!("{lines}}}{null}")
        }
        _ => ty.to_string(),
    };
    format!("```text\n{name}: {words}\n```")
}

fn node_words(node: &NodeEntry, language: &Language<'_>) -> String {
    let kind = node.kind.as_deref().unwrap_or("?");
    let summary = language.catalog.kind(kind).map_or_else(String::new, |kind| format!(": {}", kind.summary));
    let about = node.description.as_ref().map_or_else(String::new, |about| format!("\n\n{}", about.trim_end()));
    format!("\n\nnode of kind `{kind}`{summary}{about}")
}

/// What the sort of a declaration does.
fn summary(section: &str, entry: &Entry, language: &Language<'_>) -> Option<&'static str> {
    let catalog = language.catalog;
    let uses = entry.value.get("use").and_then(Tree::as_str);
    match section {
        "models" => catalog.model(uses?).map(|def| def.summary),
        "tools" => catalog.tool(uses?).map(|def| def.summary),
        "connections" => catalog.connection(uses?).map(|def| def.summary),
        "knowledge" => catalog.retrievers.iter().find(|def| entry.value.get(def.name).is_some()).map(|def| def.summary),
        _ => None,
    }
}

fn root_words(root: &str) -> &'static str {
    match root {
        "input" => "what the run is given",
        "flags" => "the flags of the app",
        "run" => "the run itself",
        "node" => "the node that this stands in",
        "nodes" => "what is known about each node beside its output",
        "loop" => "the round that this is in",
        _ => "what the body is given in each round",
    }
}

/// The description of a field where it is declared.
fn description<'t>(of: &'t Type, name: &str) -> Option<&'t str> {
    of.members().iter().find_map(|member| match member {
        Type::Object(object) => object.fields.get(name)?.description.as_deref(),
        _ => None,
    })
}

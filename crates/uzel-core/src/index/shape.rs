//! What the JSON Schema of the app file says about a place in a document: which keys and values may stand there, what
//! they are for, and of which section a name is. Used by the index for everything that is not an expression.

use serde_json::Value;

use crate::yaml::{Data, Tree};

/// The schema that editors are given, as far as it is asked here.
#[derive(Clone, Debug)]
pub struct Shapes(Value);

/// The schemas that hold at one place, references followed and conditions decided.
#[derive(Clone, Debug, Default)]
pub(super) struct Shape<'s> {
    parts: Vec<&'s Value>,
    /// Where names that stand here or below are declared.
    pub(super) names: Option<&'s str>,
}

/// A value that may stand at a place, and what it means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Choice {
    pub(super) value: String,
    pub(super) about: String,
}

/// A schema refers to others at most this deep.
const DEPTH: usize = 24;

impl Shapes {
    /// Takes the whole schema.
    pub fn new(schema: Value) -> Self {
        Self(schema)
    }

    /// The whole document.
    pub(super) fn root(&self, tree: &Tree) -> Shape<'_> {
        let mut shape = Shape::default();
        self.add(&self.0, Some(tree), &mut shape, DEPTH);
        shape
    }

    /// What the value of a key is. Keys of a map may be values of any name: `nodes`.
    pub(super) fn key<'s>(&'s self, of: &Shape<'s>, key: &str, value: Option<&Tree>) -> Shape<'s> {
        let mut shape = Shape { parts: vec![], names: of.names };
        for part in &of.parts {
            match part.get("properties").and_then(|properties| properties.get(key)) {
                Some(property) => self.add(property, value, &mut shape, DEPTH),
                None => {
                    let open = part.get("additionalProperties").filter(|other| other.is_object());
                    let hidden = key.starts_with("x-");
                    open.filter(|_| !hidden).into_iter().for_each(|other| self.add(other, value, &mut shape, DEPTH));
                }
            }
        }
        shape
    }

    /// What an item of a list is.
    pub(super) fn item<'s>(&'s self, of: &Shape<'s>, value: Option<&Tree>) -> Shape<'s> {
        let mut shape = Shape { parts: vec![], names: of.names };
        for items in of.parts.iter().filter_map(|part| part.get("items")) {
            self.add(items, value, &mut shape, DEPTH);
        }
        shape
    }

    /// With all that could hold if a condition did that does not: a node whose kind is not known yet may be of any.
    pub(super) fn every<'s>(&'s self, of: &Shape<'s>) -> Shape<'s> {
        let mut shape = of.clone();
        for branch in of.parts.iter().filter_map(|part| part.get("then")) {
            self.add(branch, None, &mut shape, DEPTH);
        }
        shape
    }

    fn add<'s>(&'s self, schema: &'s Value, value: Option<&Tree>, shape: &mut Shape<'s>, depth: usize) {
        if depth == 0 || !schema.is_object() || shape.parts.iter().any(|known| std::ptr::eq(*known, schema)) {
            return;
        }
        if let Some(names) = schema.get("x-names").and_then(Value::as_str) {
            shape.names = Some(names);
        }
        shape.parts.push(schema);
        if let Some(target) = self.target(schema) {
            self.add(target, value, shape, depth - 1);
        }
        let list = |word: &str| schema.get(word).and_then(Value::as_array).into_iter().flatten();
        for part in list("allOf") {
            self.add(part, value, shape, depth - 1);
        }
        for part in list("anyOf").chain(list("oneOf")) {
            if value.is_none_or(|value| self.may_be(part, value)) {
                self.add(part, value, shape, depth - 1);
            }
        }
        if let Some(condition) = schema.get("if") {
            let branch = if value.is_some_and(|value| holds(condition, value)) { "then" } else { "else" };
            schema.get(branch).into_iter().for_each(|part| self.add(part, value, shape, depth - 1));
        }
    }

    fn target(&self, schema: &Value) -> Option<&Value> {
        self.0.pointer(schema.get("$ref")?.as_str()?.strip_prefix('#')?)
    }

    /// Whether a choice can be meant: a map is none of the texts. What is a text or nothing may become anything.
    fn may_be(&self, choice: &Value, value: &Tree) -> bool {
        let choice = self.target(choice).unwrap_or(choice);
        let named = match value.data {
            Data::Map(_) => "object",
            Data::List(_) => "array",
            _ => return true,
        };
        match choice.get("type") {
            Some(Value::String(ty)) => ty == named,
            Some(Value::Array(types)) => types.iter().any(|ty| ty == named),
            _ => !["const", "enum"].iter().any(|word| choice.get(word).is_some()),
        }
    }
}

impl<'s> Shape<'s> {
    fn properties(&self) -> impl Iterator<Item = (&'s str, &'s Value)> {
        let maps = self.parts.iter().filter_map(|part| part.get("properties")?.as_object());
        maps.flatten().map(|(key, property)| (key.as_str(), property))
    }

    /// Keys with a name of their own, each once.
    pub(super) fn keys(&self) -> Vec<&'s str> {
        let mut keys: Vec<&str> = vec![];
        for (key, _) in self.properties() {
            if !keys.contains(&key) {
                keys.push(key);
            }
        }
        keys
    }

    /// Whether a map may stand here, and so its keys.
    pub(super) fn is_map(&self) -> bool {
        self.properties().next().is_some()
            || self.parts.iter().any(|part| part.get("additionalProperties").is_some_and(Value::is_object))
    }

    /// Whether a list may stand here.
    pub(super) fn is_list(&self) -> bool {
        self.parts.iter().any(|part| part.get("items").is_some())
    }

    /// Whether a key must be there.
    pub(super) fn requires(&self, key: &str) -> bool {
        let lists = self.parts.iter().filter_map(|part| part.get("required")?.as_array());
        lists.flatten().any(|name| name == key)
    }

    /// What it is for: the sentences of the schemas, each once, the nearest first.
    pub(super) fn about(&self) -> String {
        let mut texts: Vec<&str> = vec![];
        for text in self.parts.iter().filter_map(|part| part.get("description")?.as_str()) {
            if !texts.contains(&text) && texts.len() < 2 {
                texts.push(text);
            }
        }
        texts.join("\n\n")
    }

    /// The default that is worth telling.
    pub(super) fn usual(&self) -> Option<String> {
        let value = self.parts.iter().find_map(|part| part.get("default"))?;
        let empty = match value {
            Value::Null => true,
            Value::String(text) => text.is_empty(),
            Value::Array(items) => items.is_empty(),
            Value::Object(fields) => fields.is_empty(),
            _ => false,
        };
        (!empty).then(|| written(value))
    }

    /// Values of which one must stand here.
    pub(super) fn choices(&self) -> Vec<Choice> {
        let mut choices: Vec<Choice> = vec![];
        let mut add = |value: &Value, about: &str| {
            let value = written(value);
            match choices.iter_mut().find(|choice| choice.value == value) {
                Some(known) if known.about.is_empty() => about.clone_into(&mut known.about),
                Some(_) => {}
                None => choices.push(Choice { value, about: about.to_owned() }),
            }
        };
        for part in &self.parts {
            let about = part.get("description").and_then(Value::as_str).unwrap_or_default();
            let texts = part.get("enumDescriptions").and_then(Value::as_array);
            for (index, value) in part.get("enum").and_then(Value::as_array).into_iter().flatten().enumerate() {
                add(value, texts.and_then(|texts| texts.get(index)?.as_str()).unwrap_or_default());
            }
            part.get("const").into_iter().for_each(|value| add(value, about));
            if part
                .get("type")
                .is_some_and(|ty| ty == "boolean" || ty.as_array().is_some_and(|t| t.contains(&"boolean".into())))
            {
                add(&Value::Bool(true), "");
                add(&Value::Bool(false), "");
            }
            for provider in part.get("pattern").and_then(Value::as_str).and_then(providers).unwrap_or_default() {
                add(&Value::String(provider), "");
            }
        }
        choices
    }
}

/// A value as it is typed in YAML.
fn written(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Whether a value fits a condition. Conditions only ask for keys, constants and providers.
fn holds(condition: &Value, value: &Tree) -> bool {
    let required = condition.get("required").and_then(Value::as_array).into_iter().flatten();
    let present = required.filter_map(Value::as_str).all(|key| value.get(key).is_some());
    let properties = condition.get("properties").and_then(Value::as_object).into_iter().flatten();
    present && properties.into_iter().all(|(key, wanted)| value.get(key).is_none_or(|value| is(wanted, value)))
}

fn is(wanted: &Value, value: &Tree) -> bool {
    let value = value.to_json();
    let constant = wanted.get("const").is_none_or(|constant| *constant == value);
    let one_of = wanted.get("enum").and_then(Value::as_array).is_none_or(|values| values.contains(&value));
    let provided = wanted.get("pattern").and_then(Value::as_str).and_then(providers).is_none_or(|names| {
        let name = value.as_str().and_then(|text| text.split('/').next()).unwrap_or_default();
        names.iter().any(|known| known == name)
    });
    constant && one_of && provided
}

/// The names in the pattern that says which providers there are: `^(openai|offline)(/|$)`.
fn providers(pattern: &str) -> Option<Vec<String>> {
    let names = pattern.strip_prefix("^(")?.strip_suffix(")(/|$)")?;
    Some(names.split('|').map(|name| name.replace("\\.", ".")).collect())
}

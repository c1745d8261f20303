//! Lists, maps and enum contents for serde. Unknown keys of a struct are reported and passed over here.

use serde::{
    Deserializer,
    de::{
        DeserializeSeed, EnumAccess, IntoDeserializer, MapAccess, SeqAccess, VariantAccess, Visitor,
        value::StrDeserializer,
    },
};

use super::{
    dummy::Dummy,
    failed::Failed,
    key::KeyDe,
    values::De,
    words::{Name, list},
};
use crate::{
    diagnostic::{Code, Diagnostic, did_you_mean},
    yaml::{Entry, Text, Tree},
};

/// The items of a list.
pub(super) struct Items<'a> {
    pub(super) de: De<'a>,
    pub(super) left: std::slice::Iter<'a, Tree>,
    /// Whether the number of items matters.
    pub(super) exact: bool,
}

impl<'a> SeqAccess<'a> for Items<'a> {
    type Error = Failed;

    fn next_element_seed<T: DeserializeSeed<'a>>(&mut self, seed: T) -> Result<Option<T::Value>, Failed> {
        // What was refused before is left out; tuples have no use for fewer items, and get a stand-in.
        let notes = self.de.notes();
        let next = self.left.by_ref().find(|item| self.exact || !notes.is_refused(item));
        let Some(item) = next else { return Ok(None) };
        let de = self.de.of_item(item);
        de.noted(seed.deserialize(de)).map(Some)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.left.len())
    }
}

/// The entries of a map; for a struct, those that it knows, and stand-ins for those that are missing.
pub(super) struct Entries<'a> {
    de: De<'a>,
    rest: std::slice::Iter<'a, Entry>,
    fields: Option<&'static [&'static str]>,
    missing: Vec<&'static str>,
    /// The value of the key that was given last; `None` for a stand-in.
    value: Option<De<'a>>,
}

impl<'a> Entries<'a> {
    pub(super) fn new(de: De<'a>, entries: &'a [Entry], fields: Option<&'static [&'static str]>) -> Self {
        let missing = de.notes().missing_in(de.tree());
        Self { de, rest: entries.iter(), fields, missing, value: None }
    }

    fn is_known(&self, key: &Text) -> bool {
        let Some(fields) = self.fields else { return true };
        if fields.contains(&key.as_str()) {
            return true;
        }
        if key.starts_with("x-") {
            return false;
        }
        let place = match self.de.name() {
            Name::Root => "here".to_owned(),
            name => format!("in {name}"),
        };
        let near = did_you_mean(key, fields.iter().copied());
        let known = if fields.is_empty() {
            "remove it: no keys are known here".to_owned()
        } else {
            format!("known: {}", list(fields))
        };
        let help = near.map_or(known.clone(), |near| format!("{near} {known}"));
        let message = format!("there is no key `{key}` {place}");
        self.de.notes().report(Diagnostic::new(Code::UNKNOWN_KEY, key.span, message).help(help));
        false
    }
}

impl<'a> MapAccess<'a> for Entries<'a> {
    type Error = Failed;

    fn next_key_seed<K: DeserializeSeed<'a>>(&mut self, seed: K) -> Result<Option<K::Value>, Failed> {
        while let Some(entry) = self.rest.next() {
            let notes = self.de.notes();
            let out =
                if self.fields.is_some() { notes.is_dropped(&entry.value) } else { notes.is_refused(&entry.value) };
            if !out && self.is_known(&entry.key) {
                self.value = Some(self.de.of_key(&entry.key, &entry.value));
                return seed
                    .deserialize(KeyDe(&entry.key))
                    .map(Some)
                    .map_err(|failed| self.de.refused_key(entry, failed));
            }
        }
        self.value = None;
        let Some(missing) = self.missing.pop() else { return Ok(None) };
        let key: StrDeserializer<'_, Failed> = missing.into_deserializer();
        seed.deserialize(key).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'a>>(&mut self, seed: V) -> Result<V::Value, Failed> {
        match self.value.take() {
            Some(de) => de.noted(seed.deserialize(de)),
            None => seed.deserialize(Dummy::new()).map_err(|_| Failed::dummy()),
        }
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.rest.len())
    }
}

/// A variant that is known, with what is written under it.
pub(super) struct Named<'a>(pub(super) Content<'a>);

/// What a variant holds; `None` if only its name is written.
pub(super) struct Content<'a> {
    pub(super) de: De<'a>,
    pub(super) variant: &'static str,
    pub(super) inner: Option<De<'a>>,
}

impl<'a> EnumAccess<'a> for Named<'a> {
    type Error = Failed;
    type Variant = Content<'a>;

    fn variant_seed<V: DeserializeSeed<'a>>(self, seed: V) -> Result<(V::Value, Content<'a>), Failed> {
        let name: StrDeserializer<'_, Failed> = self.0.variant.into_deserializer();
        Ok((seed.deserialize(name)?, self.0))
    }
}

impl Content<'_> {
    /// Reports that the name alone is not enough.
    fn bare(&self) -> Dummy {
        let name = self.de.name();
        let message = format!("{name} must be a map here: `{}` needs more than its name", self.variant);
        let help = format!("write `{}: …` with its settings", self.variant);
        let tree = self.de.tree();
        self.de.notes().replace(tree, Diagnostic::new(Code::WRONG_SHAPE, tree.span, message).help(help));
        Dummy::new()
    }
}

impl<'a> VariantAccess<'a> for Content<'a> {
    type Error = Failed;

    fn unit_variant(self) -> Result<(), Failed> {
        if let Some(content) = self.inner.filter(|content| !content.tree().is_null()) {
            let message = format!("`{}` takes no settings", self.variant);
            let help = format!("write `{}` alone", self.variant);
            self.de.notes().report(Diagnostic::new(Code::WRONG_SHAPE, content.tree().span, message).help(help));
        }
        Ok(())
    }

    fn newtype_variant_seed<T: DeserializeSeed<'a>>(self, seed: T) -> Result<T::Value, Failed> {
        match self.inner {
            Some(content) => content.noted(seed.deserialize(content)),
            None => seed.deserialize(self.bare()),
        }
    }

    fn tuple_variant<V: Visitor<'a>>(self, len: usize, visitor: V) -> Result<V::Value, Failed> {
        match self.inner {
            Some(content) => content.deserialize_tuple(len, visitor),
            None => self.bare().deserialize_tuple(len, visitor),
        }
    }

    fn struct_variant<V: Visitor<'a>>(self, fields: &'static [&'static str], visitor: V) -> Result<V::Value, Failed> {
        match self.inner {
            Some(content) => content.deserialize_struct(self.variant, fields, visitor),
            None => self.bare().deserialize_struct(self.variant, fields, visitor),
        }
    }
}

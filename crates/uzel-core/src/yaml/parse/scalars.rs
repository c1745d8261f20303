//! Scalars as values and as keys: what they are, and which keys are refused. Part of the builder of `parse`.

use std::ops::Range;

use saphyr_parser::{ScalarStyle, Tag};

use super::{
    super::{
        Data, Text, Tree, pieces,
        scalar::{self, Plain},
    },
    Builder, Frame, Key, Kind,
};
use crate::{diagnostic::Code, source::Span};

impl Builder<'_, '_> {
    pub(super) fn scalar(
        &mut self,
        value: &str,
        style: ScalarStyle,
        anchor: usize,
        tag: Option<&Tag>,
        range: Range<usize>,
    ) {
        let has_properties = anchor > 0 || tag.is_some();
        let found = self.place.scalar(range.clone(), style, value, has_properties, self.last_end);
        let span = self.place.span(found.whole.clone());
        let origin = pieces::origin(self.place.text, found.content, style, value).shifted(self.place.shift);
        self.last_start = found.whole.start;
        self.last_end = self.last_end.max(found.whole.end).max(range.end.min(found.whole.end));
        let text = Text::new(value, span, origin);
        let plain = if style == ScalarStyle::Plain { scalar::resolve(value) } else { Plain::Text };
        if self.wants_key() {
            let key = self.key(text, &plain, style);
            self.set_key(key);
            return;
        }
        let data = match tag {
            Some(tag) => self.tagged(tag, range.start..found.whole.start, text, plain),
            None => self.untagged(text, plain),
        };
        self.attach(Tree { span, data }, anchor);
    }

    pub(super) fn untagged(&mut self, text: Text, plain: Plain) -> Data {
        match plain {
            Plain::Null => Data::Null,
            Plain::Bool(value) => Data::Bool(value),
            Plain::Number(value) => Data::Number(value),
            Plain::Text => Data::Text(text),
            Plain::Impossible(why) => {
                let message = format!("`{text}` {why}");
                self.error(Code::WRONG_SHAPE, text.span, message, format!("if a text is meant, write \"{text}\""));
                Data::Number(0.into())
            }
        }
    }

    fn key(&mut self, text: Text, plain: &Plain, style: ScalarStyle) -> Key {
        let span = text.span;
        match plain {
            Plain::Text if style == ScalarStyle::Plain && text.as_str() == "<<" => return self.merge_key(span),
            Plain::Text if style == ScalarStyle::Plain && scalar::is_yaml11_bool(&text) => {
                let message = format!("the key `{text}` is a boolean for programs that read YAML 1.1");
                self.error(
                    Code::YAML11_KEY,
                    span,
                    message,
                    format!("write \"{text}\" in quotes, or choose another name"),
                );
            }
            Plain::Text => {}
            Plain::Null if text.is_empty() => {
                self.error(Code::KEY_NOT_TEXT, span, "a key is missing before `:`", "write `name: value`");
                return Key::Dropped;
            }
            Plain::Null | Plain::Bool(_) | Plain::Number(_) | Plain::Impossible(_) => {
                let what = match plain {
                    Plain::Null => "null",
                    Plain::Bool(_) => "a boolean",
                    _ => "a number",
                };
                let message = format!("a key must be a text, but `{text}` is {what}");
                self.error(Code::KEY_NOT_TEXT, span, message, format!("write \"{text}\" in quotes"));
            }
        }
        Key::Is(text)
    }

    fn merge_key(&mut self, span: Span) -> Key {
        let again =
            matches!(self.stack.last(), Some(Frame { kind: Kind::Map { merges, .. }, .. }) if !merges.is_empty());
        if again {
            self.error(Code::DUPLICATE_KEY, span, "the key `<<` is written twice", "write `<<: [*a, *b]`");
            return Key::Dropped;
        }
        Key::Merge
    }
}

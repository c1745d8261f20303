//! A key of a map for serde: a text, whatever the key type makes of it.

use serde::{
    Deserializer,
    de::{DeserializeSeed, EnumAccess, IntoDeserializer, VariantAccess, Visitor, value::UnitDeserializer},
    forward_to_deserialize_any,
};

use super::failed::Failed;
use crate::yaml::{
    Text, Tree,
    magic::{self, Handed},
};

/// Deserializes a key. Its errors are noted by the map's access, which knows the place.
#[derive(Clone, Copy)]
pub(super) struct KeyDe<'a>(pub(super) &'a Text);

impl<'a> Deserializer<'a> for KeyDe<'a> {
    type Error = Failed;

    fn deserialize_any<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Failed> {
        visitor.visit_borrowed_str(&self.0.value)
    }

    fn deserialize_newtype_struct<V: Visitor<'a>>(self, name: &'static str, visitor: V) -> Result<V::Value, Failed> {
        match name {
            magic::TEXT => {
                magic::hand_over(Handed::Text(self.0.clone()));
                visitor.visit_unit()
            }
            magic::TREE => {
                let data = crate::yaml::Data::Text(self.0.clone());
                magic::hand_over(Handed::Tree(Tree { span: self.0.span, data }));
                visitor.visit_unit()
            }
            magic::SPANNED => {
                magic::hand_over(Handed::Span(self.0.span));
                visitor.visit_newtype_struct(self)
            }
            _ => visitor.visit_newtype_struct(self),
        }
    }

    fn deserialize_enum<V: Visitor<'a>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Failed> {
        if variants.contains(&self.0.as_str()) {
            visitor.visit_enum(self)
        } else {
            Err(Failed { why: super::failed::Why::Shape(super::words::one_of(variants)) })
        }
    }

    forward_to_deserialize_any! {
        <W: Visitor<'a>>
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        seq tuple tuple_struct map struct identifier ignored_any
    }
}

impl<'a> EnumAccess<'a> for KeyDe<'a> {
    type Error = Failed;
    type Variant = Self;
    fn variant_seed<V: DeserializeSeed<'a>>(self, seed: V) -> Result<(V::Value, Self), Failed> {
        Ok((seed.deserialize(self)?, self))
    }
}

impl<'a> VariantAccess<'a> for KeyDe<'a> {
    type Error = Failed;
    fn unit_variant(self) -> Result<(), Failed> {
        Ok(())
    }
    fn newtype_variant_seed<T: DeserializeSeed<'a>>(self, seed: T) -> Result<T::Value, Failed> {
        let unit: UnitDeserializer<Failed> = ().into_deserializer();
        seed.deserialize(unit)
    }
    fn tuple_variant<V: Visitor<'a>>(self, _: usize, visitor: V) -> Result<V::Value, Failed> {
        visitor.visit_unit()
    }
    fn struct_variant<V: Visitor<'a>>(self, _: &'static [&'static str], visitor: V) -> Result<V::Value, Failed> {
        visitor.visit_unit()
    }
}

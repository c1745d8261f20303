//! A stand-in for a value that could not be read, so that the rest can be. What is made of it is thrown away.

use std::fmt;

use serde::{
    Deserializer,
    de::{DeserializeSeed, EnumAccess, IntoDeserializer, MapAccess, SeqAccess, VariantAccess, Visitor},
    forward_to_deserialize_any,
};

use super::failed::Failed;
use crate::yaml::{
    Data, Text, Tree,
    magic::{self, Handed},
};

/// Gives every visitor the least value it takes. `depth` stops at types that contain themselves.
#[derive(Clone, Copy)]
pub(super) struct Dummy {
    depth: usize,
}

impl Dummy {
    pub(super) fn new() -> Self {
        Self { depth: 0 }
    }

    fn inner(self) -> Result<Self, Failed> {
        if self.depth < 16 { Ok(Self { depth: self.depth + 1 }) } else { Err(Failed::dummy()) }
    }
}

macro_rules! give {
    ($($method:ident $visit:ident $value:expr;)*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failed> {
            visitor.$visit($value).map_err(quiet)
        })*
    };
}

/// Whatever a visitor says about a stand-in is no news.
fn quiet(_: Failed) -> Failed {
    Failed::dummy()
}

impl<'de> Deserializer<'de> for Dummy {
    type Error = Failed;

    give! {
        deserialize_bool visit_bool false;
        deserialize_i8 visit_i8 0;
        deserialize_i16 visit_i16 0;
        deserialize_i32 visit_i32 0;
        deserialize_i64 visit_i64 0;
        deserialize_u8 visit_u8 0;
        deserialize_u16 visit_u16 0;
        deserialize_u32 visit_u32 0;
        deserialize_u64 visit_u64 0;
        deserialize_f32 visit_f32 0.0;
        deserialize_f64 visit_f64 0.0;
        deserialize_char visit_char ' ';
        deserialize_str visit_str "";
        deserialize_string visit_str "";
        deserialize_identifier visit_str "";
        deserialize_bytes visit_bytes b"";
        deserialize_byte_buf visit_bytes b"";
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failed> {
        visitor.visit_unit().map_err(quiet)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failed> {
        visitor.visit_none().map_err(quiet)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, Failed> {
        match name {
            magic::TEXT => {
                magic::hand_over(Handed::Text(Text::synthetic("", magic::NOWHERE)));
                visitor.visit_unit()
            }
            magic::TREE => {
                magic::hand_over(Handed::Tree(Tree { span: magic::NOWHERE, data: Data::Null }));
                visitor.visit_unit()
            }
            magic::SPANNED => {
                magic::hand_over(Handed::Span(magic::NOWHERE));
                visitor.visit_newtype_struct(self.inner()?)
            }
            _ => visitor.visit_newtype_struct(self.inner()?),
        }
        .map_err(quiet)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failed> {
        visitor.visit_seq(Items { left: 0, dummy: self }).map_err(quiet)
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, Failed> {
        visitor.visit_seq(Items { left: len, dummy: self.inner()? }).map_err(quiet)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, Failed> {
        self.deserialize_tuple(len, visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failed> {
        visitor.visit_map(Fields { fields: &[], dummy: self }).map_err(quiet)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Failed> {
        // A struct whose fields have serde aliases gets a field twice and refuses; then its parent is replaced.
        visitor.visit_map(Fields { fields, dummy: self.inner()? }).map_err(quiet)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Failed> {
        let variant = variants.first().copied().ok_or_else(Failed::dummy)?;
        visitor.visit_enum(Variant { variant, dummy: self.inner()? }).map_err(quiet)
    }

    forward_to_deserialize_any! { i128 u128 unit unit_struct ignored_any }
}

struct Items {
    left: usize,
    dummy: Dummy,
}

impl<'de> SeqAccess<'de> for Items {
    type Error = Failed;
    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Failed> {
        if self.left == 0 {
            return Ok(None);
        }
        self.left -= 1;
        seed.deserialize(self.dummy).map(Some)
    }
}

struct Fields {
    fields: &'static [&'static str],
    dummy: Dummy,
}

impl<'de> MapAccess<'de> for Fields {
    type Error = Failed;
    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Failed> {
        let Some((first, rest)) = self.fields.split_first() else { return Ok(None) };
        self.fields = rest;
        let key: serde::de::value::StrDeserializer<'_, Failed> = (*first).into_deserializer();
        seed.deserialize(key).map(Some)
    }
    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Failed> {
        seed.deserialize(self.dummy)
    }
}

/// A variant with stand-ins for what it holds.
pub(super) struct Variant {
    pub(super) variant: &'static str,
    pub(super) dummy: Dummy,
}

impl fmt::Debug for Variant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.variant)
    }
}

impl<'de> EnumAccess<'de> for Variant {
    type Error = Failed;
    type Variant = Self;
    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), Failed> {
        let name: serde::de::value::StrDeserializer<'_, Failed> = self.variant.into_deserializer();
        Ok((seed.deserialize(name)?, self))
    }
}

impl<'de> VariantAccess<'de> for Variant {
    type Error = Failed;
    fn unit_variant(self) -> Result<(), Failed> {
        Ok(())
    }
    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Failed> {
        seed.deserialize(self.dummy)
    }
    fn tuple_variant<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, Failed> {
        self.dummy.deserialize_tuple(len, visitor)
    }
    fn struct_variant<V: Visitor<'de>>(self, fields: &'static [&'static str], visitor: V) -> Result<V::Value, Failed> {
        self.dummy.deserialize_struct("", fields, visitor)
    }
}

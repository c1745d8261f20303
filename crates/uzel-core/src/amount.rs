//! Sizes (`10MB`) and percentages (`5%`) as people write them. Used by limits and policies.

use std::{borrow::Cow, fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::duration::shorten;

const SIZES: [(&str, u64); 7] = [
    ("GiB", 1 << 30),
    ("GB", 1_000_000_000),
    ("MiB", 1 << 20),
    ("MB", 1_000_000),
    ("KiB", 1 << 10),
    ("kB", 1_000),
    ("B", 1),
];

/// Why a text is not a size or a percentage; the message says what to write.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a {what}: {cause}")]
pub struct Error {
    /// What was written, shortened.
    pub text: String,
    /// `size` or `percentage`.
    pub what: &'static str,
    /// What is wrong with it and what to write.
    pub cause: String,
}

/// A number of bytes in a document: `10MB` (millions), `10MiB` (powers of two). At most a tebibyte.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SizeText(pub u64);

/// A share in a document, written `5%` or `0.1%`; holds 0 to 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd)]
pub struct PercentText(pub f64);

impl FromStr for SizeText {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let trimmed = text.trim();
        let fail = |cause: String| Err(Error { text: shorten(trimmed), what: "size", cause });
        let split = trimmed.find(|c: char| !c.is_ascii_digit()).unwrap_or(trimmed.len());
        let (digits, unit) = (trimmed.get(..split).unwrap_or(""), trimmed.get(split..).unwrap_or("").trim_start());
        if digits.is_empty() {
            return fail("it must be a whole number and a unit, such as `10MB`".into());
        }
        if unit.is_empty() {
            return fail(format!("the unit is missing; write `{digits}B` or `{digits}MB`"));
        }
        let Some((_, factor)) = SIZES.iter().find(|(name, _)| name.eq_ignore_ascii_case(unit)) else {
            let unit = shorten(unit);
            return fail(format!("there is no unit `{unit}`; the units are B, kB, MB, GB and KiB, MiB, GiB"));
        };
        match digits.parse::<u64>().ok().and_then(|number| number.checked_mul(*factor)) {
            Some(bytes) if bytes <= 1 << 40 => Ok(Self(bytes)),
            _ => fail("it is more than 1024GiB".into()),
        }
    }
}

impl FromStr for PercentText {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let trimmed = text.trim();
        let fail = |cause: &str| Err(Error { text: shorten(trimmed), what: "percentage", cause: cause.into() });
        let Some(number) = trimmed.strip_suffix('%') else {
            return fail("the sign is missing; write `5%`");
        };
        match number.trim_end().parse::<f64>() {
            Ok(percent) if (0.0..=100.0).contains(&percent) => Ok(Self(percent / 100.0)),
            Ok(_) => fail("it must be from 0% to 100%"),
            Err(_) => fail("it must be a number and `%`, such as `5%`"),
        }
    }
}

impl fmt::Display for SizeText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match SIZES.iter().find(|(_, factor)| self.0 >= *factor && self.0.is_multiple_of(*factor)) {
            Some((unit, factor)) => write!(f, "{}{unit}", self.0 / factor),
            None => f.write_str("0B"),
        }
    }
}

impl fmt::Display for PercentText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Rounded to a millionth of a percent, so that 0.07 * 100 prints as 7.
        write!(f, "{}%", (self.0 * 1e8).round() / 1e6)
    }
}

/// Serde as text for a type that parses and prints; a bare number gets the parser's explanation too.
macro_rules! as_text {
    ($($name:ident $title:literal $pattern:literal [$($example:literal),*];)*) => {$(
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Visitor;
                impl de::Visitor<'_> for Visitor {
                    type Value = $name;

                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str($title)
                    }

                    fn visit_str<E: de::Error>(self, text: &str) -> Result<$name, E> {
                        text.parse().map_err(E::custom)
                    }

                    fn visit_u64<E: de::Error>(self, number: u64) -> Result<$name, E> {
                        self.visit_str(&number.to_string())
                    }

                    fn visit_i64<E: de::Error>(self, number: i64) -> Result<$name, E> {
                        self.visit_str(&number.to_string())
                    }

                    fn visit_f64<E: de::Error>(self, number: f64) -> Result<$name, E> {
                        self.visit_str(&number.to_string())
                    }
                }
                deserializer.deserialize_any(Visitor)
            }
        }

        impl schemars::JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({
                    "type": "string", "pattern": $pattern, "description": $title, "examples": [$($example),*],
                })
            }
        }
    )*};
}

as_text! {
    SizeText "A size: a number and one of B, kB, MB, GB, KiB, MiB, GiB." "^[0-9]+ ?([kKmMgG][iI]?)?[bB]$" ["10MB", "64KiB"];
    PercentText "A percentage from 0% to 100%." "^[0-9]+(\\.[0-9]+)? ?%$" ["5%", "0.1%"];
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_and_printed() {
        for (text, bytes) in [("0B", 0), ("10MB", 10_000_000), ("10MiB", 10 << 20), ("2kB", 2_000), ("1GiB", 1 << 30)] {
            assert_eq!(text.parse(), Ok(SizeText(bytes)));
            assert_eq!(SizeText(bytes).to_string(), text);
        }
        let cause = |text: &str| text.parse::<SizeText>().expect_err("not a size").cause;
        assert_eq!(cause("10"), "the unit is missing; write `10B` or `10MB`");
        assert_eq!(cause("10 apples"), "there is no unit `apples`; the units are B, kB, MB, GB and KiB, MiB, GiB");
        assert_eq!(cause("9999999GB"), "it is more than 1024GiB");
        assert_eq!(cause("big"), "it must be a whole number and a unit, such as `10MB`");
    }

    #[test]
    fn percentages_are_read_and_printed() {
        for (text, share) in [("5%", 0.05), ("0.1%", 0.001), ("100%", 1.0), ("7%", 0.07)] {
            let read: PercentText = text.parse().expect(text);
            assert!((read.0 - share).abs() < 1e-12);
            assert_eq!(read.to_string(), text);
        }
        let cause = |text: &str| text.parse::<PercentText>().expect_err("not a percentage").cause;
        assert_eq!(cause("5"), "the sign is missing; write `5%`");
        assert_eq!(cause("101%"), "it must be from 0% to 100%");
        assert_eq!(cause("NaN%"), "it must be from 0% to 100%");
        assert_eq!(cause("x%"), "it must be a number and `%`, such as `5%`");
        let error = serde_json::from_str::<PercentText>("5").expect_err("a number").to_string();
        assert!(error.starts_with("`5` is not a percentage: the sign is missing"), "{error}");
    }
}

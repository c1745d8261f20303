//! Durations as people write them (`500ms`, `30s`, `15m`, `24h`, `7d`). Used by every setting that is a time.

use std::{borrow::Cow, fmt, str::FromStr, time::Duration};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The name by which the YAML reader knows a duration, to report a bad one as such.
pub(crate) const MAGIC: &str = "$uzel::Duration";

/// Units, longest first: name and milliseconds.
const UNITS: [(&str, u64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

/// Ten years: no wait of an app is longer, and sums of such durations do not overflow.
pub const LONGEST: Duration = Duration::from_hours(3_650 * 24);

/// Why a text is not a duration; the message says what to write.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a duration: {cause}")]
pub struct Error {
    /// What was written, shortened.
    pub text: String,
    /// What is wrong with it and what to write.
    pub cause: String,
}

/// A duration in a document. Reads and prints the text form; a whole number of milliseconds, at most [`LONGEST`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DurationText(pub Duration);

/// Reads a whole number and a unit of `ms s m h d`.
pub fn parse(text: &str) -> Result<Duration, Error> {
    let trimmed = text.trim();
    let fail = |cause: String| Err(Error { text: shorten(trimmed), cause });
    let split = trimmed.find(|c: char| !c.is_ascii_digit()).unwrap_or(trimmed.len());
    let (digits, unit) = (trimmed.get(..split).unwrap_or(""), trimmed.get(split..).unwrap_or("").trim_start());
    if digits.is_empty() {
        return fail("it must be a number and a unit, such as `30s`".into());
    }
    if unit.is_empty() {
        return fail(format!("the unit is missing; write `{digits}s` or `{digits}ms`"));
    }
    if unit.starts_with(['.', ',']) {
        return fail("fractions are not read; use a smaller unit, such as `1500ms` for 1.5 seconds".into());
    }
    let Some((_, factor)) = UNITS.iter().find(|(name, _)| *name == unit) else {
        let meant = [("sec", "s"), ("min", "m"), ("hour", "h"), ("hr", "h"), ("day", "d"), ("milli", "ms")];
        let meant = meant.iter().find(|(word, _)| unit.to_lowercase().starts_with(word));
        if let Some((_, meant)) = meant {
            return fail(format!("write `{digits}{meant}`"));
        }
        let unit = shorten(unit);
        return fail(format!("there is no unit `{unit}`; the units are ms, s, m (minutes), h and d"));
    };
    let millis = digits.parse::<u64>().ok().and_then(|number| number.checked_mul(*factor));
    match millis.map(Duration::from_millis) {
        Some(duration) if duration <= LONGEST => Ok(duration),
        _ => fail("it is longer than 3650d".into()),
    }
}

/// The shortest text that [`parse`] reads as the same duration; parts of a millisecond are cut.
pub fn print(duration: Duration) -> String {
    let millis = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    let fits = |(_, factor): &&(&str, u64)| millis >= *factor && millis.is_multiple_of(*factor);
    match UNITS.iter().find(fits) {
        Some((unit, factor)) => format!("{}{unit}", millis / factor),
        None => "0s".to_owned(),
    }
}

/// At most 40 characters of a text, for messages.
pub(crate) fn shorten(text: &str) -> String {
    let mut short: String = text.chars().take(40).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

impl FromStr for DurationText {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        parse(text).map(Self)
    }
}

impl From<DurationText> for Duration {
    fn from(text: DurationText) -> Self {
        text.0
    }
}

impl fmt::Display for DurationText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&print(self.0))
    }
}

impl Serialize for DurationText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for DurationText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> de::Visitor<'de> for Visitor {
            type Value = DurationText;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a duration such as `30s`")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<DurationText, E> {
                text.parse().map_err(E::custom)
            }

            // A bare number reaches us as a number; say the same as for the text.
            fn visit_u64<E: de::Error>(self, number: u64) -> Result<DurationText, E> {
                self.visit_str(&number.to_string())
            }

            fn visit_i64<E: de::Error>(self, number: i64) -> Result<DurationText, E> {
                self.visit_str(&number.to_string())
            }

            fn visit_f64<E: de::Error>(self, number: f64) -> Result<DurationText, E> {
                self.visit_str(&number.to_string())
            }

            fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<DurationText, D::Error> {
                deserializer.deserialize_any(self)
            }
        }
        deserializer.deserialize_newtype_struct(MAGIC, Visitor)
    }
}

impl schemars::JsonSchema for DurationText {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Duration".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "pattern": "^[0-9]+ ?(ms|s|m|h|d)$",
            "description": "A duration: a number and one of ms, s, m, h, d.",
            "examples": ["500ms", "30s", "15m", "24h", "7d"],
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn texts_are_read() {
        let millis = |text| parse(text).map(|d| d.as_millis());
        assert_eq!(millis("500ms"), Ok(500));
        assert_eq!(millis("30s"), Ok(30_000));
        assert_eq!(millis("15m"), Ok(900_000));
        assert_eq!(millis("24h"), Ok(86_400_000));
        assert_eq!(millis(" 7 d "), Ok(7 * 86_400_000));
        assert_eq!(millis("0s"), Ok(0));
    }

    #[test]
    fn mistakes_say_what_to_write() {
        let cause = |text| parse(text).expect_err("not a duration").cause;
        assert_eq!(cause("30"), "the unit is missing; write `30s` or `30ms`");
        assert_eq!(cause("soon"), "it must be a number and a unit, such as `30s`");
        assert_eq!(cause("-3s"), "it must be a number and a unit, such as `30s`");
        assert_eq!(cause(""), "it must be a number and a unit, such as `30s`");
        assert_eq!(cause("1.5s"), "fractions are not read; use a smaller unit, such as `1500ms` for 1.5 seconds");
        assert_eq!(cause("3min"), "write `3m`");
        assert_eq!(cause("7 days"), "write `7d`");
        assert_eq!(cause("2w"), "there is no unit `w`; the units are ms, s, m (minutes), h and d");
        assert_eq!(cause("99999999999999999999s"), "it is longer than 3650d");
        assert_eq!(cause("3651d"), "it is longer than 3650d");
    }

    #[test]
    fn serde_takes_texts_and_explains_numbers() {
        let read = |json: &str| serde_json::from_str::<DurationText>(json).map_err(|e| e.to_string());
        assert_eq!(read("\"20s\""), Ok(DurationText(Duration::from_secs(20))));
        let error = read("20").expect_err("a number");
        assert!(error.starts_with("`20` is not a duration: the unit is missing"), "{error}");
        assert_eq!(serde_json::to_string(&DurationText(Duration::from_secs(90))).expect("serialises"), "\"90s\"");
    }

    proptest! {
        #[test]
        fn printing_and_reading_agree(millis in 0..=LONGEST.as_millis() as u64) {
            let duration = Duration::from_millis(millis);
            prop_assert_eq!(parse(&print(duration)), Ok(duration));
        }

        #[test]
        fn nothing_panics(text in ".*") {
            let _ = parse(&text);
        }
    }
}

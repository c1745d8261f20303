//! Which scalars stand in quotes. Used by `write`.

use saphyr_parser::ScalarStyle;

use super::{
    super::{
        emit::{escape, in_quotes, is_printable},
        scalar::{self, Plain},
    },
    concrete::Scalar,
};

/// Where a scalar stands.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// On lines of its own.
    Lines,
    /// Within brackets.
    Flow,
}

/// Whether a text can stand without quotes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Bare {
    /// Some reader would take it for something else.
    Never,
    /// All readers take it for what it is, people may not: it stays as it was written.
    Maybe,
    /// Everybody does.
    Surely,
}

/// A scalar on one line.
pub(super) fn one_line(scalar: &Scalar<'_>, tagged: bool, place: Place) -> String {
    let broken = scalar.source.contains('\n');
    if tagged && !broken {
        return scalar.source.to_owned();
    }
    let value = scalar.value.as_str();
    let bare = if tagged { Bare::Never } else { bare(value, place) };
    let as_written = match scalar.style {
        // Numbers and the like.
        ScalarStyle::Plain if scalar::resolve(value) != Plain::Text => true,
        ScalarStyle::Plain => {
            if bare == Bare::Never {
                let mut out = String::new();
                in_quotes(value, &mut out);
                return out;
            }
            return value.to_owned();
        }
        ScalarStyle::SingleQuoted => value.contains(['"', '\\']) && value.chars().all(is_printable),
        _ => true,
    };
    if scalar.style != ScalarStyle::Plain && bare == Bare::Surely {
        return value.to_owned();
    }
    if as_written && !broken {
        return scalar.source.to_owned();
    }
    let mut out = String::new();
    in_quotes(value, &mut out);
    out
}

/// A scalar of several lines, without their indentation. Between them are line breaks that fold.
pub(super) fn lines(scalar: &Scalar<'_>, tagged: bool) -> Vec<String> {
    let blank = [' ', '\t'];
    let double = scalar.style == ScalarStyle::DoubleQuoted;
    let mut lines: Vec<String> = scalar
        .source
        .split('\n')
        .enumerate()
        .map(|(number, line)| {
            let line = if number > 0 { line.trim_start_matches(blank) } else { line };
            let trimmed = line.trim_end_matches(blank);
            let slashes = trimmed.bytes().rev().take_while(|b| *b == b'\\').count();
            // A blank behind a backslash is part of the text.
            let escaped = usize::from(double && slashes % 2 == 1 && trimmed.len() < line.len());
            line[..trimmed.len() + escaped].to_owned()
        })
        .collect();
    let quote = match scalar.style {
        ScalarStyle::Plain => !tagged && bare(&scalar.value.replace('\n', " "), Place::Lines) == Bare::Never,
        ScalarStyle::SingleQuoted => {
            let plain =
                !scalar.source.contains(['"', '\\']) && scalar.value.chars().all(|c| c == '\n' || is_printable(c));
            if plain {
                lines = strip_single(&lines);
            }
            plain
        }
        _ => false,
    };
    if quote {
        for line in &mut lines {
            let mut escaped = String::new();
            escape(line, &mut escaped);
            *line = escaped;
        }
        if let Some(first) = lines.first_mut() {
            first.insert(0, '"');
        }
        if let Some(last) = lines.last_mut() {
            last.push('"');
        }
    }
    lines
}

/// Lines within single quotes, without those.
fn strip_single(lines: &[String]) -> Vec<String> {
    let joined = lines.join("\n");
    let inner = joined.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\'')).unwrap_or(&joined);
    inner.replace("''", "'").split('\n').map(str::to_owned).collect()
}

/// Indicators, which begin something else than a text.
const INDICATORS: &str = ",[]{}#&*!|>'\"%@`";

/// Whether readers of YAML 1.2 and of YAML 1.1 take these characters for this text.
fn bare(value: &str, place: Place) -> Bare {
    let Some(first) = value.chars().next() else { return Bare::Never };
    let never = scalar::resolve(value) != Plain::Text
        || scalar::is_yaml11_bool(value)
        || is_yaml11_number(value)
        || matches!(value, "<<" | "=")
        || INDICATORS.contains(first)
        || (matches!(first, '-' | '?' | ':')
            && (place == Place::Flow || value[1..].is_empty() || value[1..].starts_with(' ')))
        || value.starts_with(' ')
        || value.ends_with([' ', ':'])
        || ["...", "---"].iter().any(|marker| value.starts_with(marker))
        || [": ", " #", "{{"].iter().any(|part| value.contains(part))
        || (place == Place::Flow && value.contains([',', '[', ']', '{', '}', '?']))
        || !value.chars().all(is_printable);
    let known =
        |c: char| c.is_alphanumeric() || " _-./()%+!;'".contains(c) || (place == Place::Lines && ",?".contains(c));
    match never {
        true => Bare::Never,
        false if first.is_alphabetic() && value.chars().all(known) => Bare::Surely,
        false => Bare::Maybe,
    }
}

/// Whether YAML 1.1 takes this for a number or a date where YAML 1.2 sees a text.
fn is_yaml11_number(value: &str) -> bool {
    let unsigned = value.strip_prefix(['-', '+']).unwrap_or(value).to_ascii_lowercase();
    if let Some(digits) = ["0x", "0b", "0o"].iter().find_map(|prefix| unsigned.strip_prefix(prefix)) {
        return digits.chars().all(|c| c == '_' || c.is_ascii_hexdigit());
    }
    if matches!(unsigned.as_str(), ".inf" | ".nan") {
        return true;
    }
    let (mantissa, exponent) = unsigned.split_once('e').unwrap_or((&unsigned, "0"));
    let exponent = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
    let digits = |part: &str, more: &str| part.chars().all(|c| c.is_ascii_digit() || more.contains(c));
    let is_number = mantissa.contains(|c: char| c.is_ascii_digit())
        && digits(mantissa, "_.:")
        && mantissa.matches('.').count() <= 1
        && digits(exponent, "");
    is_number || is_date(value)
}

/// `2026-03-02`, also with a time.
fn is_date(value: &str) -> bool {
    let end = value.find(['T', 't', ' ']).unwrap_or(value.len());
    let mut parts = value[..end].split('-');
    let mut part = |lengths: std::ops::RangeInclusive<usize>| {
        parts.next().is_some_and(|part| lengths.contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit()))
    };
    part(4..=4) && part(1..=2) && part(1..=2) && parts.next().is_none()
}

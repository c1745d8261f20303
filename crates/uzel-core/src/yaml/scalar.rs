//! What a plain scalar stands for: the core schema of YAML 1.2 (section 10.3.2). Used by `parse`.

use serde_json::Number;

/// What a plain scalar is.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Plain {
    Null,
    Bool(bool),
    Number(Number),
    Text,
    /// A number that JSON does not have; the reason, to follow the number in a sentence.
    Impossible(&'static str),
}

/// Resolves a plain scalar.
pub(super) fn resolve(value: &str) -> Plain {
    match value {
        "" | "~" | "null" | "Null" | "NULL" => return Plain::Null,
        "true" | "True" | "TRUE" => return Plain::Bool(true),
        "false" | "False" | "FALSE" => return Plain::Bool(false),
        ".nan" | ".NaN" | ".NAN" => return Plain::Impossible("is not a number that JSON has"),
        _ => {}
    }
    let Some(first) = value.bytes().next() else { return Plain::Null };
    if !(first.is_ascii_digit() || matches!(first, b'-' | b'+' | b'.')) {
        return Plain::Text;
    }
    if let Some(digits) = value.strip_prefix("0x") {
        return radix(digits, 16);
    }
    if let Some(digits) = value.strip_prefix("0o") {
        return radix(digits, 8);
    }
    let unsigned = value.strip_prefix(['-', '+']).unwrap_or(value);
    if matches!(unsigned, ".inf" | ".Inf" | ".INF") {
        return Plain::Impossible("is not a number that JSON has");
    }
    let digits = !unsigned.is_empty() && unsigned.bytes().all(|b| b.is_ascii_digit());
    if digits {
        let plus = value.strip_prefix('+').unwrap_or(value);
        return match (plus.parse::<u64>(), plus.parse::<i64>()) {
            (Ok(number), _) => Plain::Number(number.into()),
            (_, Ok(number)) => Plain::Number(number.into()),
            _ => Plain::Impossible("does not fit in 64 bits"),
        };
    }
    if !is_float(unsigned) {
        return Plain::Text;
    }
    match value.parse::<f64>().ok().and_then(Number::from_f64) {
        Some(number) => Plain::Number(number),
        None => Plain::Impossible("is too large for a 64-bit float"),
    }
}

fn radix(digits: &str, radix: u32) -> Plain {
    if digits.is_empty() || !digits.chars().all(|c| c.is_digit(radix)) {
        return Plain::Text;
    }
    u64::from_str_radix(digits, radix)
        .map_or(Plain::Impossible("does not fit in 64 bits"), |number| Plain::Number(number.into()))
}

/// `(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`
fn is_float(value: &str) -> bool {
    let (mantissa, exponent) = match value.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (value, None),
    };
    let all_digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
    let exponent_ok = exponent.is_none_or(|e| {
        let e = e.strip_prefix(['-', '+']).unwrap_or(e);
        !e.is_empty() && all_digits(e)
    });
    let mantissa_ok = match mantissa.split_once('.') {
        Some((whole, fraction)) => {
            all_digits(whole) && all_digits(fraction) && !(whole.is_empty() && fraction.is_empty())
        }
        None => !mantissa.is_empty() && all_digits(mantissa),
    };
    exponent_ok && mantissa_ok
}

/// Whether YAML 1.1 reads this plain scalar as a boolean, and YAML 1.2 as a text.
pub(super) fn is_yaml11_bool(value: &str) -> bool {
    ["on", "off", "yes", "no", "y", "n"].iter().any(|word| value.eq_ignore_ascii_case(word))
}

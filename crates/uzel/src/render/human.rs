//! Times, money, sizes and long values in a form for people. Used by everything that prints.

use serde_json::Value;
use uzel_core::{date::Date, event::Time};

/// A length of time: `840 ms`, `3.2 s`, `4 min`, `2 h`, `3 d`.
pub(crate) fn span(millis: u64) -> String {
    let seconds = millis as f64 / 1_000.0;
    match millis {
        0..1_000 => format!("{millis} ms"),
        1_000..60_000 => format!("{seconds:.1} s"),
        60_000..3_600_000 => format!("{} min", millis / 60_000),
        3_600_000..172_800_000 => format!("{} h", millis / 3_600_000),
        _ => format!("{} d", millis / 86_400_000),
    }
}

/// A time in UTC, to the second.
pub(crate) fn utc(time: Time) -> String {
    let seconds = time.0.div_euclid(1_000).rem_euclid(86_400);
    let (hour, minute, second) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    format!("{} {hour:02}:{minute:02}:{second:02} UTC", Date::of(time))
}

/// How long ago, or in how long.
pub(crate) fn relative(time: Time, now: Time) -> String {
    if time > now { format!("in {}", span(time.since(now))) } else { format!("{} ago", span(now.since(time))) }
}

/// Money: `$0.0042`.
pub(crate) fn money(usd: f64) -> String {
    if usd == 0.0 || usd >= 1.0 { format!("${usd:.2}") } else { format!("${usd:.4}") }
}

/// A number with thousands apart: `12,345`.
pub(crate) fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Bytes: `912 B`, `4.2 kB`, `1.3 MB`.
pub(crate) fn size(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["kB", "MB", "GB", "TB"];
    if bytes < 1_000 {
        return format!("{bytes} B");
    }
    let (mut size, mut unit) = (bytes as f64 / 1_000.0, 0);
    // What would be written with four digits is written in the next unit.
    while size >= 999.95 && unit + 1 < UNITS.len() {
        size /= 1_000.0;
        unit += 1;
    }
    format!("{size:.1} {}", UNITS[unit])
}

/// "1 error", "3 errors".
pub(crate) fn plural(n: usize, word: &str) -> String {
    format!("{n} {word}{}", if n == 1 { "" } else { "s" })
}

/// A text in one line of at most `most` characters.
pub(crate) fn cut(text: &str, most: usize) -> String {
    let mut line = String::new();
    let mut length = 0;
    for word in text.split_whitespace() {
        for c in (!line.is_empty()).then_some(' ').into_iter().chain(word.chars()) {
            if length >= most {
                // The ellipsis takes the place of the last character.
                line.pop();
                return format!("{}…", line.trim_end());
            }
            line.push(if c.is_control() { '·' } else { c });
            length += 1;
        }
    }
    line
}

/// A value in one line: a text as it is, the rest as JSON.
pub(crate) fn value(value: &Value, most: usize) -> String {
    match value {
        Value::String(text) => cut(text, most),
        other => cut(&other.to_string(), most),
    }
}

/// A value as pretty JSON.
pub(crate) fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_else(|_| value.to_string())
}

/// Lines moved to the right.
pub(crate) fn indent(text: &str, by: usize) -> String {
    let space = " ".repeat(by);
    text.lines().map(|line| format!("{space}{line}")).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times() {
        assert_eq!(utc(Time(951_782_400_000)), "2000-02-29 00:00:00 UTC");
        assert_eq!(utc(Time(-1)), "1969-12-31 23:59:59 UTC");
        assert_eq!(
            [0, 999, 1_500, 61_000, 7_200_000, 259_200_000].map(span),
            ["0 ms", "999 ms", "1.5 s", "1 min", "2 h", "3 d"]
        );
    }

    #[test]
    fn numbers() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(count), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!(
            [0, 999, 1_000, 999_949, 999_950, 7_300_000_000].map(size),
            ["0 B", "999 B", "1.0 kB", "999.9 kB", "1.0 MB", "7.3 GB"]
        );
        assert_eq!([0.0, 0.004_21, 12.3].map(money), ["$0.00", "$0.0042", "$12.30"]);
    }

    #[test]
    fn long_texts_are_cut_to_one_line() {
        assert_eq!(cut("a\n b\tc", 10), "a b c");
        assert_eq!(cut("abcdefghij", 10), "abcdefghij");
        assert_eq!(cut("abcdefghijk", 10), "abcdefghi…");
        assert_eq!(cut("esc\u{1b}[31m", 20), "esc·[31m");
    }
}

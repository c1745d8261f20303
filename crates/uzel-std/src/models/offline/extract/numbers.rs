//! Exact decimals, numbers and money in running text, in the spellings of several countries; used by `Facts`.

use std::fmt;
use std::sync::LazyLock;

use regex::Regex;

use super::{Found, MAX_FACTS, Money, Taken};

/// An exact decimal: `units / 10^scale`. At most 15 digits, so that it also fits a JSON number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Decimal {
    pub units: i64,
    pub scale: u32,
}

impl Decimal {
    /// The nearest integer of `self * factor`, if that is exact (`12.50` in cents is `1250`; `1.234` has none).
    pub(crate) fn times_exact(self, factor: i64) -> Option<i64> {
        let product = self.units.checked_mul(factor)?;
        let divisor = 10i64.checked_pow(self.scale)?;
        (product % divisor == 0).then(|| product / divisor)
    }

    /// The value as a float; correctly rounded because it is read from the decimal digits.
    pub(crate) fn to_f64(self) -> f64 {
        self.to_string()
            .parse()
            .expect("digits with at most one point are a number")
    }

    /// Reads digits with separators. A separator is the decimal one if it is the last kind of two kinds, or if it
    /// stands once and is not a comma (with `comma_decimal`, not a point) before exactly three digits.
    pub(crate) fn read(text: &str, comma_decimal: bool) -> Option<Self> {
        let negative = text.starts_with(['-', '−', '–']);
        let body: Vec<char> = text
            .chars()
            .filter(|c| c.is_ascii_digit() || matches!(c, '.' | ','))
            .collect();
        let last_at = body.iter().rposition(|c| !c.is_ascii_digit());
        let point = last_at.filter(|at| {
            let mark = body[*at];
            let same = body.iter().filter(|c| **c == mark).count();
            let other = body.iter().any(|c| !c.is_ascii_digit() && *c != mark);
            let after = body.len() - at - 1;
            let grouping = if comma_decimal { '.' } else { ',' };
            same == 1
                && (other
                    || after != 3
                    || mark != grouping
                    || *at > 3
                    || (*at == 1 && body[0] == '0'))
        });
        let digits: String = body.iter().filter(|c| c.is_ascii_digit()).collect();
        let scale = point.map_or(0, |at| body.len() - at - 1);
        if digits.is_empty() || digits.len() > 15 {
            return None;
        }
        let units: i64 = digits.parse().ok()?;
        Some(Self {
            units: if negative { -units } else { units },
            scale: scale as u32,
        })
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.units < 0 { "-" } else { "" };
        let digits = format!(
            "{:0width$}",
            self.units.unsigned_abs(),
            width = self.scale as usize + 1
        );
        let (whole, part) = digits.split_at(digits.len() - self.scale as usize);
        if part.is_empty() {
            write!(f, "{sign}{whole}")
        } else {
            write!(f, "{sign}{whole}.{part}")
        }
    }
}

/// Digits with groups: `1,234.56`, `1.234,56`, `1 234,50`, `1'000`.
const NUMBER: &str = r"\d{1,3}(?:[ \u{a0}\u{202f}'’]\d{3})+(?:[.,]\d{1,4})?|\d+(?:[.,]\d+)*";

fn currency(mark: &str) -> Option<&'static str> {
    let mark = super::super::ngrams::fold(mark);
    Some(match mark.trim().trim_end_matches('.') {
        "$" | "us$" | "usd" | "dollar" | "dollars" | "bucks" | "dolares" => "USD",
        "€" | "eur" | "euro" | "euros" => "EUR",
        "£" | "gbp" | "pounds" | "pound" | "quid" => "GBP",
        "chf" | "franken" => "CHF",
        "¥" | "jpy" | "yen" | "円" => "JPY",
        "cny" | "rmb" | "元" => "CNY",
        "₹" | "inr" | "rupees" => "INR",
        "₽" | "rub" | "руб" | "рублеи" => "RUB",
        "₴" | "uah" => "UAH",
        "pln" | "zł" => "PLN",
        "sek" => "SEK",
        "cad" => "CAD",
        "aud" => "AUD",
        "cents" | "cent" | "¢" => "cents",
        _ => return None,
    })
}

/// Amounts with a currency before or after them.
pub(super) fn find_money(text: &str, taken: &mut Taken) -> Vec<Found<Money>> {
    static PATTERN: LazyLock<Regex> = LazyLock::new(|| {
        let before =
            r"(?:US)?\$|[€£¥₹₽₴]|\b(?:USD|EUR|GBP|CHF|JPY|CNY|INR|RUB|UAH|PLN|SEK|CAD|AUD)\b";
        let after = r"[$€£¥₹₽₴¢円元]|(?:USD|EUR|GBP|CHF|JPY|CNY|RMB|INR|RUB|UAH|PLN|SEK|CAD|AUD|euros?|dollars?|d[oó]lares|bucks|pounds?|quid|yen|franken|rupees|cents?|руб(?:\.|лей)?|zł)(?:[^\p{L}\d]|$)";
        Regex::new(&format!(
            r"(?i)(?P<sign>[-−])?(?:(?P<before>{before})[ \u{{a0}}]?(?P<a>[-−]?(?:{NUMBER}))|(?P<b>{NUMBER})(?:[.,][-–—]+)?[ \u{{a0}}]?(?P<after>{after}))"
        ))
        .expect("the pattern is valid")
    });
    let mut out = Vec::new();
    for found in PATTERN.captures_iter(text) {
        let Some(number) = found.name("a").or_else(|| found.name("b")) else {
            continue;
        };
        let Some(mark) = found.name("before").or_else(|| found.name("after")) else {
            continue;
        };
        let trimmed = mark
            .as_str()
            .trim_end_matches(|c: char| !c.is_alphanumeric() && currency(&c.to_string()).is_none());
        let Some(currency) = currency(trimmed) else {
            continue;
        };
        let start = number.start().min(mark.start());
        let at = start..number.end().max(mark.start() + trimmed.len());
        let glued = text[..start].ends_with(|c: char| c.is_alphanumeric() || c == '.' || c == '_');
        if out.len() >= MAX_FACTS || glued || !taken.is_free(&at) {
            continue;
        }
        let comma_decimal = found.name("after").is_some()
            || matches!(currency, "EUR" | "PLN" | "RUB" | "UAH" | "SEK");
        let Some(mut amount) = Decimal::read(
            number.as_str(),
            comma_decimal && !mark.as_str().starts_with('$'),
        ) else {
            continue;
        };
        if found.name("sign").is_some() {
            amount.units = -amount.units;
        }
        let currency = if currency == "cents" {
            amount.scale += 2;
            "USD"
        } else {
            currency
        };
        taken.add(at.clone());
        out.push(Found {
            at,
            value: Money { amount, currency },
        });
    }
    out
}

/// Numbers that are nothing else: not part of a word, a date, a version or a time.
pub(super) fn find(text: &str, taken: &Taken) -> Vec<Found<Decimal>> {
    static PATTERN: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(&format!("[-−]?(?:{NUMBER})")).expect("the pattern is valid"));
    let mut out = Vec::new();
    for found in PATTERN.find_iter(text).take(20 * MAX_FACTS) {
        let mut start = found.start();
        let before = text[..start].chars().next_back();
        // "A-1042" and "10-20": the dash is no sign.
        if before.is_some_and(char::is_alphanumeric) && found.as_str().starts_with(['-', '−']) {
            start += found.as_str().chars().next().map_or(0, char::len_utf8);
        }
        let at = start..found.end();
        let before = text[..start].chars().next_back();
        let after = text[at.end..].chars().next();
        let glued = |c: Option<char>| {
            c.is_some_and(|c| {
                c.is_alphabetic() && !super::super::ngrams::is_spaceless(c)
                    || matches!(c, '_' | '#' | '/' | ':' | '$' | '€' | '£')
            })
        };
        let unit =
            text[at.end..].starts_with(['k', 'm', 'g', 'h', 'd', 'c', 'x', '×', 'л', 'ч', 'ш']);
        if out.len() >= MAX_FACTS
            || glued(before)
            || (glued(after) && !unit && after != Some(':'))
            || !taken.is_free(&at)
        {
            continue;
        }
        if after == Some(':') && text[at.end + 1..].starts_with(|c: char| c.is_ascii_digit()) {
            continue;
        }
        let spelled = &text[at.clone()];
        let version = spelled.matches('.').count() > 1
            && !spelled.split('.').skip(1).all(|group| group.len() == 3);
        let dashed = before == Some('-') && text[..start - 1].ends_with(char::is_alphabetic);
        let ranged = after == Some('-')
            && text[at.end + 1..].starts_with(|c: char| c.is_ascii_digit())
            || before == Some('-') && text[..start - 1].ends_with(|c: char| c.is_ascii_digit());
        if version || dashed || ranged {
            continue;
        }
        if let Some(value) = Decimal::read(spelled, false) {
            out.push(Found { at, value });
        }
    }
    out
}

/// The value of a small number word, in four languages (folded).
pub(crate) fn number_word(word: &str) -> Option<i64> {
    const WORDS: &[&[&str]] = &[
        &["zero", "null", "cero"],
        &["one", "eins", "uno"],
        &["two", "zwei", "dos", "deux", "both", "два", "две"],
        &["three", "drei", "tres", "trois", "три"],
        &["four", "vier", "cuatro", "quatre", "четыре"],
        &["five", "funf", "cinco", "cinq", "пять"],
        &["six", "sechs", "seis", "шесть"],
        &["seven", "sieben", "siete", "sept", "семь"],
        &["eight", "acht", "ocho", "huit", "восемь"],
        &["nine", "neun", "nueve", "neuf", "девять"],
        &["ten", "zehn", "diez", "dix", "десять"],
        &["eleven", "elf", "once", "onze"],
        &["twelve", "zwolf", "doce", "douze", "dozen"],
    ];
    WORDS
        .iter()
        .position(|names| names.contains(&word))
        .map(|value| value as i64)
}

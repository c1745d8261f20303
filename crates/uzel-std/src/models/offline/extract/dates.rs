//! Calendar dates in running text; used by `Facts`. Dates without a year and words like "yesterday" are not dates
//! here: the model has no clock.
//!
//! `03/12/2026` is read as day/month/year and marked ambiguous, because most countries write it so; when only one reading is a real
//! date (`12/25/2026`), that one is taken. With points it is always day.month.year.

use std::sync::LazyLock;

use regex::{Captures, Regex};

use super::{Found, MAX_FACTS, Taken};

/// A day of the Gregorian calendar, perhaps with a time as written (`T10:20:30Z`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Date {
    pub year: u32,
    pub month: u32,
    pub day: u32,
    /// `HH:MM:SS` with offset or `Z`, if the text had a full ISO 8601 time.
    pub time: Option<String>,
    /// Day and month could also be the other way round.
    pub ambiguous: bool,
}

impl Date {
    fn new(year: u32, month: u32, day: u32) -> Option<Self> {
        let year = if year < 100 { year + 2000 } else { year };
        let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let days = match month {
            4 | 6 | 9 | 11 => 30,
            2 if leap => 29,
            2 => 28,
            _ => 31,
        };
        let real =
            (1000..=9999).contains(&year) && (1..=12).contains(&month) && (1..=days).contains(&day);
        real.then_some(Self {
            year,
            month,
            day,
            time: None,
            ambiguous: false,
        })
    }

    /// `YYYY-MM-DD`.
    pub(crate) fn iso(&self) -> String {
        format!("{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }

    /// RFC 3339; midnight UTC if the text gave no time.
    pub(crate) fn date_time(&self) -> String {
        format!(
            "{}T{}",
            self.iso(),
            self.time.as_deref().unwrap_or("00:00:00Z")
        )
    }
}

/// Month names by their folded beginnings: English, German, Spanish, French, Italian, Russian.
fn month(name: &str) -> Option<u32> {
    const MONTHS: &[&[&str]] = &[
        &["jan", "ene", "gen", "янв"],
        &["feb", "fev", "фев"],
        &["mar", "maer", "мар"],
        &["apr", "abr", "avr", "апр"],
        &["may", "mai", "mag", "мая", "маи"],
        &["jun", "juin", "giu", "июн"],
        &["jul", "juil", "lug", "июл"],
        &["aug", "ago", "aou", "авг"],
        &["sep", "set", "сен"],
        &["oct", "okt", "ott", "окт"],
        &["nov", "ноя"],
        &["dec", "dez", "dic", "дек"],
    ];
    let name = super::super::ngrams::fold(name);
    MONTHS
        .iter()
        .position(|starts| starts.iter().any(|start| name.starts_with(start)))
        .map(|index| index as u32 + 1)
}

/// All dates of the text in the order of their patterns, then by place.
pub(super) fn find(text: &str, taken: &mut Taken) -> Vec<Found<Date>> {
    static PATTERNS: LazyLock<Vec<(Regex, fn(&Captures<'_>) -> Option<Date>)>> = LazyLock::new(
        || {
            // A month's name with its usual endings, so that "12 markets 2026" is no date.
            let name = r"(?P<m>jan(?:uary|uar|vier|\.)?|ene(?:ro|\.)?|gennaio|feb(?:ruary|ruar|rero|braio|\.)?|f[ée]v(?:rier|\.)?|mar(?:ch|zo|s|\.)?|märz|maerz|apr(?:il|ile|\.)?|abr(?:il|\.)?|avr(?:il|\.)?|may(?:o)?|mai|maggio|june?|juni|junio|juin|jun\.|giugno|july?|juli|julio|juillet|juil\.|luglio|aug(?:ust|\.)?|ago(?:sto|\.)?|ao[uû]t|sep(?:tember|tiembre|tembre|t|t?\.)?|settembre|o[ck]t(?:ober|ubre|obre|\.)?|ottobre|nov(?:ember|iembre|embre|\.)?|de[cz](?:ember|\.)?|d[ée]cembre|dic(?:iembre|embre|\.)?|янв(?:аря|арь)|фев(?:раля|раль)|мар(?:та|т)|апр(?:еля|ель)|ма[яй]|июн[яь]|июл[яь]|авг(?:уста|уст)|сен(?:тября|тябрь)|окт(?:ября|ябрь)|ноя(?:бря|брь)|дек(?:абря|абрь))";
            let list: [(String, fn(&Captures<'_>) -> Option<Date>); 5] = [
            (r"\b(?P<y>\d{4})-(?P<mo>\d{2})-(?P<d>\d{2})(?:[T ](?P<t>\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?(?:Z|[+-]\d{2}:\d{2})))?\b".to_owned(), iso),
            (r"\b(?P<y>\d{4})[/.年](?P<mo>\d{1,2})[/.月](?P<d>\d{1,2})(?:日|\b)".to_owned(), iso),
            (format!(r"(?i)\b(?P<d>\d{{1,2}})(?:st|nd|rd|th|er|\.|º)?\s(?:of\s|de\s)?{name}(?:\sde|\sdel|,)?\s(?P<y>\d{{4}})\b"), named),
            (format!(r"(?i)\b{name}\s(?P<d>\d{{1,2}})(?:st|nd|rd|th)?,?\s(?P<y>\d{{4}})\b"), named),
            (r"\b(?P<d>\d{1,2})(?P<s>[./-])(?P<mo>\d{1,2})[./-](?P<y>\d{4}|\d{2})\b".to_owned(), numeric),
        ];
            list.into_iter()
                .map(|(pattern, read)| (Regex::new(&pattern).expect("the pattern is valid"), read))
                .collect()
        },
    );
    let mut out: Vec<Found<Date>> = Vec::new();
    for (pattern, read) in PATTERNS.iter() {
        for found in pattern.captures_iter(text) {
            let at = found.get(0).map_or(0..0, |whole| whole.range());
            let dotted = text[at.end..].starts_with(['.', '-', '/'])
                && text[at.end + 1..].starts_with(|c: char| c.is_ascii_digit());
            if out.len() >= MAX_FACTS || dotted || !taken.is_free(&at) {
                continue;
            }
            if let Some(value) = read(&found) {
                taken.add(at.clone());
                out.push(Found { at, value });
            }
        }
    }
    out.sort_by_key(|found| found.at.start);
    out
}

fn number(found: &Captures<'_>, name: &str) -> Option<u32> {
    found.name(name)?.as_str().parse().ok()
}

fn iso(found: &Captures<'_>) -> Option<Date> {
    let mut date = Date::new(
        number(found, "y")?,
        number(found, "mo")?,
        number(found, "d")?,
    )?;
    let time = found.name("t").map(|time| time.as_str().to_owned());
    date.time = time.filter(|time| {
        let part = |from: usize| {
            time.get(from..from + 2)
                .and_then(|part| part.parse::<u32>().ok())
        };
        part(0) < Some(24) && part(3) < Some(60) && part(6) < Some(60) && offset_is_real(time)
    });
    Some(date)
}

fn offset_is_real(time: &str) -> bool {
    let Some(at) = time.find(['+', '-']) else {
        return true;
    };
    let part = |from: usize| {
        time.get(from..from + 2)
            .and_then(|part| part.parse::<u32>().ok())
    };
    part(at + 1) < Some(24) && part(at + 4) < Some(60)
}

fn named(found: &Captures<'_>) -> Option<Date> {
    Date::new(
        number(found, "y")?,
        month(found.name("m")?.as_str())?,
        number(found, "d")?,
    )
}

fn numeric(found: &Captures<'_>) -> Option<Date> {
    let (first, second, year) = (
        number(found, "d")?,
        number(found, "mo")?,
        number(found, "y")?,
    );
    let slashed = found.name("s").is_some_and(|mark| mark.as_str() != ".");
    let day_first = Date::new(year, second, first);
    let month_first = Date::new(year, first, second).filter(|_| slashed);
    let ambiguous = day_first.is_some() && month_first.is_some() && first != second;
    day_first
        .or(month_first)
        .map(|date| Date { ambiguous, ..date })
}

//! A day of the calendar, as `until: 2027-01-31` has it. Used where a document names a day; today comes from the caller.

use std::{fmt, str::FromStr};

use crate::event::Time;

/// A day of the Gregorian calendar, in the years 1 to 9999.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date {
    year: i64,
    month: i64,
    day: i64,
}

impl Date {
    /// The day of a time, in UTC.
    pub fn of(time: Time) -> Self {
        // Civil from days, H. Hinnant, "chrono-Compatible Low-Level Date Algorithms", 2013.
        let days = time.0.div_euclid(86_400_000) + 719_468;
        let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
        let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted = (5 * of_year + 2) / 153;
        let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
        let year = year_of_era + era * 400 + i64::from(month <= 2);
        Self { year, month, day: of_year - (153 * shifted + 2) / 5 + 1 }
    }
}

/// The number of days of a month.
const fn length(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

impl FromStr for Date {
    type Err = String;

    /// Reads `2027-01-31`; the error says what to write.
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{}` is not a day; write it like `2027-01-31`", crate::duration::shorten(text));
        let parts: Vec<&str> = text.trim().split('-').collect();
        let [year, month, day] = parts.as_slice() else { return Err(wrong()) };
        let number = |text: &str, digits: usize| {
            let plain = text.len() == digits && text.bytes().all(|b| b.is_ascii_digit());
            plain.then(|| text.parse::<i64>().ok()).flatten().ok_or_else(wrong)
        };
        let (year, month, day) = (number(year, 4)?, number(month, 2)?, number(day, 2)?);
        if year == 0 || !(1..=12).contains(&month) || !(1..=length(year, month)).contains(&day) {
            return Err(format!("there is no day `{}` in the calendar", text.trim()));
        }
        Ok(Self { year, month, day })
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_read_and_printed() {
        for text in ["2027-01-31", "2024-02-29", "2000-02-29", "0001-01-01", "9999-12-31"] {
            assert_eq!(text.parse::<Date>().expect("a day").to_string(), text);
        }
        for text in ["2027-1-31", "31.01.2027", "2027-13-01", "2026-02-29", "1900-02-29", "2027-04-31", "", "soon"] {
            assert!(text.parse::<Date>().is_err(), "{text}");
        }
        assert!("2026-12-31".parse::<Date>().expect("a day") < "2027-01-01".parse().expect("a day"));
    }

    #[test]
    fn times_are_on_days() {
        let day = |ms: i64| Date::of(Time(ms)).to_string();
        assert_eq!(day(0), "1970-01-01");
        assert_eq!(day(-1), "1969-12-31");
        assert_eq!(day(951_782_400_000), "2000-02-29");
        assert_eq!(day(1_798_761_599_999), "2026-12-31");
        assert_eq!(day(1_798_761_600_000), "2027-01-01");
    }
}

//! Dates without a clock: parsing, adding, differences, in UTC. Used by the date functions and by `retry-after`.

use std::fmt;

/// Units of time that dates are counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Unit {
    /// 1 s.
    Seconds,
    /// 60 s.
    Minutes,
    /// 3,600 s.
    Hours,
    /// 86,400 s: days in UTC have no other length.
    Days,
    /// 7 days.
    Weeks,
    /// Calendar months; the 31st becomes the last day of a shorter month.
    Months,
    /// 12 months.
    Years,
}

impl Unit {
    /// Seconds, or calendar months.
    const fn size(self) -> Result<i64, i64> {
        match self {
            Self::Seconds => Ok(1),
            Self::Minutes => Ok(60),
            Self::Hours => Ok(3_600),
            Self::Days => Ok(86_400),
            Self::Weeks => Ok(604_800),
            Self::Months => Err(1),
            Self::Years => Err(12),
        }
    }
}

/// A moment, in UTC, with the form it was written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// Seconds since 1970-01-01T00:00:00Z.
    pub seconds: i64,
    nanos: u32,
    has_time: bool,
}

impl Moment {
    /// Reads `2024-02-29`, `2024-02-29T12:30:00Z` or with a fraction or an offset (RFC 3339; the zone is required).
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = || format!("\"{text}\" is no date: write 2024-02-29 or 2024-02-29T12:30:00Z");
        let text = text.trim();
        let date = text.get(..10).ok_or_else(wrong)?;
        let mut parts = date.splitn(3, '-');
        let mut part = |len: usize| {
            let part = parts.next().filter(|p| p.len() == len && p.bytes().all(|b| b.is_ascii_digit()));
            part.and_then(|p| p.parse::<i64>().ok()).ok_or_else(wrong)
        };
        let (year, month, day) = (part(4)?, part(2)?, part(2)?);
        if !(1..=12).contains(&month) || day < 1 || day > days_in(year, month) {
            return Err(wrong());
        }
        let midnight = days_from_civil(year, month, day) * 86_400;
        let rest = &text[10..];
        if rest.is_empty() {
            return Ok(Self { seconds: midnight, nanos: 0, has_time: false });
        }
        let (seconds, nanos) = time(rest).ok_or_else(wrong)?;
        Ok(Self { seconds: midnight + seconds, nanos, has_time: true })
    }

    /// Reads the date of an HTTP header: `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110, IMF-fixdate).
    pub fn parse_http(text: &str) -> Option<Self> {
        const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
        let parts: Vec<&str> = text.split_whitespace().collect();
        let [_, day, month, year, time, "GMT"] = parts[..] else { return None };
        let month = MONTHS.iter().position(|name| *name == month)? + 1;
        Self::parse(&format!("{year:0>4}-{month:02}-{day:0>2}T{time}Z")).ok()
    }

    /// Milliseconds since 1970-01-01T00:00:00Z.
    pub fn millis(self) -> i64 {
        self.seconds * 1_000 + i64::from(self.nanos / 1_000_000)
    }

    /// Adds a number of units. Errors: a date outside of the years 0 to 9999.
    pub fn add(self, amount: i64, unit: Unit) -> Result<Self, String> {
        let far = || format!("{self} and {amount} {unit:?} more is outside of the years 0 to 9999").to_lowercase();
        let seconds = match unit.size() {
            Ok(size) => amount.checked_mul(size).and_then(|more| self.seconds.checked_add(more)).ok_or_else(far)?,
            Err(months) => {
                let (year, month, day) = civil_from_days(self.seconds.div_euclid(86_400));
                let count =
                    amount.checked_mul(months).and_then(|n| n.checked_add(year * 12 + month - 1)).ok_or_else(far)?;
                let (year, month) = (count.div_euclid(12), count.rem_euclid(12) + 1);
                if !(0..=9999).contains(&year) {
                    return Err(far());
                }
                days_from_civil(year, month, day.min(days_in(year, month))) * 86_400 + self.seconds.rem_euclid(86_400)
            }
        };
        // The seconds of 0000-01-01 and of 10000-01-01.
        if !(-62_167_219_200..253_402_300_800).contains(&seconds) {
            return Err(far());
        }
        let has_time = self.has_time || matches!(unit, Unit::Seconds | Unit::Minutes | Unit::Hours);
        Ok(Self { seconds, has_time, ..self })
    }

    /// How many whole units lie between two moments; negative when `other` is before.
    pub fn until(self, other: Self, unit: Unit) -> i64 {
        let nanos = |moment: Self| i128::from(moment.seconds) * 1_000_000_000 + i128::from(moment.nanos);
        match unit.size() {
            Ok(size) => ((nanos(other) - nanos(self)) / (i128::from(size) * 1_000_000_000)) as i64,
            Err(months) => {
                if nanos(other) < nanos(self) {
                    return -other.until(self, unit);
                }
                let (year, month, _) = civil_from_days(self.seconds.div_euclid(86_400));
                let (later_year, later_month, _) = civil_from_days(other.seconds.div_euclid(86_400));
                let count = (later_year * 12 + later_month) - (year * 12 + month);
                let reached = self.add(count, Unit::Months).is_ok_and(|moment| nanos(moment) <= nanos(other));
                (count - i64::from(!reached)) / months
            }
        }
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = civil_from_days(self.seconds.div_euclid(86_400));
        write!(f, "{year:04}-{month:02}-{day:02}")?;
        if !self.has_time {
            return Ok(());
        }
        let second = self.seconds.rem_euclid(86_400);
        write!(f, "T{:02}:{:02}:{:02}", second / 3600, second / 60 % 60, second % 60)?;
        if self.nanos != 0 {
            write!(f, ".{}", format!("{:09}", self.nanos).trim_end_matches('0'))?;
        }
        write!(f, "Z")
    }
}

/// Seconds and nanoseconds after midnight UTC of `T12:30:00.5+02:00`; may be before it or after the next.
fn time(text: &str) -> Option<(i64, u32)> {
    let text = text.strip_prefix(['T', 't', ' '])?;
    let two = |at: usize, most: i64| {
        let digits = text.get(at..at + 2).filter(|d| d.bytes().all(|b| b.is_ascii_digit()))?;
        digits.parse::<i64>().ok().filter(|n| *n <= most)
    };
    let colon = |at: usize| text.as_bytes().get(at) == Some(&b':');
    let (hour, minute) = (two(0, 23)?, two(3, 59).filter(|_| colon(2))?);
    let second = two(6, 60).filter(|_| colon(5))?;
    let mut rest = text.get(8..)?;
    let mut nanos = 0;
    if let Some(fraction) = rest.strip_prefix('.') {
        let digits = fraction.bytes().take_while(u8::is_ascii_digit).count();
        nanos = format!("{:0<9}", &fraction[..digits.min(9)]).parse().ok().filter(|_| digits > 0)?;
        rest = &fraction[digits..];
    }
    let offset = match rest.as_bytes() {
        b"Z" | b"z" => 0,
        [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] if [h1, h2, m1, m2].iter().all(|b| b.is_ascii_digit()) => {
            let number = |a: u8, b: u8| i64::from(a - b'0') * 10 + i64::from(b - b'0');
            let (hours, minutes) = (number(*h1, *h2), number(*m1, *m2));
            let size = (hours * 60 + minutes) * 60;
            (hours < 24 && minutes < 60).then_some(if *sign == b'+' { size } else { -size })?
        }
        _ => return None,
    };
    Some((hour * 3600 + minute * 60 + second - offset, nanos))
}

const fn days_in(year: i64, month: i64) -> i64 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => 31,
    }
}

/// Days since 1970-01-01 (Howard Hinnant, "chrono-compatible low-level date algorithms").
const fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// The other way round, from the same source.
const fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (year + era * 400 + if month <= 2 { 1 } else { 0 }, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read_and_written() {
        for text in ["1970-01-01", "2024-02-29", "0000-01-01", "9999-12-31T23:59:59.5Z"] {
            assert_eq!(Moment::parse(text).unwrap().to_string(), text);
        }
        assert_eq!(Moment::parse("2024-03-01T01:30:00+02:00").unwrap().to_string(), "2024-02-29T23:30:00Z");
        assert_eq!(Moment::parse_http("Sun, 06 Nov 1994 08:49:37 GMT").unwrap().seconds, 784_111_777);
        for text in [
            "2023-02-29",
            "2024-13-01",
            "24-01-01",
            "2024-01-01T25:00:00Z",
            "2024-01-01T10:00:00",
            "é024-01-01",
            "+024-01-01",
        ] {
            assert!(Moment::parse(text).unwrap_err().contains("is no date"), "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn adding_and_counting_agree(start in -60_000_000_000_i64..200_000_000_000, months in 0_i64..1000, days in -9999_i64..9999) {
            let moment = Moment { seconds: start, nanos: 0, has_time: true };
            proptest::prop_assert_eq!(Moment::parse(&moment.to_string()).unwrap(), moment);
            proptest::prop_assert_eq!(moment.until(moment.add(days, Unit::Days).unwrap(), Unit::Days), days);
            let later = moment.add(months, Unit::Months).unwrap();
            let counted = moment.until(later, Unit::Months);
            proptest::prop_assert_eq!(counted, months);
        }
    }
}

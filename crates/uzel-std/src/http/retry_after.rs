//! How long the other side asks to wait, from the headers of an answer. Used when a status becomes a failure.

use std::time::{Duration, SystemTime};

use reqwest::header::HeaderMap;

/// No wish to wait is taken longer than this.
const LONGEST: Duration = Duration::from_hours(24);

/// From `retry-after-ms`, else `retry-after` as seconds or as an HTTP date (RFC 9110, 10.2.3). A date is measured
/// against the `date` header where there is one, so that a wrong clock on either side does no harm.
pub fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    if let Some(millis) = text("retry-after-ms").and_then(|text| text.parse::<f64>().ok()) {
        return seconds(millis / 1_000.0);
    }
    let wish = text("retry-after")?;
    if let Ok(number) = wish.parse::<f64>() {
        return seconds(number);
    }
    let unix = |time: SystemTime| time.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |passed| passed.as_secs());
    let now = text("date").and_then(http_date).unwrap_or_else(|| unix(now));
    Some(Duration::from_secs(http_date(wish)?.saturating_sub(now)).min(LONGEST))
}

/// What `x-should-retry` says outright.
pub fn should_retry(headers: &HeaderMap) -> Option<bool> {
    match headers.get("x-should-retry")?.to_str().ok()?.trim() {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    }
}

fn seconds(number: f64) -> Option<Duration> {
    number.is_finite().then(|| Duration::from_secs_f64(number.clamp(0.0, LONGEST.as_secs_f64())))
}

/// Seconds since 1970 of an IMF-fixdate, such as `Sun, 06 Nov 1994 08:49:37 GMT`.
fn http_date(text: &str) -> Option<u64> {
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let (_, rest) = text.split_once(", ")?;
    let words: Vec<&str> = rest.split(' ').collect();
    let [day, month, year, clock, "GMT"] = words[..] else { return None };
    let month = i64::try_from(MONTHS.iter().position(|name| *name == month)?).ok()? + 1;
    let (day, year): (i64, i64) = (day.parse().ok()?, year.parse().ok()?);
    let clock: Vec<u64> = clock.split(':').map(|part| part.parse().ok()).collect::<Option<_>>()?;
    let [hour, minute, second] = clock[..] else { return None };
    if !(1..=31).contains(&day) || !(1970..=9999).contains(&year) || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    // Days from civil, H. Hinnant, "chrono-Compatible Low-Level Date Algorithms", 2013.
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year / 400, year % 400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let days = era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468;
    Some(u64::try_from(days).ok()? * 86_400 + hour * 3_600 + minute * 60 + second)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(headers: &[(&'static str, &'static str)]) -> Option<Duration> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(*name, value.parse().expect("a header"));
        }
        retry_after(&map, SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777 - 90))
    }

    #[test]
    fn all_forms_are_read() {
        assert_eq!(read(&[("retry-after", "7")]), Some(Duration::from_secs(7)));
        assert_eq!(read(&[("retry-after", "0.5")]), Some(Duration::from_millis(500)));
        assert_eq!(read(&[("retry-after-ms", "250"), ("retry-after", "7")]), Some(Duration::from_millis(250)));
        assert_eq!(read(&[("retry-after", "Sun, 06 Nov 1994 08:49:37 GMT")]), Some(Duration::from_secs(90)));
        let both = [("retry-after", "Sun, 06 Nov 1994 08:49:37 GMT"), ("date", "Sun, 06 Nov 1994 08:49:17 GMT")];
        assert_eq!(read(&both), Some(Duration::from_secs(20)));
    }

    #[test]
    fn nonsense_and_the_past_are_harmless() {
        assert_eq!(read(&[]), None);
        assert_eq!(read(&[("retry-after", "soon")]), None);
        assert_eq!(read(&[("retry-after", "-5")]), Some(Duration::ZERO));
        assert_eq!(read(&[("retry-after", "NaN")]), None);
        assert_eq!(read(&[("retry-after", "1e300")]), Some(LONGEST));
        assert_eq!(read(&[("retry-after", "Sun, 06 Nov 1970 08:49:37 GMT")]), Some(Duration::ZERO));
        assert_eq!(read(&[("retry-after", "Sun, 99 Nov 1994 08:49:37 GMT")]), None);
    }

    #[test]
    fn dates_are_right_across_leap_years() {
        assert_eq!(http_date("Thu, 01 Jan 1970 00:00:00 GMT"), Some(0));
        assert_eq!(http_date("Tue, 29 Feb 2000 00:00:00 GMT"), Some(951_782_400));
        assert_eq!(http_date("Mon, 01 Mar 2100 00:00:00 GMT"), Some(4_107_542_400));
    }
}

//! Numbers with check digits or rules: payment cards, bank accounts, social security numbers. Used by the `pii` check.

use std::{ops::Range, sync::LazyLock};

use regex::Regex;

/// Card numbers in a folded text: digits in groups that single spaces or dashes separate.
pub(super) fn cards(text: &str) -> Vec<Range<usize>> {
    let bytes = text.as_bytes();
    let mut found = vec![];
    let mut at = 0;
    while at < bytes.len() {
        if !bytes[at].is_ascii_digit() || is_fraction(bytes, at) {
            at += 1;
            while at < bytes.len() && at > 0 && bytes[at - 1].is_ascii_digit() && bytes[at].is_ascii_digit() {
                at += 1;
            }
            continue;
        }
        // `at` is the first digit of a group: the card may begin here and end at the end of any later group.
        if let Some(end) = card_from(bytes, at) {
            found.push(at..end);
            at = end;
        } else {
            while at < bytes.len() && bytes[at].is_ascii_digit() {
                at += 1;
            }
        }
    }
    found
}

fn card_from(bytes: &[u8], start: usize) -> Option<usize> {
    let mut digits: Vec<u8> = Vec::with_capacity(19);
    let (mut at, mut best) = (start, None);
    while at < bytes.len() && digits.len() < 20 {
        if bytes[at].is_ascii_digit() {
            digits.push(bytes[at]);
            at += 1;
            let ends = bytes.get(at).is_none_or(|b| !b.is_ascii_digit());
            if ends && is_card(&digits) && !is_decimal_point(bytes, at) {
                best = Some(at);
            }
        } else if matches!(bytes[at], b' ' | b'-') && bytes.get(at + 1).is_some_and(u8::is_ascii_digit) {
            at += 1;
        } else {
            break;
        }
    }
    best
}

/// Whether the digits at `at` come after a decimal point.
fn is_fraction(bytes: &[u8], at: usize) -> bool {
    at >= 2 && matches!(bytes[at - 1], b'.' | b',') && bytes[at - 2].is_ascii_digit()
}

fn is_decimal_point(bytes: &[u8], at: usize) -> bool {
    matches!(bytes.get(at), Some(b'.' | b',')) && bytes.get(at + 1).is_some_and(u8::is_ascii_digit)
}

/// Whether digits are a card number: a known prefix, a length that goes with it, and the check digit.
fn is_card(digits: &[u8]) -> bool {
    if !(13..=19).contains(&digits.len()) {
        return false;
    }
    let head = digits[..6].iter().fold(0_u32, |n, d| n * 10 + u32::from(d - b'0'));
    let lengths = match head {
        400_000..=499_999 => &[13, 16, 19][..],                     // Visa
        510_000..=559_999 | 222_100..=272_099 => &[16],             // Mastercard
        340_000..=349_999 | 370_000..=379_999 => &[15],             // American Express
        601_100..=601_199 | 644_000..=659_999 => &[16, 17, 18, 19], // Discover
        300_000..=305_999 | 360_000..=369_999 | 380_000..=399_999 => &[14, 16, 17, 18, 19], // Diners Club
        352_800..=358_999 | 620_000..=629_999 | 810_000..=817_199 => &[16, 17, 18, 19], // JCB, UnionPay
        220_000..=220_499 => &[16, 17, 18, 19],                     // Mir
        500_000..=508_999 | 560_000..=589_999 | 630_400..=630_499 | 675_900..=676_399 => {
            &[13, 14, 15, 16, 17, 18, 19] // Maestro, RuPay
        }
        979_200..=979_299 => &[16], // Troy
        _ => &[],
    };
    let known = lengths.contains(&digits.len());
    let same = digits.iter().all(|d| *d == digits[0]);
    known && !same && luhn_sum(digits.iter().copied()) % 10 == 0
}

/// The sum of the Luhn algorithm (ISO/IEC 7812-1, annex B) over ASCII digits; a number is valid when 10 divides it.
pub(super) fn luhn_sum(digits: impl DoubleEndedIterator<Item = u8>) -> u32 {
    let weigh = |(at, digit): (usize, u8)| match (at % 2, u32::from(digit - b'0')) {
        (0, digit) => digit,
        (_, digit) => digit * 2 / 10 + digit * 2 % 10,
    };
    digits.rev().enumerate().map(weigh).sum()
}

/// Countries with an IBAN and its length (the IBAN registry of SWIFT, release 99).
const IBAN_LENGTHS: &str = "AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DJ27 \
    DK18 DO28 EE20 EG29 ES24 FI18 FK18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HN28 HR21 HU28 IE22 IL23 IQ23 IS26 \
    IT27 JO30 KW30 KZ20 LB28 LC32 LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 MK19 MN20 MR27 MT31 MU30 NI28 NL18 NO15 \
    OM23 PK24 PL28 PS29 PT25 QA29 RO24 RS22 RU33 SA24 SC31 SD18 SE24 SI19 SK24 SM27 SO23 ST25 SV28 TL23 TN24 TR26 \
    UA29 VA22 VG24 XK20 YE30";

/// Bank account numbers in a folded text, with single spaces or dashes anywhere inside.
pub(super) fn ibans(text: &str) -> Vec<Range<usize>> {
    static START: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"[A-Za-z]{2}[0-9]{2}").expect("a valid pattern"));
    let bytes = text.as_bytes();
    let mut found: Vec<Range<usize>> = vec![];
    for hit in START.find_iter(text) {
        let start = hit.start();
        let inside = start > 0 && bytes[start - 1].is_ascii_alphanumeric();
        if inside || found.last().is_some_and(|old| start < old.end) {
            continue;
        }
        let country = text[start..start + 2].to_ascii_uppercase();
        let length = IBAN_LENGTHS.split(' ').find_map(|entry| entry.strip_prefix(country.as_str()));
        let Some(length) = length.and_then(|n| n.trim().parse::<usize>().ok()) else { continue };
        if let Some(end) = iban_end(bytes, start, length) {
            found.push(start..end);
        }
    }
    found
}

fn iban_end(bytes: &[u8], start: usize, length: usize) -> Option<usize> {
    let mut chars = Vec::with_capacity(length);
    let mut at = start;
    while chars.len() < length {
        match bytes.get(at)? {
            b if b.is_ascii_alphanumeric() => chars.push(b.to_ascii_uppercase()),
            b' ' | b'-' if bytes.get(at + 1).is_some_and(u8::is_ascii_alphanumeric) => {}
            _ => return None,
        }
        at += 1;
    }
    if bytes.get(at).is_some_and(u8::is_ascii_alphanumeric) {
        return None;
    }
    // ISO 13616: the first four characters go to the end, letters count from A = 10, and the rest by 97 is 1.
    let moved = chars[4..].iter().chain(&chars[..4]);
    let rest = moved.fold(0_u32, |rest, &b| match b {
        b'0'..=b'9' => (rest * 10 + u32::from(b - b'0')) % 97,
        _ => (rest * 100 + u32::from(b - b'A') + 10) % 97,
    });
    (rest == 1).then_some(at)
}

/// United States social security numbers in a folded text.
pub(super) fn ssns(text: &str) -> Vec<Range<usize>> {
    static FORM: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"([0-9]{3})-([0-9]{2})-([0-9]{4})|([0-9]{3}) ([0-9]{2}) ([0-9]{4})").expect("a valid pattern")
    });
    static NAMED: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"(?i)\b(?:ssn|social security(?: (?:number|no|num))?)\b[^0-9a-z]{0,12}(?:is )?([0-9]{9})")
            .expect("a valid pattern")
    });
    let bytes = text.as_bytes();
    let is_edge = |at: Option<&u8>| at.is_none_or(|b| !b.is_ascii_alphanumeric() && *b != b'-');
    let stands_alone =
        |at: &Range<usize>| is_edge(at.start.checked_sub(1).and_then(|i| bytes.get(i))) && is_edge(bytes.get(at.end));
    let formed = FORM.captures_iter(text).filter_map(|hit| {
        let all = hit.get(0)?.range();
        let parts: Vec<&str> = hit.iter().skip(1).flatten().map(|part| part.as_str()).collect();
        (stands_alone(&all) && is_ssn(parts.first()?, parts.get(1)?, parts.get(2)?)).then_some(all)
    });
    let named = NAMED.captures_iter(text).filter_map(|hit| {
        let digits = hit.get(1)?;
        let n = digits.as_str();
        (is_edge(bytes.get(digits.end())) && is_ssn(&n[..3], &n[3..5], &n[5..])).then(|| digits.range())
    });
    formed.chain(named).collect()
}

/// The numbers that were never given out (Social Security Administration, since 2011).
fn is_ssn(area: &str, group: &str, serial: &str) -> bool {
    area != "000" && area != "666" && area < "900" && group != "00" && serial != "0000"
}

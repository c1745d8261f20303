//! The `pii` check: personal data that can be recognised by its form and its check digits, redacted or blocked. Run by
//! guard nodes.
//!
//! It finds what is written in a usual form. It does not find names, addresses, or data that is spelled out or hidden
//! on purpose ("four one one one", "me at example dot com").

use std::ops::Range;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    CheckResult, MAX_FINDINGS, Show, admit,
    finding::finding,
    fold::{Fold, fold},
};

mod contact;
mod numbers;

/// What personal data there is. In this order of precedence where two overlap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Email addresses.
    Email,
    /// Bank account numbers (IBAN): length by country, check digits by ISO 7064 mod 97.
    Iban,
    /// Payment card numbers: 13 to 19 digits with spaces or dashes, a known issuer's prefix, the Luhn check digit.
    Card,
    /// United States social security numbers: `123-45-6789`, or nine digits after "SSN".
    Ssn,
    /// IPv4 and IPv6 addresses.
    Ip,
    /// Phone numbers: `+` and a country code, North American numbers with separators, or any after a word like "tel".
    Phone,
}

impl Kind {
    /// All kinds, in order of precedence.
    pub const ALL: [Self; 6] = [Self::Email, Self::Iban, Self::Card, Self::Ssn, Self::Ip, Self::Phone];

    /// The name in app files and, in brackets, in redacted texts.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Iban => "iban",
            Self::Card => "card",
            Self::Ssn => "ssn",
            Self::Ip => "ip",
            Self::Phone => "phone",
        }
    }

    fn find(self, folded: &str) -> Vec<Range<usize>> {
        match self {
            Self::Email => contact::emails(folded),
            Self::Iban => numbers::ibans(folded),
            Self::Card => numbers::cards(folded),
            Self::Ssn => numbers::ssns(folded),
            Self::Ip => contact::ips(folded),
            Self::Phone => contact::phones(folded),
        }
    }
}

/// Which personal data is redacted and which blocks the text. With neither list, every kind blocks; with one or both,
/// kinds in neither list are not looked for.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Kinds that are replaced by their name in brackets (`[card]`).
    #[serde(default)]
    pub redact: Vec<Kind>,
    /// Kinds that block the text.
    #[serde(default)]
    pub block: Vec<Kind>,
}

/// Checks a text. Errors: a kind in both lists, a text over 4 MiB.
pub fn check(config: &Config, text: &str) -> Result<CheckResult, String> {
    admit(text)?;
    if let Some(both) = config.redact.iter().find(|kind| config.block.contains(kind)) {
        return Err(format!("`pii` has `{}` both in `redact` and in `block`: take it out of one", both.as_str()));
    }
    let all = config.redact.is_empty() && config.block.is_empty();
    let folded = fold(text, Fold::default());
    let mut places: Vec<(Range<usize>, Kind)> = vec![];
    let wanted = |kind: &Kind| all || config.redact.contains(kind) || config.block.contains(kind);
    // In no text nothing is found: configs are tried with one, which must not cost making the patterns.
    for kind in Kind::ALL.into_iter().filter(|kind| wanted(kind) && !folded.text.is_empty()) {
        for at in kind.find(&folded.text) {
            let at = folded.original(at);
            let next = places.partition_point(|(old, _)| old.start < at.start);
            let free_before = next == 0 || places[next - 1].0.end <= at.start;
            let free_after = places.get(next).is_none_or(|(old, _)| at.end <= old.start);
            if free_before && free_after {
                places.insert(next, (at, kind));
            }
        }
    }
    let mut result = CheckResult::default();
    let mut redacted = String::with_capacity(text.len());
    let mut done = 0;
    for (at, kind) in places {
        let (name, hide) = (kind.as_str(), config.redact.contains(&kind));
        result.blocked |= !hide;
        if result.findings.len() < MAX_FINDINGS {
            let message = format!("{} {}", if hide { "redacted" } else { "has" }, describe(kind));
            result.findings.push(finding(text, at.clone(), "pii", name, message, Show::Shape));
        }
        if hide {
            redacted.push_str(&text[done..at.start]);
            redacted.push_str(&format!("[{name}]"));
            done = at.end;
        }
    }
    if done > 0 {
        redacted.push_str(&text[done..]);
        result.text = Some(redacted);
    }
    Ok(result)
}

const fn describe(kind: Kind) -> &'static str {
    match kind {
        Kind::Email => "an email address",
        Kind::Iban => "a bank account number",
        Kind::Card => "a payment card number",
        Kind::Ssn => "a social security number",
        Kind::Ip => "an IP address",
        Kind::Phone => "a phone number",
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    fn redact_all(text: &str) -> String {
        let config = Config { redact: Kind::ALL.to_vec(), block: vec![] };
        check(&config, text).unwrap().text.unwrap_or_else(|| text.to_owned())
    }

    #[test]
    fn redacts() {
        let texts = [
            "pay with 4111 1111 1111 1111 now",
            "5555-5555-5555-4444, 378282246310005 and 6011111111111117",
            "order 12 4111111111111111",
            "карта ٤١١١١١١١١١١١١١١١.",
            "4111\u{200B}1111\u{00A0}1111–1111",
            "卡号4111111111111111号",
            "mail Jo.Doe+x@mail.example.co.uk, or <müller@exämple.de>!",
            "邮箱是foo@bar.com是",
            "DE89 3704 0044 0532 0130 00 please",
            "gb82west12345698765432;",
            "SSN 078-05-1121, ssn: 078051121",
            "from 192.168.10.7:8080 and [2001:db8::ff00:42:8329]",
            "call +49 (30) 901820-12 or +1-202-555-0143",
            "(202) 555-0143 / 202.555.0143 / tel. 030 9018 2012",
        ];
        let table: String = texts.iter().map(|text| redact_all(text) + "\n").collect();
        expect![[r"
            pay with [card] now
            [card], [card] and [card]
            order 12 [card]
            карта [card].
            [card]
            卡号[card]号
            mail [email], or <[email]>!
            邮箱是[email]是
            [iban] please
            [iban];
            SSN [ssn], ssn: [ssn]
            from [ip]:8080 and [[ip]]
            call [phone] or [phone]
            [phone] / [phone] / tel. [phone]
        "]]
        .assert_eq(&table);
    }

    #[test]
    fn leaves_alone() {
        for text in [
            "order 4111 1111 1111 1112",
            "tracking 1234567890123456, invoice 2024-000123",
            "0.4111111111111111 of 3.40000000000000",
            "2024-01-31 12:34:56+02:00, 31.12.2024, 12/31/2024",
            "version 1.2.3.4 and v10.0.0.1, std::fmt a::b 12:34:56 256.1.1.1 1.2.3",
            "000-12-3456 666-12-3456 123-00-4567 123-45-0000 912-34-5678",
            "DE00370400440532013000 XX89370400440532013000",
            "a@b, @handle, user@localhost, x@.com, 10@20",
            "x+12345678901, order 202-555-014, 555-0143, 123-456-7890, room 4 555 01 43",
            "550e8400-e29b-41d4-a716-446655440000",
            "ISBN 978-3-16-148410-0, EAN 4006381333931, total +1200",
        ] {
            assert_eq!(redact_all(text), text);
        }
    }

    #[test]
    fn only_listed_kinds_and_no_list_blocks_all() {
        let text = "a@b.ee 4111111111111111";
        let card = check(&Config { redact: vec![], block: vec![Kind::Card] }, text).unwrap();
        assert!(card.blocked && card.text.is_none() && card.findings.len() == 1);
        assert_eq!((card.findings[0].start, card.findings[0].excerpt.as_str()), (7, "**************11"));
        let mixed = check(&Config { redact: vec![Kind::Email], block: vec![Kind::Card] }, text).unwrap();
        assert_eq!(mixed.text.as_deref(), Some("[email] 4111111111111111"));
        assert!(mixed.blocked);
        assert!(check(&Config::default(), text).unwrap().blocked);
        let both = Config { redact: vec![Kind::Ip], block: vec![Kind::Ip] };
        assert!(check(&both, text).unwrap_err().contains("`ip` both"));
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_checked_and_redaction_is_final(text in "\\PC{0,80}|[0-9+@. a-f:-]{0,80}") {
            let config = Config { redact: Kind::ALL.to_vec(), block: vec![] };
            let result = check(&config, &text).unwrap();
            proptest::prop_assert_eq!(result.text.is_some(), !result.findings.is_empty());
            let chars = text.chars().count();
            for found in &result.findings {
                proptest::prop_assert!(found.start < found.end && found.end <= chars);
            }
        }

        #[test]
        fn every_valid_card_is_found(digits in "4[0-9]{14}", space in "[ -]?", before in "[a-z ,]{0,8}") {
            let sum = numbers::luhn_sum(format!("{digits}0").bytes());
            let card = format!("{digits}{}", (10 - sum % 10) % 10);
            let groups: Vec<&str> = (0..4).map(|i| &card[i * 4..i * 4 + 4]).collect();
            let text = format!("{before}{}", groups.join(&space));
            proptest::prop_assert_eq!(redact_all(&text), format!("{before}[card]"));
        }
    }
}

//! The `grounded` check: how much of an answer the documents it was written from can carry. Run by guard nodes.
//!
//! It compares words, not meanings. A sentence is supported when one passage of one document has most of its content
//! words and every one of its numbers. It notices what was made up from nothing and numbers that were changed; it does
//! not notice a "not" that was added, nor who did what to whom, and it takes a good paraphrase for unsupported.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use unicode_segmentation::UnicodeSegmentation as _;

use super::{CheckResult, MAX_FINDINGS, Show, admit, finding::finding};

pub(crate) mod words;

use words::Words;

/// What the answer is compared with, and how much of it must be supported.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The sources: a text, a list of texts, or a list of documents `{ id, title, text }` as `retrieve` gives them.
    pub against: Value,
    /// The text is blocked when a smaller share of its sentences is supported (0 to 1).
    #[serde(default = "usual_share")]
    pub min: f64,
    /// A sentence is supported from this share of its content words on (0 to 1); its numbers must all be there.
    #[serde(default = "usual_words")]
    pub words: f64,
}

const fn usual_share() -> f64 {
    0.7
}

const fn usual_words() -> f64 {
    0.6
}

/// How many sentences of a document are one passage.
const PASSAGE: usize = 4;
/// Most text in all sources together, in bytes, and most sentences of an answer.
const MAX_SOURCES: usize = 8 << 20;
const MAX_SENTENCES: usize = 2_000;

/// Checks an answer: `score` is the share of its sentences that are supported, findings are the others. Sentences
/// without content words ("Yes, of course!") do not count; an answer with no other sentence scores 1.
/// Errors: `min` or `words` outside of 0 to 1, sources of another form, limits.
pub fn check(config: &Config, text: &str) -> Result<CheckResult, String> {
    admit(text)?;
    for (name, share) in [("min", config.min), ("words", config.words)] {
        if !(0.0..=1.0).contains(&share) {
            return Err(format!("`{name}` is {share}, it must be from 0 to 1"));
        }
    }
    let sources = sources(&config.against)?;
    let passages: Vec<Words> = sources.iter().flat_map(|(title, text)| passages(title, text)).collect();
    let (mut counted, mut supported, mut findings) = (0_usize, 0_usize, vec![]);
    for (start, sentence) in sentences(text) {
        let words = Words::of(sentence);
        if words.is_empty() {
            continue;
        }
        counted += 1;
        if counted > MAX_SENTENCES {
            return Err(format!("the text has more than {MAX_SENTENCES} sentences: check it in parts"));
        }
        match lacking(&words, &passages, config.words) {
            None => supported += 1,
            Some(message) if findings.len() < MAX_FINDINGS => {
                let at = start..start + sentence.len();
                findings.push(finding(text, at, "grounded", "unsupported", message, Show::Text));
            }
            Some(_) => {}
        }
    }
    let score = if counted == 0 { 1.0 } else { supported as f64 / counted as f64 };
    Ok(CheckResult { findings, blocked: score < config.min, text: None, score: Some(score) })
}

/// What no passage has, if none supports the sentence.
fn lacking(sentence: &Words, passages: &[Words], share: f64) -> Option<String> {
    let mut best: Option<(usize, usize, &Words)> = None;
    for passage in passages {
        let numbers = sentence.numbers.difference(&passage.numbers).count();
        let known = sentence.stems.intersection(&passage.stems).count();
        let enough = sentence.stems.is_empty() || known as f64 >= share * sentence.stems.len() as f64;
        if numbers == 0 && enough {
            return None;
        }
        if best.is_none_or(|(least, most, _)| (numbers, std::cmp::Reverse(known)) < (least, std::cmp::Reverse(most))) {
            best = Some((numbers, known, passage));
        }
    }
    let Some((_, known, passage)) = best else { return Some("there is no source for it".into()) };
    let numbers: Vec<&str> = sentence.numbers.difference(&passage.numbers).map(String::as_str).collect();
    Some(if numbers.is_empty() {
        format!("the nearest source has {known} of its {} words", sentence.stems.len())
    } else {
        let hidden = |n: &&str| if n.len() >= 5 { "*".repeat(n.len()) } else { (*n).to_owned() };
        format!("no source near it has {}", numbers.iter().map(hidden).collect::<Vec<_>>().join(", "))
    })
}

fn source(value: &Value) -> Option<(&str, &str)> {
    match value {
        Value::String(text) => Some(("", text.as_str())),
        Value::Object(fields) => {
            let title = fields.get("title").and_then(Value::as_str).unwrap_or("");
            fields.get("text").and_then(Value::as_str).map(|text| (title, text))
        }
        _ => None,
    }
}

fn sources(against: &Value) -> Result<Vec<(&str, &str)>, String> {
    let found: Option<Vec<_>> = match against {
        Value::Array(items) => items.iter().map(source).collect(),
        Value::Null => Some(vec![]),
        other => source(other).map(|one| vec![one]),
    };
    let found = found.ok_or("`against` must be a text, a list of texts, or a list of documents with `text`")?;
    let size: usize = found.iter().map(|(_, text)| text.len()).sum();
    if size > MAX_SOURCES {
        return Err(format!("`against` has {size} bytes of text, at most {MAX_SOURCES} are allowed"));
    }
    Ok(found)
}

/// Every run of four sentences of a document; its title belongs to each.
fn passages(title: &str, text: &str) -> Vec<Words> {
    let title = Words::of(title);
    let each: Vec<Words> = sentences(text).map(|(_, sentence)| Words::of(sentence)).collect();
    let join = |run: &[Words]| {
        let mut all = title.clone();
        for words in run {
            all.stems.extend(words.stems.iter().cloned());
            all.numbers.extend(words.numbers.iter().cloned());
        }
        all
    };
    if each.len() <= PASSAGE { vec![join(&each)] } else { each.windows(PASSAGE).map(join).collect() }
}

/// Sentences (Unicode, UAX #29) of the lines of a text, with their byte offsets.
fn sentences(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.split_inclusive('\n')
        .scan(0, |at, line| {
            let start = *at;
            *at += line.len();
            Some((start, line))
        })
        .flat_map(|(start, line)| line.split_sentence_bound_indices().map(move |(at, s)| (start + at, s)))
        .map(|(start, sentence)| {
            let lead = sentence.len() - sentence.trim_start().len();
            (start + lead, sentence.trim())
        })
        .filter(|(_, sentence)| !sentence.is_empty())
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use serde_json::json;

    use super::*;

    fn policies() -> Value {
        json!([
            { "id": "refunds.md#late", "title": "Refunds > Late orders", "text":
              "An order that arrives more than 7 days late can be refunded in full. The customer has to ask within 30 \
               days of delivery. Refunds over $1,200.50 need the approval of a support lead." },
            { "id": "shipping.md", "title": "Versand", "text": "Der Versand dauert drei bis fünf Werktage und ist ab 50 Euro kostenlos." },
        ])
    }

    fn table(text: &str) -> String {
        let result = check(&Config { against: policies(), min: 0.7, words: 0.6 }, text).unwrap();
        let mut out = format!("{:.2} {}\n", result.score.unwrap(), if result.blocked { "blocked" } else { "passed" });
        for found in result.findings {
            out.push_str(&format!("{}..{} {}: {}\n", found.start, found.end, found.excerpt, found.message));
        }
        out
    }

    #[test]
    fn supported_answers_pass() {
        let answers = [
            "Hello! Your order is more than 7 days late, so it can be refunded in full. Please ask within 30 days.",
            "Refunds over 1200.50 $ need approval by a support lead.",
            "Der Versand ist ab 50 Euro kostenlos.",
            "Yes, of course!",
        ];
        let all: String = answers.iter().map(|answer| table(answer)).collect();
        expect![[r"
            1.00 passed
            1.00 passed
            1.00 passed
            1.00 passed
        "]]
        .assert_eq(&all);
    }

    #[test]
    fn made_up_sentences_and_numbers_are_named() {
        expect![[r"
            0.33 blocked
            55..94 The customer has to ask within 90 days.: no source near it has 90
            95..157 We will also send a free gift voucher to your office in Paris.: the nearest source has 0 of its 6 words
        "]]
        .assert_eq(&table(
            "Late orders can be refunded in full after 7 days late. \
             The customer has to ask within 90 days. We will also send a free gift voucher to your office in Paris.",
        ));
    }

    #[test]
    fn no_sources_support_nothing_and_bad_ones_are_errors() {
        let none = check(&Config { against: json!([]), min: 0.1, words: 0.6 }, "The parcel weighs 3 kg.").unwrap();
        assert_eq!((none.score, none.blocked), (Some(0.0), true));
        let bad = |against: Value, min: f64| check(&Config { against, min, words: 0.6 }, "x").unwrap_err();
        assert!(bad(json!([1]), 0.5).contains("`against` must be"));
        assert!(bad(json!("x"), 1.5).contains("`min` is 1.5"));
    }

    proptest::proptest! {
        #[test]
        fn a_text_supports_itself(text in "([a-zA-Zé0-9]{1,9}[ ,.!?\\n]{1,2}){1,30}") {
            let result = check(&Config { against: json!(text), min: 1.0, words: 1.0 }, &text).unwrap();
            proptest::prop_assert_eq!(result.score, Some(1.0));
        }

        #[test]
        fn any_text_is_checked(text in "\\PC{0,80}", other in "\\PC{0,80}") {
            let result = check(&Config { against: json!([other]), min: 0.5, words: 0.5 }, &text).unwrap();
            proptest::prop_assert!((0.0..=1.0).contains(&result.score.unwrap()));
        }
    }
}

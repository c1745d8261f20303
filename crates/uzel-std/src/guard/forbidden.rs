//! The `forbidden` check: words and phrases that the text must not have, whatever their case and accents. Run by
//! guard nodes.

use regex::{Regex, RegexBuilder};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    CheckResult, MAX_FINDINGS, Show, admit,
    finding::finding,
    fold::{Fold, fold},
};

/// How many words one list may have.
const MAX_WORDS: usize = 5_000;
/// Longest word or phrase, in bytes.
const MAX_WORD: usize = 200;

/// Words that block a text.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Words or phrases. They match whole words only (in scripts without spaces: anywhere), in any case, with or
    /// without accents, with any white space between the words of a phrase.
    pub words: Vec<String>,
}

/// A compiled list, for use with many texts.
#[derive(Clone, Debug)]
pub struct Words(Regex);

impl Words {
    /// Compiles a list. Errors: an empty list, an empty word, a list or a word over the limits.
    pub fn new(config: &Config) -> Result<Self, String> {
        if config.words.is_empty() {
            return Err("`forbidden` has no `words`".into());
        }
        if config.words.len() > MAX_WORDS {
            return Err(format!("`words` has {} entries, at most {MAX_WORDS} are allowed", config.words.len()));
        }
        let mut parts = vec![];
        for (at, word) in config.words.iter().enumerate() {
            let folded = fold(word.trim(), Fold::ALL).text;
            if folded.is_empty() || folded.len() > MAX_WORD {
                return Err(format!("`words[{at}]` has {} bytes, 1 to {MAX_WORD} are allowed", folded.len()));
            }
            parts.push(folded);
        }
        // The longest first: of two words with one start, alternation takes the first that fits.
        parts.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        let pattern = parts.iter().map(|word| bounded(word)).collect::<Vec<_>>().join("|");
        let built = RegexBuilder::new(&pattern).size_limit(32 << 20).build();
        Ok(Self(built.map_err(|error| format!("`words` are too many or too long: {error}"))?))
    }

    /// Checks a text. Errors: a text over 4 MiB.
    pub fn check(&self, text: &str) -> Result<CheckResult, String> {
        admit(text)?;
        let folded = fold(text, Fold::ALL);
        let mut result = CheckResult::default();
        for hit in self.0.find_iter(&folded.text).take(MAX_FINDINGS) {
            result.blocked = true;
            let message = format!("has the forbidden word \"{}\"", hit.as_str());
            let at = folded.original(hit.range());
            result.findings.push(finding(text, at, "forbidden", "word", message, Show::Text));
        }
        Ok(result)
    }
}

/// Compiles and checks. Use [`Words`] for many texts.
pub fn check(config: &Config, text: &str) -> Result<CheckResult, String> {
    Words::new(config)?.check(text)
}

fn bounded(word: &str) -> String {
    let border = |c: Option<char>| match c {
        Some(c) if (c.is_alphanumeric() || c == '_') && !has_no_spaces(c) => r"\b",
        _ => "",
    };
    let body = regex::escape(word).replace([' ', '\n'], r"\s+");
    format!("{}{body}{}", border(word.chars().next()), border(word.chars().next_back()))
}

/// Whether a letter belongs to a script that is written without spaces between words.
pub(crate) fn has_no_spaces(c: char) -> bool {
    matches!(c, '\u{E00}'..='\u{EFF}' | '\u{1000}'..='\u{109F}' | '\u{1780}'..='\u{17FF}' | '\u{2E80}'..='\u{9FFF}'
        | '\u{F900}'..='\u{FAFF}' | '\u{20000}'..='\u{3FFFF}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hits(words: &[&str], text: &str) -> Vec<String> {
        let config = Config { words: words.iter().map(ToString::to_string).collect() };
        check(&config, text).unwrap().findings.into_iter().map(|f| f.excerpt).collect()
    }

    #[test]
    fn whole_words_in_any_spelling() {
        assert_eq!(hits(&["ass"], "assistant, class, pass"), [""; 0]);
        assert_eq!(hits(&["naïve"], "So NAIVE, so nai\u{308}ve."), ["NAIVE", "nai\u{308}ve"]);
        assert_eq!(hits(&["free money"], "FREE\n  money now"), ["FREE   money"]);
        assert_eq!(hits(&["c++", "as", "ass"], "C++ or ass"), ["C++", "ass"]);
        assert_eq!(hits(&["博彩"], "网上博彩网站"), ["博彩"]);
        assert_eq!(hits(&["Straße"], "STRAßE"), ["STRAßE"]);
        assert_eq!(hits(&["(a|b)*"], "aab"), [""; 0], "words are no patterns");
    }

    #[test]
    fn bad_lists_are_errors() {
        let error = |words: &[&str]| {
            Words::new(&Config { words: words.iter().map(ToString::to_string).collect() }).unwrap_err()
        };
        assert!(error(&[]).contains("no `words`"));
        assert!(error(&["ok", "  "]).contains("`words[1]` has 0 bytes"));
    }
}

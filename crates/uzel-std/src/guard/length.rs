//! The `length` check: a text that is too short or too long is blocked. Run by guard nodes.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use unicode_segmentation::UnicodeSegmentation as _;

use super::{CheckResult, about_all, admit};

/// Bounds on the length of the text; at least one is needed.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Fewest characters (Unicode scalar values), white space at the ends not counted.
    pub min: Option<usize>,
    /// Most characters (Unicode scalar values).
    pub max: Option<usize>,
    /// Most words.
    pub max_words: Option<usize>,
}

/// Checks a text. Errors: a config without a bound or with `min` over `max`.
pub fn check(config: &Config, text: &str) -> Result<CheckResult, String> {
    admit(text)?;
    if config.min.is_none() && config.max.is_none() && config.max_words.is_none() {
        return Err("`length` has no bound: give `min`, `max` or `max_words`".into());
    }
    if let (Some(min), Some(max)) = (config.min, config.max)
        && min > max
    {
        return Err(format!("`length` lets nothing pass: `min` {min} is over `max` {max}"));
    }
    let mut findings = vec![];
    let mut say = |kind: &str, message: String| findings.push(about_all(text, "length", kind, message));
    let chars = text.chars().count();
    let inner = text.trim().chars().count();
    match (config.min, config.max) {
        (Some(min), _) if inner < min => say("too_short", format!("{inner} characters, at least {min} are wanted")),
        (_, Some(max)) if chars > max => say("too_long", format!("{chars} characters, at most {max} are allowed")),
        _ => {}
    }
    if let Some(max) = config.max_words {
        let words = text.unicode_words().count();
        if words > max {
            say("too_many_words", format!("{words} words, at most {max} are allowed"));
        }
    }
    Ok(CheckResult { blocked: !findings.is_empty(), findings, ..Default::default() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_inclusive() {
        let config = Config { min: Some(2), max: Some(5), max_words: Some(2) };
        let kinds = |text: &str| -> Vec<String> {
            check(&config, text).unwrap().findings.into_iter().map(|f| f.kind).collect()
        };
        assert_eq!(kinds("ab"), [""; 0]);
        assert_eq!(kinds("éééé5"), [""; 0]);
        assert_eq!(kinds(" a   "), ["too_short"]);
        assert_eq!(kinds("a b c d"), ["too_long", "too_many_words"]);
    }

    #[test]
    fn a_config_that_says_nothing_is_an_error() {
        assert!(check(&Config::default(), "a").unwrap_err().contains("no bound"));
        let upside_down = Config { min: Some(3), max: Some(2), max_words: None };
        assert!(check(&upside_down, "a").unwrap_err().contains("lets nothing pass"));
    }
}

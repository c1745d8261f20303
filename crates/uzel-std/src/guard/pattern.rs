//! The `pattern` check: regular expressions that the text must not or must match. Run by guard nodes.

use regex::{Regex, RegexBuilder};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{CheckResult, MAX_FINDINGS, Show, about_all, admit, finding::finding};

/// How many patterns one check may have.
const MAX_PATTERNS: usize = 200;
/// How big one compiled pattern may be, in bytes.
const MAX_COMPILED: usize = 1 << 20;

/// Regular expressions (syntax of the Rust crate `regex`: linear time, no look-around, no back-references).
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The text is blocked when one of these matches anywhere in it.
    #[serde(default)]
    pub deny: Vec<String>,
    /// The text is blocked when one of these matches nowhere in it.
    #[serde(default)]
    pub require: Vec<String>,
}

/// Compiled patterns, for use with many texts.
#[derive(Clone, Debug)]
pub struct Patterns {
    deny: Vec<Regex>,
    require: Vec<Regex>,
}

impl Patterns {
    /// Compiles a config. Errors name the list, the place in it and what is wrong with the pattern.
    pub fn new(config: &Config) -> Result<Self, String> {
        if config.deny.is_empty() && config.require.is_empty() {
            return Err("`regex` has nothing to do: give `deny` or `require`".into());
        }
        Ok(Self { deny: compile("deny", &config.deny)?, require: compile("require", &config.require)? })
    }

    /// Checks a text. Errors: a text over 4 MiB.
    pub fn check(&self, text: &str) -> Result<CheckResult, String> {
        admit(text)?;
        let mut result = CheckResult::default();
        for pattern in &self.deny {
            for hit in pattern.find_iter(text) {
                result.blocked = true;
                if result.findings.len() == MAX_FINDINGS {
                    break;
                }
                let message = format!("matches the denied pattern `{pattern}`");
                result.findings.push(finding(text, hit.range(), "pattern", "denied", message, Show::Shape));
            }
        }
        result.findings.sort_by_key(|f| (f.start, f.end));
        for pattern in self.require.iter().filter(|p| !p.is_match(text)) {
            result.blocked = true;
            let message = format!("does not match the required pattern `{pattern}`");
            result.findings.push(about_all(text, "pattern", "missing", message));
        }
        Ok(result)
    }
}

/// Compiles and checks. Use [`Patterns`] for many texts.
pub fn check(config: &Config, text: &str) -> Result<CheckResult, String> {
    Patterns::new(config)?.check(text)
}

fn compile(list: &str, patterns: &[String]) -> Result<Vec<Regex>, String> {
    if patterns.len() > MAX_PATTERNS {
        return Err(format!("`{list}` has {} patterns, at most {MAX_PATTERNS} are allowed", patterns.len()));
    }
    let one = |(at, pattern): (usize, &String)| {
        compile_one(pattern).map_err(|cause| format!("`{list}[{at}]` is no regular expression: {cause}"))
    };
    patterns.iter().enumerate().map(one).collect()
}

/// Compiles one pattern. Errors are one line: what is wrong, without the pattern.
pub(super) fn compile_one(pattern: &str) -> Result<Regex, String> {
    let built = RegexBuilder::new(pattern).size_limit(MAX_COMPILED).dfa_size_limit(MAX_COMPILED).build();
    built.map_err(|error| {
        // The crate draws the pattern with a mark under it; the last line is the sentence.
        let drawn = error.to_string();
        let line = drawn.lines().last().unwrap_or_default();
        line.strip_prefix("error: ").unwrap_or(line).to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(deny: &[&str], require: &[&str]) -> Config {
        let own = |list: &[&str]| list.iter().map(ToString::to_string).collect();
        Config { deny: own(deny), require: own(require) }
    }

    #[test]
    fn denied_and_missing() {
        let result = check(&config(&["sk-[a-z0-9]{8}"], &["(?i)regards"]), "key sk-abcd1234 here").unwrap();
        assert!(result.blocked);
        let said: Vec<_> =
            result.findings.iter().map(|f| (f.kind.as_str(), f.start, f.end, f.excerpt.as_str())).collect();
        assert_eq!(said, [("denied", 4, 15, "**-******34"), ("missing", 0, 20, "")]);
        assert!(!check(&config(&["x"], &["(?i)regards"]), "Regards").unwrap().blocked);
    }

    #[test]
    fn bad_patterns_are_named() {
        let error = check(&config(&["ok", "(a"], &[]), "").unwrap_err();
        assert!(error.starts_with("`deny[1]` is no regular expression") && error.contains("unclosed group"), "{error}");
        let error = check(&config(&[], &[r"\w{1000}{1000}"]), "").unwrap_err();
        assert!(error.contains("require[0]") && error.contains("limit"), "{error}");
        assert!(check(&Config::default(), "").unwrap_err().contains("nothing to do"));
    }
}

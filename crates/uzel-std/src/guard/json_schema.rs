//! The `json_schema` check: a value, or a text that is JSON, has to fit a schema. Run by guard nodes.

use jsonschema::Validator;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{CheckResult, MAX_FINDINGS, about_all, admit};

/// A schema for the value.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// JSON Schema 2020-12.
    pub schema: Value,
}

/// Compiles the schema. Errors name the place in the schema.
pub fn validator(config: &Config) -> Result<Validator, String> {
    Validator::new(&config.schema).map_err(|error| {
        let place = error.instance_path().to_string();
        let place = if place.is_empty() { "/".to_owned() } else { place };
        format!("`schema` is no JSON Schema: at {place}: {error}")
    })
}

/// Checks a text that has to be JSON. Errors: a text over 4 MiB; text that is no JSON is a finding.
pub fn check(validator: &Validator, text: &str) -> Result<CheckResult, String> {
    admit(text)?;
    match serde_json::from_str(text) {
        Ok(value) => Ok(check_value(validator, &value)),
        Err(error) => {
            let message = format!("is no JSON: {error}");
            let findings = vec![about_all(text, "json_schema", "not_json", message)];
            Ok(CheckResult { findings, blocked: true, ..Default::default() })
        }
    }
}

/// Checks a value. Messages name places and rules, not values: they are stored in the log.
pub fn check_value(validator: &Validator, value: &Value) -> CheckResult {
    let mut result = CheckResult::default();
    for error in validator.iter_errors(value).take(MAX_FINDINGS) {
        let place = error.instance_path().to_string();
        let place = if place.is_empty() { "the value".to_owned() } else { place };
        let message = format!("{place}: {}", error.masked());
        result.findings.push(about_all("", "json_schema", "mismatch", message));
    }
    result.blocked = !result.findings.is_empty();
    result
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use serde_json::json;

    use super::*;

    fn said(schema: Value, text: &str) -> String {
        let result = check(&validator(&Config { schema }).unwrap(), text).unwrap();
        result.findings.into_iter().map(|f| f.kind + " " + &f.message + "\n").collect()
    }

    #[test]
    fn every_mismatch_is_named_without_values() {
        let schema = json!({"type": "object", "required": ["a"], "properties": {"b": {"type": "integer"}}});
        assert_eq!(said(schema.clone(), r#"{"a": 1}"#), "");
        expect![[r#"
            mismatch the value: "a" is a required property
            mismatch /b: value is not of type "integer"
        "#]]
        .assert_eq(&said(schema.clone(), r#"{"b": "secret"}"#));
        expect![[r"
            not_json is no JSON: expected ident at line 1 column 2
        "]]
        .assert_eq(&said(schema, "no"));
    }

    #[test]
    fn a_bad_schema_is_an_error() {
        let error = validator(&Config { schema: json!({"type": "strin"}) }).unwrap_err();
        assert!(error.contains("/type"), "{error}");
    }
}

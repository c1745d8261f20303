//! Whether an answer fits its question. Used wherever people answer: command line, inbox, API.

use serde_json::{Map, Value, json};

use crate::{
    diagnostic::did_you_mean,
    event::{DONE, Question},
    schema::Schema,
};

impl Question {
    /// The filled form, with defaults where the person left a field alone.
    ///
    /// # Errors
    /// Everything that does not fit, in words.
    pub fn accept(&self, action: &str, form: &Value) -> Result<Value, Vec<String>> {
        let mut problems = vec![];
        if !self.actions.iter().any(|known| known == action) {
            let names = || self.actions.iter().map(String::as_str);
            let help = did_you_mean(action, names())
                .unwrap_or_else(|| format!("the actions are {}", names().collect::<Vec<_>>().join(", ")));
            problems.push(format!("there is no action `{action}`: {help}"));
        }
        let mut filled = match form {
            Value::Null => Map::new(),
            Value::Object(fields) => fields.clone(),
            _ => {
                problems.push("the form must be a map of fields".to_owned());
                Map::new()
            }
        };
        for (name, value) in self.defaults.as_object().into_iter().flatten() {
            if filled.get(name).is_none_or(Value::is_null) {
                filled.insert(name.clone(), value.clone());
            }
        }
        let mut filled = Value::Object(filled);
        match Schema::from_json_schema(self.form_of(action)) {
            Err(cause) => problems.push(format!("the form's schema cannot be read: {cause}")),
            Ok(schema) => {
                schema.fill_defaults(&mut filled);
                if let Err(violations) = schema.check(&filled) {
                    problems.extend(violations.into_iter().map(|violation| violation.message));
                }
            }
        }
        if problems.is_empty() { Ok(filled) } else { Err(problems) }
    }

    /// The form that goes with an action. What was done has a result, which those who come after it rely on; what was not
    /// done has none.
    fn form_of(&self, action: &str) -> Value {
        let mut form = self.form.clone();
        let is_typed = |schema: &Value| schema.as_object().is_some_and(|words| !words.is_empty());
        if self.about.is_some() && action == DONE && form.pointer("/properties/result").is_some_and(is_typed) {
            form["required"] = json!(["result"]);
        }
        form
    }
}

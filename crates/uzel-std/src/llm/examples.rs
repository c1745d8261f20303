//! In-context examples of an `llm` node: lines of JSON, each checked with its line.

use serde_json::Value;
use uzel_core::{
    capability::model::Example,
    diagnostic::{Code, Diagnostic, Diagnostics},
    schema::Schema,
    yaml::Text,
};

/// More examples than a model can use are a mistake.
const MOST: usize = 10_000;

/// The examples of a file. A line that is wrong is reported and left out. Outputs may leave fields out, not add any.
pub(super) fn read(file: &Text, schema: Option<&Schema>, out: &mut Diagnostics) -> Vec<Example> {
    let mut examples = vec![];
    let mut start = 0;
    for line in file.as_str().split_inclusive('\n') {
        let at = file.at(start..start + line.trim_end().len());
        start += line.len();
        if line.trim().is_empty() {
            continue;
        }
        if examples.len() >= MOST {
            let message = format!("the file has more than {MOST} examples");
            out.push(Diagnostic::new(Code::BAD_LIMIT, at, message).help("keep the most telling ones"));
            break;
        }
        match serde_json::from_str::<Example>(line) {
            Ok(example) => {
                check_fields(&example.output, schema, at, out);
                examples.push(example);
            }
            Err(cause) => {
                let help = "write one object a line: {\"input\": \"…\", \"output\": {…}}";
                // serde counts from the line's start, and the place says it already.
                let cause = cause.to_string();
                let cause = cause.split(" at line 1 column").next().unwrap_or(&cause);
                let message = format!("this line is not an example: {cause}");
                out.push(Diagnostic::new(Code::WRONG_SHAPE, at, message).help(help));
            }
        }
    }
    examples
}

fn check_fields(output: &Value, schema: Option<&Schema>, at: uzel_core::source::Span, out: &mut Diagnostics) {
    let (Some(fields), Some(schema)) = (output.as_object(), schema) else { return };
    for (name, value) in fields {
        use uzel_core::schema::FieldLookup;
        match schema.ty.field(name) {
            FieldLookup::Found(ty, _) if !ty.accepts_value(value) => {
                let message = format!("the example's `{name}` must be {ty}, found {value}");
                let help = "correct the example, or the node's `output`";
                out.push(Diagnostic::new(Code::TYPE_MISMATCH, at, message).help(help));
            }
            FieldLookup::Missing { .. } => {
                let message = format!("the example has a field `{name}` that the node's `output` does not have");
                let help = format!("remove `{name}` from the example, or add it to the node's `output`");
                out.push(Diagnostic::new(Code::UNKNOWN_FIELD, at, message).help(help));
            }
            _ => {}
        }
    }
}

//! Any text as an expression, a template and a value with `${{ }}`: each is read, typed and evaluated, and what was
//! inferred holds of what comes out. Run by scripts/fuzz.
//!
//! The roots are made from the text: whatever it refers to exists, with a type and a value of that type which its name
//! chooses. So an expression of any app means something here.
#![no_main]

mod roots;

use libfuzzer_sys::fuzz_target;
use roots::Roots;
use serde_json::Value;
use uzel_core::{
    diagnostic::{Diagnostics, Severity},
    expr::{Binding, Expression, OUTPUT_LIMIT, Reference, Template, VALUE_LIMIT, truthy},
    failure::{Failure, FailureClass},
    schema::Type,
    source::{SourceId, Span},
    yaml::{Text, Tree},
};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(text) = std::str::from_utf8(bytes) {
        expression(text);
        template(text);
        binding(text);
    }
});

fn at(text: &str) -> Span {
    Span::new(SourceId(0), 0..text.len())
}

fn tree(text: &str) -> Tree {
    Tree::from_json(&text.into(), at(text))
}

fn expression(text: &str) {
    let mut out = Diagnostics::default();
    let Some(parsed) = Expression::parse(&Text::synthetic(text, at(text)), &mut out) else {
        return refused(&out, text);
    };
    let mut unheard = Diagnostics::default();
    let again = Expression::parse(&Text::synthetic(parsed.source(), at(parsed.source())), &mut unheard);
    let again = again.unwrap_or_else(|| panic!("{text:?} is not read without its braces: {unheard:?}"));
    assert_eq!(names(again.references()), names(parsed.references()), "{text:?}");
    for roots in Roots::of(text, parsed.references()) {
        let mut out = Diagnostics::default();
        let ty = parsed.infer(&roots.types, &mut out);
        placed(&out, text);
        let value = parsed.evaluate(&roots.values);
        fits(&ty, &value, &out, text, &roots);
        assert_eq!(value, again.evaluate(&roots.values), "{text:?} without its braces");
        if let Ok(value) = &value {
            assert!(about(value) <= VALUE_LIMIT, "{text:?} gives too much");
            assert_eq!(parsed.holds(&roots.values), Ok(truthy(value)), "{text:?} counts as {value}");
        }
        parsed.infer_condition(&roots.types, &mut out);
    }
}

fn template(text: &str) {
    let mut out = Diagnostics::default();
    let Some(parsed) = Template::parse(&Text::synthetic(text, at(text)), &mut out) else {
        return refused(&out, text);
    };
    for roots in Roots::of(text, parsed.references()) {
        let mut out = Diagnostics::default();
        assert_eq!(parsed.infer(&roots.types, &mut out), Type::String);
        placed(&out, text);
        let rendered = parsed.evaluate(&roots.values);
        fits(&Type::String, &rendered, &out, text, &roots);
        printed(&rendered, text);
    }
}

fn binding(text: &str) {
    let mut out = Diagnostics::default();
    let Some(parsed) = Binding::parse(&tree(text), &mut out) else { return refused(&out, text) };
    let written = parsed.written();
    let mut unheard = Diagnostics::default();
    let again = Binding::parse(&Tree::from_json(&written, at(text)), &mut unheard);
    let again = again.unwrap_or_else(|| panic!("{text:?} is not read as it is written: {written}: {unheard:?}"));
    assert_eq!(again.written(), written, "{text:?}");
    for roots in Roots::of(text, parsed.references()) {
        let mut out = Diagnostics::default();
        let ty = parsed.infer(&roots.types, &mut out);
        placed(&out, text);
        let value = parsed.evaluate(&roots.values);
        fits(&ty, &value, &out, text, &roots);
        assert_eq!(value, again.evaluate(&roots.values), "{text:?} as it is written: {written}");
        if parsed.as_constant().is_none() && ty == Type::String {
            // An expression alone may give a longer text than one that is put together.
            assert!(value.as_ref().map_or(0, about) <= VALUE_LIMIT, "{text:?} gives too much");
        }
    }
}

/// What is not read is told.
fn refused(out: &Diagnostics, text: &str) {
    assert!(out.has_errors(), "{text:?} is not read, and nothing is said");
    placed(out, text);
}

fn placed(out: &Diagnostics, text: &str) {
    for diagnostic in out {
        let at = diagnostic.at.unwrap_or_else(|| panic!("{} has no place in {text:?}", diagnostic.message));
        assert!(at.start <= at.end && at.end as usize <= text.len(), "{} {at:?} in {text:?}", diagnostic.message);
    }
}

/// What is inferred without an error holds of the value; a failure is one of the expression.
fn fits(ty: &Type, result: &Result<Value, Failure>, out: &Diagnostics, text: &str, roots: &Roots) {
    match result {
        Ok(value) => {
            let errors = out.iter().any(|diagnostic| diagnostic.severity == Severity::Error);
            assert!(errors || ty.accepts_value(value), "{text:?} is {value}, not {ty}, with {:?}", roots.values);
        }
        Err(failure) => assert_ne!(failure.class, FailureClass::Bug, "{text:?}: {failure}"),
    }
}

fn printed(result: &Result<Value, Failure>, text: &str) {
    let length = result.as_ref().ok().and_then(Value::as_str).map_or(0, str::len);
    assert!(length <= OUTPUT_LIMIT, "{text:?} becomes {length} bytes");
}

/// About the bytes of a value, never too many.
fn about(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len(),
        Value::Array(items) => items.iter().map(about).sum(),
        Value::Object(map) => map.iter().map(|(key, value)| key.len() + about(value)).sum(),
        _ => 1,
    }
}

fn names(references: &[Reference]) -> Vec<(&str, &[String])> {
    references.iter().map(|reference| (reference.root.as_str(), &*reference.path)).collect()
}

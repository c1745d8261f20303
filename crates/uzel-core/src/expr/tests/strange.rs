//! Sources that nobody writes.

use proptest::prelude::*;

use super::{Binding, Diagnostics, Expression, Template, loose, scope, text};
use crate::yaml::Tree;

const WORDS: &[&str] = &[
    "order",
    "classify",
    "name",
    "approve",
    "i",
    "x",
    ".",
    ".id",
    ".lines",
    "[0]",
    "[",
    "]",
    "(",
    ")",
    "{",
    "}",
    "+",
    "-",
    "*",
    "**",
    "/",
    "//",
    "%",
    "~",
    "|",
    " | upper",
    " | length",
    " | map('upper')",
    " | default(1)",
    " | first",
    " | join(',')",
    " | sort",
    " | tojson",
    " is none",
    " is defined",
    " is not none",
    " and ",
    " or ",
    " not ",
    " in ",
    " if ",
    " else ",
    "==",
    "!=",
    "<",
    ">=",
    "1",
    "2.5",
    "99999999999",
    "'a'",
    "\"b",
    ",",
    ":",
    "=",
    "true",
    "none",
    "range(9)",
    "range(999999)",
    "ł",
    "\\",
    "$",
    "{{",
    "}}",
    "${{",
    "{%",
    "%}",
    "{% for x in order.lines %}",
    "{% endfor %}",
    "{% if order %}",
    "{% else %}",
    "{% elif i %}",
    "{% endif %}",
    "{% set x = ",
    "{% macro m(a) %}",
    "{% endmacro %}",
    "{{ m(1) }}",
    "{# ",
    " #}",
    "-%}",
    "{{-",
    "\n",
    "{% raw %}",
    "{% endraw %}",
    "self",
    "loop",
    "loop.index",
    "{{ ",
    " }}",
];

fn source() -> impl Strategy<Value = String> {
    proptest::collection::vec(proptest::sample::select(WORDS), 0..24).prop_map(|words| words.concat())
}

fn try_all(source: &str) {
    let mut out = Diagnostics::default();
    let types = super::inference::types();
    if let Some(expression) = Expression::parse(&loose(source), &mut out) {
        let _ = expression.evaluate(&scope());
        expression.infer(&types, &mut out);
        expression.infer_condition(&types, &mut out);
    }
    if let Some(template) = Template::parse(&loose(source), &mut out) {
        if let Ok(rendered) = template.render(&scope()) {
            assert!(rendered.len() <= crate::expr::OUTPUT_LIMIT);
        }
        template.infer(&types, &mut out);
    }
    let tree = Tree::from_json(&source.into(), crate::source::Span::new(crate::source::SourceId(0), 0..source.len()));
    if let Some(binding) = Binding::parse(&tree, &mut out) {
        let _ = binding.evaluate(&scope());
        binding.infer(&types, &mut out);
    }
    for d in &out {
        if let Some(at) = d.at {
            assert!(at.start <= at.end && at.end as usize <= source.len(), "{} {at:?} in {source:?}", d.message);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn words_never_panic(source in source()) {
        try_all(&source);
    }

    #[test]
    fn characters_never_panic(source in "\\PC{0,40}") {
        try_all(&source);
    }
}

#[test]
fn deep_and_long_sources_are_refused_or_run() {
    for source in [
        "not ".repeat(50_000) + "x",
        "-".repeat(50_000) + "1",
        "(".repeat(50_000) + "1" + &")".repeat(50_000),
        "[".repeat(140) + &"]".repeat(140),
        "order".to_owned() + &".id".repeat(50_000),
        "1".to_owned() + &" + 1".repeat(50_000),
        "1".to_owned() + &" + 1".repeat(290),
        "1".to_owned() + &" if i else 1".repeat(140),
        "not ".repeat(290) + "x",
        "1".to_owned() + &" | abs".repeat(50_000),
        "[".to_owned() + &"1, ".repeat(50_000) + "]",
        "{% if i %}".repeat(50_000),
        "{% if i %}".repeat(140) + &"{% endif %}".repeat(140),
        "{% for x in order.lines %}".repeat(140) + &"{% endfor %}".repeat(140),
        "{% if 0 %}".to_owned() + &"{% elif i %}".repeat(50_000) + "{% endif %}",
        "{% if 0 %}".to_owned() + &"{% elif i %}".repeat(190) + "{% endif %}",
        "{{ i }}".repeat(20_000),
        "${{ i }}".repeat(20_000),
        "{% set x = [1] %}".to_owned() + &"{% set x = [x] %}".repeat(20_000) + "{{ x }}",
        "{% set x = [1] %}".to_owned() + &"{% set x = [x] %}".repeat(480) + "{{ x }}",
        "{% set x = 1 %}".to_owned() + &"{% set x = x | batch(1) %}".repeat(240) + "{{ x }}",
        "{% macro m(x) %}{{ m([[[[[[[[[[x]]]]]]]]]]) }}{% endmacro %}{{ m(1) }}".to_owned(),
        "\n".repeat(200_000) + "{{ order.wrong }}",
    ] {
        try_all(&source);
    }
}

#[test]
fn the_same_text_gives_the_same_type_with_and_without_braces() {
    let mut out = Diagnostics::default();
    let types = super::inference::types();
    let bare = Expression::parse(&text("classify.category"), &mut out).unwrap().infer(&types, &mut out);
    let braced = Expression::parse(&text("${{ classify.category }}"), &mut out).unwrap().infer(&types, &mut out);
    assert_eq!(bare, braced);
}

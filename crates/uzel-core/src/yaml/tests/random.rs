//! Random input: never a panic, and every place fits its text.

use proptest::prelude::*;

use crate::{
    diagnostic::Diagnostics,
    source::{SourceId, Span},
    yaml::{Data, Text, Tree, from_tree, parse},
};

fn check_span(source: &str, span: Span) {
    assert!(source.get(span.start as usize..span.end as usize).is_some(), "{span:?} does not fit {source:?}");
}

fn check_text(source: &str, text: &Text) {
    check_span(source, text.span);
    for (at, c) in text.char_indices() {
        let span = text.at(at..at + c.len_utf8());
        check_span(source, span);
        let written = &source[span.start as usize..span.end as usize];
        // A character is itself, an escape, a fold, or anywhere in the whole.
        assert!(
            written.starts_with(c)
                || written.starts_with(['\\', '\'', ' ', '\t', '\n', '\r'])
                || span == text.span
                || c == '\n',
            "{c:?} at {span:?} is {written:?} in {source:?}"
        );
    }
}

fn check_tree(source: &str, tree: &Tree) {
    check_span(source, tree.span);
    match &tree.data {
        Data::Text(text) => check_text(source, text),
        Data::List(items) => items.iter().for_each(|item| check_tree(source, item)),
        Data::Map(entries) => entries.iter().for_each(|entry| {
            check_text(source, &entry.key);
            check_tree(source, &entry.value);
        }),
        _ => {}
    }
}

fn check(source: &str) {
    let mut out = Diagnostics::default();
    let tree = parse(SourceId(0), source, &mut out);
    assert!(tree.is_some() || out.has_errors(), "neither a tree nor an error for {source:?}");
    for diagnostic in &out {
        diagnostic.at.iter().for_each(|at| check_span(source, *at));
        diagnostic.labels.iter().for_each(|label| check_span(source, label.at));
    }
    if let Some(tree) = tree {
        check_tree(source, &tree);
        let mut out = Diagnostics::default();
        let typed = from_tree::<super::typed::App>(&tree, &mut out);
        assert!(typed.is_some() || out.has_errors(), "neither a value nor an error for {source:?}");
        assert_eq!(from_tree::<serde_json::Value>(&tree, &mut Diagnostics::default()), Some(tree.to_json()));
    }
}

pub(in crate::yaml) fn parts() -> impl Strategy<Value = String> {
    let part = prop::sample::select(vec![
        "a",
        "key",
        "name",
        "nodes",
        "retry",
        "max",
        "kind",
        ": ",
        ":",
        "\n",
        "\n  ",
        "\n    ",
        "\r\n",
        "\r",
        "- ",
        "-",
        "? ",
        "[",
        "]",
        "{",
        "}",
        ", ",
        ",",
        "'",
        "\"",
        "''",
        "\\",
        "\\n",
        "\\u00e9",
        "\\ud83d\\ude00",
        "|",
        ">",
        "|-\n  ",
        ">+\n  ",
        "|2\n   ",
        "&a ",
        "*a",
        "!!str ",
        "!x ",
        "#",
        " # c",
        "---",
        "...",
        "---\n",
        "%YAML 1.2\n",
        "\t",
        " ",
        "  ",
        "1",
        "1.5",
        "true",
        "null",
        "~",
        "<<",
        ".inf",
        "é",
        "ж",
        "😀",
        "\u{feff}",
        "\u{85}",
        "\u{2028}",
        "\0",
        "{{ x }}",
        "${{ x }}",
        "`",
        "@",
        "%",
        "yes",
        "x-",
        "=",
    ]);
    prop::collection::vec(part, 0..40).prop_map(|parts| parts.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn yaml_like(source in parts()) {
        check(&source);
    }

    #[test]
    fn any_characters(source in "\\PC{0,60}") {
        check(&source);
    }

    #[test]
    fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
        let mut out = Diagnostics::default();
        let mut sources = crate::source::Sources::default();
        if let Some((_, text)) = crate::yaml::decode("f", &bytes, &mut sources, &mut out) {
            check(&text);
        }
    }

    /// What is written in double quotes or as a literal block is found character by character.
    #[test]
    fn lines(lines in prop::collection::vec("[a-zé]{1,5}( [a-zé]{1,5}){0,3}", 1..5), style in 0..3usize) {
        let source = match style {
            0 => format!("k: |\n  {}\n", lines.join("\n  ")),
            1 => format!("k: >\n  {}\n", lines.join("\n  ")),
            _ => format!("k: \"{}\"\n", lines.join("\n  ")),
        };
        let tree = super::good(&source);
        let text = tree.get("k").and_then(Tree::as_text).expect("a text");
        for (at, c) in text.char_indices().filter(|(_, c)| !c.is_whitespace()) {
            let span = text.at(at..at + c.len_utf8());
            prop_assert_eq!(source[span.start as usize..span.end as usize].to_owned(), c.to_string());
        }
    }
}

//! The way from values back to the source, for each style of scalar.

use super::{Tree, good};
use crate::yaml::{Data, Text};

/// Every occurrence of `word` in the texts of `source`, as the source has it.
fn found(source: &str, word: &str) -> Vec<String> {
    fn texts<'t>(tree: &'t Tree, into: &mut Vec<&'t Text>) {
        match &tree.data {
            Data::Text(text) => into.push(text),
            Data::List(items) => items.iter().for_each(|item| texts(item, into)),
            Data::Map(entries) => entries.iter().for_each(|entry| {
                into.push(&entry.key);
                texts(&entry.value, into);
            }),
            _ => {}
        }
    }
    let tree = good(source);
    let mut all = vec![];
    texts(&tree, &mut all);
    let mut list = vec![];
    for text in all {
        for (at, _) in text.match_indices(word) {
            let span = text.at(at..at + word.len());
            list.push(source[span.start as usize..span.end as usize].to_owned());
        }
    }
    list
}

#[test]
fn words_are_found_where_they_are_written() {
    let cases: &[(&str, usize)] = &[
        ("a: {b: word, c: [word]}", 2),
        ("a: 'it''s a word, ''word'''", 2),
        ("a: \"tab\\t word \\u00e9\\x41\\\" word \\U0001F600word\"", 3),
        ("a: \"one \\\n  word\n\n  word  \n  \tword\"", 3),
        ("a: 'one\n  word\n\n\n  word'", 2),
        ("a: one word\n  word two\n\n  word\nb: word", 4),
        ("a: |\n  one word\n  word\n\n    word\n  word\nb: word", 5),
        ("a: |\n\n\n  word\n  word", 2),
        ("a: |2-\n    word\n  word\n", 2),
        ("a: |+ # why\n  word\n\n\nb: word\n", 2),
        ("a: >\n  one word\n  word\n\n  word\n    word\n    word\n  word\n\nb: word", 7),
        ("a: >-\r\n  one word\r\n  word\r\n\r\n  word\r\nb: \"x\r\n  word\"\r\n", 4),
        ("a: &x |\n  one\n  word\nb: &y 'a''word'\nc: !!str word\n", 3),
        ("- |\n word\n word\n- >\n word\n word\n", 4),
        ("é: ж word ж\nб: 'ж''word' # ж\nв: |\n  ж\n  word\n", 3),
        ("\u{feff}a: word\nb: |\n  x\n  word", 2),
        ("word: 1\n\"b word\" : 2\n'a''word': 3", 3),
    ];
    for (source, count) in cases {
        let found = found(source, "word");
        assert_eq!(found, vec!["word"; *count], "{source}");
    }
}

#[test]
fn a_fold_and_an_escape_have_a_place() {
    let source = "a: \"x\\u00e9y\n   z\"";
    let tree = good(source);
    let text = tree.get("a").and_then(Tree::as_text).expect("a text");
    assert_eq!(text.as_str(), "xéy z");
    let slice = |range: std::ops::Range<usize>| {
        let span = text.at(range);
        &source[span.start as usize..span.end as usize]
    };
    assert_eq!(slice(1..3), "\\u00e9");
    assert_eq!(slice(0..4), "x\\u00e9y");
    assert_eq!(slice(4..5), "\n   ");
    assert_eq!(slice(5..6), "z");
    assert_eq!(slice(6..6), "");
    assert_eq!(slice(2..99), "\"x\\u00e9y\n   z\"");
}

#[test]
fn values_have_their_whole_place() {
    let source =
        "list:\n  - a\n  - {b: 1}\nnone:\nflow: [1, 2]\nblock: |\n  text\n\nquoted: 'q'  # no\nanchored: &x !!str v\n";
    let tree = good(source);
    let slice = |key: &str| {
        let span = tree.get(key).expect("a value").span;
        &source[span.start as usize..span.end as usize]
    };
    assert_eq!(slice("list"), "- a\n  - {b: 1}");
    assert_eq!(slice("none"), "");
    assert_eq!(&source[..tree.get("none").expect("a value").span.start as usize], "list:\n  - a\n  - {b: 1}\nnone:");
    assert_eq!(slice("flow"), "[1, 2]");
    assert_eq!(slice("block"), "|\n  text");
    assert_eq!(slice("quoted"), "'q'");
    assert_eq!(slice("anchored"), "v");
}

#[test]
fn scalars_follow_the_core_schema() {
    let source =
        "[~, null, true, False, 1, -1, +1, 0x1F, 0o17, 1.5, .5, 1e3, -2., 007, 18446744073709551615, yes, 1_000, \
                  0x, 1.2.3, '1', \"true\", !!str 5, !!int '5', 12:30, -, 0b1]"
            .replace("-, ", "");
    let json = good(&source).to_json().to_string();
    assert_eq!(
        json,
        "[null,null,true,false,1,-1,1,31,15,1.5,0.5,1000.0,-2.0,7,18446744073709551615,\"yes\",\"1_000\",\"0x\",\
         \"1.2.3\",\"1\",\"true\",\"5\",5,\"12:30\",\"0b1\"]"
    );
}

#[test]
fn merge_keys_and_aliases() {
    let tree = good("a: &a {x: 1, w: 2}\nb: &b {w: 3, z: 4}\nc: {<<: *a, w: 5}\nd: {<<: [*b, *a], v: 6}\ne: *a\n");
    let json = |key: &str| tree.get(key).expect("a value").to_json().to_string();
    assert_eq!(json("c"), r#"{"w":5,"x":1}"#);
    assert_eq!(json("d"), r#"{"v":6,"w":3,"z":4,"x":1}"#);
    assert_eq!(json("e"), r#"{"x":1,"w":2}"#);
}

#[test]
fn entries_are_taken_and_json_comes_back() {
    let mut tree = good("a: 1\nb: [x, null]\n");
    let json = tree.to_json();
    assert_eq!(Tree::from_json(&json, tree.span).to_json(), json);
    assert_eq!(tree.take("a").map(|entry| entry.key.as_str().to_owned()).as_deref(), Some("a"));
    assert!(tree.take("a").is_none());
    assert_eq!(tree.to_json().to_string(), r#"{"b":["x",null]}"#);
}

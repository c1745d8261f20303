//! Documents that are too much: each ends in good time, with an error that says so.

use crate::{
    diagnostic::{Code, Diagnostics},
    source::{SourceId, Sources},
    yaml::{decode, from_tree, parse},
};

fn codes(text: &str) -> Vec<Code> {
    let mut out = Diagnostics::default();
    // What is quadratic takes hours at these sizes: the runner's limit on a test notices.
    let tree = parse(SourceId(0), text, &mut out);
    let head: String = text.chars().take(20).collect();
    assert!(tree.is_some() || out.has_errors(), "{head:?} gave neither a tree nor an error");
    out.iter().map(|d| d.code).collect()
}

#[test]
fn depth() {
    assert_eq!(codes(&format!("{}1{}", "[".repeat(64), "]".repeat(64))), []);
    assert_eq!(codes(&format!("{}1{}", "[".repeat(65), "]".repeat(65))), [Code::TOO_DEEP]);
    assert_eq!(codes(&"[".repeat(100_000)), [Code::TOO_DEEP]);
    assert_eq!(codes(&"- ".repeat(100_000)), [Code::TOO_DEEP]);
    assert_eq!(codes(&"{a: ".repeat(100_000)), [Code::TOO_DEEP]);
    let aliases: String = (1..40).map(|n| format!("a{n}: &a{n} [[*a{}]]\n", n - 1)).collect();
    assert_eq!(codes(&format!("a0: &a0 1\n{aliases}")), [Code::TOO_DEEP]);
}

#[test]
fn aliases() {
    let laughs: String =
        (1..10).map(|n| format!("a{n}: &a{n} [{}]\n", vec![format!("*a{}", n - 1); 10].join(", "))).collect();
    assert_eq!(codes(&format!("a0: &a0 ha\n{laughs}")), [Code::ALIAS_BUDGET]);
    let merges: String = (0..3000).map(|_| "- {<<: *a}\n").collect();
    let wide: String = (0..500).map(|n| format!("k{n}: 1, ")).collect();
    assert_eq!(codes(&format!("- &a {{{wide}}}\n{merges}")), [Code::ALIAS_BUDGET]);
}

#[test]
fn sizes() {
    assert_eq!(codes(&"a".repeat(10_000_001)), [Code::TOO_LARGE]);
    assert_eq!(codes(&format!("[{}]", "a,".repeat(1_000_001))), [Code::TOO_LARGE]);
}

#[test]
fn anything_is_read_in_linear_time() {
    for part in [
        "a",
        "a ",
        "- a\n",
        "\n",
        " ",
        "a\n",
        "'",
        "\"",
        "{",
        "}",
        "a: b\n",
        "?",
        "? ",
        ": ",
        "&a ",
        "!",
        "*a ",
        "#",
        "# a\n",
        "| ",
        "|\n ",
        "\t",
        "é",
        "é: [",
        "-",
        "--- ",
        "%",
        "{{ x }} ",
        "{{ x }}, ",
        "<<: {a: 1}\n",
        "'' ",
        "a: [b\n",
        "\\",
        "\"\\n\" ",
        "a:\n ",
        "a, ",
        "[a, b], ",
        "\r\n",
        "\u{feff}",
        "a\n\n\n",
        "x: 'a\n\n",
    ] {
        let count = 100_000 / part.len();
        codes(&part.repeat(count));
        codes(&format!("a: [{}]", part.repeat(count / 2)));
        codes(&format!("a: |\n  {}", part.repeat(count / 2)));
        codes(&format!("\"{}\"", part.repeat(count / 2)));
    }
    let many_keys: String = (0..50_000).map(|n| format!("k{n}: {n}\n")).collect();
    assert_eq!(codes(&many_keys), []);
    let same_keys = "k: 1\n".repeat(50_000);
    assert_eq!(codes(&same_keys).len(), Diagnostics::LIMIT);
}

#[test]
fn ten_thousand_mistakes_take_no_longer_than_they_should() {
    let text = format!("[{}]", (0..20_000).map(|n| format!("{{{{ x{n} }}}}, ")).collect::<String>());
    assert_eq!(codes(&text).len(), Diagnostics::LIMIT);
    let text: String = (0..20_000).map(|n| format!("k{n}: 1\n")).collect();
    let tree = parse(SourceId(0), &text, &mut Diagnostics::default()).expect("a tree");
    let mut out = Diagnostics::default();
    assert!(from_tree::<super::typed::App>(&tree, &mut out).is_none());
    assert!(out.len() >= Diagnostics::LIMIT);
}

#[test]
fn bytes_that_are_no_text() {
    let (mut sources, mut out) = (Sources::default(), Diagnostics::default());
    let mut read = |bytes: &[u8]| decode("app.yaml", bytes, &mut sources, &mut out).map(|(_, text)| text.to_string());
    assert_eq!(read(b"a: 1\nb: \xc3\xa9\xff"), None);
    assert_eq!(read(b"\xff\xfea\0"), None);
    assert_eq!(read(&vec![b'a'; 10_000_001]), None);
    assert_eq!(read("é".as_bytes()).as_deref(), Some("é"));
    let said: Vec<String> =
        out.iter().map(|d| format!("{}: {}", sources.position(d.at.expect("a place")), d.message)).collect();
    assert_eq!(
        said,
        [
            "app.yaml:2:5: the byte 0xff is not UTF-8",
            "app.yaml:1:1: the byte 0xff is not UTF-8",
            "app.yaml:1:1: the file has 10000001 bytes; at most 10000000 can be read",
        ]
    );
}

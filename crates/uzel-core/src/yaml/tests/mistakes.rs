//! What people write by mistake, and what they are told.

use expect_test::expect;

use super::mistakes;

/// One text with all answers, so that they can be read side by side.
fn table(cases: &[&str]) -> String {
    cases.iter().map(|case| format!("{case}\n=> {}\n", mistakes(case).replace('\n', "\n   ").trim_end())).collect()
}

#[test]
fn keys() {
    expect![[""]].assert_eq(&table(&[
        "a: 1\nb: 2\na: 3\n",
        "{a: 1, a: 2, a: 3}",
        "on: push\nx: {y: 1, 'no': 2}\n",
        "1: a\ntrue: b\nnull: c\n",
        "[a, b]: c\n? {a: 1}\n: d\ne: f",
        ": x\n",
        "a: &x k\n*x : b\n",
    ]));
}

#[test]
fn braces() {
    expect![[""]].assert_eq(&table(&[
        "nodes:\n  a:\n    prompt: {{ x }}\n",
        "prompt: {{ x.y | upper }} and more\n",
        "a: 1\nwith: { id: ${{ x }} }\n",
        "with: { id: ${{ f(a, \"b\") }}, n: 1 }\n",
        "with: { id: pre {{ x }} }\n",
        "- {{ x }}\n- {{ y }}\n",
        "prompt: Hello {{ name }}: welcome\n",
        "with: [ ${{ a['b'] }} ]\n",
        "{{ x }}",
        "by: {{ x }}\ntext: {{ y }} z\n",
    ]));
}

#[test]
fn shape() {
    expect![[""]].assert_eq(&table(&[
        "name:foo\n",
        "a: 1\nname:foo\nb: 2\n",
        "a:\n  b: 1\n  cost:2\n  d: 3\n",
        "a:\n\tb: 1\n",
        "a:\n  b: 1\n\tc: 2\n",
        "a:\n  b: 1\n   c: 2\n",
        "a:\n    b: 1\n  c: 2\n",
        "a:\n  - b\n - c\n",
        "a: b: c\n",
        "a: 1\njust words\nb: 2\n",
        "a: \"open\nb: 2\n",
        "a: 'it's'\n",
        "a: [1, 2\nb: 3\n",
        "a: {b: 1\nc: 2\n",
        "a: @b\n",
        "a: `b`\n",
        "a: %b\n",
        "a: *b\n",
        "a: \"\\d\"\n",
        "a: - b\n",
        "a: | text\n",
        "a: ]\n",
        "a: \"x\" y\n",
        "a: &x [*x]\n",
        "a: \"\\u12\"\n",
        "a: !b c\n",
        "a: !!int c\nd: !!map [1]\ne: !!binary x\n",
        "a: .inf\nb: 99999999999999999999\nc: 1e999\nd: .nan\n",
        "a: 1\n<<: 5\n",
        "x-a: &a\n  k: 1\n\tb: 2\n",
    ]));
}

#[test]
fn documents() {
    expect![[""]].assert_eq(&table(&[
        "",
        "# only words\n",
        "---\n",
        "a: 1\n---\nb: 2\n",
        "a: 1\n...\nb: 2\n",
        "a: \u{0}\n",
    ]));
}

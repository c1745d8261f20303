//! What people write by mistake, and what they are told.

use expect_test::expect;

use super::mistakes;

/// One text with all answers, so that they can be read side by side.
pub(super) fn table(cases: &[&str]) -> String {
    let said = |case: &&str| format!("{case}\n=> {}\n", mistakes(case).replace('\n', "\n   ").trim_end());
    cases.iter().map(said).collect::<String>().replace('\0', "␀")
}

#[test]
fn keys() {
    expect![[r#"
        a: 1
        b: 2
        a: 3

        => 3:1 "a" UZ0005 the key `a` is written twice
             1:1 it is written here first
             help: remove one of the two, or rename it
        {a: 1, a: 2, a: 3}
        => 1:8 "a" UZ0005 the key `a` is written twice
             1:2 it is written here first
             help: remove one of the two, or rename it
           1:14 "a" UZ0005 the key `a` is written twice
             1:2 it is written here first
             help: remove one of the two, or rename it
        on: push
        x: {y: 1, 'no': 2}

        => 1:1 "on" UZ0008 the key `on` is a boolean for programs that read YAML 1.1
             help: write "on" in quotes, or choose another name
           2:5 "y" UZ0008 the key `y` is a boolean for programs that read YAML 1.1
             help: write "y" in quotes, or choose another name
        1: a
        true: b
        null: c

        => 1:1 "1" UZ0009 a key must be a text, but `1` is a number
             help: write "1" in quotes
           2:1 "true" UZ0009 a key must be a text, but `true` is a boolean
             help: write "true" in quotes
           3:1 "null" UZ0009 a key must be a text, but `null` is null
             help: write "null" in quotes
        [a, b]: c
        ? {a: 1}
        : d
        e: f
        => 1:1 "[" UZ0009 a key must be a text, found a list
             help: write `name: value`
           2:3 "{" UZ0009 a key must be a text, found a map
             help: write `name: value`
        : x

        => 1:2 "" UZ0009 a key is missing before `:`
             help: write `name: value`
        a: &x k
        *x : b

        => 2:1 "*x" UZ0009 an alias cannot be a key
             help: write the key out
    "#]]
    .assert_eq(&table(&[
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
fn shape() {
    expect![[r#"
        name:foo

        => 1:5 ":" UZ0003 a space is missing after `:`
             help: write `name: foo`
        a: 1
        name:foo
        b: 2

        => 2:5 ":" UZ0003 a space is missing after `:`
             help: write `name: foo`
        a:
          b: 1
          cost:2
          d: 3

        => 3:7 ":" UZ0003 a space is missing after `:`
             help: write `cost: 2`
        a:
        	b: 1

        => 2:1 "\t" UZ0004 a tab is used for indentation
             help: use spaces
        a:
          b: 1
        	c: 2

        => 3:1 "\t" UZ0004 a tab is used for indentation
             help: use spaces
        a:
          b: 1
           c: 2

        => 3:4 "c: 2" UZ0003 this line is indented as a part of the value above, so it cannot be a key
             2:6 the value begins here
             help: indent it exactly as the other keys of its map
        a:
            b: 1
          c: 2

        => 3:3 "c" UZ0003 this line does not fit the map above it
             help: indent it exactly as the other keys of its map
        a:
          - b
         - c

        => 3:2 "-" UZ0003 this line does not fit the map above it
             help: indent it exactly as the other keys of its map
        a: b: c

        => 1:5 ":" UZ0003 a second `: ` on this line makes no sense
             help: put the value in quotes, or put the key on its own line
        a: 1
        just words
        b: 2

        => 2:1 "just words" UZ0003 this line is neither `key: value` nor an item of a list
             help: write `key: value`; to continue the text above, indent it more than its key
        a: "open
        b: 2

        => 1:4 "\"" UZ0003 the quotes that open here are not closed on this line
             help: close them; a text that goes on in the next line is indented more than its key
        a: 'it's'

        => 1:8 "s" UZ0003 something follows the closing quote
             help: put the whole value in one pair of quotes; within double quotes write `\"`
        a: [1, 2
        b: 3

        => 1:4 "[" UZ0003 the `[` that opens here is not closed
             2:2 no `]` came before this
             help: close it with `]`, separate what is in it with `,`
        a: {b: 1
        c: 2

        => 1:4 "{" UZ0003 the `{` that opens here is not closed
             2:2 no `}` came before this
             help: close it with `}`, separate what is in it with `,`
        a: @b

        => 1:4 "@" UZ0003 a value cannot begin with this character
             help: put the value in quotes
        a: `b`

        => 1:4 "`" UZ0003 a value cannot begin with this character
             help: put the value in quotes
        a: %b

        => 1:4 "%" UZ0003 a value cannot begin with this character
             help: put the value in quotes
        a: *b

        => 1:4 "*" UZ0003 an alias names an anchor that does not exist
             help: write `&name` before the value to repeat; a text that begins with `*` needs quotes
        a: "\d"

        => 1:4 "\"" UZ0003 an escape that does not exist in quoted text
             help: write `\\` for a backslash, or use single quotes
        a: - b

        => 1:4 "-" UZ0003 a list cannot begin on this line
             help: put the `- ` on the next line, indented
        a: | text

        => 1:4 "|" UZ0003 the line of `|` or `>` can hold nothing else
             help: put the text on the next line, indented
        a: ]

        => 1:4 "]" UZ0003 a bracket closes nothing
             help: remove it, or put the value in quotes
        a: "x" y

        => 1:8 "y" UZ0003 something follows the closing quote
             help: put the whole value in one pair of quotes; within double quotes write `\"`
        a: &x [*x]

        => 1:8 "*x" UZ0003 `*x` stands inside of what it repeats
             help: an alias can only repeat a value that ended before it
        a: "\u12"

        => 1:4 "\"" UZ0003 an escape lacks its hexadecimal digits
             help: write `\x41`, `\u0041` or `\U00000041`
        a: !b c

        => 1:4 "!b" UZ0014 the tag `!b` means nothing here
             help: remove it; `!!str`, `!!int`, `!!float`, `!!bool`, `!!null`, `!!seq` and `!!map` are known
        a: !!int c
        d: !!map [1]
        e: !!binary x

        => 1:4 "!!int" UZ0014 `c` cannot be read as `!!int`
             help: remove the tag
           2:4 "!!map" UZ0014 the tag `!!map` does not fit a list
             help: remove the tag
           3:4 "!!binary" UZ0014 the tag `!!binary` means nothing here
             help: remove it; `!!str`, `!!int`, `!!float`, `!!bool`, `!!null`, `!!seq` and `!!map` are known
        a: .inf
        b: 99999999999999999999
        c: 1e999
        d: .nan

        => 1:4 ".inf" UZ1003 `.inf` is not a number that JSON has
             help: if a text is meant, write ".inf"
           2:4 "99999999999999999999" UZ1003 `99999999999999999999` does not fit in 64 bits
             help: if a text is meant, write "99999999999999999999"
           3:4 "1e999" UZ1003 `1e999` is too large for a 64-bit float
             help: if a text is meant, write "1e999"
           4:4 ".nan" UZ1003 `.nan` is not a number that JSON has
             help: if a text is meant, write ".nan"
        a: 1
        <<: 5

        => 2:5 "5" UZ0003 `<<` takes a map or a list of maps, found an integer
             help: write `<<: *name`
        a: &a {b: 1}
        c:
          <<: *a
          <<: *a

        => 4:3 "<<" UZ0005 the key `<<` is written twice
             help: write `<<: [*a, *b]`
        a: some text
          more: x

        => 2:3 "more: x" UZ0003 this line is indented as a part of the value above, so it cannot be a key
             1:4 the value begins here
             help: indent it exactly as the other keys of its map
        nodes:
          a: [x,
          b: 1
        c: 2

        => 2:6 "[" UZ0003 the `[` that opens here is not closed
             3:3 no `]` came before this
             help: close it with `]`, separate what is in it with `,`
        with: {
          a: 1
          b: 2
        }

        => 3:3 "" UZ0003 a `,` is missing before this line
             1:7 within `{` and `}`, commas separate
             help: end the line above with `,`
        x-a: &a
          k: 1
        	b: 2

        => 3:1 "\t" UZ0004 a tab is used for indentation
             help: use spaces
    "#]]
    .assert_eq(&table(&[
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
        "a: &a {b: 1}\nc:\n  <<: *a\n  <<: *a\n",
        "a: some text\n  more: x\n",
        "nodes:\n  a: [x,\n  b: 1\nc: 2\n",
        "with: {\n  a: 1\n  b: 2\n}\n",
        "x-a: &a\n  k: 1\n\tb: 2\n",
    ]));
}

#[test]
fn documents() {
    expect![[r#"

        => 1:1 "" UZ0011 the document is empty
             help: begin with `version: 1`, `name:` and `nodes:`
        # only words

        => 1:1 "" UZ0011 the document is empty
             help: begin with `version: 1`, `name:` and `nodes:`
        ---

        => 1:1 "" UZ0011 the document is empty
             help: begin with `version: 1`, `name:` and `nodes:`
        a: 1
        ---
        b: 2

        => 2:1 "---" UZ0012 a second document begins here
             help: write one app per file: remove `---` and what follows
        a: 1
        ...
        b: 2

        => 3:1 "" UZ0012 a second document begins here
             help: write one app per file: remove `---` and what follows
        a: ␀

        => 1:4 "\0" UZ0003 a NUL character
             help: remove it
    "#]]
    .assert_eq(&table(&["", "# only words\n", "---\n", "a: 1\n---\nb: 2\n", "a: 1\n...\nb: 2\n", "a: \u{0}\n"]));
}

//! Small texts that are hard, each with what becomes of it.

#![expect(clippy::too_many_lines, reason = "tables of texts")]

use expect_test::expect;

use super::formatted;

/// Texts with their results, so that they can be read side by side.
fn table(cases: &[&str]) -> String {
    // A snapshot keeps no line of spaces only, so that such a line is made visible.
    let visible = |line: &str| if line.trim().is_empty() { line.replace(' ', "·") } else { line.to_owned() };
    let lines = |text: &str| text.split('\n').map(visible).collect::<Vec<_>>().join("\n");
    let line = |text: &str| lines(text).replace('\t', "→").replace('\r', "␍").replace('\u{feff}', "⌘");
    cases
        .iter()
        .map(|case| format!("{}\n=>\n{}---\n", line(case).trim_end_matches('\n'), line(&formatted(case).unwrap())))
        .collect()
}

#[test]
fn indentation() {
    expect![[r#"
        a:
            b:
                c: 1
            d: 2
        =>
        a:
          b:
            c: 1
          d: 2
        ---
        a:
        - b
        -   c: 1
            d: 2
        - - x
          -   e: 1
              f: 2
        =>
        a:
          - b
          - c: 1
            d: 2
          - - x
            - e: 1
              f: 2
        ---
        a:
         - b
         -
           c: 1
         -
          - d
        =>
        a:
          - b
          - c: 1
          - - d
        ---
        a   :  1
        b:
          text
        c:
          - [  ]
          - {   }
          - -1
        =>
        a: 1
        b: text
        c:
          - []
          - {}
          - -1
        ---
        ? a
        : b
        ? c
        :
          - d
        ? e
        =>
        a: b
        c:
          - d
        e:
        ---
        a: one
          two


          three
        b: 'one

              two'
        c: "one \
           two\
           \ three"
        =>
        a: one
          two


          three
        b: "one

          two"
        c: "one \
          two\
          \ three"
        ---
        a: |
              text
                more

              end
        b: >-
         text
        c: |2
            text
           less
        d:
        - |1+
          x


        e: |+


        f: >
        =>
        a: |
          text
            more

          end
        b: >-
          text
        c: |2
            text
           less
        d:
          - |1+
            x


        e: |+


        f: >
        ---
        a: &x
              b: 1
        c: !!map &y
          d: *x
        e: &z [ 1 ]
        f: &w
        g: !!str
        h: { <<: *y , i: *z }
        j:
          <<:   *x
        =>
        a: &x
          b: 1
        c: !!map &y
          d: *x
        e: &z [1]
        f: &w
        g: !!str
        h: { <<: *y, i: *z }
        j:
          <<: *x
        ---
        { a: 1 }
        =>
        { a: 1 }
        ---
        - a
        -   - b
        =>
        - a
        - - b
        ---
        %YAML 1.2
        ---  # why
        a: 1
        ...
        # end
        =>
        %YAML 1.2
        --- # why
        a: 1
        ...
        # end
        ---
        ⌘a: 1␍
        b: |␍
          x␍
          y␍
        # c␍
        =>
        a: 1
        b: |
          x
          y
        # c
        ---
        a: 1
        =>
        a: 1
        ---



        # c



        a: 1



        b: 2
        ··
        →
        =>
        # c

        a: 1

        b: 2
        ---
    "#]].assert_eq(&table(&[
        "a:\n    b:\n        c: 1\n    d: 2\n",
        "a:\n- b\n-   c: 1\n    d: 2\n- - x\n  -   e: 1\n      f: 2\n",
        "a:\n - b\n -\n   c: 1\n -\n  - d\n",
        "a   :  1\nb:\n  text\nc:\n  - [  ]\n  - {   }\n  - -1\n",
        "? a\n: b\n? c\n:\n  - d\n? e\n",
        "a: one\n  two\n\n\n  three\nb: 'one\n\n      two'\nc: \"one \\\n   two\\\n   \\ three\"\n",
        "a: |\n      text\n        more\n\n      end\nb: >-\n text\nc: |2\n    text\n   less\nd:\n- |1+\n  x\n\n\ne: |+\n\n\nf: >\n",
        "a: &x\n      b: 1\nc: !!map &y\n  d: *x\ne: &z [ 1 ]\nf: &w\ng: !!str\nh: { <<: *y , i: *z }\nj:\n  <<:   *x\n",
        "{ a: 1 }\n",
        "- a\n-   - b\n",
        "%YAML 1.2\n---  # why\na: 1\n...\n# end\n",
        "\u{feff}a: 1\r\nb: |\r\n  x\r\n  y\r\n# c\r\n",
        "a: 1",
        "\n\n\n# c\n\n\n\na: 1\n\n\n\nb: 2\n  \n\t\n",
    ]));
}

#[test]
fn comments() {
    expect![[r#"
        # one

        # two
        ---
        # three
        a: 1 # four
        # five
        =>
        # one

        # two
        ---
        # three
        a: 1 # four
        # five
        ---
        a: # one
          # two
          b: 1   # three

              # four
          # five
        # six
        c:
          # seven
        d: 1
          # eight
        =>
        a: # one
          # two
          b: 1 # three

          # four
          # five
        # six
        c:
          # seven
        d: 1
        # eight
        ---
        a:
        - b # one
        # two
        - c
        # three
        d: 1
        =>
        a:
          - b # one
          # two
          - c
        # three
        d: 1
        ---
        a:
          # one
          text
        b: # two
          'text' # three
        c: &x # four
          d: 1
        =>
        a:
          # one
          text
        b: # two
          text # three
        c: &x # four
          d: 1
        ---
        - # one
          a: 1
        -
          # two
          b: 2
        # three
        - - # four
            c
        =>
        - # one
          a: 1
        -
          # two
          b: 2
        # three
        - - # four
            c
        ---
        a: | # one
          # text
         # two
        b: >-  # three
          text

        # four
        =>
        a: | # one
          # text
        # two
        b: >- # three
          text

        # four
        ---
        a:
            - 1
            # in the list
          # in the map
        # of b
        b: 1
        =>
        a:
          - 1
          # in the list
        # in the map
        # of b
        b: 1
        ---
        one: 1      # aligned
        twelve: 12  # aligned

        three: 3  #   alone
        four: 4        # not aligned
        =>
        one: 1     # aligned
        twelve: 12 # aligned

        three: 3 #   alone
        four: 4 # not aligned
        ---
        ? a # one
        # two
        : # three
          b
        ? # four
          c
        : d
        =>
        a: # one
          # two
          # three
          b
        # four
        c: d
        ---
        a: { # one
          b: 1, # two
          # three
          c: [ 1, # four
            2 ], d: { } # five
          } # six
        e: [ # seven
         ]
        =>
        a: # one
          b: 1 # two
          # three
          c:
            - 1 # four
            - 2
          d: {} # five
        # six
        e: [] # seven
        ---
        a: 1 #one
        b: 2 #
        #three
        #! four
        =>
        a: 1 #one
        b: 2 #
        #three
        #! four
        ---
        nodes:
          a: 1

          # b: 2

          # c: 3

        output: 1
        =>
        nodes:
          a: 1

          # b: 2

          # c: 3

        output: 1
        ---
    "#]]
    .assert_eq(&table(&[
        "# one\n\n# two\n---\n# three\na: 1 # four\n# five\n",
        "a: # one\n  # two\n  b: 1   # three\n\n      # four\n  # five\n# six\nc:\n  # seven\nd: 1\n  # eight\n",
        "a:\n- b # one\n# two\n- c\n# three\nd: 1\n",
        "a:\n  # one\n  text\nb: # two\n  'text' # three\nc: &x # four\n  d: 1\n",
        "- # one\n  a: 1\n-\n  # two\n  b: 2\n# three\n- - # four\n    c\n",
        "a: | # one\n  # text\n # two\nb: >-  # three\n  text\n\n# four\n",
        "a:\n    - 1\n    # in the list\n  # in the map\n# of b\nb: 1\n",
        "one: 1      # aligned\ntwelve: 12  # aligned\n\nthree: 3  #   alone\nfour: 4        # not aligned\n",
        "? a # one\n# two\n: # three\n  b\n? # four\n  c\n: d\n",
        "a: { # one\n  b: 1, # two\n  # three\n  c: [ 1, # four\n    2 ], d: { } # five\n  } # six\ne: [ # seven\n ]\n",
        "a: 1 #one\nb: 2 #\n#three\n#! four\n",
        "nodes:\n  a: 1\n\n  # b: 2\n\n  # c: 3\n\noutput: 1\n",
    ]));
}

#[test]
fn quotes() {
    expect![[r##"
        a: yes
        b: no
        c: On
        d: off
        e: y
        f: N
        g: [yes, 'true', "null", true, ~]
        =>
        a: "yes"
        b: "no"
        c: "On"
        d: "off"
        e: "y"
        f: "N"
        g: ["yes", "true", "null", true, ~]
        ---
        a: ${{ x }}
        b: to ${{ x }}
        c: a {{ b }}
        d: "{{ x }}"
        e: '${{ x }}'
        f: ${{ a == "b" }}
        g: ${{ 'a' ~ "b" }}
        =>
        a: "${{ x }}"
        b: "to ${{ x }}"
        c: "a {{ b }}"
        d: "{{ x }}"
        e: "${{ x }}"
        f: '${{ a == "b" }}'
        g: "${{ 'a' ~ \"b\" }}"
        ---
        a: 'plain'
        b: "it's"
        c: 'say "hi"'
        d: "say \"hi\""
        e: 'it''s: so'
        f: 'C:\x'
        g: "\u00e9\t"
        h: "tab\there"
        i: '→'
        =>
        a: plain
        b: it's
        c: 'say "hi"'
        d: "say \"hi\""
        e: "it's: so"
        f: 'C:\x'
        g: "\u00e9\t"
        h: "tab\there"
        i: "\t"
        ---
        a: ' lead'
        b: 'trail '
        c: ''
        d: ""
        e: '- x'
        f: '#x'
        g: 'x #y'
        h: 'x: y'
        i: 'x:y'
        j: 'x:'
        k: '@x'
        l: '%x'
        m: '`x'
        =>
        a: " lead"
        b: "trail "
        c: ""
        d: ""
        e: "- x"
        f: "#x"
        g: "x #y"
        h: "x: y"
        i: "x:y"
        j: "x:"
        k: "@x"
        l: "%x"
        m: "`x"
        ---
        a: '1'
        b: '1.5'
        c: '1e3'
        d: '0x1'
        e: '1_000'
        f: 1_000
        g: 12:30
        h: 2026-03-02
        i: '15m'
        j: '1.2.3'
        k: 0b1
        l: .5
        m: '012'
        o: -.inf x
        =>
        a: "1"
        b: "1.5"
        c: "1e3"
        d: "0x1"
        e: "1_000"
        f: "1_000"
        g: "12:30"
        h: "2026-03-02"
        i: "15m"
        j: "1.2.3"
        k: "0b1"
        l: .5
        m: "012"
        o: -.inf x
        ---
        a: { b: 'x, y', c: "x?", d: 'x', e: http://x:8/y, f: 'a [b]', g: a|b, h: "", i: x, }
        =>
        a: { b: "x, y", c: "x?", d: x, e: http://x:8/y, f: "a [b]", g: a|b, h: "", i: x }
        ---
        "a": 1
        'b c': 2
        "on": 3
        '1': 4
        "x: y": 5
        "<<": 6
        "d?": { "e?": 7 }
        =>
        a: 1
        b c: 2
        "on": 3
        "1": 4
        "x: y": 5
        "<<": 6
        d?: { "e?": 7 }
        ---
        a: <<
        b: =
        c: ==
        d: -x
        e: ?x
        f: :x
        g: ~/x
        h: ...
        i: a...
        =>
        a: "<<"
        b: "="
        c: ==
        d: -x
        e: ?x
        f: :x
        g: ~/x
        h: "..."
        i: a...
        ---
        a: string | null
        b: docs/**/*.md
        c: "string | null"
        d: 5%
        e: a & b
        f: x!y
        g: POST https://x.y/z
        =>
        a: string | null
        b: docs/**/*.md
        c: "string | null"
        d: 5%
        e: a & b
        f: x!y
        g: POST https://x.y/z
        ---
        a: first ${{ x }}
          and more
        b: 'first
          it''s

          more'
        c: 'a
          "b"'
        d: [ one
          two, 'three

          four' ]
        =>
        a: "first ${{ x }}
          and more"
        b: "first
          it's

          more"
        c: 'a
          "b"'
        d: [one two, "three\nfour"]
        ---
        a: " "
        b: 'x y'
        c: x y
        d: éè
        =>
        a: " "
        b: "x y"
        c: "x\u2028y"
        d: éè
        ---
    "##]].assert_eq(&table(&[
        "a: yes\nb: no\nc: On\nd: off\ne: y\nf: N\ng: [yes, 'true', \"null\", true, ~]\n",
        "a: ${{ x }}\nb: to ${{ x }}\nc: a {{ b }}\nd: \"{{ x }}\"\ne: '${{ x }}'\nf: ${{ a == \"b\" }}\ng: ${{ 'a' ~ \"b\" }}\n",
        "a: 'plain'\nb: \"it's\"\nc: 'say \"hi\"'\nd: \"say \\\"hi\\\"\"\ne: 'it''s: so'\nf: 'C:\\x'\ng: \"\\u00e9\\t\"\nh: \"tab\\there\"\ni: '\t'\n",
        "a: ' lead'\nb: 'trail '\nc: ''\nd: \"\"\ne: '- x'\nf: '#x'\ng: 'x #y'\nh: 'x: y'\ni: 'x:y'\nj: 'x:'\nk: '@x'\nl: '%x'\nm: '`x'\n",
        "a: '1'\nb: '1.5'\nc: '1e3'\nd: '0x1'\ne: '1_000'\nf: 1_000\ng: 12:30\nh: 2026-03-02\ni: '15m'\nj: '1.2.3'\nk: 0b1\nl: .5\nm: '012'\no: -.inf x\n",
        "a: { b: 'x, y', c: \"x?\", d: 'x', e: http://x:8/y, f: 'a [b]', g: a|b, h: \"\", i: x, }\n",
        "\"a\": 1\n'b c': 2\n\"on\": 3\n'1': 4\n\"x: y\": 5\n\"<<\": 6\n\"d?\": { \"e?\": 7 }\n",
        "a: <<\nb: =\nc: ==\nd: -x\ne: ?x\nf: :x\ng: ~/x\nh: ...\ni: a...\n",
        "a: string | null\nb: docs/**/*.md\nc: \"string | null\"\nd: 5%\ne: a & b\nf: x!y\ng: POST https://x.y/z\n",
        "a: first ${{ x }}\n  and more\nb: 'first\n  it''s\n\n  more'\nc: 'a\n  \"b\"'\nd: [ one\n  two, 'three\n\n  four' ]\n",
        "a: \"\u{a0}\"\nb: 'x\u{a0}y'\nc: x\u{2028}y\nd: \u{e9}\u{e8}\n",
    ]));
}

#[test]
fn brackets() {
    let long = "a long text that takes its part of the line";
    let cases = [
        "a: {b: 1,c: [1,2 , 3],d: {}}\n".to_owned(),
        "a: [ b: 1, c, {d: }, {e} , \"f\":2, ? g : 3 ]\n".to_owned(),
        "a: {\n  b: 1,\n\n  c: 2\n}\n".to_owned(),
        format!("a: {{ b: \"{long}\", c: \"{long}\", d: \"x, y\", e: \"z?\", f: {{ g: 1 }} }} # why\nh: 1\n"),
        format!(
            "a:\n  - {{ b: {{ c: \"{long}, and\", d: \"{long}\" }}, e: closed }} # why\n  - [ [\"{long}\", \"{long}\", \"{long}\"] ] # so\n"
        ),
        format!("{{ a: {long}, b: {long},\n\n c: &x [{long}, {long}, {long}], d: *x }}\n"),
        "{ a: 1, # one\n b: { c: , d: } , e: !!str , f: &x , g: *x }\n".to_owned(),
    ];
    expect![[r#"
        a: {b: 1,c: [1,2 , 3],d: {}}
        =>
        a: { b: 1, c: [1, 2, 3], d: {} }
        ---
        a: [ b: 1, c, {d: }, {e} , "f":2, ? g : 3 ]
        =>
        a: [{ b: 1 }, c, { d: null }, { e: null }, { f: 2 }, { g: 3 }]
        ---
        a: {
          b: 1,

          c: 2
        }
        =>
        a: { b: 1, c: 2 }
        ---
        a: { b: "a long text that takes its part of the line", c: "a long text that takes its part of the line", d: "x, y", e: "z?", f: { g: 1 } } # why
        h: 1
        =>
        a: # why
          b: a long text that takes its part of the line
          c: a long text that takes its part of the line
          d: x, y
          e: z?
          f: { g: 1 }
        h: 1
        ---
        a:
          - { b: { c: "a long text that takes its part of the line, and", d: "a long text that takes its part of the line" }, e: closed } # why
          - [ ["a long text that takes its part of the line", "a long text that takes its part of the line", "a long text that takes its part of the line"] ] # so
        =>
        a:
          # why
          - b: { c: "a long text that takes its part of the line, and", d: a long text that takes its part of the line }
            e: closed
          # so
          - - - a long text that takes its part of the line
              - a long text that takes its part of the line
              - a long text that takes its part of the line
        ---
        { a: a long text that takes its part of the line, b: a long text that takes its part of the line,

         c: &x [a long text that takes its part of the line, a long text that takes its part of the line, a long text that takes its part of the line], d: *x }
        =>
        a: a long text that takes its part of the line
        b: a long text that takes its part of the line

        c: &x
          - a long text that takes its part of the line
          - a long text that takes its part of the line
          - a long text that takes its part of the line
        d: *x
        ---
        { a: 1, # one
         b: { c: , d: } , e: !!str , f: &x , g: *x }
        =>
        a: 1 # one
        b: { c: null, d: null }
        e: !!str
        f: &x
        g: *x
        ---
    "#]].assert_eq(&table(&cases.each_ref().map(String::as_str)));
}

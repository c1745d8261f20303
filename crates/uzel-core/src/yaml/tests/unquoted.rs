//! Expressions in braces without quotes, the commonest mistake of all.

use expect_test::expect;

use super::mistakes::table;

#[test]
fn braces() {
    expect![[r#"
        nodes:
          a:
            prompt: {{ x }}

        => 3:13 "{{ x }}" UZ0010 an expression in braces must be in quotes here
             3:13 YAML takes an unquoted `{` for the start of a map
             help: write "{{ x }}"
        prompt: {{ x.y | upper }} and more

        => 1:9 "{{ x.y | upper }} and more" UZ0010 an expression in braces must be in quotes here
             1:9 YAML takes an unquoted `{` for the start of a map
             help: write "{{ x.y | upper }} and more"
        a: 1
        with: { id: ${{ x }} }

        => 2:13 "${{ x }}" UZ0010 an expression in braces must be in quotes here
             2:14 YAML takes an unquoted `{` for the start of a map
             help: write "${{ x }}"
        with: { id: ${{ f(a, "b") }}, n: 1 }

        => 1:13 "${{ f(a, \"b\") }}" UZ0010 an expression in braces must be in quotes here
             1:14 YAML takes an unquoted `{` for the start of a map
             help: write '${{ f(a, "b") }}'
        with: { id: pre {{ x }} }

        => 1:13 "pre {{ x }}" UZ0010 an expression in braces must be in quotes here
             1:17 YAML takes an unquoted `{` for the start of a map
             help: write "pre {{ x }}"
        - {{ x }}
        - {{ y }}

        => 1:3 "{{ x }}" UZ0010 an expression in braces must be in quotes here
             1:3 YAML takes an unquoted `{` for the start of a map
             help: write "{{ x }}"
           2:3 "{{ y }}" UZ0010 an expression in braces must be in quotes here
             2:3 YAML takes an unquoted `{` for the start of a map
             help: write "{{ y }}"
        prompt: Hello {{ name }}: welcome

        => 1:9 "Hello {{ name }}: welcome" UZ0010 an expression in braces must be in quotes here
             1:15 YAML takes an unquoted `{` for the start of a map
             help: write "Hello {{ name }}: welcome"
        with: [ ${{ a['b'] }} ]

        => 1:9 "${{ a['b'] }}" UZ0010 an expression in braces must be in quotes here
             1:10 YAML takes an unquoted `{` for the start of a map
             help: write "${{ a['b'] }}"
        {{ x }}
        => 1:1 "{{ x }}" UZ0010 an expression in braces must be in quotes here
             1:1 YAML takes an unquoted `{` for the start of a map
             help: write "{{ x }}"
        by: {{ x }}
        text: {{ y }} z

        => 1:5 "{{ x }}" UZ0010 an expression in braces must be in quotes here
             1:5 YAML takes an unquoted `{` for the start of a map
             help: write "{{ x }}"
           2:7 "{{ y }} z" UZ0010 an expression in braces must be in quotes here
             2:7 YAML takes an unquoted `{` for the start of a map
             help: write "{{ y }} z"
    "#]]
    .assert_eq(&table(&[
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

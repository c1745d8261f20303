//! Tables of expressions: what they give, what they say, and that no source is too strange.
#![allow(clippy::unwrap_used, clippy::too_many_lines, reason = "tests: tables, and a panic is a failure")]

use std::{fmt::Write as _, sync::Arc};

use expect_test::{Expect, expect};
use serde_json::{Value, json};

use super::{Binding, Expression, Scope, Template, TypeScope};
use crate::{
    diagnostic::Diagnostics,
    source::{SourceId, Span},
    yaml::{self, Data, Text, Tree},
};

mod agreement;
mod includes;
mod inference;
mod strange;

/// A text as it is read from a document, with quotes and escapes, so that places are mapped back.
fn text(value: &str) -> Text {
    let mut out = Diagnostics::default();
    let tree = yaml::parse(SourceId(0), &document(value), &mut out).expect("a quoted text is a document");
    assert!(out.is_empty(), "{out:?}");
    tree.as_text().expect("a quoted text is a text").clone()
}

fn document(value: &str) -> String {
    serde_json::to_string(value).expect("a text is JSON")
}

/// The same without a document, for texts that YAML would refuse.
fn loose(value: &str) -> Text {
    Text::synthetic(value, Span::new(SourceId(0), 0..value.len()))
}

fn tree(value: &str) -> Tree {
    let text = text(value);
    Tree { span: text.span, data: Data::Text(text) }
}

fn scope() -> Scope {
    Scope::new()
        .with(
            "order",
            Arc::new(json!({"id": "A-1", "lines": [{"n": 2, "cents": 150}, {"n": 1, "cents": 50}], "note": null})),
        )
        .with(
            "classify",
            Arc::new(json!({"category": "refund", "confidence": 0.4, "big": 18_446_744_073_709_551_615_u64})),
        )
        .with("approve", Arc::new(json!(null)))
        .with("name", Arc::new(json!("Łucja")))
        .with("none_list", Arc::new(json!([null, "a"])))
        .with("i", Arc::new(json!(1)))
}

/// One line per diagnostic: code, the text it points at, message, help.
fn said(source: &str, out: &Diagnostics) -> String {
    let mut lines = String::new();
    for d in out {
        let document = document(source);
        let at = d.at.map_or("", |s| document.get(s.start as usize..s.end as usize).unwrap_or("?"));
        let at = at.replace("\\\"", "\"");
        let _ = write!(lines, "\n      {} [{at}] {}", d.code, d.message);
        for label in &d.labels {
            let _ = write!(lines, " <{}>", label.text);
        }
        if let Some(help) = &d.help {
            let _ = write!(lines, " -- {help}");
        }
    }
    lines
}

fn table(sources: &[&str], run: impl Fn(&str, &mut Diagnostics) -> Option<String>, expected: Expect) {
    let mut report = String::new();
    for source in sources {
        let mut out = Diagnostics::default();
        let result = run(source, &mut out).unwrap_or_default();
        let _ = writeln!(report, "{source} => {result}{}", said(source, &out));
    }
    expected.assert_eq(&report);
}

fn evaluated(source: &str, out: &mut Diagnostics) -> Option<String> {
    let expression = Expression::parse(&text(source), out)?;
    Some(match expression.evaluate(&scope()) {
        Ok(value) => value.to_string(),
        Err(failure) => format!("FAILS {failure}"),
    })
}

fn rendered(source: &str, out: &mut Diagnostics) -> Option<String> {
    let template = Template::parse(&text(source), out)?;
    Some(match template.render(&scope()) {
        Ok(value) => format!("{value:?}"),
        Err(failure) => format!("FAILS {failure}"),
    })
}

fn bound(source: &str, out: &mut Diagnostics) -> Option<String> {
    let binding = Binding::parse(&tree(source), out)?;
    Some(match binding.evaluate(&scope()) {
        Ok(value) => value.to_string(),
        Err(failure) => format!("FAILS {failure}"),
    })
}

#[test]
fn values() {
    table(
        &[
            "order",
            "order.lines[1]",
            "order.lines[0].n + 1",
            "order.lines.0.cents / 100",
            "order['id'][0]",
            "order.lines[i].n",
            "order.lines[-1].n",
            "order.lines[:1]",
            "order.lines | length",
            "order.lines | map(attribute='cents') | sum",
            "order.lines | selectattr('n', '>', 1) | list",
            "classify.category if classify.confidence >= 0.6 else \"unsure\"",
            "'a' if false",
            "classify.big",
            "classify.big + 1",
            "classify.missing",
            "classify.missing.deeper",
            "classify.missing | default('d')",
            "classify.missing is defined",
            "classify.missing or 'd'",
            "not classify.missing",
            "approve.form.x",
            "approve.form['x'].y[0]",
            "approve.form is none",
            "approve.form == none",
            "approve.form.x | default(7)",
            "order.note or 'none'",
            "order.note | d('nothing')",
            "not approve or approve.action == \"approve\"",
            "unknown_root",
            "name ~ '!' | upper",
            "{'a': [1, 2.5, none], 'b': {'c': name}}",
            "{'a': 1}.a",
            "[order.lines, classify.category]",
            "order | tojson | from_json == order",
            "1 / 0",
            "'a' + 1",
            "1 < 2 < 3",
            "'x' not in order.id",
            "order.lines[0].n is not odd",
            "none_list[0].x",
            "order.id[0:1]",
            "name[0]",
            "range(3) | list",
            "${{ i + 1 }}",
            "range(99999) | list | length",
            "'x' * 1000000000",
            "[0] * 100000000",
            "2 ** 5000",
            "1.5 | round",
            "7 // 2",
        ],
        evaluated,
        expect![[r#"
            order => {"id":"A-1","lines":[{"n":2,"cents":150},{"n":1,"cents":50}],"note":null}
            order.lines[1] => {"n":1,"cents":50}
            order.lines[0].n + 1 => 3
            order.lines.0.cents / 100 => 1.5
            order['id'][0] => "A"
            order.lines[i].n => 1
            order.lines[-1].n => 1
            order.lines[:1] => [{"n":2,"cents":150}]
            order.lines | length => 2
            order.lines | map(attribute='cents') | sum => 200
            order.lines | selectattr('n', '>', 1) | list => [{"n":2,"cents":150}]
            classify.category if classify.confidence >= 0.6 else "unsure" => "unsure"
            'a' if false => null
            classify.big => 18446744073709551615
            classify.big + 1 => FAILS code: the expression `classify.big + 1` gives a number that is infinite, not a number or beyond 64 bits
            classify.missing => FAILS code: `classify.missing` is undefined
            classify.missing.deeper => FAILS code: `classify.missing.deeper` is undefined
            classify.missing | default('d') => "d"
            classify.missing is defined => false
            classify.missing or 'd' => "d"
            not classify.missing => true
            approve.form.x => null
            approve.form['x'].y[0] => null
            approve.form is none => true
            approve.form == none => true
            approve.form.x | default(7) => 7
            order.note or 'none' => "none"
            order.note | d('nothing') => "nothing"
            not approve or approve.action == "approve" => true
            unknown_root => FAILS code: `unknown_root` is undefined
            name ~ '!' | upper => "Łucja!"
            {'a': [1, 2.5, none], 'b': {'c': name}} => {"a":[1,2.5,null],"b":{"c":"Łucja"}}
            {'a': 1}.a => 1
            [order.lines, classify.category] => [[{"n":2,"cents":150},{"n":1,"cents":50}],"refund"]
            order | tojson | from_json == order => true
            1 / 0 => FAILS code: the expression `1 / 0` failed: unable to calculate 1 / 0
            'a' + 1 => FAILS code: the expression `'a' + 1` failed: tried to use + operator on unsupported types string and number
            1 < 2 < 3 => true
            'x' not in order.id => true
            order.lines[0].n is not odd => true
            none_list[0].x => null
            order.id[0:1] => "A"
            name[0] => "Ł"
            range(3) | list => [0,1,2]
            ${{ i + 1 }} => 2
            range(99999) | list | length => 99999
            'x' * 1000000000 => FAILS limit: the expression `'x' * 1000000000` used up its 200000 units of fuel
            [0] * 100000000 => FAILS limit: the expression `[0] * 100000000` gives more than 16 MB
            2 ** 5000 => FAILS code: the expression `2 ** 5000` failed: unable to calculate 2 ** 5000
            1.5 | round => 2.0
            7 // 2 => 3
        "#]],
    );
}

#[test]
fn syntax_errors() {
    table(
        &[
            "",
            "a +",
            "{{ order.id }}",
            "${{ order.id }} and more",
            "${{ order.id",
            "order.id && i",
            "order.id.upper()",
            "foo(1)",
            "length(order)",
            "order | lenght",
            "order is nonee",
            "order | map('uper')",
            "order | selectattr('n', 'evn')",
            "a b",
            "'open",
            "order.lines[",
            "x | safe",
            "${{ 'a }}' }}",
        ],
        evaluated,
        expect![[r#"
             => 
                  UZ2001 [""] an expression is missing -- write one, such as `order.total > 100`, or remove the key
            a + => 
                  UZ2001 [+] this cannot be read: unexpected end of input, expected expression
            {{ order.id }} => 
                  UZ2002 ["{{ order.id }}"] an expression stands here without braces -- write `order.id`
            ${{ order.id }} and more => 
                  UZ2002 ["${{ order.id }} and more"] text around `${{ }}` makes a text of it; an expression is wanted here -- write one expression without braces; `~` joins texts
            ${{ order.id => 
                  UZ2001 ["${{ order.id"] `${{` is not closed by `}}` -- add `}}`, or write the expression without braces
            order.id && i => 
                  UZ2001 [&] this cannot be read: unexpected character -- write `and` instead of `&&`
            order.id.upper() => 
                  UZ2003 [order.id.upper()] values have no methods: there is no `.upper()` -- write `| upper`
            foo(1) => 
                  UZ2003 [foo(1)] there is no function `foo`
            length(order) => 
                  UZ2003 [length(order)] there is no function `length` -- `length` is a filter: write `value | length`
            order | lenght => 
                  UZ2003 [lenght] there is no filter `lenght` -- did you mean `length`?
            order is nonee => 
                  UZ2003 [nonee] there is no test `nonee` -- did you mean `none`?
            order | map('uper') => 
                  UZ2003 [uper] there is no filter `uper` -- did you mean `upper`?
            order | selectattr('n', 'evn') => 
                  UZ2003 [evn] there is no test `evn` -- did you mean `even`, `eq` or `in`?
            a b => 
                  UZ2001 [b] this cannot be read: unexpected input after expression
            'open => 
                  UZ2001 ['open] this cannot be read: unexpected end of string
            order.lines[ => 
                  UZ2001 [[] this cannot be read: unexpected end of input, expected expression
            x | safe => 
                  UZ2003 [safe] there is no filter `safe`
            ${{ 'a }}' }} => "a }}"
        "#]],
    );
}

#[test]
fn templates() {
    table(
        &[
            "Hello {{ name }}, {{ order.note }}.",
            "{{ order.lines[0] }} {{ true }} {{ 1.0 }} {{ order.lines | map(attribute='n') | list }}",
            "{{ classify.missing }}",
            "a {{ approve.form.x }} b",
            "{% for line in order.lines %}{{ loop.index }}:{{ line.n }} {% endfor %}",
            "{% for line in order.lines if line.n > 1 %}{{ line.cents }}{% else %}no{% endfor %}",
            "{% set x = order.lines[0] %}{{ x.n }}{% if x.n == 2 %} two{% elif x.n %} some{% endif %}",
            "{% for l in order.lines %}{{ l.wrong }}{% endfor %}",
            "{% macro m(a, b=2) %}[{{ a.n }}{{ b }}]{% endmacro %}{{ m(order.lines[0]) }}",
            "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
            "costs ${{ i }}",
            "{% include 'x' %}",
            "{% for i in range(90000) %}{{ name }} and more and more and more and more text{% endfor %}",
            "{% for a in range(1000) %}{% for b in range(1000) %}{% endfor %}{% endfor %}",
            "{% raw %}{{ x }}{% endraw %} {# note #} <&>{{ '<&>' }}",
            "{{ 'yes' if approve }}|",
            "{% if name %}open",
            "{{ order.lines[0]['n'] }}{% with y = order.id %}{{ y[0] }}{% endwith %}",
            "{% filter upper %}{{ order.id ~ name }}x{% endfilter %}",
            "{{ name",
        ],
        rendered,
        expect![[r#"
            Hello {{ name }}, {{ order.note }}. => "Hello Łucja, ."
            {{ order.lines[0] }} {{ true }} {{ 1.0 }} {{ order.lines | map(attribute='n') | list }} => "{\"n\":2,\"cents\":150} true 1.0 [2,1]"
            {{ classify.missing }} => FAILS code: `classify.missing` is undefined
            a {{ approve.form.x }} b => "a  b"
            {% for line in order.lines %}{{ loop.index }}:{{ line.n }} {% endfor %} => "1:2 2:1 "
            {% for line in order.lines if line.n > 1 %}{{ line.cents }}{% else %}no{% endfor %} => "150"
            {% set x = order.lines[0] %}{{ x.n }}{% if x.n == 2 %} two{% elif x.n %} some{% endif %} => "2 two"
            {% for l in order.lines %}{{ l.wrong }}{% endfor %} => FAILS code: `l.wrong` is undefined
            {% macro m(a, b=2) %}[{{ a.n }}{{ b }}]{% endmacro %}{{ m(order.lines[0]) }} => "[22]"
            {% macro m() %}{{ m() }}{% endmacro %}{{ m() }} => FAILS code: the expression `m()` failed: recursion limit exceeded
            costs ${{ i }} => 
                  UZ2002 [${{] `${{ }}` is for values; a prompt has `{{ }}` -- write `{{` without `$`; for a dollar sign write `{{ "$" }}{{ … }}`
            {% include 'x' %} => 
                  UZ0013 ['x'] `x` cannot be included: there are no files here
            {% for i in range(90000) %}{{ name }} and more and more and more and more text{% endfor %} => FAILS limit: the text that `{% for i in range(90000) %}{{ name }} and more and more and more and more text{…` is part of becomes longer than 1 MB
            {% for a in range(1000) %}{% for b in range(1000) %}{% endfor %}{% endfor %} => FAILS limit: the expression `{% for a in range(1000) %}{% for b in range(1000) %}{% endfor %}{% endfor %}` used up its 200000 units of fuel
            {% raw %}{{ x }}{% endraw %} {# note #} <&>{{ '<&>' }} => "{{ x }}  <&><&>"
            {{ 'yes' if approve }}| => "|"
            {% if name %}open => 
                  UZ2001 [if] `{% if %}` is not closed -- add `{% endif %}` where it ends
            {{ order.lines[0]['n'] }}{% with y = order.id %}{{ y[0] }}{% endwith %} => "2A"
            {% filter upper %}{{ order.id ~ name }}x{% endfilter %} => "A-1ŁUCJAX"
            {{ name => 
                  UZ2001 [name] this cannot be read: unexpected end of input, expected `}}`
        "#]],
    );
}

#[test]
fn bindings() {
    table(
        &[
            "plain",
            "${{ order.lines[0].n }}",
            "${{ order }}",
            "Refund ${{ order.lines[0].cents / 100 }} USD on order ${{ order.id }}?",
            "note: ${{ order.note }}.",
            "note: ${{ classify.missing }}.",
            "$${{ not this }} but ${{ i }}",
            "{{ order.id }}",
            "${{ order.id",
            "${{ '}}' }}",
            "${{ order.id }}${{ i }}",
            "a ${{ order +  }} b",
            "Ł ${{ oops( }}",
            "$ 5 {% x %}",
        ],
        bound,
        expect![[r#"
            plain => "plain"
            ${{ order.lines[0].n }} => 2
            ${{ order }} => {"id":"A-1","lines":[{"n":2,"cents":150},{"n":1,"cents":50}],"note":null}
            Refund ${{ order.lines[0].cents / 100 }} USD on order ${{ order.id }}? => "Refund 1.5 USD on order A-1?"
            note: ${{ order.note }}. => "note: ."
            note: ${{ classify.missing }}. => FAILS code: `classify.missing` is undefined
            $${{ not this }} but ${{ i }} => "${{ not this }} but 1"
            {{ order.id }} => 
                  UZ2002 [{{ order.id }}] `{{ }}` is for prompts; a value has `${{ }}` -- write `${{ order.id }}`
            ${{ order.id => 
                  UZ2001 [${{ order.id] `${{` is not closed by `}}` -- add `}}` after the expression, or write `$${{` for the characters themselves
            ${{ '}}' }} => "}}"
            ${{ order.id }}${{ i }} => "A-11"
            a ${{ order +  }} b => 
                  UZ2001 [+] this cannot be read: unexpected end of input, expected expression
            Ł ${{ oops( }} => 
                  UZ2001 [${{ oops( }}] `${{` is not closed by `}}` -- add `}}` after the expression, or write `$${{` for the characters themselves
            $ 5 {% x %} => "$ 5 {% x %}"
        "#]],
    );
}

#[test]
fn references() {
    let refs = |source: &str, out: &mut Diagnostics| {
        let template = Template::parse(&text(source), out)?;
        let shown: Vec<String> = template
            .references()
            .iter()
            .map(|r| {
                format!(
                    "{}:{}@{}",
                    r.root,
                    r.path.join("."),
                    &document(source)[r.span.start as usize..r.span.end as usize]
                )
            })
            .collect();
        Some(shown.join("  "))
    };
    table(
        &[
            "{{ nodes.x.status }} {{ a.b[0]['c'].d }} {{ a.b[i].c }}",
            "{% for d in docs.items %}{{ d.text }}{{ loop.index }}{{ e.f }}{% endfor %}{{ d.late }} {{ loop.round }}",
            "{% set x = one.y %}{{ x.z }}{% macro m(p, q=two) %}{{ p }}{{ three }}{% endmacro %}{{ m(four | default(five.six)) }}",
            "{% if (a).b and not (c | d(e)).f %}{{ a.b }}{% endif %}",
        ],
        refs,
        expect![[r"
            {{ nodes.x.status }} {{ a.b[0]['c'].d }} {{ a.b[i].c }} => nodes:x.status@nodes.x.status  a:b.0.c.d@a.b[0]['c'].d  a:b@a.b  i:@i
            {% for d in docs.items %}{{ d.text }}{{ loop.index }}{{ e.f }}{% endfor %}{{ d.late }} {{ loop.round }} => docs:items@docs.items  e:f@e.f  d:late@d.late  loop:round@loop.round
            {% set x = one.y %}{{ x.z }}{% macro m(p, q=two) %}{{ p }}{{ three }}{% endmacro %}{{ m(four | default(five.six)) }} => one:y@one.y  two:@two  three:@three  four:@four  five:six@five.six
            {% if (a).b and not (c | d(e)).f %}{{ a.b }}{% endif %} => a:b@a).b  c:@c  e:@e
        "]],
    );
}

#[test]
fn a_field_of_a_big_document_is_not_a_copy() {
    let big = "x".repeat(2_000_000);
    let document = Arc::new(json!({"text": big, "title": "t", "list": vec![json!({"v": 1}); 20_000]}));
    let scope = Scope::new().with("document", Arc::clone(&document));
    let mut out = Diagnostics::default();
    let expression = Expression::parse(&text("document.title ~ document.list[19999].v"), &mut out).unwrap();
    // A copy of the document for each of these would take minutes.
    for _ in 0..2_000 {
        assert_eq!(expression.evaluate(&scope).unwrap(), json!("t1"));
    }
    let whole = Expression::parse(&text("document"), &mut out).unwrap();
    assert_eq!(whole.evaluate(&scope).unwrap(), *document);
}

#[test]
fn removed_names_are_really_gone_and_offered_ones_exist() {
    use super::engine::ENGINE;
    for filter in super::table::FILTERS {
        let source = format!("1 | {}", filter.name);
        let error = ENGINE.compile_expression(&source).unwrap().eval(()).err().map(|e| e.kind());
        assert_ne!(error, Some(minijinja::ErrorKind::UnknownFilter), "{}", filter.name);
    }
    for test in super::table::TESTS.iter().map(|test| test.name).filter(|name| name.starts_with(char::is_alphabetic)) {
        let error = ENGINE.compile_expression(&format!("1 is {test}")).unwrap().eval(()).err().map(|e| e.kind());
        assert_ne!(error, Some(minijinja::ErrorKind::UnknownTest), "{test}");
    }
    for name in super::table::REMOVED_FILTERS {
        let error = ENGINE.compile_expression(&format!("1 | {name}")).unwrap().eval(()).unwrap_err().kind();
        assert_eq!(error, minijinja::ErrorKind::UnknownFilter, "{name}");
    }
}

#[test]
fn every_operation_does_what_its_example_says() {
    for operation in [super::table::FILTERS, super::table::TESTS, super::table::FUNCTIONS].concat() {
        let (source, value) = operation.example;
        let mut out = Diagnostics::default();
        let expression = Expression::parse(&text(source), &mut out).unwrap_or_else(|| panic!("{source}: {out:?}"));
        let given = expression.evaluate(&Scope::new()).unwrap_or_else(|failure| panic!("{source}: {failure:?}"));
        let wanted: Value = serde_json::from_str(value).unwrap();
        assert_eq!(given, wanted, "{source}");
        let ty = expression.infer(&TypeScope::new(), &mut out);
        assert!(ty.accepts(&crate::schema::type_of_value(&wanted)), "{source} is {ty}, not {wanted}");
        assert!(out.is_empty(), "{source}: {out:?}");
        assert!(source.contains(operation.alias.unwrap_or(operation.name)), "{source} shows {}", operation.name);
        assert!(operation.about.ends_with('.'), "{}", operation.about);
    }
}

#[test]
fn what_the_table_refuses_fails() {
    for source in [
        "'a-b' | replace('-')",
        "'a-b' | replace('-', '', 1, 2)",
        "'a-b' | replace('-', to='')",
        "[1] | sort(revers=true)",
        "[1] | sort('n')",
        "[1] | batch('two')",
        "[1] | slice",
        "3 is odd(2)",
        "3 is startingwith",
        "range('3')",
        "range()",
        "range(1, 2, 3, 4)",
    ] {
        let mut out = Diagnostics::default();
        let expression = Expression::parse(&text(source), &mut out).unwrap();
        expression.infer(&TypeScope::new(), &mut out);
        assert!(out.has_errors(), "{source} is found");
        assert!(expression.evaluate(&Scope::new()).is_err(), "{source} fails");
    }
}

#[test]
fn a_binding_that_is_written_is_read_as_the_same() {
    let json = json!({
        "whole": "${{ order.id }}",
        "joined": "n ${{ i + 1 }} of $${{ i }}",
        "plain": "$${{ i }} and $$$${{ i }}",
        "list": ["a", 1, null, "x${{ name }}", ["$${{"]],
    });
    let span = Span::new(SourceId(0), 0..0);
    let read = |json: &Value| Binding::parse(&Tree::from_json(json, span), &mut Diagnostics::default()).unwrap();
    let binding = read(&json);
    assert_eq!(binding.written(), json);
    let value = binding.evaluate(&scope()).unwrap();
    assert_eq!(value["plain"], "${{ i }} and $$${{ i }}");
    assert_eq!(read(&binding.written()).evaluate(&scope()).unwrap(), value);
}

#[test]
fn operations_stand_in_order_once() {
    for list in [super::table::FILTERS, super::table::TESTS, super::table::FUNCTIONS] {
        let names: Vec<&str> = list.iter().map(|operation| operation.name).collect();
        assert!(names.is_sorted_by(|a, b| a < b), "{names:?}");
    }
}

#[test]
fn what_is_parsed_once_is_shared_between_threads() {
    fn shared<T: Clone + Send + Sync + 'static>() {}
    shared::<Expression>();
    shared::<Template>();
    shared::<Binding>();
    shared::<Scope>();
    shared::<TypeScope>();
    shared::<crate::schema::Schema>();
}

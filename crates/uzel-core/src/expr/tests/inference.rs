//! Tables of expressions and types.

use std::sync::Arc;

use expect_test::expect;

use super::{Binding, Diagnostics, Expression, Template, TypeScope, table, text, tree};
use crate::{
    schema::{Field, ObjectType, Type},
    source::{SourceId, Span},
};

pub(super) fn types() -> TypeScope {
    let nullable = |ty: Type| ty.or_null();
    let line = Type::object([("n", Type::Integer), ("text", Type::String)]);
    let form = Type::object([("amount_cents", Type::Integer), ("note", nullable(Type::String))]);
    let at = Some(Span::new(SourceId(7), 1..2));
    let open = ObjectType { open: true, ..ObjectType::default() };
    let mut optional = ObjectType::default();
    optional.fields.insert("maybe".into(), Field { required: false, ..Field::required(Type::Integer) });
    TypeScope::new()
        .with(
            "classify",
            Type::object([
                ("category", Type::texts(["refund", "question", "complaint"])),
                ("order_id", nullable(Type::String)),
                ("confidence", Type::Number),
            ]),
            at,
        )
        .with("order", Type::object([("id", Type::String), ("lines", Type::list(line)), ("cents", Type::Integer)]), at)
        .with("approve", nullable(Type::object([("action", Type::String), ("form", form)])), at)
        .with("result", Type::Any, at)
        .with("headers", Type::Object(Arc::new(open)), at)
        .with("optional", Type::Object(Arc::new(optional)), at)
        .with("docs", nullable(Type::list(Type::object([("text", Type::String)]))), None)
}

fn expression(source: &str, out: &mut Diagnostics) -> Option<String> {
    Some(Expression::parse(&text(source), out)?.infer(&types(), out).to_string())
}

#[test]
fn types_of_expressions() {
    table(
        &[
            "classify",
            "classify.category",
            "classify.category if classify.confidence >= 0.6 else \"unsure\"",
            "classify.order_id or order.id",
            "order.cents / 100",
            "order.cents + 1",
            "order.cents + 1.5",
            "order.lines[0].n",
            "order.lines | length",
            "order.lines | first",
            "order.lines | selectattr('n') | list",
            "order['id']",
            "order.lines[1:]",
            "{'a': order.id, 'b': [1, 2]}",
            "classify.order_id | default(3)",
            "result.any.thing + 1",
            "headers['x'] ~ 'y'",
            "optional.maybe",
            "not approve",
            "approve and approve.action == 'approve'",
            "'a' if approve",
            "range(3)",
            "order.id ~ order.cents",
            "none",
            "approve.form.amount_cents if approve else order.cents",
        ],
        expression,
        expect![[r#"
            classify => { category: "refund" | "question" | "complaint", order_id: string | null, confidence: number }
            classify.category => "refund" | "question" | "complaint"
            classify.category if classify.confidence >= 0.6 else "unsure" => "refund" | "question" | "complaint" | "unsure"
            classify.order_id or order.id => string
            order.cents / 100 => number
            order.cents + 1 => integer
            order.cents + 1.5 => number
            order.lines[0].n => integer
            order.lines | length => integer
            order.lines | first => { n: integer, text: string }
            order.lines | selectattr('n') | list => [{ n: integer, text: string }]
            order['id'] => string
            order.lines[1:] => [{ n: integer, text: string }]
            {'a': order.id, 'b': [1, 2]} => { a: string, b: [1 | 2] }
            classify.order_id | default(3) => string | 3
            result.any.thing + 1 => any
            headers['x'] ~ 'y' => string
            optional.maybe => integer | null
            not approve => boolean
            approve and approve.action == 'approve' => null | boolean
            'a' if approve => "a" | null
            range(3) => [integer]
            order.id ~ order.cents => string
            none => null
            approve.form.amount_cents if approve else order.cents => integer
        "#]],
    );
}

#[test]
fn what_is_told() {
    table(
        &[
            "ordr.id",
            "order.idd",
            "order.lines[0].nn",
            "order.id.length",
            "classify.wrong_altogether",
            "classify.category == \"refnd\"",
            "\"refnd\" == classify.category",
            "classify.category != \"zzz\"",
            "classify.category == 1",
            "classify.category in [\"refund\", \"x\"]",
            "classify.category in [\"rfund\"]",
            "classify.category not in [\"rfund\"]",
            "order.id - 1",
            "order.id + 1",
            "order.id < 1",
            "-order.id",
            "order.cents | length",
            "order.id | abs",
            "order.lines | items",
            "1 in order.cents",
            "approve.form.note",
            "approve.form.amount_cents + 1",
            "classify.order_id ~ 'x'",
            "classify.order_id | upper",
            "(classify.order_id or 'x') ~ 'x'",
            "classify.order_id ~ 'x' if classify.order_id else ''",
            "classify.order_id ~ 'x' if classify.order_id is not none else ''",
            "classify.order_id ~ 'x' if classify.order_id is none else ''",
            "approve and approve.form.amount_cents > 1",
            "not approve or approve.form.amount_cents > 1",
            "approve.action == 'approve' and approve.form.amount_cents + 1 > 2",
            "approve.form.note == 1",
            "approve == none",
            "order.id == none",
            "docs | length > 0 and docs[0].text ~ ''",
            "order.idd + order.idd",
        ],
        expression,
        expect![[r#"
            ordr.id => any
                  UZ1005 [ordr] there is no node or root `ordr` -- did you mean `order`?
            order.idd => any
                  UZ2004 [idd] `order` has no field `idd` <`order` returns these fields> -- did you mean `id`?
            order.lines[0].nn => any
                  UZ2004 [nn] `order.lines[0]` has no field `nn` <`order` returns these fields> -- did you mean `n`?
            order.id.length => any
                  UZ2004 [length] `order.id` has no field `length`: it is of type string <`order` is declared here>
            classify.wrong_altogether => any
                  UZ2004 [wrong_altogether] `classify` has no field `wrong_altogether` <`classify` returns these fields> -- it has `category`, `order_id`, `confidence`
            classify.category == "refnd" => boolean
                  UZ2006 ["refnd"] `classify.category` is never equal to "refnd": it is "refund" | "question" | "complaint" <`classify.category` comes from `classify`> -- did you mean `refund`?
            "refnd" == classify.category => boolean
                  UZ2006 ["refnd"] `classify.category` is never equal to "refnd": it is "refund" | "question" | "complaint" <`classify.category` comes from `classify`> -- did you mean `refund`?
            classify.category != "zzz" => boolean
                  UZ2006 ["zzz"] `classify.category` is never equal to "zzz": it is "refund" | "question" | "complaint" <`classify.category` comes from `classify`>
            classify.category == 1 => boolean
                  UZ2006 [1] `classify.category` is never equal to 1: it is "refund" | "question" | "complaint" <`classify.category` comes from `classify`>
            classify.category in ["refund", "x"] => boolean
            classify.category in ["rfund"] => boolean
                  UZ2006 [["rfund"]] `classify.category` is never equal to "rfund": it is "refund" | "question" | "complaint" <`classify.category` comes from `classify`> -- did you mean `refund`?
            classify.category not in ["rfund"] => boolean
                  UZ2006 [["rfund"]] `classify.category` is never equal to "rfund": it is "refund" | "question" | "complaint" <`classify.category` comes from `classify`> -- did you mean `refund`?
            order.id - 1 => any
                  UZ2005 [order.id - 1] `-` cannot take `order.id` (string) and 1 <`order.id` comes from `order`> -- write `| int` or `| float` to make a number of a text
            order.id + 1 => any
                  UZ2005 [order.id + 1] `+` cannot take `order.id` (string) and 1 <`order.id` comes from `order`> -- write `~` to join texts
            order.id < 1 => boolean
                  UZ2005 [order.id < 1] `order.id` (string) and 1 have no order: one is never less or more than the other <`order.id` comes from `order`>
            -order.id => any
                  UZ2005 [-order.id] `-` cannot take `order.id` (string) <`order.id` comes from `order`>
            order.cents | length => any
                  UZ2005 [order.cents | length] `| length` cannot take `order.cents`, which is integer <`order.cents` comes from `order`>
            order.id | abs => any
                  UZ2005 [order.id | abs] `| abs` cannot take `order.id`, which is string <`order.id` comes from `order`>
            order.lines | items => any
                  UZ2005 [order.lines | items] `| items` cannot take `order.lines`, which is [{ n: integer, text: string }] <`order.lines` comes from `order`>
            1 in order.cents => boolean
                  UZ2005 [order.cents] `in` cannot look into `order.cents` (integer) <`order.cents` comes from `order`>
            approve.form.note => string | null
                  UZ2007 [approve] `approve` may be null, and then what is taken from it is null too <`approve` does not always give a value> -- write `… if approve else …`, `… or …`, or `… | default(…)`
            approve.form.amount_cents + 1 => integer
                  UZ2007 [approve.form.amount_cents] `approve.form.amount_cents` may be null <`approve.form.amount_cents` comes from `approve`> -- write `approve.form.amount_cents or …`, `approve.form.amount_cents | default(…)`, or test it first
            classify.order_id ~ 'x' => string
                  UZ2007 [classify.order_id] `classify.order_id` may be null, and then prints as nothing <`classify.order_id` comes from `classify`> -- write `classify.order_id or …`, `classify.order_id | default(…)`, or test it first
            classify.order_id | upper => string
                  UZ2007 [classify.order_id] `classify.order_id` may be null <`classify.order_id` comes from `classify`> -- write `classify.order_id or …`, `classify.order_id | default(…)`, or test it first
            (classify.order_id or 'x') ~ 'x' => string
            classify.order_id ~ 'x' if classify.order_id else '' => string
            classify.order_id ~ 'x' if classify.order_id is not none else '' => string
            classify.order_id ~ 'x' if classify.order_id is none else '' => string
                  UZ2007 [classify.order_id] `classify.order_id` may be null, and then prints as nothing <`classify.order_id` comes from `classify`> -- write `classify.order_id or …`, `classify.order_id | default(…)`, or test it first
            approve and approve.form.amount_cents > 1 => null | boolean
            not approve or approve.form.amount_cents > 1 => boolean
            approve.action == 'approve' and approve.form.amount_cents + 1 > 2 => boolean
            approve.form.note == 1 => boolean
                  UZ2006 [1] `approve.form.note` is never equal to 1: it is string <`approve.form.note` comes from `approve`>
            approve == none => boolean
            order.id == none => boolean
            docs | length > 0 and docs[0].text ~ '' => boolean | string
                  UZ2007 [docs] `docs` may be null -- write `docs or …`, `docs | default(…)`, or test it first
            order.idd + order.idd => any
                  UZ2004 [idd] `order` has no field `idd` <`order` returns these fields> -- did you mean `id`?
                  UZ2004 [idd] `order` has no field `idd` <`order` returns these fields> -- did you mean `id`?
        "#]],
    );
}

#[test]
fn arguments_fit_the_table_of_operations() {
    table(
        &[
            // Right.
            "order.id | replace('-', '')",
            "order.id | replace('-', '', count=1)",
            "order.lines | sort(attribute='n', reverse=true)",
            "order.lines | map(attribute='n') | join(', ')",
            "order.lines | map('string')",
            "order.lines | select('gt', order.cents)",
            "order.lines | batch(2)",
            "order.cents is divisibleby(5)",
            "order.id is startingwith 'A'",
            "dict(a=1, b=order.id)",
            "range(1, order.cents, 2)",
            "result | join(*result.x)",
            // Wrong.
            "order.id | replace('-')",
            "order.id | replace('-', '', 1, 2)",
            "order.id | replace(from='-', to='')",
            "order.lines | sort(revers=true)",
            "order.lines | sort('n')",
            "order.lines | batch('two')",
            "order.cents is divisibleby",
            "order.cents is divisibleby('five')",
            "order.cents is odd(2)",
            "range('3')",
            "range()",
        ],
        expression,
        expect![[r#"
            order.id | replace('-', '') => string
            order.id | replace('-', '', count=1) => string
            order.lines | sort(attribute='n', reverse=true) => [{ n: integer, text: string }]
            order.lines | map(attribute='n') | join(', ') => string
            order.lines | map('string') => [any]
            order.lines | select('gt', order.cents) => [{ n: integer, text: string }]
            order.lines | batch(2) => [[{ n: integer, text: string }]]
            order.cents is divisibleby(5) => boolean
            order.id is startingwith 'A' => boolean
            dict(a=1, b=order.id) => { … }
            range(1, order.cents, 2) => [integer]
            result | join(*result.x) => string
            order.id | replace('-') => string
                  UZ2005 [order.id | replace('-')] `| replace` needs `to` -- it is `replace(from: string, to: string, count?: integer)`
            order.id | replace('-', '', 1, 2) => string
                  UZ2005 [2] `| replace` takes no more arguments -- it is `replace(from: string, to: string, count?: integer)`
            order.id | replace(from='-', to='') => string
                  UZ2003 ['-'] `| replace` has no argument `from` -- it is `replace(from: string, to: string, count?: integer)`
                  UZ2003 [''] `| replace` has no argument `to` -- it is `replace(from: string, to: string, count?: integer)`
            order.lines | sort(revers=true) => [{ n: integer, text: string }]
                  UZ2003 [true] `| sort` has no argument `revers` -- did you mean `reverse`?
            order.lines | sort('n') => [{ n: integer, text: string }]
                  UZ2005 ['n'] `| sort` takes no more arguments -- it is `sort(reverse?: boolean (named), case_sensitive?: boolean (named), attribute?: string (named))`
            order.lines | batch('two') => [[{ n: integer, text: string }]]
                  UZ2005 ['two'] `count` of `| batch` must be of type integer, and is "two"
            order.cents is divisibleby => boolean
                  UZ2005 [order.cents is divisibleby] `is divisibleby` needs `number` -- it is `divisibleby(number: number)`
            order.cents is divisibleby('five') => boolean
                  UZ2005 ['five'] `number` of `is divisibleby` must be of type number, and is "five"
            order.cents is odd(2) => boolean
                  UZ2005 [2] `is odd` takes no more arguments -- it is `odd`
            range('3') => [integer]
                  UZ2005 ['3'] `start` of `range` must be of type integer, and is "3"
            range() => [integer]
                  UZ2005 [range()] `range` needs `start` -- it is `range(start: integer, end?: integer, step?: integer)`
        "#]],
    );
}

#[test]
fn conditions_let_null_go_through() {
    table(
        &["approve.action == 'approve'", "approve.form.note", "approve.form.amount_cents > 3", "approve.acton"],
        |source, out| Some(Expression::parse(&text(source), out)?.infer_condition(&types(), out).to_string()),
        expect![[r#"
            approve.action == 'approve' => boolean
            approve.form.note => string | null
            approve.form.amount_cents > 3 => boolean
                  UZ2007 [approve.form.amount_cents] `approve.form.amount_cents` may be null <`approve.form.amount_cents` comes from `approve`> -- write `approve.form.amount_cents or …`, `approve.form.amount_cents | default(…)`, or test it first
            approve.acton => any
                  UZ2004 [acton] `approve` has no field `acton` <`approve` returns these fields> -- did you mean `action`?
        "#]],
    );
}

#[test]
fn templates() {
    table(
        &[
            "{{ classify.order_id }} {{ order.id }}",
            "{% for d in docs %}{{ d.txt }}{% endfor %}",
            "{% if docs %}{% for d in docs %}{{ d.text }}{{ loop.index }}{% endfor %}{% endif %}",
            "{% if not approve %}{{ approve.form.amount_cents + 1 }}{% else %}{{ approve.form.amount_cents + 1 }}{% endif %}",
            "{% set x = order.lines[0] %}{{ x.m }}",
            "{% if result %}{% set y = 1 %}{% endif %}{{ y }}",
            "{% for k, v in headers | dictsort %}{{ k }}{{ v.x }}{% endfor %}{{ k }}",
            "{% macro m(a) %}{{ a.b }}{{ ordr }}{% endmacro %}{{ m(order) }}",
            "{% for x in order.cents %}{% endfor %}",
            "{% if approve %}{% for approve in docs or [] %}{{ approve.text }}{% endfor %}{{ approve.action }}{% endif %}",
            "{% for l in order.lines if l.n %}{{ l.n + l.text }}{% endfor %}",
        ],
        |source, out| Some(Template::parse(&text(source), out)?.infer(&types(), out).to_string()),
        expect![[r#"
            {{ classify.order_id }} {{ order.id }} => string
                  UZ2007 [classify.order_id] `classify.order_id` may be null, and then prints as nothing <`classify.order_id` comes from `classify`> -- write `classify.order_id or …`, `classify.order_id | default(…)`, or test it first
            {% for d in docs %}{{ d.txt }}{% endfor %} => string
                  UZ2007 [docs] `docs` may be null -- write `docs or …`, `docs | default(…)`, or test it first
                  UZ2004 [txt] `d` has no field `txt` -- did you mean `text`?
            {% if docs %}{% for d in docs %}{{ d.text }}{{ loop.index }}{% endfor %}{% endif %} => string
            {% if not approve %}{{ approve.form.amount_cents + 1 }}{% else %}{{ approve.form.amount_cents + 1 }}{% endif %} => string
                  UZ2007 [approve.form.amount_cents] `approve.form.amount_cents` may be null <`approve.form.amount_cents` comes from `approve`> -- write `approve.form.amount_cents or …`, `approve.form.amount_cents | default(…)`, or test it first
            {% set x = order.lines[0] %}{{ x.m }} => string
                  UZ2004 [m] `x` has no field `m` <`order` returns these fields> -- did you mean `n`?
            {% if result %}{% set y = 1 %}{% endif %}{{ y }} => string
            {% for k, v in headers | dictsort %}{{ k }}{{ v.x }}{% endfor %}{{ k }} => string
                  UZ1005 [k] there is no node or root `k`
            {% macro m(a) %}{{ a.b }}{{ ordr }}{% endmacro %}{{ m(order) }} => string
                  UZ1005 [ordr] there is no node or root `ordr` -- did you mean `order`?
            {% for x in order.cents %}{% endfor %} => string
                  UZ2005 [order.cents] a loop cannot go over `order.cents`, which is integer <`order.cents` comes from `order`>
            {% if approve %}{% for approve in docs or [] %}{{ approve.text }}{% endfor %}{{ approve.action }}{% endif %} => string
            {% for l in order.lines if l.n %}{{ l.n + l.text }}{% endfor %} => string
                  UZ2005 [l.n + l.text] `+` cannot take `l.n` (integer) and `l.text` (string) <`l.n` comes from `order`> -- write `~` to join texts
        "#]],
    );
}

#[test]
fn bindings() {
    table(
        &["${{ order.cents }}", "id ${{ order.idd }}", "n: ${{ classify.order_id }}", "plain", "${{ approve.action }}"],
        |source, out| Some(Binding::parse(&tree(source), out)?.infer(&types(), out).to_string()),
        expect![[r#"
            ${{ order.cents }} => integer
            id ${{ order.idd }} => string
                  UZ2004 [idd] `order` has no field `idd` <`order` returns these fields> -- did you mean `id`?
            n: ${{ classify.order_id }} => string
                  UZ2007 [classify.order_id] `classify.order_id` may be null, and then prints as nothing <`classify.order_id` comes from `classify`> -- write `classify.order_id or …`, `classify.order_id | default(…)`, or test it first
            plain => "plain"
            ${{ approve.action }} => string | null
                  UZ2007 [approve] `approve` may be null, and then what is taken from it is null too <`approve` does not always give a value> -- write `… if approve else …`, `… or …`, or `… | default(…)`
        "#]],
    );
}

#[test]
fn a_real_app_is_silent() {
    let decide = Type::object([("eligible", Type::Boolean), ("amount_cents", Type::Integer)]).or_null();
    let types = types()
        .with("decide", decide, None)
        .with("flags", Type::object([("auto_refund", Type::Boolean)]), None)
        .with("pay", Type::Any.or_null(), None)
        .with("input", Type::object([("order_id", Type::String.or_null())]), None);
    for source in [
        "classify.category if classify.confidence >= 0.6 else \"unsure\"",
        "classify.order_id or input.order_id",
        "classify.category == \"refund\"",
        "decide.eligible and not (flags.auto_refund and decide.amount_cents < 2000)",
        "decide.eligible and (not approve or approve.action == \"approve\")",
        "approve.form.amount_cents if approve else 0",
        "pay.status == \"succeeded\"",
        "approve.form.note if approve else order.id",
    ] {
        let mut out = Diagnostics::default();
        Expression::parse(&text(source), &mut out).unwrap().infer(&types, &mut out);
        assert!(out.is_empty(), "{source}: {out:?}");
    }
}

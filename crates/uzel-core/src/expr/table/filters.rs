//! All filters.

use super::{
    By::{Both, Name, Place},
    Gives, Operation, Param, Takes, may, must,
};

const CASE: Param = may("case_sensitive", Takes::Boolean, Name);
const ATTRIBUTE: Param = may("attribute", Takes::Text, Name);
const REVERSE: Param = may("reverse", Takes::Boolean, Name);

const fn filter(
    name: &'static str,
    takes: Takes,
    params: &'static [Param],
    gives: Gives,
    about: &'static str,
    example: (&'static str, &'static str),
) -> Operation {
    Operation { name, takes, params, more: false, gives, alias: None, about, example }
}

/// The same under another name.
const fn also(name: &'static str, other: Operation) -> Operation {
    Operation { name, alias: Some(other.name), ..other }
}

/// With arguments of what it names.
const fn more(filter: Operation) -> Operation {
    Operation { more: true, ..filter }
}

const LENGTH: Operation = filter(
    "length",
    Takes::Several,
    &[],
    Gives::Integer,
    "How many items, fields or characters there are.",
    (r"[3, 5] | length", "2"),
);
const DEFAULT: Operation = filter(
    "default",
    Takes::Any,
    &[may("other", Takes::Any, Place), may("falsy", Takes::Boolean, Place)],
    Gives::Default,
    "Another value where there is none: null or undefined, and with `true` also what counts as false.",
    (r#"none | default("?")"#, r#""?""#),
);

/// All filters, in alphabetical order.
pub const FILTERS: &[Operation] = &[
    filter("abs", Takes::Number, &[], Gives::Same, "The number without its sign.", ("-3 | abs", "3")),
    filter(
        "batch",
        Takes::Several,
        &[must("count", Takes::Integer), may("fill_with", Takes::Any, Place)],
        Gives::SameLists,
        "Cuts a list into lists of so many items.",
        ("[1, 2, 3] | batch(2)", "[[1, 2], [3]]"),
    ),
    filter("bool", Takes::Any, &[], Gives::Boolean, "Whether it counts as true.", (r#""" | bool"#, "false")),
    filter(
        "capitalize",
        Takes::Text,
        &[],
        Gives::Text,
        "The first letter large, the others small.",
        (r#""hELLO" | capitalize"#, r#""Hello""#),
    ),
    also("count", LENGTH),
    also("d", DEFAULT),
    DEFAULT,
    filter(
        "dictsort",
        Takes::Map,
        &[may("by", Takes::Text, Name), CASE, REVERSE],
        Gives::Pairs,
        "Names and values of a map, sorted by name, or with `by=\"value\"` by value.",
        ("{'b': 1, 'a': 2} | dictsort", r#"[["a", 2], ["b", 1]]"#),
    ),
    filter("first", Takes::Several, &[], Gives::Item, "The first item or character.", ("[7, 8] | first", "7")),
    filter(
        "float",
        Takes::Any,
        &[may("default", Takes::Any, Both)],
        Gives::Number,
        "A number made of a text or another number; the default if that is not possible.",
        (r#""2.5" | float"#, "2.5"),
    ),
    filter(
        "from_json",
        Takes::Text,
        &[],
        Gives::Any,
        "Reads a value from a text of JSON.",
        (r#"'{"a": [1]}' | from_json"#, r#"{"a": [1]}"#),
    ),
    filter(
        "groupby",
        Takes::List,
        &[Param { required: true, ..may("attribute", Takes::Text, Both) }, may("default", Takes::Any, Name), CASE],
        Gives::Anys,
        "Items with the same value of a field together: pairs of that value (`.grouper`) and a list (`.list`).",
        ("([{'t': 1}, {'t': 1}] | groupby('t') | first).list | length", "2"),
    ),
    filter(
        "indent",
        Takes::Text,
        &[may("width", Takes::Integer, Both), may("first", Takes::Boolean, Both), may("blank", Takes::Boolean, Both)],
        Gives::Text,
        "Moves all lines but the first to the right, by 4 or so many spaces.",
        (r#""a\nb" | indent(2)"#, r#""a\n  b""#),
    ),
    filter(
        "int",
        Takes::Any,
        &[may("default", Takes::Any, Both), may("base", Takes::Integer, Both)],
        Gives::Integer,
        "A whole number made of a text or another number; the default if that is not possible.",
        (r#""42" | int"#, "42"),
    ),
    filter("items", Takes::Map, &[], Gives::Pairs, "Names and values of a map.", ("{'a': 1} | items", r#"[["a", 1]]"#)),
    filter(
        "join",
        Takes::Several,
        &[may("d", Takes::Text, Both), may("attribute", Takes::Text, Both)],
        Gives::Text,
        "One text of all items, with a text between them.",
        (r#"["a", "b"] | join(", ")"#, r#""a, b""#),
    ),
    filter("last", Takes::Several, &[], Gives::Item, "The last item or character.", ("[7, 8] | last", "8")),
    LENGTH,
    filter("lines", Takes::Text, &[], Gives::Texts, "The lines of a text.", (r#""a\nb" | lines"#, r#"["a", "b"]"#)),
    filter(
        "list",
        Takes::Several,
        &[],
        Gives::SameList,
        "The items, the names of a map's fields, or the characters, as a list.",
        ("{'a': 1} | list", r#"["a"]"#),
    ),
    filter("lower", Takes::Text, &[], Gives::Text, "In small letters.", (r#""Ab" | lower"#, r#""ab""#)),
    more(filter(
        "map",
        Takes::Several,
        &[may("filter", Takes::Text, Place), ATTRIBUTE, may("default", Takes::Any, Name)],
        Gives::Anys,
        "A field of each item, or what a filter makes of it.",
        ("[{'id': 1}, {'id': 2}] | map(attribute='id')", "[1, 2]"),
    )),
    filter("max", Takes::Several, &[CASE, ATTRIBUTE], Gives::Item, "The largest item.", ("[2, 9, 4] | max", "9")),
    filter("min", Takes::Several, &[CASE, ATTRIBUTE], Gives::Item, "The smallest item.", ("[2, 9, 4] | min", "2")),
    more(filter(
        "reject",
        Takes::Several,
        &[may("test", Takes::Text, Place)],
        Gives::SameList,
        "The items that do not pass a test; without one, those that count as false.",
        ("[1, 2, 3] | reject('odd')", "[2]"),
    )),
    more(filter(
        "rejectattr",
        Takes::List,
        &[must("attribute", Takes::Text), may("test", Takes::Text, Place)],
        Gives::SameList,
        "The items whose field does not pass a test.",
        ("[{'ok': true}, {'ok': false}] | rejectattr('ok')", r#"[{"ok": false}]"#),
    )),
    filter(
        "replace",
        Takes::Text,
        &[must("from", Takes::Text), must("to", Takes::Text), may("count", Takes::Integer, Both)],
        Gives::Text,
        "One text in place of another, everywhere or so many times.",
        (r#""a-b-c" | replace("-", "+")"#, r#""a+b+c""#),
    ),
    filter("reverse", Takes::Several, &[], Gives::Reversed, "The other way round.", ("[1, 2] | reverse", "[2, 1]")),
    filter(
        "round",
        Takes::Number,
        &[may("precision", Takes::Integer, Both), may("method", Takes::Text, Both)],
        Gives::Number,
        "Rounded to so many digits after the point; `method` is `common`, `floor` or `ceil`. Use `builtin:round_money` \
         for money.",
        ("2.456 | round(1)", "2.5"),
    ),
    more(filter(
        "select",
        Takes::Several,
        &[may("test", Takes::Text, Place)],
        Gives::SameList,
        "The items that pass a test; without one, those that count as true.",
        ("[1, 5, 9] | select('gt', 4)", "[5, 9]"),
    )),
    more(filter(
        "selectattr",
        Takes::List,
        &[must("attribute", Takes::Text), may("test", Takes::Text, Place)],
        Gives::SameList,
        "The items whose field passes a test.",
        ("[{'n': 1}, {'n': 5}] | selectattr('n', 'ge', 3)", r#"[{"n": 5}]"#),
    )),
    filter(
        "slice",
        Takes::Several,
        &[must("count", Takes::Integer), may("fill_with", Takes::Any, Place)],
        Gives::SameLists,
        "Cuts a list into so many lists.",
        ("[1, 2, 3] | slice(2)", "[[1, 2], [3]]"),
    ),
    filter(
        "sort",
        Takes::Several,
        &[REVERSE, CASE, ATTRIBUTE],
        Gives::SameList,
        "The items in order, or by a field.",
        ("[3, 1, 2] | sort(reverse=true)", "[3, 2, 1]"),
    ),
    filter(
        "split",
        Takes::Text,
        &[may("separator", Takes::Text, Place), may("maxsplits", Takes::Integer, Place)],
        Gives::Texts,
        "The parts of a text between separators, or between white space.",
        (r#""a,b" | split(",")"#, r#"["a", "b"]"#),
    ),
    filter("string", Takes::Any, &[], Gives::Text, "A text; lists and maps as JSON.", ("[1] | string", r#""[1]""#)),
    filter(
        "sum",
        Takes::List,
        &[may("attribute", Takes::Text, Both), may("start", Takes::Any, Both)],
        Gives::Sum,
        "The items added up. Use `builtin:sum` for money.",
        ("[1, 2, 3] | sum", "6"),
    ),
    filter(
        "title",
        Takes::Text,
        &[],
        Gives::Text,
        "The first letter of each word large.",
        (r#""on the way" | title"#, r#""On The Way""#),
    ),
    filter(
        "tojson",
        Takes::Any,
        &[may("indent", Takes::Boolean, Place)],
        Gives::Text,
        "A text of JSON; with `true` on several lines.",
        (r#"{"a": none} | tojson"#, r#""{\"a\":null}""#),
    ),
    filter(
        "trim",
        Takes::Text,
        &[may("chars", Takes::Text, Place)],
        Gives::Text,
        "Without white space, or these characters, at both ends.",
        (r#""  a " | trim"#, r#""a""#),
    ),
    filter(
        "unique",
        Takes::Several,
        &[CASE, ATTRIBUTE],
        Gives::SameList,
        "The first of equal items.",
        ("[1, 2, 1] | unique", "[1, 2]"),
    ),
    filter("upper", Takes::Text, &[], Gives::Text, "In large letters.", (r#""Ab" | upper"#, r#""AB""#)),
];

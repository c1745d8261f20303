//! All tests and functions.

use super::{By::Place, Gives, Operation, Param, Takes, may, must};

const fn test(
    name: &'static str,
    params: &'static [Param],
    about: &'static str,
    example: (&'static str, &'static str),
) -> Operation {
    Operation { name, takes: Takes::Any, params, more: false, gives: Gives::Boolean, alias: None, about, example }
}

/// The same under another name.
const fn also(name: &'static str, other: Operation) -> Operation {
    Operation { name, alias: Some(other.name), ..other }
}

const OTHER: &[Param] = &[must("other", Takes::Any)];

const EQ: Operation = test("eq", OTHER, "Whether both are equal; as `==`.", ("2 is eq 2", "true"));
const NE: Operation = test("ne", OTHER, "Whether they differ; as `!=`.", ("2 is ne 2", "false"));
const LT: Operation = test("lt", OTHER, "Whether it is less; as `<`.", ("1 is lt 2", "true"));
const LE: Operation = test("le", OTHER, "Whether it is not more; as `<=`.", ("2 is le 2", "true"));
const GT: Operation = test("gt", OTHER, "Whether it is more; as `>`.", ("1 is gt 2", "false"));
const GE: Operation = test("ge", OTHER, "Whether it is not less; as `>=`.", ("2 is ge 2", "true"));
const INTEGER: Operation = test("integer", &[], "Whether it is a whole number.", ("2.5 is integer", "false"));

/// All tests, in alphabetical order. Signs are names for `select` and the like: `select("<", 3)`.
pub const TESTS: &[Operation] = &[
    also("!=", NE),
    also("<", LT),
    also("<=", LE),
    also("==", EQ),
    also(">", GT),
    also(">=", GE),
    test("boolean", &[], "Whether it is true or false.", ("0 is boolean", "false")),
    test("defined", &[], "Whether there is such a field; null is defined.", ("none is defined", "true")),
    test(
        "divisibleby",
        &[must("number", Takes::Number)],
        "Whether nothing is left over.",
        ("9 is divisibleby 3", "true"),
    ),
    test(
        "endingwith",
        &[must("text", Takes::Text)],
        "Whether a text ends so.",
        (r#""a.md" is endingwith ".md""#, "true"),
    ),
    EQ,
    also("equalto", EQ),
    test("even", &[], "Whether a number can be halved.", ("3 is even", "false")),
    test("false", &[], "Whether it is `false`.", ("false is false", "true")),
    test("float", &[], "Whether it is a number with a point.", ("2.5 is float", "true")),
    GE,
    also("greaterthan", GT),
    GT,
    test(
        "in",
        OTHER,
        "Whether a list has it, a map has such a field, or a text such a part.",
        ("2 is in [1, 2]", "true"),
    ),
    also("int", INTEGER),
    INTEGER,
    test("iterable", &[], "Whether a loop can go over it.", ("[1] is iterable", "true")),
    LE,
    also("lessthan", LT),
    test("lower", &[], "Whether a text has no large letters.", (r#""ab" is lower"#, "true")),
    LT,
    test("mapping", &[], "Whether it is a map.", ("{'a': 1} is mapping", "true")),
    NE,
    test("none", &[], "Whether it is null.", ("none is none", "true")),
    test("number", &[], "Whether it is a number.", (r#""2" is number"#, "false")),
    test("odd", &[], "Whether a number cannot be halved.", ("3 is odd", "true")),
    test("sequence", &[], "Whether it is a list.", ("[1] is sequence", "true")),
    test(
        "startingwith",
        &[must("text", Takes::Text)],
        "Whether a text begins so.",
        (r#""A-1042" is startingwith "A-""#, "true"),
    ),
    test("string", &[], "Whether it is a text.", (r#""a" is string"#, "true")),
    test("true", &[], "Whether it is `true`.", ("1 is true", "false")),
    test("undefined", &[], "Whether there is no such field.", ("dict({'a': 1}).b is undefined", "true")),
    test("upper", &[], "Whether a text has no small letters.", (r#""Ab" is upper"#, "false")),
];

/// All functions.
pub const FUNCTIONS: &[Operation] = &[
    Operation {
        name: "dict",
        takes: Takes::Any,
        params: &[may("map", Takes::Map, Place)],
        more: true,
        gives: Gives::Map,
        alias: None,
        about: "A map of these fields, beside those of another map.",
        example: ("dict({'a': 1}, b=2)", r#"{"a": 1, "b": 2}"#),
    },
    Operation {
        name: "range",
        takes: Takes::Any,
        params: &[must("start", Takes::Integer), may("end", Takes::Integer, Place), may("step", Takes::Integer, Place)],
        more: false,
        gives: Gives::Integers,
        alias: None,
        about: "Whole numbers from `start` up to but not `end`; with one argument, from 0 up to but not that one. At most \
                100,000.",
        example: ("range(2, 5)", "[2, 3, 4]"),
    },
];

//! Types as they are written, printed, compared and checked.
#![allow(clippy::unwrap_used, clippy::too_many_lines, reason = "tests: tables, and a panic is a failure")]

use std::fmt::Write as _;

use expect_test::{Expect, expect};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{FieldLookup, Schema, Type, type_of_value};
use crate::{
    diagnostic::Diagnostics,
    source::{SourceId, Span},
    yaml::{self, Tree},
};

fn tree(value: &Value) -> Tree {
    Tree::from_json(value, Span::new(SourceId(0), 0..0))
}

fn read(value: &Value) -> (Option<Schema>, String) {
    let mut out = Diagnostics::default();
    let schema = Schema::read(&tree(value), &mut out);
    let mut said = String::new();
    for d in &out {
        let _ = write!(said, "\n      {} {} -- {}", d.code, d.message, d.help.as_deref().unwrap_or(""));
    }
    (schema, said)
}

fn table(values: &[Value], show: impl Fn(&Schema) -> String, expected: Expect) {
    let mut report = String::new();
    for value in values {
        let (schema, said) = read(value);
        let _ = writeln!(report, "{value} => {}{said}", schema.as_ref().map_or(String::new(), &show));
    }
    expected.assert_eq(&report);
}

#[test]
fn notation() {
    table(
        &[
            json!("string"),
            json!(" integer | null "),
            json!("[string]"),
            json!("[[number] | null] | boolean"),
            json!("\"a\" | \"b|c\" | null"),
            json!(["string"]),
            json!([{"id": "string", "n": "integer | null"}]),
            json!({"enum": ["a", "b"]}),
            json!({"enum": ["a", null]}),
            json!({"type": "integer", "default": 5, "description": "how many"}),
            json!({"type": "string", "id": "string"}),
            json!({"type": "string | null", "description": "either"}),
            json!({"type": ["string", "null"]}),
            json!({"a": "string", "b": {"type": "integer", "default": 3}, "c": "string | null", "d": {"e": "any"}}),
            json!({"type": "object", "properties": {"a": "[string]", "b": {"type": "number"}}, "required": ["a"]}),
            json!({"$ref": "#/$defs/node", "$defs": {"node": {"type": "object", "properties": {"next": {"$ref": "#/$defs/node"}}}}}),
            json!({"anyOf": [{"type": "string"}, "integer"]}),
            json!({"properties": "string", "items": ["string"], "const": {"x": "string"}}),
            json!("strng"),
            json!("int"),
            json!("[string"),
            json!("string integer"),
            json!(""),
            json!(null),
            json!(5),
            json!(["string", "integer"]),
            json!({"a": "strin", "b": "numbr"}),
            json!({"type": "integer", "defualt": 5}),
            json!({"n": {"type": "integer", "default": "x"}}),
            json!({"n": {"type": "integer", "default": "${{ a.b }}"}}),
            json!({"type": "string", "pattern": "("}),
            json!({"$ref": "https://example.com/schema.json"}),
        ],
        |schema| schema.ty.to_string(),
        expect![[r##"
            "string" => string
            " integer | null " => integer | null
            "[string]" => [string]
            "[[number] | null] | boolean" => [[number] | null] | boolean
            "\"a\" | \"b|c\" | null" => "a" | "b|c" | null
            ["string"] => [string]
            [{"id":"string","n":"integer | null"}] => [{ id: string, n: integer | null }]
            {"enum":["a","b"]} => "a" | "b"
            {"enum":["a",null]} => "a" | null
            {"type":"integer","default":5,"description":"how many"} => integer
            {"type":"string","id":"string"} => { type: string, id: string }
            {"type":"string | null","description":"either"} => string | null
            {"type":["string","null"]} => string | null
            {"a":"string","b":{"type":"integer","default":3},"c":"string | null","d":{"e":"any"}} => { a: string, b: integer, c: string | null, d: { e: any } }
            {"type":"object","properties":{"a":"[string]","b":{"type":"number"}},"required":["a"]} => { a: [string], b?: number, … }
            {"$ref":"#/$defs/node","$defs":{"node":{"type":"object","properties":{"next":{"$ref":"#/$defs/node"}}}}} => { next?: any, … }
            {"anyOf":[{"type":"string"},"integer"]} => string | integer
            {"properties":"string","items":["string"],"const":{"x":"string"}} => { properties: string, items: [string], const: { x: string } }
            "strng" => 
                  UZ2008 there is no type `strng` -- did you mean `string`?
            "int" => 
                  UZ2008 there is no type `int` -- write `integer`
            "[string" => 
                  UZ2008 `]` is missing -- types are `string`, `integer`, `number`, `boolean`, `any`, `[string]`, `string | null`, `{ enum: [a, b] }`, a map of fields, or JSON Schema
            "string integer" => 
                  UZ2008 there is no type `string integer` -- types are `string`, `integer`, `number`, `boolean`, `any`, `[string]`, `string | null`, `{ enum: [a, b] }`, a map of fields, or JSON Schema
            "" => 
                  UZ2008 a type is missing -- types are `string`, `integer`, `number`, `boolean`, `any`, `[string]`, `string | null`, `{ enum: [a, b] }`, a map of fields, or JSON Schema
            null => 
                  UZ2008 a type is wanted here -- write `string`, `integer`, `number`, `boolean`, `[string]`, `string | null`, `{ enum: [a, b] }` or a map of fields
            5 => 
                  UZ2008 a type is wanted here -- write `string`, `integer`, `number`, `boolean`, `[string]`, `string | null`, `{ enum: [a, b] }` or a map of fields
            ["string","integer"] => 
                  UZ2008 the type of a list names the type of its items once -- write `[string]` for a list of texts, `{ enum: [a, b] }` for one of several values
            {"a":"strin","b":"numbr"} => 
                  UZ2008 there is no type `strin` -- did you mean `string`?
                  UZ2008 there is no type `numbr` -- did you mean `number`?
            {"type":"integer","defualt":5} => 
                  UZ2008 a type is wanted here -- write `string`, `integer`, `number`, `boolean`, `[string]`, `string | null`, `{ enum: [a, b] }` or a map of fields
                  UZ2008 `defualt` is not a word of JSON Schema, so this map is read as fields -- did you mean `default`?
            {"n":{"type":"integer","default":"x"}} => { n: integer }
                  UZ2008 the default "x" is not of type integer -- 
            {"n":{"type":"integer","default":"${{ a.b }}"}} => { n: integer }
            {"type":"string","pattern":"("} => 
                  UZ2008 this JSON Schema cannot be used: "(" is not a "regex" -- 
            {"$ref":"https://example.com/schema.json"} => 
                  UZ2008 this JSON Schema cannot be used: Resource 'https://example.com/schema.json' is not present in a registry and retrieving it failed: `resolve-http` feature or a custom resolver is required to resolve external schemas via HTTP -- 
        "##]],
    );
}

#[test]
fn json_schema_of_shorthand() {
    table(
        &[
            json!("string | null"),
            json!({"a": {"enum": ["x", "y"]}, "b": "[integer]", "c": {"d": "string | null"}, "e": {"type": "integer", "default": 1}}),
            json!([{"a": "string"}]),
            json!("\"a\" | null"),
        ],
        |schema| schema.json().to_string(),
        expect![[r#"
            "string | null" => {"type":["string","null"]}
            {"a":{"enum":["x","y"]},"b":"[integer]","c":{"d":"string | null"},"e":{"type":"integer","default":1}} => {"type":"object","properties":{"a":{"enum":["x","y"]},"b":{"type":"array","items":{"type":"integer"}},"c":{"type":"object","properties":{"d":{"type":["string","null"]}},"additionalProperties":false},"e":{"type":"integer","default":1}},"required":["a","b","c"],"additionalProperties":false}
            [{"a":"string"}] => {"type":"array","items":{"type":"object","properties":{"a":{"type":"string"}},"required":["a"],"additionalProperties":false}}
            "\"a\" | null" => {"enum":["a",null]}
        "#]],
    );
}

#[test]
fn violations() {
    let schema = json!({
        "amount_cents": {"type": "integer", "minimum": 1},
        "category": {"enum": ["refund", "question"]},
        "note": "string | null",
        "lines": [{"n": "integer", "inner": {"type": ["object", "null"], "properties": {"k": {"type": "string"}}}}],
        "either": {"anyOf": [{"type": "object", "properties": {"x": {"type": "integer"}}}, {"type": "null"}]},
        "email": {"type": "string", "maxLength": 5, "default": "a"},
    });
    let schema = read(&schema).0.unwrap();
    let good = json!({"amount_cents": 1, "category": "refund", "note": null, "lines": [], "either": null});
    let mut report = String::new();
    let mut change = |path: &str, value: Value| {
        let mut changed = good.clone();
        changed[path] = value;
        let found = schema.check(&changed).err().unwrap_or_default();
        let found: Vec<String> = found.iter().map(|v| format!("[{}] {}", v.path, v.message)).collect();
        let _ = writeln!(report, "{path}={} => {}", changed[path], found.join("; "));
    };
    change("amount_cents", json!(12));
    change("amount_cents", json!("12"));
    change("amount_cents", json!(1.5));
    change("amount_cents", json!(0));
    change("category", json!("refnd"));
    change("note", json!(5));
    change("lines", json!([{"n": 1}, {"n": null, "inner": {"k": 3}}]));
    change("either", json!({"x": "y"}));
    change("either", json!(["x"]));
    change("extra", json!(true));
    change("email", json!("abcdefgh"));
    let _ = writeln!(report, "{:?}", schema.check(&json!({})).err());
    let _ = writeln!(report, "{:?}", schema.check(&json!([1])).err());
    expect![[r#"
        amount_cents=12 => 
        amount_cents="12" => [amount_cents] `amount_cents` must be an integer, found the text "12"
        amount_cents=1.5 => [amount_cents] `amount_cents` must be an integer, found the number 1.5
        amount_cents=0 => [amount_cents] `amount_cents` must be at least 1, found the number 0
        category="refnd" => [category] `category` must be one of "refund", "question", found the text "refnd"
        note=5 => [note] `note` must be null or a text, found the number 5
        lines=[{"n":1},{"n":null,"inner":{"k":3}}] => [lines[1].n] `lines[1].n` must be an integer, found null; [lines[1].inner.k] `lines[1].inner.k` must be a text, found the number 3
        either={"x":"y"} => [either.x] `either.x` must be an integer, found the text "y"
        either=["x"] => [either] `either` must be a map or null, found a list of 1
        extra=true => [extra] `extra` is not a field that is known here
        email="abcdefgh" => [email] `email` must be at most 5 characters long, found the text "abcdefgh"
        Some([Violation { path: "amount_cents", message: "`amount_cents` is missing" }, Violation { path: "category", message: "`category` is missing" }, Violation { path: "lines", message: "`lines` is missing" }])
        Some([Violation { path: "", message: "the value must be a map, found a list of 1" }])
    "#]].assert_eq(&report);
}

#[test]
fn defaults() {
    let schema = read(&json!({
        "a": {"type": "integer", "default": 5}, "b": "string | null", "c": "string",
        "d": [{"e": "string | null"}],
        "f": {"type": ["object", "null"], "properties": {"g": {"type": "integer", "default": 1}}}
    }));
    let mut value = json!({"d": [{}, {"e": "x"}], "f": {}});
    schema.0.unwrap().fill_defaults(&mut value);
    assert_eq!(value, json!({"d": [{"e": null}, {"e": "x"}], "f": {"g": 1}, "a": 5, "b": null}));
}

#[test]
fn relations() {
    let ty = |source: &str| read(&json!(source)).0.unwrap().ty;
    assert!(ty("number").accepts(&ty("integer")) && !ty("integer").accepts(&ty("number")));
    assert!(ty("string | null").accepts(&ty("\"a\"")) && !ty("string").accepts(&ty("string | null")));
    assert!(ty("\"a\" | \"b\"").accepts(&ty("\"a\"")) && !ty("\"a\"").accepts(&ty("string")));
    assert!(ty("any").accepts(&ty("string")) && ty("string").accepts(&ty("any")));
    let small = Type::object([("a", Type::String)]);
    let large = Type::object([("a", Type::String), ("b", Type::Integer)]);
    assert!(!small.accepts(&large) && !large.accepts(&small) && small.accepts(&small));
    assert!(ty("string").overlaps(&ty("\"a\"")) && !ty("\"a\"").overlaps(&ty("\"b\"")));
    assert!(ty("integer").overlaps(&ty("number")) && !ty("integer").overlaps(&ty("string")));
    assert_eq!(Type::union(ty("string"), ty("\"a\" | null")).to_string(), "string | null");
    assert_eq!(Type::union(ty("\"a\" | 1"), ty("string")).to_string(), "1 | string");
    assert_eq!(Type::union(ty("integer | null"), ty("number")).to_string(), "null | number");
    assert_eq!(ty("string | null").without_null(), Type::String);
    assert!(matches!(small.field("aa"), FieldLookup::Missing { near, .. } if near == ["a"]));
    let either = Type::union(small.clone(), Type::object([("b", Type::Integer)]));
    assert_eq!(either.field("b"), FieldLookup::Found(Type::Integer.or_null(), None));
    assert_eq!(small.or_null().field("a"), FieldLookup::Found(Type::String.or_null(), None));
}

#[test]
fn a_field_knows_where_it_is_declared_also_in_json_schema() {
    let mut tree = tree(&json!({"type": "object", "properties": {"a": {"type": "string"}}}));
    if let yaml::Data::Map(entries) = &mut tree.data
        && let yaml::Data::Map(properties) = &mut entries[1].value.data
    {
        properties[0].key.span = Span::new(SourceId(0), 3..4);
    }
    let schema = Schema::read(&tree, &mut Diagnostics::default()).unwrap();
    let FieldLookup::Found(_, Some(at)) = schema.ty.field("a") else { panic!("not found") };
    assert_eq!(at.start, 3);
}

#[test]
fn a_schema_that_refers_to_itself_stays_small() {
    let node = json!({"type": "object", "properties": {
        "a": {"$ref": "#/$defs/one"}, "b": {"$ref": "#/$defs/two"}, "c": {"$ref": "#/$defs/one"}
    }});
    let schema = json!({"$ref": "#/$defs/one", "$defs": {"one": node, "two": node}});
    let schema = Schema::from_json_schema(schema).unwrap();
    assert!(matches!(schema.ty.field("a"), FieldLookup::Found(..)));
    assert!(schema.check(&json!({"a": {"b": {"c": 1}}})).is_err());
    let mut defs = serde_json::Map::new();
    for i in 0..40 {
        let next = json!({"$ref": format!("#/$defs/d{}", i + 1)});
        defs.insert(format!("d{i}"), json!({"type": "object", "properties": {"x": next, "y": next}}));
    }
    defs.insert("d40".into(), json!({"type": "string"}));
    let ty = Type::from_json_schema(&json!({"$ref": "#/$defs/d0", "$defs": defs}));
    assert!(matches!(ty.field("x"), FieldLookup::Found(..)));
}

fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(json!(null)),
        any::<bool>().prop_map(Value::from),
        (-3_i64..3).prop_map(Value::from),
        Just(json!(1.5)),
        "[a-c]{0,2}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            proptest::collection::btree_map("[a-c]", inner, 0..3)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

fn schemas() -> impl Strategy<Value = Value> {
    let leaf = proptest::sample::select(vec![
        json!("string"),
        json!("integer"),
        json!("number"),
        json!("boolean"),
        json!("any"),
        json!("string | null"),
        json!("[integer]"),
        json!({"enum": ["a", "b"]}),
        json!({"enum": [1, null]}),
        json!("object"),
    ]);
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            inner.clone().prop_map(|item| json!([item])),
            inner.clone().prop_map(|item| json!({"anyOf": [item, {"type": "null"}]})),
            proptest::collection::btree_map("[a-c]", inner, 1..3)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_tree_is_read_or_explained(value in values()) {
        let (schema, said) = read(&value);
        prop_assert!(schema.is_some() || !said.is_empty());
    }

    #[test]
    fn the_type_and_the_json_schema_agree(schema in schemas(), value in values()) {
        let schema = read(&schema).0.unwrap();
        let mut value = value;
        schema.fill_defaults(&mut value);
        prop_assert_eq!(schema.ty.accepts_value(&value), schema.check(&value).is_ok(), "{} {}", schema.ty, value);
    }

    #[test]
    fn a_type_survives_json_schema(schema in schemas()) {
        let ty = read(&schema).0.unwrap().ty;
        prop_assert_eq!(Type::from_json_schema(&ty.to_json_schema()).to_string(), ty.to_string());
    }

    #[test]
    fn a_value_fits_its_own_type(a in values(), b in values()) {
        let (x, y) = (type_of_value(&a), type_of_value(&b));
        prop_assert!(x.accepts_value(&a), "{} {}", x, a);
        let both = Type::union(x.clone(), y.clone());
        prop_assert!(both.accepts_value(&a) && both.accepts_value(&b), "{} {} {}", both, a, b);
        prop_assert!(both.accepts(&x) && both.accepts(&y), "{} {} {}", both, x, y);
        if a == b {
            prop_assert!(x.overlaps(&y));
        }
    }
}

/// A map of fields in a full schema is one, and not words that no validator knows.
#[test]
fn fields_in_a_full_schema_are_checked() {
    let who = "{ type: object, properties: { name: { first: string, last: string | null }, age: { minimum: 0 } } }";
    let schema = written(who);
    assert_eq!(schema.check(&json!({ "name": { "first": "Ann" }, "age": 3 })), Ok(()));
    for wrong in [json!({ "name": { "last": "A" } }), json!({ "name": { "first": 1 } }), json!({ "age": -1 })] {
        assert!(schema.check(&wrong).is_err(), "{wrong}");
    }
    let conditional =
        written("{ type: object, if: { properties: { a: { const: 1 } } }, then: { properties: { b: [string] } } }");
    assert!(conditional.check(&json!({ "a": 1, "b": [1] })).is_err());
    assert_eq!(conditional.check(&json!({ "a": 2, "b": [1] })), Ok(()));
}

/// `#` is the schema in which a reference is written, also where that is the type of a field.
#[test]
fn references_lead_to_their_own_schema() {
    let tree =
        "{ type: object, properties: { id: string, below: { type: array, items: { $ref: '#' } } }, required: [id] }";
    let line = "{ $ref: '#/$defs/Line', $defs: { Line: { sku: string } } }";
    let schema = written(&format!("{{ 'a/b': {line}, lines: [{line}], tree: {tree} }}"));
    let fitting = json!({
        "a/b": { "sku": "x" }, "lines": [{ "sku": "y" }], "tree": { "id": "1", "below": [{ "id": "2", "below": [] }] },
    });
    assert_eq!(schema.check(&fitting), Ok(()));
    for (pointer, wrong) in [("/a~1b/sku", json!(1)), ("/lines/0/sku", json!(1)), ("/tree/below/0/id", json!(1))] {
        let mut value = fitting.clone();
        *value.pointer_mut(pointer).unwrap() = wrong;
        assert!(schema.check(&value).is_err(), "{pointer}");
    }
    let again = Schema::from_json_schema(Value::clone(schema.json())).unwrap();
    assert_eq!(again.ty.to_string(), schema.ty.to_string());
}

#[test]
fn the_first_items_of_a_tuple_may_be_of_other_types() {
    let schema = written("{ type: array, prefixItems: [string], items: integer }");
    assert_eq!(schema.check(&json!(["a", 1])), Ok(()));
    assert!(schema.ty.accepts_value(&json!(["a", 1])), "{}", schema.ty);
}

fn written(text: &str) -> Schema {
    let mut out = Diagnostics::default();
    let tree = yaml::parse(SourceId(0), text, &mut out).expect("it can be parsed");
    let schema = Schema::read(&tree, &mut out);
    assert!(out.is_empty(), "{text}: {out:?}");
    schema.expect("a schema that nothing was said about")
}

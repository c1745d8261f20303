//! Filling schemas: one table of texts and values for each kind of property.

use expect_test::{Expect, expect};
use serde_json::{Value, json};

use crate::models::offline::{Ask, Document, Example, Reply, answer};

/// Answers and asserts that the schema accepts the value.
pub(super) fn valid(ask: &Ask<'_>) -> Reply {
    let reply = answer(ask).expect("the schema can be filled");
    let schema = ask.schema.expect("a schema was given");
    let validator = jsonschema::options()
        .should_validate_formats(true)
        .build(schema)
        .expect("the schema is valid");
    if let Err(error) = validator.validate(&reply.value) {
        panic!("{error}: {} for {schema}", reply.value);
    }
    assert_eq!(
        reply,
        answer(ask).expect("the schema can be filled"),
        "the same question gives the same answer"
    );
    reply
}

fn object(properties: &Value) -> Value {
    let required: Vec<&String> = properties.as_object().expect("an object").keys().collect();
    json!({ "type": "object", "properties": properties, "required": required })
}

/// One property `name` with `schema`, over several texts.
fn check(name: &str, schema: Value, texts: &[&str], expected: Expect) {
    let schema = object(&json!({ name: schema }));
    let mut out = String::new();
    for text in texts {
        let reply = valid(&Ask {
            prompt: text,
            input: text,
            schema: Some(&schema),
            ..Ask::default()
        });
        let notes = if reply.notes.is_empty() {
            String::new()
        } else {
            format!("   ! {}", reply.notes.join("; "))
        };
        out += &format!("{}{notes}\n", reply.value[name]);
    }
    expected.assert_eq(&out);
}

#[test]
fn money() {
    let texts = [
        "Refund me $12.50 please",
        "Ich will 1.234,56 € zurück",
        "I paid EUR 12 and $3",
        "nothing here",
        "2 items for 19 dollars, order 1042",
    ];
    check(
        "amount_cents",
        json!({ "type": "integer" }),
        &texts,
        expect![[r"
        1250
        123456
        1200
        0   ! `amount_cents`: the text says nothing about it; 0 stands for that
        1900
    "]],
    );
    check(
        "amount_usd",
        json!({ "type": ["number", "null"] }),
        &texts,
        expect![[r"
        12.5
        1234.56
        3
        null
        19
    "]],
    );
    check(
        "amount_cents",
        json!({ "type": "integer", "maximum": 1000 }),
        &["$12.50", "$5"],
        expect![[r"
        0   ! `amount_cents`: the text says nothing about it; 0 stands for that
        500
    "]],
    );
    check(
        "currency",
        json!({ "enum": ["USD", "EUR", "GBP"] }),
        &["it cost 12 €", "£5"],
        expect![[r#"
        "EUR"
        "GBP"
    "#]],
    );
}

#[test]
fn numbers() {
    let texts = [
        "I ordered 3 mugs 12 days ago",
        "quantity: 4",
        "two mugs arrived",
        "no number",
        "5",
    ];
    check(
        "mugs",
        json!({ "type": ["integer", "null"] }),
        &texts,
        expect![[r"
            3
            null
            2
            null
            5
        "]],
    );
    check(
        "age_days",
        json!({ "type": ["integer", "null"] }),
        &texts,
        expect![[r"
            12
            null
            null
            null
            5
        "]],
    );
    check(
        "quantity",
        json!({ "type": "integer", "minimum": 1 }),
        &texts,
        expect![[r"
            3
            4
            2
            1   ! `quantity`: the text says nothing about it; 1 stands for that
            5
        "]],
    );
    check(
        "discount_percent",
        json!({ "type": ["number", "null"] }),
        &["you promised 12.5% off 3 items"],
        expect![[r"
        12.5
    "]],
    );
    check(
        "quantity",
        json!({ "type": "integer" }),
        &["card 4111 1111 1111 1111 on 2026-03-12"],
        expect![[r"
        0   ! `quantity`: the text says nothing about it; 0 stands for that
    "]],
    );
}

#[test]
fn dates() {
    let texts = [
        "Ordered on 12 March 2026, delivered 2026-03-20",
        "03/12/2026",
        "last Monday",
        "am 3. Mai 2026 bestellt",
    ];
    check(
        "order_date",
        json!({ "type": ["string", "null"], "format": "date" }),
        &texts,
        expect![[r#"
        "2026-03-12"
        "2026-12-03"   ! `order_date`: 03/12/2026 was read as day/month/year
        null
        "2026-05-03"
    "#]],
    );
    check(
        "delivery_date",
        json!({ "type": "string", "format": "date" }),
        &texts,
        expect![[r#"
            "2026-03-20"
            "2026-12-03"   ! `delivery_date`: 03/12/2026 was read as day/month/year
            "1970-01-01"   ! `delivery_date`: the text says nothing about it; "1970-01-01" stands for that
            "2026-05-03"
        "#]],
    );
    check(
        "at",
        json!({ "type": "string", "format": "date-time" }),
        &["2026-03-12T10:20:30Z", "12 mars 2026"],
        expect![[r#"
        "2026-03-12T10:20:30Z"
        "2026-03-12T00:00:00Z"
    "#]],
    );
}

#[test]
fn references() {
    let texts = [
        "Where is order A-1042?",
        "#1042 is missing",
        "my order number is 10423, ticket 77881",
        "ord_12ab and inv_99x",
        "Bestellung Nr. 4711",
        "I have 2 orders",
        "no order at all",
        "Rechnung RE-2026-1, Pedido 5531",
    ];
    check(
        "order_id",
        json!({ "type": ["string", "null"] }),
        &texts,
        expect![[r#"
            "A-1042"
            "1042"
            "10423"
            "ord_12ab"
            "4711"
            null
            null
            "5531"
        "#]],
    );
    check(
        "invoice",
        json!({ "type": ["string", "null"] }),
        &texts,
        expect![[r#"
        null
        "1042"
        null
        "inv_99x"
        null
        null
        null
        "RE-2026-1"
    "#]],
    );
    check(
        "order_id",
        json!({ "type": ["string", "null"], "pattern": "^ORD-[0-9]{4}$" }),
        &["ORD-1042", "ord-1042", "ORD-10422", "x ORD-1041, ORD-1."],
        expect![[r#"
        "ORD-1042"
        "ORD-1042"
        null
        "ORD-1041"
    "#]],
    );
    check(
        "order_ids",
        json!({ "type": "array", "items": { "type": "string" } }),
        &[
            "orders A-1042 and A-1043",
            "order #1, order #22 und Bestellung 4711",
        ],
        expect![[r#"
        ["A-1042","A-1043"]
        ["22","4711"]
    "#]],
    );
    check(
        "order_id",
        json!({ "type": "integer" }),
        &["order 1042"],
        expect![[r"
        1042
    "]],
    );
}

#[test]
fn addresses_and_names() {
    let text = [
        "I'm Anna Berg, anna@example.com, +49 30 1234567, see https://a.example/x?y=1.\nThanks,\nAnna",
        "nothing",
    ];
    check(
        "email",
        json!({ "type": "string", "format": "email" }),
        &text,
        expect![[r#"
        "anna@example.com"
        "unknown@example.invalid"   ! `email`: the text says nothing about it; "unknown@example.invalid" stands for that
    "#]],
    );
    check(
        "contact_email",
        json!({ "type": ["string", "null"] }),
        &text,
        expect![[r#"
        "anna@example.com"
        null
    "#]],
    );
    check(
        "phone",
        json!({ "type": ["string", "null"] }),
        &text,
        expect![[r#"
        "+49 30 1234567"
        null
    "#]],
    );
    check(
        "url",
        json!({ "type": "string", "format": "uri" }),
        &text,
        expect![[r#"
        "https://a.example/x?y=1"
        "about:blank"   ! `url`: the text says nothing about it; "about:blank" stands for that
    "#]],
    );
    check(
        "customer_name",
        json!({ "type": ["string", "null"] }),
        &text,
        expect![[r#"
        "Anna Berg"
        null
    "#]],
    );
}

#[test]
fn booleans() {
    let texts = [
        "The mug is damaged",
        "The mug is not damaged",
        "Die Tasse ist kaputt",
        "La taza no está dañada",
        "Hello",
        "Damaged: no",
    ];
    check(
        "damaged",
        json!({ "type": "boolean" }),
        &texts,
        expect![[r"
        true
        false
        true
        false
        false   ! `damaged`: the text says nothing about it; false stands for that
        false
    "]],
    );
    check(
        "is_damaged",
        json!({ "type": ["boolean", "null"] }),
        &texts,
        expect![[r"
        true
        false
        true
        false
        null
        false
    "]],
    );
    check(
        "wants_refund",
        json!({ "type": "boolean" }),
        &[
            "I want my money back",
            "I don't want a refund, just a new one",
            "Where is it?",
        ],
        expect![[r"
        true
        false
        false   ! `wants_refund`: the text says nothing about it; false stands for that
    "]],
    );
    check(
        "eligible",
        json!({ "type": "boolean", "description": "true if the customer may get a refund" }),
        &["He is not eligible for this.", "Eligible."],
        expect![[r"
        false
        true
    "]],
    );
}

#[test]
fn strings() {
    let text = [
        "Hi team,\nMy blue mug arrived broken on Monday. I want a refund for order A-1042.\nThanks",
        "",
        "Title: Broken mug\nCity: Bern",
    ];
    check(
        "summary",
        json!({ "type": "string" }),
        &text,
        expect![[r#"
            "My blue mug arrived broken on Monday. I want a refund for order A-1042."
            ""   ! `summary`: the text says nothing about it; "" stands for that
            "Title: Broken mug. City: Bern."
        "#]],
    );
    check(
        "reason",
        json!({ "type": "string", "maxLength": 20 }),
        &text,
        expect![[r#"
            "My blue mug…"
            ""   ! `reason`: the text says nothing about it; "" stands for that
            "Title: Broken mug."
        "#]],
    );
    check(
        "title",
        json!({ "type": "string" }),
        &text,
        expect![[r#"
            "My blue mug arrived broken on Monday"
            ""   ! `title`: the text says nothing about it; "" stands for that
            "Broken mug"
        "#]],
    );
    check(
        "city",
        json!({ "type": ["string", "null"] }),
        &text,
        expect![[r#"
        null
        null
        "Bern"
    "#]],
    );
    check(
        "colour",
        json!({ "type": "string", "minLength": 1 }),
        &text,
        expect![[r#"
        "unknown"   ! `colour`: the text says nothing about it; "unknown" stands for that
        "unknown"   ! `colour`: the text says nothing about it; "unknown" stands for that
        "unknown"   ! `colour`: the text says nothing about it; "unknown" stands for that
    "#]],
    );
    check(
        "language",
        json!({ "type": "string", "maxLength": 2 }),
        &[
            "Where is my order?",
            "Wo ist meine Bestellung?",
            "¿Dónde está mi pedido?",
            "Где мой заказ?",
            "注文はどこですか",
        ],
        expect![[r#"
        "en"
        "de"
        "es"
        "ru"
        "ja"
    "#]],
    );
}

#[test]
fn arrays() {
    check(
        "keywords",
        json!({ "type": "array", "items": { "type": "string" }, "maxItems": 3 }),
        &["The printer prints blank pages; the printer ink is new"],
        expect![[r#"
        ["printer","prints","blank"]
    "#]],
    );
    check(
        "questions",
        json!({ "type": "array", "items": { "type": "string" } }),
        &["Where is it? I paid. When will it come?"],
        expect![[r#"
        ["Where is it?","When will it come?"]
    "#]],
    );
    check(
        "amounts",
        json!({ "type": "array", "items": { "type": "number" } }),
        &["$5, $6.50 and 3 mugs"],
        expect![[r"
        [5,6.5]
    "]],
    );
    check(
        "topics",
        json!({ "type": "array", "items": { "enum": ["refund", "delivery", "password"] }, "uniqueItems": true }),
        &["My delivery is late and I want a refund", "hello"],
        expect![[r#"
        ["refund","delivery"]
        []
    "#]],
    );
    let item = json!({ "type": "object", "properties": { "name": { "type": "string" }, "quantity": { "type": "integer" }, "price_usd": { "type": ["number", "null"] } }, "required": ["name", "quantity", "price_usd"] });
    check(
        "items",
        json!({ "type": "array", "items": item }),
        &["Please send:\n- 2 x Blue mug - $12.50\n- 1 x Tea pot\nThanks"],
        expect![[r#"
        [{"name":"Blue mug","quantity":2,"price_usd":12.5},{"name":"Tea pot","quantity":1,"price_usd":null}]
    "#]],
    );
}

#[test]
fn enums_with_confidence() {
    let schema = object(&json!({
        "category": { "enum": ["refund", "question", "complaint"] },
        "order_id": { "type": ["string", "null"] },
        "confidence": { "type": "number", "minimum": 0, "maximum": 1 },
    }));
    let cases = [
        ("I want my money back for order A-1042", "refund"),
        ("How long does delivery take?", "question"),
        ("This is the worst service ever, unacceptable", "complaint"),
        ("Ich möchte mein Geld zurück", "refund"),
    ];
    for (text, wanted) in cases {
        let prompt = format!("Classify the message and find the order id, if any: {text}");
        let reply = valid(&Ask {
            prompt: &prompt,
            input: &prompt,
            schema: Some(&schema),
            ..Ask::default()
        });
        assert_eq!(reply.value["category"], wanted, "{text}");
        assert_eq!(
            reply.value["confidence"].as_f64(),
            Some(reply.confidence),
            "{text}"
        );
        assert!(reply.confidence > 0.5, "{text} {}", reply.confidence);
    }
}

#[test]
fn labels_and_examples_decide() {
    let schema = object(&json!({ "kind": { "enum": ["k1", "k2", "k3"] } }));
    let labels = [("k1".to_owned(), "the parcel is late or lost".to_owned())];
    let (two, three) = (json!({ "kind": "k2" }), json!("k3"));
    let examples = [
        Example {
            input: "cannot log in to my account",
            output: &two,
        },
        Example {
            input: "the lamp flickers",
            output: &three,
        },
    ];
    let system = "Labels:\n- k3: a fault of the product";
    for (text, wanted) in [
        ("my parcel seems lost", "k1"),
        ("I cannot log in", "k2"),
        ("a fault of my product", "k3"),
    ] {
        let ask = Ask {
            prompt: text,
            input: text,
            system: Some(system),
            schema: Some(&schema),
            labels: &labels,
            examples: &examples,
            ..Ask::default()
        };
        assert_eq!(valid(&ask).value["kind"], wanted, "{text}");
    }
}

#[test]
fn a_decision_with_documents() {
    let schema = object(
        &json!({ "eligible": { "type": "boolean" }, "amount_cents": { "type": "integer" }, "reason": { "type": "string" } }),
    );
    let documents = [Document {
        id: "returns",
        title: "Returns",
        text: "Damaged items are refunded in full within 30 days. Sale items cannot be returned.",
    }];
    let ask = Ask {
        prompt: "",
        input: "My mug came damaged, I paid $12.50 and want a refund.",
        schema: Some(&schema),
        documents: &documents,
        ..Ask::default()
    };
    let reply = valid(&ask);
    assert_eq!(reply.value["amount_cents"], 1250);
    assert!(
        reply.value["reason"]
            .as_str()
            .is_some_and(|reason| reason.contains("Damaged items are refunded")),
        "{reply:?}"
    );
    assert_eq!(reply.sources, ["returns"]);
}

#[test]
fn shapes_of_schemas() {
    let text = "Order A-1042, $5";
    let cases = [
        (
            json!({ "$ref": "#/$defs/o", "$defs": { "o": { "type": "object", "properties": { "order_id": { "type": "string" } }, "required": ["order_id"] } } }),
            json!({ "order_id": "A-1042" }),
        ),
        (
            json!({ "anyOf": [{ "type": "null" }, { "type": "object", "properties": { "age": { "type": "null" } } }] }),
            json!(null),
        ),
        (json!({ "enum": ["refund"] }), json!("refund")),
        (json!({ "const": 7 }), json!(7)),
        (
            json!({ "type": "object", "required": ["x"] }),
            json!({ "x": null }),
        ),
        (
            object(&json!({ "size": { "type": "string", "default": "M" } })),
            json!({ "size": "M" }),
        ),
        (
            json!({ "type": "object", "properties": { "colour": { "type": "string" } } }),
            json!({}),
        ),
        (
            object(
                &json!({ "kind": { "oneOf": [{ "const": "a", "description": "has an order" }, { "const": "b", "description": "hello" }] } }),
            ),
            json!({ "kind": "a" }),
        ),
        (
            object(&json!({ "order": object(&json!({ "id": { "type": "string" } })) })),
            json!({ "order": { "id": "A-1042" } }),
        ),
    ];
    for (schema, wanted) in cases {
        assert_eq!(
            valid(&Ask {
                prompt: text,
                input: text,
                schema: Some(&schema),
                ..Ask::default()
            })
            .value,
            wanted,
            "{schema}"
        );
    }
}

#[test]
fn impossible_schemas_are_errors() {
    let endless = json!({ "$ref": "#/$defs/n", "$defs": { "n": { "type": "object", "properties": { "next": { "$ref": "#/$defs/n" } }, "required": ["next"] } } });
    let cases = [
        (
            object(&json!({ "order_id": { "type": "string", "pattern": "^ORD-[0-9]{4}$" } })),
            expect![[
                r#"`order_id`: the text says nothing about it, and it must match "^ORD-[0-9]{4}$"; allow null there"#
            ]],
        ),
        (
            object(&json!({ "n": { "type": "integer", "minimum": 5, "maximum": 4 } })),
            expect![
                "`n`: the text says nothing about it, and its limits exclude every neutral integer; allow null there"
            ],
        ),
        (
            json!({ "$ref": "#/nowhere" }),
            expect!["the output: `$ref: #/nowhere` leads to nothing in this schema"],
        ),
        (
            json!({ "$ref": "#" }),
            expect!["the output: the schema refers to itself without end"],
        ),
        (
            json!(false),
            expect!["the output: the schema `false` allows no value"],
        ),
        (
            json!({ "type": "datum" }),
            expect!["the output: the schema has the unknown type `datum`"],
        ),
        (
            endless,
            expect![
                "the output schema is nested more than 12 deep at `next.next.next.next.next.next.next.next.next.next.next.next.next`; make it flatter"
            ],
        ),
    ];
    for (schema, expected) in cases {
        let error = answer(&Ask {
            prompt: "x",
            input: "x",
            schema: Some(&schema),
            ..Ask::default()
        })
        .expect_err("no value fits");
        expected.assert_eq(&error);
    }
}

//! Text replies: answers from documents, summaries, limits.

use expect_test::{Expect, expect};

use crate::models::offline::{Ask, Document, MAX_TEXT, answer};

const DOCUMENTS: &[Document<'_>] = &[
    Document {
        id: "returns",
        title: "Returns and refunds",
        text: "# Returns\n\nYou may return an unused item within 30 days of delivery. The item must be in its original box.\n\n## Refunds\n\nWe pay the money back to the card that was used, within 5 working days. Shipping costs are not refunded.\n\nSale items cannot be returned.",
    },
    Document {
        id: "shipping",
        title: "Shipping",
        text: "Delivery inside the country takes 2 to 4 working days. Delivery to Norway and Switzerland takes 5 to 8 working days. Orders over $50 are shipped free of charge.",
    },
    Document {
        id: "de",
        title: "Garantie",
        text: "Die Garantie gilt zwei Jahre ab Kauf. Für Akkus gilt sie nur sechs Monate.",
    },
];

fn check(question: &str, documents: &[Document<'_>], expected: Expect) {
    let ask = Ask {
        prompt: question,
        input: question,
        documents,
        ..Ask::default()
    };
    let reply = answer(&ask).expect("text needs no schema");
    assert_eq!(reply, answer(&ask).expect("text needs no schema"));
    let text = reply.value.as_str().expect("a text");
    expected.assert_eq(&format!(
        "{text}\n-- {} {:.2}\n",
        reply.sources.join(" "),
        reply.confidence
    ));
}

#[test]
fn answers_from_documents() {
    check(
        "How long does delivery to Norway take?",
        DOCUMENTS,
        expect![[r#"
            Delivery inside the country takes 2 to 4 working days. Delivery to Norway and Switzerland takes 5 to 8 working days.
            -- shipping 1.00
        "#]],
    );
    check(
        "When do I get my money back?",
        DOCUMENTS,
        expect![[r#"
        We pay the money back to the card that was used, within 5 working days.
        -- returns 1.00
    "#]],
    );
    check(
        "Can I return a sale item?",
        DOCUMENTS,
        expect![[r#"
            You may return an unused item within 30 days of delivery. Sale items cannot be returned.
            -- returns 1.00
        "#]],
    );
    check(
        "Wie lange gilt die Garantie für Akkus?",
        DOCUMENTS,
        expect![[r#"
            Die Garantie gilt zwei Jahre ab Kauf. Für Akkus gilt sie nur sechs Monate.
            -- de 1.00
        "#]],
    );
    check(
        "Hi there, I bought a lamp three weeks ago and I'm not happy with it at all. The colour is wrong. Can I still send it back and how long do I have? Greetings, Jo",
        DOCUMENTS,
        expect![[r#"
            We pay the money back to the card that was used, within 5 working days.
            -- returns 0.25
        "#]],
    );
}

#[test]
fn says_so_when_nothing_is_relevant() {
    check(
        "Who won the chess championship?",
        DOCUMENTS,
        expect![[r#"
        I have no information about that in the documents.
        --  0.00
    "#]],
    );
    check(
        "",
        DOCUMENTS,
        expect![[r#"
        I have no information about that in the documents.
        --  0.00
    "#]],
    );
    check(
        "🙂🙂",
        DOCUMENTS,
        expect![[r#"
        I have no information about that in the documents.
        --  0.00
    "#]],
    );
}

#[test]
fn summaries() {
    check(
        "Summarise this: It   is short.\nVery short",
        &[],
        expect![[r#"
        It is short. Very short.
        --  1.00
    "#]],
    );
    check(
        "Hello. The new warehouse opened in Leipzig on Monday. It has room for two million parcels. The mayor cut a ribbon. Parcels from the warehouse will reach customers a day earlier. The company had planned the warehouse since 2019. Some neighbours complained about lorries at night. The company promised that lorries will use another road. Weather was fine.",
        &[],
        expect![[r#"
            The new warehouse opened in Leipzig on Monday. Parcels from the warehouse will reach customers a day earlier. The company had planned the warehouse since 2019. The company promised that lorries will use another road.
            --  0.50
        "#]],
    );
    check(
        "",
        &[],
        expect![[r#"

        --  0.00
    "#]],
    );
}

#[test]
fn long_texts_are_cut_with_a_note() {
    let text = "слово и дело. ".repeat(20_000);
    let reply = answer(&Ask {
        prompt: "p",
        input: &text,
        ..Ask::default()
    })
    .expect("text needs no schema");
    assert_eq!(
        reply.notes,
        [format!(
            "only the first {MAX_TEXT} of {} bytes of the text were read",
            text.len()
        )]
    );
    let words = reply
        .value
        .as_str()
        .expect("a text")
        .split_whitespace()
        .count();
    assert!(words <= 120, "{words}");
}

#[test]
fn what_is_not_there_is_said_in_the_language_of_the_question() {
    let ask = |question: &'static str| {
        let ask = Ask { prompt: question, input: question, nothing_found: true, ..Ask::default() };
        answer(&ask).expect("text needs no schema").value
    };
    assert_eq!(ask("Wie lange ist ein Gutschein gültig?"), "Dazu habe ich in den Unterlagen keine Angaben.");
    assert_eq!(ask("How long is a voucher valid?"), "I have no information about that in the documents.");
}

#[test]
fn a_page_in_the_language_of_the_question_is_preferred() {
    let documents = [
        Document { id: "en", title: "PayPal", text: "With PayPal the money is there on the same day." },
        Document { id: "de", title: "PayPal", text: "Mit PayPal ist das Geld am selben Tag da." },
    ];
    check("Kann ich mit PayPal bezahlen und ist das Geld gleich da?", &documents, expect![[r#"
        Mit PayPal ist das Geld am selben Tag da.
        -- de 0.63
    "#]]);
}

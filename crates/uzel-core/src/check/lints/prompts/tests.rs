//! Sentences that people write: thirty that are fine, and thirty that are better done by code.

use super::*;
use crate::{
    diagnostic::Diagnostics,
    source::{SourceId, Span},
    yaml::Text,
};

/// What is said of a prompt.
fn found(prompt: &str) -> Option<String> {
    let mut out = Diagnostics::default();
    let text = Text::synthetic(prompt, Span::new(SourceId(0), 0..0));
    let template = Template::parse(&text, &mut out).unwrap_or_else(|| panic!("{prompt}: {out:?}"));
    look_at(&template, "node").map(|diagnostic| diagnostic.message)
}

const FINE: [&str; 44] = [
    "What is this message about? {{ input.message }}",
    "Answer in at most 100 words: {{ input.question }}",
    "Summarise the article in 3 sentences.",
    "Sum up the discussion and add a friendly greeting.",
    "Give a confidence from 0 to 1.",
    "If the message has more than 2 questions, answer the first one.",
    "List up to 5 topics, each with at most 3 keywords.",
    "Extract the total amount and the invoice date from the text: {{ input.text }}",
    "Find the order number, such as A-1042, and the date of purchase if there is one.",
    "Explain to the customer that returns are possible within 30 days of delivery.",
    "Tell them that orders over 100 EUR are shipped free of charge.",
    "The refund of {{ pay.amount }} EUR has been paid. Write a short reply.",
    "Translate into German: {{ input.text }}",
    "Is this a complaint, a question or a request for a refund? {{ screen.text }}",
    "Reply politely to this message of {{ input.date }}: {{ input.message }}",
    "Do not calculate anything yourself; use the figures below: {{ figures }}",
    "Write a product description of 50 to 80 words for {{ input.product }}, which costs {{ input.price }} EUR.",
    "Rate the tone from 1 to 5 and give one reason.",
    "If you are less than 50% sure, answer `unsure`.",
    "Divide the text into sections of about 500 words.",
    "If the customer asks when we answer, say within 2 days.",
    "Decide which of these labels fits best: {{ labels | join(', ') }}",
    "Convert the notes to Markdown with headings.",
    "Add a short summary at the top and 3 bullet points below.",
    "Order {{ order.id }} from {{ order.date }}: {{ order.status }}. Explain the status in one sentence.",
    "Compare the two drafts and say which one is clearer.",
    "- {{ first }} + {{ second.title | upper }} are the two candidates\n- choose the better one",
    "Mention our 10% discount for newsletter subscribers.",
    "You are an assistant with 20 years of experience in support. Be brief.",
    "When the text is longer than 3 paragraphs, begin with a heading.",
    "Extract all prices and quantities as a list.",
    "What does the customer want most? Use the last 5 messages: {{ messages }}",
    "The current date is {{ input.today }}. Answer the question: {{ input.question }}",
    "Which of the policies below apply to the message? Name each by its title.\n\n{{ policy.text }}",
    "If the text mentions a date, return it as YYYY-MM-DD.",
    "Use no more than two paragraphs and at least one example.",
    "The facts are: {{ facts }}. The decision is: {{ decide.reason }}. Explain it kindly.",
    "Critique the report: name at most 5 problems, most important first.",
    "Write tests for the function; at least 3 cases must fail before the change.",
    "Has the customer written before? {{ history }}",
    "Classify the ticket. Angry messages are complaints, also if they are short.",
    "Plan the research in at most 6 parts, each with a question of one sentence.",
    "Ask for the order number if there is none, and answer within the language of the customer.",
    "Check whether every sentence is supported by the sources {{ sources }}.",
];

const BETTER_BY_CODE: [&str; 36] = [
    "Calculate the total of the invoice: {{ input.items }}",
    "Compute the VAT for {{ order.total }} EUR.",
    "Add up the prices of all items and return the sum.",
    "Add {{ order.shipping }} to {{ order.items }} and give the result.",
    "Subtract the discount of {{ input.discount }} from the price.",
    "Multiply the quantity by the unit price for each line.",
    "What is the average of these scores: {{ scores }}?",
    "What is the total of the order including shipping? {{ order }}",
    "What percentage of {{ total }} is {{ part }}?",
    "Apply a 10% discount to the price and write the offer.",
    "Reduce the amount by 15% if the customer is a member.",
    "Round the amount to two decimals.",
    "Convert {{ price }} dollars to euros.",
    "Sum the amounts in the table below.",
    "The price is {{ price }} * {{ quantity }}; say what the customer pays.",
    "How much is left to pay of {{ total }} after the instalment of {{ paid }}?",
    "Then add 19% VAT and state the result.",
    "Divide {{ total }} by {{ people }} and tell each what they owe.",
    "How many days are between {{ order.date }} and {{ input.today }}?",
    "Determine the number of days since the purchase on {{ order.date }}.",
    "Count the working days until {{ deadline }}.",
    "Check whether {{ order.delivered_on }} is before {{ input.today }}.",
    "Decide whether the contract has expired: it ends {{ contract.end_date }}, today is {{ input.today }}.",
    "Compare the dates {{ a.date }} and {{ b.date }} and say which is later.",
    "Work out how many weeks have passed since {{ visit.date }}.",
    "Is {{ invoice.due_date }} past {{ input.today }}? If so the invoice is overdue.",
    "Approve the refund if the order is less than 30 days old.",
    "If the purchase was more than 14 days ago, reject the request.",
    "When the amount is over 100 EUR, set `needs_approval` to true.",
    "The customer is eligible for a refund only if they bought it within 14 days.",
    "Refunds over $500 must be approved by a manager; decide whether this one is.",
    "If {{ order.total }} > 100, offer free shipping.",
    "Reject claims above 1,000 euros unless the customer is a member for at least two years.",
    "Flag the transaction if the amount exceeds {{ limits.amount }}.",
    "Mark the applicant as qualified when the income is at least 40000 and the age is over 21.",
    "Parcels that weigh more than 20 kg are not allowed. Is this one? {{ parcel }}",
];

#[test]
fn ordinary_prompts_are_left_alone() {
    let wrong: Vec<String> = FINE.iter().filter_map(|prompt| Some(format!("{prompt}: {}", found(prompt)?))).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn what_code_does_exactly_is_found() {
    let missed: Vec<&&str> = BETTER_BY_CODE.iter().filter(|prompt| found(prompt).is_none()).collect();
    assert!(missed.is_empty(), "{missed:#?}");
}

#[test]
fn the_place_is_the_sentence() {
    let source = "Be kind.\n\nCalculate the total of {{ items }}. Thank them.";
    let sentences = sentence::sentences(
        source,
        &Template::parse(&text(source), &mut Diagnostics::default()).expect("a template").pieces(),
    );
    let found = sentences.iter().find(|sentence| asks::asked(sentence).is_some()).expect("a sentence");
    assert_eq!(&source[found.bytes.clone()], "Calculate the total of {{ items }}");
}

fn text(source: &str) -> Text {
    Text::synthetic(source, Span::new(SourceId(0), 0..0))
}

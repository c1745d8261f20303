//! The support desk of the language's specification, walked for each kind of ticket.

use std::sync::Arc;

use serde_json::{Value, json};
use uzel_core::{event::End, graph::Graph};

use crate::walk::{Says, Script, Walked, graph, walk};

/// The app of the specification; kinds that need files are probes, whose results are scripted anyway.
const APP: &str = r#"
version: 1
name: support-triage
inputs: { message: string, customer_id: string, order_id: string | null }
models: { fast: { use: offline } }
flags: { auto_refund: { type: boolean, default: false } }
nodes:
  screen:
    kind: guard
    text: ${{ input.message }}
    checks: [{ length: { min: 1 }, on_failure: closed }]
    on_block: { stop: We cannot process this message. }
  classify:
    kind: llm
    model: fast
    prompt: "Classify the message and find the order id, if any: {{ screen.text }}"
    output: { category: { enum: [refund, question, complaint] }, order_id: string | null, confidence: number }
  route:
    kind: route
    by: classify.category if classify.confidence >= 0.6 else "unsure"
    cases: { refund: [order, policy], question: [policy], complaint: [policy], unsure: [ask_agent] }
  order: { kind: probe, with: { id: "${{ classify.order_id or input.order_id }}" } }
  policy: { kind: probe, with: "${{ screen.text }}" }
  decide:
    kind: llm
    model: fast
    needs: [order, policy]
    when: classify.category == "refund"
    prompt: "Decide: {{ order.id }}"
    output: { eligible: boolean, amount_cents: integer, reason: string }
  approve:
    kind: human
    when: decide.eligible and not (flags.auto_refund and decide.amount_cents < 2000)
    title: Refund ${{ decide.amount_cents / 100 }} USD on order ${{ order.id }}?
    show: { message: "${{ screen.text }}", reason: "${{ decide.reason }}", sources: "${{ policy.documents }}" }
    form: { amount_cents: { type: integer, default: "${{ decide.amount_cents }}" }, note: string | null }
    actions: [approve, reject]
    timeout: 24h
    on_timeout: reject
  pay:
    kind: probe
    class: keyed
    when: decide.eligible and (not approve or approve.action == "approve")
    with: { charge: "${{ order.charge_id }}", amount: "${{ approve.form.amount_cents if approve else decide.amount_cents }}" }
    on_error: { run: ask_agent }
  reply: { kind: llm, model: fast, needs: [policy, pay], prompt: "Reply: {{ policy.documents }}" }
  check_reply:
    kind: guard
    text: ${{ reply.text }}
    checks: [{ length: { min: 1 }, on_failure: closed }]
    on_block: { run: ask_agent }
  ask_agent: { kind: human, title: Please answer, show: { message: "${{ screen.text }}" }, form: { reply: string }, timeout: 3d }
output:
  refunded: ${{ pay.status == "succeeded" if pay else false }}
  reply: ${{ ask_agent.form.reply if ask_agent else check_reply.text }}
"#;

fn desk() -> Arc<Graph> {
    graph(APP)
}

fn script(category: &str, confidence: f64) -> Script {
    let port = match category {
        _ if confidence < 0.6 => "unsure",
        "refund" => "refund",
        "question" => "question",
        _ => "complaint",
    };
    Script::from([
        ("screen", Says::Value(json!({ "text": "message", "findings": [] }))),
        ("classify", Says::Value(json!({ "category": category, "order_id": "A-1", "confidence": confidence }))),
        ("route", Says::Port(port)),
        ("order", Says::Value(json!({ "id": "A-1", "charge_id": "ch_1" }))),
        ("policy", Says::Value(json!({ "documents": "pages" }))),
        ("decide", Says::Value(json!({ "eligible": true, "amount_cents": 4200, "reason": "broken" }))),
        ("approve", Says::Waits),
        ("pay", Says::Value(json!({ "status": "succeeded" }))),
        ("reply", Says::Value(json!({ "text": "Dear customer" }))),
        ("check_reply", Says::Value(json!({ "text": "Dear customer", "findings": [] }))),
        ("ask_agent", Says::Waits),
    ])
}

fn ticket(script: &Script) -> Walked {
    walk(&desk(), json!({ "message": "m", "customer_id": "c", "order_id": null }), script)
}

#[test]
fn parents_are_nearest_dependencies() {
    let desk = desk();
    let parents = |id: &str| {
        let (_, node) = desk.node(id).unwrap();
        let names = node.parents.iter().map(|edge| desk.nodes[edge.from].id.as_str());
        names.collect::<std::collections::BTreeSet<_>>().into_iter().collect::<Vec<_>>().join(" ")
    };
    assert_eq!(parents("classify"), "screen");
    assert_eq!(parents("order"), "route");
    assert_eq!(parents("decide"), "order policy");
    assert_eq!(parents("approve"), "decide");
    assert_eq!(parents("pay"), "approve");
    assert_eq!(parents("reply"), "pay");
    assert_eq!(parents("ask_agent"), "check_reply pay route");
}

#[test]
fn a_question() {
    let walked = ticket(&script("question", 0.9));
    assert_eq!(
        walked.states(),
        "screen ok, classify ok, route ok, order inactive, policy ok, decide stepped_over, approve stepped_over, \
         pay stepped_over, reply ok, check_reply ok, ask_agent inactive"
    );
    assert_eq!(walked.output(), json!({ "refunded": false, "reply": "Dear customer" }));
}

#[test]
fn a_refund_that_is_approved() {
    let script = script("refund", 0.9);
    let mut walked = ticket(&script);
    assert_eq!(
        walked.states(),
        "screen ok, classify ok, route ok, order ok, policy ok, decide ok, approve waiting, pay pending, \
         reply pending, check_reply pending, ask_agent pending"
    );
    assert_eq!(walked.called["approve"]["title"], "Refund 42.0 USD on order A-1?");
    walked.answer("approve", "approve", json!({ "amount_cents": 4000 }), &script);
    assert_eq!(
        walked.states(),
        "screen ok, classify ok, route ok, order ok, policy ok, decide ok, approve ok, pay ok, reply ok, \
         check_reply ok, ask_agent inactive"
    );
    assert_eq!(walked.called["pay"]["with"], json!({ "charge": "ch_1", "amount": 4000 }));
    assert_eq!(walked.output(), json!({ "refunded": true, "reply": "Dear customer" }));
}

#[test]
fn a_refund_that_is_rejected() {
    let script = script("refund", 0.9);
    let mut walked = ticket(&script);
    walked.answer("approve", "reject", json!({ "amount_cents": 4200 }), &script);
    assert_eq!(
        walked.states(),
        "screen ok, classify ok, route ok, order ok, policy ok, decide ok, approve ok, pay stepped_over, reply ok, \
         check_reply ok, ask_agent inactive"
    );
    assert_eq!(walked.output()["refunded"], false);
}

#[test]
fn a_payment_that_fails() {
    let mut script = script("refund", 0.9);
    script.insert("pay", Says::Fails);
    let mut walked = ticket(&script);
    walked.answer("approve", "approve", json!({ "amount_cents": 4200 }), &script);
    assert_eq!(
        walked.states(),
        "screen ok, classify ok, route ok, order ok, policy ok, decide ok, approve ok, pay failed, reply inactive, \
         check_reply inactive, ask_agent waiting"
    );
    walked.answer("ask_agent", "submit", json!({ "reply": "By hand" }), &script);
    assert_eq!(walked.output(), json!({ "refunded": false, "reply": "By hand" }));
}

#[test]
fn doubt_goes_to_a_person() {
    let script = script("refund", 0.4);
    let mut walked = ticket(&script);
    assert_eq!(
        walked.states(),
        "screen ok, classify ok, route ok, order inactive, policy inactive, decide inactive, approve inactive, \
         pay inactive, reply inactive, check_reply inactive, ask_agent waiting"
    );
    walked.answer("ask_agent", "submit", json!({ "reply": "By hand" }), &script);
    assert_eq!(walked.output(), json!({ "refunded": false, "reply": "By hand" }));
}

#[test]
fn a_bad_reply_goes_to_a_person() {
    let mut script = script("complaint", 0.9);
    script.insert("check_reply", Says::Blocks);
    let mut walked = ticket(&script);
    assert_eq!(
        walked.states(),
        "screen ok, classify ok, route ok, order inactive, policy ok, decide stepped_over, approve stepped_over, \
         pay stepped_over, reply ok, check_reply blocked, ask_agent waiting"
    );
    walked.answer("ask_agent", "submit", json!({ "reply": "By hand" }), &script);
    assert_eq!(walked.output()["reply"], "By hand");
}

#[test]
fn a_message_that_must_not_pass() {
    let mut script = script("question", 0.9);
    script.insert("screen", Says::Blocks);
    let walked = ticket(&script);
    assert_eq!(walked.in_state("blocked").len(), 1);
    assert_eq!(walked.in_state("pending").len(), 10, "{}", walked.states());
    let Some(End::Stopped { text, .. }) = walked.run.end() else { panic!("{:?}", walked.run.end()) };
    assert_eq!(text, "We cannot process this message.");
}

/// The same log gives the same states, whatever is lost of what can be computed again.
#[test]
fn any_part_of_the_log_leads_to_the_same_end() {
    let script = script("refund", 0.9);
    let mut walked = ticket(&script);
    walked.answer("approve", "approve", json!({ "amount_cents": 4000 }), &script);
    let whole: Value = walked.output();
    for cut in 1..walked.events.len() {
        let mut again = Walked {
            run: uzel_core::run::Run::fold("r".into(), desk(), &walked.events[..cut]),
            called: [].into(),
            events: vec![],
        };
        again.go_on(&script);
        if again.run.end().is_none() {
            again.answer("approve", "approve", json!({ "amount_cents": 4000 }), &script);
        }
        assert_eq!(again.output(), whole, "cut after {cut}: {:?}", walked.events[cut - 1]);
        assert_eq!(again.states(), walked.states());
    }
}

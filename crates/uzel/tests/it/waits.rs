//! Timers, calls from outside, and the example of an agent, through the binary.

use expect_test::{Expect, expect};
use uzel::{App, Status, Value, callback, code, hours, json};

use crate::{scratch::Scratch, triage};

const PAUSE: &str = r#"version: 1
name: pause
nodes:
  pause: { kind: wait, for: 20ms }
  note: { kind: code, run: "builtin:concat", needs: [pause], with: { values: [well, rested], separator: " " } }
"#;

const PAY: &str = r#"version: 1
name: pay
inputs: { order: string }
nodes:
  bank:
    kind: wait
    for: callback
    payload: { status: { enum: [booked, refused] }, note: string | null }
    timeout: 2h
    on_timeout: { status: refused }
output: { order: "${{ input.order }}", status: "${{ bank.payload.status }}", note: "${{ bank.payload.note }}" }
"#;

#[test]
fn a_short_timer_is_waited_for() {
    let scratch = Scratch::new(&[("app.yaml", PAUSE)]);
    scratch.check(
        &["run", "--id", "r-1"],
        expect![[r#"
        exit 0
        --- stdout
        {
          "note": "well rested"
        }
        --- stderr
        run: r-1
        succeeded: run r-1 in [T]
    "#]],
    );
    scratch.write("app.yaml", PAUSE.replace("20ms", "3d"));
    scratch.check(
        &["run", "--id", "r-2"],
        expect![[r#"
        exit 0
        --- stderr
        run: r-2
        timer: `pause` waits until [DATE]
        waiting: run r-2 until [DATE]
        next
          go on when it is time  uzel resume
    "#]],
    );
    scratch.check(
        &["show", "r-2", "--node", "pause"],
        expect![[r#"
        exit 0
        --- stdout
        ? pause  wait  waiting
          └ why  until [DATE] (in 2 d)
    "#]],
    );
    scratch.check(
        &["resume"],
        expect![[r#"
        exit 0
        --- stderr
        nothing to go on with: no run was cut off, and none is due
    "#]],
    );
    // Who does not want to stay says so.
    scratch.write("app.yaml", PAUSE);
    scratch.check(&["run", "--id", "r-3", "--wait", "0s", "-q", "--json"], expect![[r#"
        exit 0
        --- stdout
        {"run":"r-3","app":"pause","status":"waiting","output":{"note":null},"cost_usd":0.0,"input_tokens":0,"output_tokens":0,"created":"[DATE]","created_ms":[MS],"updated_ms":[MS]}
    "#]]);
    scratch.check(&["run", "--wait", "soon"], expect![[r#"
        exit 2
        --- stderr
        error: invalid value 'soon' for '--wait <TIME>': `soon` is not a duration: it must be a number and a unit, such as `30s`

        For more information, try '--help'.
    "#]]);
}

/// As [`Scratch::check`], without the token, which nobody can know before.
fn check(scratch: &Scratch, token: &str, arguments: &[&str], expected: Expect) {
    expected.assert_eq(&scratch.shown(&scratch.output(arguments)).replace(token, "[TOKEN]"));
}

#[test]
fn somebody_calls_back() {
    let scratch = Scratch::new(&[("app.yaml", PAY)]);
    scratch.fine(&["run", "--id", "r-1", "-i", "order=A-1", "-q"]);
    let listed: Value = serde_json::from_str(&scratch.fine(&["callback", "--json"])).unwrap();
    let token = listed["token"].as_str().unwrap();
    assert!(token.starts_with("r-1.") && token.len() == 24, "{token}");
    assert_eq!(listed["payload"]["properties"]["status"]["enum"][0], "booked");
    // The same id goes on with the same run, which says what it waits for.
    check(
        &scratch,
        token,
        &["run", "--id", "r-1", "-i", "order=A-1"],
        expect![[r#"
        exit 0
        --- stderr
        run: r-1 goes on
        waiting: `bank` waits for a call from outside
        waiting: run r-1 until [DATE]
        next
          go on when it is time  uzel resume
          make the call  uzel callback [TOKEN] --value status=… --value note=…
    "#]],
    );
    check(
        &scratch,
        token,
        &["callback"],
        expect![[r#"
        exit 0
        --- stdout
        r-1/bank
          waits since [DATE], due in 1 h
          token  [TOKEN]
          payload  { status: "booked" | "refused", note: string | null }
        --- stderr
        next
          make the first one  uzel callback [TOKEN] --value status=… --value note=…
    "#]],
    );
    check(
        &scratch,
        token,
        &["show", "r-1", "--node", "bank"],
        expect![[r#"
        exit 0
        --- stdout
        ? bank  wait  waiting
          ├ why  for a call from outside
          ├ got
          │  {
          │  "on_timeout": {
          │  "status": "refused"
          │  }
          │  }
          ├ token  [T], this process
          └ call  [TOKEN], due in 1 h
    "#]],
    );
    check(
        &scratch,
        token,
        &["callback", token, "--value", "status=lost"],
        expect![[r#"
        exit 2
        --- stderr
        error: what was sent does not fit
          `status` must be one of "booked", "refused", found the text "lost"
        hint: `uzel callback` shows what is wanted
    "#]],
    );
    check(
        &scratch,
        token,
        &["callback", "r-1.0000000000aaaaaaaaaa", "--value", "status=booked"],
        expect![[r#"
        exit 2
        --- stderr
        error: nobody waits for a call with `r-1.0000000000aaaaaaaaaa`
        hint: `uzel callback` lists the calls that are waited for
    "#]],
    );
    check(
        &scratch,
        token,
        &["callback", token, "--value", "status=booked"],
        expect![[r#"
        exit 0
        --- stdout
        {
          "order": "A-1",
          "status": "booked",
          "note": null
        }
        --- stderr
        called back: `bank` of run r-1: {"status":"booked","note":null}
        succeeded: run r-1 in [T]
    "#]],
    );
    check(
        &scratch,
        token,
        &["callback", "r-1/bank", "--value", r#"{"status": "refused"}"#],
        expect![[r#"
        exit 1
        --- stderr
        error: `r-1/bank` is not waited for any more: somebody has called back; the first call counts
        hint: `uzel resume r-1` goes on if its run has not ended; `uzel show r-1` shows what happened
    "#]],
    );
    check(
        &scratch,
        token,
        &["callback"],
        expect![[r#"
        exit 0
        --- stderr
        nothing waits for a call
    "#]],
    );
}

#[test]
fn a_call_may_only_be_recorded() {
    let scratch = Scratch::new(&[("app.yaml", PAY), ("sent.json", r#"{"status": "refused", "note": "no money"}"#)]);
    scratch.fine(&["run", "--id", "r-1", "-i", "order=A-1", "-q"]);
    scratch.check(
        &["callback", "r-1/bank", "--value", "@sent.json", "--no-run"],
        expect![[r#"
        exit 0
        --- stderr
        called back: `bank` of run r-1: {"status":"refused","note":"no money"}
        next
          go on with the run  uzel resume r-1
    "#]],
    );
    scratch.check(
        &["resume", "-q"],
        expect![[r#"
        exit 0
        --- stdout
        r-1  succeeded  {"order":"A-1","status":"refused","note":"no money"}
    "#]],
    );
}

/// The same from Rust.
#[tokio::test]
async fn a_program_calls_back() {
    let app = App::builder("pay")
        .node("bank", callback().payload_type("status", "string").timeout(hours(2)))
        .node("done", code("builtin:concat").with("values", json!(["it is ", "${{ bank.payload.status }}"])))
        .build()
        .unwrap();
    let run = app.run(json!({})).await.unwrap();
    assert_eq!((run.status, run.tasks.len()), (Status::Waiting, 0));
    let open = app.callbacks(&run.id).await.unwrap();
    assert_eq!((open.len(), open[0].instance.as_str()), (1, "bank"));
    let token = &open[0].token;
    assert!(app.call_back(token, json!({ "status": 3 })).await.is_err());
    let called = app.call_back(token, json!({ "status": "booked" })).await.unwrap();
    assert_eq!(called, run.id);
    let error = app.call_back(token, json!({ "status": "refused" })).await.unwrap_err().to_string();
    assert!(error.ends_with("is not waited for any more: somebody has called back; the first call counts"), "{error}");
    assert_eq!(app.unfinished().await.unwrap(), std::slice::from_ref(&run.id));
    let result = app.resume(&run.id).await.unwrap().finish().await.unwrap();
    assert_eq!(result.output, json!({ "done": "it is booked" }));
}

/// The commands of examples/refund-agent/README.md.
#[test]
fn the_agent_of_the_example_asks_before_it_pays() {
    let scratch = Scratch::new(&[]);
    triage::copy(&Scratch::example("refund-agent"), scratch.path());
    scratch.check(
        &["check", "app.yaml"],
        expect![[r#"
        exit 0
        --- stdout
        app.yaml is fine: 3 nodes
    "#]],
    );
    let start = |id| {
        let message = "message=My blue teapot came broken.";
        scratch.output(&["run", "app.yaml", "--id", id, "--input", "email=mia@example.com", "--input", message])
    };
    expect![[r#"
        exit 0
        --- stderr
        run: r-1
        waiting: `desk` asks: May `desk` call `refund`?
        next
          see what is asked  uzel inbox
          answer  uzel answer r-1/desk approve
    "#]]
    .assert_eq(&scratch.shown(&start("r-1")));
    scratch.check(
        &["inbox"],
        expect![[r#"
        exit 0
        --- stdout
        r-1/desk  May `desk` call `refund`?
          asked [T] ago, due in 2 d
          tool  refund
          call  2
          description  Pays an order back, whole or in part. A person looks at each call before it is made.
          arguments  {"order_id":"A-17","cents":2400}
          said  The teapot came broken.
          --form order_id=…  string = A-17
          --form cents=…  integer = 2400
          --form note=…  string | null
          actions: approve, reject
        --- stderr
        next
          answer the first one  uzel answer r-1/desk approve
    "#]],
    );
    scratch.check(
        &["answer", "r-1/desk", "approve", "-q"],
        expect![[r#"
        exit 0
    "#]],
    );
    scratch.check(
        &["callback", "r-1/bank", "--value", "status=booked"],
        expect![[r#"
        exit 0
        --- stdout
        {
          "reply": "I am sorry about the teapot. We have paid 24.00 back.",
          "refund": "booked",
          "calls": 2
        }
        --- stderr
        called back: `bank` of run r-1: {"status":"booked"}
        succeeded: run r-1 in [T]
    "#]],
    );
    scratch.check(&["show", "r-1", "--node", "desk"], expect![[r#"
        exit 0
        --- stdout
        ✓ desk  agent  ok, [T], 937 tokens
          ├ got
          │  {
          │  "system": "You are the desk of an online shop. Look the customer's orders up before you say anything about them. Refund what was\ndelivered broken or not at all, never more than was paid, and only orders of this customer. If a person rejects a refund,\nsay that somebody will get in touch.\n\nReply in a few friendly sentences. `refunded_cents` is what was really paid back, 0 if nothing was.",
          │  "prompt": "E-mail address: mia@example.com\n\nMessage:\nMy blue teapot came broken."
          │  }
          ├ start  [T], this process
          ├ chat#1  [T], 256 tokens, scripted
          ├ tool:find_orders#1  [T], sqlite:[DIR]/data/shop.db
          ├ chat#2  [T], 324 tokens, scripted
          ├ approve:refund#2  [T], this process
          ├ tool:refund#2  [T], sqlite:[DIR]/data/shop.db
          ├ chat#3  [T], 357 tokens, scripted
          ├ gave
          │  {
          │  "reply": "I am sorry about the teapot. We have paid 24.00 back.",
          │  "refunded_cents": 2400,
          │  "steps": [
          │  {
          │  "step": 1,
          │  "call": 1,
          │  "tool": "find_orders",
          │  "arguments": {
          │  "email": "mia@example.com"
          │  },
          │  "result": {
          │  "row": {
          │  "id": "A-17",
          │  "item": "a blue teapot",
          │  "cents": 2400,
          │  "status": "delivered"
          │  },
          │  "rows": [
          │  {
          │  "id": "A-17",
          │  "item": "a blue teapot",
          │  "cents": 2400,
          │  "status": "delivered"
          │  },
          │  {
          │  "id": "A-12",
          │  "item": "six cups",
          │  "cents": 3600,
          │  "status": "delivered"
          │  }
          │  ]
          │  },
          │  "error": null,
          │  "by": null
          │  },
          │  {
          │  "step": 2,
          │  "call": 2,
          │  "tool": "refund",
          │  "arguments": {
          │  "order_id": "A-17",
          │  "cents": 2400
          │  },
          │  "result": {
          │  "changes": 1
          │  },
          │  "error": null,
          │  "by": "tester"
          │  }
          │  ],
          │  "limit": null
          │  }
          └ answered  approve by tester at [DATE]
    "#]]);
    start("r-2");
    scratch.check(
        &["answer", "r-2/desk", "reject", "--form", "note=Ask for a photo first."],
        expect![[r#"
        exit 0
        --- stdout
        {
          "reply": "I am sorry about the teapot. Somebody will get in touch with you about it.",
          "refund": "none",
          "calls": 2
        }
        --- stderr
        answered: reject by tester: May `desk` call `refund`?
        succeeded: run r-2 in [T]
    "#]],
    );
}

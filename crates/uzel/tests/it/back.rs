//! Looking back at runs: the timeline, reasons, doing a part again, runs that kill processes.

use std::io::{BufRead, BufReader};

use expect_test::expect;
use serde_json::Value;

use crate::scratch::{DESK, Scratch};

fn desk() -> Scratch {
    let scratch = Scratch::new(&[("app.yaml", DESK)]);
    scratch.fine(&["run", "--id", "r-1", "-i", "message=My invoice is wrong", "-i", "urgent=true"]);
    scratch
}

const LIST: &str = r#"version: 1
name: list
inputs: { texts: [string] }
nodes:
  notes:
    kind: map
    for_each: ${{ input.texts }}
    as: text
    on_item_error: skip
    do: { kind: code, run: "builtin:json_parse", with: { text: "${{ text }}" } }
  all: { kind: code, run: "builtin:json_stringify", with: { value: "${{ notes.items }}" } }
output: { all: "${{ all }}" }
"#;

/// An order that is written to a ledger, which says no to an order without a number.
const ORDER: &str = r#"version: 1
name: order
inputs: { order: string }
connections: { shop: { use: sqlite, path: shop.db, init: shop.sql } }
tools:
  book:
    use: sqlite.execute
    connection: shop
    sql: INSERT INTO bookings (key, order_id) VALUES (:idempotency_key, :order) ON CONFLICT (key) DO NOTHING
    params: { order: string }
    effect: keyed
    timeout: 5s
models: { fast: { use: offline } }
nodes:
  sort:
    kind: llm
    model: fast
    prompt: "What is this about? {{ input.order }}"
    output: { topic: { enum: { billing: "invoice, payment, price or money", other: "anything else" } } }
  way: { kind: route, by: sort.topic, cases: { billing: [book], other: [skip] } }
  book: { kind: tool, tool: book, with: { order: "${{ input.order }}" } }
  skip: { kind: code, run: "builtin:concat", with: { values: [not, booked], separator: " " } }
output: { rows: "${{ book.changes if book else none }}", said: "${{ skip }}" }
"#;

fn order() -> Scratch {
    let sql = "CREATE TABLE bookings (key TEXT PRIMARY KEY, order_id TEXT NOT NULL);";
    let scratch = Scratch::new(&[("app.yaml", ORDER), ("shop.sql", sql)]);
    scratch.fine(&["run", "--id", "o-1", "-i", "order=an invoice for payment of money"]);
    scratch
}

fn bookings(scratch: &Scratch) -> i64 {
    let shop = rusqlite::Connection::open(scratch.path().join("shop.db")).unwrap();
    shop.query_row("SELECT count(*) FROM bookings", [], |row| row.get(0)).unwrap()
}

#[test]
fn long_lists_are_folded_in_the_timeline() {
    let scratch = Scratch::new(&[("app.yaml", LIST)]);
    let texts = r#"{"texts": ["1", "2", "3", "x", "5", "6", "7", "8", "9", "10"]}"#;
    scratch.fine(&["run", "--id", "r-1", "-i", texts]);
    let shown = scratch.output(&["show", "r-1"]);
    let text = String::from_utf8(shown.stdout).unwrap();
    let timeline: Vec<&str> = text.lines().skip_while(|line| !line.starts_with("timeline")).collect();
    let named = |name: &str| timeline.iter().any(|line| line.trim_start().starts_with(name));
    assert!(named("notes ") && named("notes[3]") && named("… ") && named("all"), "{text}");
    let folded = timeline.iter().find(|line| line.contains("more items")).unwrap();
    assert!(folded.contains(" ok"), "the others are counted by state: {folded}");
    let note = String::from_utf8(shown.stderr).unwrap();
    assert!(note.contains("`--all` shows them"), "{note}");
    let all = scratch.fine(&["show", "r-1", "--all"]);
    assert!((0..10).all(|n| all.contains(&format!("notes[{n}]"))) && !all.contains("more items"), "{all}");
    let json: Value = serde_json::from_str(&scratch.fine(&["show", "r-1", "--json"])).unwrap();
    assert_eq!(json["nodes"].as_array().unwrap().len(), 12, "programs get everything");
}

#[test]
fn why_a_run_waits_and_a_node_was_stepped_over() {
    let scratch = desk();
    scratch.check(&["why", "r-1"], expect![[r#"
        exit 0
        --- stdout
        run r-1  waiting
          waits  `look` waits for a person: "Look at this billing message?", done or drop, since [T] into the run  (app.yaml:20:5)
        the slowest path so far
          screen  [T]
          sort  [T]
          look  [T], waiting
        --- stderr
        next
          see why that is so  uzel why r-1 look
    "#]]);
    scratch.check(
        &["why", "r-1", "look"],
        expect![[r#"
        exit 0
        --- stdout
        look  human  waiting  at app.yaml:17:3
          after  `sort` is ok: go, [T] into the run  (app.yaml:20:30)
          when  `input.urgent` is true, where `input.urgent` is true  (app.yaml:19:11)
          waits  for a person: "Look at this billing message?", done or drop, since [T] into the run  (app.yaml:20:5)
          time  it began [T] into the run and has not settled
    "#]],
    );
    scratch.fine(&["answer", "r-1/look", "done", "--form", "stars=3"]);
    scratch.check(
        &["why", "r-1", "look"],
        expect![[r#"
        exit 0
        --- stdout
        look  human  ok  at app.yaml:17:3
          after  `sort` is ok: go, [T] into the run  (app.yaml:20:30)
          when  `input.urgent` is true, where `input.urgent` is true  (app.yaml:19:11)
          answer  `tester` answered `done` with {"stars":3,"note":"none"}, [T] after it was asked
          time  it began [T] into the run and took [T], [T] of it waiting for `tester`
    "#]],
    );
    scratch.fine(&["run", "--id", "r-2", "-i", "message=hello"]);
    scratch.check(
        &["why", "r-2", "look"],
        expect![[r#"
        exit 0
        --- stdout
        look  human  stepped over  at app.yaml:17:3
          after  `sort` is ok: go, [T] into the run  (app.yaml:20:30)
          when  `input.urgent` is false, where `input.urgent` is false  (app.yaml:19:11)
    "#]],
    );
    scratch.check(
        &["why", "r-2", "lok"],
        expect![[r#"
        exit 2
        --- stderr
        error: the run has no node `lok`
        hint: did you mean `look`?
    "#]],
    );
    let json: Value = serde_json::from_str(&scratch.fine(&["why", "r-2", "look", "--json"])).unwrap();
    let when = json["because"].as_array().unwrap().iter().find(|because| because["rule"] == "when").unwrap();
    assert_eq!(when["at"]["line"], 19, "{when}");
}

#[test]
fn why_a_node_is_inactive_or_failed() {
    let scratch = order();
    scratch.check(&["why", "o-1", "skip"], expect![[r#"
        exit 0
        --- stdout
        skip  code  inactive  at app.yaml:22:3
          route  `way` chose `billing` because `by` (`sort.topic`) is "billing"; this node is for `other`: not this way, [T] into the run  (app.yaml:20:73)
          join  no route, error or block chose it
    "#]]);
    scratch.check(
        &["why", "o-1", "way"],
        expect![[r#"
        exit 0
        --- stdout
        way  route  ok  at app.yaml:20:3
          after  `sort` is ok: go, [T] into the run  (app.yaml:20:27)
          route  it chose `billing` because `by` (`sort.topic`) is "billing"  (app.yaml:20:27)
          time  it began [T] into the run and took [T]
    "#]],
    );
    scratch.write("app.yaml", LIST.replace("on_item_error: skip", "on_item_error: fail"));
    assert_eq!(scratch.output(&["run", "--id", "r-1", "-i", r#"{"texts": ["1", "x"]}"#]).status.code(), Some(1));
    scratch.check(&["why", "r-1"], expect![[r#"
        exit 0
        --- stdout
        run r-1  failed
          failed  `notes[1]` failed: code: json_parse: `text` is no JSON: expected value at line 1 column 1  (app.yaml:10:9)
          failed  `notes`, which ran it, failed for that reason  (app.yaml:5:3)
        the slowest path
          notes  [T], failed
            notes[1]  [T], failed
        --- stderr
        next
          see why that is so  uzel why r-1 'notes[1]'
    "#]]);
    scratch.check(
        &["why", "r-1", "notes"],
        expect![[r#"
        exit 0
        --- stdout
        notes  map  failed  at app.yaml:5:3
          after  it waits for no other node: it starts with the run
          body  2 of 2 items were opened, 2 ended, 1 failed
          failed  it failed: code: json_parse: `text` is no JSON: expected value at line 1 column 1  (app.yaml:5:3)
          failed  `notes[1]` was run
          failed  item 1 was worked on
          then  nothing handles the failure: the run fails
          time  it began [T] into the run and took [T]
    "#]],
    );
    // Without a node, what failed is done again.
    scratch.check(
        &["retry", "r-1", "--dry-run"],
        expect![[r#"
        exit 0
        --- stdout
        run r-1 again from `notes[1]`
          reused  0 effects
          repeated  0 effects
    "#]],
    );
}

#[test]
fn a_retry_says_first_which_calls_it_repeats() {
    let scratch = order();
    scratch.check(
        &["retry", "o-1", "--from", "sort", "--dry-run"],
        expect![[r#"
        exit 0
        --- stdout
        run o-1 again from `sort`
          reused  0 effects
          repeated  2 effects
            ! book/tool  keyed  HAS BEEN DONE, and will be done a second time: its key is another
            sort/chat  read
          note  effects that are done again have new idempotency keys, as the run has another name
    "#]],
    );
    scratch.check(
        &["retry", "o-1", "--from", "book", "--id", "o-2"],
        expect![[r#"
        exit 2
        --- stderr
        run o-1 again from `book`
          reused  1 effect
            sort/chat
          repeated  1 effect
            ! book/tool  keyed  HAS BEEN DONE, and will be done a second time: its key is another
          note  effects that are done again have new idempotency keys, as the run has another name
        error[UZ6040]: 1 call that write would be made again; nothing was done
        hint: look at them above, then `retry` with `--yes`; `--dry-run` only looks
    "#]],
    );
    assert_eq!(bookings(&scratch), 1, "nothing was done");
    assert!(!scratch.fine(&["runs"]).contains("o-2"));
    scratch.check(&["retry", "o-1", "--from", "book", "--id", "o-2", "--yes"], expect![[r#"
        exit 0
        --- stdout
        {
          "rows": 1,
          "said": null
        }
        --- stderr
        run o-1 again from `book`
          reused  1 effect
            sort/chat
          repeated  1 effect
            ! book/tool  keyed  HAS BEEN DONE, and will be done a second time: its key is another
          note  effects that are done again have new idempotency keys, as the run has another name
        note: model `fast` is offline: built-in text functions, not an LLM; choose one with `--model fast=openai/gpt-5-mini`
        run: o-2, from o-1
        succeeded: run o-2 in [T]
    "#]]);
    assert_eq!(bookings(&scratch), 2, "another run has another key");
    // The model was not asked again, and its tokens are those of the first run.
    let json: Value = serde_json::from_str(&scratch.fine(&["show", "o-2", "--json"])).unwrap();
    assert_eq!(json["input_tokens"], 0);
    assert_eq!(json["forked_from"]["run"], "o-1");
    assert!(scratch.fine(&["why", "o-2", "sort"]).contains("its record was taken from run `o-1`"));
    scratch.check(
        &["retry", "o-1"],
        expect![[r#"
        exit 2
        --- stderr
        error: no node of run `o-1` ended it by its failure
        hint: name the node from which all is done again: `--from NODE`
    "#]],
    );
    scratch.check(
        &["retry", "o-1", "--from", "boook"],
        expect![[r#"
        exit 2
        --- stderr
        error: the run has no node `boook`
        hint: did you mean `book`?
    "#]],
    );
}

#[test]
fn a_fork_goes_another_way() {
    let scratch = order();
    scratch.check(&["fork", "o-1", "--set", "sort.topic=other", "--id", "o-2", "--yes"], expect![[r#"
        exit 0
        --- stdout
        {
          "rows": null,
          "said": "not booked"
        }
        --- stderr
        run o-1 again
          set  what `sort` gives
          reused  0 effects
          repeated  1 effect
            ! book/tool  keyed  HAS BEEN DONE, and will be done a second time: its key is another
          note  effects that are done again have new idempotency keys, as the run has another name
        note: model `fast` is offline: built-in text functions, not an LLM; choose one with `--model fast=openai/gpt-5-mini`
        run: o-2, from o-1
        succeeded: run o-2 in [T]
    "#]]);
    scratch.check(&["fork", "o-1", "--set", "sort.topic=weather"], expect![[r#"
        exit 2
        --- stderr
        error[UZ6041]: what `sort` gives cannot be set: `topic` must be one of "billing", "other", found the text "weather"
    "#]]);
    scratch.check(
        &["fork", "o-1", "--set", "way=other"],
        expect![[r#"
        exit 2
        --- stderr
        error[UZ6041]: what `way` gives cannot be set: it only chooses the way; set the value that it chooses by
    "#]],
    );
    scratch.write("new/app.yaml", ORDER.replace("[not, booked]", "[nothing, booked]"));
    scratch.write("new/shop.sql", scratch.read("shop.sql"));
    scratch.check(
        &["fork", "o-2", "--at", "skip", "--with", "new", "--id", "o-3"],
        expect![[r#"
            exit 0
            --- stdout
            {
              "rows": null,
              "said": "nothing booked"
            }
            --- stderr
            check: 1 warning in the app; `uzel check new/app.yaml` shows more
            note: model `fast` is offline: built-in text functions, not an LLM; choose one with `--model fast=openai/gpt-5-mini`
            run o-2 again from `skip`
              reused  0 effects
              repeated  0 effects
            run: o-3, from o-2
            succeeded: run o-3 in [T]
        "#]],
    );
    scratch.check(&["fork", "o-2", "--at", "ship", "--with", "new"], expect![[r#"
        exit 2
        --- stderr
        check: 1 warning in the app; `uzel check new/app.yaml` shows more
        note: model `fast` is offline: built-in text functions, not an LLM; choose one with `--model fast=openai/gpt-5-mini`
        error: the run has no node `ship`
        hint: did you mean `skip`?
    "#]]);
}

#[test]
fn answers_before_the_point_are_reused() {
    let scratch = Scratch::new(&[(
        "app.yaml",
        r#"version: 1
name: two
nodes:
  first: { kind: human, title: "Go?", actions: [yes, no] }
  second: { kind: human, title: "Really?", when: first.action == "yes", actions: [yes, no] }
output: { said: "${{ second.action if second else none }}" }
"#,
    )]);
    scratch.fine(&["run", "--id", "r-1"]);
    scratch.fine(&["answer", "r-1/first", "yes", "--by", "ann"]);
    scratch.fine(&["answer", "r-1/second", "no", "--by", "bob"]);
    scratch.check(
        &["retry", "r-1", "--from", "second", "--id", "r-2"],
        expect![[r#"
        exit 0
        --- stderr
        run r-1 again from `second`
          reused  0 effects
          repeated  0 effects
          answer  `first`: yes by ann is reused
          answer  `second` is asked again (was no by bob)
        run: r-2, from r-1
        waiting: `second` asks: Really?
        next
          see what is asked  uzel inbox
          answer  uzel answer r-2/second yes
    "#]],
    );
    assert!(scratch.fine(&["answer", "r-2/second", "yes"]).contains("\"said\": \"yes\""));
    // A run that waits is forked with its question.
    scratch.fine(&["run", "--id", "r-3"]);
    scratch.fine(&["fork", "r-3", "--at", "second", "--id", "r-4"]);
    assert!(scratch.fine(&["inbox"]).contains("r-4/first"));
}

#[test]
fn one_item_of_a_list_is_done_again() {
    let scratch = Scratch::new(&[("app.yaml", LIST)]);
    scratch.fine(&["run", "--id", "r-1", "-i", r#"{"texts": ["1", "2", "3"]}"#]);
    scratch.fine(&["fork", "r-1", "--set", "notes[1]=\"other\"", "--id", "r-2"]);
    let json: Value = serde_json::from_str(&scratch.fine(&["show", "r-2", "--json"])).unwrap();
    let notes = json["nodes"].as_array().unwrap().iter().find(|node| node["instance"] == "notes").unwrap();
    assert_eq!(notes["output"]["items"], serde_json::json!([1, "other", 3]));
    scratch.check(
        &["retry", "r-1", "--from", "notes[7]", "--id", "r-3"],
        expect![[r#"
        exit 2
        --- stderr
        error[UZ6041]: `notes[7]` has not come to be in this run; name `notes` to do all of it again
        hint: write `notes`
    "#]],
    );
    scratch.fine(&["retry", "r-1", "--from", "notes[2]", "--id", "r-3"]);
    scratch.check(&["fork", "r-1", "--set", "notes=1"], expect![[r#"
        exit 2
        --- stderr
        error[UZ6041]: what `notes` gives cannot be set: it follows from the nodes in its body; set what one of those gives
    "#]]);
}

#[test]
#[cfg(unix)]
fn a_run_that_kills_processes_is_set_aside() {
    let server = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/v1", server.local_addr().unwrap());
    let model = format!("{{ use: openai-compatible/any, base_url: \"{url}\", timeout: 60s }}");
    let scratch = Scratch::new(&[("app.yaml", &DESK.replace("{ use: offline }", &model))]);
    let die = |arguments: &[&str]| {
        let mut child = scratch.spawn(arguments);
        // It asks the model, which never answers.
        let held = server.accept().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        drop(held);
    };
    die(&["run", "--id", "r-1", "-i", "message=hi"]);
    die(&["resume"]);
    // A process that was asked to stop is no crash, and begins the count again.
    let mut child = scratch.spawn(&["resume"]);
    let held = server.accept().unwrap();
    let pid = child.id().to_string();
    let interrupt = || assert!(std::process::Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    let mut said = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
    interrupt();
    assert!(said.any(|line| line.contains("interrupt again to leave at once")));
    interrupt();
    child.wait().unwrap();
    drop(held);
    die(&["resume"]);
    die(&["resume"]);
    die(&["resume"]);
    scratch.check(
        &["resume"],
        expect![[r#"
        exit 1
        --- stdout
        r-1  quarantined
        --- stderr
        1/1 100%  [T]  1 quarantined
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
    assert!(scratch.fine(&["runs", "--status", "quarantined"]).contains("r-1"));
    assert!(scratch.fine(&["why", "r-1"]).contains("quarantined"));
    // By its name it is taken up all the same.
    die(&["resume", "r-1"]);
    assert!(!scratch.fine(&["runs", "--status", "quarantined"]).contains("r-1"));
    scratch.fine(&["cancel", "r-1"]);
}

/// A limit that kept a call from being made left no result of it, and is the reason all the same.
#[test]
fn a_run_that_a_limit_ended_is_replayed() {
    const NOTES: &str = "version: 1
name: notes
inputs: { parts: [string] }
models: { fast: { use: offline } }
nodes:
  notes:
    kind: map
    for_each: input.parts
    limits: { calls: 2 }
    on_error: { use: { items: [] } }
    do: { kind: llm, model: fast, prompt: 'Sum up: {{ item }}' }
  nap: { kind: wait, for: 1h, limits: { duration: 10ms }, on_error: skip }
";
    let scratch = Scratch::new(&[("app.yaml", NOTES)]);
    let input = r#"parts=["a cat","a dog","a cow"]"#;
    scratch.fine(&["run", "--id", "n-1", "--input", input]);
    // Where the process was slow, the limit ended the node before the run was parked.
    scratch.output(&["resume", "n-1"]);
    scratch.write("n-1.json", scratch.fine(&["export", "n-1"]));
    assert!(scratch.fine(&["show", "n-1"]).contains("longer than `limits.duration: 10ms` of `nap`"));
    scratch.fine(&["replay", "n-1.json"]);
    scratch.write("new/app.yaml", NOTES.replace("calls: 2", "calls: 9"));
    let other = scratch.output(&["replay", "n-1.json", "--with", "new"]);
    let said = String::from_utf8_lossy(&other.stdout).into_owned();
    assert!(said.contains("notes[2]/chat would be done") || said.contains("notes[1]/chat would be done"), "{said}");
}

#[test]
fn an_exported_run_is_replayed() {
    let scratch = order();
    let file = scratch.fine(&["export", "o-1"]);
    scratch.write("o-1.json", &file);
    std::fs::remove_dir_all(scratch.path().join(".uzel")).unwrap();
    scratch.check(
        &["replay", "o-1.json"],
        expect![[r#"
        exit 0
        --- stderr
        same: run o-1 comes to the same
    "#]],
    );
    assert_eq!(bookings(&scratch), 1, "a replay does nothing");
    // Other cases of the route: the ledger is not asked, and another node runs.
    let other = ORDER.replace("billing: [book], other: [skip]", "billing: [skip], other: [book]");
    scratch.write("new/app.yaml", &other);
    scratch.write("new/shop.sql", scratch.read("shop.sql"));
    scratch.check(
        &["replay", "o-1.json", "--with", "new"],
        expect![[r#"
        exit 1
        --- stdout
        ~ `book` state: ok → inactive
        ~ `book` output: {"changes":1} → null
        ~ `skip` state: inactive → ok
        ~ `skip` output: null → not booked
        ~ run output: {"rows":1,"said":null} → {"rows":null,"said":"not booked"}
        - book/tool would not be asked for
        --- stderr
        check: 1 warning in the app; `uzel check new/app.yaml` shows more
        different: 6 differences
    "#]],
    );
    // Another name is another effect, which nobody does.
    scratch.write("new/app.yaml", ORDER.replace("sort:\n", "classify:\n").replace("sort.topic", "classify.topic"));
    scratch.check(
        &["replay", "o-1.json", "--with", "new"],
        expect![[r#"
        exit 1
        --- stdout
        ~ `classify` state: not there → running
        ~ `way` state: ok → pending
        ~ `way` way: billing → null
        ~ `way` output: billing → null
        ~ `book` state: ok → pending
        ~ `book` output: {"changes":1} → null
        ~ `skip` state: inactive → pending
        ~ `sort` state: ok → not there
        ~ run state: succeeded → not ended
        ~ run output: {"rows":1,"said":null} → {"rows":null,"said":null}
        + classify/chat would be done; what follows from it is not known
        - sort/chat would not be asked for
        --- stderr
        check: 1 warning in the app; `uzel check new/app.yaml` shows more
        different: 12 differences
    "#]],
    );
    assert_eq!(bookings(&scratch), 1);
}

#[test]
fn a_broken_export_says_what_is_wrong_with_it() {
    let scratch = order();
    let file = scratch.fine(&["export", "o-1"]);
    scratch.write("half.json", &file[..file.len() / 2]);
    scratch.check(
        &["replay", "half.json"],
        expect![[r#"
        exit 2
        --- stderr
        error[UZ6042]: `half.json` cannot be read: it ends in the middle
        hint: export the run again; the file was not written to its end
    "#]],
    );
    scratch.write("changed.json", file.replace("an invoice", "no invoice"));
    scratch.check(
        &["replay", "changed.json"],
        expect![[r#"
        exit 2
        --- stderr
        error[UZ6042]: `changed.json` cannot be read: its content is not what its checksum says
        hint: it was changed or damaged: export it again
    "#]],
    );
    scratch.write("newer.json", file.replace("\"version\":1,\"sha256\"", "\"version\":2,\"sha256\""));
    scratch.check(
        &["replay", "newer.json"],
        expect![[r#"
        exit 2
        --- stderr
        error[UZ6042]: `newer.json` cannot be read: it has version 2; this program knows 1
        hint: use the newer program
    "#]],
    );
    scratch.write("other.json", "{}");
    scratch.check(
        &["replay", "other.json"],
        expect![[r#"
        exit 2
        --- stderr
        error[UZ6042]: `other.json` cannot be read: it is no exported run
        hint: `uzel export RUN > FILE` writes one
    "#]],
    );
    scratch.check(
        &["replay", "missing.json"],
        expect![[r#"
        exit 2
        --- stderr
        error[UZ6042]: `missing.json` cannot be read: there is no such file
    "#]],
    );
    // Laid out anew it is the same file.
    let value: Value = serde_json::from_str(&file).unwrap();
    scratch.write("pretty.json", serde_json::to_string_pretty(&value).unwrap());
    assert_eq!(scratch.output(&["replay", "pretty.json"]).status.code(), Some(0));
}

#[test]
fn texts_are_taken_out_of_an_export() {
    let scratch = order();
    let all = scratch.fine(&["export", "o-1", "--redact"]);
    assert!(!all.contains("invoice for payment") && all.contains("characters, "), "{all}");
    assert!(all.contains("\"topic\":\"billing\""), "words of the app stay");
    let some = scratch.fine(&["export", "o-1", "--redact", "sort"]);
    assert!(some.contains("invoice for payment"), "what is not named stays");
    let input = scratch.fine(&["export", "o-1", "--redact", "input.order"]);
    assert!(!input.contains("invoice for payment"));
    scratch.check(
        &["export", "o-1", "--redact", "srot.topic"],
        expect![[r#"
        exit 2
        --- stderr
        error: `--redact srot.topic`: the run's app has no node `srot`
        hint: name `input.FIELD`, a node, or `NODE.FIELD`
    "#]],
    );
    scratch.write("o-1.json", &all);
    let output = scratch.output(&["replay", "o-1.json"]);
    assert!(String::from_utf8(output.stderr).unwrap().contains("texts were taken out"));
}

#[test]
fn runs_go_on_with_another_release_if_what_they_did_fits() {
    let scratch = desk();
    let list = scratch.fine(&["release", "list", "--json"]);
    let release: Value = serde_json::from_str(&list).unwrap();
    let old = release["release"].as_str().unwrap()[..8].to_owned();
    assert!(scratch.fine(&["release", "list"]).contains(&old));
    scratch.check(
        &["release", "diff", &old, "app.yaml", "--runs"],
        expect![[r#"
        exit 0
        --- stdout
        r-1  waiting  continues
    "#]],
    );
    // The text that a guard stops with is of no consequence to a run that passed it.
    scratch.write("app.yaml", DESK.replace("not a novel", "no novel"));
    scratch.check(
        &["release", "diff", &old, "app.yaml", "--runs"],
        expect![[r#"
        exit 0
        --- stdout
        r-1  waiting  continues
    "#]],
    );
    // The output is made at the end.
    scratch.write("app.yaml", DESK.replace("else none }}", "else 'nobody' }}"));
    scratch.check(
        &["release", "diff", &old, "app.yaml", "--runs"],
        expect![[r#"
        exit 0
        --- stdout
        r-1  waiting  can migrate: output is different
    "#]],
    );
    scratch.check(
        &["release", "diff", &old, "app.yaml"],
        expect![[r#"
        exit 1
        --- stdout
        ~ output
          ~ note: string | null → string (narrower; old callers fit)
          ~ value.note: ${{ look.form.note if look else none }} → ${{ look.form.note if look else 'nobody' }}
    "#]],
    );
    // What waits is asked otherwise.
    scratch.write("stays.yaml", DESK.replace("actions: [done, drop]", "actions: [done, skip]"));
    scratch.check(
        &["release", "diff", &old, "stays.yaml", "--runs"],
        expect![[r#"
        exit 0
        --- stdout
        r-1  waiting  stays pinned: `look` is waiting and is otherwise in the new release
    "#]],
    );
    scratch.check(
        &["release", "migrate", "r-1", "--to", "stays.yaml"],
        expect![[r#"
        exit 1
        --- stderr
        error[UZ6043]: run r-1 cannot go on with that release
          `look` is waiting and is otherwise in the new release
        hint: it goes on with its own; `uzel fork` does a part of it again with another app
    "#]],
    );
    // What settled had another type.
    scratch.write("type.yaml", DESK.replace("billing: \"invoice, payment, price or money\"", "money: \"invoice\""));
    scratch.check(&["release", "diff", &old, "type.yaml", "--runs"], expect![[r#"
        exit 0
        --- stdout
        r-1  waiting  stays pinned: what `sort` gave does not fit its type in the new release: `topic` must be one of "money", "other", found the text "billing"
    "#]]);
    let migrated = scratch.output(&["release", "migrate", "r-1", "--to", "app.yaml"]);
    assert_eq!(migrated.status.code(), Some(0), "{migrated:?}");
    assert!(scratch.fine(&["inbox"]).contains("r-1/look"), "the question stays open");
    scratch.check(&["answer", "r-1/look", "drop", "--form", "stars=1"], expect![[r#"
        exit 0
        --- stdout
        {
          "topic": "billing",
          "note": "none"
        }
        --- stderr
        answered: drop by tester: Look at this billing message?
        note: model `fast` is offline: built-in text functions, not an LLM; choose one with `--model fast=openai/gpt-5-mini`
        succeeded: run r-1 in [T]
    "#]]);
    scratch.fine(&["store", "check"]);
    assert_eq!(scratch.output(&["release", "migrate", "r-1", "--to", "stays.yaml"]).status.code(), Some(1));
    scratch.check(
        &["release", "diff", "abcdef", "app.yaml"],
        expect![[r#"
        exit 2
        --- stderr
        error: there is no release `abcdef`
        hint: `uzel release list` lists those that runs are pinned to; at least 4 characters name one
    "#]],
    );
}

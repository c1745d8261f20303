//! `diff`: what changed in what apps do, and not how they are written.

use expect_test::expect;

use crate::scratch::{DESK, Scratch};

const BEFORE: &str = r#"version: 1
name: answers
inputs: { message: string, language: { type: string, default: en, maxLength: 8 } }
models:
  fast: { use: openai/gpt-5-mini, timeout: 20s, api_key: "${{ secrets.KEY }}", fallback: [local] }
  local: { use: offline }
secrets: [KEY]
flags: { polite: { type: boolean, default: true } }
limits: { cost_usd: 0.25, duration: 7d }
defaults: { retry: { max: 3 } }
nodes:
  screen: { kind: guard, text: "${{ input.message }}", checks: [{ length: { max: 200 }, on_failure: closed }] }
  sort:
    kind: llm
    model: fast
    prompt: prompts/sort.md
    output: { topic: { enum: { refund: wants the money back, other: anything else } }, sure: number }
  notes:
    kind: map
    for_each: "[1, 2]"
    do: { say: { kind: llm, model: local, prompt: "Say {{ item }} about {{ sort.topic }} in one sentence." } }
  reply: { kind: llm, model: fast, when: sort.sure > 0.5, prompt: "Answer politely: {{ screen.text }}", timeout: 30s }
output: { topic: "${{ sort.topic }}", reply: "${{ reply.text }}" }
"#;

const PROMPT: &str = "Read the message and say what it is about.\n\n{{ screen.text }}\n";

fn scratch(after: &str) -> Scratch {
    let files =
        [("a/app.yaml", BEFORE), ("a/prompts/sort.md", PROMPT), ("b/app.yaml", after), ("b/prompts/sort.md", PROMPT)];
    Scratch::new(&files)
}

/// `BEFORE` with words replaced; each must be there.
fn after(changes: &[(&str, &str)]) -> String {
    changes.iter().fold(BEFORE.to_owned(), |text, (old, new)| {
        assert!(text.contains(old), "{old:?} is not there");
        text.replace(old, new)
    })
}

#[test]
fn how_a_file_is_written_is_no_difference() {
    let other = r#"
# Another hand.
version: 1
name: 'answers'
description: says more
secrets:
- KEY
models:
  local: {"use": offline}
  fast:
    fallback: [ local ]
    timeout: 20000ms
    use: "openai/gpt-5-mini"
    api_key: ${{secrets.KEY}}
inputs:
  message: { type: string, description: what somebody wrote }
  language: { maxLength: 8, default: "en", type: string }
flags: { polite: { default: true, type: boolean } }
limits: { duration: 168h, cost_usd: 0.250 }
x-notes: [1, 2]
nodes:
  reply:
    kind: llm
    model: fast
    when: "${{ sort.sure>0.5 }}"
    timeout: 30s
    retry: { max: 3 }
    prompt: "Answer politely: {{screen.text}}"
  notes:
    kind: map
    for_each: "[1,2]"
    as: item
    do:
      say: { kind: llm, model: local, prompt: prompts/say.md }
  sort:
    kind: llm
    description: finds the topic
    model: fast
    prompt: texts/topic.md
    output:
      topic: { enum: { refund: wants the money back, other: anything else } }
      sure: { type: number }
  screen: { kind: guard, text: "${{input.message}}", checks: [{ length: { max: 200 }, on_failure: closed }] }
output:
  topic: ${{ sort.topic }}
  reply: ${{ reply.text }}
"#;
    let scratch = scratch(other);
    scratch.write("b/texts/topic.md", PROMPT);
    scratch.write("b/prompts/say.md", "Say {{ item }} about {{ sort.topic }} in one sentence.");
    scratch.check(
        &["diff", "a", "b"],
        expect![[r#"
            exit 0
            --- stderr
            same: both do the same
        "#]],
    );
    scratch.check(
        &["diff", "a", "a/app.yaml", "--json", "--quiet"],
        expect![[r#"
        exit 0
        --- stdout
        {
          "same": true,
          "callers": "fit",
          "parts": []
        }
    "#]],
    );
}

#[test]
fn changes_are_told_part_by_part() {
    let changed = after(&[
        (
            "language: { type: string, default: en, maxLength: 8 }",
            "language: { type: string, maxLength: 5 }, order: integer",
        ),
        ("timeout: 20s, ", "timeout: 10s, "),
        ("secrets: [KEY]", "secrets: [KEY, OTHER]"),
        ("default: true", "default: false"),
        ("cost_usd: 0.25, duration: 7d", "cost_usd: 0.5"),
        ("max: 3", "max: 5, base: 1s"),
        ("on_failure: closed }] }", "on_failure: open }], on_block: skip }"),
        ("other: anything else }", "praise: is happy, other: all the rest }"),
        ("{{ item }} about {{ sort.topic }} in one", "{{ item }} of {{ sort.topic }} in a"),
        ("when: sort.sure > 0.5", "when: sort.sure > 0.5 and sort.topic == \"refund\", join: settle"),
        (
            "timeout: 30s }",
            "on_error: { use: { text: Sorry. } }, needs: [notes] }\n  last: { kind: llm, model: local, prompt: Bye }",
        ),
    ]);
    let scratch = scratch(&changed);
    scratch.write("b/prompts/sort.md", PROMPT.replace("what it is about", "in one word what it is about"));
    scratch.check(
        &["diff", "a", "b"],
        expect![[r#"
        exit 1
        --- stdout
        ~ inputs
          ~ language.required: false → true (old callers break)
          - language.default: en (old callers fit)
          + order: integer (old callers break)
          ~ language.maxLength: 8 → 5 (old callers break)
        ~ output
          ~ topic: "refund" | "other" → "refund" | "praise" | "other" (wider; old callers break)
        ~ secrets
          + OTHER
        ~ models.fast (openai/gpt-5-mini)
          ~ timeout: 20s → 10s
        ~ flags
          ~ polite.default: true → false
        ~ limits
          ~ cost_usd: 0.25 → 0.5
          - duration: 7d
        ~ defaults
          ~ retry.max: 3 → 5
          ~ retry.base: 100ms → 1s
        ~ nodes.screen (guard)
          ~ checks[0].on_failure: closed → open
          ~ on_block: fail → skip
        ~ nodes.sort (llm)
          ~ prompt (prompts/sort.md): … message and say {+in one word+} what it is …
          ~ output.topic: "refund" | "other" → "refund" | "praise" | "other" (wider)
          ~ output.topic.labels.other: anything else → all the rest
        ~ nodes.notes (map)
          ~ on_error: fail → taken by those behind it
        ~ nodes.notes.say (llm)
          ~ prompt: … {{ item }} [-about-] {+of+} {{ sort.topic }} in [-one-] {+a+} sentence.
        ~ nodes.reply (llm)
          ~ when: sort.sure > 0.5 → sort.sure > 0.5 and sort.topic == "refund"
          ~ join: all → settle
          - after: `sort`
          + after: `notes`
          ~ on_error: fail → { use: { text: Sorry. } }
          - timeout: 30s
        + nodes.last (llm): added
        --- stderr
        different: 13 parts; old callers break
    "#]],
    );
}

#[test]
fn another_name_is_another_name_and_nothing_else() {
    let changed = after(&[("sort", "triage"), ("fast", "quick"), ("  screen:", "  first:"), ("screen.", "first.")]);
    let scratch = scratch(&changed);
    scratch.write("b/prompts/triage.md", PROMPT.replace("screen", "first"));
    scratch.check(
        &["diff", "a", "b"],
        expect![[r#"
        exit 1
        --- stdout
        ~ models.quick (openai/gpt-5-mini): probably `fast` under another name
        ~ nodes.first (guard): probably `screen` under another name
        ~ nodes.triage (llm): probably `sort` under another name
        --- stderr
        different: 3 parts; old callers fit
    "#]],
    );
}

#[test]
fn what_callers_send_and_read() {
    let app = |inputs: &str, output: &str| {
        format!(
            "version: 1\nname: x\ninputs: {{ {inputs} }}\nnodes:\n  a: {{ kind: llm, model: m, prompt: x, output: {{ {output} }} }}\nmodels: {{ m: {{ use: offline }} }}\noutput: ${{{{ a }}}}\n"
        )
    };
    let old = app("a: string, b: integer, c: { enum: [x, y] }, d: string | null", "p: string, q: integer, r: string");
    let verdict = |inputs: &str, output: &str| {
        let scratch = Scratch::new(&[("old.yaml", &old), ("new.yaml", &app(inputs, output))]);
        let said = scratch.shown(&scratch.output(&["diff", "old.yaml", "new.yaml"]));
        let lines = said.lines().filter(|line| line.contains("old callers"));
        lines.map(|line| format!("{}\n", line.trim())).collect::<String>()
    };
    let (same_in, same_out) =
        ("a: string, b: integer, c: { enum: [x, y] }, d: string | null", "p: string, q: integer, r: string");
    let said = [
        verdict("a: string | null, b: number, c: { enum: [x, y, z] }, d: string | null, e: string | null", same_out),
        verdict("a: integer, b: integer, c: { enum: [x] }, d: string", same_out),
        verdict("a: string, b: integer, c: { enum: [x, y] }, e: string", same_out),
        verdict(
            "a: { type: string, maxLength: 9 }, b: { type: integer, pattern: x }, c: { enum: [x, y] }, d: string | null",
            same_out,
        ),
        verdict(same_in, "p: string, q: integer, r: string, s: string"),
        verdict(same_in, "p: string | null, q: number"),
    ];
    expect![[r#"
        ~ a: string → string | null (wider; old callers fit)
        ~ b: integer → number (wider; old callers fit)
        ~ c: "x" | "y" → "x" | "y" | "z" (wider; old callers fit)
        + e: string | null (old callers fit)
        different: 1 part; old callers fit

        ~ a: string → integer (another type; old callers break)
        ~ c: "x" | "y" → "x" (narrower; old callers break)
        ~ d: string | null → string (narrower; old callers break)
        different: 1 part; old callers break

        - d: string | null (old callers break)
        + e: string (old callers break)
        different: 1 part; old callers break

        + a.maxLength: 9 (old callers break)
        + b.pattern: x (old callers break)
        different: 1 part; old callers break

        + s: string (old callers fit)
        different: 2 parts; old callers fit

        ~ p: string → string | null (wider; old callers break)
        ~ q: integer → number (wider; old callers break)
        - r: string (old callers break)
        different: 2 parts; old callers break
    "#]]
    .assert_eq(&said.join("\n"));
}

#[test]
fn bodies_other_apps_and_files() {
    let outer = |max: u32, body: &str| {
        format!(
            "version: 1\nname: o\ninputs: {{ list: [integer] }}\nnodes:\n  each:\n    kind: map\n    for_each: input.list\n    max_parallel: {max}\n    do:\n{body}  below: {{ kind: graph, use: inner/app.yaml }}\n  add: {{ kind: code, run: \"js:logic/run.js#go\", with: {{ number: 1 }} }}\n"
        )
    };
    let inner = |prompt: &str| {
        format!(
            "version: 1\nname: i\nmodels: {{ m: {{ use: offline }} }}\nnodes:\n  say: {{ kind: llm, model: m, prompt: \"{prompt}\" }}\n"
        )
    };
    let one = "      a: { kind: code, run: \"builtin:sum\", with: { values: [1] } }\n";
    let two = "      a: { kind: code, run: \"builtin:sum\", with: { values: [2] } }\n      b: { kind: code, run: \"builtin:sum\", with: { values: [3] } }\n";
    let script = "import { add } from \"./add.js\";\nexport function go({ number }) { return add(number); }\n";
    let scratch = Scratch::new(&[
        ("a/app.yaml", &outer(2, one)),
        ("a/inner/app.yaml", &inner("Say hello")),
        ("a/logic/run.js", script),
        ("a/logic/add.js", "export const add = (n) => n + 1;\n"),
        ("b/app.yaml", &outer(4, two)),
        ("b/inner/app.yaml", &inner("Say goodbye")),
        ("b/logic/run.js", script),
        ("b/logic/add.js", "export const add = (n) => n + 2;\n"),
    ]);
    scratch.check(
        &["diff", "a", "b"],
        expect![[r#"
        exit 1
        --- stdout
        ~ output
          + each.items[].b: number (old callers fit)
        ~ nodes.each (map)
          ~ max_parallel: 2 → 4
          + output.items[].b: number
        ~ nodes.each.a (code)
          ~ with.values[0]: 1 → 2
        + nodes.each.b (code): added
        ~ nodes.below.say (llm)
          ~ prompt: Say hello → Say goodbye
        ~ files
          ~ logic/add.js: export const add = (n) => n + 1; → export const add = (n) => n + 2;
        --- stderr
        different: 6 parts; old callers fit
    "#]],
    );
    scratch.check(
        &["diff", "a", "b", "--json", "--quiet"],
        expect![[r#"
        exit 1
        --- stdout
        {
          "same": false,
          "callers": "fit",
          "parts": [
            {
              "section": "output",
              "name": "",
              "change": "changed",
              "changes": [
                {
                  "key": "each.items[].b",
                  "change": "added",
                  "new": "number",
                  "callers": "fit"
                }
              ]
            },
            {
              "section": "nodes",
              "name": "each",
              "change": "changed",
              "kind": "map",
              "changes": [
                {
                  "key": "max_parallel",
                  "change": "changed",
                  "old": 2,
                  "new": 4
                },
                {
                  "key": "output.items[].b",
                  "change": "added",
                  "new": "number"
                }
              ]
            },
            {
              "section": "nodes",
              "name": "each.a",
              "change": "changed",
              "kind": "code",
              "changes": [
                {
                  "key": "with.values[0]",
                  "change": "changed",
                  "old": 1,
                  "new": 2
                }
              ]
            },
            {
              "section": "nodes",
              "name": "each.b",
              "change": "added",
              "kind": "code"
            },
            {
              "section": "nodes",
              "name": "below.say",
              "change": "changed",
              "kind": "llm",
              "changes": [
                {
                  "key": "prompt",
                  "change": "changed",
                  "old": "Say hello",
                  "new": "Say goodbye"
                }
              ]
            },
            {
              "section": "files",
              "name": "",
              "change": "changed",
              "changes": [
                {
                  "key": "logic/add.js",
                  "change": "changed",
                  "old": "export const add = (n) => n + 1;\n",
                  "new": "export const add = (n) => n + 2;\n",
                  "file": "logic/add.js"
                }
              ]
            }
          ]
        }
    "#]],
    );
}

#[test]
fn an_app_that_cannot_be_read() {
    let scratch = Scratch::new(&[("a.yaml", DESK), ("b.yaml", "version: 1\nnodes: {}\n"), ("c.yaml", "a: [\n")]);
    scratch.check(
        &["diff", "a.yaml", "b.yaml"],
        expect![[r#"
        exit 2
        --- stderr
        error[UZ1012]: the app has no nodes
         --> b.yaml:2:8
          |
        2 | nodes: {}
          |  ^^
          |
          = help: add at least one node: `nodes: { answer: { kind: llm, … } }`
                  run `uzel explain UZ1012`
        error: `b.yaml` cannot be compared: 1 error
    "#]],
    );
    scratch.check(
        &["diff", "c.yaml", "b.yaml"],
        expect![[r#"
        exit 2
        --- stderr
        error[UZ0003]: a value is missing here
         --> c.yaml:1:6
          |
        1 | a: [
          |  ^
          |
          = help: write one, or remove the comma or bracket
                  run `uzel explain UZ0003`
        error: `c.yaml` cannot be compared: 1 error
        error[UZ1012]: the app has no nodes
         --> b.yaml:2:8
          |
        2 | nodes: {}
          |  ^^
          |
          = help: add at least one node: `nodes: { answer: { kind: llm, … } }`
                  run `uzel explain UZ1012`
        error: `b.yaml` cannot be compared: 1 error
    "#]],
    );
    scratch.check(
        &["diff", "a.yaml", "nowhere.yaml"],
        expect![[r#"
        exit 2
        --- stderr
        error: there is no app file `nowhere.yaml`
        hint: give an app file or a folder with an app.yaml; `uzel new NAME` makes one
    "#]],
    );
}

/// What an overlay or a model of the command line covers is the same in both.
#[test]
fn overlays_and_models_are_put_over_both() {
    let scratch = scratch(&after(&[("use: openai/gpt-5-mini, timeout: 20s", "use: openai/gpt-5, timeout: 20s")]));
    scratch.write("prod.yaml", "models: { fast: { use: openai/gpt-5-nano } }\nlimits: { cost_usd: 1 }\n");
    scratch.write("nodes.yaml", "nodes: { sort: { kind: human, title: x } }\n");
    let run = |more: &[&str]| {
        let output = scratch.output(&[&["diff", "a", "b"], more].concat());
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    };
    assert_eq!(run(&[]).0, Some(1));
    for cover in [["--overlay", "prod.yaml"], ["--model", "fast=offline"]] {
        let (code, out, err) = run(&cover);
        assert_eq!((code, out.trim()), (Some(0), ""), "{cover:?}: {err}");
    }
    // What covers something else hides nothing.
    assert_eq!(run(&["--model", "local=offline"]).0, Some(1));
    for (overlay, why) in [("none.yaml", "there is no overlay `none.yaml`"), ("nodes.yaml", "nodes")] {
        let (code, _, err) = run(&["--overlay", overlay]);
        assert!(code == Some(2) && err.contains(why), "{overlay}: {err}");
    }
}

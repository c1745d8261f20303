//! `graph`: drawings of the examples and of an app of forty nodes, in every format, and nodes in words.

use std::path::PathBuf;

use expect_test::{Expect, expect, expect_file};

use crate::scratch::{DESK, Scratch};

/// The claims desk: large, and made to be read.
fn claims() -> String {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/it/graph/claims").display().to_string()
}

fn triage() -> String {
    Scratch::example("support-triage").join("app.yaml").display().to_string()
}

/// What `uzel graph` prints; talk about warnings is not what is looked at.
fn drawn(app: &str, arguments: &[&str]) -> String {
    let all: Vec<&str> = ["graph", "--quiet", app].into_iter().chain(arguments.iter().copied()).collect();
    let text = Scratch::new(&[]).fine(&all);
    assert_eq!(text, Scratch::new(&[]).fine(&all), "the same app is drawn in the same way");
    text
}

fn fits(text: &str, width: usize) {
    for line in text.lines() {
        assert!(line.chars().count() <= width, "wider than {width}: `{line}`\n{text}");
    }
}

#[test]
fn the_support_desk() {
    expect_file!["graph/support-triage.txt"].assert_eq(&drawn(&triage(), &["--width", "100"]));
    expect_file!["graph/support-triage.outline.txt"].assert_eq(&drawn(&triage(), &["--format", "outline"]));
    expect_file!["graph/support-triage.mmd"].assert_eq(&drawn(&triage(), &["--format", "mermaid"]));
    expect_file!["graph/support-triage.dot"].assert_eq(&drawn(&triage(), &["--format", "dot"]));
}

#[test]
fn forty_nodes() {
    let names = ["screen", "motor_facts", "explain_lapse", "coverage", "investigate", "check_letter", "archive"];
    for (width, file) in [("120", expect_file!["graph/claims.txt"]), ("80", expect_file!["graph/claims.80.txt"])] {
        let text = drawn(&claims(), &["--width", width]);
        fits(&text, width.parse().unwrap());
        assert!(names.iter().all(|name| text.contains(&format!("│ {name} "))), "{text}");
        file.assert_eq(&text);
    }
    let outline = drawn(&claims(), &["--width", "50"]);
    fits(&outline, 50);
    expect_file!["graph/claims.50.txt"].assert_eq(&outline);
}

#[test]
fn ascii_has_no_other_characters() {
    for width in ["40", "100"] {
        for app in [triage(), claims()] {
            let text = drawn(&app, &["--ascii", "--width", width]);
            assert!(text.is_ascii(), "{text}");
            fits(&text, width.parse().unwrap());
        }
    }
}

#[test]
fn colour_is_for_those_who_ask() {
    let plain = drawn(&triage(), &["--width", "100", "--color", "never"]);
    let coloured = drawn(&triage(), &["--width", "100", "--color", "always"]);
    assert!(!plain.contains('\u{1b}'));
    assert!(coloured.contains("\u{1b}[35m╭ guard"), "{coloured}");
    assert!(coloured.contains("\u{1b}[1m\u{1b}[31merror"), "{coloured}");
    let mut without = String::new();
    for (i, piece) in coloured.split('\u{1b}').enumerate() {
        without.push_str(if i == 0 { piece } else { piece.split_once('m').unwrap().1 });
    }
    assert_eq!(without, plain, "colour carries nothing that the text does not");
}

const NESTED: &str = r#"version: 1
name: notes
inputs: { texts: [string], tone: string }
models: { fast: { use: offline } }
nodes:
  greet: { kind: llm, model: fast, prompt: "Greet {{ input.tone }}" }
  notes:
    kind: map
    for_each: input.texts
    as: text
    do:
      short: { kind: llm, model: fast, prompt: "Sum up: {{ text }} {{ greet.text }}" }
      check:
        kind: guard
        text: "${{ short.text }}"
        checks: [{ length: { min: 1 }, on_failure: closed }]
        on_block: { run: again }
      again: { kind: llm, model: fast, when: text != "", prompt: "Try again: {{ text }}" }
    output: "${{ check.text if check else again.text if again else '' }}"
  end:
    kind: llm
    model: fast
    join: settle
    prompt: "All: {{ notes['items'] if notes else '' }} {{ greet.text if greet else '' }}"
output: { text: "${{ end.text }}" }
"#;

#[test]
fn bodies_stand_in_their_nodes() {
    let scratch = Scratch::new(&[("app.yaml", NESTED)]);
    let check = |arguments: &[&str], expected: Expect| {
        let all: Vec<&str> = ["graph", "--quiet"].into_iter().chain(arguments.iter().copied()).collect();
        expected.assert_eq(&scratch.fine(&all));
    };
    check(
        &[],
        expect![[r#"
        notes: 6 nodes

           ╭ llm ──╮
           │ greet │
           ╰───┬───╯
               ▼
        ╭ map ────────╮
        │ notes       │
        │  ╭ llm ──╮  │
        │  │ short │  │
        │  ╰───┬───╯  │
        │      ▼      │
        │ ╭ guard ──╮ │
        │ │ check   │ │
        │ ╰────┬────╯ │
        │      ┆      │
        │    block    │
        │      ▼      │
        │ ╭ llm ────╮ │
        │ │ again ? │ │
        │ ╰─────────╯ │
        ╰──────┬──────╯
               ▼
           ╭ llm ──╮
           │ end   │
           ╰───────╯

          notes  once for each `text`, 8 at a time
          again  only when text != ""
          end    join: settle
    "#]],
    );
    check(
        &["--format", "outline"],
        expect![[r#"
        notes: 6 nodes

        ● greet  llm  → notes
        ● notes  map  → end
        │             once for each `text`, 8 at a time
        │   ● short  llm    → check
        │   ● check  guard  block → again
        │   ○ again  llm    only when text != ""
        ● end    llm  join: settle
    "#]],
    );
    check(
        &["--format", "mermaid"],
        expect![[r#"
        flowchart TD
            n0["greet<br/><small>llm</small>"]
            subgraph n1["notes<br/><small>map</small>"]
                n1_0["short<br/><small>llm</small>"]
                n1_1{{"check<br/><small>guard</small>"}}
                n1_2["again<br/><small>llm</small><br/><small>only when text != #quot;#quot;</small>"]
                n1_0 --> n1_1
                n1_1 -.->|"block"| n1_2
            end
            n2["end<br/><small>llm</small>"]
            n0 --> n1
            n1 --> n2
    "#]],
    );
    check(
        &["--format", "dot"],
        expect![[r#"
        digraph "notes" {
          rankdir=TB;
          node [shape=box, style=rounded, fontname="sans-serif"];
          edge [fontname="sans-serif", fontsize=11];
          "greet" [label="greet\nllm"];
          subgraph "cluster_notes/" {
            style=rounded;
            "notes" [label="notes\nmap"];
            "notes/short" [label="short\nllm"];
            "notes/check" [label="check\nguard", shape=hexagon, style=solid];
            "notes/again" [label="again\nllm\nonly when text != \"\""];
            "notes/short" -> "notes/check";
            "notes/check" -> "notes/again" [label="block", style=dashed];
          }
          "end" [label="end\nllm"];
          "greet" -> "notes";
          "notes" -> "end";
        }
    "#]],
    );
    check(
        &["--explain", "notes"],
        expect![[r#"
        notes  map
              app.yaml:7:3 │ notes:

        comes after
          greet
            reads `greet.text` in `short.prompt`
              app.yaml:12:71 │ short: { kind: llm, model: fast, prompt: "Sum up: {{ text }} {{ greet.text…

        starts
          when that has settled and did not fail
          and runs `short`, `check`, `again`: once for each `text`, 8 at a time

        comes before
          then: end

        otherwise
          when it fails, what comes after it takes that: each has a `join` that can
    "#]],
    );
    check(
        &["--explain", "again"],
        expect![[r#"
        notes.again  llm
              app.yaml:18:7 │ again: { kind: llm, model: fast, when: text != "", prompt: "Try again: {{ t…

        comes after
          check
            `again` runs when `check` blocks, because of `on_block: { run: again }`
              app.yaml:17:26 │ on_block: { run: again }

        starts
          once it has been chosen: by a route, or because something failed or blocked
          only when text != ""; otherwise it is stepped over
              app.yaml:18:46 │ again: { kind: llm, model: fast, when: text != "", prompt: "Try again: {{…

        nothing comes after it

        otherwise
          when it fails, what it stands in fails
    "#]],
    );
    check(
        &["--explain", "end"],
        expect![[r#"
        end  llm
              app.yaml:20:3 │ end:

        comes after
          notes
            reads `notes.items` and `notes` in `prompt`
              app.yaml:24:22 │ prompt: "All: {{ notes['items'] if notes else '' }} {{ greet.text if greet…

        comes after these too, by way of something nearer
          greet
            anyway: greet → notes → end
            reads `greet.text` and `greet` in `prompt`
              app.yaml:24:60 │ prompt: "All: {{ notes['items'] if notes else '' }} {{ greet.text if greet…

        starts
          when all of these have settled, however they ended (`join: settle`)

        comes before
          the app's end, which
            reads `end.text` in `output`
              app.yaml:25:22 │ output: { text: "${{ end.text }}" }

        otherwise
          when it fails, the run fails
    "#]],
    );
    assert_eq!(
        scratch.fine(&["graph", "--quiet", "--explain", "notes.again"]),
        scratch.fine(&["graph", "--quiet", "--explain", "again"])
    );
}

#[test]
fn nodes_in_words() {
    let words = |node: &str| {
        // Paths are those that a person in this folder would type.
        let mut command = Scratch::new(&[]).command(&["graph", "--quiet", "--explain", node]);
        let output = command.current_dir(Scratch::example("support-triage")).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let pages = ["order_ref", "decide", "ask_agent", "screen", "reply"].map(words).join("\n----\n\n");
    fits(&pages, 100);
    expect_file!["graph/explain.txt"].assert_eq(&pages);
}

#[test]
fn a_node_that_is_not_there() {
    let scratch = Scratch::new(&[("app.yaml", DESK)]);
    let check = |arguments: &[&str], expected: Expect| scratch.check(arguments, expected);
    check(
        &["graph", "--explain", "sceen"],
        expect![[r#"
        exit 2
        --- stderr
        error[UZ1009]: there is no node `sceen`
        hint: did you mean `screen`?
    "#]],
    );
    check(
        &["graph", "--explain", "something_else"],
        expect![[r#"
        exit 2
        --- stderr
        error[UZ1009]: there is no node `something_else`
        hint: `uzel graph --format outline` lists the nodes
    "#]],
    );
}

#[test]
fn what_cannot_be_read_stays_as_it_is() {
    let broken = "version: 1\nnodes:\n  a: { kind: llm, prompt: \"{{ b.text }}\" }\n   b: [\n";
    for format in ["terminal", "outline", "svg", "mermaid", "dot"] {
        let scratch = Scratch::new(&[("app.yaml", broken)]);
        let output = scratch.output(&["graph", "--format", format]);
        assert_eq!(output.status.code(), Some(1), "{format}");
        assert!(output.stdout.is_empty(), "{format}");
        assert!(String::from_utf8_lossy(&output.stderr).contains("error[UZ0003]"), "{format}: {output:?}");
        assert_eq!(scratch.read("app.yaml"), broken);
        assert_eq!(std::fs::read_dir(scratch.path()).unwrap().count(), 1, "nothing is left beside it");
    }
}

#[test]
fn svg_is_xml_for_all_eyes() {
    let odd = r#"version: 1
name: "odd & <strange>"
inputs: { word: string }
nodes:
  choose:
    kind: route
    by: input.word
    cases: { "a \"b\" <c> & d": [next], default: [other] }
  next: { kind: code, description: "</title><script>alert(1)</script>", run: builtin:sum, with: { values: [1] } }
  other: { kind: code, when: 'input.word < "m"', run: builtin:sum, with: { values: [2] } }
"#;
    let scratch = Scratch::new(&[("app.yaml", odd)]);
    for svg in [
        scratch.fine(&["graph", "--quiet", "--format", "svg"]),
        drawn(&triage(), &["--format", "svg"]),
        drawn(&claims(), &["--format", "svg"]),
    ] {
        let elements = xml(&svg);
        assert_eq!(elements[0], "svg");
        assert!(svg.contains("role=\"img\" aria-labelledby=\"graph-title graph-desc\""));
        assert!(svg.contains("@media (prefers-color-scheme:dark)"));
        assert_eq!(elements.iter().filter(|name| *name == "script").count(), 0);
    }
    let svg = scratch.fine(&["graph", "--quiet", "--format", "svg"]);
    assert!(svg.contains("<title id=\"graph-title\">odd &amp; &lt;strange&gt;</title>"), "{svg}");
    assert!(svg.contains("a &quot;b&quot;") && svg.contains("only when input.word &lt; &quot;m&quot;"), "{svg}");
    expect_file!["graph/support-triage.svg"].assert_eq(&drawn(&triage(), &["--format", "svg"]));
}

/// Names of elements in order. Stops at what is not well-formed.
fn xml(text: &str) -> Vec<String> {
    let (mut names, mut open) = (vec![], vec![]);
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('<') {
        entities(before);
        let (tag, after) = after.split_once('>').expect("a tag ends");
        assert!(!tag.contains('<'), "{tag}");
        rest = after;
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop().as_deref(), Some(name), "elements are closed in order");
            continue;
        }
        let (tag, empty) = tag.strip_suffix('/').map_or((tag, false), |tag| (tag, true));
        let (name, mut attributes) = tag.split_once(' ').unwrap_or((tag, ""));
        assert!(!name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric()), "{name}");
        while let Some((key, value)) = attributes.trim_start().split_once("=\"") {
            assert!(!key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '-'), "{key}");
            let (value, after) = value.split_once('"').expect("a value ends");
            entities(value);
            attributes = after;
        }
        assert!(attributes.trim().is_empty(), "{tag}");
        names.push(name.to_owned());
        if !empty {
            open.push(name.to_owned());
        }
    }
    entities(rest);
    assert!(open.is_empty() && rest.trim().is_empty(), "{open:?}");
    names
}

fn entities(text: &str) {
    for part in text.split('&').skip(1) {
        let name = part.split(';').next().unwrap();
        assert!(["amp", "lt", "gt", "quot"].contains(&name), "{text}");
    }
    assert!(!text.chars().any(|c| c.is_control() && c != '\n'), "{text:?}");
}

#[test]
fn the_support_desk_has_a_kind_for_each_colour() {
    let dot = drawn(&triage(), &["--format", "dot"]);
    for shape in ["hexagon", "diamond", "oval", "cylinder"] {
        assert!(dot.contains(&format!("shape={shape}")), "{shape}: {dot}");
    }
}

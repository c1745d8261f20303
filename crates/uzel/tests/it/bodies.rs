//! Nodes inside nodes from the command line: bodies, other apps with files of their own, and what is refused.

use expect_test::expect;

use crate::scratch::Scratch;

const MAIN: &str = r#"
version: 1
name: main
inputs: { names: [string] }
nodes:
  greetings:
    kind: map
    for_each: input.names
    as: name
    do: { kind: graph, use: apps/greet/app.yaml, with: { name: "${{ name }}" } }
output: ${{ greetings.items | map(attribute="text") | list }}
"#;

const GREET: &str = r#"
version: 1
name: greet
inputs: { name: string, times: { type: integer, default: 2 } }
connections: { book: { use: sqlite, path: data/book.db, init: data/book.sql } }
tools:
  known: { use: sqlite.query, connection: book, sql: "SELECT 'Dr ' || :name AS full", params: { name: string } }
models: { fast: { use: offline } }
nodes:
  who: { kind: tool, tool: known, with: { name: "${{ input.name }}" } }
  shout: { kind: code, run: "js:shout.js#shout", with: { text: "${{ who.row.full }}", times: "${{ input.times }}" }, output: { text: string } }
  noted: { kind: llm, model: fast, needs: [shout], prompt: prompts/note.md }
output: { text: "${{ shout.text }}" }
"#;

fn two_apps() -> Scratch {
    Scratch::new(&[
        ("app.yaml", MAIN),
        ("apps/greet/app.yaml", GREET),
        ("apps/greet/data/book.sql", "CREATE TABLE t (x);"),
        (
            "apps/greet/shout.js",
            "export function shout({ text, times }) { return { text: text + '!'.repeat(times) }; }",
        ),
        ("apps/greet/prompts/note.md", "Note that {{ shout.text }} was said."),
    ])
}

/// Another app's files, database and defaults are its own, wherever it is run from.
#[test]
fn another_app_runs_with_its_own_files() {
    let scratch = two_apps();
    scratch.check(
        &["run", "--id", "r-1", "-i", r#"names=["Ada","Bob"]"#, "-q"],
        expect![[r#"
        exit 0
        --- stdout
        [
          "Dr Ada!!",
          "Dr Bob!!"
        ]
    "#]],
    );
    let shown = scratch.fine(&["show", "r-1"]);
    for place in ["greetings[0].who", "greetings[1].shout", "greetings[1].noted"] {
        assert!(shown.contains(place), "{place} is missing:\n{shown}");
    }
}

/// A run is pinned to everything that was read for it, also in other apps.
#[test]
fn a_file_of_another_app_is_part_of_the_release() {
    let scratch = two_apps();
    let release = |id: &str| {
        scratch.fine(&["run", "--id", id, "-i", r#"names=["Ada"]"#, "-q"]);
        let shown = scratch.fine(&["show", id]);
        shown.lines().find(|line| line.trim_start().starts_with("release")).unwrap().to_owned()
    };
    let before = release("r-1");
    scratch.write("apps/greet/prompts/note.md", "Write that {{ shout.text }} was said.");
    let after = release("r-2");
    assert_ne!(before, after);
}

#[test]
fn what_another_app_is_given_must_fit() {
    let scratch = two_apps();
    scratch.write("app.yaml", MAIN.replace(r#"{ name: "${{ name }}" }"#, r#"{ nam: "${{ name }}" }"#));
    scratch.check(
        &["check", "app.yaml"],
        expect![[r#"
        exit 1
        --- stdout
        error[UZ1002]: `name` is missing: the app's input needs it
          --> app.yaml:10:56
           |
        10 |  do: { kind: graph, use: apps/greet/app.yaml, with: { nam: "${{ name }}" } }
           |  ^
           |
           = help: add `name:` (string)
                   run `uzel explain UZ1002`

        error[UZ1001]: the app's input has no `nam`
          --> app.yaml:10:58
           |
        10 |  do: { kind: graph, use: apps/greet/app.yaml, with: { nam: "${{ name }}" } }
           |  ^^^
           |
           = help: did you mean `name`?
                   run `uzel explain UZ1001`

        app.yaml: 2 errors
    "#]],
    );
}

/// A mistake in another app is reported in its own file.
#[test]
fn mistakes_in_another_app_have_their_place() {
    let scratch = two_apps();
    scratch.write("apps/greet/prompts/note.md", "Note that {{ shout.txt }} was said.");
    let output = scratch.output(&["check", "app.yaml"]);
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("apps/greet/prompts/note.md:1:20"), "{said}");
}

#[test]
fn apps_that_run_each_other_are_refused() {
    let greet = GREET.replace("  noted:", "  again: { kind: graph, use: ../../app.yaml }\n  noted:");
    let scratch = two_apps();
    scratch.write("apps/greet/app.yaml", greet);
    let output = scratch.output(&["check", "app.yaml"]);
    let said = String::from_utf8_lossy(&output.stdout);
    // A path that climbs is refused before anything is read.
    assert!(said.contains("outside the app's folder"), "{said}");

    let scratch = Scratch::new(&[
        ("app.yaml", "version: 1\nnodes:\n  a: { kind: graph, use: b.yaml }\n"),
        ("b.yaml", "version: 1\nnodes:\n  b: { kind: graph, use: app.yaml }\n"),
    ]);
    let output = scratch.output(&["check", "app.yaml"]);
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("UZ1011") && said.contains("app.yaml → b.yaml → app.yaml"), "{said}");
}

/// Each app says it at run time when a list is none, with the node's name.
#[test]
fn a_list_that_is_none_fails_its_node() {
    let app = "
version: 1
inputs: { names: any }
nodes:
  each:
    kind: map
    for_each: input.names
    do: { kind: code, run: 'builtin:date_diff', with: { from: '${{ item }}', to: '2026-01-05', unit: days } }
output: ${{ each.items }}
";
    let scratch = Scratch::new(&[("app.yaml", app)]);
    let output = scratch.output(&["run", "--id", "r-1", "-i", r#"{"names": 7}"#, "-q"]);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("`each`") && stderr.contains("`for_each` must be a list, and is a number"), "{stderr}");
    scratch.check(
        &["run", "--id", "r-2", "-i", "names=[]", "-q"],
        expect![[r#"
        exit 1
        --- stderr
        error: run r-2 failed at node `each` (app.yaml:5:3)
          invalid: `for_each` must be a list, and is a text
    "#]],
    );
}

/// A shell takes `[0]` for a pattern: what is suggested to be typed is in quotes.
#[test]
fn questions_in_bodies_are_suggested_in_quotes() {
    let app = "
version: 1
inputs: { names: [string] }
nodes:
  each: { kind: map, for_each: input.names, do: { kind: human, title: 'Take ${{ item }}?', actions: [done] } }
";
    let scratch = Scratch::new(&[("app.yaml", app)]);
    let output = scratch.output(&["run", "--id", "r-1", "-i", r#"names=["Ada"]"#]);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(stderr.contains("answer 'r-1/each[0]' done"), "{stderr}");
    let inbox = scratch.output(&["inbox"]);
    let stderr = String::from_utf8_lossy(&inbox.stderr);
    assert!(stderr.contains("answer 'r-1/each[0]' done"), "{stderr}");
    scratch.fine(&["answer", "r-1/each[0]", "done"]);
}

/// A model that is chosen for the main app need not be in the apps that it runs.
#[test]
fn a_chosen_model_is_the_main_apps() {
    let scratch = two_apps();
    scratch.write("app.yaml", MAIN.replace("nodes:\n", "models: { spare: { use: offline } }\nnodes:\n"));
    scratch.fine(&["check", "--model", "spare=offline"]);
}

#[test]
fn no_value_is_written_none() {
    let app = "version: 1\ninputs: { a: string | null }\nnodes:\n  ask: { kind: human, title: 'Go?', actions: [go] }\n\
               output: ${{ input.a if ask else null }}\n";
    let scratch = Scratch::new(&[("app.yaml", app)]);
    let said = String::from_utf8_lossy(&scratch.output(&["check"]).stdout).into_owned();
    assert!(said.contains("no value is written `none` in expressions"), "{said}");
}

/// What this version only checks is refused before a run exists.
#[test]
fn what_can_only_be_checked_is_not_run() {
    let app = "
version: 1
inputs: { key: string }
secrets: [REDIS_URL]
connections: { cache: { use: redis, url: '${{ secrets.REDIS_URL }}' } }
nodes:
  read: { kind: tool, tool: cache.get, timeout: 1s, with: { key: '${{ input.key }}' } }
output: ${{ read.value }}
";
    let scratch = Scratch::new(&[("app.yaml", app)]);
    scratch.fine(&["check"]);
    let mut run = scratch.command(&["run", "--id", "r-1", "-i", "key=a", "-q"]);
    let output = run.env("REDIS_URL", "redis://127.0.0.1").output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && said.contains("UZ5004") && said.contains("`redis.get`"), "{said}");
    assert!(!scratch.output(&["show", "r-1"]).status.success(), "no run was made");
}

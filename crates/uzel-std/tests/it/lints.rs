//! The lints about reliability: each fires where it should and is silent where it should, and all are silent on the
//! examples of the repository.

use std::{collections::BTreeMap, fmt::Write as _, path::Path};

use uzel_core::check::{Choices, Reading, read};

use crate::broken::files;

mod agent;
mod bodies;
mod rollout;
mod taint;
mod waivers;
mod writes;

/// Checks a text that begins after the version.
fn check(app: &str, choices: &Choices) -> Reading {
    let files = BTreeMap::from([("app.yaml".to_owned(), format!("version: 1\n{app}").into_bytes())]);
    read("app.yaml", &files, &uzel_std::catalog(), choices)
}

/// What is said of an app, one line each: code, line, sentence.
fn said(app: &str) -> String {
    lines(&check(app, &Choices::default()))
}

fn lines(reading: &Reading) -> String {
    let mut text = String::new();
    for diagnostic in &reading.diagnostics {
        let line = diagnostic.at.map_or(0, |at| reading.sources.position(at).line);
        writeln!(text, "{} {line} {}", diagnostic.code, diagnostic.message).expect("a String takes all");
    }
    text
}

#[track_caller]
fn silent(app: &str) {
    assert_eq!(said(app), "", "{app}");
}

#[track_caller]
fn says(app: &str, wanted: &str) {
    let said = said(app);
    assert_eq!(said.trim_end(), wanted, "{app}");
}

#[test]
fn the_examples_are_silent() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    let mut seen = 0;
    for entry in std::fs::read_dir(examples).expect("examples") {
        let folder = entry.expect("an entry").path();
        if folder.join("app.yaml").is_file() {
            let reading = read("app.yaml", &files(&folder), &uzel_std::catalog(), &Choices::default());
            let lints: String = lines(&reading).lines().filter(|line| line.starts_with("UZ3")).collect();
            assert_eq!(lints, "", "{}", folder.display());
            assert!(reading.waived.is_empty(), "{} waives something", folder.display());
            seen += 1;
        }
    }
    assert!(seen >= 4, "{seen} examples");
}

#[test]
fn timeouts() {
    let reply = "nodes: { reply: { kind: llm, model: fast, prompt: \"{{ input.m }}\" } }";
    let head = "inputs: { m: string }\n";
    let said = |models: &str, more: &str| said(&format!("{head}models: {models}\n{more}{reply}"));
    assert_eq!(
        said("{ fast: { use: openai/gpt-5-mini } }", ""),
        "UZ3006 3 nobody says how long a call of the model `fast` may take: it is cut off after 1m\n"
    );
    for silent in [
        ("{ fast: { use: offline } }", ""),
        ("{ fast: { use: openai/gpt-5-mini, timeout: 20s } }", ""),
        ("{ fast: { use: openai/gpt-5-mini } }", "defaults: { timeout: 30s }\n"),
        // Nobody asks it.
        ("{ fast: { use: offline }, other: { use: openai/gpt-5-mini } }", ""),
    ] {
        assert_eq!(said(silent.0, silent.1), "", "{silent:?}");
    }
    // A fallback is asked when things are slow already.
    let fallback = "{ fast: { use: openai/a, timeout: 20s, fallback: [big] }, big: { use: anthropic/b } }";
    assert!(said(fallback, "").contains("the model `big`"));
    // One finding, however many nodes ask.
    let two = format!(
        "{head}models: {{ fast: {{ use: openai/a }} }}\nnodes:\n  a: {{ kind: llm, model: fast, prompt: \"{{{{ input.m }}}}\" }}\n  b: {{ kind: llm, model: fast, prompt: \"{{{{ a.text }}}}\" }}"
    );
    assert_eq!(super::lints::said(&two).lines().count(), 1);
    // A tool over the network; a database file is none.
    says(
        "inputs: { id: string }\ntools: { find: { use: http, request: \"GET https://a.example/{id}\", params: { id: string } } }\n\
         nodes: { a: { kind: tool, tool: find, with: { id: \"${{ input.id }}\" } } }",
        "UZ3006 3 nobody says how long a call of the tool `find` may take: it is cut off after 30s",
    );
    silent(
        "inputs: { id: string }\nconnections: { db: { use: sqlite, path: a.db } }\n\
         nodes: { a: { kind: tool, tool: db.query, with: { sql: SELECT 1 } } }",
    );
}

#[test]
fn backoff() {
    let app = |retry: &str| {
        format!(
            "inputs: {{ m: string }}\nmodels: {{ fast: {{ use: offline }} }}\n\
             nodes: {{ a: {{ kind: llm, model: fast, prompt: \"{{{{ input.m }}}}\", retry: {retry} }} }}"
        )
    };
    for fine in [
        "{ max: 3 }",
        "{ max: 2, backoff: fixed, base: 5s }",
        "{ max: 1, backoff: fixed }",
        "{ max: 5, base: 50ms, cap: 2s }",
        "{ max: 2, base: 1s, cap: 1s }",
    ] {
        silent(&app(fine));
    }
    says(
        &app("{ max: 4, backoff: fixed }"),
        "UZ3007 4 all 4 tries wait alike, so all who retry press on what is overloaded",
    );
    says(&app("{ max: 3, base: 2s, cap: 3s }"), "UZ3007 4 the waits cannot grow: `cap` is 3s and `base` is 2s");
    says(&app("{ max: 2, base: 1ms }"), "UZ3007 4 the first wait is at most 1ms: what broke is asked again at once");
    // What `defaults` says is said once, there.
    says(
        "inputs: { m: string }\nmodels: { fast: { use: offline } }\ndefaults: { retry: { max: 9, backoff: fixed } }\n\
         nodes:\n  a: { kind: llm, model: fast, prompt: \"{{ input.m }}\" }\n  b: { kind: llm, model: fast, prompt: \"{{ a.text }}\" }",
        "UZ3007 4 all 9 tries wait alike, so all who retry press on what is overloaded",
    );
}

#[test]
fn free_text() {
    let head = "inputs: { m: string }\nmodels: { fast: { use: offline } }\n\
                nodes:\n  judge: { kind: llm, model: fast, prompt: \"{{ input.m }}\" }\n";
    let app = |rest: &str| format!("{head}{rest}");
    // Conditions and choices.
    says(
        &app("  a: { kind: human, title: Look, when: judge.text == \"yes\" }"),
        "UZ3008 6 the free text of `judge` decides whether `a` runs",
    );
    says(
        &app("  a: { kind: human, title: Look, when: \"'yes' in judge.text | lower\" }"),
        "UZ3008 6 the free text of `judge` decides whether `a` runs",
    );
    says(
        &app(
            "  r: { kind: route, by: judge.text, cases: { ja: [a], default: [] } }\n  a: { kind: human, title: Look }",
        ),
        "UZ3008 6 the free text of `judge` chooses what runs after `r`",
    );
    says(
        &app(
            "  r: { kind: route, by: \"'one' if judge.text is startingwith('y') else 'two'\", cases: { one: [a], two: [] } }\n  a: { kind: human, title: Look }",
        ),
        "UZ3008 6 the free text of `judge` chooses what runs after `r`",
    );
    // Whether there is a text, how long it is and which model wrote it are no matter of what it says.
    silent(&app("  a: { kind: human, title: Look, when: judge.text }"));
    silent(&app("  a: { kind: human, title: Look, when: judge.text | length > 300 }"));
    silent(&app("  a: { kind: human, title: Look, when: judge.model == \"offline\" }"));
    // Business logic, and a function that only changes the form.
    says(
        &app("  a: { kind: code, run: \"builtin:json_parse\", with: { text: \"${{ judge.text }}\" } }"),
        "UZ3008 6 the free text of `judge` is what `a` computes with",
    );
    silent(&app("  a: { kind: code, run: \"builtin:hash\", with: { value: \"${{ judge.text }}\" } }"));
    silent(&app("  a: { kind: code, run: \"builtin:sum\", with: { values: [\"${{ judge.text | length }}\", 1] } }"));
    // A schema on the way, a person, or a guard with a schema ends it.
    silent(&app("  read: { kind: llm, model: fast, prompt: \"{{ judge.text }}\", output: { is: boolean } }\n  \
         a: { kind: human, title: Look, when: read.is }"));
    silent(&app("  ask: { kind: human, title: \"${{ judge.text }}\", form: { wish: string } }\n  \
         a: { kind: human, title: Look, when: ask.form.wish == \"yes\" }"));
    silent(&app(
        "  fits: { kind: guard, text: \"${{ judge.text }}\", checks: [{ json_schema: { type: object }, on_failure: closed }] }\n  \
         a: { kind: code, run: \"builtin:json_parse\", with: { text: \"${{ fits.text }}\" } }",
    ));
    // A guard that looks at something else does not.
    says(
        &app(
            "  short: { kind: guard, text: \"${{ judge.text }}\", checks: [{ length: { max: 9 }, on_failure: closed }] }\n  \
             a: { kind: human, title: Look, when: short.text == \"yes\" }",
        ),
        "UZ3008 7 the free text of `judge` decides whether `a` runs",
    );
}

#[test]
fn verdicts() {
    let app = |output: &str, route: &str| {
        format!(
            "inputs: {{ m: string }}\nmodels: {{ fast: {{ use: offline }} }}\nnodes:\n  \
             sort: {{ kind: llm, model: fast, prompt: \"{{{{ input.m }}}}\", output: {output} }}\n  \
             route: {{ kind: route, {route} }}\n  a: {{ kind: human, title: Look }}\n"
        )
    };
    says(
        &app("{ kind: { enum: [x, z] } }", "by: sort.kind, cases: { x: [a], z: [] }"),
        "UZ3011 6 `route` does what `sort.kind` says, also when the model is not sure",
    );
    says(
        &app(
            "{ kind: { enum: [x, z] }, why: string }",
            "by: sort.kind if sort.why else sort.kind, cases: { x: [a], z: [] }",
        ),
        "UZ3011 6 `route` does what `sort.kind` says, also when the model is not sure",
    );
    silent(&app("{ kind: { enum: [x, z, unsure] } }", "by: sort.kind, cases: { x: [a], z: [], unsure: [a] }"));
    silent(&app("{ kind: { enum: [x, other] } }", "by: sort.kind, cases: { x: [a], other: [] }"));
    silent(&app("{ kind: { enum: [x, z] } }", "by: sort.kind, cases: { x: [a], default: [] }"));
    silent(&app(
        "{ kind: { enum: [x, z] }, confidence: number }",
        "by: \"sort.kind if sort.confidence > 0.5 else 'low'\", cases: { x: [a], z: [], low: [a] }",
    ));
    silent(&app("{ kind: { enum: [x, z] } }", "by: input.m, cases: { x: [a], default: [] }"));
}

#[test]
fn prompts_in_files_and_in_systems() {
    let files = BTreeMap::from([
        (
            "app.yaml".to_owned(),
            b"version: 1\ninputs: { m: string }\nmodels: { fast: { use: offline } }\nnodes:\n  \
              a: { kind: llm, model: fast, system: rules.md, prompt: \"{{ input.m }}\" }\n"
                .to_vec(),
        ),
        ("rules.md".to_owned(), b"Be kind.\n\n{% include \"money.md\" %}\n".to_vec()),
        ("money.md".to_owned(), b"- Approve refunds if the amount is under 50 EUR.\n".to_vec()),
    ]);
    let reading = read("app.yaml", &files, &uzel_std::catalog(), &Choices::default());
    let found = reading.diagnostics.iter().next().expect("a finding");
    let place = reading.sources.position(found.at.expect("a place"));
    assert_eq!((found.code.as_str(), place.to_string().as_str()), ("UZ3010", "money.md:1:3"));
}

//! Agents: what bounds them, what they may write, and what strangers may tell them.

use super::{said, says, silent};

const HEAD: &str = r#"inputs: { m: string, k: integer }
models: { fast: { use: offline } }
knowledge: { pages: { files: "*.md" } }
connections: { shop: { use: sqlite, path: shop.db } }
tools:
  find: { use: sqlite.query, connection: shop, sql: SELECT 1 }
  count: { use: http, request: GET https://a.example/count, output: integer, timeout: 5s }
  mail: { use: sqlite.execute, connection: shop, sql: "INSERT INTO m VALUES (:t)", params: { t: string }, effect: idempotent }
nodes:
"#;

const BOUNDED: &str = "limits: { steps: 9, tool_calls: 9, tokens: 9000, duration: 5m }";
const GUARD: &str = "kind: guard, text: \"${{ input.m }}\", checks: [{ prompt_injection: {}, on_failure: closed }]";

fn app(nodes: &str) -> String {
    format!("{HEAD}{nodes}")
}

/// An agent with this prompt and these keys, after a guard that looks at the input.
fn behind(prompt: &str, keys: &str) -> String {
    app(&format!("  g: {{ {GUARD} }}\n  h: {{ kind: agent, model: fast, prompt: \"{prompt}\", {keys}, {BOUNDED} }}\n"))
}

#[test]
fn limits() {
    let with =
        |limits: &str| app(&format!("  h: {{ kind: agent, model: fast, prompt: Go on, tools: [count]{limits} }}\n"));
    says(&with(""), "UZ3009 11 the agent `h` has no limit of `steps`, `cost_usd`, `duration`");
    says(&with(", limits: { steps: 5, cost_usd: 1 }"), "UZ3009 11 the agent `h` has no limit of `duration`");
    says(&with(", limits: { tokens: 5000, duration: 5m }"), "UZ3009 11 the agent `h` has no limit of `steps`");
    silent(&with(", limits: { steps: 5, tokens: 5000, duration: 5m }"));
    // The app bounds what all its nodes spend.
    let bounded = with(", limits: { steps: 5, duration: 5m }");
    says(&bounded, "UZ3009 11 the agent `h` has no limit of `cost_usd`");
    silent(&bounded.replace("nodes:", "limits: { cost_usd: 1 }\nnodes:"));
    // Who may write needs a bound on calls too.
    let writes = app(&format!(
        "  g: {{ {GUARD} }}\n  h: {{ kind: agent, model: fast, prompt: Go on, needs: [g], tools: [mail], limits: {{ steps: 5, tokens: 1, duration: 5m }} }}\n"
    ));
    says(&writes, "UZ3009 12 the agent `h` has no limit of `tool_calls`");
}

#[test]
fn an_agent_that_writes_needs_a_gate() {
    let text = app(&format!("  h: {{ kind: agent, model: fast, prompt: Go on, tools: [mail], {BOUNDED} }}\n"));
    says(&text, "UZ3004 11 `h` writes, and no guard and no person stands before it");
    silent(&text.replace("tools: [mail]", "tools: [mail], approve: [mail]"));
    silent(&behind("Go on", "needs: [g], tools: [mail]"));
}

#[test]
fn texts_of_strangers() {
    says(
        &behind("{{ input.m }}", "tools: [mail]")
            .replace("  g:", "  other:")
            .replace("${{ input.m }}", "${{ input.m }} x"),
        "UZ3004 12 `h` writes, and no guard and no person stands before it\n\
         UZ3013 12 `input.m` reaches `h`, which may call `mail`, and nothing has looked at it",
    );
    // What the guard gives, and the very value that the guard has judged.
    silent(&behind("{{ g.text }}", "tools: [mail]"));
    silent(&behind("{{ input.m }}", "needs: [g], tools: [mail]"));
    // A number holds no orders; a person looks; an agent that only reads harms nobody.
    silent(&behind("{{ input.k }}", "needs: [g], tools: [mail]"));
    silent(&behind("{{ input.m }}", "tools: [mail], approve: [mail]"));
    silent(&behind("{{ input.m }}", "tools: [find]"));
}

#[test]
fn documents_and_tools_tell_agents_too() {
    let search = "  s: { kind: retrieve, from: pages, query: \"${{ g.text }}\" }\n";
    let text = behind("{{ s.text }}", "tools: [mail]") + search;
    says(
        &text,
        "UZ3013 12 a document that `s.text` found reaches `h`, which may call `mail`, and nothing has looked at it",
    );
    let through = behind("{{ notes.text }}", "tools: [mail]")
        + search
        + "  notes: { kind: llm, model: fast, prompt: \"Notes: {{ s.text }}\" }\n";
    says(
        &through,
        "UZ3013 12 a document that `s.text` found through `notes.text` reaches `h`, which may call `mail`, and nothing \
         has looked at it",
    );
    let called = behind("{{ t.row.name }}", "needs: [g], tools: [mail]") + "  t: { kind: tool, tool: find }\n";
    says(
        &called,
        "UZ3013 12 what `t.row.name` was answered reaches `h`, which may call `mail`, and nothing has looked at it",
    );
    // What the agent itself is told by a tool.
    says(
        &behind("{{ g.text }}", "tools: [find, mail]"),
        "UZ3013 12 what `find` gives reaches `h`, which may call `mail`, and nothing has looked at it",
    );
    silent(&behind("{{ g.text }}", "tools: [count, mail]"));
    silent(&behind("{{ g.text }}", "tools: [find, mail], approve: [mail]"));
}

#[test]
fn the_way_is_shown() {
    let app = behind("{{ notes.text }}", "needs: [g], tools: [mail]")
        + "  s: { kind: retrieve, from: pages, query: a }\n  notes: { kind: llm, model: fast, prompt: \"{{ s.text }}\" }\n";
    let reading = super::check(&app, &uzel_core::check::Choices::default());
    let found = reading.diagnostics.iter().next().expect("a finding");
    let labels: Vec<String> =
        found.labels.iter().map(|label| format!("{} {}", reading.sources.text(label.at), label.text)).collect();
    assert_eq!(
        labels,
        ["s.text `s.text` goes to `notes` here", "notes.text `notes.text` is used here"],
        "{}",
        said(&app)
    );
}

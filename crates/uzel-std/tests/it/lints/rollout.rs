//! New nodes in an app that is in use.

use uzel_core::check::Choices;

use super::{check, lines};

const OLD: &str = r#"inputs: { m: string }
models: { fast: { use: offline } }
nodes:
  a: { kind: llm, model: fast, prompt: "{{ input.m }}" }
  b: { kind: human, title: "${{ a.text }}" }
"#;

/// Names of nodes that the lint is about when the old app is followed by this one.
fn news(new: &str) -> String {
    let old = check(OLD, &Choices::default()).graph.expect("the old app");
    let choices = Choices { against: Some(old), ..Choices::default() };
    let reading = check(new, &choices);
    let text = lines(&reading);
    // A flag that nothing asks for is another finding.
    let news = text.lines().filter(|line| line.starts_with("UZ3012 "));
    assert!(!reading.diagnostics.has_errors(), "{text}");
    news.filter_map(|line| line.split('`').nth(1)).collect::<Vec<_>>().join(" ")
}

fn with(nodes: &str) -> String {
    format!(
        "flags: {{ f: {{ type: boolean, default: false }} }}\noutput: {{ f: \"${{{{ flags.f }}}}\" }}\n{OLD}{nodes}"
    )
}

#[test]
fn what_is_old_is_fine() {
    assert_eq!(news(OLD), "");
    // Without an app in use nothing is new.
    let new = format!("{OLD}  c: {{ kind: human, title: A }}\n");
    assert_eq!(lines(&check(&new, &Choices::default())), "");
}

#[test]
fn new_nodes_need_a_flag() {
    assert_eq!(news(&with("  c: { kind: human, title: \"${{ a.text }}\" }\n")), "c");
    assert_eq!(news(&with("  c: { kind: human, title: A, when: flags.f }\n")), "");
    assert_eq!(news(&with("  c: { kind: human, title: A, when: flags.f and a.text }\n")), "");
    // Another kind under an old name is new.
    assert_eq!(
        news(&OLD.replace("kind: human, title", "kind: llm, model: fast, prompt").replace("${{ a.text", "{{ a.text")),
        "b"
    );
}

#[test]
fn one_finding_for_each_branch() {
    let chain =
        "  c: { kind: llm, model: fast, prompt: \"{{ a.text }}\" }\n  d: { kind: human, title: \"${{ c.text }}\" }\n";
    assert_eq!(news(&with(chain)), "c");
    // A node that is stepped over does not keep what follows from running.
    let stepped = chain
        .replace("\"{{ a.text }}\"", "\"{{ a.text }}\", when: flags.f")
        .replace("${{ c.text }}", "${{ c.text or '' }}");
    assert_eq!(news(&with(&stepped)), "d");
    let asked = stepped.replace("kind: human,", "kind: human, when: c,");
    assert_eq!(news(&with(&asked)), "");
}

#[test]
fn routes_and_new_inputs_are_switches() {
    let route = "  r: { kind: route, by: \"'new' if flags.f else 'old'\", cases: { new: [c], old: [] } }\n  \
                 c: { kind: llm, model: fast, prompt: \"{{ input.m }}\" }\n  d: { kind: human, title: \"${{ c.text }}\" }\n";
    assert_eq!(news(&with(route)), "r", "the route itself runs, what it does not choose does not");
    let input = with("  c: { kind: human, title: A, when: input.vip }\n")
        .replace("m: string", "m: string, vip: boolean | null");
    assert_eq!(news(&input), "");
    assert_eq!(news(&with("  c: { kind: human, title: A, when: input.m }\n")), "c");
}

//! Apps of any size, for measuring: the same text for the same size. Used by the benchmarks.

use std::fmt::Write as _;

/// Nodes of one round of [`checked`].
const ROUND: usize = 5;

/// A valid app with this many nodes of several kinds, each of which needs the one before: what a check has to read.
pub fn checked(nodes: usize) -> String {
    let mut text = "version: 1\nname: large\ninputs: { message: string, urgent: boolean }\n\
                    models: { fast: { use: offline } }\nlimits: { cost_usd: 10.0, duration: 1d }\nnodes:\n"
        .to_owned();
    for round in 0..nodes.div_ceil(ROUND) {
        let before = match round {
            0 => "input.message".to_owned(),
            _ => format!("close_{}.summary", round - 1),
        };
        let earlier = format!("sort_{}", round / 2);
        let _ = write!(
            text,
            "  sort_{round}:
    kind: llm
    description: What is it about, and is it urgent?
    model: fast
    prompt: |
      What is this about? {{{{ {before} }}}}
      {{% if input.urgent %}}It cannot wait.{{% endif %}}
    output:
      topic: {{ enum: [billing, technical, other] }}
      order: string | null
      points: integer
    timeout: 30s
  join_{round}:
    kind: code
    run: builtin:merge
    with:
      values:
        - {{ topic: \"${{{{ sort_{round}.topic }}}}\", points: \"${{{{ sort_{round}.points + 1 }}}}\" }}
        - order: \"${{{{ sort_{round}.order or 'none' }}}}\"
          earlier: \"${{{{ {earlier}.topic if {earlier}.points > 2 else 'few' }}}}\"
    output: {{ topic: string, points: integer, order: string, earlier: string }}
  answer_{round}:
    kind: llm
    model: fast
    when: sort_{round}.topic == \"technical\" and join_{round}.points > 3
    prompt: \"Answer a technical question about order {{{{ join_{round}.order }}}}.\"
    output: {{ reply: string }}
    timeout: 30s
  screen_{round}:
    kind: guard
    text: \"${{{{ answer_{round}.reply or join_{round}.topic }}}}\"
    checks:
      - {{ length: {{ max: 4000 }}, on_failure: closed }}
      - {{ pii: {{ redact: [card, email] }}, on_failure: closed }}
    on_block: skip
  close_{round}:
    kind: llm
    model: fast
    needs: [screen_{round}]
    prompt: \"Sum up in one sentence: {{{{ screen_{round}.text or join_{round}.earlier }}}}\"
    output: {{ summary: string }}
    timeout: 30s
"
        );
    }
    let _ = writeln!(text, "output:\n  last: \"${{{{ close_{}.summary }}}}\"", nodes.div_ceil(ROUND).max(1) - 1);
    text
}

/// An app of nodes that only compute: each adds one to what the one before gave, or, side by side, to the input.
pub fn pure(nodes: usize, side_by_side: bool) -> String {
    let mut text = "version: 1\nname: pure\ninputs: { start: integer }\nnodes:\n".to_owned();
    for node in 0..nodes {
        let before = match node.checked_sub(1) {
            Some(before) if !side_by_side => format!("n{before}"),
            _ => "input.start".to_owned(),
        };
        let _ = writeln!(
            text,
            "  n{node}: {{ kind: code, run: builtin:sum, with: {{ values: [\"${{{{ {before} }}}}\", 1] }} }}"
        );
    }
    let _ = writeln!(text, "output: {{ last: \"${{{{ n{} }}}}\" }}", nodes.saturating_sub(1));
    text
}

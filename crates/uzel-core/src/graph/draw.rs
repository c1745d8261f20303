//! A graph as a drawing: for a terminal, as Mermaid, as DOT. Pure; called by the command line.

use std::fmt::Write as _;

use super::{Edge, Graph, NodeDef, NodeIdx, Reaction, Via};

/// The longest condition that is drawn.
const MOST: usize = 60;

/// One line for each node, in an order in which parents come first, with what it starts. Nodes that may run at the same
/// time, as far as edges say, stand in one layer.
pub fn terminal(graph: &Graph) -> String {
    let layers = layers(graph);
    let names = graph.nodes.keys().map(|id| id.chars().count()).max().unwrap_or(0);
    let kinds = graph.nodes.values().map(|node| node.kind.name.len()).max().unwrap_or(0);
    let digits = layers.len().to_string().len();
    let count = graph.nodes.len();
    let mut out = format!("{}: {count} node{}\n", graph.name, if count == 1 { "" } else { "s" });
    for (depth, layer) in layers.iter().enumerate() {
        for (i, idx) in layer.iter().enumerate() {
            let Some((id, node)) = graph.nodes.get_index(*idx) else { continue };
            let number = if i == 0 { (depth + 1).to_string() } else { String::new() };
            let (first, rest) = match (layer.len(), i) {
                (1, _) => ("─", " "),
                (_, 0) => ("┌", "│"),
                (n, i) if i + 1 == n => ("└", " "),
                _ => ("├", "│"),
            };
            let lines = arrows(graph, *idx, node);
            let head = lines.first().map_or("", String::as_str);
            let line = format!("{number:>digits$} {first} {id:names$}  {:kinds$}  {head}", node.kind.name);
            let _ = writeln!(out, "{}", line.trim_end());
            for line in lines.iter().skip(1) {
                let _ = writeln!(out, "{:digits$} {rest} {:names$}  {:kinds$}  {line}", "", "", "");
            }
        }
    }
    out
}

/// What a node starts, each way in a line, and under which condition it runs itself.
fn arrows(graph: &Graph, idx: NodeIdx, node: &NodeDef) -> Vec<String> {
    let mut lines = vec![];
    let (mut flow, mut error, mut block) = (vec![], vec![], vec![]);
    // Ways in the order of the file, each with the nodes it starts; ways to the same nodes share a line.
    let mut ports: Vec<(&str, Vec<&str>)> = vec![];
    for (child, edge) in children(graph, node) {
        let Some((id, _)) = graph.nodes.get_index(child) else { continue };
        match &edge.via {
            Via::Flow => flow.push(id.as_str()),
            Via::Error => error.push(id.as_str()),
            Via::Block => block.push(id.as_str()),
            Via::Ports(names) => {
                for name in names {
                    match ports.iter_mut().find(|(known, _)| known == name) {
                        Some((_, ids)) => ids.push(id),
                        None => ports.push((name, vec![id])),
                    }
                }
            }
        }
    }
    debug_assert!(graph.nodes.get_index(idx).is_some(), "drawn nodes are the graph's own");
    if !flow.is_empty() {
        lines.push(format!("→ {}", flow.join(", ")));
    }
    let mut shared: Vec<(Vec<&str>, Vec<&str>)> = vec![];
    for (port, ids) in ports {
        match shared.iter_mut().find(|(_, known)| *known == ids) {
            Some((names, _)) => names.push(port),
            None => shared.push((vec![port], ids)),
        }
    }
    lines.extend(shared.into_iter().map(|(ports, ids)| format!("{} → {}", ports.join(" | "), ids.join(", "))));
    lines.extend(reaction("error", &error, &node.on_error));
    lines.extend(reaction("block", &block, &node.on_block));
    if let Some(when) = &node.when {
        lines.push(format!("only when {}", cut(when.source())));
    }
    lines
}

fn reaction(word: &str, ids: &[&str], reaction: &Reaction) -> Option<String> {
    match reaction {
        Reaction::Run(_) if !ids.is_empty() => Some(format!("{word} → {}", ids.join(", "))),
        Reaction::Skip => Some(format!("{word}: goes on without it")),
        Reaction::Use(_) => Some(format!("{word}: goes on with a value")),
        Reaction::Stop(_) => Some(format!("{word}: the run stops with a text")),
        Reaction::Run(_) | Reaction::Fail | Reaction::HandOn => None,
    }
}

/// Nodes that a node may start, in the order of the file, with their edges.
fn children<'g>(graph: &'g Graph, node: &'g NodeDef) -> Vec<(NodeIdx, &'g Edge)> {
    let mut children: Vec<(NodeIdx, &Edge)> = node
        .children
        .iter()
        .filter_map(|(child, edge)| Some((*child, graph.nodes.get_index(*child)?.1.parents.get(*edge)?)))
        .collect();
    children.sort_by_key(|(child, _)| *child);
    children
}

/// Nodes by the longest way to them.
fn layers(graph: &Graph) -> Vec<Vec<NodeIdx>> {
    let mut open: Vec<usize> = graph.nodes.values().map(|node| node.parents.len()).collect();
    let mut depth = vec![0; open.len()];
    let mut ready: Vec<NodeIdx> = (0..open.len()).filter(|idx| open.get(*idx) == Some(&0)).collect();
    while let Some(idx) = ready.pop() {
        let Some((_, node)) = graph.nodes.get_index(idx) else { continue };
        let below = depth.get(idx).map_or(0, |depth| depth + 1);
        for (child, _) in &node.children {
            if let (Some(open), Some(depth)) = (open.get_mut(*child), depth.get_mut(*child)) {
                *depth = below.max(*depth);
                *open = open.saturating_sub(1);
                if *open == 0 {
                    ready.push(*child);
                }
            }
        }
    }
    let mut layers = vec![vec![]; depth.iter().max().map_or(0, |most| most + 1)];
    for (idx, depth) in depth.into_iter().enumerate() {
        if let Some(layer) = layers.get_mut(depth) {
            layer.push(idx);
        }
    }
    layers
}

/// As a Mermaid flowchart.
pub fn mermaid(graph: &Graph) -> String {
    let mut out = String::from("flowchart TD\n");
    for (idx, (id, node)) in graph.nodes.iter().enumerate() {
        let (open, close) = match node.kind.name {
            "route" => ("{\"", "\"}"),
            "human" => ("([\"", "\"])"),
            "guard" => ("{{\"", "\"}}"),
            _ => ("[\"", "\"]"),
        };
        // Node names of ours may be words that Mermaid reserves, so nodes are numbered.
        let _ = writeln!(out, "    n{idx}{open}{}<br/><small>{}</small>{close}", entity(id), entity(node.kind.name));
    }
    for (idx, node) in graph.nodes.values().enumerate() {
        for (child, edge) in children(graph, node) {
            let _ = match label(edge) {
                None => writeln!(out, "    n{idx} --> n{child}"),
                Some(label) if matches!(edge.via, Via::Ports(_)) => {
                    writeln!(out, "    n{idx} -->|\"{}\"| n{child}", entity(&label))
                }
                Some(label) => writeln!(out, "    n{idx} -.->|\"{}\"| n{child}", entity(&label)),
            };
        }
        if matches!(node.on_block, Reaction::Stop(_)) {
            let _ = writeln!(out, "    n{idx} -.->|\"block\"| stop{idx}((stop))");
        }
    }
    out
}

/// For Graphviz.
pub fn dot(graph: &Graph) -> String {
    let mut out =
        format!("digraph {} {{\n  rankdir=TB;\n  node [shape=box, fontname=\"sans-serif\"];\n", text(&graph.name));
    for (id, node) in &graph.nodes {
        let shape = match node.kind.name {
            "route" => ", shape=diamond",
            "human" => ", shape=oval",
            "guard" => ", shape=hexagon",
            _ => "",
        };
        let _ = writeln!(out, "  {} [label={}{shape}];", text(id), text(&format!("{id}\n{}", node.kind.name)));
    }
    for (id, node) in &graph.nodes {
        for (child, edge) in children(graph, node) {
            let Some((to, _)) = graph.nodes.get_index(child) else { continue };
            let style = match (&edge.via, label(edge)) {
                (Via::Ports(_), Some(label)) => format!(" [label={}]", text(&label)),
                (_, Some(label)) => format!(" [label={}, style=dashed]", text(&label)),
                (_, None) => String::new(),
            };
            let _ = writeln!(out, "  {} -> {}{style};", text(id), text(to));
        }
    }
    out.push_str("}\n");
    out
}

fn label(edge: &Edge) -> Option<String> {
    match &edge.via {
        Via::Flow => None,
        Via::Ports(ports) => Some(ports.join(" | ")),
        Via::Error => Some("error".to_owned()),
        Via::Block => Some("block".to_owned()),
    }
}

/// A text inside Mermaid's quotes.
fn entity(text: &str) -> String {
    text.replace('&', "#amp;").replace('"', "#quot;").replace('<', "#lt;").replace('>', "#gt;")
}

/// A quoted text of DOT.
fn text(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"))
}

fn cut(source: &str) -> String {
    let line = source.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= MOST {
        return line;
    }
    let start: String = line.chars().take(MOST - 1).collect();
    format!("{}…", start.trim_end())
}

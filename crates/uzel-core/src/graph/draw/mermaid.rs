//! A graph as a Mermaid flowchart, which Markdown shows. Called by the command line.

use std::fmt::Write as _;

use super::{
    picture::{Class, Picture, Sort, Vertex},
    text::cut,
};
use crate::graph::Graph;

/// The longest condition under a name.
const CONDITION: usize = 60;

/// As a Mermaid flowchart.
pub fn mermaid(graph: &Graph) -> String {
    let mut out = String::from("flowchart TD\n");
    write(&mut out, &Picture::of(graph), "n", 1);
    out
}

/// Nodes and links; names of ours may be words that Mermaid reserves, so nodes are numbered below `prefix`.
fn write(out: &mut String, picture: &Picture, prefix: &str, depth: usize) {
    let indent = "    ".repeat(depth);
    for (idx, vertex) in picture.vertices.iter().enumerate() {
        let name = format!("{prefix}{idx}");
        match &vertex.inside {
            Some(inside) => {
                let _ = writeln!(out, "{indent}subgraph {name}[\"{}\"]", label(vertex));
                write(out, inside, &format!("{name}_"), depth + 1);
                let _ = writeln!(out, "{indent}end");
            }
            None => {
                let (open, close) = match vertex.sort {
                    Sort::Route => ("{\"", "\"}"),
                    Sort::Person => ("([\"", "\"])"),
                    Sort::Guard => ("{{\"", "\"}}"),
                    Sort::Tool | Sort::Knowledge => ("[(\"", "\")]"),
                    _ => ("[\"", "\"]"),
                };
                let _ = writeln!(out, "{indent}{name}{open}{}{close}", label(vertex));
            }
        }
    }
    for link in &picture.links {
        let (from, to, label) = (link.from, link.to, entity(&link.label));
        let _ = match link.class {
            Class::Flow => writeln!(out, "{indent}{prefix}{from} --> {prefix}{to}"),
            Class::Way => writeln!(out, "{indent}{prefix}{from} -->|\"{label}\"| {prefix}{to}"),
            Class::Error | Class::Block => writeln!(out, "{indent}{prefix}{from} -.->|\"{label}\"| {prefix}{to}"),
        };
    }
    for (idx, vertex) in picture.vertices.iter().enumerate().filter(|(_, vertex)| vertex.stops) {
        debug_assert!(!vertex.id.is_empty(), "nodes have names");
        let _ = writeln!(out, "{indent}{prefix}{idx} -.->|\"block\"| stop_{prefix}{idx}((stop))");
    }
}

fn label(vertex: &Vertex) -> String {
    let when =
        vertex.when.iter().map(|when| format!("<br/><small>only when {}</small>", entity(&cut(when, CONDITION))));
    let when: String = when.collect();
    format!("{}<br/><small>{}</small>{when}", entity(&vertex.id), entity(&vertex.kind))
}

/// A text inside Mermaid's quotes.
fn entity(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '#' => out.push_str("#35;"),
            '&' => out.push_str("#amp;"),
            '"' => out.push_str("#quot;"),
            '<' => out.push_str("#lt;"),
            '>' => out.push_str("#gt;"),
            '`' => out.push_str("#96;"),
            c => out.push(c),
        }
    }
    out
}

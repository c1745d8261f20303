//! A graph for Graphviz. Called by the command line.

use std::fmt::Write as _;

use super::{
    picture::{Class, Picture, Sort, Vertex},
    text::{cut, plain},
};
use crate::graph::Graph;

/// The longest condition under a name.
const CONDITION: usize = 60;

/// For Graphviz.
pub fn dot(graph: &Graph) -> String {
    let mut out = format!(
        "digraph {} {{\n  rankdir=TB;\n  node [shape=box, style=rounded, fontname=\"sans-serif\"];\n  \
         edge [fontname=\"sans-serif\", fontsize=11];\n",
        text(&plain(&graph.name))
    );
    write(&mut out, &Picture::of(graph), "", 1);
    out.push_str("}\n");
    out
}

/// Nodes and links. A node that repeats others stands in a cluster with them; their names are paths.
fn write(out: &mut String, picture: &Picture, prefix: &str, depth: usize) {
    let indent = "  ".repeat(depth);
    let name = |idx: usize| text(&format!("{prefix}{}", picture.vertices[idx].id));
    for (idx, vertex) in picture.vertices.iter().enumerate() {
        let shape = match vertex.sort {
            Sort::Route => ", shape=diamond, style=solid",
            Sort::Person => ", shape=oval, style=solid",
            Sort::Guard => ", shape=hexagon, style=solid",
            Sort::Tool | Sort::Knowledge => ", shape=cylinder, style=solid",
            Sort::Model | Sort::Body | Sort::Plain => "",
        };
        let about = if vertex.about.is_empty() { String::new() } else { format!(", tooltip={}", text(&vertex.about)) };
        let node = format!("{} [label={}{shape}{about}];", name(idx), label(vertex));
        match &vertex.inside {
            Some(inside) => {
                let path = format!("{prefix}{}/", vertex.id);
                let _ = writeln!(out, "{indent}subgraph {} {{", text(&format!("cluster_{path}")));
                let _ = writeln!(out, "{indent}  style=rounded;\n{indent}  {node}");
                write(out, inside, &path, depth + 1);
                let _ = writeln!(out, "{indent}}}");
            }
            None => {
                let _ = writeln!(out, "{indent}{node}");
            }
        }
    }
    for link in &picture.links {
        let style = match link.class {
            Class::Flow => String::new(),
            Class::Way => format!(" [label={}]", text(&link.label)),
            Class::Error | Class::Block => format!(" [label={}, style=dashed]", text(&link.label)),
        };
        let _ = writeln!(out, "{indent}{} -> {}{style};", name(link.from), name(link.to));
    }
    for (idx, vertex) in picture.vertices.iter().enumerate().filter(|(_, vertex)| vertex.stops) {
        // No node is called so: it has a space.
        let stop = text(&format!("{prefix}{} stop", vertex.id));
        let _ = writeln!(out, "{indent}{stop} [label=\"stop\", shape=circle, style=solid];");
        let _ = writeln!(out, "{indent}{} -> {stop} [label=\"block\", style=dashed];", name(idx));
    }
}

fn label(vertex: &Vertex) -> String {
    let when = vertex.when.iter().map(|when| format!("\nonly when {}", cut(when, CONDITION)));
    text(&format!("{}\n{}{}", vertex.id, vertex.kind, when.collect::<String>()))
}

/// A quoted text of DOT.
fn text(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"))
}

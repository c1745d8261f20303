//! A graph as a drawing: for a terminal, as SVG, as Mermaid, as DOT. Pure; called by the command line.

mod boxes;
mod canvas;
mod dot;
mod explain;
mod layout;
mod mermaid;
mod outline;
mod picture;
mod svg;
#[cfg(test)]
mod tests;
mod text;

pub use dot::dot;
pub use explain::explain;
pub use mermaid::mermaid;
use picture::Picture;
pub use picture::{Class, Sort};
pub use svg::svg;

use super::Graph;

/// More nodes than this are an outline in a terminal: boxes would fill too many screens.
const MOST_BOXES: usize = 80;
/// A narrower terminal is taken for one of this width.
const LEAST_WIDTH: usize = 20;

/// How a drawing is to look in a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// Columns; no line is wider.
    pub width: usize,
    /// Lines of `-`, `|` and `+`.
    pub ascii: bool,
}

/// What a piece of a drawing is, for its colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// Nothing in particular.
    Text,
    /// A node's name.
    Name,
    /// A kind, and the border of a node of it.
    Kind(Sort),
    /// A link or its label.
    Line(Class),
    /// What matters less.
    Faint,
}

/// Lines of pieces of text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Drawing {
    /// Each line's pieces from left to right.
    pub lines: Vec<Vec<(Tone, String)>>,
}

impl Drawing {
    /// The text, each piece as `paint` gives it; no line ends with spaces.
    pub fn text(&self, paint: impl Fn(Tone, &str) -> String) -> String {
        let mut out = String::new();
        for line in &self.lines {
            let last = line.iter().rposition(|(_, text)| !text.trim_end().is_empty());
            for (i, (tone, text)) in line.iter().take(last.map_or(0, |last| last + 1)).enumerate() {
                let text = if Some(i) == last { text.trim_end() } else { text };
                if text.trim().is_empty() {
                    out.push_str(text);
                } else {
                    out.push_str(&paint(*tone, text));
                }
            }
            out.push('\n');
        }
        out
    }
}

/// Boxes in layers and the links between them if they fit into the width, else an outline.
pub fn terminal(graph: &Graph, look: Look) -> Drawing {
    let picture = Picture::of(graph);
    if picture.count() <= MOST_BOXES
        && let Some(drawing) = boxes::drawing(&picture, wide(look))
    {
        return headed(graph, look, &picture, drawing.lines);
    }
    outlined(graph, look, &picture)
}

/// A node a line, with rails.
pub fn outline(graph: &Graph, look: Look) -> Drawing {
    outlined(graph, look, &Picture::of(graph))
}

fn outlined(graph: &Graph, look: Look, picture: &Picture) -> Drawing {
    headed(graph, look, picture, outline::lines(picture, wide(look)))
}

fn wide(look: Look) -> Look {
    Look { width: look.width.max(LEAST_WIDTH), ..look }
}

fn headed(graph: &Graph, look: Look, picture: &Picture, lines: Vec<Vec<(Tone, String)>>) -> Drawing {
    let count = picture.count();
    let head = format!("{}: {count} node{}", text::plain(&graph.name), if count == 1 { "" } else { "s" });
    let head = text::wrap(&head, wide(look).width).into_iter().map(|line| vec![(Tone::Faint, line)]);
    Drawing { lines: head.chain([vec![]]).chain(lines).collect() }
}

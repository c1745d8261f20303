//! A graph as an SVG picture: the terminal's layout with round corners and colours for light and dark pages. Needs no
//! other program; called by the command line.

use std::fmt::Write as _;

use super::{
    boxes::TEXTS,
    layout::{Path, Plan},
    picture::{Class, Picture, Sort, Vertex},
    text::plain,
};
use crate::graph::Graph;

/// Pixels of a cell: a character of 13 px is 7.8 px wide.
const CELL: (usize, usize) = (8, 16);
/// Pixels around the picture.
const MARGIN: usize = 16;
/// Cells, about as many as a wide screen has; what cannot be drawn in so many is drawn as wide as it must be.
const WIDTH: usize = 220;
/// Pixels of a round corner.
const ROUND: usize = 6;

/// Text in shades that have contrast on light pages, and on dark ones.
const STYLE: &str = "\
.page{fill:#ffffff}\
text{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace}\
.id{font-size:13px;font-weight:600;fill:#1f2328}\
.kind{font-size:11px}.label{font-size:12px;paint-order:stroke;stroke:#ffffff;stroke-width:5px;stroke-linejoin:round}\
.box{fill:#f6f8fa;stroke-width:1.5px}.halo{fill:none;stroke:#ffffff;stroke-width:5px}\
.link{fill:none;stroke-width:1.5px;stroke-linejoin:round}.broken{stroke-dasharray:5 4}\
.plain.box,.flow.link{stroke:#59636e}.plain.kind,.flow.head{fill:#59636e}\
.model.box{stroke:#0550ae}.model.kind{fill:#0550ae}\
.person.box{stroke:#953800}.person.kind{fill:#953800}\
.guard.box{stroke:#8250df}.guard.kind{fill:#8250df}\
.route.box,.way.link{stroke:#0a6c74}.route.kind,.way.head,.way.label{fill:#0a6c74}\
.tool.box{stroke:#116329}.tool.kind{fill:#116329}\
.knowledge.box{stroke:#4d2d00}.knowledge.kind{fill:#4d2d00}\
.body.box{stroke:#59636e;fill:#ffffff}.body.kind{fill:#59636e}\
.error.link{stroke:#cf222e}.error.head,.error.label{fill:#cf222e}\
.block.link{stroke:#8250df}.block.head,.block.label{fill:#8250df}\
@media (prefers-color-scheme:dark){\
.page{fill:#0d1117}.id{fill:#f0f6fc}.label,.halo{stroke:#0d1117}.box{fill:#161b22}\
.plain.box,.flow.link{stroke:#9198a1}.plain.kind,.flow.head{fill:#9198a1}\
.model.box{stroke:#79c0ff}.model.kind{fill:#79c0ff}\
.person.box{stroke:#ffa657}.person.kind{fill:#ffa657}\
.guard.box{stroke:#d2a8ff}.guard.kind{fill:#d2a8ff}\
.route.box,.way.link{stroke:#56d4dd}.route.kind,.way.head,.way.label{fill:#56d4dd}\
.tool.box{stroke:#7ee787}.tool.kind{fill:#7ee787}\
.knowledge.box{stroke:#e3b341}.knowledge.kind{fill:#e3b341}\
.body.box{stroke:#9198a1;fill:#0d1117}.body.kind{fill:#9198a1}\
.error.link{stroke:#ff7b72}.error.head,.error.label{fill:#ff7b72}\
.block.link{stroke:#d2a8ff}.block.head,.block.label{fill:#d2a8ff}}";

/// The picture; `None` when the graph is so large that nobody could read it.
pub fn svg(graph: &Graph) -> Option<String> {
    let picture = Picture::of(graph);
    let plan = Plan::of(&picture, &TEXTS, Some(WIDTH)).or_else(|| Plan::of(&picture, &TEXTS, None))?;
    let (width, height) = (plan.width * CELL.0 + 2 * MARGIN, plan.height * CELL.1 + 2 * MARGIN);
    let name = escaped(&plain(&graph.name));
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
         viewBox=\"0 0 {width} {height}\" role=\"img\" aria-labelledby=\"graph-title graph-desc\">\n\
         <title id=\"graph-title\">{name}</title>\n<desc id=\"graph-desc\">{}</desc>\n<style>{STYLE}</style>\n\
         <rect class=\"page\" width=\"{width}\" height=\"{height}\"/>\n",
        escaped(&described(&picture)),
    );
    write(&mut out, &picture, &plan, (MARGIN, MARGIN));
    out.push_str("</svg>\n");
    Some(out)
}

fn write(out: &mut String, picture: &Picture, plan: &Plan, (left, top): (usize, usize)) {
    // Lines first: labels stand on them. The lines of one net pass over those before them, with a little space.
    for net in plan.paths.chunk_by(|a, b| a.net == b.net) {
        let drawn: Vec<_> = net.iter().map(|path| (path, drawn(path, (left, top)))).collect();
        for (_, (line, _)) in &drawn {
            let _ = writeln!(out, "<path class=\"halo\" d=\"{line}\"/>");
        }
        for (path, (line, head)) in &drawn {
            let class = class(path.class);
            let broken = if path.class.broken() { " broken" } else { "" };
            let _ = writeln!(out, "<path class=\"link {class}{broken}\" d=\"{line}\"/>");
            let _ = writeln!(out, "<path class=\"head {class}\" d=\"{head}\"/>");
        }
    }
    for label in &plan.labels {
        let x = left + label.area.x * CELL.0 + label.area.width * CELL.0 / 2;
        for (row, line) in label.lines.iter().enumerate() {
            let y = top + (label.area.y + row) * CELL.1 + 12;
            let (class, line) = (class(label.class), escaped(line));
            let _ =
                writeln!(out, "<text class=\"label {class}\" text-anchor=\"middle\" x=\"{x}\" y=\"{y}\">{line}</text>");
        }
    }
    for (vertex, (area, inside)) in picture.vertices.iter().zip(plan.boxes.iter().zip(&plan.inside)) {
        let (x, y) = (left + area.x * CELL.0, top + area.y * CELL.1 + 2);
        let (width, height) = (area.width * CELL.0, area.height * CELL.1 - 4);
        let sort = sort(vertex.sort);
        let mark = if vertex.when.is_some() { " ?" } else { "" };
        let _ = writeln!(
            out,
            "<g><title>{}</title><rect class=\"box {sort}\" x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" \
             rx=\"6\"/><text class=\"id\" x=\"{}\" y=\"{}\">{}{mark}</text><text class=\"kind {sort}\" x=\"{}\" \
             y=\"{}\">{}</text></g>",
            escaped(&tip(vertex)),
            x + 12,
            y + 19,
            escaped(&vertex.id),
            x + 12,
            y + 35,
            escaped(&vertex.kind),
        );
        if let (Some(picture), Some(plan)) = (&vertex.inside, inside) {
            write(out, picture, plan, (x + 2 * CELL.0, top + (area.y + 2) * CELL.1 + CELL.1 / 2));
        }
    }
}

/// A line with round corners, and its arrow's head.
fn drawn(path: &Path, (left, top): (usize, usize)) -> (String, String) {
    let count = path.points.len();
    let points: Vec<(usize, usize)> = path
        .points
        .iter()
        .enumerate()
        .map(|(i, (x, y))| {
            let y = match i {
                // From the lower edge of one box to above the upper edge of the other.
                0 => (y + 1) * CELL.1 - 2,
                i if i + 1 == count => (y + 1) * CELL.1 - 4,
                _ => y * CELL.1 + CELL.1 / 2,
            };
            (left + x * CELL.0 + CELL.0 / 2, top + y)
        })
        .collect();
    let mut line = String::new();
    for (i, (x, y)) in points.iter().enumerate() {
        let corner = i.checked_sub(1).and_then(|before| points.get(before)).zip(points.get(i + 1));
        let _ = match corner {
            None if i == 0 => write!(line, "M{x} {y}"),
            None => write!(line, "L{x} {y}"),
            Some((before, after)) => {
                let ((ax, ay), (bx, by)) = (toward((*x, *y), *before), toward((*x, *y), *after));
                write!(line, "L{ax} {ay}Q{x} {y} {bx} {by}")
            }
        };
    }
    let (x, y) = points.last().copied().unwrap_or_default();
    (line, format!("M{} {}h8l-4 7z", x.saturating_sub(4), y.saturating_sub(1)))
}

/// The point that is a corner's radius away from it, but not beyond the middle.
fn toward((x, y): (usize, usize), (ox, oy): (usize, usize)) -> (usize, usize) {
    let step = |from: usize, to: usize| {
        let by = ROUND.min(from.abs_diff(to) / 2);
        if to > from { from + by } else { from - by }
    };
    (step(x, ox), step(y, oy))
}

fn class(class: Class) -> &'static str {
    match class {
        Class::Flow => "flow",
        Class::Way => "way",
        Class::Error => "error",
        Class::Block => "block",
    }
}

fn sort(sort: Sort) -> &'static str {
    match sort {
        Sort::Model => "model",
        Sort::Person => "person",
        Sort::Guard => "guard",
        Sort::Route => "route",
        Sort::Tool => "tool",
        Sort::Knowledge => "knowledge",
        Sort::Body => "body",
        Sort::Plain => "plain",
    }
}

/// What is shown when a pointer rests on a node.
fn tip(vertex: &Vertex) -> String {
    let mut lines = vec![format!("{} ({})", vertex.id, vertex.kind)];
    lines.extend((!vertex.about.is_empty()).then(|| vertex.about.clone()));
    lines.extend(vertex.when.iter().map(|when| format!("only when {when}")));
    lines.extend(vertex.ways.iter().cloned());
    lines.extend(vertex.reactions.iter().map(|(_, reaction)| reaction.clone()));
    lines.join("\n")
}

/// The picture in words, for those who cannot see it.
fn described(picture: &Picture) -> String {
    let mut sentences = vec![];
    for (from, vertex) in picture.vertices.iter().enumerate() {
        let starts = picture.links.iter().filter(|link| link.from == from);
        let starts: Vec<String> = starts
            .map(|link| {
                let to = &picture.vertices[link.to].id;
                if link.label.is_empty() { to.clone() } else { format!("{to} ({})", link.label) }
            })
            .collect();
        let then = if starts.is_empty() { String::new() } else { format!(" starts {}", starts.join(", ")) };
        sentences.push(format!("{} ({}){then}.", vertex.id, vertex.kind));
        sentences.extend(vertex.inside.as_ref().map(|inside| format!("Inside {}: {}", vertex.id, described(inside))));
    }
    sentences.join(" ")
}

/// Text of XML, which has no place for some characters.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' => out.push('\n'),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

//! The drawing of boxes and lines for a terminal, and notes for what does not fit into boxes. Called by `draw::terminal`.

use super::{
    Drawing, Look, Tone,
    canvas::Canvas,
    layout::{Plan, Size, Texts},
    picture::{Picture, Vertex},
    text::{cut, width, wrap},
};

/// Columns of a label; longer ones are wrapped.
const LABEL: usize = 18;
/// The longest condition in a note.
const CONDITION: usize = 200;
/// Columns before a note.
const INDENT: usize = 2;

/// The drawing, if it can be no wider than asked.
pub(super) fn drawing(picture: &Picture, look: Look) -> Option<Drawing> {
    let plan = Plan::of(picture, &TEXTS, Some(look.width))?;
    let mut canvas = Canvas::new(look.ascii);
    paint(&mut canvas, picture, &plan, (0, 0), &mut 0);
    let mut drawing = canvas.finish();
    let notes = notes(picture, look);
    if !notes.is_empty() {
        drawing.lines.push(vec![]);
        drawing.lines.extend(notes);
    }
    Some(drawing)
}

/// How large boxes and labels are, here and in pictures that are scaled.
pub(super) const TEXTS: Texts<'static> = Texts { size: &size, lines: &lines };

fn size(vertex: &Vertex) -> Size {
    let mark = if vertex.when.is_some() { 2 } else { 0 };
    // The kind is a title in the border, and a piece of the border is left on each side.
    Size { width: (width(&vertex.id) + mark + 4).max(width(&vertex.kind) + 6), height: 3 }
}

/// The lines of a label: cases stay whole where they can.
fn lines(label: &str) -> Vec<String> {
    // A case may have spaces, which are no places to break.
    let cases: Vec<String> = label.split(" | ").map(|case| case.replace(' ', "\u{a0}")).collect();
    let lines = wrap(&cases.join(" | "), LABEL);
    lines.into_iter().map(|line| line.replace('\u{a0}', " ")).collect()
}

fn paint(canvas: &mut Canvas, picture: &Picture, plan: &Plan, (left, top): (usize, usize), nets: &mut usize) {
    for (vertex, (area, inside)) in picture.vertices.iter().zip(plan.boxes.iter().zip(&plan.inside)) {
        let (x, y) = (left + area.x, top + area.y);
        canvas.frame((x, y), (area.width, area.height), &vertex.kind, Tone::Kind(vertex.sort));
        canvas.text(x + 2, y + 1, &vertex.id, Tone::Name);
        if vertex.when.is_some() {
            canvas.text(x + 3 + width(&vertex.id), y + 1, "?", Tone::Kind(vertex.sort));
        }
        if let (Some(picture), Some(plan)) = (&vertex.inside, inside) {
            paint(canvas, picture, plan, (x + 2, y + 2), nets);
        }
    }
    for label in &plan.labels {
        for (row, line) in label.lines.iter().enumerate() {
            let x = left + label.area.x + (label.area.width - width(line)) / 2;
            canvas.text(x, top + label.area.y + row, line, Tone::Line(label.class));
        }
    }
    for path in &plan.paths {
        let points: Vec<(usize, usize)> = path.points.iter().map(|(x, y)| (left + x, top + y)).collect();
        canvas.line(*nets + path.net, path.class, &points);
        if let (Some((x, y)), Some((end, bottom))) = (points.first(), points.last()) {
            canvas.sign(*x, *y, '┬', '+', Tone::Line(path.class));
            canvas.sign(*end, *bottom, '▼', 'v', Tone::Line(path.class));
        }
    }
    *nets += plan.paths.iter().map(|path| path.net + 1).max().unwrap_or(0);
}

/// What boxes do not show: conditions and reactions, a node a line.
fn notes(picture: &Picture, look: Look) -> Vec<Vec<(Tone, String)>> {
    let mut found = vec![];
    gather(picture, look, &mut found);
    let names = found.iter().map(|(vertex, _)| width(&vertex.id)).max().unwrap_or(0);
    let names = names.min(look.width / 3);
    let mut lines = vec![];
    for (vertex, notes) in found {
        let mut name = vec![(Tone::Text, " ".repeat(INDENT)), (Tone::Name, vertex.id.clone())];
        let mut pad = (names + 2).saturating_sub(width(&vertex.id)).max(2);
        if width(&vertex.id) > names {
            // The name has a line of its own.
            lines.push(std::mem::take(&mut name));
            pad = INDENT + names + 2;
        }
        for (tone, note) in notes {
            for line in wrap(&note, look.width.saturating_sub(INDENT + names + 2).max(8)) {
                let mut all = std::mem::take(&mut name);
                all.push((Tone::Text, " ".repeat(pad)));
                all.push((tone, line));
                lines.push(all);
                pad = INDENT + names + 2;
            }
        }
    }
    lines
}

fn gather<'p>(picture: &'p Picture, look: Look, found: &mut Vec<(&'p Vertex, Vec<(Tone, String)>)>) {
    for vertex in &picture.vertices {
        let notes = remarks(vertex, look);
        if !notes.is_empty() {
            found.push((vertex, notes));
        }
        if let Some(inside) = &vertex.inside {
            gather(inside, look, found);
        }
    }
}

/// When a node runs, and what happens when it cannot go on.
pub(super) fn remarks(vertex: &Vertex, look: Look) -> Vec<(Tone, String)> {
    let when = vertex.when.iter().map(|when| {
        let when = cut(when, CONDITION);
        (Tone::Text, format!("only when {}", if look.ascii { when.replace('…', "...") } else { when }))
    });
    let reactions = vertex.reactions.iter().map(|(class, reaction)| (Tone::Line(*class), reaction.clone()));
    let ways = vertex.ways.iter().map(|way| (Tone::Text, way.clone()));
    when.chain(ways).chain(reactions).collect()
}

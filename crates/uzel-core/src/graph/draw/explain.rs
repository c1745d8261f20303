//! One node and its edges in words: what each comes from, with the line that causes it. Called by the command line.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use indexmap::IndexMap;

mod causes;

use causes::{Cause, Why, causes, names, reads};

use super::{
    Drawing, Look, Tone,
    picture::{Class, repeats},
    text::{cut, plain, wrap},
    wide,
};
use crate::{
    diagnostic::near,
    expr::Binding,
    graph::{Edge, Graph, Join, NodeDef, NodeIdx, Reaction, Via},
    source::{Source, Span},
};

/// Nodes beside each other, by name.
type Nodes = IndexMap<String, Arc<NodeDef>>;

/// A node and all its edges in words, or names that are like the one that was asked for.
///
/// The node of a body is named by its path, `notes.summarise`, or by its name alone if only one is called so. `shown`
/// gives the name of a file as the reader would type it.
pub fn explain(graph: &Graph, name: &str, shown: &dyn Fn(&str) -> String, look: Look) -> Result<Drawing, Vec<String>> {
    let mut all = vec![];
    places(&graph.nodes, "", &mut all);
    let exact = all.iter().find(|place| place.path == name);
    let mut alone = all.iter().filter(|place| place.node.id == name);
    let found = exact.or_else(|| alone.next().filter(|_| alone.next().is_none()));
    let Some(place) = found else {
        let same = all.iter().filter(|place| place.node.id == name).map(|place| place.path.clone());
        let same: Vec<String> = same.take(8).collect();
        let names = || all.iter().map(|place| place.path.as_str());
        return Err(if same.is_empty() { near(name, names()).into_iter().map(str::to_owned).collect() } else { same });
    };
    let mut page = Page { graph, shown, look: wide(look), drawing: Drawing::default() };
    page.node(place);
    Ok(page.drawing)
}

/// A node and where it stands.
struct Place<'g> {
    path: String,
    idx: NodeIdx,
    node: &'g Arc<NodeDef>,
    beside: &'g Nodes,
    top: bool,
}

fn places<'g>(nodes: &'g Nodes, prefix: &str, all: &mut Vec<Place<'g>>) {
    for (idx, node) in nodes.values().enumerate() {
        let path = format!("{prefix}{}", node.id);
        let below = format!("{path}.");
        all.push(Place { path, idx, node, beside: nodes, top: prefix.is_empty() });
        if let Some(plan) = &node.plan {
            places(plan.inner.nodes(), &below, all);
        }
    }
}

/// Lines that are being written.
struct Page<'a> {
    graph: &'a Graph,
    shown: &'a dyn Fn(&str) -> String,
    look: Look,
    drawing: Drawing,
}

impl Page<'_> {
    fn line(&mut self, indent: usize, tone: Tone, text: &str) {
        for line in wrap(&plain(text), self.look.width.saturating_sub(indent).max(8)) {
            let indent = " ".repeat(indent);
            self.drawing.lines.push(vec![(Tone::Text, indent), (tone, line)]);
        }
    }

    fn heading(&mut self, text: &str) {
        self.drawing.lines.push(vec![]);
        self.line(0, Tone::Text, text);
    }

    /// A place and its line.
    fn excerpt(&mut self, at: Span) {
        let position = self.graph.sources.position(at);
        let place = format!("{}:{}:{}", (self.shown)(&position.file), position.line, position.column);
        let source = match self.graph.sources.get(at.source) {
            Some(Source::Text { text, .. }) => line_of(text, at.start as usize),
            _ => "",
        };
        let bar = if self.look.ascii { "|" } else { "│" };
        let dots = if self.look.ascii { "..." } else { "…" };
        let room = self.look.width.saturating_sub(place.chars().count() + 9);
        let source = plain(source);
        if room < 24 || source.is_empty() {
            self.line(6, Tone::Faint, &place);
            if !source.is_empty() {
                let source = cut(&source, self.look.width.saturating_sub(8)).replace('…', dots);
                self.drawing.lines.push(vec![(Tone::Faint, format!("      {bar} ")), (Tone::Text, source)]);
            }
            return;
        }
        let source = cut(&source, room.saturating_sub(dots.len() - 1)).replace('…', dots);
        self.drawing.lines.push(vec![(Tone::Faint, format!("      {place} {bar} ")), (Tone::Text, source)]);
    }

    fn node(&mut self, place: &Place<'_>) {
        let node = place.node;
        let head = vec![(Tone::Name, place.path.clone()), (Tone::Text, "  ".to_owned())];
        self.drawing.lines.push(head.into_iter().chain([(Tone::Text, node.kind.name.to_owned())]).collect());
        if !node.description.is_empty() {
            self.line(2, Tone::Text, &node.description);
        }
        if !node.labels.is_empty() {
            let labels: Vec<String> = node.labels.iter().map(|(name, text)| format!("{name}: {text}")).collect();
            self.line(2, Tone::Faint, &format!("labels {{ {} }}", labels.join(", ")));
        }
        self.excerpt(node.at);
        self.before(place);
        self.left_out(place);
        self.start(node);
        self.after(place);
        self.reactions(place);
    }

    /// Its parents, each with everything that makes it one.
    fn before(&mut self, place: &Place<'_>) {
        if place.node.parents.is_empty() {
            self.heading("comes after nothing: it starts with what is around it");
            return;
        }
        self.heading("comes after");
        let id = &place.node.id;
        for edge in &place.node.parents {
            let Some((from, parent)) = place.beside.get_index(edge.from) else { continue };
            self.line(2, Tone::Name, from);
            match &edge.via {
                Via::Flow => self.causes(id, from, &causes(place.node, from), edge.at),
                Via::Ports(cases) => {
                    let cases = cases.iter().map(|case| format!("`{case}`")).collect::<Vec<_>>().join(" or ");
                    self.say(Class::Way, &format!("`{from}` chooses `{id}` for {cases}"), edge.at);
                }
                Via::Error => {
                    let words = format!("`{id}` runs when `{from}` fails, because of `on_error: {{ run: {id} }}`");
                    self.say(Class::Error, &words, edge.at);
                }
                Via::Block => {
                    let words = format!("`{id}` runs when `{from}` blocks, because of `on_block: {{ run: {id} }}`");
                    self.say(Class::Block, &words, edge.at);
                }
            }
            debug_assert!(parent.id == *from, "nodes are filed by name");
        }
    }

    fn causes(&mut self, id: &str, from: &str, causes: &[Cause], at: Span) {
        if causes.is_empty() {
            self.say(Class::Flow, &format!("`{id}` comes after `{from}` because of this"), at);
        }
        self.because(causes);
    }

    /// Causes with their lines; what is read at one place of one line stands together.
    fn because(&mut self, causes: &[Cause]) {
        let mut rest = causes.iter().peekable();
        while let Some(cause) = rest.next() {
            let words = match &cause.why {
                Why::Says(words) => words.clone(),
                Why::Reads(path, place) => {
                    let line = |at: Span| (at.source, self.graph.sources.position(at).line);
                    let mut paths = vec![format!("`{path}`")];
                    let same = |other: &&Cause| {
                        matches!(&other.why, Why::Reads(_, there) if there == place) && line(other.at) == line(cause.at)
                    };
                    while let Some(Cause { why: Why::Reads(path, _), .. }) = rest.next_if(same) {
                        paths.push(format!("`{path}`"));
                    }
                    format!("reads {} in `{place}`", paths.join(" and "))
                }
            };
            self.say(Class::Flow, &words, cause.at);
        }
    }

    fn say(&mut self, class: Class, words: &str, at: Span) {
        self.line(4, Tone::Line(class), words);
        self.excerpt(at);
    }

    /// What it refers to, but need not wait for: something nearer comes after that anyway.
    fn left_out(&mut self, place: &Place<'_>) {
        let kept = |idx: NodeIdx| place.node.parents.iter().any(|edge| edge.from == idx && edge.via == Via::Flow);
        let mut headed = false;
        for (idx, from) in place.beside.keys().enumerate() {
            let found = causes(place.node, from);
            if found.is_empty() || kept(idx) || idx == place.idx {
                continue;
            }
            if !std::mem::replace(&mut headed, true) {
                self.heading("comes after these too, by way of something nearer");
            }
            self.line(2, Tone::Name, from);
            if let Some(path) = path(place.beside, idx, place.idx) {
                let arrow = if self.look.ascii { " -> " } else { " → " };
                self.line(4, Tone::Text, &format!("anyway: {}", path.join(arrow)));
            }
            self.because(&found);
        }
    }

    /// When it starts.
    fn start(&mut self, node: &NodeDef) {
        if !node.parents.is_empty() || node.when.is_some() || node.plan.is_some() {
            self.heading("starts");
        }
        if node.gated {
            self.line(2, Tone::Text, "once it has been chosen: by a route, or because something failed or blocked");
        }
        let flow = node.parents.iter().filter(|edge| !edge.via.is_control()).count();
        let join = match node.join {
            Join::All => "when all of these have settled, none failed, and at least one was not left out",
            Join::Any => "at the first of these that is fine (`join: any`); what nobody else waits for is cancelled",
            Join::Settle => "when all of these have settled, however they ended (`join: settle`)",
            Join::Quorum(_) => "when enough of these are fine; what nobody else waits for is then cancelled",
            Join::Deadline(_) => "when all of these have settled or its time is over, with what is there by then",
        };
        if flow > 0 {
            let count = if flow == 1 && node.join == Join::All {
                "when that has settled and did not fail".to_owned()
            } else if node.join == Join::All || node.join == Join::Settle || node.join == Join::Any {
                join.to_owned()
            } else {
                format!("{join} (`join: {}`)", node.join)
            };
            self.line(2, Tone::Text, &count);
        }
        if let Some(when) = &node.when {
            self.line(2, Tone::Text, &format!("only when {}; otherwise it is stepped over", plain(when.source())));
            self.excerpt(when.span());
        }
        if let Some(plan) = &node.plan {
            let names: Vec<String> = plan.inner.nodes().keys().map(|id| format!("`{id}`")).collect();
            self.line(2, Tone::Text, &format!("and runs {}: {}", names.join(", "), repeats(plan)));
        }
    }

    /// What it starts.
    fn after(&mut self, place: &Place<'_>) {
        let mut ways: Vec<(Class, String, Vec<&str>)> = vec![];
        let mut children = place.node.children.clone();
        children.sort_unstable();
        for (child, edge) in children {
            let Some((id, def)) = place.beside.get_index(child) else { continue };
            let Some(Edge { via, .. }) = def.parents.get(edge) else { continue };
            let (class, words) = match via {
                Via::Flow => (Class::Flow, "then".to_owned()),
                Via::Ports(cases) => (Class::Way, cases.join(" | ")),
                Via::Error => (Class::Error, "when it fails".to_owned()),
                Via::Block => (Class::Block, "when it blocks".to_owned()),
            };
            match ways.iter_mut().find(|(known, way, _)| (*known, way) == (class, &words)) {
                Some((_, _, ids)) => ids.push(id),
                None => ways.push((class, words, vec![id])),
            }
        }
        let read = self.graph.output.as_ref().filter(|_| place.top).map(Binding::references);
        let read = read.unwrap_or_default().iter().filter(|reference| names(reference, &place.node.id));
        let read: Vec<Cause> = read.map(|reference| reads(reference, "output")).collect();
        if ways.is_empty() && read.is_empty() {
            self.heading("nothing comes after it");
            return;
        }
        self.heading("comes before");
        for (class, words, ids) in ways {
            self.line(2, Tone::Line(class), &format!("{words}: {}", ids.join(", ")));
        }
        if !read.is_empty() {
            self.line(2, Tone::Text, "the app's end, which");
            self.because(&read);
        }
    }

    fn reactions(&mut self, place: &Place<'_>) {
        self.heading("otherwise");
        let guard =
            place.node.kind.name == "guard" || !matches!(place.node.on_block, Reaction::Fail | Reaction::HandOn);
        let reactions = [("fails", &place.node.on_error, true), ("blocks", &place.node.on_block, guard)];
        for (word, reaction, _) in reactions.into_iter().filter(|(.., told)| *told) {
            let then = match reaction {
                Reaction::Fail if place.top => "the run fails".to_owned(),
                Reaction::Fail => "what it stands in fails".to_owned(),
                Reaction::HandOn => "what comes after it takes that: each has a `join` that can".to_owned(),
                Reaction::Skip => "its output is null, and the rest goes on".to_owned(),
                Reaction::Use(_) => "its output is the value that is given for that".to_owned(),
                Reaction::Stop(_) => "the run ends with a text for the user".to_owned(),
                Reaction::Run(to) => {
                    let id = place.beside.get_index(*to).map_or("", |(id, _)| id.as_str());
                    format!("`{id}` runs instead of what comes after it")
                }
            };
            self.line(2, Tone::Text, &format!("when it {word}, {then}"));
        }
    }
}

/// The shortest way from one node to a later one.
fn path(nodes: &Nodes, from: NodeIdx, to: NodeIdx) -> Option<Vec<&str>> {
    let mut next: BTreeMap<NodeIdx, NodeIdx> = BTreeMap::new();
    let mut open = VecDeque::from([to]);
    while let Some(at) = open.pop_front() {
        if at == from {
            let mut path = vec![];
            let mut at = Some(from);
            while let Some(idx) = at {
                path.push(nodes.get_index(idx)?.0.as_str());
                at = if idx == to { None } else { next.get(&idx).copied() };
            }
            return Some(path);
        }
        for edge in &nodes.get_index(at)?.1.parents {
            if edge.from != to && !next.contains_key(&edge.from) {
                next.insert(edge.from, at);
                open.push_back(edge.from);
            }
        }
    }
    None
}

/// The line of a text that a byte is in, without spaces around it.
fn line_of(text: &str, at: usize) -> &str {
    let start = text.get(..at).and_then(|before| before.rfind('\n')).map_or(0, |i| i + 1);
    let rest = text.get(start..).unwrap_or("");
    rest.split('\n').next().unwrap_or("").trim()
}

//! Lines between layers: ports on boxes, a track for each line that runs sideways, and rows for everything. Used by the
//! layout.

use std::collections::BTreeMap;

use super::{
    Area, Label, Path, Plan,
    layers::{Hop, Layered, What},
    tracks::{self, Tracks, Wire},
};
use crate::graph::draw::picture::Picture;

/// Columns of lines where they leave and reach slots, by slot and net.
type Ports = BTreeMap<(usize, usize), usize>;

/// The finished plan; `None` if it is wider than `most`.
pub(super) fn plan(picture: &Picture, layered: &Layered, left: &[usize], most: Option<usize>) -> Option<Plan> {
    let (outs, ins) = ports(layered, left);
    let port = |ports: &Ports, slot: usize, net: usize| ports.get(&(slot, net)).copied().unwrap_or(left[slot]);
    let mut channels = vec![];
    for hops in &layered.channels {
        let wires = hops.iter().map(|hop| Wire {
            top: port(&outs, hop.upper, hop.net),
            ends: hop.lowers.iter().map(|lower| port(&ins, *lower, hop.net)).collect(),
        });
        channels.push(tracks::assign(wires.collect(), most));
    }
    let tops = rows(layered, &channels);
    let area = |slot: usize| {
        let (_, y) = tops.of_slot[slot];
        Area { x: left[slot], y, width: layered.slots[slot].width, height: layered.slots[slot].height }
    };
    let mut plan = Plan {
        width: 0,
        height: tops.height,
        boxes: vec![Area::default(); picture.vertices.len()],
        inside: vec![],
        labels: vec![],
        paths: vec![],
    };
    for (slot, place) in layered.slots.iter().enumerate() {
        match place.what {
            What::Box(vertex) => plan.boxes[vertex] = area(slot),
            What::Label(net) => {
                let net = &layered.nets[net];
                plan.labels.push(Label { area: area(slot), lines: net.lines.clone(), class: net.class });
            }
            What::Bend(_) => {}
        }
    }
    plan.paths = paths(layered, &channels, &tops);
    let boxes = plan.boxes.iter().chain(plan.labels.iter().map(|label| &label.area));
    let right = boxes.map(|area| area.x + area.width);
    let corners = plan.paths.iter().flat_map(|path| path.points.iter().map(|(x, _)| x + 1));
    plan.width = right.chain(corners).max().unwrap_or(0);
    most.is_none_or(|most| plan.width <= most).then_some(plan)
}

/// Where lines leave and where they reach boxes: straight under each other where both boxes allow it.
fn ports(layered: &Layered, left: &[usize]) -> (Ports, Ports) {
    let (mut outs, mut ins) = (Ports::new(), Ports::new());
    let middle = |slot: usize| left[slot] + layered.slots[slot].width / 2;
    for (slot, place) in layered.slots.iter().enumerate() {
        if let What::Label(net) = place.what {
            outs.insert((slot, net), middle(slot));
            ins.insert((slot, net), middle(slot));
        }
    }
    let is_box = |slot: usize| matches!(layered.slots[slot].what, What::Box(_));
    for hops in &layered.channels {
        let mut wishes: BTreeMap<usize, Vec<(usize, usize)>> = BTreeMap::new();
        for hop in hops.iter().filter(|hop| is_box(hop.upper)) {
            let (low, high) = range(layered, left, hop.upper);
            let lowers = hop.lowers.iter().map(|lower| ins.get(&(*lower, hop.net)).copied().unwrap_or(middle(*lower)));
            let wish = (lowers.sum::<usize>() / hop.lowers.len().max(1)).clamp(low, high);
            wishes.entry(hop.upper).or_default().push((wish, hop.net));
        }
        spread(layered, left, wishes, &mut outs);
        let mut wishes: BTreeMap<usize, Vec<(usize, usize)>> = BTreeMap::new();
        for hop in hops {
            let from = outs.get(&(hop.upper, hop.net)).copied().unwrap_or(left[hop.upper]);
            for lower in hop.lowers.iter().filter(|lower| is_box(**lower)) {
                wishes.entry(*lower).or_default().push((from, hop.net));
            }
        }
        spread(layered, left, wishes, &mut ins);
        straighten(layered, left, hops, &mut outs, &ins);
    }
    (outs, ins)
}

/// Columns of a box that can be ports.
fn range(layered: &Layered, left: &[usize], slot: usize) -> (usize, usize) {
    (left[slot] + 1, left[slot] + layered.slots[slot].width.saturating_sub(2).max(1))
}

/// Gives each net a column of its own, near its wish, two apart.
fn spread(layered: &Layered, left: &[usize], wishes: BTreeMap<usize, Vec<(usize, usize)>>, ports: &mut Ports) {
    for (slot, mut wishes) in wishes {
        let (low, high) = range(layered, left, slot);
        wishes.sort_unstable();
        let mut next = low;
        let mut columns = vec![];
        for (wish, _) in &wishes {
            let column = (*wish).clamp(next, high.max(next));
            columns.push(column);
            next = column + 2;
        }
        let mut bound = high;
        for column in columns.iter_mut().rev() {
            *column = (*column).min(bound);
            bound = column.saturating_sub(2);
        }
        ports.extend(wishes.into_iter().zip(columns).map(|((_, net), column)| ((slot, net), column)));
    }
}

/// Moves a port above a line's end if no other port of its box is near.
fn straighten(layered: &Layered, left: &[usize], hops: &[Hop], outs: &mut Ports, ins: &Ports) {
    for hop in hops {
        let ([lower], What::Box(_)) = (hop.lowers.as_slice(), layered.slots[hop.upper].what) else { continue };
        let wish = ins.get(&(*lower, hop.net)).copied().unwrap_or(left[*lower]);
        let (low, high) = range(layered, left, hop.upper);
        let near = outs.range((hop.upper, 0)..(hop.upper + 1, 0));
        let free = near.filter(|((_, net), _)| *net != hop.net).all(|(_, column)| column.abs_diff(wish) > 1);
        if free && (low..=high).contains(&wish) {
            outs.insert((hop.upper, hop.net), wish);
        }
    }
}

/// Rows of everything.
struct Rows {
    /// Layer and first row of each slot.
    of_slot: Vec<(usize, usize)>,
    /// First row of each layer.
    of_layer: Vec<usize>,
    /// First row of each channel.
    of_channel: Vec<usize>,
    height: usize,
}

fn rows(layered: &Layered, channels: &[Tracks]) -> Rows {
    let mut rows = Rows { of_slot: vec![(0, 0); layered.slots.len()], of_layer: vec![], of_channel: vec![], height: 0 };
    for (layer, slots) in layered.layers.iter().enumerate() {
        rows.of_layer.push(rows.height);
        for slot in slots {
            rows.of_slot[*slot] = (layer, rows.height);
        }
        rows.height += slots.iter().map(|slot| layered.slots[*slot].height).max().unwrap_or(0);
        let Some(channel) = channels.get(layer) else { continue };
        rows.of_channel.push(rows.height);
        let next = layered.layers.get(layer + 1);
        // A row for arrows.
        let arrows = next.into_iter().flatten().any(|slot| matches!(layered.slots[*slot].what, What::Box(_)));
        rows.height += (channel.count + usize::from(arrows)).max(1);
    }
    rows
}

/// The line of every link, corner by corner.
fn paths(layered: &Layered, channels: &[Tracks], rows: &Rows) -> Vec<Path> {
    // The hop of each net in each channel.
    let mut hops: BTreeMap<(usize, usize), usize> = BTreeMap::new();
    for (channel, all) in layered.channels.iter().enumerate() {
        all.iter().enumerate().for_each(|(at, hop)| {
            hops.insert((hop.net, channel), at);
        });
    }
    let mut paths = vec![];
    for (net, of) in layered.nets.iter().enumerate() {
        for to in &of.targets {
            let (first, top) = rows.of_slot[of.from];
            let last = rows.of_slot[*to].0;
            let mut points = vec![];
            let mut y = top + layered.slots[of.from].height - 1;
            for (channel, tracks) in channels.iter().enumerate().take(last).skip(first) {
                let Some(at) = hops.get(&(net, channel)) else { break };
                let hop = &layered.channels[channel][*at];
                let goal = |lower: &usize| match layered.slots[*lower].what {
                    What::Box(vertex) => channel + 1 == last && vertex == *to,
                    What::Label(_) | What::Bend(_) => channel + 1 < last,
                };
                let Some(lower) = hop.lowers.iter().position(goal) else { break };
                let row = |track: usize| rows.of_channel[channel] + track;
                for (x, track) in tracks.corners(*at, lower) {
                    points.push((x, y));
                    if let Some(track) = track {
                        y = row(track);
                        points.push((x, y));
                    }
                }
                y = rows.of_layer[channel + 1];
                if channel + 1 == last {
                    y -= 1;
                }
                if let Some((x, _)) = points.last().copied() {
                    points.push((x, y));
                }
            }
            paths.push(Path { net, class: of.class, points: without_needless(points) });
        }
    }
    paths
}

/// Corners only.
fn without_needless(points: Vec<(usize, usize)>) -> Vec<(usize, usize)> {
    let mut kept: Vec<(usize, usize)> = vec![];
    for point in points {
        if kept.last() == Some(&point) {
            continue;
        }
        if let [.., a, b] = kept.as_slice()
            && (a.0 == b.0 && b.0 == point.0 || a.1 == b.1 && b.1 == point.1)
        {
            kept.pop();
        }
        kept.push(point);
    }
    kept
}

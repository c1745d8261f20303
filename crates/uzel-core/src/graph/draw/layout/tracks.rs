//! Tracks between two layers: which line runs sideways above which. Used by `route`.
//!
//! A line comes down from its column above, runs along its track, and goes down to each of its ends. Where one line ends
//! below the column in which another begins, the other must run above it; where two such wishes contradict each other,
//! one of the lines takes a detour by a free column.

use std::collections::BTreeSet;

/// Channels with more lines get tracks without looking at how they cross.
const MOST_COMPARED: usize = 60;

/// A line to be laid.
#[derive(Clone, Debug)]
pub(super) struct Wire {
    /// The column from above.
    pub(super) top: usize,
    /// Columns below.
    pub(super) ends: Vec<usize>,
}

/// Tracks of the lines of a channel.
#[derive(Debug)]
pub(super) struct Tracks {
    /// How many there are.
    pub(super) count: usize,
    wires: Vec<Wire>,
    /// Of each line; none for one that goes straight down.
    main: Vec<Option<usize>>,
    /// A detour: a track above the line's own, and the column in which it comes down from there.
    detour: Vec<Option<(usize, usize)>>,
}

impl Tracks {
    /// The way of a line to one of its ends: columns, each with the track in which it is left.
    pub(super) fn corners(&self, wire: usize, end: usize) -> Vec<(usize, Option<usize>)> {
        let Wire { top, ends } = &self.wires[wire];
        let Some(main) = self.main[wire] else { return vec![(*top, None)] };
        let mut corners = vec![];
        match self.detour[wire] {
            None => corners.push((*top, Some(main))),
            Some((track, column)) => corners.extend([(*top, Some(track)), (column, Some(main))]),
        }
        corners.push((ends[end], None));
        corners
    }
}

/// A part of a line that runs sideways: the whole, or one of the two of a detour.
struct Part {
    wire: usize,
    /// It comes from above; not so the lower part of a detour.
    top: Option<usize>,
    ends: Vec<usize>,
    from: usize,
    to: usize,
}

impl Part {
    fn new(wire: usize, start: usize, top: Option<usize>, ends: Vec<usize>) -> Self {
        let from = ends.iter().copied().min().unwrap_or(start).min(start);
        let to = ends.iter().copied().max().unwrap_or(start).max(start);
        Self { wire, top, ends, from, to }
    }

    fn meets(&self, other: &Self) -> bool {
        self.from <= other.to && other.from <= self.to
    }

    /// How often the lines cross if this one runs above the other.
    fn crossings_above(&self, other: &Self) -> usize {
        let inside = |column: usize, part: &Self| part.from < column && column < part.to;
        self.ends.iter().filter(|end| inside(**end, other)).count()
            + other.top.iter().filter(|top| inside(**top, self)).count()
    }
}

/// Gives each line a track. Columns above are all different, and so are those below.
pub(super) fn assign(wires: Vec<Wire>, most: Option<usize>) -> Tracks {
    let mut parts: Vec<Part> = vec![];
    for (idx, wire) in wires.iter().enumerate() {
        if wire.ends.iter().any(|end| *end != wire.top) {
            parts.push(Part::new(idx, wire.top, Some(wire.top), wire.ends.clone()));
        }
    }
    // What must run below what.
    let (mut below, order) = loop {
        let below = needed(&parts);
        match sorted(&below) {
            Ok(order) => break (below, order),
            Err(stuck) => detour(&mut parts, stuck, &wires, most),
        }
    };
    let order = if parts.len() <= MOST_COMPARED { prefer(&parts, &mut below) } else { order };
    let mut above: Vec<Vec<usize>> = vec![vec![]; parts.len()];
    for (upper, lowers) in below.iter().enumerate() {
        for lower in lowers {
            above[*lower].push(upper);
        }
    }
    let mut track: Vec<usize> = vec![0; parts.len()];
    let mut rows: Vec<Vec<usize>> = vec![];
    for part in order {
        let mut at = above[part].iter().map(|upper| track[*upper] + 1).max().unwrap_or(0);
        while rows.get(at).is_some_and(|row| row.iter().any(|other| parts[*other].meets(&parts[part]))) {
            at += 1;
        }
        if rows.len() <= at {
            rows.resize(at + 1, vec![]);
        }
        rows[at].push(part);
        track[part] = at;
    }
    let mut tracks =
        Tracks { count: rows.len(), main: vec![None; wires.len()], detour: vec![None; wires.len()], wires };
    for (idx, part) in parts.iter().enumerate() {
        let upper = parts.get(idx + 1).is_some_and(|next| next.wire == part.wire);
        match part.ends.as_slice() {
            [column] if upper => tracks.detour[part.wire] = Some((track[idx], *column)),
            _ => tracks.main[part.wire] = Some(track[idx]),
        }
    }
    tracks
}

/// For each part those that must run below it.
fn needed(parts: &[Part]) -> Vec<BTreeSet<usize>> {
    let mut below = vec![BTreeSet::new(); parts.len()];
    for (i, upper) in parts.iter().enumerate() {
        for (j, lower) in parts.iter().enumerate() {
            let detour = j == i + 1 && upper.wire == lower.wire;
            if i != j && upper.wire != lower.wire && upper.top.is_some_and(|top| lower.ends.contains(&top)) || detour {
                below[i].insert(j);
            }
        }
    }
    below
}

/// An order in which what runs above comes first, or a part that is in the way of that.
fn sorted(below: &[BTreeSet<usize>]) -> Result<Vec<usize>, BTreeSet<usize>> {
    let mut open = vec![0_usize; below.len()];
    below.iter().flatten().for_each(|lower| open[*lower] += 1);
    let mut ready: BTreeSet<usize> = (0..below.len()).filter(|part| open[*part] == 0).collect();
    let mut order = vec![];
    while let Some(part) = ready.pop_first() {
        order.push(part);
        for lower in &below[part] {
            open[*lower] -= 1;
            if open[*lower] == 0 {
                ready.insert(*lower);
            }
        }
    }
    if order.len() == below.len() { Ok(order) } else { Err((0..below.len()).filter(|part| open[*part] > 0).collect()) }
}

/// Sends one of the stuck lines round by a column that nobody uses.
fn detour(parts: &mut Vec<Part>, stuck: BTreeSet<usize>, wires: &[Wire], most: Option<usize>) {
    let used: BTreeSet<usize> = wires
        .iter()
        .flat_map(|wire| wire.ends.iter().copied().chain([wire.top]))
        .chain(parts.iter().flat_map(|part| part.ends.iter().copied()))
        .collect();
    let whole = |part: &&usize| parts[**part].top.is_some() && parts[**part].ends == wires[parts[**part].wire].ends;
    let Some(idx) = stuck.iter().find(whole).copied() else { return };
    let part = parts.remove(idx);
    let top = wires[part.wire].top;
    let width = most.unwrap_or(usize::MAX);
    let beside = (1..).flat_map(|step| [top.checked_add(step), top.checked_sub(step)]).flatten();
    // There are finitely many columns in use; beyond the width the drawing is refused.
    let column = beside.take(4 * used.len() + 8).find(|column| *column < width && !used.contains(column));
    let column = column.unwrap_or(used.last().map_or(0, |last| last + 1));
    parts.insert(idx, Part::new(part.wire, column, None, part.ends));
    parts.insert(idx, Part::new(part.wire, top, Some(top), vec![column]));
}

/// Adds wishes that make lines cross less, the strongest first, as long as they do not contradict; gives an order.
fn prefer(parts: &[Part], below: &mut [BTreeSet<usize>]) -> Vec<usize> {
    let mut wishes = vec![];
    for i in 0..parts.len() {
        for j in 0..i {
            let (a, b) = (&parts[i], &parts[j]);
            if a.wire == b.wire || !a.meets(b) {
                continue;
            }
            let (ab, ba) = (a.crossings_above(b), b.crossings_above(a));
            if ab != ba {
                let (upper, lower) = if ab < ba { (i, j) } else { (j, i) };
                wishes.push((ab.abs_diff(ba), upper, lower));
            }
        }
    }
    wishes.sort_unstable_by_key(|(gain, upper, lower)| (usize::MAX - gain, *upper, *lower));
    for (_, upper, lower) in wishes {
        if !reaches(below, lower, upper) {
            below[upper].insert(lower);
        }
    }
    sorted(below).unwrap_or_default()
}

fn reaches(below: &[BTreeSet<usize>], from: usize, to: usize) -> bool {
    let mut seen = BTreeSet::new();
    let mut open = vec![from];
    while let Some(part) = open.pop() {
        if part == to {
            return true;
        }
        if seen.insert(part) {
            open.extend(&below[part]);
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wire(top: usize, ends: &[usize]) -> Wire {
        Wire { top, ends: ends.to_vec() }
    }

    #[test]
    fn straight_lines_need_no_track() {
        let tracks = assign(vec![wire(3, &[3]), wire(7, &[7])], None);
        assert_eq!(tracks.count, 0);
        assert_eq!(tracks.corners(1, 0), [(7, None)]);
    }

    #[test]
    fn what_begins_above_an_end_runs_above() {
        let tracks = assign(vec![wire(2, &[8]), wire(8, &[14])], None);
        assert_eq!(tracks.count, 2);
        assert_eq!(tracks.corners(0, 0), [(2, Some(1)), (8, None)]);
        assert_eq!(tracks.corners(1, 0), [(8, Some(0)), (14, None)]);
    }

    #[test]
    fn lines_that_change_places_take_a_detour() {
        let tracks = assign(vec![wire(2, &[8]), wire(8, &[2])], None);
        assert_eq!(tracks.count, 3);
        let corners = tracks.corners(0, 0);
        assert_eq!(corners.len(), 3, "{corners:?}");
        assert!(![2, 8].contains(&corners[1].0), "{corners:?}");
    }

    #[test]
    fn lines_apart_share_a_track() {
        assert_eq!(assign(vec![wire(2, &[4]), wire(9, &[6])], None).count, 1);
    }

    #[test]
    fn lines_side_by_side_do_not_cross() {
        let tracks = assign(vec![wire(1, &[10]), wire(3, &[12])], None);
        assert_eq!(tracks.corners(0, 0)[0].1, Some(1));
        assert_eq!(tracks.corners(1, 0)[0].1, Some(0));
    }
}

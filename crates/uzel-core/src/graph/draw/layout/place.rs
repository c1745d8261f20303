//! Columns of slots: near what they are linked to, in their order, not over each other, and not beyond the width. Used by
//! the layout.

use super::layers::{Layered, What};

/// Columns between two boxes.
pub(super) const GAP: usize = 3;
/// Times that all layers are moved down and up.
const SWEEPS: usize = 10;

/// The first column of each slot; `None` if a layer is wider than `most`.
pub(super) fn columns(layered: &Layered, most: Option<usize>) -> Option<Vec<usize>> {
    let widest = layered.layers.iter().map(|layer| least(layered, layer)).max().unwrap_or(0);
    if most.is_some_and(|most| widest > most) {
        return None;
    }
    let most = most.unwrap_or(widest.saturating_mul(2));
    let mut left = vec![0; layered.slots.len()];
    for layer in &layered.layers {
        let mut at = (widest - least(layered, layer)) / 2;
        for (i, slot) in layer.iter().enumerate() {
            at += gap_before(layered, layer, i);
            left[*slot] = at;
            at += layered.slots[*slot].width;
        }
    }
    let lines = Lines::of(layered);
    let depth = layered.layers.len();
    for sweep in 0..2 * SWEEPS {
        // The last sweep goes down and looks both ways, so that a node stands between what it is linked to.
        let both = sweep + 2 >= 2 * SWEEPS;
        let down = sweep % 2 == 1;
        for step in 0..depth {
            let layer = &layered.layers[if down { step } else { depth - 1 - step }];
            lines.move_layer(layered, layer, (down || both, !down || both), &mut left, most);
        }
    }
    straighten(layered, &mut left, most);
    let first = layered.layers.iter().filter_map(|layer| layer.first()).map(|slot| left[*slot]).min().unwrap_or(0);
    Some(left.into_iter().map(|left| left - first).collect())
}

fn gap_before(layered: &Layered, layer: &[usize], i: usize) -> usize {
    let Some(before) = i.checked_sub(1) else { return 0 };
    match (layered.slots[layer[before]].what, layered.slots[layer[i]].what) {
        (What::Box(_), What::Box(_)) => GAP,
        (What::Bend(_), What::Bend(_)) => 1,
        _ => 2,
    }
}

/// The least width of a layer.
fn least(layered: &Layered, layer: &[usize]) -> usize {
    (0..layer.len()).map(|i| gap_before(layered, layer, i) + layered.slots[layer[i]].width).sum()
}

/// Who is linked to whom, with how strong a wish to stand under each other.
struct Lines {
    above: Vec<Vec<(usize, f64)>>,
    below: Vec<Vec<(usize, f64)>>,
}

impl Lines {
    fn of(layered: &Layered) -> Self {
        let count = layered.slots.len();
        let mut lines = Self { above: vec![vec![]; count], below: vec![vec![]; count] };
        let is_box = |slot: usize| matches!(layered.slots[slot].what, What::Box(_));
        for hop in layered.channels.iter().flatten() {
            for lower in &hop.lowers {
                let weight = match (is_box(hop.upper), is_box(*lower)) {
                    (true, true) => 1.0,
                    (false, false) => 8.0,
                    _ => 2.0,
                };
                lines.above[*lower].push((hop.upper, weight));
                lines.below[hop.upper].push((*lower, weight));
            }
        }
        lines
    }

    /// Moves the slots of a layer as near as possible to the means of their neighbours.
    fn move_layer(
        &self,
        layered: &Layered,
        layer: &[usize],
        (up, down): (bool, bool),
        left: &mut [usize],
        most: usize,
    ) {
        let middle = |slot: usize| left[slot] as f64 + layered.slots[slot].width as f64 / 2.0;
        let mut offset = 0;
        let mut offsets = Vec::with_capacity(layer.len());
        let mut wishes = Vec::with_capacity(layer.len());
        for (i, slot) in layer.iter().enumerate() {
            offset += gap_before(layered, layer, i);
            let above = self.above[*slot].iter().filter(|_| up);
            let near = above.chain(self.below[*slot].iter().filter(|_| down));
            let (mut sum, mut weight) = (0.0, 0.0);
            for (other, strength) in near {
                sum += strength * middle(*other);
                weight += strength;
            }
            // What is linked to nothing here stays where it is, if it is not pushed.
            let own = if weight > 0.0 { sum / weight } else { middle(*slot) };
            let width = layered.slots[*slot].width;
            wishes.push((own - width as f64 / 2.0 - offset as f64, weight.max(0.1)));
            offsets.push(offset);
            offset += width;
        }
        let room = most.saturating_sub(offset) as f64;
        for ((slot, offset), at) in layer.iter().zip(offsets).zip(rising(&wishes)) {
            left[*slot] = at.clamp(0.0, room).round() as usize + offset;
        }
    }
}

/// Moves labels and bends of a net into one column as far as their neighbours allow: a corner says that something
/// changes, and on a long way nothing does.
fn straighten(layered: &Layered, left: &mut [usize], most: usize) {
    let mut chains: Vec<Vec<usize>> = vec![vec![]; layered.nets.len()];
    let mut beside = vec![(None, None, 0, 0); layered.slots.len()];
    for layer in &layered.layers {
        for (i, slot) in layer.iter().enumerate() {
            if let What::Label(net) | What::Bend(net) = layered.slots[*slot].what {
                chains[net].push(*slot);
            }
            let after = layer.get(i + 1).map_or(0, |_| gap_before(layered, layer, i + 1));
            let before = i.checked_sub(1).map(|i| layer[i]);
            beside[*slot] = (before, layer.get(i + 1).copied(), gap_before(layered, layer, i), after);
        }
    }
    // Columns that the middle of a slot can have.
    let bounds = |slot: usize, left: &[usize]| {
        let (before, after, gap, next_gap) = beside[slot];
        let width = layered.slots[slot].width;
        let low = before.map_or(0, |other| left[other] + layered.slots[other].width + gap);
        let high = after.map_or(most, |other: usize| left[other].saturating_sub(next_gap)).saturating_sub(width);
        (low + width / 2, high.max(low) + width / 2)
    };
    // Columns at which a line can meet a slot.
    let range = |slot: usize, left: &[usize]| match layered.slots[slot].what {
        What::Box(_) => (left[slot] + 1, left[slot] + layered.slots[slot].width - 2),
        _ => (left[slot] + layered.slots[slot].width / 2, left[slot] + layered.slots[slot].width / 2),
    };
    let mut ends: Vec<Option<usize>> = vec![None; layered.nets.len()];
    for hop in layered.channels.iter().flatten() {
        // The lowest end, if there it is alone.
        ends[hop.net] = match hop.lowers.as_slice() {
            [lower] => Some(*lower),
            _ => None,
        };
    }
    let mut longest: Vec<usize> = (0..chains.len()).filter(|net| !chains[*net].is_empty()).collect();
    longest.sort_by_key(|net| usize::MAX - chains[*net].len());
    for net in longest {
        let chain = &chains[net];
        let mut upper = range(layered.nets[net].from, left);
        let mut from = 0;
        while from < chain.len() {
            let mut room = bounds(chain[from], left);
            let mut to = from + 1;
            while let Some(both) = chain.get(to).and_then(|slot| shared(room, bounds(*slot, left))) {
                room = both;
                to += 1;
            }
            let lower = ends[net].filter(|_| to == chain.len()).map(|slot| range(slot, left));
            let wishes = [lower.and_then(|lower| shared(lower, upper)), lower, Some(upper), Some(room)];
            let fits = wishes.into_iter().flatten().find_map(|wish| shared(room, wish)).unwrap_or(room);
            let middle = |slot: usize| left[slot] + layered.slots[slot].width / 2;
            let column = middle(chain[from + (to - from) / 2]).clamp(fits.0, fits.1);
            for slot in &chain[from..to] {
                left[*slot] = column - layered.slots[*slot].width / 2;
            }
            upper = (column, column);
            from = to;
        }
    }
}

/// What two ranges have in common.
fn shared(a: (usize, usize), b: (usize, usize)) -> Option<(usize, usize)> {
    let both = (a.0.max(b.0), a.1.min(b.1));
    (both.0 <= both.1).then_some(both)
}

/// The rising numbers that are nearest to the wishes, by weighted squares: neighbours that do not rise are pooled.
fn rising(wishes: &[(f64, f64)]) -> Vec<f64> {
    let mut pools: Vec<(f64, f64, usize)> = vec![];
    for (wish, weight) in wishes {
        let mut pool = (*wish, *weight, 1);
        while let Some((value, weight, count)) = pools.pop_if(|(value, ..)| *value > pool.0) {
            let both = weight + pool.1;
            pool = ((value * weight + pool.0 * pool.1) / both, both, count + pool.2);
        }
        pools.push(pool);
    }
    pools.into_iter().flat_map(|(value, _, count)| std::iter::repeat_n(value, count)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_that_do_not_rise_are_pooled() {
        assert_eq!(rising(&[(1.0, 1.0), (2.0, 1.0)]), [1.0, 2.0]);
        assert_eq!(rising(&[(4.0, 1.0), (2.0, 1.0), (9.0, 1.0)]), [3.0, 3.0, 9.0]);
        assert_eq!(rising(&[(4.0, 3.0), (0.0, 1.0)]), [3.0, 3.0]);
    }
}

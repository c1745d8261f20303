//! The order in each layer: barycenters up and down, then swaps of neighbours, as long as lines cross less. Used by the
//! layout.

use super::layers::Layered;

/// Times that all layers are sorted down and up.
const SWEEPS: usize = 12;
/// Layers with more slots are not improved by swapping neighbours, which takes time by the square.
const MOST_SWAPPED: usize = 120;

/// Sorts each layer.
pub(super) fn reduce_crossings(layered: &mut Layered) {
    let sides = Sides::of(layered);
    let mut position = vec![0.0; layered.slots.len()];
    let mut best = layered.layers.clone();
    let mut least = usize::MAX;
    for sweep in 0..2 * SWEEPS {
        let down = sweep % 2 == 0;
        let depth = layered.layers.len();
        number(&layered.layers, &mut position);
        for step in 0..depth {
            let layer = if down { step } else { depth - 1 - step };
            let near = if down { &sides.above } else { &sides.below };
            sort(&mut layered.layers[layer], near, &mut position);
        }
        swap(layered, &sides, &mut position);
        let found = crossings(layered, &position);
        if found < least {
            least = found;
            best.clone_from(&layered.layers);
        }
        if least == 0 {
            break;
        }
    }
    layered.layers = best;
}

/// Neighbours of each slot in the layers above and below.
struct Sides {
    above: Vec<Vec<usize>>,
    below: Vec<Vec<usize>>,
}

impl Sides {
    fn of(layered: &Layered) -> Self {
        let count = layered.slots.len();
        let mut sides = Self { above: vec![vec![]; count], below: vec![vec![]; count] };
        for hop in layered.channels.iter().flatten() {
            for lower in &hop.lowers {
                sides.above[*lower].push(hop.upper);
                sides.below[hop.upper].push(*lower);
            }
        }
        sides
    }
}

fn number(layers: &[Vec<usize>], position: &mut [f64]) {
    for layer in layers {
        for (at, slot) in layer.iter().enumerate() {
            position[*slot] = at as f64;
        }
    }
}

/// Sorts a layer by the mean position of neighbours; what has none stays about where it is.
fn sort(layer: &mut [usize], near: &[Vec<usize>], position: &mut [f64]) {
    let mut keys: Vec<(f64, usize)> = layer
        .iter()
        .map(|slot| {
            let near = &near[*slot];
            let sum: f64 = near.iter().map(|other| position[*other]).sum();
            (if near.is_empty() { position[*slot] } else { sum / near.len() as f64 }, *slot)
        })
        .collect();
    // Stable: what has the same key keeps its order.
    keys.sort_by(|a, b| a.0.total_cmp(&b.0));
    for (at, (place, (_, slot))) in layer.iter_mut().zip(keys).enumerate() {
        *place = slot;
        position[slot] = at as f64;
    }
}

/// Swaps neighbours as long as that makes fewer crossings.
fn swap(layered: &mut Layered, sides: &Sides, position: &mut [f64]) {
    let between = |a: usize, b: usize, position: &[f64]| {
        let pairs = |near: &[Vec<usize>]| {
            let after = |x: usize| near[b].iter().filter(|y| position[**y] < position[x]).count();
            near[a].iter().map(|x| after(*x)).sum::<usize>()
        };
        pairs(&sides.above) + pairs(&sides.below)
    };
    for _ in 0..4 {
        let mut changed = false;
        for layer in layered.layers.iter_mut().filter(|layer| layer.len() <= MOST_SWAPPED) {
            for at in 1..layer.len() {
                let (a, b) = (layer[at - 1], layer[at]);
                if between(b, a, position) < between(a, b, position) {
                    layer.swap(at - 1, at);
                    (position[a], position[b]) = (at as f64, (at - 1) as f64);
                    changed = true;
                }
            }
        }
        if !changed {
            break;
        }
    }
}

/// How often lines cross between all layers.
fn crossings(layered: &Layered, position: &[f64]) -> usize {
    let mut count = 0;
    for channel in &layered.channels {
        let mut lines: Vec<(usize, usize)> = channel
            .iter()
            .flat_map(|hop| hop.lowers.iter().map(|lower| (position[hop.upper] as usize, position[*lower] as usize)))
            .collect();
        lines.sort_unstable();
        count += inversions(lines.into_iter().map(|(_, lower)| lower).collect()).1;
    }
    count
}

/// The numbers in order, and how many pairs were not.
fn inversions(numbers: Vec<usize>) -> (Vec<usize>, usize) {
    if numbers.len() < 2 {
        return (numbers, 0);
    }
    let mut left = numbers;
    let right = left.split_off(left.len() / 2);
    let ((left, a), (right, b)) = (inversions(left), inversions(right));
    let mut count = a + b;
    let mut merged = Vec::with_capacity(left.len() + right.len());
    let mut right = right.into_iter().peekable();
    let total = left.len();
    for (at, number) in left.into_iter().enumerate() {
        while let Some(smaller) = right.next_if(|other| *other < number) {
            count += total - at;
            merged.push(smaller);
        }
        merged.push(number);
    }
    merged.extend(right);
    (merged, count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_in_the_wrong_order_are_counted() {
        assert_eq!(inversions(vec![]), (vec![], 0));
        assert_eq!(inversions(vec![0, 1, 1, 2]).1, 0);
        assert_eq!(inversions(vec![2, 1, 0]), (vec![0, 1, 2], 3));
        assert_eq!(inversions(vec![3, 0, 2, 1]).1, 4);
    }
}

//! What must be done to one list to get another: lines of files, words of prompts. Called by `uzel fmt --diff` and by
//! the comparison of graphs.

use std::{fmt::Write as _, ops::Range};

/// Lists that differ in more places than this differ as a whole: looking further takes the square of it.
const MOST: usize = 1_000;
/// Lines that are shown around a change.
const CONTEXT: usize = 3;

/// A part of the first list and the part of the second that stands in its place. One of them may be empty.
pub type Change = (Range<usize>, Range<usize>);

/// The fewest changes that make `new` of `old`, in order.
pub fn changes<T: PartialEq>(old: &[T], new: &[T]) -> Vec<Change> {
    let head = old.iter().zip(new).take_while(|(a, b)| a == b).count();
    let (a, b) = (&old[head..], &new[head..]);
    let tail = a.iter().rev().zip(b.iter().rev()).take_while(|(a, b)| a == b).count();
    let (a, b) = (&a[..a.len() - tail], &b[..b.len() - tail]);
    let shift = |(x, y): (Range<usize>, Range<usize>)| (x.start + head..x.end + head, y.start + head..y.end + head);
    if a.is_empty() && b.is_empty() {
        return vec![];
    }
    let found = if a.is_empty() || b.is_empty() { None } else { shortest(a, b) };
    found.unwrap_or_else(|| vec![(0..a.len(), 0..b.len())]).into_iter().map(shift).collect()
}

/// After E. Myers, "An O(ND) Difference Algorithm and Its Variations", 1986. `None` when there are too many changes.
fn shortest<T: PartialEq>(a: &[T], b: &[T]) -> Option<Vec<Change>> {
    let most = (a.len() + b.len()).min(MOST);
    // How far each diagonal leads with so many changes; diagonal k is at k + most.
    let mut reach = vec![0_usize; 2 * most + 2];
    let mut steps = vec![];
    let down = |reach: &[usize], k: usize, changes: usize| {
        k == most - changes || (k != most + changes && reach[k - 1] < reach[k + 1])
    };
    for changes in 0..=most {
        steps.push(reach[most - changes..=most + changes + 1].to_vec());
        for k in (most - changes..=most + changes).step_by(2) {
            let mut x = if changes == 0 {
                0
            } else if down(&reach, k, changes) {
                reach[k + 1]
            } else {
                reach[k - 1] + 1
            };
            let mut y = (x + most).checked_sub(k)?;
            while x < a.len() && y < b.len() && a[x] == b[y] {
                (x, y) = (x + 1, y + 1);
            }
            reach[k] = x;
            if x >= a.len() && y >= b.len() {
                return Some(back((a.len(), b.len()), &steps, most));
            }
        }
    }
    None
}

/// The way back from the ends of both lists.
fn back(ends: (usize, usize), steps: &[Vec<usize>], most: usize) -> Vec<Change> {
    let (mut x, mut y) = ends;
    let mut found: Vec<Change> = vec![];
    for (changes, reach) in steps.iter().enumerate().skip(1).rev() {
        let at = |k: usize| reach.get((k + changes).wrapping_sub(most)).copied().unwrap_or(0);
        let k = x + most - y;
        let down = k == most - changes || (k != most + changes && at(k - 1) < at(k + 1));
        let before = if down { at(k + 1) } else { at(k - 1) };
        let before_y = before + most - if down { k + 1 } else { k - 1 };
        let change =
            if down { (before..before, before_y..before_y + 1) } else { (before..before + 1, before_y..before_y) };
        match found.last_mut() {
            // Neighbours are one change.
            Some(next) if next.0.start == change.0.end && next.1.start == change.1.end => {
                *next = (change.0.start..next.0.end, change.1.start..next.1.end);
            }
            _ => found.push(change),
        }
        (x, y) = (before, before_y);
    }
    found.reverse();
    found
}

/// The changes of a text's lines, as `diff -u` prints them and `patch` reads them. Empty for equal texts.
pub fn unified(name: &str, old: &str, new: &str) -> String {
    let (a, b): (Vec<&str>, Vec<&str>) = (old.split_inclusive('\n').collect(), new.split_inclusive('\n').collect());
    let changes = changes(&a, &b);
    let mut out = if changes.is_empty() { String::new() } else { format!("--- {name}\n+++ {name}\n") };
    let mut rest = changes.as_slice();
    while !rest.is_empty() {
        let near = rest.windows(2).take_while(|pair| pair[1].0.start - pair[0].0.end <= 2 * CONTEXT).count() + 1;
        let (hunk, after) = rest.split_at(near);
        rest = after;
        let (Some(first), Some(last)) = (hunk.first(), hunk.last()) else { break };
        let lead = first.0.start.min(CONTEXT);
        let trail = (a.len() - last.0.end).min(CONTEXT);
        let (old_lines, new_lines) =
            (first.0.start - lead..last.0.end + trail, first.1.start - lead..last.1.end + trail);
        let _ = writeln!(out, "@@ -{} +{} @@", place(&old_lines), place(&new_lines));
        let mut at = old_lines.start;
        for (old, new) in hunk {
            a[at..old.start].iter().for_each(|text| line(' ', text, &mut out));
            a[old.clone()].iter().for_each(|text| line('-', text, &mut out));
            b[new.clone()].iter().for_each(|text| line('+', text, &mut out));
            at = old.end;
        }
        a[at..old_lines.end].iter().for_each(|text| line(' ', text, &mut out));
    }
    out
}

fn place(lines: &Range<usize>) -> String {
    match lines.len() {
        0 => format!("{},0", lines.start),
        1 => (lines.start + 1).to_string(),
        count => format!("{},{count}", lines.start + 1),
    }
}

fn line(mark: char, text: &str, out: &mut String) {
    out.push(mark);
    out.push_str(text);
    if !text.ends_with('\n') {
        out.push_str("\n\\ No newline at end of file\n");
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn changes_make_one_of_the_other(
            old in prop::collection::vec(0..4_u8, 0..30),
            new in prop::collection::vec(0..4_u8, 0..30),
        ) {
            let (mut made, mut at) = (vec![], 0);
            for (a, b) in changes(&old, &new) {
                prop_assert!(!a.is_empty() || !b.is_empty());
                made.extend_from_slice(&old[at..a.start]);
                made.extend_from_slice(&new[b]);
                at = a.end;
            }
            made.extend_from_slice(&old[at..]);
            prop_assert_eq!(made, new);
        }
    }

    #[test]
    fn the_fewest_changes() {
        let changes = |old: &str, new: &str| changes(old.as_bytes(), new.as_bytes());
        assert_eq!(changes("abc", "abc"), []);
        assert_eq!(changes("abcabba", "cbabac").iter().map(|(a, b)| a.len() + b.len()).sum::<usize>(), 5);
        assert_eq!(changes("abxcd", "abycd"), [(2..3, 2..3)]);
        assert_eq!(changes("abcd", "acdx"), [(1..2, 1..1), (4..4, 3..4)]);
        let (old, new) = ("a".repeat(5_000), "b".repeat(5_000));
        assert_eq!(changes(&format!("x{old}y"), &format!("x{new}y")), [(1..5_001, 1..5_001)]);
    }

    #[test]
    fn as_patch_reads_it() {
        let lines = |from: usize, to: usize| (from..to).map(|n| format!("line {n}\n")).collect::<String>();
        let old = lines(1, 30);
        let new = old.replace("line 5\n", "five\n").replace("line 20\n", "").replace("line 9\n", "line 9\nmore\n");
        let new = new.trim_end().to_owned();
        expect![[r#"
            --- app.yaml
            +++ app.yaml
            @@ -2,11 +2,12 @@
             line 2
             line 3
             line 4
            -line 5
            +five
             line 6
             line 7
             line 8
             line 9
            +more
             line 10
             line 11
             line 12
            @@ -17,7 +18,6 @@
             line 17
             line 18
             line 19
            -line 20
             line 21
             line 22
             line 23
            @@ -26,4 +26,4 @@
             line 26
             line 27
             line 28
            -line 29
            +line 29
            \ No newline at end of file
        "#]]
        .assert_eq(&unified("app.yaml", &old, &new));
        assert_eq!(unified("a", "x\n", "x\n"), "");
        assert_eq!(unified("a", "", "x\n"), "--- a\n+++ a\n@@ -0,0 +1 @@\n+x\n");
    }
}

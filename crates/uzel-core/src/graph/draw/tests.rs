//! Drawings: of chosen pictures as snapshots, of random ones by their properties.

use std::collections::BTreeMap;

use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::{
    Drawing, Look, boxes,
    layout::Plan,
    outline,
    picture::{Class, Link, Picture, Sort, Vertex},
};

/// `picture("a b?", "a>b a>c:yes|no b>c!error")`: `?` for a condition, `:` for cases, `!` for `error` and `block`.
fn picture(nodes: &str, links: &str) -> Picture {
    let vertices: Vec<Vertex> = nodes
        .split_whitespace()
        .map(|word| Vertex {
            id: word.trim_end_matches('?').to_owned(),
            kind: "llm".to_owned(),
            sort: Sort::Model,
            about: String::new(),
            when: word.ends_with('?').then(|| "input.urgent".to_owned()),
            ways: vec![],
            reactions: vec![],
            stops: false,
            inside: None,
        })
        .collect();
    let at = |id: &str| vertices.iter().position(|vertex| vertex.id == id).unwrap();
    let links = links.split_whitespace().map(|word| {
        let (from, rest) = word.split_once('>').unwrap();
        let (to, class, label) = match (rest.split_once(':'), rest.split_once('!')) {
            (Some((to, label)), _) => (to, Class::Way, label.replace('|', " | ")),
            (_, Some((to, "error"))) => (to, Class::Error, "error".to_owned()),
            (_, Some((to, _))) => (to, Class::Block, "block".to_owned()),
            _ => (rest, Class::Flow, String::new()),
        };
        Link { from: at(from), to: at(to), class, label }
    });
    Picture { links: links.collect(), vertices }
}

fn look(width: usize) -> Look {
    Look { width, ascii: false }
}

fn text(drawing: &Drawing) -> String {
    drawing.text(|_, text| text.to_owned())
}

fn drawn(picture: &Picture, width: usize) -> Option<String> {
    boxes::drawing(picture, look(width)).map(|drawing| text(&drawing))
}

fn outlined(picture: &Picture, width: usize) -> String {
    text(&Drawing { lines: outline::lines(picture, look(width)) })
}

fn check(picture: &Picture, expected: Expect) {
    expected.assert_eq(&format!("{}\n{}", drawn(picture, 60).unwrap(), outlined(picture, 60)));
}

#[test]
fn a_diamond_with_a_condition() {
    check(
        &picture("ask left right? end", "ask>left ask>right left>end right>end"),
        expect![[r#"
                  ╭ llm ──╮
                  │ ask   │
                  ╰───┬───╯
                   ╭──┴──╮
                   ▼     ▼
            ╭ llm ──╮   ╭ llm ────╮
            │ left  │   │ right ? │
            ╰──────┬╯   ╰┬────────╯
                   ╰╮    │
                    ▼    ▼
                   ╭ llm ──╮
                   │ end   │
                   ╰───────╯

              right  only when input.urgent

            ●   ask    llm  → left, right
            ├─● left   llm  → end
            ○ │ right  llm  → end
            ╰─┤             only when input.urgent
              ● end    llm
        "#]],
    );
}

#[test]
fn a_route_an_error_and_a_block() {
    check(
        &picture(
            "sort choose pay reply guard person",
            "sort>choose choose>pay:refund choose>reply:refund|question choose>person:unsure pay>person!error \
             pay>reply reply>guard guard>person!block",
        ),
        expect![[r#"
                        ╭ llm ──╮
                        │ sort  │
                        ╰────┬──╯
                             ▼
                        ╭ llm ───╮
                        │ choose │
                        ╰┬──┬───┬╯
               ╭─────────╯  │   ╰─────────╮
            refund  refund | question  unsure
               ▼            │             │
            ╭ llm ──╮       │             │
            │ pay   │       │             │
            ╰──┬───┬╯       │             │
               ┆   ╰─╮      │             │
             error   │      │             │
               ┆     │     ╭╯             │
               ┆     ▼     ▼              │
               ┆    ╭ llm ──╮             │
               ┆    │ reply │             │
               ┆    ╰────┬──╯             │
               ┆         ▼                │
               ┆     ╭ llm ──╮            │
               ┆     │ guard │            │
               ┆     ╰────┬──╯            │
               ┆          ┆               │
               ┆        block             │
               ╰┄┄┄┄┄┄┄┄╮ ┆    ╭──────────╯
                        ▼ ▼    ▼
                       ╭ llm ───╮
                       │ person │
                       ╰────────╯

            ●     sort    llm  → choose
            ●     choose  llm  refund → pay
            │                  refund | question → reply
            │                  unsure → person
            ├─●   pay     llm  → reply
            │ ├┄╮              error → person
            ├─● ┆ reply   llm  → guard
            │ ● ┆ guard   llm  block → person
            ●┄┴┄╯ person  llm
        "#]],
    );
}

#[test]
fn lines_that_cross_are_no_junction() {
    check(
        &picture("a b c d e", "a>d a>e b>c b>e c>d"),
        expect![[r#"
        ╭ llm ──╮   ╭ llm ──╮
        │ a     │   │ b     │
        ╰────┬──╯   ╰──┬────╯
          ╭──┴╮     ╭──┴──╮
          │   ▼     ▼     ▼
          │  ╭ llm ──╮   ╭ llm ──╮
          │  │ e     │   │ c     │
          │  ╰───────╯   ╰┬──────╯
          ╰──╮     ╭──────╯
             ▼     ▼
            ╭ llm ──╮
            │ d     │
            ╰───────╯

        ●     a  llm  → d, e
        ├─╮
        │ │ ● b  llm  → c, e
        │ ├─┤
        │ │ ● c  llm  → d
        ├─│─╯
        ● │   d  llm
          ●   e  llm
    "#]],
    );
}

#[test]
fn one_node_and_none() {
    check(
        &picture("alone", ""),
        expect![[r#"
        ╭ llm ──╮
        │ alone │
        ╰───────╯

        ● alone  llm
    "#]],
    );
    assert_eq!(drawn(&Picture::default(), 60).unwrap(), "");
    assert_eq!(outlined(&Picture::default(), 60), "");
}

#[test]
fn nodes_inside_a_node() {
    let mut outer = picture("split each join", "split>each each>join");
    outer.vertices[1].kind = "map".to_owned();
    outer.vertices[1].inside = Some(picture("read check? note", "read>check read>note check>note!error"));
    check(
        &outer,
        expect![[r#"
             ╭ llm ──╮
             │ split │
             ╰───┬───╯
                 ▼
        ╭ map ────────────╮
        │ each            │
        │       ╭ llm ──╮ │
        │       │ read  │ │
        │       ╰──┬────╯ │
        │          ├───╮  │
        │          ▼   │  │
        │ ╭ llm ────╮  │  │
        │ │ check ? │  │  │
        │ ╰──────┬──╯  │  │
        │        ┆     │  │
        │      error   │  │
        │        ▼     ▼  │
        │       ╭ llm ──╮ │
        │       │ note  │ │
        │       ╰───────╯ │
        ╰────────┬────────╯
                 ▼
             ╭ llm ──╮
             │ join  │
             ╰───────╯

          check  only when input.urgent

        ● split  llm  → each
        ● each   map  → join
        │   ●   read   llm  → check, note
        │   ├─○ check  llm  error → note
        │   │ ┆             only when input.urgent
        │   ●┄╯ note   llm
        ● join   llm
    "#]],
    );
}

#[test]
fn wide_characters() {
    check(
        &picture("choose order policy", "choose>order:返品したい choose>policy:質問|苦情"),
        expect![[r#"
              ╭ llm ───╮
              │ choose │
              ╰┬──────┬╯
             ╭─╯      ╰──╮
        返品したい  質問 | 苦情
             ▼           ▼
         ╭ llm ──╮   ╭ llm ───╮
         │ order │   │ policy │
         ╰───────╯   ╰────────╯

        ●   choose  llm  返品したい → order
        │                質問 | 苦情 → policy
        ├─● order   llm
        ●   policy  llm
    "#]],
    );
}

#[test]
fn two_hundred_side_by_side() {
    let names: Vec<String> = (0..200).map(|i| format!("part{i}")).collect();
    let links: Vec<String> = names.iter().map(|name| format!("split>{name} {name}>join")).collect();
    let picture = picture(&format!("split {} join", names.join(" ")), &links.join(" "));
    holds(&picture, 100);
    let outline = outlined(&picture, 100);
    let before = |line: &str| line.split("part").next().map(|rails| rails.chars().count());
    let rails = outline.lines().filter(|line| line.contains("→ join")).map(before).max();
    assert!(rails < Some(Some(12)), "two rails are enough: {rails:?}\n{outline}");
    // As a picture it is as wide as it must be.
    assert!(Plan::of(&picture, &boxes::TEXTS, None).unwrap().width > 2_000);
}

#[test]
fn three_hundred_in_a_row() {
    let names: Vec<String> = (0..300).map(|i| format!("step{i}")).collect();
    let links: Vec<String> = names.windows(2).map(|pair| format!("{}>{}", pair[0], pair[1])).collect();
    let picture = picture(&names.join(" "), &links.join(" "));
    holds(&picture, 80);
    assert_eq!(outlined(&picture, 80).lines().count(), 300);
    assert_eq!(drawn(&picture, 80).unwrap().lines().count(), 300 * 4 - 1);
}

/// What must hold of every drawing.
fn holds(picture: &Picture, width: usize) {
    let outline = outlined(picture, width);
    let boxes = drawn(picture, width);
    assert_eq!(boxes, drawn(picture, width), "the same picture is drawn in the same way");
    for (what, drawing) in [("outline", Some(&outline)), ("boxes", boxes.as_ref())] {
        let Some(drawing) = drawing else { continue };
        for line in drawing.lines() {
            assert!(super::text::width(line) <= width, "{what} in {width}: `{line}`\n{drawing}");
            assert_eq!(line, line.trim_end());
        }
        let words: Vec<&str> = drawing.split(|c: char| !c.is_alphanumeric() && c != '_').collect();
        for vertex in &picture.vertices {
            assert!(words.contains(&vertex.id.as_str()), "{what} in {width}: no {}\n{drawing}", vertex.id);
        }
        for case in picture.links.iter().flat_map(|link| link.label.split(" | ")).filter(|case| !case.is_empty()) {
            assert!(words.contains(&case), "{what} in {width}: no {case}\n{drawing}");
        }
        let plain = Look { width, ascii: true };
        let plain = match what {
            "boxes" => text(&boxes::drawing(picture, plain).unwrap()),
            _ => text(&Drawing { lines: outline::lines(picture, plain) }),
        };
        assert!(plain.is_ascii(), "{plain}");
    }
    if let Some(plan) = Plan::of(picture, &boxes::TEXTS, Some(width)) {
        lines_are_told_apart(picture, &plan);
    }
}

/// Lines lead from box to box, through no other box, and where two meet one goes down and the other sideways.
fn lines_are_told_apart(picture: &Picture, plan: &Plan) {
    let mut cells: BTreeMap<(usize, usize), BTreeMap<usize, (bool, bool)>> = BTreeMap::new();
    let mut ends: Vec<(usize, usize)> = vec![];
    let hit = |x: usize, y: usize| {
        plan.boxes.iter().position(|b| (b.x..b.x + b.width).contains(&x) && (b.y..b.y + b.height).contains(&y))
    };
    for path in &plan.paths {
        let ((x, y), (end, bottom)) = (path.points[0], path.points[path.points.len() - 1]);
        ends.push((hit(x, y).expect("a line begins at a box"), hit(end, bottom + 1).expect("a line ends at a box")));
        for pair in path.points.windows(2) {
            let [(ax, ay), (bx, by)] = *pair else { continue };
            assert!(ax == bx || ay == by, "{path:?}");
            for x in ax.min(bx)..=ax.max(bx) {
                for y in ay.min(by)..=ay.max(by) {
                    assert!(hit(x, y).is_none() || (x, y) == path.points[0], "through a box: {path:?}");
                    let sides = cells.entry((x, y)).or_default().entry(path.net).or_default();
                    sides.0 |= ay != by;
                    sides.1 |= ax != bx;
                }
            }
        }
    }
    for (cell, nets) in cells {
        if nets.len() > 1 {
            let straight = nets.values().filter(|sides| **sides == (true, false)).count();
            let across = nets.values().filter(|sides| **sides == (false, true)).count();
            assert_eq!((straight, across, nets.len()), (1, 1, 2), "lines run into each other at {cell:?}");
        }
    }
    let mut wanted: Vec<(usize, usize)> = picture.links.iter().map(|link| (link.from, link.to)).collect();
    wanted.sort_unstable();
    ends.sort_unstable();
    assert_eq!(ends, wanted, "each link has a line");
    for (i, a) in plan.boxes.iter().enumerate() {
        for b in &plan.boxes[..i] {
            let apart = a.x + a.width <= b.x || b.x + b.width <= a.x || a.y + a.height <= b.y || b.y + b.height <= a.y;
            assert!(apart, "{a:?} over {b:?}");
        }
    }
}

/// Random pictures: each node with up to four nodes before it.
fn pictures() -> impl Strategy<Value = Picture> {
    let node = (any::<bool>(), 1..14_usize, prop::collection::vec((any::<prop::sample::Index>(), 0..5_usize), 0..4));
    prop::collection::vec(node, 1..24).prop_map(|nodes| {
        let mut words = vec![];
        let mut links: Vec<String> = vec![];
        for (to, (when, length, before)) in nodes.into_iter().enumerate() {
            let name = |at: usize, length: usize| format!("n{at}{}", "x".repeat(length));
            words.push((name(to, length), when));
            for (from, sort) in before.into_iter().filter(|_| to > 0) {
                let way = ["", "", "!error", "!block", ":yes|perhaps"][sort];
                let from = &words[from.index(to)].0;
                let link = format!("{from}>{}{way}", name(to, length));
                if !links.contains(&link) {
                    links.push(link);
                }
            }
        }
        let words: Vec<String> =
            words.iter().map(|(name, when)| format!("{name}{}", if *when { "?" } else { "" })).collect();
        picture(&words.join(" "), &links.join(" "))
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 120, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_pictures(picture in pictures(), width in 40..160_usize) {
        holds(&picture, width);
    }
}

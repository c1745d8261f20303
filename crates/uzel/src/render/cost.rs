//! What one run of an app costs, as a table with what makes it unbounded below. Used by `check`.

use std::{fmt::Write as _, path::Path};

use comfy_table::{Cell, CellAlignment};
use uzel_core::graph::cost::{ASSUMPTIONS, Amount, Cost, Money};

use super::{
    human::count,
    tables::{lines, table},
};

/// The text, without a line break at its end.
pub(crate) fn text(cost: &Cost, folder: &Path) -> String {
    if cost.rows.is_empty() {
        return "cost of one run: no node asks a model".to_owned();
    }
    let mut shown = table();
    let right = |text: String| Cell::new(text).set_alignment(CellAlignment::Right);
    let heads = ["calls", "expected", "tokens", "expected", "USD", "expected"];
    shown.set_header(
        [Cell::new("node"), Cell::new("model")].into_iter().chain(heads.map(|head| right(head.to_owned()))),
    );
    let amounts = |calls: Amount, tokens: Amount, usd: Option<Money>| {
        let [usd, usual] = money(usd);
        [worst(calls), usually(calls), worst(tokens), usually(tokens), usd, usual].map(right)
    };
    for row in &cost.rows {
        let model = std::iter::once(&row.model).chain(&row.fallback).map(String::as_str).collect::<Vec<_>>().join(", ");
        let names = [Cell::new(&row.path), Cell::new(model)];
        shown.add_row(names.into_iter().chain(amounts(row.calls, row.tokens, row.usd)));
    }
    let names = [Cell::new("in all"), Cell::new("")];
    shown.add_row(names.into_iter().chain(amounts(cost.calls, cost.tokens, cost.usd)));
    let mut out = format!("cost of one run, at worst and expected:\n{}", lines(&shown));
    let _ = writeln!(out, "{}", limits(cost));
    for note in &cost.unbounded {
        let _ = writeln!(out, "unbounded because {}\n  at {}", note.message, folder.join(&note.at).display());
    }
    if !cost.unpriced.is_empty() {
        let names = cost.unpriced.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        let _ = writeln!(out, "money is not known: set `price` of {names}");
    }
    for assumption in ASSUMPTIONS {
        let _ = writeln!(out, "{assumption}");
    }
    out.trim_end().to_owned()
}

/// What the app's own limits do about it.
fn limits(cost: &Cost) -> String {
    let money = cost.limits.cost_usd.map(|usd| format!("`cost_usd: {usd}`"));
    let tokens = cost.limits.tokens.map(|tokens| format!("`tokens: {tokens}`"));
    let set: Vec<String> = money.into_iter().chain(tokens).collect();
    let set = set.join(" and ");
    // What costs nothing, or what nobody knows the price of, never reaches a limit of money.
    let holds = cost.limits.tokens.is_some() || cost.usd.is_some_and(|usd| usd.worst.is_none());
    match (set.is_empty(), cost.is_unbounded()) {
        (false, true) if !holds => format!("nothing bounds it: models without a price never reach {set}"),
        (true, true) => "nothing bounds it: the app sets neither `limits.cost_usd` nor `limits.tokens`".to_owned(),
        (true, false) => "bounded by its parts; the app sets no `limits` of money or tokens".to_owned(),
        (false, true) => format!("bounded only by the app's `limits`: {set}"),
        (false, false) => format!("bounded by its parts, and by the app's `limits`: {set}"),
    }
}

fn worst(amount: Amount) -> String {
    amount.worst.map_or_else(|| "unbounded".to_owned(), count)
}

/// As few digits as tell something.
fn usually(amount: Amount) -> String {
    let number = amount.expected;
    if number >= 10.0 || (number - number.round()).abs() < 0.005 {
        count(number.round() as u64)
    } else {
        format!("{number:.2}")
    }
}

fn money(money: Option<Money>) -> [String; 2] {
    let usd = |usd: f64| if usd == 0.0 { "0".to_owned() } else { format!("{usd:.4}") };
    match money {
        None => ["unknown".to_owned(), "unknown".to_owned()],
        Some(money) => [money.worst.map_or_else(|| "unbounded".to_owned(), usd), usd(money.expected)],
    }
}

//! A table as cases: a template of an app, a row that says how its parents are made, and a column for each join.

use std::collections::BTreeMap;

use super::lines::{self, Expect, Step};

/// How a parent is written that comes to a state, and what happens to it.
#[derive(Debug, Default)]
pub(super) struct Makers(BTreeMap<String, (String, String)>);

impl Makers {
    /// Rows of a table: the word, how it is written, what then happens (of which it is called `it`).
    pub(super) fn extend(&mut self, rows: &[Vec<String>]) {
        for row in rows {
            if let [word, written, then, ..] = row.as_slice() {
                self.0.insert(word.clone(), (written.clone(), then.clone()));
            }
        }
    }
}

/// A template. `P`, `Q`, `R` stand for parents, `JOIN` for what stands at the head of a column.
#[derive(Debug)]
pub(super) struct Grid {
    /// The app.
    pub(super) template: String,
    /// What happens first.
    pub(super) script: Vec<(usize, Step)>,
}

/// A case of a table.
pub(super) struct Cell {
    /// Row, column, order.
    pub(super) title: String,
    /// The app.
    pub(super) app: String,
    /// What happens.
    pub(super) script: Vec<Step>,
    /// What comes of it.
    pub(super) expect: Vec<Expect>,
}

/// Where the node stands that the table is about.
const NODE: &str = "d";

impl Grid {
    /// The cases of a row: for each column one for every order in which the parents may settle.
    pub(super) fn row(&self, head: &[String], row: &[String], makers: &Makers) -> Result<Vec<Cell>, String> {
        if head.len() != row.len() {
            return Err(format!("the row has {} cells, and the table {}", row.len(), head.len()));
        }
        let is_place = |cell: &&String| matches!(cell.as_str(), "P" | "Q" | "R");
        let places = head.iter().take_while(is_place).count();
        let mut app = self.template.clone();
        let mut happens: Vec<Vec<Step>> = vec![];
        for (place, word) in head.iter().zip(row).take(places) {
            let (written, then) = makers.0.get(word).ok_or_else(|| format!("nothing says what `{word}` is"))?;
            app = app.replace(&format!(": {place}\n"), &format!(": {written}\n"));
            let name = place.to_lowercase();
            let of = |line: &str| lines::step(&line.replacen("it ", &format!("{name} "), 1));
            happens.push(then.split(';').filter(|line| !line.trim().is_empty()).map(of).collect::<Result<_, _>>()?);
        }
        let words = row.get(..places).unwrap_or_default().join(", ");
        let mut cells = vec![];
        for (join, cell) in head.iter().zip(row).skip(places) {
            let results: Vec<&str> = cell.split('/').map(str::trim).collect();
            let orders = orders(places);
            if results.len() != 1 && results.len() != orders.len() {
                return Err(format!("`{cell}` is not one result, and not one for each of {} orders", orders.len()));
            }
            for (number, order) in orders.iter().enumerate() {
                let result = results.get(number).or(results.first()).copied().unwrap_or_default();
                let steps = order.iter().filter_map(|place| happens.get(*place)).flatten().cloned();
                let first = self.script.iter().map(|(_, step)| step.clone());
                cells.push(Cell {
                    title: format!("{words} × {join}, in the order {order:?}"),
                    app: app.replace("JOIN", join),
                    script: first.chain(steps).collect(),
                    expect: meaning(result)?,
                });
            }
        }
        Ok(cells)
    }
}

/// All orders of so many things; the first is the natural one.
fn orders(count: usize) -> Vec<Vec<usize>> {
    if count == 0 {
        return vec![vec![]];
    }
    let mut found = vec![];
    for last in (0..count).rev() {
        for mut order in orders(count - 1) {
            for place in &mut order {
                *place += usize::from(*place >= last);
            }
            order.push(last);
            found.push(order);
        }
    }
    found
}

/// What a word of a cell says about the node and the run.
fn meaning(word: &str) -> Result<Vec<Expect>, String> {
    let state = |state: &str| Expect::State(NODE.to_owned(), state.to_owned(), None);
    Ok(match word {
        "starts" => vec![state("ok")],
        "inactive" => vec![state("inactive")],
        "fails" => vec![state("failed"), Expect::Fails(Some(NODE.to_owned()), String::new())],
        "—" => vec![state("pending"), Expect::Fails(None, String::new())],
        _ => return Err(format!("a cell cannot say `{word}`")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_are_all_there_are_and_the_first_is_natural() {
        assert_eq!(orders(1), [[0]]);
        assert_eq!(orders(2), [[0, 1], [1, 0]]);
        let three = orders(3);
        assert_eq!(three[0], [0, 1, 2]);
        let mut sorted = three.clone();
        sorted.sort();
        sorted.dedup();
        assert_eq!((three.len(), sorted.len()), (6, 6));
    }
}

//! A page of the book to cases: headings, fenced blocks and tables, as `docs/semantics/README.md` describes them.

use std::collections::BTreeMap;

use super::{
    grid::{Grid, Makers},
    lines::{self, Expect, Step},
};

/// One case of the book.
#[derive(Clone, Debug)]
pub(super) struct Case {
    /// Page and line.
    pub(super) place: String,
    /// The heading, and for a case of a table the row and column.
    pub(super) title: String,
    /// The app's files.
    pub(super) files: BTreeMap<String, String>,
    /// What happens, with the line where it stands.
    pub(super) script: Vec<(usize, Step)>,
    /// What comes of it.
    pub(super) expect: Vec<(usize, Expect)>,
    /// Whether the case is also run inside of everything else.
    pub(super) body: bool,
    /// Whether it is one of a table: only what it says is looked at, and what cannot happen any more is passed over.
    pub(super) partial: bool,
}

/// A part of a page.
enum Block<'t> {
    Heading(&'t str),
    Fence { info: &'t str, text: String },
    Table(Vec<Vec<String>>),
}

/// The cases of a page, and what cannot be read.
pub(super) fn cases(page: &str, text: &str) -> (Vec<Case>, Vec<String>) {
    let mut reader = Reader {
        page,
        title: String::new(),
        files: BTreeMap::new(),
        body: false,
        grid: None,
        makers: Makers::default(),
        script: vec![],
        cases: vec![],
        problems: vec![],
    };
    for (at, block) in blocks(text) {
        reader.block(at, block);
    }
    (reader.cases, reader.problems)
}

struct Reader<'p> {
    page: &'p str,
    title: String,
    files: BTreeMap<String, String>,
    body: bool,
    grid: Option<Grid>,
    makers: Makers,
    script: Vec<(usize, Step)>,
    cases: Vec<Case>,
    problems: Vec<String>,
}

impl Reader<'_> {
    fn block(&mut self, at: usize, block: Block<'_>) {
        match block {
            Block::Heading(title) => {
                title.clone_into(&mut self.title);
                self.files.clear();
                self.script.clear();
                self.grid = None;
            }
            Block::Fence { info, text } => self.fence(at, info, text),
            Block::Table(rows) => self.table(at, &rows),
        }
    }

    fn fence(&mut self, at: usize, info: &str, text: String) {
        let (language, tag) = info.split_once(' ').unwrap_or((info, ""));
        match (language, tag) {
            ("yaml", "grid") => self.grid = Some(Grid { template: text, script: vec![] }),
            ("yaml", "" | "body") => {
                self.body = tag == "body";
                self.grid = None;
                self.files.insert("app.yaml".to_owned(), text);
            }
            ("yaml", tag) => {
                self.files.insert(tag.to_owned(), text);
            }
            ("script", _) => {
                let script = self.lines(at, &text, lines::step);
                match &mut self.grid {
                    Some(grid) => grid.script = script,
                    None => self.script = script,
                }
            }
            ("expect", _) => {
                let expect = self.lines(at, &text, lines::expect);
                let expect = expect.into_iter().flat_map(|(at, all)| all.into_iter().map(move |one| (at, one)));
                self.cases.push(Case {
                    place: format!("{}:{at}", self.page),
                    title: self.title.clone(),
                    files: self.files.clone(),
                    script: std::mem::take(&mut self.script),
                    expect: expect.collect(),
                    body: self.body,
                    partial: false,
                });
            }
            _ => {}
        }
    }

    fn lines<T>(&mut self, at: usize, text: &str, read: fn(&str) -> Result<T, String>) -> Vec<(usize, T)> {
        let mut found = vec![];
        for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            let at = at + 1 + number;
            match read(line) {
                Ok(read) => found.push((at, read)),
                Err(problem) => self.problems.push(format!("{}:{at}: {problem}", self.page)),
            }
        }
        found
    }

    fn table(&mut self, at: usize, rows: &[Vec<String>]) {
        let Some((head, rest)) = rows.split_first() else { return };
        if head.get(1).is_some_and(|cell| cell == "is written") {
            self.makers.extend(rest);
            return;
        }
        let Some(grid) = &self.grid else { return };
        for (number, row) in rest.iter().enumerate() {
            // The row of dashes is not among the rows.
            let at = at + 2 + number;
            match grid.row(head, row, &self.makers) {
                Ok(cells) => self.cases.extend(cells.into_iter().map(|cell| Case {
                    place: format!("{}:{at}", self.page),
                    title: format!("{}: {}", self.title, cell.title),
                    files: BTreeMap::from([("app.yaml".to_owned(), cell.app)]),
                    script: cell.script.into_iter().map(|step| (at, step)).collect(),
                    expect: cell.expect.into_iter().map(|one| (at, one)).collect(),
                    body: false,
                    partial: true,
                })),
                Err(problem) => self.problems.push(format!("{}:{at}: {problem}", self.page)),
            }
        }
    }
}

/// The parts of a page with the lines where they begin.
fn blocks(text: &str) -> Vec<(usize, Block<'_>)> {
    let mut found = vec![];
    let mut lines = text.lines().enumerate().map(|(number, line)| (number + 1, line)).peekable();
    while let Some((at, line)) = lines.next() {
        if let Some(info) = line.strip_prefix("```") {
            let mut inside = String::new();
            for (_, line) in lines.by_ref().take_while(|(_, line)| *line != "```") {
                inside.push_str(line);
                inside.push('\n');
            }
            found.push((at, Block::Fence { info: info.trim(), text: inside }));
        } else if line.starts_with('|') {
            let mut rows = vec![cells(line)];
            while let Some((_, line)) = lines.next_if(|(_, line)| line.starts_with('|')) {
                if !line.chars().all(|c| matches!(c, '|' | '-' | ' ' | ':')) {
                    rows.push(cells(line));
                }
            }
            found.push((at, Block::Table(rows)));
        } else if line.starts_with('#') {
            found.push((at, Block::Heading(line.trim_start_matches('#').trim())));
        }
    }
    found
}

fn cells(line: &str) -> Vec<String> {
    let inner = line.trim().trim_start_matches('|').trim_end_matches('|');
    inner.split('|').map(|cell| cell.trim().trim_matches('`').to_owned()).collect()
}

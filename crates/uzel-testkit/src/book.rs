//! The book of semantics (`docs/semantics`) as tests: pages in which apps, what happens and what comes of it stand beside
//! the prose are read and played. Called by the tests of the runtime.

use std::{fs, path::Path};

mod everywhere;
mod grid;
mod lines;
mod page;
mod play;

/// What came of a book.
#[derive(Debug, Default)]
pub struct Report {
    /// Cases as a reader counts them: a cell of a table is one, in whatever order its parents settle.
    pub cases: usize,
    /// Runs that were made of them.
    pub runs: usize,
    /// What is otherwise than the pages say.
    pub problems: Vec<String>,
}

/// Plays every case of every page in a folder.
///
/// # Panics
/// If the folder cannot be read.
pub fn play(folder: &Path) -> Report {
    let mut report = Report::default();
    let entries = fs::read_dir(folder).expect("the book's folder can be read");
    let mut pages: Vec<_> = entries.map(|entry| entry.expect("an entry of the book's folder").path()).collect();
    pages.sort();
    for page in pages.iter().filter(|page| page.extension().is_some_and(|extension| extension == "md")) {
        let name = page.file_name().unwrap_or_default().to_string_lossy();
        play_page(&name, &fs::read_to_string(page).expect("a page is text"), &mut report);
    }
    report
}

/// Plays every case of a page.
pub fn play_page(name: &str, text: &str, report: &mut Report) {
    let (cases, problems) = page::cases(name, text);
    report.problems.extend(problems);
    let mut last = String::new();
    let mut graphs = play::Graphs::default();
    for case in cases {
        // The orders of one cell stand behind one another.
        let own = format!("{} {}", case.place, case.title.split(", in the order").next().unwrap_or_default());
        report.cases += usize::from(own != last || !case.partial);
        last = own;
        let all = if case.body { everywhere::everywhere(&case) } else { vec![case] };
        for case in all {
            report.runs += 1;
            report.problems.extend(play::play(&case, &mut graphs));
        }
    }
}

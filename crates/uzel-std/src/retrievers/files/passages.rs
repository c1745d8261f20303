//! Splits a file into passages of about a screen, by headings and paragraphs. Used by the file retriever.

use std::collections::BTreeMap;

use unicode_segmentation::UnicodeSegmentation as _;

/// Longest passage, in characters.
const MAX_PASSAGE: usize = 1_200;

/// A piece of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Passage {
    /// `path#heading-slug`, with a number from the second passage under one heading on.
    pub(super) id: String,
    /// The headings above it, outermost first, with ` > ` between; the name of the file if there are none.
    pub(super) title: String,
    /// At most 1,200 characters.
    pub(super) text: String,
}

/// The passages of a file, in its order.
pub(super) fn split(path: &str, text: &str) -> Vec<Passage> {
    let name = path.rsplit('/').next().unwrap_or(path);
    let (stem, extension) = name.rsplit_once('.').unwrap_or((name, ""));
    let markdown = matches!(extension.to_ascii_lowercase().as_str(), "md" | "markdown" | "mdx");
    let mut out = Splitter { path, stem, headings: vec![], ids: BTreeMap::new(), passages: vec![] };
    let body = if markdown { without_front_matter(text) } else { text };
    let mut block = String::new();
    let mut fence: Option<&str> = None;
    for line in body.lines() {
        let trimmed = line.trim_start();
        match fence {
            Some(mark) if trimmed.starts_with(mark) => fence = None,
            None if markdown && trimmed.starts_with("```") => fence = Some("```"),
            None if markdown && trimmed.starts_with("~~~") => fence = Some("~~~"),
            None if markdown => {
                if let Some((level, heading)) = heading(line) {
                    out.section(&std::mem::take(&mut block));
                    out.headings.retain(|(outer, _)| *outer < level);
                    out.headings.push((level, heading));
                    continue;
                }
            }
            _ => {}
        }
        block.push_str(line);
        block.push('\n');
    }
    out.section(&block);
    out.passages
}

struct Splitter<'a> {
    path: &'a str,
    stem: &'a str,
    headings: Vec<(usize, String)>,
    ids: BTreeMap<String, usize>,
    passages: Vec<Passage>,
}

impl Splitter<'_> {
    /// Adds the text under one heading.
    fn section(&mut self, text: &str) {
        let mut passage = String::new();
        for piece in paragraphs(text) {
            if !passage.is_empty() && passage.chars().count() + 2 + piece.chars().count() > MAX_PASSAGE {
                self.add(std::mem::take(&mut passage));
            }
            if !passage.is_empty() {
                passage.push_str("\n\n");
            }
            passage.push_str(&piece);
        }
        if !passage.is_empty() {
            self.add(passage);
        }
    }

    fn add(&mut self, text: String) {
        let slug = self.headings.last().map_or(String::new(), |(_, heading)| slug(heading));
        let base = if slug.is_empty() { self.path.to_owned() } else { format!("{}#{slug}", self.path) };
        let count = self.ids.entry(base.clone()).or_insert(0);
        *count += 1;
        let id = match *count {
            1 => base,
            n if slug.is_empty() => format!("{base}#part-{n}"),
            n => format!("{base}-{n}"),
        };
        let path = self.headings.iter().map(|(_, heading)| heading.as_str()).collect::<Vec<_>>().join(" > ");
        let title = if path.is_empty() { self.stem.to_owned() } else { path };
        self.passages.push(Passage { id, title, text });
    }
}

/// Paragraphs, the long ones cut between sentences, the long sentences between words.
fn paragraphs(text: &str) -> Vec<String> {
    let mut out = vec![];
    let mut lines: Vec<&str> = vec![];
    for line in text.lines().chain([""]) {
        if !line.trim().is_empty() {
            lines.push(line.trim_end());
            continue;
        }
        let paragraph = std::mem::take(&mut lines).join("\n");
        if paragraph.chars().count() <= MAX_PASSAGE {
            out.extend(Some(paragraph).filter(|p| !p.is_empty()));
            continue;
        }
        let mut piece = String::new();
        let mut length = 0;
        for part in paragraph.split_sentence_bounds().flat_map(short_parts) {
            let more = part.chars().count();
            if length + more > MAX_PASSAGE {
                out.push(piece.trim().to_owned());
                piece.clear();
                length = 0;
            }
            piece.push_str(part);
            length += more;
        }
        out.push(piece.trim().to_owned());
    }
    out.retain(|piece| !piece.is_empty());
    out
}

/// A sentence, or pieces of one that is too long by itself.
fn short_parts(sentence: &str) -> Vec<&str> {
    let mut parts = vec![];
    let mut rest = sentence;
    while let Some((limit, _)) = rest.char_indices().nth(MAX_PASSAGE) {
        let cut = rest[..limit].rfind(char::is_whitespace).filter(|&at| at > 0).unwrap_or(limit);
        parts.push(&rest[..cut]);
        rest = &rest[cut..];
    }
    parts.push(rest);
    parts
}

/// The level and the text of an ATX heading (`## Text ##`).
fn heading(line: &str) -> Option<(usize, String)> {
    let indent = line.len() - line.trim_start_matches(' ').len();
    let line = line.trim();
    let level = line.bytes().take_while(|b| *b == b'#').count();
    let text = line.get(level..).filter(|rest| rest.is_empty() || rest.starts_with([' ', '\t']))?;
    let text = text.trim().trim_end_matches('#').trim();
    ((1..=6).contains(&level) && indent < 4 && !text.is_empty()).then(|| (level, text.chars().take(200).collect()))
}

fn without_front_matter(text: &str) -> &str {
    let Some(rest) = text.strip_prefix("---\n").or_else(|| text.strip_prefix("---\r\n")) else { return text };
    let end = rest.match_indices("\n---").map(|(at, mark)| at + mark.len());
    let mut ends = end.filter(|&at| rest[at..].is_empty() || rest[at..].starts_with(['\n', '\r']));
    ends.next().map_or(text, |at| &rest[at..])
}

fn slug(heading: &str) -> String {
    let mut out = String::new();
    for c in heading.chars().flat_map(char::to_lowercase) {
        if c.is_alphanumeric() {
            out.push(c);
        } else if !out.is_empty() && !out.ends_with('-') && (c.is_whitespace() || c == '-' || c == '/') {
            out.push('-');
        }
    }
    out.truncate(out.trim_end_matches('-').len());
    out
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn markdown_is_split_at_headings() {
        let text = "---\ntitle: x\n---\nIntro.\n# Refunds\n\n## Late orders ##\nFirst.\n\nSecond.\n```\n# no heading\n```\n## Late/orders\nAgain.\n# Versand & Zölle\n#hashtag\n";
        let line = |p: Passage| p.id + " | " + &p.title + " | " + &format!("{:?}\n", p.text);
        let table: String = split("docs/a.md", text).into_iter().map(line).collect();
        expect![[r##"
            docs/a.md | a | "Intro."
            docs/a.md#late-orders | Refunds > Late orders | "First.\n\nSecond.\n```\n# no heading\n```"
            docs/a.md#late-orders-2 | Refunds > Late/orders | "Again."
            docs/a.md#versand-zölle | Versand & Zölle | "#hashtag"
        "##]]
        .assert_eq(&table);
    }

    proptest::proptest! {
        #[test]
        fn nothing_is_lost_and_nothing_is_long(text in "([a-zé]{1,9}[ .\\n]{1,2}){0,900}|[a-z]{0,4000}") {
            let passages = split("a.txt", &text);
            proptest::prop_assert!(passages.iter().all(|p| p.text.chars().count() <= MAX_PASSAGE && !p.text.is_empty()));
            let letters = |s: &str| s.chars().filter(|c| c.is_alphabetic()).collect::<String>();
            let all: String = passages.iter().map(|p| letters(&p.text)).collect();
            proptest::prop_assert_eq!(all, letters(&text));
            let ids: std::collections::BTreeSet<_> = passages.iter().map(|p| &p.id).collect();
            proptest::prop_assert_eq!(ids.len(), passages.len());
        }
    }
}

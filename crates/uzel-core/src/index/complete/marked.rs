//! Texts with a marker in them, made whole where what is being typed is not. Everything keeps its place but what stands
//! behind the marker.

use std::ops::Range;

use crate::{
    index::lexical::{self, Region},
    source::Span,
};

/// Stands where something is to be completed. It is a name, so that it can stand wherever one can.
pub(super) const MARK: &str = "zz_uzel_completes_this_zz";

/// A text with something in it.
pub(super) fn insert(text: &str, at: usize, what: &str) -> String {
    let (head, tail) = text.split_at(at);
    format!("{head}{what}{tail}")
}

/// Replaces a part by spaces; lines stay lines.
pub(super) fn blank(text: &mut String, range: Range<usize>) {
    let Some(part) = text.get(range.clone()) else { return };
    let blanks: String =
        part.bytes().map(|byte| if matches!(byte, b'\n' | b'\r') { byte as char } else { ' ' }).collect();
    text.replace_range(range, &blanks);
}

/// The line that a place is in, without its end.
pub(super) fn line_of(text: &str, at: usize) -> Range<usize> {
    let at = super::clip(text, at..at).start;
    let start = text[..at].rfind('\n').map_or(0, |i| i + 1);
    let end = text[at..].find('\n').map_or(text.len(), |i| at + i);
    start..end
}

/// A word of a plain scalar: names of tools have dots, those of models have slashes.
pub(super) fn plain_at(text: &str, offset: usize) -> Range<usize> {
    let ends = |c: char| c.is_whitespace() || ",[]{}:\"'#".contains(c);
    let start = text[..offset].rfind(ends).map_or(0, |i| i + text[i..].chars().next().map_or(1, char::len_utf8));
    let end = text[offset..].find(ends).map_or(text.len(), |i| offset + i);
    start..end
}

/// Texts of an app file with the marker at a place, the likeliest first.
pub(super) fn documents(text: &str, offset: usize) -> Vec<String> {
    let line = line_of(text, offset);
    let before = &text[line.start..offset];
    let word = lexical::word_at(text, offset);
    let after = &text[word.end.min(line.end)..line.end];
    let plain = insert(text, offset, MARK);
    let mut documents = vec![plain];
    let alone = before.trim_start().trim_start_matches("- ");
    if alone.bytes().all(lexical::is_word) && after.trim().is_empty() {
        // A key that has no colon yet.
        documents.push(insert(&insert(text, word.end, ":"), offset, MARK));
    }
    let closers = closers(before);
    documents.push(format!("{}{MARK}{closers}{}", &text[..offset], &text[line.end..]));
    documents.push(format!("{}{MARK}{closers}{}", &text[..offset], &text[word.end.min(line.end)..]));
    if let Some(region) = lexical::region_at(before, before.len()) {
        // Braces without quotes around them are a map to YAML.
        let open = region.start - 2;
        let open = if before[..open].ends_with('$') { open - 1 } else { open };
        let (head, braces) = before.split_at(open);
        let close = self::closers(head);
        documents.push(format!("{}{head}\"{braces}{MARK} }}}}\"{close}{}", &text[..line.start], &text[line.end..]));
    }
    documents
}

/// Whether the marker became part of a value that began in another line.
pub(super) fn is_glued(text: &str, value: Span, at: usize) -> bool {
    let Some(source) = text.get(value.start as usize..at) else { return false };
    source.contains('\n') && !source.starts_with(['|', '>', '"', '\'', '{', '['])
}

/// What closes the braces, quotes and brackets that a line leaves open.
fn closers(line: &str) -> String {
    let mut quote: Option<char> = None;
    let mut brackets: Vec<char> = vec![];
    let mut last = ' ';
    for c in line.chars() {
        match (quote, c) {
            (Some('"'), _) if last == '\\' => {}
            (Some(open), c) if c == open => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') if " [{,:(=".contains(last) => quote = Some(c),
            (None, '[') => brackets.push(']'),
            (None, '{') => brackets.push('}'),
            (None, ']' | '}') => drop(brackets.pop()),
            _ => {}
        }
        last = c;
    }
    let braces = lexical::region_at(line, line.len()).filter(|region| !region.closed && quote.is_some());
    let mut closers = braces.map_or("", |region| if region.statement { " %}" } else { " }}" }).to_owned();
    closers.extend(quote);
    closers.extend(brackets.iter().rev());
    closers
}

/// Texts in which the expression with the marker is whole, the likeliest first. `scalar` is the text that it is part of.
pub(super) fn expressions(marked: &str, scalar: &Range<usize>, region: Region, bare: bool) -> Vec<String> {
    let Some(at) = marked.find(MARK) else { return vec![] };
    let word = lexical::word_at(marked, at);
    let mut texts = vec![marked.to_owned()];
    // Nothing behind the word.
    let mut cut = marked.to_owned();
    blank(&mut cut, word.end..region.end.max(word.end));
    let quote = match lexical::before(marked, region.start, at) {
        lexical::Before::Text => marked[region.start..at].chars().rev().find(|c| "\"'".contains(*c)),
        _ => None,
    };
    let mut close: String = quote.into_iter().collect();
    if !region.closed && !bare {
        close.push_str(if region.statement { " %}" } else { " }}" });
    }
    let cut = insert(&cut, word.end, &close);
    let scalar = scalar.start..scalar.end + close.len();
    texts.push(cut.clone());
    // Blocks that have no end yet get one.
    if !bare && let Some(ends) = block_ends(cut.get(scalar.clone()).unwrap_or_default()) {
        let end = cut.get(scalar.clone()).map_or(scalar.end, |text| scalar.start + text.trim_end().len());
        texts.push(insert(&cut, end, &ends));
    }
    if quote.is_some() {
        return texts;
    }
    // Nothing before the word either.
    let chain = chain_start(marked, region.start, word.start);
    let mut lone = cut;
    if !region.statement {
        blank(&mut lone, region.start..chain);
        texts.push(lone.clone());
    }
    if !bare {
        let all = lexical::regions(lone.get(scalar.clone()).unwrap_or_default());
        let here =
            |region: &Region| scalar.start + region.start <= word.start && word.start <= scalar.start + region.end;
        for other in all.iter().filter(|region| !here(region)) {
            let closed = if other.closed { 2 } else { 0 };
            blank(&mut lone, scalar.start + other.start - 2..scalar.start + other.end + closed);
        }
        if region.statement {
            blank(&mut lone, region.start..chain);
            lone.replace_range(region.start - 2..region.start, "{{");
            if let Some(end) = lone[word.end..].find("%}").map(|i| word.end + i) {
                lone.replace_range(end..end + 2, "}}");
            }
        }
        texts.push(lone);
    }
    texts
}

/// Where the path that ends in a word begins: `a.b[0].`.
fn chain_start(text: &str, from: usize, word: usize) -> usize {
    let bytes = text.as_bytes();
    let mut at = word;
    while at > from {
        match bytes[at - 1] {
            byte if lexical::is_word(byte) || byte == b'.' => at -= 1,
            b']' => match text[from..at].rfind('[') {
                Some(open) => at = from + open,
                None => return at,
            },
            _ => return at,
        }
    }
    at
}

/// The ends that the blocks of a template lack, innermost first; `None` when none does.
fn block_ends(text: &str) -> Option<String> {
    const BLOCKS: [&str; 6] = ["if", "for", "with", "filter", "macro", "call"];
    let mut open: Vec<&str> = vec![];
    for region in lexical::regions(text).into_iter().filter(|region| region.statement) {
        let words = text.get(region.start..region.end).unwrap_or_default();
        let word = words.trim_start_matches(['-', '+', ' ']).split(|c: char| !c.is_ascii_alphabetic()).next();
        match word {
            Some(word) if BLOCKS.contains(&word) => open.push(word),
            Some(word) if word.strip_prefix("end").is_some_and(|word| open.last() == Some(&word)) => drop(open.pop()),
            _ => {}
        }
    }
    let ends: Vec<String> = open.iter().rev().map(|word| format!("{{% end{word} %}}")).collect();
    (!ends.is_empty()).then(|| ends.concat())
}

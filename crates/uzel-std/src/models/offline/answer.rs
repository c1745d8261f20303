//! Answers from documents and summaries, by choosing and ordering sentences; nothing is written anew.
//!
//! Sentences are scored by BM25 (Robertson and Zaragoza 2009, with each sentence as a document), by the question's words in the
//! title and heading, and by n-gram similarity; maximal marginal relevance (Carbonell and Goldstein 1998) keeps them different.

use std::collections::{BTreeMap, BTreeSet};

use super::Document;
use super::exact::{ln, round4};
use super::language;
use super::ngrams::{Token, Vector, dot, merge, normalise, tokens, vector};
use super::sentences::{Sentence, split};
use super::words::{is_courtesy, is_stopword, is_vague, related, stem};

/// What is chosen at most.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Size {
    pub sentences: usize,
    pub words: usize,
}

/// The usual length of an answer.
pub(crate) const ANSWER: Size = Size {
    sentences: 4,
    words: 120,
};

/// Said when no sentence is near enough to the question; in its language, if it is one of these.
const NOTHING: &[(&str, &str)] = &[
    ("en", "I have no information about that in the documents."),
    ("de", "Dazu habe ich in den Unterlagen keine Angaben."),
    ("es", "No tengo información sobre eso en los documentos."),
    ("fr", "Je n'ai pas d'information à ce sujet dans les documents."),
    ("cs", "O tom v podkladech nemám žádné informace."),
    ("ru", "В документах нет сведений об этом."),
];

fn nothing(question: &str) -> &'static str {
    let code = language::of(&tokens(question)).map_or("en", |(code, _)| code);
    NOTHING.iter().find(|(known, _)| *known == code).map_or(NOTHING[0].1, |(_, text)| text)
}

/// A text made of chosen sentences, and where they come from.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Selection {
    pub text: String,
    /// Ids of the documents used, in the order of the text.
    pub sources: Vec<String>,
    /// 0 (nothing relevant) to 1.
    pub confidence: f64,
}

/// Characters of all documents together that are read.
const MAX_DOCUMENT_CHARS: usize = 400_000;
/// Candidates that are compared in depth.
const MAX_CANDIDATES: usize = 48;
/// Words of a question that count; a long message is cut to its rarest ones.
const MAX_TERMS: usize = 40;
/// Words of a question that are in no document and lower the coverage.
const MAX_UNKNOWN: usize = 6;
/// A sentence is left out if its score is below this share of the best one's.
const FLOOR: f64 = 0.5;
/// What a sentence in another language than the question counts.
const FOREIGN: f64 = 0.5;
const K1: f64 = 1.2;
const B: f64 = 0.4;

struct Candidate {
    document: usize,
    position: usize,
    sentence: Sentence,
    terms: Vec<String>,
    score: f64,
    /// Share of the question's weight that the sentence (with its title) has.
    coverage: f64,
    matched: usize,
}

/// Answers `question` from the documents.
pub(crate) fn from_documents(question: &str, documents: &[Document<'_>], size: Size) -> Selection {
    let mut candidates = candidates(documents);
    let weights = question_weights(question, &candidates);
    score(&mut candidates, &weights, documents);
    candidates.retain(|candidate| candidate.score > 0.0);
    candidates.sort_by(|a, b| {
        b.score
            .total_cmp(&a.score)
            .then((a.document, a.position).cmp(&(b.document, b.position)))
    });
    candidates.truncate(MAX_CANDIDATES);
    let asked = vector(question);
    let mut vectors: Vec<Vector> = candidates
        .iter()
        .map(|candidate| vector(&candidate.sentence.text))
        .collect();
    let near: Vec<f64> = vectors.iter().map(|vector| dot(vector, &asked)).collect();
    let best = candidates
        .iter()
        .map(|candidate| candidate.score)
        .fold(0.0, f64::max);
    for (candidate, near) in candidates.iter_mut().zip(&near) {
        candidate.score = candidate.score / best + near;
    }
    prefer(&mut candidates, question);
    let relevant = |index: usize| {
        let candidate = &candidates[index];
        candidate.coverage >= 0.34
            || (candidate.matched >= 2 && candidate.coverage >= 0.1)
            || near[index] >= 0.3
    };
    let kept: Vec<usize> = (0..candidates.len())
        .filter(|index| relevant(*index))
        .collect();
    if kept.is_empty() {
        return Selection {
            text: nothing(question).to_owned(),
            sources: Vec::new(),
            confidence: 0.0,
        };
    }
    let confidence = kept
        .iter()
        .map(|index| (candidates[*index].coverage + near[*index]).min(1.0))
        .fold(0.0, f64::max);
    let mut index = 0;
    vectors.retain(|_| {
        index += 1;
        kept.contains(&(index - 1))
    });
    let pool: Vec<&Candidate> = kept.iter().map(|index| &candidates[*index]).collect();
    let floor = pool
        .iter()
        .map(|candidate| candidate.score)
        .fold(0.0, f64::max)
        * FLOOR;
    let scores: Vec<f64> = pool.iter().map(|candidate| candidate.score).collect();
    let texts: Vec<&str> = pool
        .iter()
        .map(|candidate| candidate.sentence.text.as_str())
        .collect();
    let mut chosen = diverse(&scores, &vectors, &texts, size, floor);
    chosen.sort_by_key(|index| (pool[*index].document, pool[*index].position));
    let chosen: Vec<&Candidate> = chosen.into_iter().map(|index| pool[index]).collect();
    let (text, sources) = joined(&chosen, documents, size);
    Selection { text, sources, confidence: round4(confidence) }
}

/// The sentences as a text, a paragraph for each document, and the documents' ids.
fn joined(chosen: &[&Candidate], documents: &[Document<'_>], size: Size) -> (String, Vec<String>) {
    let mut sources: Vec<String> = Vec::new();
    let mut text = String::new();
    for candidate in chosen {
        let id = documents[candidate.document].id;
        if sources.last().is_none_or(|last| last != id) {
            if !sources.is_empty() {
                text.push_str("\n\n");
            }
            sources.push(id.to_owned());
        } else {
            text.push(' ');
        }
        text.push_str(&finished(&candidate.sentence.text, size.words));
    }
    (text, sources)
}

/// Prefers the documents that speak most of the question, and those in its language. A passage that shares one word with
/// the question is then no rival of the page about it.
fn prefer(candidates: &mut [Candidate], question: &str) {
    let asked_in = language::of(&tokens(question)).map(|(code, _)| code);
    let mut best: BTreeMap<usize, f64> = BTreeMap::new();
    let mut words: BTreeMap<usize, Vec<Token>> = BTreeMap::new();
    for candidate in candidates.iter() {
        let top = best.entry(candidate.document).or_default();
        *top = top.max(candidate.score);
        words.entry(candidate.document).or_default().extend(tokens(&candidate.sentence.text));
    }
    let top = best.values().copied().fold(f64::MIN_POSITIVE, f64::max);
    let share: BTreeMap<usize, f64> = best
        .into_iter()
        .map(|(document, score)| {
            let written_in = words.get(&document).and_then(|words| language::of(words)).map(|(code, _)| code);
            let foreign = asked_in.is_some() && written_in.is_some() && asked_in != written_in;
            (document, score / top * if foreign { FOREIGN } else { 1.0 })
        })
        .collect();
    for candidate in candidates {
        candidate.score *= share.get(&candidate.document).copied().unwrap_or(1.0);
    }
}

/// The sentences of a text that are nearest to all of it, in their order. A short text comes back as it is, with
/// single spaces.
pub(crate) fn summarise(text: &str, size: Size) -> Selection {
    let mut sentences = split(text);
    if sentences
        .iter()
        .any(|sentence| !is_courtesy(&tokens(&sentence.text)))
    {
        sentences.retain(|sentence| !is_courtesy(&tokens(&sentence.text)));
    }
    let texts: Vec<&str> = sentences
        .iter()
        .map(|sentence| sentence.text.as_str())
        .collect();
    let words: usize = texts.iter().map(|text| word_count(text)).sum();
    if texts.len() <= size.sentences && words <= size.words {
        let whole: Vec<String> = texts
            .iter()
            .map(|text| finished(text, size.words))
            .collect();
        let confidence = if whole.is_empty() { 0.0 } else { 1.0 };
        return Selection {
            text: whole.join(" "),
            sources: Vec::new(),
            confidence,
        };
    }
    let vectors: Vec<Vector> = texts.iter().take(1_000).map(|text| vector(text)).collect();
    let mut centre = merge(vectors.iter().flatten().copied().collect(), |w| w);
    normalise(&mut centre);
    let scores: Vec<f64> = vectors
        .iter()
        .enumerate()
        .map(|(position, vector)| {
            // What is said first is often the matter; greetings and sign-offs say little.
            let length = tokens(texts[position])
                .iter()
                .filter(|token| !is_stopword(&token.word))
                .count();
            let substance = (length as f64 / 5.0).min(1.0);
            (dot(vector, &centre) + 0.15 / (1.0 + position as f64)) * substance
        })
        .collect();
    let mut chosen = diverse(&scores, &vectors, &texts, size, 0.0);
    chosen.sort_unstable();
    let parts: Vec<String> = chosen
        .into_iter()
        .map(|index| finished(texts[index], size.words))
        .collect();
    Selection {
        text: parts.join(" "),
        sources: Vec::new(),
        confidence: 0.5,
    }
}

fn candidates(documents: &[Document<'_>]) -> Vec<Candidate> {
    let mut left = MAX_DOCUMENT_CHARS;
    let mut out = Vec::new();
    for (document, content) in documents.iter().enumerate() {
        let text = &content.text[..content.text.floor_char_boundary(left)];
        left -= text.len();
        for (position, sentence) in split(text).into_iter().enumerate() {
            let terms = terms(&sentence.text);
            out.push(Candidate {
                document,
                position,
                sentence,
                terms,
                score: 0.0,
                coverage: 0.0,
                matched: 0,
            });
        }
    }
    out
}

/// Stems of the words that carry meaning.
fn terms(text: &str) -> Vec<String> {
    tokens(text)
        .iter()
        .filter(|token| !is_stopword(&token.word))
        .map(|token| stem(&token.word))
        .collect()
}

/// The question's stems with their weights: how rare they are among the sentences. Near synonyms of its words get a
/// third of that.
fn question_weights(question: &str, candidates: &[Candidate]) -> BTreeMap<String, f64> {
    let mut frequency: BTreeMap<&str, usize> = BTreeMap::new();
    for candidate in candidates {
        for term in candidate.terms.iter().collect::<BTreeSet<_>>() {
            *frequency.entry(term).or_default() += 1;
        }
    }
    let n = candidates.len() as f64;
    let rarity = |term: &str| {
        let df = frequency.get(term).copied().unwrap_or(0) as f64;
        ln(1.0 + (n - df + 0.5) / (df + 0.5))
    };
    let words: Vec<String> = tokens(question)
        .into_iter()
        .map(|token| token.word)
        .filter(|word| !is_vague(word))
        .collect();
    let mut own: Vec<(String, f64)> = words
        .iter()
        .map(|word| stem(word))
        .map(|term| {
            let w = rarity(&term);
            (term, w)
        })
        .collect();
    own.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    own.dedup_by(|a, b| a.0 == b.0);
    // Words that no sentence has cannot choose between sentences; they only lower the coverage.
    let (known, unknown): (Vec<_>, Vec<_>) = own
        .into_iter()
        .partition(|(term, _)| frequency.contains_key(term.as_str()));
    let mut out: BTreeMap<String, f64> = known.into_iter().take(MAX_TERMS).collect();
    for word in words.iter().take(MAX_TERMS) {
        for other in related(word) {
            let term = stem(other);
            if frequency.contains_key(term.as_str()) && !is_stopword(other) {
                let weight = rarity(&term) / 3.0;
                out.entry(term).or_insert(weight);
            }
        }
    }
    out.extend(unknown.into_iter().take(MAX_UNKNOWN));
    out
}

fn score(
    candidates: &mut [Candidate],
    weights: &BTreeMap<String, f64>,
    documents: &[Document<'_>],
) {
    let total: f64 = weights.values().sum();
    if total <= 0.0 || candidates.is_empty() {
        return;
    }
    let average =
        candidates.iter().map(|c| c.terms.len()).sum::<usize>() as f64 / candidates.len() as f64;
    let titles: Vec<BTreeSet<String>> = documents
        .iter()
        .map(|document| terms(document.title).into_iter().collect())
        .collect();
    for candidate in candidates.iter_mut() {
        let mut counts: BTreeMap<&str, f64> = BTreeMap::new();
        for term in &candidate.terms {
            *counts.entry(term).or_default() += 1.0;
        }
        let heading: BTreeSet<String> = terms(&candidate.sentence.heading).into_iter().collect();
        let length = K1 * (1.0 - B + B * candidate.terms.len() as f64 / average.max(1.0));
        let (mut score, mut covered, mut matched) = (0.0, 0.0, 0);
        for (term, weight) in weights {
            let tf = counts.get(term.as_str()).copied().unwrap_or(0.0);
            let above = titles[candidate.document].contains(term) || heading.contains(term);
            score +=
                weight * tf * (K1 + 1.0) / (tf + length) + if above { 0.4 * weight } else { 0.0 };
            if tf > 0.0 || above {
                covered += weight;
                matched += 1;
            }
        }
        // A sentence of one or two words ("Refunds.") answers nothing.
        let substance = (candidate.terms.len() as f64 / 4.0).min(1.0);
        candidate.score = score * substance;
        candidate.coverage = covered / total;
        candidate.matched = matched;
    }
    // The sentence beside a good one often holds the condition or the exception.
    let own: Vec<f64> = candidates.iter().map(|candidate| candidate.score).collect();
    for index in 1..candidates.len() {
        if candidates[index].document == candidates[index - 1].document {
            candidates[index].score += 0.2 * own[index - 1];
            candidates[index - 1].score += 0.1 * own[index];
        }
    }
}

/// Maximal marginal relevance: repeatedly the best sentence, less its likeness to those already taken.
fn diverse(
    scores: &[f64],
    vectors: &[Vector],
    texts: &[&str],
    size: Size,
    floor: f64,
) -> Vec<usize> {
    let top = scores.iter().copied().fold(f64::MIN_POSITIVE, f64::max);
    let mut left: Vec<(usize, f64)> = scores.iter().map(|score| score / top).enumerate().collect();
    let mut chosen: Vec<usize> = Vec::new();
    let mut words = 0;
    while chosen.len() < size.sentences {
        let mut best: Option<usize> = None;
        for (place, (_, value)) in left.iter().enumerate() {
            if best.is_none_or(|best| *value > left[best].1) {
                best = Some(place);
            }
        }
        let Some(place) = best else { break };
        let (index, _) = left.swap_remove(place);
        left.sort_by_key(|(index, _)| *index);
        let length = word_count(texts[index]);
        if scores[index] < floor || !chosen.is_empty() && words + length > size.words {
            continue;
        }
        words += length;
        chosen.push(index);
        left.retain_mut(|(other, value)| {
            let alike = dot(&vectors[*other], &vectors[index]);
            *value -= 0.4 * alike;
            alike < 0.8
        });
    }
    chosen
}

/// Words; in scripts without spaces two characters count as one word.
fn word_count(text: &str) -> usize {
    let wide = text
        .chars()
        .filter(|c| super::ngrams::is_spaceless(*c))
        .count();
    text.split_whitespace().count() + wide / 2
}

/// A sentence with an end, and cut with `…` if it alone is too long.
pub(crate) fn finished(text: &str, words: usize) -> String {
    let mut out = String::new();
    if word_count(text) <= words {
        out.push_str(text);
    } else {
        for (count, part) in text.split_inclusive(' ').enumerate() {
            if count >= words || out.chars().count() + part.chars().count() > words * 12 {
                break;
            }
            out.push_str(part);
        }
        if out.is_empty() {
            out.extend(text.chars().take(words * 2));
        }
        let end = out.trim_end_matches([' ', ',', ';', ':']).len();
        out.truncate(end);
        out.push('…');
    }
    if out.ends_with(|c: char| c.is_alphanumeric() || matches!(c, ')' | ']' | '%' | '"')) {
        out.push('.');
    }
    out
}

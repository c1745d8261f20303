//! Chooses among labels by similarity to their descriptions and to examples; `fill` calls it for enums and booleans.
//!
//! Three stages, by what there is:
//! * no examples: cosine similarity of the text, and of its best sentence, to each label's name and description;
//! * some examples: plus the votes of the nearest examples and the mean of each label's examples;
//! * at least [`ENOUGH`] examples for every label: a logistic regression, averaged with the above.
//!
//! The confidence is a softmax over these scores. Its temperatures are guesses that were checked on one set of customer questions: with ten
//! examples a class or more, answers given with confidence c were right in about c of the cases there; with fewer it
//! says too much. It speaks of texts like the examples, not of hostile ones.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use sha2::{Digest, Sha256};

use super::exact::{argmax, ln, softmax};
use super::logistic::Logistic;
use super::ngrams::{Vector, features, merge, normalise, tokens};
use super::words::{is_courtesy, is_fallback_label, name_words, synonyms};

/// Examples per label from which a regression is trained.
const ENOUGH: usize = 5;
/// Examples and labels beyond these numbers are not used.
const MAX_EXAMPLES: usize = 5_000;
const MAX_LABELS: usize = 500;
/// Prepared classifiers kept in memory for the next call with the same labels and examples.
const KEPT: usize = 4;
/// How many nearest examples vote.
const NEIGHBOURS: usize = 7;
/// Softmax temperatures of the three stages.
const BARE_TEMPERATURE: f64 = 0.06;
const FEW_TEMPERATURE: f64 = 0.06;
const MANY_TEMPERATURE: f64 = 0.6;
/// Below this similarity to every label there is no evidence, and a label such as `other` is taken.
const NO_EVIDENCE: f64 = 0.03;

/// A label as the schema names it, with what its author says about it (may be empty).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Label {
    pub name: String,
    pub description: String,
}

/// The outcome: the index of the label and a probability for every label.
#[derive(Debug, Clone)]
pub(crate) struct Choice {
    pub index: usize,
    pub scores: Vec<f64>,
    /// Whether anything at all spoke for the label.
    pub evidence: bool,
}

impl Choice {
    pub(crate) fn confidence(&self) -> f64 {
        self.scores.get(self.index).copied().unwrap_or(0.0)
    }
}

/// Chooses the label of `text`. `examples` are texts with the index of their label. `sentences` are the text's.
/// Without labels the index is 0 and there are no scores.
pub(crate) fn choose(
    text: &str,
    sentences: &[&str],
    labels: &[Label],
    examples: &[(&str, usize)],
) -> Choice {
    let labels = &labels[..labels.len().min(MAX_LABELS)];
    if labels.len() < 2 {
        return Choice {
            index: 0,
            scores: vec![1.0; labels.len()],
            evidence: !labels.is_empty(),
        };
    }
    let examples: Vec<(&str, usize)> = examples
        .iter()
        .copied()
        .filter(|(_, label)| *label < labels.len())
        .take(MAX_EXAMPLES)
        .collect();
    prepared(labels, &examples).choose(text, sentences)
}

/// The classifier for these labels and examples, from memory if it was made before. Concurrent callers may make it
/// twice; both get the same one.
fn prepared(labels: &[Label], examples: &[(&str, usize)]) -> Arc<Classifier> {
    type Kept = VecDeque<([u8; 32], Arc<Classifier>)>;
    static KEEP: LazyLock<Mutex<Kept>> = LazyLock::new(|| Mutex::new(VecDeque::new()));
    let mut hasher = Sha256::new();
    let texts = labels
        .iter()
        .flat_map(|label| [&*label.name, &*label.description]);
    for text in texts.chain(examples.iter().map(|(text, _)| *text)) {
        hasher.update((text.len() as u64).to_le_bytes());
        hasher.update(text);
    }
    for (_, label) in examples {
        hasher.update((*label as u64).to_le_bytes());
    }
    hasher.update((labels.len() as u64).to_le_bytes());
    let key: [u8; 32] = hasher.finalize().into();
    let find = |kept: &Kept| {
        kept.iter()
            .find(|(other, _)| *other == key)
            .map(|(_, made)| Arc::clone(made))
    };
    if let Some(made) = find(&KEEP.lock().unwrap_or_else(PoisonError::into_inner)) {
        return made;
    }
    let made = Arc::new(Classifier::new(labels, examples));
    let mut kept = KEEP.lock().unwrap_or_else(PoisonError::into_inner);
    if find(&kept).is_none() {
        kept.push_back((key, Arc::clone(&made)));
        if kept.len() > KEPT {
            kept.pop_front();
        }
    }
    made
}

/// Vectors with the inverse document frequency of their features, and where each feature occurs.
#[derive(Debug)]
struct Index {
    /// (feature, row, weight), sorted by feature: each row is a normalised vector.
    postings: Vec<(u32, u32, f32)>,
    rows: usize,
}

impl Index {
    fn new(vectors: &[Vector]) -> Self {
        let entries = vectors.iter().enumerate();
        let mut postings: Vec<(u32, u32, f32)> = entries
            .flat_map(|(row, vector)| {
                vector
                    .iter()
                    .map(move |(feature, w)| (*feature, row as u32, *w))
            })
            .collect();
        postings.sort_by_key(|(feature, row, _)| (*feature, *row));
        Self {
            postings,
            rows: vectors.len(),
        }
    }

    /// The dot product of `query` with every row.
    fn similarities(&self, query: &Vector) -> Vec<f64> {
        let mut out = vec![0.0; self.rows];
        let mut rest = self.postings.as_slice();
        for (feature, value) in query {
            rest = &rest[rest.partition_point(|posting| posting.0 < *feature)..];
            for (_, row, weight) in rest.iter().take_while(|posting| posting.0 == *feature) {
                out[*row as usize] += f64::from(*weight) * f64::from(*value);
            }
        }
        out
    }
}

#[derive(Debug)]
struct Classifier {
    /// How rare a feature is among the examples (or the labels, if there are few examples).
    rarity: BTreeMap<u32, f32>,
    rarest: f32,
    profiles: Index,
    examples: Index,
    centroids: Index,
    example_labels: Vec<usize>,
    fallback: Option<usize>,
    logistic: Option<Logistic>,
}

impl Classifier {
    fn new(labels: &[Label], examples: &[(&str, usize)]) -> Self {
        let mut profiles: Vec<Vector> = labels.iter().map(profile).collect();
        let mut vectors: Vec<Vector> = examples.iter().map(|(text, _)| features(text)).collect();
        let (rarity, rarest) = rarity(if vectors.len() >= 2 * labels.len() {
            &vectors
        } else {
            &profiles
        });
        for vector in profiles.iter_mut().chain(&mut vectors) {
            weigh(vector, &rarity, rarest);
        }
        let mut sums: Vec<Vec<(u32, f32)>> = vec![Vec::new(); labels.len()];
        for (vector, (_, label)) in vectors.iter().zip(examples) {
            sums[*label].extend_from_slice(vector);
        }
        let counts: Vec<usize> = (0..labels.len())
            .map(|l| examples.iter().filter(|(_, label)| *label == l).count())
            .collect();
        let centroids: Vec<Vector> = sums
            .into_iter()
            .map(|sum| {
                let mut centroid = merge(sum, |w| w);
                normalise(&mut centroid);
                centroid
            })
            .collect();
        let logistic = counts.iter().all(|count| *count >= ENOUGH).then(|| {
            let pairs: Vec<(&Vector, usize)> = vectors
                .iter()
                .zip(examples.iter().map(|(_, label)| *label))
                .collect();
            Logistic::train(&pairs, labels.len())
        });
        Self {
            profiles: Index::new(&profiles),
            examples: Index::new(&vectors),
            centroids: Index::new(&centroids),
            example_labels: examples.iter().map(|(_, label)| *label).collect(),
            fallback: labels
                .iter()
                .position(|label| is_fallback_label(&name_words(&label.name))),
            logistic,
            rarity,
            rarest,
        }
    }

    fn choose(&self, text: &str, sentences: &[&str]) -> Choice {
        let mut choice = self.guess(text, sentences);
        if choice.evidence && is_courtesy(&tokens(text)) && !self.knows(text) {
            choice.evidence = false;
        }
        choice
    }

    /// Whether a label or an example is nearly this text.
    fn knows(&self, text: &str) -> bool {
        let query = self.query(text);
        let near = |index: &Index| index.similarities(&query).into_iter().fold(0.0, f64::max);
        near(&self.examples) >= 0.5 || near(&self.profiles) >= 0.2
    }

    fn guess(&self, text: &str, sentences: &[&str]) -> Choice {
        let query = self.query(text);
        let mut bare = self.profiles.similarities(&query);
        // A long message is about many things; the sentence that names the matter counts as much as the whole.
        if sentences.len() > 1 {
            let mut best = vec![0.0f64; bare.len()];
            for sentence in sentences.iter().take(40) {
                for (score, new) in best
                    .iter_mut()
                    .zip(self.profiles.similarities(&self.query(sentence)))
                {
                    *score = score.max(new);
                }
            }
            bare = bare
                .iter()
                .zip(&best)
                .map(|(whole, part)| 0.5 * whole + 0.5 * part)
                .collect();
        }
        if self.example_labels.is_empty() {
            return self.by_description(&bare);
        }
        let near = self.votes(&query, bare.len());
        let centroids = self.centroids.similarities(&query);
        // Descriptions weigh most while examples are few.
        let told = 0.4 + 0.4 * bare.len() as f64 / self.example_labels.len().max(bare.len()) as f64;
        let scores: Vec<f64> = (0..bare.len())
            .map(|l| told * bare[l] + 0.3 * near[l] + 0.4 * centroids[l])
            .collect();
        let evidence = scores.iter().any(|score| *score > NO_EVIDENCE);
        let few = softmax(&scores, FEW_TEMPERATURE);
        let scores = match &self.logistic {
            Some(logistic) => {
                let learned = logistic.probabilities(&query, MANY_TEMPERATURE);
                few.iter()
                    .zip(learned)
                    .map(|(a, b)| 0.25 * a + 0.75 * b)
                    .collect()
            }
            None => few,
        };
        Choice {
            index: argmax(&scores),
            scores,
            evidence,
        }
    }

    fn by_description(&self, similarities: &[f64]) -> Choice {
        let best = argmax(similarities);
        let evidence = similarities[best] >= NO_EVIDENCE;
        let mut scores = softmax(similarities, BARE_TEMPERATURE);
        let index = match self.fallback {
            Some(fallback) if !evidence => {
                // Nothing speaks for any label: half of the belief goes to "none of these".
                for (index, score) in scores.iter_mut().enumerate() {
                    *score = 0.5 * *score + if index == fallback { 0.5 } else { 0.0 };
                }
                fallback
            }
            _ => best,
        };
        Choice {
            index,
            scores,
            evidence,
        }
    }

    fn query(&self, text: &str) -> Vector {
        let mut query = features(text);
        weigh(&mut query, &self.rarity, self.rarest);
        query
    }

    /// For each label the similarity of its examples among the nearest, as a share weighted by similarity.
    fn votes(&self, query: &Vector, labels: usize) -> Vec<f64> {
        let similarities = self.examples.similarities(query);
        let mut order: Vec<usize> = (0..similarities.len()).collect();
        order.sort_by(|a, b| similarities[*b].total_cmp(&similarities[*a]).then(a.cmp(b)));
        let mut votes = vec![0.0; labels];
        for row in order.into_iter().take(NEIGHBOURS) {
            let label = self.example_labels[row];
            // The best example counts wholly, the others add a part: many weak neighbours should not outvote a twin.
            votes[label] += if votes[label] == 0.0 {
                similarities[row]
            } else {
                0.25 * similarities[row]
            };
        }
        votes
    }
}

/// What a label looks like: its name, its description, and words that mean much the same as its name.
fn profile(label: &Label) -> Vector {
    let name = name_words(&label.name);
    let mut out = features(&format!("{}. {}", name.join(" "), label.description));
    let near: Vec<&str> = name.iter().flat_map(|word| synonyms(word)).collect();
    let share = if label.description.is_empty() {
        1.0
    } else {
        0.6
    };
    out.extend(
        features(&near.join(". "))
            .into_iter()
            .map(|(feature, weight)| (feature, share * weight)),
    );
    merge(out, |w| w)
}

/// Inverse document frequency, `ln((1 + n) / (1 + df)) + 1`; features never seen are as rare as possible.
fn rarity(vectors: &[Vector]) -> (BTreeMap<u32, f32>, f32) {
    let mut counts: Vec<(u32, f32)> = vectors
        .iter()
        .flatten()
        .map(|(feature, _)| (*feature, 1.0))
        .collect();
    counts = merge(counts, |w| w);
    let n = vectors.len() as f64;
    let idf = |df: f64| (ln((1.0 + n) / (1.0 + df)) + 1.0) as f32;
    (
        counts
            .into_iter()
            .map(|(feature, df)| (feature, idf(f64::from(df))))
            .collect(),
        idf(0.0),
    )
}

fn weigh(vector: &mut Vector, rarity: &BTreeMap<u32, f32>, rarest: f32) {
    for (feature, weight) in vector.iter_mut() {
        *weight *= rarity.get(feature).copied().unwrap_or(rarest);
    }
    normalise(vector);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(list: &[(&str, &str)]) -> Vec<Label> {
        list.iter()
            .map(|(name, description)| Label {
                name: (*name).into(),
                description: (*description).into(),
            })
            .collect()
    }

    fn check(text: &str, names: &[(&str, &str)], examples: &[(&str, usize)], expected: &str) {
        let labels = labels(names);
        let choice = choose(text, &[], &labels, examples);
        assert_eq!(labels[choice.index].name, expected, "{text}: {choice:?}");
        assert!((choice.scores.iter().sum::<f64>() - 1.0).abs() < 1e-9);
    }

    #[test]
    fn by_names_alone() {
        let names = [
            ("refund", ""),
            ("question", ""),
            ("complaint", ""),
            ("other", ""),
        ];
        check(
            "I want my money back for order A-1042",
            &names,
            &[],
            "refund",
        );
        check(
            "How long does delivery to Norway take?",
            &names,
            &[],
            "question",
        );
        check(
            "This is unacceptable, the worst service ever!!",
            &names,
            &[],
            "complaint",
        );
        check("Ich möchte mein Geld zurück", &names, &[], "refund");
        check("Quiero un reembolso por favor", &names, &[], "refund");
        check("退款", &names, &[], "refund");
        check("zzz qqq", &names, &[], "other");
        check("", &names, &[], "other");
    }

    #[test]
    fn by_descriptions() {
        let names = [
            ("a", "the parcel has not arrived or is late"),
            ("b", "wants to change the password or cannot sign in"),
        ];
        check("I can't sign in since yesterday", &names, &[], "b");
        check("my parcel is late", &names, &[], "a");
    }

    #[test]
    fn by_examples() {
        let names = [("t1", ""), ("t2", "")];
        let few = [("the coffee was cold", 0), ("the waiter was slow", 1)];
        check("cold coffee again", &names, &few, "t1");
        let many: Vec<(&str, usize)> = [
            "cold coffee",
            "cold soup",
            "the tea was cold",
            "coffee not hot",
            "lukewarm coffee",
        ]
        .into_iter()
        .map(|text| (text, 0))
        .chain(
            [
                "slow waiter",
                "we waited an hour",
                "slow service",
                "the waiter forgot us",
                "nobody came",
            ]
            .into_iter()
            .map(|text| (text, 1)),
        )
        .collect();
        check("we waited and nobody came", &names, &many, "t2");
        check("my coffee was cold", &names, &many, "t1");
    }

    #[test]
    fn a_greeting_speaks_for_no_label_unless_one_is_like_it() {
        let names = labels(&[("refund", ""), ("question", "")]);
        let examples = [("I want my money back", 0), ("Hello, do you ship to Norway and what is the price?", 1)];
        assert!(!choose("Hello", &["Hello"], &names, &examples).evidence);
        let names = labels(&[("refund", ""), ("greeting", "hello, only a greeting")]);
        assert!(choose("Hello", &["Hello"], &names, &[("hello!", 1), ("pay me back", 0)]).evidence);
    }

    #[test]
    fn one_label_or_none() {
        assert_eq!(choose("x", &[], &[], &[]).scores, Vec::<f64>::new());
        assert_eq!(
            choose("x", &[], &labels(&[("only", "")]), &[("x", 7)]).confidence(),
            1.0
        );
    }
}

//! The content of a sentence as words: no stop words, light stems, numbers apart. Used by the `grounded` check and, for
//! its stop words, by the file retriever.

use std::{collections::BTreeSet, sync::LazyLock};

use unicode_segmentation::UnicodeSegmentation as _;

use crate::guard::fold::{Fold, fold};

/// What a sentence says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Words {
    /// Stems of the content words.
    pub(crate) stems: BTreeSet<String>,
    /// Numbers without separators of thousands and without zeros at the end of the fraction.
    pub(crate) numbers: BTreeSet<String>,
}

impl Words {
    /// The words of a text.
    pub(crate) fn of(text: &str) -> Self {
        let folded = fold(text, Fold::ALL).text;
        let mut words = Self::default();
        for word in folded.unicode_words() {
            if word.starts_with(|c: char| c.is_ascii_digit())
                && word.bytes().all(|b| b.is_ascii_digit() || b".,".contains(&b))
            {
                words.numbers.insert(number(word));
            } else if !is_stop_word(word) {
                words.stems.insert(stem(word));
            }
        }
        words
    }

    /// Whether there is nothing to compare.
    pub(crate) fn is_empty(&self) -> bool {
        self.numbers.is_empty() && self.stems.is_empty()
    }
}

/// One spelling for one number: `1,200.50`, `1.200,50` and `1200.5` are the same.
fn number(word: &str) -> String {
    let word = word.trim_end_matches(['.', ',']);
    let last = word.rfind(['.', ',']);
    let decimals = last.map_or(0, |at| word.len() - at - 1);
    let same = last.is_some_and(|at| word[..at].contains(&word[at..=at]));
    // One mark with three digits behind it is read as thousands, as is a mark that comes twice.
    let split = last.filter(|_| !same && (decimals != 3 || word.starts_with('0')));
    let digits = |part: &str| part.chars().filter(char::is_ascii_digit).collect::<String>();
    let (whole, fraction) =
        split.map_or((digits(word), String::new()), |at| (digits(&word[..at]), digits(&word[at..])));
    let (whole, fraction) = (whole.trim_start_matches('0'), fraction.trim_end_matches('0'));
    let whole = if whole.is_empty() { "0" } else { whole };
    if fraction.is_empty() { whole.to_owned() } else { format!("{whole}.{fraction}") }
}

/// Takes the usual endings of English, German, French and Spanish words off; crude, but the same on both sides.
fn stem(word: &str) -> String {
    const ENDINGS: [&str; 22] = [
        "ations", "ation", "ements", "ement", "ingly", "edly", "ings", "ing", "ies", "ied", "ungen", "ung", "ers",
        "ern", "es", "ed", "er", "en", "ly", "s", "e", "n",
    ];
    let word = word.strip_suffix("'s").unwrap_or(word);
    for ending in ENDINGS {
        if let Some(rest) = word.strip_suffix(ending)
            && rest.chars().count() >= 4
        {
            return rest.strip_suffix(['e', 'i', 'y']).filter(|r| r.chars().count() >= 4).unwrap_or(rest).to_owned();
        }
    }
    word.strip_suffix('y').filter(|rest| rest.chars().count() >= 4).unwrap_or(word).to_owned()
}

/// Whether a folded word carries no content in one of the languages that most apps meet.
pub(crate) fn is_stop_word(folded: &str) -> bool {
    static ALL: LazyLock<BTreeSet<&str>> = LazyLock::new(|| STOP_WORDS.split_whitespace().collect());
    ALL.contains(folded)
}

/// English, German, French, Spanish, Russian; folded.
const STOP_WORDS: &str = "
a about above after again all also am an and any are as at be because been before being below between both but by can
cannot could did do does doing down during each few for from further had has have having he her here hers him his how i
if in into is it it's its itself just let me more most my no nor not of off on once only or other our ours out over own
please same she should so some such than that the their theirs them then there these they this those through to too
under until up us very was we were what when where which while who whom why will with would you your yours yes hello hi
hey thanks thank welcome course sorry sure ok okay dear regards
der die das den dem des ein eine einer eines einem einen und oder aber ist sind war waren wird werden wurde wurden hat
haben hatte ich du er sie es wir ihr mich dich sich uns euch mein dein sein unser nicht kein keine auch noch nur schon
auf aus bei bis durch fur gegen mit nach ohne seit um von vor zu zum zur im am als wie wenn dass weil ob so dann ja nein
bitte danke
le la les un une des du de et ou mais est sont etait ont avoir etre je tu il elle nous vous ils elles mon ton son notre
votre leur ne pas plus que qui quoi dans sur sous avec pour par sans chez ce cet cette ces si oui non bonjour merci
el los las una unos unas y o pero es son era fue ser ha han yo ella nosotros ellos mi tu su se que en con por para sin
como si lo al del muy mas hola gracias
и или но а в на с со к по из за от до у о об для не ни да нет это этот эта эти тот та те что как так же бы ли я ты он она
оно мы вы они мой твой свой наш ваш их его ее был была были есть быть если когда чтобы здравствуйте спасибо
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_one_spelling() {
        let cases = [
            ("1,200.50", "1200.5"),
            ("1.200,50", "1200.5"),
            ("1200.5", "1200.5"),
            ("1,200", "1200"),
            ("1.200.000", "1200000"),
            ("007", "7"),
            ("0.125", "0.125"),
            ("3.0", "3"),
            ("12.", "12"),
            ("0", "0"),
        ];
        for (spelling, want) in cases {
            assert_eq!(number(spelling), want, "{spelling}");
        }
    }

    #[test]
    fn forms_of_a_word_have_one_stem() {
        for forms in [
            &["refund", "refunds", "refunded", "refunding"][..],
            &["delivery", "deliveries", "delivered"],
            &["arrive", "arrives", "arrived", "arriving"],
            &["Bestellung", "Bestellungen"],
        ] {
            let stems: BTreeSet<_> = forms.iter().flat_map(|form| Words::of(form).stems).collect();
            assert_eq!(stems.len(), 1, "{forms:?}: {stems:?}");
        }
    }
}

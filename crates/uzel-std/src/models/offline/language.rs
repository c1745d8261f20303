//! Guesses the language of a text by its script and function words; `fill` calls it for language fields, `answer` to
//! prefer sentences in the language of the question.

use super::ngrams::Token;

/// Languages with words that are frequent in them, folded.
const WORDS: &[(&str, &str, &[&str])] = &[
        (
            "en",
            "english",
            &[
                "the", "and", "is", "my", "i", "to", "you", "of", "it", "not", "have", "for",
                "what", "how", "was",
            ],
        ),
        (
            "de",
            "german",
            &[
                "der", "die", "das", "und", "ich", "ist", "nicht", "mein", "meine", "ein", "eine", "wie", "kann", "den",
                "bitte", "habe", "mit", "sie", "fur",
            ],
        ),
        (
            "es",
            "spanish",
            &[
                "el", "los", "que", "y", "mi", "es", "por", "para", "con", "una", "quiero", "no",
                "gracias", "hola", "como", "del",
            ],
        ),
        (
            "fr",
            "french",
            &[
                "le", "les", "je", "et", "mon", "ma", "est", "pas", "vous", "une", "pour",
                "bonjour", "merci", "dans", "du", "ai",
            ],
        ),
        (
            "cs",
            "czech",
            &[
                "je", "se", "na", "jsem", "jsou", "prosim", "dekuji", "pro", "jak", "muzu", "dobry", "den", "ze", "do",
                "zbozi", "nebo", "vam", "mi", "kde", "velmi",
            ],
        ),
        (
            "it",
            "italian",
            &[
                "il", "che", "di", "non", "sono", "per", "mio", "mia", "grazie", "ciao", "della",
                "vorrei", "ho",
            ],
        ),
        (
            "pt",
            "portuguese",
            &[
                "o", "nao", "meu", "minha", "um", "uma", "com", "obrigado", "quero", "ola", "voce",
            ],
        ),
    ];

/// The language of a text as an ISO 639-1 code and an English name, by script and function words; none if unclear.
pub(crate) fn of(tokens: &[Token]) -> Option<(&'static str, &'static str)> {
    let words = &tokens[..tokens.len().min(400)];
    let script = |range: std::ops::RangeInclusive<char>| {
        words
            .iter()
            .filter(|token| token.word.starts_with(|c| range.contains(&c)))
            .count()
            * 2
            > words.len()
    };
    if words.is_empty() {
        return None;
    }
    for (range, found) in [
        ('\u{400}'..='\u{4ff}', ("ru", "russian")),
        ('\u{3040}'..='\u{30ff}', ("ja", "japanese")),
        ('\u{4e00}'..='\u{9fff}', ("zh", "chinese")),
        ('\u{600}'..='\u{6ff}', ("ar", "arabic")),
    ] {
        if script(range) {
            return Some(found);
        }
    }
    let count = |list: &[&str]| {
        words
            .iter()
            .filter(|token| list.contains(&token.word.as_str()))
            .count()
    };
    let mut best = (0, None);
    for (code, name, list) in WORDS {
        let hits = count(list);
        if hits > best.0 {
            best = (hits, Some((*code, *name)));
        }
    }
    best.1
}

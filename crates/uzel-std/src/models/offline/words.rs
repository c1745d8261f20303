//! Small word lists of the `offline` model: stop words, negations, and groups of words that mean much the same.
//!
//! The lists cover everyday support language in English, German, Spanish and French, with some Russian. They make
//! a bare label such as `refund` usable; a description or examples written by the author weigh more.

use std::sync::LazyLock;

/// Function words: they say little about what a text is about. Folded (no accents), sorted for binary search.
static STOPWORDS: LazyLock<Vec<&str>> = LazyLock::new(|| {
    "a about after al all also am an and any are as at au auf aus aux avec be because been before bei bin bist
    but by can ce ces con could da dans das dass de del dem den der des did die do does done du durch e ein
    eine einem einen einer el elle en er es est esta et etre for from fur get give got ha habe haben had has
    hat have having he her here him his i ich if ihr il im in into is ist it its itself j je just l la las le
    les lo los m ma man may me mein meine mes mi might mir mis mit mon must my nous o of on or ou our para pas
    please por pour que qui re s se shall she should sich sie sind so some son sont su sur t tell than that
    the their them then there these they this those to tu u um un una und une uns us ve vom von vous war was
    we were what when where which who why will wir with would y you your zu zum zur в и на не с у что это я"
        .split_whitespace()
        .collect()
});

/// Words that stand in texts about anything: times, counts, modal verbs. A passage that shares only these with a question
/// does not answer it. Folded.
static VAGUE: LazyLock<Vec<&str>> = LazyLock::new(|| {
    "again already always another ask bit case come could day days even every first five four getting go going good
    hello hi hour hours know last like long longer look maybe minute minutes month months more much never new next
    nice no not now number once one only other out people possible really right row same say says see since somebody
    something still sure take than thank thanks thing things think three time times today too twice two use very
    want wanted way week weeks well without work yes yesterday year years yet
    alle bitte danke doch drei erst gerne hallo heute ihn ihnen immer jahr jahre kann konnen mehr noch nur oder
    schon sehr tag tage tagen uhr wie wieder wird woche wochen zwei
    anos ayer bien como cuando cuatro dia dias dos gracias hola hoy mas muy puede puedo quiero semana tres
    ans bien bonjour deux jour jours merci plus puis quatre quand semaine tres trois
    dekuji den dni dny dobry dva jak jsem jsou mi moc muze muzu prosim rok se tri tyden ve velmi
    два день дня днеи здравствуите как мне можно но очень пожалуиста сколько спасибо там три уже"
        .split_whitespace()
        .collect()
});

/// Words that turn a statement around. Folded.
static NEGATIONS: LazyLock<Vec<&str>> = LazyLock::new(|| {
    "not no never none without cannot neither nor dont doesnt didnt isnt wasnt arent werent wont cant couldnt
    wouldnt shouldnt havent hasnt hadnt nicht kein keine keinen keiner keinem nie ohne sin nunca jamas ni pas
    jamais sans aucun aucune ne non nao nessun senza не нет без никогда нельзя"
        .split_whitespace()
        .collect()
});

/// Groups of near synonyms; the first words are the names under which a label or a property asks for the group.
/// `?` stands for the presence of a question mark.
static GROUPS: LazyLock<Vec<Vec<&str>>> = LazyLock::new(|| {
    "refund refunds reimbursement return money back reimburse reimbursed chargeback refunded returned
       ruckerstattung erstattung geld zuruck reembolso devolucion dinero remboursement rembourser возврат деньги
       退款 返金;
     question inquiry faq info information ? how what when where which can wondering know ask wie wann frage
       pregunta como cuando comment quand как вопрос;
     complaint negative angry complain dissatisfied unacceptable terrible awful worst disappointed ridiculous
       furious horrible useless bad poor rude disgusted beschwerde enttauscht schlecht unverschamt queja pesimo
       inaceptable plainte decu inadmissible жалоба ужасно;
     positive praise happy compliment thanks thank great love excellent perfect amazing wonderful good awesome
       danke toll gracias genial merci super спасибо;
     urgent high critical urgency immediately asap emergency now today hurry deadline sofort dringend urgente
       inmediatamente immediatement срочно;
     low minor whenever someday sometime rush hurry curious;
     shipping delivery shipment tracking parcel delivered deliver package arrive arrived courier ship shipped
       late lieferung paket geliefert versand envio entrega paquete llegado livraison colis доставка посылка;
     billing payment invoice charge charged pay paid bill card twice fee price rechnung zahlung bezahlt
       abgebucht factura pago cobrado facture paiement оплата счет;
     account login access password sign log email locked username reset konto passwort anmelden cuenta
       contrasena compte connexion аккаунт пароль;
     technical bug error fault crash crashes broken fails failed app website freezes fehler kaputt erreur fallo
       ошибка;
     damaged defective faulty broken cracked scratched torn damage defect smashed beschadigt defekt kaputt
       danado roto defectuoso casse endommage defectueux поврежден сломан;
     cancel cancellation cancelled canceled unsubscribe terminate stornieren kundigen cancelar annuler отменить;
     exchange replacement replace swap size umtausch ersatz cambio cambiar echange echanger;
     spam promotion winner lottery click seo bitcoin unsolicited offer;
     warranty guarantee garantie gewahrleistung garantia repair;
     product item artikel producto produit size colour color stock available;
     order orders purchase bestellung auftrag bestellnummer pedido orden commande заказ 订单 注文;
     invoice bill receipt rechnung factura facture счет;
     customer client kunde kundennummer cliente клиент;
     ticket case request incident;
     tracking parcel shipment sendung seguimiento suivi;
     quantity count units pieces items copies menge anzahl cantidad quantite x;
     total sum amount gesamt summe betrag importe montant сумма;
     phone telephone mobile tel telefon telefono"
        .split(';')
        .map(|group| group.split_whitespace().collect())
        .collect()
});

/// Labels that mean "none of the others": taken when nothing speaks for any label.
static FALLBACK_LABELS: LazyLock<Vec<&str>> = LazyLock::new(|| {
    "other others unknown unsure none general misc miscellaneous neutral na else"
        .split_whitespace()
        .collect()
});

/// First words of greetings and thanks.
static COURTESIES: LazyLock<Vec<&str>> = LazyLock::new(|| {
    "hi hello hey dear thanks thank thx regards best kind cheers sincerely yours greetings hallo danke gruß
     gruße viele liebe hola gracias saludos bonjour merci cordialement привет здравствуите спасибо"
        .split_whitespace()
        .collect()
});

/// Whether a folded word is a function word.
pub(crate) fn is_stopword(word: &str) -> bool {
    STOPWORDS.binary_search(&word).is_ok()
}

/// Whether a folded word says little about what a question is about; wider than [`is_stopword`].
pub(crate) fn is_vague(word: &str) -> bool {
    is_stopword(word) || VAGUE.contains(&word)
}

/// Whether a folded word negates.
pub(crate) fn is_negation(word: &str) -> bool {
    NEGATIONS.contains(&word)
}

/// Whether a label means "none of the others".
pub(crate) fn is_fallback_label(words: &[String]) -> bool {
    words
        .iter()
        .any(|word| FALLBACK_LABELS.contains(&word.as_str()))
}

/// Words that mean much the same as `word` (itself excluded), over all groups that have it among their names.
/// The first three words of a group are its names.
pub(crate) fn synonyms(word: &str) -> Vec<&'static str> {
    let named = GROUPS
        .iter()
        .filter(|group| group.iter().take(3).any(|name| *name == word));
    named
        .flat_map(|group| group.iter().copied())
        .filter(|other| *other != word)
        .collect()
}

/// Core words of every group that has `word` anywhere; wider than [`synonyms`], for finding passages.
pub(crate) fn related(word: &str) -> Vec<&'static str> {
    let holding = GROUPS.iter().filter(|group| group.contains(&word));
    holding
        .flat_map(|group| group.iter().take(6).copied())
        .filter(|other| *other != word)
        .collect()
}

/// Whether a sentence is only a greeting or a thank-you: at most four words, the first of them such a word.
pub(crate) fn is_courtesy(words: &[super::ngrams::Token]) -> bool {
    words.len() <= 4
        && words
            .first()
            .is_some_and(|token| COURTESIES.contains(&token.word.as_str()))
}

/// Whether two folded words share their stem: equal, or one is almost wholly the beginning of the other
/// (`refund`/`refunded`, `eligible`/`eligibility`; not `refund`/`refuse`).
pub(crate) fn same_stem(a: &str, b: &str) -> bool {
    if a == b {
        return true;
    }
    let (short, long) = if a.chars().count() <= b.chars().count() {
        (a, b)
    } else {
        (b, a)
    };
    if short.chars().next() != long.chars().next() || short.bytes().any(|b| b.is_ascii_digit()) {
        return false;
    }
    let (short_len, long_len) = (short.chars().count(), long.chars().count());
    let common = short
        .chars()
        .zip(long.chars())
        .take_while(|(x, y)| x == y)
        .count();
    let whole = short_len == common;
    (common >= 4 && short_len - common <= 1 && long_len - common <= 6 && (whole || common >= 5))
        || (common >= 6 && short_len - common <= 2 && long_len - common <= 5)
        || (common >= 3
            && whole
            && ["s", "es", "ed", "ing", "ment", "er"]
                .iter()
                .any(|end| long.get(short.len()..) == Some(*end)))
}

/// A crude stem for counting: the first six characters of a word without an English plural `s`.
pub(crate) fn stem(word: &str) -> String {
    let bare = if word.len() > 3 && word.ends_with('s') && !word.ends_with("ss") {
        &word[..word.len() - 1]
    } else {
        word
    };
    bare.chars().take(6).collect()
}

/// The words of an identifier or label: `order_id`, `orderId` and `Order ID` all give `order`, `id`.
pub(crate) fn name_words(name: &str) -> Vec<String> {
    let mut spaced = String::with_capacity(name.len() + 4);
    let mut lower_before = false;
    for c in name.chars() {
        if c.is_uppercase() && lower_before {
            spaced.push(' ');
        }
        lower_before = c.is_lowercase() || c.is_ascii_digit();
        spaced.push(if c == '_' { ' ' } else { c });
    }
    super::ngrams::tokens(&spaced)
        .into_iter()
        .map(|token| token.word)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_in_order_and_folded() {
        assert!(STOPWORDS.is_sorted());
        for word in STOPWORDS
            .iter()
            .chain(NEGATIONS.iter())
            .chain(VAGUE.iter())
            .chain(GROUPS.iter().flatten())
            .chain(COURTESIES.iter())
        {
            assert_eq!(*word, super::super::ngrams::fold(word));
        }
    }

    #[test]
    fn stems() {
        for (a, b) in [
            ("refund", "refunded"),
            ("eligible", "eligibility"),
            ("urgent", "urgency"),
            ("pay", "payment"),
            ("delivery", "delivered"),
            ("cancel", "cancellation"),
            ("order", "orders"),
            ("заказ", "заказа"),
        ] {
            assert!(same_stem(a, b) && same_stem(b, a), "{a} {b}");
        }
        for (a, b) in [
            ("refund", "refuse"),
            ("change", "charge"),
            ("car", "card"),
            ("1042", "10421"),
            ("", "a"),
        ] {
            assert!(!same_stem(a, b) && !same_stem(b, a), "{a} {b}");
        }
    }

    #[test]
    fn names_are_split() {
        assert_eq!(name_words("orderId"), ["order", "id"]);
        assert_eq!(name_words("amount_cents"), ["amount", "cents"]);
        assert_eq!(name_words("Größe-XL"), ["große", "xl"]);
    }
}

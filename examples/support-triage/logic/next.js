// What a customer usually wants to know after a decision about money, as a question to the policy pages.

const QUESTIONS = {
  refunded: {
    en: "How long does a refund to a card take, and when does a refund to PayPal arrive?",
    de: "Wie lange dauert die Erstattung auf eine Karte oder auf PayPal?",
    fr: "Combien de temps prend le remboursement sur une carte ou sur PayPal ?",
    es: "¿Cuánto tarda el reembolso en una tarjeta o en PayPal?",
    cs: "Jak dlouho trvá vrácení peněz na kartu nebo na PayPal?",
    ru: "За сколько рабочих дней деньги приходят на карту или на PayPal?",
  },
  needs_details: { en: "Where is the order number of the confirmation e-mail?" },
  not_delivered: { en: "Can I cancel an order, or refuse a parcel that is on its way?" },
  warranty: { en: "What does the warranty cover, and will you repair or replace the goods?" },
  declined: {
    en: "Which goods can be returned, and within how many days?",
    de: "Welche Artikel kann ich innerhalb von wie vielen Tagen zurückgeben, welche sind ausgeschlossen?",
    fr: "Quels articles peut-on retourner, et dans les combien de jours ?",
    es: "¿Qué artículos puedo devolver y en cuántos días?",
    cs: "Které zboží můžu vrátit a do kolika dnů od doručení?",
    ru: "Какие товары можно вернуть и в течение скольких дней после доставки?",
  },
};

/** The question for an outcome, in the customer's language if there is one in it, else in English. */
export function nextQuestion(outcome, code, faulty, language) {
  const late = faulty && code === "outside_window" ? "warranty" : null;
  const questions = QUESTIONS[late ?? code] ?? QUESTIONS[outcome] ?? QUESTIONS.declined;
  return questions[language] ?? questions.en;
}

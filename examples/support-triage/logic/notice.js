// The sentence about money in a reply. It is written here and not by a model: it promises something.

import { nextQuestion } from "./next.js";

const ASK_FOR_DETAILS = ["no_order_number", "unknown_order", "not_your_order"];

/**
 * Says how a refund request ended. `action` is what a person chose (null when nobody was asked), `changes` the number
 * of ledger rows that the payment wrote (null when nothing was to be paid), `amount_cents` what was to be paid.
 * `question` is what the policy pages are asked for the rest of the reply.
 */
export function notice({ faulty, language, ...given }) {
  const said = verdict(given);
  return { ...said, question: nextQuestion(said.outcome, given.decision.code, faulty, language) };
}

function verdict({ decision, action, changes, amount_cents: cents }) {
  if (!decision.eligible) {
    const outcome = ASK_FOR_DETAILS.includes(decision.code) ? "needs_details" : "declined";
    return { outcome, refunded_cents: 0, text: decision.reason };
  }
  if (action && action !== "approve") {
    const text = `A colleague has looked at your request for order ${decision.order_id} and did not approve a refund. `
      + "You can ask for a second look by a team lead.";
    return { outcome: "declined", refunded_cents: 0, text };
  }
  if (changes > 0) {
    const text = `We have refunded ${(cents / 100).toFixed(2)} EUR for order ${decision.order_id} to the way you paid.`;
    return { outcome: "refunded", refunded_cents: cents, text };
  }
  // The ledger takes no more than was paid for an order. A second request that came at the same time ends here, and so
  // does an amount that a person typed and that is too large.
  const text = `Nothing was paid for order ${decision.order_id} this time, because less than that amount is left to pay back.`;
  return { outcome: "declined", refunded_cents: 0, text };
}

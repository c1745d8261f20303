// The refund rules of the shop. They are code because a rule about money must give the same answer every time and
// must be testable; a model only reads the message. Dates come from the database as an age in days, so there is no clock.

const money = (cents) => `${(cents / 100).toFixed(2)} EUR`;

const verdict = (orderId, code, reason) => ({
  eligible: false, code, reason, order_id: orderId, amount_cents: 0, amount: money(0), needs_approval: false,
});

/** What may be paid back, before earlier refunds are taken off. Null when the order is too old or cannot be returned. */
function refundable(order, faulty) {
  if (order.status === "lost") return { cents: order.total_cents, why: "the parcel was lost" };
  if (faulty && order.age_days <= order.fault_window_days) {
    return { cents: order.total_cents, why: "the goods were faulty, damaged, wrong or missing" };
  }
  if (order.recalled_cents > 0) return { cents: order.recalled_cents, why: "the product was recalled" };
  if (order.age_days <= order.return_window_days && order.returnable_cents > 0) {
    const cents = Math.max(0, order.returnable_cents - order.return_label_cents);
    return { cents, why: "the goods are returned within the return window" };
  }
  return null;
}

/** Why an order that is not refundable is not, in a sentence for the customer. */
function refusal(orderId, order, faulty) {
  const window = faulty ? order.fault_window_days : order.return_window_days;
  if (order.age_days > window) {
    const next = faulty ? " It may still be covered by the warranty: we repair or replace it." : "";
    return verdict(orderId, "outside_window",
      `Order ${orderId} was delivered ${order.age_days} days ago, and a refund is possible for ${window} days.${next}`);
  }
  return verdict(orderId, "final_sale",
    `Order ${orderId} has only goods that cannot be returned: gift cards, personalised goods or hygiene goods.`);
}

/** Orders that cannot be refunded whatever the reason is; null when the rules about time and goods decide. */
function hindrance(orderId, order, customerId) {
  if (!orderId) {
    return verdict(null, "no_order_number",
      "Please send us the order number. It begins with A and has four digits, and it is in the confirmation e-mail.");
  }
  // One answer for both cases: a stranger must not learn which order numbers exist.
  if (!order || order.customer_id !== customerId) {
    return verdict(orderId, order ? "not_your_order" : "unknown_order",
      `We cannot find order ${orderId} in your account. Please check the number, or write from the account that ordered.`);
  }
  if (order.status === "cancelled") {
    return verdict(orderId, "cancelled", `Order ${orderId} was cancelled before it was charged, so nothing has to be paid back.`);
  }
  if (order.status === "placed" || order.status === "shipped") {
    return verdict(orderId, "not_delivered",
      `Order ${orderId} has not been delivered yet. You can refuse the parcel, or return the goods after they arrive.`);
  }
  if (order.refunded_cents >= order.total_cents) {
    return verdict(orderId, "already_refunded", `Order ${orderId} has already been refunded in full.`);
  }
  return null;
}

/**
 * Decides about a refund. `order` is the row that the `find_order` tool returns (null when there is none), with the
 * shop's settings in it; `faulty` is what the model read in the message.
 */
export function eligible({ order, order_id: orderId, customer_id: customerId, faulty }) {
  const stop = hindrance(orderId, order, customerId);
  if (stop) return stop;

  const allowed = refundable(order, faulty === true);
  if (!allowed) return refusal(orderId, order, faulty === true);

  const cents = Math.min(allowed.cents, order.total_cents) - order.refunded_cents;
  if (cents <= 0) {
    return verdict(orderId, "already_refunded", `Order ${orderId} has already been refunded as far as the rules allow.`);
  }
  return {
    eligible: true,
    code: "ok",
    reason: `Order ${orderId}: ${allowed.why}.`,
    order_id: orderId,
    amount_cents: cents,
    amount: money(cents),
    needs_approval: cents > order.approval_limit_cents || order.earlier_refunds >= order.approval_after_refunds,
  };
}

// Order numbers: customers write them in many shapes, the database knows one.

const ONE_NUMBER = /(?<![\p{L}\p{N}])A[ \t]?[-–—#_.]?[ \t]?(\d{4})(?![\p{L}\p{N}])/u;
const LOWER_CASE = /(?<![\p{L}\p{N}])a[-–—#_.]?(\d{4})(?![\p{L}\p{N}])/u;
const AFTER_A_WORD =
  /(?:order|bestellung|auftrag|commande|pedido|objednávk[\p{L}]*|заказ[\p{L}]*)[^\p{L}\d]{1,4}(?:(?:no|nr|num|number|č)[^\p{L}\d]{0,3})?(\d{4})(?![\p{L}\p{N}])/iu;

/** The first order number in a text, written as `A-1042`, or null. */
export function findOrderNumber(text) {
  if (typeof text !== "string") return null;
  for (const pattern of [ONE_NUMBER, LOWER_CASE, AFTER_A_WORD]) {
    const found = pattern.exec(text);
    if (found) return `A-${found[1]}`;
  }
  return null;
}

/**
 * Chooses the order a ticket is about: what the model extracted, if it has the shape of an order number; else what
 * stands in the message; else what the contact form sent along. A model's guess of another shape is dropped here.
 */
export function chooseOrder({ extracted, text, field }) {
  return {
    order_id: findOrderNumber(extracted) ?? findOrderNumber(text) ?? findOrderNumber(field),
  };
}

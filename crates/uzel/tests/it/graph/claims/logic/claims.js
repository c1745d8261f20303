// The rules of the claims desk. The drawings need only that the functions exist.
export function active({ policy, date }) {
  return { active: !!policy && policy.from <= date && date <= policy.until };
}

export function merge({ motor, home, travel, estimate, weather, flight }) {
  const facts = motor || home || travel || {};
  return { summary: facts.summary || "", cents: (estimate && estimate.cents) || facts.cents || 0, checked: !!(weather || flight) };
}

export function covered({ coverage, exclusions }) {
  return { covered: coverage.covered && !exclusions.applies, reason: exclusions.applies ? exclusions.reason : coverage.reason };
}

export function signals({ facts, customer }) {
  return { count: (facts.checked ? 0 : 1) + (customer && customer.years < 1 ? 1 : 0) };
}

export function score({ signals, history }) {
  return { score: Math.min(1, signals.count / 4 + history.rows.length / 4) };
}

export function amount({ facts, investigated }) {
  return { cents: investigated || facts.cents };
}

export function payout({ cents, deductible, covered }) {
  return { cents: covered ? Math.max(0, cents - deductible) : 0 };
}

export function letterFacts({ decision, payout, paid }) {
  return { text: decision.covered ? `We pay ${payout.cents / 100}.` : decision.reason, paid: !!paid };
}

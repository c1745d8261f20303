// Cents for each part: what an agent may use at most, and a share of the report.
export function estimate({ parts }) {
  return { usd: Math.round(parts.length * 40 + 60) / 100 };
}

// Sources of the report that no agent has found.
export function citations({ cited, found }) {
  const known = new Set(found.filter((finding) => finding !== null).flatMap((finding) => finding.sources));
  const list = cited.filter((source) => !known.has(source));
  return { unknown: list.length, list };
}

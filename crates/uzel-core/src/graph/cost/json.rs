//! The estimate as JSON: what is unbounded or not known is null.

use serde_json::{Value, json};

use super::{ASSUMPTIONS, Amount, Cost, Money};

impl Cost {
    /// Everything that it says.
    pub fn json(&self) -> Value {
        let row = |row: &super::Row| {
            json!({
                "node": row.path,
                "model": row.model,
                "fallback": row.fallback,
                "calls": amount(row.calls),
                "tokens": amount(row.tokens),
                "usd": money(row.usd),
            })
        };
        let note = |note: &super::Note| json!({ "at": note.at, "message": note.message });
        json!({
            "nodes": self.rows.iter().map(row).collect::<Value>(),
            "total": { "calls": amount(self.calls), "tokens": amount(self.tokens), "usd": money(self.usd) },
            "limits": { "cost_usd": self.limits.cost_usd, "tokens": self.limits.tokens },
            "unbounded": self.unbounded.iter().map(note).collect::<Value>(),
            "unpriced": self.unpriced,
            "assumptions": ASSUMPTIONS,
        })
    }
}

fn amount(amount: Amount) -> Value {
    json!({ "worst": amount.worst, "expected": rounded(amount.expected, 100.0) })
}

fn money(money: Option<Money>) -> Value {
    money.map_or(
        Value::Null,
        |money| json!({ "worst": money.worst.map(|usd| rounded(usd, 1e6)), "expected": rounded(money.expected, 1e6) }),
    )
}

/// Sums of parts are not exact, and nobody needs more digits.
fn rounded(number: f64, part: f64) -> f64 {
    (number * part).round() / part
}

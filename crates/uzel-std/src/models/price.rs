//! List prices of well-known models, so that costs and money limits mean something before anybody sets `price`.
//!
//! An estimate: list prices of early 2026 without caching, batches or discounts. `price` of a model overrides it.

use uzel_core::capability::model::Price;

/// Provider, model, USD for a million tokens read and written.
const PRICES: &[(&str, &str, f64, f64)] = &[
    ("openai", "gpt-5.2", 1.75, 14.0),
    ("openai", "gpt-5.1", 1.25, 10.0),
    ("openai", "gpt-5", 1.25, 10.0),
    ("openai", "gpt-5-mini", 0.25, 2.0),
    ("openai", "gpt-5-nano", 0.05, 0.4),
    ("openai", "gpt-4.1", 2.0, 8.0),
    ("openai", "gpt-4.1-mini", 0.4, 1.6),
    ("openai", "gpt-4.1-nano", 0.1, 0.4),
    ("openai", "gpt-4o", 2.5, 10.0),
    ("openai", "gpt-4o-mini", 0.15, 0.6),
    ("openai", "o3", 2.0, 8.0),
    ("openai", "o4-mini", 1.1, 4.4),
    ("anthropic", "claude-opus-4-6", 5.0, 25.0),
    ("anthropic", "claude-opus-4-5", 5.0, 25.0),
    ("anthropic", "claude-opus-4-1", 15.0, 75.0),
    ("anthropic", "claude-sonnet-4-6", 3.0, 15.0),
    ("anthropic", "claude-sonnet-4-5", 3.0, 15.0),
    ("anthropic", "claude-sonnet-4", 3.0, 15.0),
    ("anthropic", "claude-haiku-4-5", 1.0, 5.0),
    ("anthropic", "claude-3-5-haiku", 0.8, 4.0),
];

/// The list price of a model, with or without a date at its end, if it is in the list.
pub fn list_price(provider: &str, model: &str) -> Option<Price> {
    let is_dated = |rest: &str| rest.is_empty() || rest == "-latest" || rest.starts_with("-20");
    let listed =
        |(of, name, ..): &&(&str, &str, f64, f64)| *of == provider && model.strip_prefix(name).is_some_and(is_dated);
    let (_, _, input_usd, output_usd) = PRICES.iter().find(listed)?;
    Some(Price { input_usd: *input_usd, output_usd: *output_usd })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_ignored_and_other_sizes_are_not_confused() {
        assert_eq!(list_price("openai", "gpt-5-mini-2025-08-07").map(|price| price.input_usd), Some(0.25));
        assert_eq!(list_price("openai", "gpt-5").map(|price| price.input_usd), Some(1.25));
        assert_eq!(list_price("openai", "gpt-5-pro"), None);
        assert_eq!(list_price("anthropic", "claude-sonnet-4-5-20250929").map(|price| price.output_usd), Some(15.0));
        assert_eq!(list_price("openai-compatible", "gpt-5"), None);
    }
}

//! `date_add` and `date_diff`. Listed in the table of built-in functions.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::code::calendar::{Moment, Unit};

/// Parameters of `date_add`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct DateAdd {
    /// `2024-02-29`, or a time with its zone as `2024-02-29T12:30:00Z`.
    date: String,
    /// How many units; negative goes back.
    amount: i64,
    /// Which units.
    unit: Unit,
}

pub(super) fn date_add(params: DateAdd) -> Result<String, String> {
    let date = Moment::parse(&params.date).map_err(|error| format!("`date`: {error}"))?;
    Ok(date.add(params.amount, params.unit)?.to_string())
}

/// Parameters of `date_diff`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct DateDiff {
    /// The start.
    from: String,
    /// The end; before the start gives a negative number.
    to: String,
    /// Which units.
    unit: Unit,
}

pub(super) fn date_diff(params: DateDiff) -> Result<i64, String> {
    let from = Moment::parse(&params.from).map_err(|error| format!("`from`: {error}"))?;
    let to = Moment::parse(&params.to).map_err(|error| format!("`to`: {error}"))?;
    Ok(from.until(to, params.unit))
}

//! `sum` and `round_money`, in decimal. Listed in the table of built-in functions.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Number;

/// Parameters of `sum`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Sum {
    /// The numbers.
    values: Vec<Number>,
}

pub(super) fn sum(params: Sum) -> Result<Number, String> {
    let mut total = Decimal { mantissa: 0, scale: 0 };
    for (at, number) in params.values.iter().enumerate() {
        let next = Decimal::of(number).and_then(|number| total.plus(number));
        total = next.ok_or_else(|| format!("`values[{at}]` is too big or too small to be added exactly: {number}"))?;
    }
    total.number()
}

/// Parameters of `round_money`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RoundMoney {
    /// The amount.
    amount: Number,
    /// Digits after the point, 0 to 9.
    #[serde(default = "cents")]
    decimals: u32,
    /// What happens to what lies between.
    #[serde(default)]
    mode: Mode,
}

const fn cents() -> u32 {
    2
}

/// Which way an amount is rounded.
#[derive(Clone, Copy, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Mode {
    /// To the nearest; a half goes away from zero, as people do.
    #[default]
    HalfUp,
    /// To the nearest; a half goes to the even digit, as banks do.
    HalfEven,
    /// Towards zero.
    Down,
    /// Away from zero.
    Up,
}

pub(super) fn round_money(params: RoundMoney) -> Result<Number, String> {
    if params.decimals > 9 {
        return Err(format!("`decimals` is {}, it must be 0 to 9", params.decimals));
    }
    let wrong = || format!("`amount` is too big or too small to be rounded exactly: {}", params.amount);
    let amount = Decimal::of(&params.amount).ok_or_else(wrong)?;
    if amount.scale <= params.decimals {
        return amount.number();
    }
    let unit = 10_i128.pow(amount.scale - params.decimals);
    let (whole, rest) = (amount.mantissa / unit, amount.mantissa % unit);
    let twice = rest.abs() * 2;
    let away = match params.mode {
        Mode::HalfUp => twice >= unit,
        Mode::HalfEven => twice > unit || (twice == unit && whole % 2 != 0),
        Mode::Down => false,
        Mode::Up => rest != 0,
    };
    let mantissa = whole + if away { rest.signum() } else { 0 };
    Decimal { mantissa, scale: params.decimals }.number()
}

/// A number as it is written: `mantissa / 10^scale`.
#[derive(Clone, Copy)]
struct Decimal {
    mantissa: i128,
    scale: u32,
}

/// Most digits after the point; keeps every step far from the end of `i128`.
const MAX_SCALE: i64 = 18;
const MAX_MANTISSA: i128 = 10_i128.pow(36);

impl Decimal {
    fn of(number: &Number) -> Option<Self> {
        let text = number.to_string().to_ascii_lowercase();
        let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let fraction = fraction.trim_end_matches('0');
        let mut mantissa: i128 = format!("{whole}{fraction}").parse().ok()?;
        let mut scale = i64::try_from(fraction.len()).ok()? - exponent.parse::<i64>().ok()?;
        if mantissa == 0 {
            return Some(Self { mantissa: 0, scale: 0 });
        }
        while scale < 0 {
            mantissa = mantissa.checked_mul(10).filter(|m| m.abs() < MAX_MANTISSA)?;
            scale += 1;
        }
        let fits = scale <= MAX_SCALE && mantissa.abs() < MAX_MANTISSA / 10_i128.pow(18 - scale.min(18) as u32);
        fits.then_some(Self { mantissa, scale: scale as u32 })
    }

    fn plus(self, other: Self) -> Option<Self> {
        let scale = self.scale.max(other.scale);
        let to = |number: Self| number.mantissa.checked_mul(10_i128.pow(scale - number.scale));
        let mantissa = to(self)?.checked_add(to(other)?)?;
        (mantissa.abs() < MAX_MANTISSA).then_some(Self { mantissa, scale })
    }

    /// An integer if it is one, else the nearest float, which is written with the same digits up to 15 of them.
    fn number(self) -> Result<Number, String> {
        let (mut mantissa, mut scale) = (self.mantissa, self.scale);
        while scale > 0 && mantissa % 10 == 0 {
            (mantissa, scale) = (mantissa / 10, scale - 1);
        }
        let digits = mantissa.unsigned_abs();
        let sign = if mantissa < 0 { "-" } else { "" };
        let unit = 10_u128.pow(scale);
        let text = if scale == 0 {
            mantissa.to_string()
        } else {
            format!("{sign}{}.{:0width$}", digits / unit, digits % unit, width = scale as usize)
        };
        text.parse().map_err(|_| format!("{text} is no JSON number"))
    }
}

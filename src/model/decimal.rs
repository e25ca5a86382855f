//! Decimal numbers, exactly: prices and per cents are compared by their digits, not by the doubles next to them.

use std::fmt;

use serde::Deserialize;
use serde_json::{Number, Value};

/// A decimal number of up to 20 digits on either side of the point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Decimal {
    /// The number is `units` / 10^`scale`.
    units: i128,
    scale: u32,
}

/// Keeps the products of two numbers and a hundred within 128 bits for every price there is.
const MAX_DIGITS: u32 = 20;

impl Decimal {
    pub(crate) const fn whole(number: u32) -> Self {
        Self { units: number as i128, scale: 0 }
    }

    /// A JSON number, or a text that is one; `None` for what is no number, and for one with too many digits.
    pub(crate) fn of(value: &Value) -> Option<Self> {
        match value {
            Value::Number(number) => Self::parse(&number.to_string()),
            Value::String(text) => text.parse::<Number>().ok().and_then(|number| Self::parse(&number.to_string())),
            _ => None,
        }
    }

    /// Parses a number as JSON writes it: `0.10`, `1e-1`, `-3`.
    fn parse(text: &str) -> Option<Self> {
        let (negative, digits, exponent) = split(text)?;
        let units = if digits.is_empty() { 0 } else { digits.parse::<i128>().ok()? };
        let units = if negative { -units } else { units };
        let power = u32::try_from(exponent.unsigned_abs()).ok().filter(|power| *power <= MAX_DIGITS)?;
        let number = match exponent {
            0.. => Self { units: units.checked_mul(10_i128.pow(power))?, scale: 0 },
            _ => Self { units, scale: power },
        };
        (number.units.abs() <= 10_i128.pow(MAX_DIGITS)).then_some(number)
    }

    /// Returns the number of digits after the point.
    pub(crate) fn places(self) -> usize {
        self.scale as usize
    }

    /// Both numbers in units of the same size.
    fn aligned(self, other: Self) -> Option<(i128, i128)> {
        let scale = self.scale.max(other.scale);
        let to = |number: Self| number.units.checked_mul(10_i128.checked_pow(scale - number.scale)?);
        Some((to(self)?, to(other)?))
    }

    /// Whether the step from `before` to `after` is more than `limit` per cent of `before`. From zero every step is, and
    /// so is one that cannot be worked out.
    pub(crate) fn moves_beyond(before: Self, after: Self, limit: Self) -> bool {
        let beyond = || {
            let (old, new) = before.aligned(after)?;
            if old == new {
                return Some(false);
            }
            let step = (new - old).abs().checked_mul(100)?.checked_mul(10_i128.checked_pow(limit.scale)?)?;
            Some(old == 0 || step > limit.units.checked_mul(old.abs())?)
        };
        beyond().unwrap_or(true)
    }

    /// The step from `before` to `after` in hundredths of a per cent of `before`, rounded half away from zero; `None`
    /// from zero, and where it cannot be worked out.
    pub(crate) fn step(before: Self, after: Self) -> Option<i128> {
        let (old, new) = before.aligned(after)?;
        let twice = (new - old).checked_mul(20_000)?.checked_div(old)?;
        Some((twice + twice.signum()) / 2)
    }
}

/// Splits a number as JSON writes it into its sign, its digits without zeros at either end, and the power of ten of the
/// last digit: `0.10`, `1e-1` and `0.1` are one. Zero has no digits and no sign. `None` for an exponent beyond 64 bits.
fn split(text: &str) -> Option<(bool, String, i64)> {
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let exponent = exponent.parse::<i64>().ok()?;
    let unsigned = mantissa.trim_start_matches('-');
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    let digits = format!("{whole}{fraction}");
    let short = digits.trim_end_matches('0');
    let dropped = i64::try_from(digits.len() - short.len()).ok()?;
    let exponent = exponent.checked_sub(i64::try_from(fraction.len()).ok()?)?.checked_add(dropped)?;
    match short.trim_start_matches('0') {
        "" => Some((false, String::new(), 0)),
        digits => Some((mantissa.starts_with('-'), digits.to_owned(), exponent)),
    }
}

/// The text in which equal numbers are equal, whatever their number of digits.
pub(crate) fn normal_form(text: &str) -> String {
    match split(text) {
        Some((negative, digits, exponent)) => format!("{}{digits}e{exponent}", if negative { "-" } else { "" }),
        None => text.to_owned(),
    }
}

/// Whether two numbers have the same decimal digits: a detour through doubles would make neighbours beyond 2^53 one.
pub(crate) fn same_number(a: &Number, b: &Number) -> bool {
    a == b || normal_form(&a.to_string()) == normal_form(&b.to_string())
}

/// A step in hundredths of a per cent as people write it: `+25%`, `-33.33%`.
pub(crate) fn percent(step: i128) -> String {
    let sign = if step < 0 { '-' } else { '+' };
    let (whole, rest) = (step.abs() / 100, step.abs() % 100);
    let rest = format!("{rest:02}");
    match rest.trim_end_matches('0') {
        "" => format!("{sign}{whole}%"),
        rest => format!("{sign}{whole}.{rest}%"),
    }
}

/// Prints all digits; a precision is the least number of places after the point.
impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.units < 0 { "-" } else { "" };
        let digits = format!("{:0>width$}", self.units.abs(), width = self.scale as usize + 1);
        let (whole, fraction) = digits.split_at(digits.len() - self.scale as usize);
        let fraction = fraction.trim_end_matches('0');
        match f.precision().unwrap_or(0).max(fraction.len()) {
            0 => write!(f, "{sign}{whole}"),
            places => write!(f, "{sign}{whole}.{fraction:0<places$}"),
        }
    }
}

impl<'de> Deserialize<'de> for Decimal {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = Number::deserialize(deserializer)?;
        Self::parse(&number.to_string())
            .ok_or_else(|| serde::de::Error::custom(format!("{number} has too many digits")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn decimal(value: &Value) -> Decimal {
        Decimal::of(value).unwrap_or_else(|| panic!("{value} is no decimal"))
    }

    #[test]
    fn numbers_are_read_digit_by_digit_and_written_shortly() {
        let shown = |value: Value| Decimal::of(&value).map(|number| number.to_string());
        for (value, text) in [
            (json!(0.1), "0.1"),
            (json!(-3), "-3"),
            (json!(1e-7), "0.0000001"),
            (json!(2.5e3), "2500"),
            (json!("0.10"), "0.1"),
            (json!(0), "0"),
            (json!(-0.05), "-0.05"),
        ] {
            assert_eq!(shown(value.clone()).as_deref(), Some(text), "{value}");
        }
        assert_eq!(format!("{:.3} {:.1}", decimal(&json!(1.5)), decimal(&json!(0.25))), "1.500 0.25");
        for value in [json!(1e40), json!(1e-40), json!("a"), json!(null), json!([1]), json!(true)] {
            assert_eq!(shown(value.clone()), None, "{value}");
        }
    }

    #[test]
    fn decimals_are_what_their_digits_say() {
        for one in [
            &["0.1", "0.10", "1e-1", "1.0E-1", "10e-2"][..],
            &["0", "0.0", "-0", "0e5"],
            &["-1200", "-1.2e3", "-1200.00"],
            &["1200", "1.2e+3"],
            &["9007199254740993"],
            &["9007199254740992", "9007199254740992.0"],
            &["0.10000000149011612"],
        ] {
            for other in ["0.1", "0", "-1200", "1200", "9007199254740993", "9007199254740992", "0.10000000149011612"] {
                assert_eq!(normal_form(one[0]) == normal_form(other), one[0] == other, "{} and {other}", one[0]);
            }
            assert!(one.iter().all(|text| normal_form(text) == normal_form(one[0])), "{one:?}");
        }
    }

    #[test]
    fn a_limit_is_met_exactly() {
        let beyond =
            |a: Value, b: Value, limit: Value| Decimal::moves_beyond(decimal(&a), decimal(&b), decimal(&limit));
        // 0.1 to 0.11 is ten per cent and not a hair more; in doubles it is 10.000000000000009.
        assert!(!beyond(json!(0.1), json!(0.11), json!(10)));
        assert!(beyond(json!(0.1), json!(0.110_000_1), json!(10)));
        assert!(!beyond(json!(0.3), json!(0.27), json!(10)));
        assert!(beyond(json!(0.3), json!(0.269), json!(10)));
        assert!(beyond(json!(0), json!(0.01), json!(1000)), "from nothing every step is beyond a per cent");
        assert!(!beyond(json!(0), json!(0.0), json!(0)));
        assert!(beyond(json!(8), json!(9.0001), json!(12.5)) && !beyond(json!(8), json!(9), json!(12.5)));
    }

    #[test]
    fn steps_are_told_in_per_cent() {
        let told = |a: Value, b: Value| Decimal::step(decimal(&a), decimal(&b)).map(percent);
        for (a, b, text) in [
            (json!(0.1), json!(0.125), "+25%"),
            (json!(0.3), json!(0.2), "-33.33%"),
            (json!(3), json!(5), "+66.67%"),
            (json!(8), json!(8.004), "+0.05%"),
            (json!(1), json!(0), "-100%"),
        ] {
            assert_eq!(told(a, b).as_deref(), Some(text));
        }
        assert_eq!(told(json!(0), json!(1)), None);
    }
}

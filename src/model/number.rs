//! Numbers of JSON by their digits.

use serde_json::Number;

/// The number that a JSON number stands for, where an integer of 64 bits or a double holds it as it is written. Equal
/// numbers of one kind have one form then: `0.10` and `1e-1` are `0.1`.
pub(crate) fn exact(text: &str) -> Option<Number> {
    // A negative zero is no integer.
    match (text.parse::<i64>(), text.parse::<u64>()) {
        (Ok(whole), _) if whole != 0 || !text.starts_with('-') => return Some(whole.into()),
        (Err(_), Ok(whole)) => return Some(whole.into()),
        _ => {}
    }
    // A double holds the written digits in its shortest form, or in the 17 that always suffice.
    let double = text.parse::<f64>().ok()?;
    let written = digits(text);
    let held = written == digits(&format!("{double:e}")) || written == digits(&format!("{double:.16e}"));
    Number::from_f64(double).filter(|_| held)
}

/// The significant digits of a number, without those that only place it.
fn digits(number: &str) -> String {
    let mantissa = number.split(['e', 'E']).next().unwrap_or_default();
    let digits = mantissa.chars().filter(char::is_ascii_digit).collect::<String>();
    digits.trim_start_matches('0').trim_end_matches('0').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_exact_where_none_of_its_digits_is_lost() {
        for (text, written) in [
            ("0.10", "0.1"),
            ("1e-1", "0.1"),
            ("12.340000000000000000000000", "12.34"),
            ("-0", "-0.0"),
            ("1.0", "1.0"),
            ("0.10000000000000001", "0.1"),
            ("9223372036854775807", "9223372036854775807"),
            ("-9223372036854775808", "-9223372036854775808"),
            ("18446744073709551615", "18446744073709551615"),
            ("1e300", "1e+300"),
            ("5e-324", "5e-324"),
            ("3.141592653589793", "3.141592653589793"),
            ("100000000000000000000000", "1e+23"),
        ] {
            assert_eq!(exact(text).map(|number| number.to_string()).as_deref(), Some(written), "{text}");
        }
        for text in [
            "123456789.123456789",
            "9007199254740993.0",
            "-12345678901234567890",
            "1234567890123456789012345",
            "19.990000000000000001",
            "1e400",
            "1e-400",
        ] {
            assert_eq!(exact(text), None, "{text}");
        }
    }
}

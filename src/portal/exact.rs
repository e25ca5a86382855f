//! Bodies read without loss: what could not be sent back as it came is not taken.

use serde_json::Value;

/// Why a body cannot be used.
#[derive(Debug, PartialEq)]
pub(super) enum NotJson {
    /// It is not JSON, or not all of it, or not UTF-8.
    Broken,
    /// Reading it would lose digits of a number, and the field would not survive the next write.
    Inexact,
}

/// The body as JSON; null where there is none.
pub(super) fn json(bytes: &[u8]) -> Result<Value, NotJson> {
    if bytes.trim_ascii().is_empty() {
        return Ok(Value::Null);
    }
    let value = serde_json::from_slice(bytes).map_err(|_| NotJson::Broken)?;
    if has_inexact_number(bytes) { Err(NotJson::Inexact) } else { Ok(value) }
}

/// Whether valid JSON holds a number that neither a 64-bit integer nor a double can hold as it is written.
fn has_inexact_number(json: &[u8]) -> bool {
    let mut rest = json;
    while let Some(at) = rest.iter().position(|byte| matches!(byte, b'"' | b'-' | b'0'..=b'9')) {
        rest = &rest[at..];
        let length = if rest[0] == b'"' { string_length(rest) } else { number_length(rest) };
        let (token, after) = rest.split_at(length.min(rest.len()));
        if token[0] != b'"' && std::str::from_utf8(token).is_ok_and(is_inexact) {
            return true;
        }
        rest = after;
    }
    false
}

fn string_length(text: &[u8]) -> usize {
    let mut end = 1;
    while text.get(end).is_some_and(|byte| *byte != b'"') {
        end += if text[end] == b'\\' { 2 } else { 1 };
    }
    end + 1
}

fn number_length(text: &[u8]) -> usize {
    let ends = |byte: &u8| !matches!(byte, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-');
    text.iter().position(ends).unwrap_or(text.len())
}

fn is_inexact(number: &str) -> bool {
    if number.parse::<i64>().is_ok() || number.parse::<u64>().is_ok() {
        return false;
    }
    // A double survives when it has the written digits, in its shortest form or in the 17 that always suffice.
    let double = number.parse::<f64>().unwrap_or_default();
    let written = digits(number);
    written != digits(&format!("{double:e}")) && written != digits(&format!("{double:.16e}"))
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
    fn numbers_that_would_change_are_found_and_no_others() {
        for exact in [
            "0.1",
            "1e-7",
            "1E+22",
            "123456.789",
            "12.340000000000000000000000",
            "-0.0",
            "1.0",
            "0.10000000000000001",
            "9223372036854775807",
            "-9223372036854775808",
            "18446744073709551615",
            "636576975611768314",
            "1e300",
            "5e-324",
            "3.141592653589793",
            "100000000000000000000000",
            "{\"a\\\\\": \"123456789.123456789\"}",
            "[\"\\\"\"]",
        ] {
            assert!(!has_inexact_number(exact.as_bytes()), "{exact}");
        }
        for inexact in
            ["123456789.123456789", "9007199254740993.0", "1234567890123456789012345", "[\"a\", 0.1234567890123456789]"]
        {
            assert!(has_inexact_number(inexact.as_bytes()), "{inexact}");
        }
    }

    #[test]
    fn what_could_not_be_sent_back_unchanged_is_not_taken() {
        assert_eq!(json(b" "), Ok(Value::Null));
        assert_eq!(
            json(br#"{"a": "x\"123456789012345678901", "b": [0.1, 636576975611768314, 1e9]}"#).map(|v| v.is_object()),
            Ok(true)
        );
        assert_eq!(json(br#"{"a": 12345678901234567890123}"#), Err(NotJson::Inexact));
        assert_eq!(json(br#"[-0.123456789012345678901]"#), Err(NotJson::Inexact));
        assert_eq!(json(br#"[-12345678901234567890]"#), Err(NotJson::Inexact));
        assert_eq!(json(br#"[9007199254740993.0]"#), Err(NotJson::Inexact));
        assert!(json(br#"[0.10, 1e-7, 1.50E3, -9223372036854775808, 18446744073709551615, 0.0]"#).is_ok());
        assert_eq!(json(b"{\"a\": \"caf\xe9\"}"), Err(NotJson::Broken));
        assert_eq!(json(br#"{"a": "#), Err(NotJson::Broken));
    }
}

//! The fields of a form, in either of the encodings that clients send to a token endpoint.

use std::collections::BTreeMap;

/// Reads a body by its content type; without one it is URL-encoded.
pub(super) fn fields(content_type: Option<&str>, body: &[u8]) -> BTreeMap<String, String> {
    match content_type.and_then(boundary) {
        Some(boundary) => multipart(&boundary, body),
        None => url::form_urlencoded::parse(body).into_owned().collect(),
    }
}

/// The boundary of `multipart/form-data`.
fn boundary(content_type: &str) -> Option<String> {
    let mut parts = content_type.split(';').map(str::trim);
    let kind = parts.next()?;
    let boundary = parts.find_map(|part| {
        let (name, value) = part.split_once('=')?;
        name.trim().eq_ignore_ascii_case("boundary").then(|| value.trim().trim_matches('"').to_owned())
    })?;
    (kind.eq_ignore_ascii_case("multipart/form-data") && !boundary.is_empty()).then_some(boundary)
}

fn multipart(boundary: &str, body: &[u8]) -> BTreeMap<String, String> {
    let text = String::from_utf8_lossy(body);
    let delimiter = format!("--{boundary}");
    text.split(delimiter.as_str()).skip(1).filter_map(part).collect()
}

/// One part: headers, an empty line, the value, a line end.
fn part(text: &str) -> Option<(String, String)> {
    let (head, value) = text.strip_prefix("\r\n")?.split_once("\r\n\r\n")?;
    let disposition = head.lines().find(|line| line.to_ascii_lowercase().starts_with("content-disposition:"))?;
    let name = disposition.split(';').find_map(|item| {
        let (key, value) = item.trim().split_once('=')?;
        key.eq_ignore_ascii_case("name").then(|| value.trim_matches('"').to_owned())
    })?;
    Some((name, value.strip_suffix("\r\n").unwrap_or(value).to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_encodings_say_the_same() {
        let expected = [("client_id", "app"), ("client_secret", "a+b c&=%")];
        let expected: BTreeMap<_, _> =
            expected.map(|(name, value)| (name.to_owned(), value.to_owned())).into_iter().collect();
        let encoded = b"client_id=app&client_secret=a%2Bb+c%26%3D%25";
        assert_eq!(fields(Some("application/x-www-form-urlencoded; charset=utf-8"), encoded), expected);
        assert_eq!(fields(None, encoded), expected);
        let parts = "--XX\r\nContent-Disposition: form-data; name=\"client_id\"\r\n\r\napp\r\n--XX\r\n\
            content-disposition: form-data; name=\"client_secret\"\r\nContent-Type: text/plain\r\n\r\na+b c&=%\r\n--XX--\r\n";
        assert_eq!(fields(Some("multipart/form-data; boundary=XX"), parts.as_bytes()), expected);
        assert_eq!(fields(Some("Multipart/Form-Data; boundary=\"XX\""), parts.as_bytes()), expected);
    }

    #[test]
    fn what_is_no_form_has_no_fields() {
        assert!(fields(Some("multipart/form-data; boundary=XX"), b"--XX--").is_empty());
        assert!(fields(Some("multipart/form-data; boundary=XX"), b"\xff\xfe--XX\r\nx").is_empty());
        assert!(fields(None, b"").is_empty());
    }
}

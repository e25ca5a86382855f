//! Secrets that a text gives away by its form: the value of a `name=value` pair or of a JSON member whose name is that
//! of a secret, a function key in the query of a URL, a bearer token, a JSON web token, user and password in a URL.

use std::ops::Range;

use memchr::{memchr2_iter, memmem};

use super::is_secret_name;

/// Calls `found` with every part of the text that is a secret.
pub(super) fn secrets(text: &[u8], found: &mut impl FnMut(Range<usize>)) {
    for at in memchr2_iter(b'=', b':', text) {
        let part = if text[at] == b'=' { assigned(text, at) } else { member(text, at).or_else(|| user(text, at)) };
        part.into_iter().for_each(&mut *found);
    }
    memmem::find_iter(text, "eyJ").filter_map(|at| web_token(text, at)).for_each(&mut *found);
    memchr2_iter(b'b', b'B', text).filter_map(|at| bearer(text, at)).for_each(&mut *found);
}

/// Where the bytes from `at` on stop to be of a kind.
fn end(text: &[u8], at: usize, kind: impl Fn(u8) -> bool) -> usize {
    text[at..].iter().position(|byte| !kind(*byte)).map_or(text.len(), |count| at + count)
}

/// Where the bytes before `at` begin to be of a kind.
fn start(text: &[u8], at: usize, kind: impl Fn(u8) -> bool) -> usize {
    text[..at].iter().rposition(|byte| !kind(*byte)).map_or(0, |before| before + 1)
}

fn white(byte: u8) -> bool {
    byte.is_ascii_whitespace()
}

fn of_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.')
}

fn of_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')
}

/// Whether a name that ends here is that of a secret.
fn named(text: &[u8], end: usize) -> bool {
    // A name of more bytes is none, and looking back is bounded.
    let from = start(&text[..end], end, of_name).max(end.saturating_sub(64));
    let name = std::str::from_utf8(&text[from..end]).unwrap_or_default();
    let in_query = || matches!(text[..from].last(), Some(b'?' | b'&'));
    is_secret_name(name) || (name.eq_ignore_ascii_case("code") && in_query())
}

/// The value after the `=` at this place.
fn assigned(text: &[u8], at: usize) -> Option<Range<usize>> {
    let name = start(text, at, white);
    named(text, name).then(|| value(text, end(text, at + 1, white)))?
}

/// The value after the `:` at this place, between a quoted name and a quote. Prose (`password: at least …`) has none.
fn member(text: &[u8], at: usize) -> Option<Range<usize>> {
    let quote = start(text, at, white).checked_sub(1).filter(|quote| matches!(text[*quote], b'"' | b'\''))?;
    let from = end(text, at + 1, white);
    (matches!(text.get(from), Some(b'"' | b'\'')) && named(text, quote)).then(|| value(text, from))?
}

/// A value that begins here: up to the quote that ends it, else up to what ends a pair.
fn value(text: &[u8], at: usize) -> Option<Range<usize>> {
    let quote = text.get(at).copied().filter(|byte| matches!(byte, b'"' | b'\''));
    let from = at + usize::from(quote.is_some());
    if let Some(close) = quote.and_then(|quote| closing(text, from, quote)) {
        return (close > from).then_some(from..close);
    }
    let to = end(text, from, |byte| !white(byte) && !b"&;\"'<>\\".contains(&byte));
    (to > from).then_some(from..to)
}

/// The place of the quote that ends what begins here, on the same line.
fn closing(text: &[u8], from: usize, quote: u8) -> Option<usize> {
    let mut at = from;
    loop {
        match text.get(at)? {
            byte if *byte == quote => return Some(at),
            b'\n' => return None,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

/// What stands before the `@` of a URL whose `://` is at this place, if there is a password in it.
fn user(text: &[u8], at: usize) -> Option<Range<usize>> {
    let from = text[at..].starts_with(b"://").then_some(at + 3)?;
    let name = end(text, from, |byte| !white(byte) && !b"/:@".contains(&byte));
    let to = end(text, name, |byte| !white(byte) && !b"/@".contains(&byte));
    (name > from && text.get(name) == Some(&b':') && to > name + 1 && text.get(to) == Some(&b'@')).then_some(from..to)
}

fn web_token(text: &[u8], at: usize) -> Option<Range<usize>> {
    let head = end(text, at, of_token);
    let body = end(text, (text.get(head) == Some(&b'.') && head >= at + 11).then_some(head + 1)?, of_token);
    (text.get(body) == Some(&b'.') && body > head + 1).then(|| at..end(text, body + 1, of_token))
}

fn bearer(text: &[u8], at: usize) -> Option<Range<usize>> {
    let word = text.get(at..at + 6).filter(|word| word.eq_ignore_ascii_case(b"bearer"))?;
    let from = end(text, at + word.len(), white);
    let to = end(text, from, |byte| of_token(byte) || b".~+/=".contains(&byte));
    (from > at + word.len() && to >= from + 16).then_some(from..to)
}

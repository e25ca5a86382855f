//! Copies of a text with its escapes removed, in which a secret is found however it was written.
//!
//! A server, a log or a renderer writes a value in its own way: `+` becomes `\u002B`, `&#43;` or `%2B`, and twice that
//! where a document holds a document. A copy without escapes holds the value itself, and the place of every byte of it
//! in the original.

use std::borrow::Cow;
use std::ops::Range;

use memchr::{memchr, memchr3, memmem};

/// A server escapes twice, within the text of a document, which is within a log, which is a document: five layers.
const DEEPEST: usize = 5;

/// What renderers put around a changed word, and between its letters where only a part of it changed.
const MARKS: [&[u8]; 8] = [b"<del>", b"</del>", b"<ins>", b"</ins>", b"[-", b"-]", b"{+", b"+}"];

/// What escapes and marks begin with.
const SPECIAL: &[u8] = b"\\%&\x1b<[-{+";

/// A text with some layers of escapes removed.
pub(super) struct Layer<'t> {
    pub(super) bytes: Cow<'t, [u8]>,
    /// Where each byte stands in the original; nothing for the original itself.
    places: Vec<(u32, u32)>,
}

impl<'t> Layer<'t> {
    /// The text itself, then copies of it, each with one more layer of escapes removed. With `marks`, the marks of
    /// renderers (colours, changed words) are removed too.
    pub(super) fn all(text: &'t str, marks: bool) -> Vec<Self> {
        let mut layers = vec![Self { bytes: Cow::Borrowed(text.as_bytes()), places: Vec::new() }];
        while let Some(below) = layers.last().filter(|_| layers.len() <= DEEPEST).and_then(|last| last.below(marks)) {
            layers.push(below);
        }
        layers
    }

    fn below(&self, marks: bool) -> Option<Self> {
        let bytes = &self.bytes;
        let marked = || memchr(0x1b, bytes).is_some() || MARKS.iter().any(|mark| memmem::find(bytes, mark).is_some());
        if memchr3(b'\\', b'%', b'&', bytes).is_none() && !(marks && marked()) {
            return None;
        }
        let mut below = Self { bytes: Cow::Owned(Vec::with_capacity(bytes.len())), places: Vec::new() };
        let (out, mut at) = (below.bytes.to_mut(), 0);
        while at < bytes.len() {
            let rest = &bytes[at..];
            let plain =
                if marks { rest.iter().position(|b| SPECIAL.contains(b)) } else { memchr3(b'\\', b'%', b'&', rest) };
            let plain = plain.unwrap_or(rest.len());
            let found = Some(rest).filter(|_| plain == 0).and_then(|rest| unit(rest, marks));
            let (read, meant) = found.unwrap_or((plain.max(1), Meant::Itself));
            match meant {
                Meant::Nothing => {}
                Meant::Byte(byte) => out.push(byte),
                Meant::Char(c) => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
                Meant::Itself => {
                    out.extend_from_slice(&rest[..read]);
                    below.places.extend((at..at + read).map(|at| self.place(at)));
                }
            }
            let place = (self.place(at).0, self.place(at + read - 1).1);
            below.places.resize(out.len(), place);
            at += read;
        }
        (out.len() < bytes.len()).then_some(below)
    }

    fn place(&self, at: usize) -> (u32, u32) {
        let itself = || (u32::try_from(at).unwrap_or(u32::MAX), u32::try_from(at + 1).unwrap_or(u32::MAX));
        if self.places.is_empty() { itself() } else { self.places[at] }
    }

    /// Where a part of this layer stands in the original: more than one range where marks lie between.
    pub(super) fn original(&self, part: Range<usize>, found: &mut Vec<Range<usize>>) {
        if self.places.is_empty() {
            return found.push(part);
        }
        let first = found.len();
        for (start, end) in &self.places[part] {
            let (start, end) = (*start as usize, *end as usize);
            match found[first..].last_mut() {
                Some(last) if start <= last.end => last.end = end,
                _ => found.push(start..end),
            }
        }
    }
}

enum Meant {
    /// No escape: the bytes as they are.
    Itself,
    Nothing,
    Byte(u8),
    Char(char),
}

/// The escape that a text begins with: how many bytes it has, and what it stands for.
fn unit(bytes: &[u8], marks: bool) -> Option<(usize, Meant)> {
    match bytes[0] {
        b'\\' => backslash(bytes),
        b'%' => Some((3, Meant::Byte(u8::try_from(hex(bytes.get(1..3)?)?).ok()?))),
        b'&' => entity(bytes),
        0x1b if marks && bytes.get(1) == Some(&b'[') => {
            let end = bytes.iter().skip(2).position(|byte| !byte.is_ascii_digit() && *byte != b';')?;
            (bytes[end + 2] == b'm').then_some((end + 3, Meant::Nothing))
        }
        b'<' | b'[' | b'-' | b'{' | b'+' if marks => {
            let mark = MARKS.iter().find(|mark| bytes.starts_with(mark))?;
            Some((mark.len(), Meant::Nothing))
        }
        _ => None,
    }
}

/// `\n` and `\u002B` as in JSON, `\u{2b}` as in what is printed here.
fn backslash(bytes: &[u8]) -> Option<(usize, Meant)> {
    let c = match bytes.get(1)? {
        b'n' => '\n',
        b'r' => '\r',
        b't' => '\t',
        b'b' => '\u{8}',
        b'f' => '\u{c}',
        byte @ (b'"' | b'\'' | b'\\' | b'/') => char::from(*byte),
        b'u' if bytes.get(2) == Some(&b'{') => {
            let digits = bytes.iter().skip(3).take(7).position(|byte| *byte == b'}')?;
            return Some((digits + 4, Meant::Char(char::from_u32(hex(&bytes[3..3 + digits])?)?)));
        }
        b'u' => {
            let high = hex(bytes.get(2..6)?)?;
            if let Some(c) = char::from_u32(high) {
                return Some((6, Meant::Char(c)));
            }
            let low = hex(bytes.get(6..12)?.strip_prefix(b"\\u")?)?;
            let pair = char::decode_utf16([high, low].map(|unit| u16::try_from(unit).unwrap_or_default())).next()?;
            return Some((12, Meant::Char(pair.ok()?)));
        }
        _ => return None,
    };
    Some((2, Meant::Char(c)))
}

/// `&amp;`, `&#43;` and `&#x2B;`.
fn entity(bytes: &[u8]) -> Option<(usize, Meant)> {
    let end = bytes.iter().take(10).position(|byte| *byte == b';')?;
    let c = match &bytes[1..end] {
        b"amp" => '&',
        b"lt" => '<',
        b"gt" => '>',
        b"quot" => '"',
        b"apos" => '\'',
        b"nbsp" => ' ',
        [b'#', b'x' | b'X', digits @ ..] => char::from_u32(hex(digits)?)?,
        [b'#', digits @ ..] => char::from_u32(std::str::from_utf8(digits).ok()?.parse().ok()?)?,
        _ => return None,
    };
    Some((end + 1, Meant::Char(c)))
}

fn hex(digits: &[u8]) -> Option<u32> {
    let all = !digits.is_empty() && digits.iter().all(u8::is_ascii_hexdigit);
    u32::from_str_radix(std::str::from_utf8(digits).ok().filter(|_| all)?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deepest(text: &str) -> String {
        let layers = Layer::all(text, true);
        String::from_utf8_lossy(&layers.last().expect("the text itself").bytes).into_owned()
    }

    #[test]
    fn every_escape_is_removed_in_every_layer() {
        for text in [
            r"a+\u002B",
            "a%2B+",
            "a&#43;&#x2b;",
            r"a\u{2b}+",
            r"a\\u002B+",
            "a%252B&amp;#43;",
            r"a\\\\u002B\\u002b",
            "a\u{1b}[4m+\u{1b}[24m+",
            "a<del>+</del>[-+-]",
        ] {
            assert_eq!(deepest(text), "a++", "{text}");
        }
        assert_eq!(deepest(r"\ud83d\ude00\n\t%C3%A9"), "😀\n\té");
        for plain in ["100% of &c; \\d \\u12 \\ud83d &#xD800; %4", "", "%", "\\", "&", "\u{1b}[4"] {
            assert_eq!(Layer::all(plain, true).len(), 1, "{plain}");
        }
    }

    #[test]
    fn a_part_is_found_again_in_the_original() {
        let text = r"x\\u002By<del>z</del>";
        let layer = Layer::all(text, true).pop().expect("a layer");
        let mut found = Vec::new();
        layer.original(1..4, &mut found);
        assert_eq!(found.iter().map(|part| &text[part.clone()]).collect::<Vec<_>>(), [r"\\u002By", "z"]);
    }
}

//! HTML as a reader sees it: without the tags that only shape it, one line for each block.
//!
//! Only what is known to be harmless goes: tags of texts, without attributes that do something. Addresses of links stay
//! beside their text. Everything else stays as it is written, so that a script in a description is seen in a diff.

use std::borrow::Cow;

use html5gum::emitters::default::DefaultEmitter;
use html5gum::{HtmlString, StartTag, Token, Tokenizer};

use crate::steps;

/// Tags that begin and end a line.
const BLOCKS: [&str; 18] = [
    "p",
    "div",
    "ul",
    "ol",
    "li",
    "br",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "table",
    "tr",
    "section",
    "article",
    "blockquote",
    "hr",
];
const INLINE: [&str; 17] = [
    "b", "i", "strong", "em", "a", "u", "s", "span", "font", "small", "sub", "sup", "code", "td", "th", "tbody",
    "thead",
];
const SHAPE: [&str; 9] = ["class", "id", "style", "dir", "lang", "align", "rel", "target", "title"];

/// What a reader sees of a text; `None` where it has no tags, so that it is no HTML.
pub(super) fn visible_text(source: &str) -> Option<String> {
    let mut text = Visible::default();
    for token in Tokenizer::new_with_emitter(source, DefaultEmitter::<usize>::new_with_span()) {
        match token {
            Ok(Token::String(piece)) => text.push(&lossy(&piece)),
            Ok(Token::StartTag(tag)) => match only_shapes(&tag) {
                true => text.start(&tag),
                false => text.source(source, tag.span.start..tag.span.end),
            },
            Ok(Token::EndTag(tag)) => match is_known(&lossy(&tag.name)) {
                true => text.end(&lossy(&tag.name)),
                false => text.source(source, tag.span.start..tag.span.end),
            },
            Ok(Token::Comment(comment)) => text.source(source, comment.span.start..comment.span.end),
            Ok(Token::Doctype(_) | Token::Error(_)) | Err(_) => {}
        }
    }
    text.tags.then(|| text.finish())
}

fn lossy(bytes: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(bytes)
}

fn is_known(name: &str) -> bool {
    BLOCKS.contains(&name) || INLINE.contains(&name)
}

fn only_shapes(tag: &StartTag<usize>) -> bool {
    let name = lossy(&tag.name);
    let allowed = |attribute: &HtmlString| {
        let attribute = lossy(attribute);
        SHAPE.contains(&&*attribute) || (name == "a" && attribute == "href")
    };
    is_known(&name) && tag.attributes.keys().all(allowed)
}

#[derive(Default)]
struct Visible {
    lines: Vec<String>,
    line: String,
    /// The addresses of links that are open.
    links: Vec<Option<String>>,
    tags: bool,
}

impl Visible {
    /// White space is one space, as browsers show it.
    fn push(&mut self, text: &str) {
        steps::count(text.len());
        for c in text.chars() {
            match c {
                c if c.is_ascii_whitespace() => {
                    if !self.line.is_empty() && !self.line.ends_with(' ') {
                        self.line.push(' ');
                    }
                }
                c => self.line.push(c),
            }
        }
    }

    fn source(&mut self, source: &str, bytes: std::ops::Range<usize>) {
        self.push(source.get(bytes).unwrap_or_default());
    }

    fn start(&mut self, tag: &StartTag<usize>) {
        self.tags = true;
        let name = lossy(&tag.name);
        match &*name {
            "a" => {
                let href = tag.attributes.iter().find(|(attribute, _)| lossy(attribute) == "href");
                self.links.push(href.map(|(_, value)| lossy(value).into_owned()));
            }
            "td" | "th" if !self.line.is_empty() => self.push(" | "),
            "li" => {
                self.end_line();
                self.line.push_str("• ");
            }
            block if BLOCKS.contains(&block) => self.end_line(),
            _ => {}
        }
    }

    fn end(&mut self, name: &str) {
        self.tags = true;
        if name == "a" {
            if let Some(Some(address)) = self.links.pop() {
                self.push(&format!(" <{address}>"));
            }
        } else if BLOCKS.contains(&name) {
            self.end_line();
        }
    }

    fn end_line(&mut self) {
        let line = std::mem::take(&mut self.line);
        if !line.trim().is_empty() {
            self.lines.push(line.trim_end().to_owned());
        }
    }

    fn finish(mut self) -> String {
        self.end_line();
        self.lines.join("\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_lines_and_tags_are_gone() {
        let html = "<h2>Why</h2><p>Small &amp; <b>fast</b>,\n really.</p><ul><li>one</li><li>two</li></ul>a<br>b";
        assert_eq!(visible_text(html).as_deref(), Some("Why\nSmall & fast, really.\n• one\n• two\na\nb"));
    }

    #[test]
    fn addresses_of_links_are_seen() {
        let html = "<p>See <a href=\"https://h/x\">the handbook</a>.</p>";
        assert_eq!(visible_text(html).as_deref(), Some("See the handbook <https://h/x>."));
    }

    #[test]
    fn what_does_something_stays_as_it_is_written() {
        let html = "<p onclick=\"x()\">a</p><script>alert(1)</script><img src=x><!-- c -->";
        let seen = visible_text(html).expect("HTML");
        for piece in ["<p onclick=\"x()\">", "<script>alert(1)</script>", "<img src=x>", "<!-- c -->"] {
            assert!(seen.contains(piece), "{seen}");
        }
    }

    #[test]
    fn a_text_without_tags_is_no_html() {
        assert_eq!(visible_text("1 < 2, and <name> is yours & mine"), None);
        assert_eq!(visible_text(""), None);
    }
}

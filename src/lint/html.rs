//! HTML in descriptions: only what the marketplace is documented to keep, and balanced.

use html5gum::emitters::default::DefaultEmitter;
use html5gum::{Token, Tokenizer};

use super::{MOST, Offer, place, short};
use crate::diagnostic::{Code, Diagnostic};
use crate::model::Node;

/// The tags that the documentation of offer descriptions names, and three more that live offers have and keep.
const KEPT: [&str; 16] =
    ["b", "i", "strong", "em", "a", "br", "p", "ul", "ol", "li", "h1", "h2", "h3", "h4", "h5", "h6"];
/// Tags that have no end.
const VOID: [&str; 13] =
    ["area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"];

/// A start or end tag and its bytes in the text.
struct Tag {
    name: String,
    end: bool,
    closed: bool,
    /// An attribute that is never kept: a style, or a script for an event.
    attribute: Option<String>,
    bytes: std::ops::Range<usize>,
}

fn texts(offer: &Offer<'_>, visit: &mut impl FnMut(&Node, &str)) {
    offer.entries(&mut |entry, _| {
        let name = short(&entry.key);
        let html = name == "description" || name == "termsOfUse" || name.starts_with("skuDescription");
        // An image's description is a plain text.
        let listing = entry.key.contains('.');
        if let Some(text) = entry.value.as_str().filter(|text| html && listing && text.contains('<')) {
            visit(&entry.value, text);
        }
    });
}

fn tags_of(text: &str) -> Vec<Tag> {
    let tokens = Tokenizer::new_with_emitter(text, DefaultEmitter::<usize>::new_with_span());
    let name = |name: &[u8]| String::from_utf8_lossy(name).into_owned();
    tokens
        .filter_map(|token| match token {
            Ok(Token::StartTag(tag)) => Some(Tag {
                name: name(&tag.name),
                end: false,
                closed: tag.self_closing,
                attribute: tag
                    .attributes
                    .keys()
                    .map(|attribute| name(attribute))
                    .find(|attribute| attribute == "style" || attribute.starts_with("on")),
                bytes: tag.span.start..tag.span.end,
            }),
            Ok(Token::EndTag(tag)) => Some(Tag {
                name: name(&tag.name),
                end: true,
                closed: false,
                attribute: None,
                bytes: tag.span.start..tag.span.end,
            }),
            _ => None,
        })
        .collect()
}

pub(super) fn tags(offer: &Offer<'_>, findings: &mut Vec<Diagnostic>) {
    texts(offer, &mut |node, text| {
        let lost = |tag: &&Tag| !tag.end && (tag.attribute.is_some() || !KEPT.contains(&tag.name.as_str()));
        for tag in tags_of(text).iter().filter(lost).take(MOST) {
            let instead = match tag.name.as_str() {
                "div" => "write <p>",
                "span" | "font" => "remove the tag, and keep its text",
                "img" => "put the picture into the screenshots",
                _ => "remove it; allowed tags are b, i, strong, em, a, p, br, ul, ol, li and h1 to h6",
            };
            let (message, help) = match &tag.attribute {
                _ if !KEPT.contains(&tag.name.as_str()) => {
                    (format!("<{}> is not a tag that descriptions keep", tag.name), instead)
                }
                Some(attribute) => (
                    format!("the attribute `{attribute}` of <{}> is not kept in a description", tag.name),
                    "remove the attribute",
                ),
                None => continue,
            };
            let span = place::within(offer.desired.sources.of(node.span), node, tag.bytes.clone());
            findings.push(offer.found(Code::HtmlTag, span, message).help(help));
        }
    });
}

pub(super) fn unbalanced(offer: &Offer<'_>, findings: &mut Vec<Diagnostic>) {
    texts(offer, &mut |node, text| {
        let mut open = Vec::<Tag>::new();
        let mut told = 0;
        let mut report = |tag: &Tag, message: String, help: String| {
            told += 1;
            if told > MOST {
                return;
            }
            let span = place::within(offer.desired.sources.of(node.span), node, tag.bytes.clone());
            findings.push(offer.found(Code::HtmlUnbalanced, span, message).help(help));
        };
        for tag in tags_of(text) {
            let Tag { name, end, closed, .. } = &tag;
            if VOID.contains(&name.as_str()) || *closed {
                continue;
            }
            if !end {
                open.push(tag);
                continue;
            }
            match open.iter().rposition(|other| other.name == *name) {
                None => report(&tag, format!("</{name}> closes nothing"), "remove it, or open the tag".to_owned()),
                Some(place) => {
                    // Everything above it on the stack is still open.
                    for inner in open.drain(place + 1..) {
                        let message = format!("<{}> is not closed before </{name}>", inner.name);
                        report(&inner, message, format!("add </{}>", inner.name));
                    }
                    open.truncate(place);
                }
            }
        }
        for tag in open {
            report(&tag, format!("<{}> is not closed", tag.name), format!("add </{}>", tag.name));
        }
    });
}

#[cfg(test)]
mod tests {
    use super::super::tests::said;

    const KEY: &str = "microsoft-azure-marketplace.description";

    #[test]
    fn only_documented_tags_and_attributes() {
        let text = format!(
            "offer:\n  {KEY}: >-\n    <p>Fast.</p>\n    <div><strong>Very</strong></div> <a href=\"https://contoso.example\">it</a>\n    <p style='x'>x<br/></p>\n  title: a <b> c"
        );
        assert_eq!(
            said(&text),
            [
                "html-tag 4:5 <div> is not a tag that descriptions keep",
                "html-tag 5:5 the attribute `style` of <p> is not kept in a description",
            ]
        );
    }

    #[test]
    fn every_tag_is_closed_in_its_order() {
        let text = format!("offer:\n  {KEY}: |\n    <p>A <b>fast</p> gateway</i>\n    <ul><li>one</li>\n");
        assert_eq!(
            said(&text),
            [
                "html-unbalanced 3:10 <b> is not closed before </p>",
                "html-unbalanced 3:29 </i> closes nothing",
                "html-unbalanced 4:5 <ul> is not closed",
            ]
        );
        assert_eq!(said(&format!("offer: {{{KEY}: '1 < 2 <br> <p>x</p>'}}")), Vec::<String>::new());
    }
}

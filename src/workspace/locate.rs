//! The address of each finding: which part of the offer stands at its place in the file.

use crate::diagnostic::{Diagnostic, Sources, Span};
use crate::document::identity;
use crate::model::{Address, Node};
use crate::schema::Shape;

/// Gives every finding in the files of an offer the address of the smallest part of the document that its place lies in. Findings
/// outside of the document, and about the document as a whole, stay without one.
pub(crate) fn locate(document: &Node, sources: &Sources, shape: &Shape, findings: &mut [Diagnostic]) {
    let mut open = findings
        .iter_mut()
        .filter(|finding| finding.address.is_none())
        .filter_map(|finding| {
            let span = finding.span.filter(|span| sources.of(*span).path == finding.source.path)?;
            Some(Open { finding, span, width: usize::MAX })
        })
        .collect::<Vec<_>>();
    // The edits are edits of YAML.
    open.iter_mut().filter(|open| sources.is_text(open.span)).for_each(|open| open.finding.fix = None);
    if !open.is_empty() {
        walk(document, shape, &Address::default(), &mut open, sources);
    }
}

struct Open<'a> {
    finding: &'a mut Diagnostic,
    span: Span,
    /// Of the smallest part that was met so far.
    width: usize,
}

fn walk(node: &Node, shape: &Shape, here: &Address, open: &mut [Open<'_>], sources: &Sources) {
    meet(whole(node.span, sources), here, open);
    for entry in node.entries() {
        let address = shape.address(here, &entry.key);
        meet(entry.key_span, &address, open);
        walk(&entry.value, shape.property(&entry.key), &address, open, sources);
    }
    for item in node.items() {
        let member = identity(item, shape).map_or_else(|| here.clone(), |id| here.id(id));
        walk(item, shape.item(), &member, open, sources);
    }
}

/// Returns the span of a whole value. That of a text in a file of its own, or of a block of text (`|`, `>`), is its first
/// line. A block goes on as long as lines are indented as deep as that one, or are empty.
fn whole(span: Span, sources: &Sources) -> Span {
    let text = &*sources.of(span).text;
    if sources.is_text(span) {
        return Span { end: text.len(), ..span };
    }
    let Some(before) = text.get(..span.start) else { return span };
    // Only blanks are passed over: all of a file may be one line.
    let line = before.trim_end_matches(' ').len();
    if !before[..line].ends_with('\n') {
        return span;
    }
    let header = before[..line].trim_end();
    let header = header.rsplit('\n').next().unwrap_or(header);
    let header = header.split(" #").next().unwrap_or(header).trim_end();
    let header = header.trim_end_matches(|c: char| c.is_ascii_digit() || c == '-' || c == '+');
    if !header.ends_with(['|', '>']) {
        return span;
    }
    let depth = span.start - line;
    let inside = |line: &&str| line.trim().is_empty() || line.len() - line.trim_start_matches(' ').len() >= depth;
    let length = text[line..].split_inclusive('\n').take_while(inside).map(str::len).sum::<usize>();
    Span { end: line + length, ..span }
}

fn meet(span: Span, address: &Address, open: &mut [Open<'_>]) {
    let width = span.end.saturating_sub(span.start);
    for open in open.iter_mut().filter(|open| width < open.width) {
        if span.file == open.span.file && span.start <= open.span.start && open.span.end <= span.end {
            open.width = width;
            open.finding.address = Some(address.to_string()).filter(|address| !address.is_empty());
        }
    }
}
